"""Serve a page that reads the numbers in images, and the same as an API."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import sys
from importlib.util import find_spec

from artifacts.startup import quiet_tensorflow

EXAMPLES = """examples:
  python -m app                                  on http://127.0.0.1:8000
  python -m app --weights street_numbers runs/my_run
  python -m app --host 0.0.0.0 --port 8080       reachable from other machines
  curl --data-binary @photo.jpg http://127.0.0.1:8000/api/read"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=os.environ.get("PORT", 8000), help="default: $PORT, or 8000")
    add("--weights", nargs="+", metavar="NAME|RUN|FILE",
        help="published weights, runs or .keras files; the first is the default of a request "
        "(default: conv_transformer.any10 conv_transformer_small.any10)")  # fmt: skip
    add("--allow-origin", action="append", default=[], metavar="ORIGIN", type=_origin,
        help="let pages of this origin use the API, such as https://example.org; may be given "
        'several times; "*" for all (default: none but this server)')  # fmt: skip
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65535:
        parser.error(f"--port is from 0 to 65535. Received: {options.port}")
    return options


def _origin(text: str) -> str:
    """Check an origin: scheme and host, with a port where it is not the default."""
    if text != "*" and not re.fullmatch(r"https?://[^/?#@\s]+", text):
        raise argparse.ArgumentTypeError(
            f"an origin is a scheme and a host, such as https://example.org. Received: {text}"
        )
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    missing = [name for name in ("fastapi", "uvicorn", "python_multipart") if not find_spec(name)]
    if missing:
        print(
            f"python -m app needs {', '.join(missing)}: pip install -r requirements-app.txt",
            file=sys.stderr,
        )
        return 2
    # Only now, so that --help and a mistyped option do not wait for TensorFlow.
    quiet_tensorflow()
    from app.limits import Limits
    from app.readers import load_readers
    from app.server import make_server
    from models.published import DEFAULT_WEIGHTS, SMALL_WEIGHTS

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # the warm-up compiles on purpose
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # its warnings quote bodies
    try:
        readers = load_readers(options.weights or [DEFAULT_WEIGHTS, SMALL_WEIGHTS])
    except (ValueError, OSError) as error:
        print(f"python -m app: {error}", file=sys.stderr)
        return 2
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C stops it as SIGTERM does
        make_server(readers, Limits(), options.host, options.port, options.allow_origin).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
