"""Numbers in many typefaces; the packages are made from another font."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from datasets.rendered_numbers import layout, typefaces
from datasets.rendered_numbers import rendered_numbers_dataset_builder as module
from datasets.rendered_numbers.fonts import faces
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import TYPEFACES


@pytest.fixture(name="packages")
def _packages(tmp_path: Path, monkeypatch) -> Path:
    """A folder for packages of fonts in place of the installed ones."""
    shutil.copy(typefaces.PACKAGES / "package.json", tmp_path)
    monkeypatch.setattr(typefaces, "PACKAGES", tmp_path)
    return tmp_path / "node_modules/@fontsource"


def _install(packages: Path, family: str, weights: tuple[int, ...]) -> None:
    files = packages / family / "files"
    files.mkdir(parents=True)
    for weight in weights:
        for name in (
            f"{family}-latin-{weight}-normal.woff",
            f"{family}-latin-{weight}-normal.woff2",
            f"{family}-latin-{weight}-italic.woff",
            f"{family}-latin-ext-{weight}-normal.woff",
        ):
            shutil.copy(faces("DejaVuSans-Bold.ttf")[0], files / name)


def test_each_family_is_in_one_split_and_its_package_is_checked_by_npm():
    train, test = (typefaces.families(split) for split in ("train", "test"))
    assert (len(train), len(test)) == (116, 30) and not set(train) & set(test)
    assert {*train, *test} > typefaces._HEAVY
    lock = json.loads((typefaces.PACKAGES / "package-lock.json").read_text())["packages"]
    del lock[""]
    assert set(lock) == {f"node_modules/@fontsource/{family}" for family in (*train, *test)}
    for package in lock.values():
        assert package["integrity"].startswith("sha512-"), package
        assert package["license"] in ("OFL-1.1", "Apache-2.0"), package


def test_upright_faces_are_copied_and_heavy_ones_are_named_so(packages: Path, tmp_path: Path):
    for family in typefaces.families("test"):
        _install(packages, family, (100, 400, 700) if family == "geo" else (400,))
    folder = tmp_path / "fonts"
    folder.mkdir()
    typefaces.copy_fonts("test", folder)
    names = {path.name for path in folder.iterdir()}
    assert len(names) == 31
    assert names >= {"geo-Bold.woff", "geo-Regular.woff", "chewy-Black.woff", "carme-Regular.woff"}


def test_fonts_that_are_not_installed_are_an_error_with_the_command(packages, tmp_path: Path):
    _install(packages, "aldrich", (300,))
    with pytest.raises(FileNotFoundError, match=r"'aldrich' in .*npm ci --prefix") as error:
        typefaces.copy_fonts("test", tmp_path)
    assert str(error.value).endswith(str(tmp_path))


def test_each_split_is_rendered_with_its_own_fonts(packages: Path, tmp_path: Path, monkeypatch):
    config = module.RenderedConfig(
        name="few", style=TYPEFACES, counts={"train": 6, "test": 4}, workers=1, typefaces=True
    )
    for family in (*typefaces.families("train"), *typefaces.families("test")):
        _install(packages, family, (400,))
    builder = module.Builder(config=config, data_dir=str(tmp_path))
    used = []

    def remember(seed, index, style):
        files = Path(style.fonts).glob("*.woff")
        used.append({path.name.rpartition("-")[0] for path in files})
        return render(seed, index, style)

    monkeypatch.setattr("datasets.rendered_numbers.rendering.render", remember)
    generators = builder._split_generators(None)
    for split, count in {"train": 6, "test": 4}.items():
        used.clear()
        examples = dict(generators[split])
        assert len(examples) == count
        assert used == [set(typefaces.families(split))] * count


def test_every_kind_takes_its_digits_from_the_folder(tmp_path: Path, monkeypatch):
    for weight in ("Regular", "Bold"):
        data = Path(faces("DejaVuSans-Bold.ttf")[0]).read_bytes()
        (tmp_path / f"abel-{weight}.woff").write_bytes(data)
    drawn, draw = set(), layout._dilated_glyph

    def remember(face, character, growth):
        drawn.add((character, Path(face).suffix))
        return draw(face, character, growth)

    monkeypatch.setattr(layout, "_dilated_glyph", remember)
    from_folder = set()
    for _, kind in TYPEFACES.kinds:
        style = replace(TYPEFACES, kinds=((1.0, kind),), fonts=str(tmp_path))
        for index in range(12):
            drawn.clear()
            label = render(3, index, style).label
            assert not {(digit, ".ttf") for digit in label} & drawn, (kind, index)
            if {(digit, ".woff") for digit in label} & drawn:
                from_folder.add(kind)
    assert from_folder == {kind for _, kind in TYPEFACES.kinds} - {"words", "blank"}
