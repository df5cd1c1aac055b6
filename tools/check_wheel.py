"""Build the wheel of number_zoo, install it into new environments, and read a number with it.

    python -m tools.check_wheel --python python3.11 python3.12 python3.13

Fails if the wheel or an environment is too large, if anything but the wheel's requirements is
installed, or if the command does not read a drawn number.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent

MAX_WHEEL, MAX_ENVIRONMENT = 15e6, 200e6
"""Maximum sizes in bytes of the wheel and of an environment without pip."""


def build(folder: Path) -> Path:
    """Build the wheel into a folder; returns its path."""
    command = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *command, str(ROOT)], check=True)
    (wheel,) = folder.glob("number_zoo-*.whl")
    return wheel


def install_and_read(wheel: Path, python: str, folder: Path) -> tuple[list[str], int, str]:
    """Install the wheel into a new environment, and read a drawn number with its command.

    Returns:
        The installed packages, the size of the environment in bytes without pip, and the output.
    """
    environment = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run([python, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", wheel], check=True)
    listed = subprocess.run(
        [*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True
    )
    packages = [
        name for name in listed.stdout.split() if not name.startswith(("pip=", "setuptools="))
    ]
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "setuptools", "pip"], check=True)
    size = sum(path.lstat().st_size for path in environment.rglob("*"))
    image = Image.new("RGB", (640, 360), (90, 110, 130))
    draw = ImageDraw.Draw(image)
    draw.text((200, 100), "175", fill="white", font=ImageFont.load_default(60))
    image.save(folder / "175.png")
    command = [environment / "bin" / "number-zoo", folder / "175.png"]
    output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    return packages, size, output


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.check_wheel",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--python", nargs="+", default=[sys.executable], metavar="COMMAND",
                        help="interpreters (default: this one)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="keep the wheel in this folder")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        wheel = build(options.out or Path(temporary))
        size = wheel.stat().st_size
        failed = size > MAX_WHEEL
        print(f"{wheel.name}: {size / 1e6:.1f} MB")
        subprocess.run([sys.executable, "-m", "twine", "check", "--strict", wheel], check=True)
        for python in options.python:
            packages, size, output = install_and_read(wheel, python, Path(temporary))
            print(f"{python}: {size / 1e6:.0f} MB, {', '.join(packages)}; reads {output.strip()}")
            failed |= size > MAX_ENVIRONMENT or output.split()[:1] != ["175"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
