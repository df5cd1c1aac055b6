"""The wheel holds the package with its weights and nothing else, and is well formed."""

import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from number_zoo import __version__, published
from tests.conftest import ROOT


def test_the_wheel_holds_the_package_alone(tmp_path, monkeypatch):
    backend = pytest.importorskip("hatchling.build")
    check = pytest.importorskip("twine.commands.check")
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / backend.build_wheel(str(tmp_path))
    assert wheel.stat().st_size < 15e6
    with zipfile.ZipFile(wheel) as file:
        names = {Path(name) for name in file.namelist()}
        (metadata,) = (name for name in file.namelist() if name.endswith("METADATA"))
        text = file.read(metadata).decode()
    assert {path.parts[0] for path in names} == {
        "number_zoo", f"number_zoo-{__version__}.dist-info"
    }  # fmt: skip
    for name in published.list_weights():
        for suffix in (".onnx", ".json"):
            assert Path("number_zoo", "weights", f"{name}{suffix}") in names
    # The code, the origin of one reader's convolutions, and the terms of the weights.
    assert "License-Expression: MIT AND Apache-2.0 AND LicenseRef-number-zoo-weights\n" in text
    licences = {path.name for path in names if path.parent.name == "licenses"}
    assert licences == {"LICENSE", "LICENSE-Apache-2.0", "LICENSE-weights"}
    required = [line for line in text.splitlines() if line.startswith("Requires-Dist")]
    always = {line.split()[1].rstrip("><=.0123456789") for line in required if "extra" not in line}
    assert always == {"onnxruntime", "numpy", "pillow"}
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert not check.check([str(wheel)], strict=True)


def test_the_container_has_every_licence():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = [line[1:] for line in lines if line.startswith("!")]
    for name in project["license-files"]:
        assert any(fnmatch(name, pattern) for pattern in sent), name
