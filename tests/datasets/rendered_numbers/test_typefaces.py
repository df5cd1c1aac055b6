"""Numbers in downloaded typefaces; the archives are made from an installed font."""

from __future__ import annotations

import csv
import io
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from datasets.rendered_numbers import layout, typefaces
from datasets.rendered_numbers import rendered_numbers_dataset_builder as module
from datasets.rendered_numbers.fonts import faces
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import TYPEFACES


def _archive(path: Path, family: str, weights: tuple[int, ...]) -> Path:
    data = Path(faces("DejaVuSans-Bold.ttf")[0]).read_bytes()
    with tarfile.open(path, "w:gz") as archive:
        for weight in weights:
            for name in (
                f"{family}-latin-{weight}-normal.woff",
                f"{family}-latin-{weight}-normal.woff2",
                f"{family}-latin-{weight}-italic.woff",
                f"{family}-latin-ext-{weight}-normal.woff",
            ):
                member = tarfile.TarInfo(f"package/files/{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


def test_no_family_is_in_both_splits_and_all_have_a_checksum():
    train, test = (set(typefaces.FAMILIES[split]) for split in ("train", "test"))
    assert len(train) > 100 and len(test) >= 30 and not train & test
    with Path(module.__file__).with_name("checksums.tsv").open() as file:
        known = [row[0] for row in csv.reader(file, delimiter="\t")]
    assert sorted(known) == sorted(typefaces.urls("train") + typefaces.urls("test"))


def test_upright_faces_are_extracted_and_heavy_ones_are_named_so(tmp_path: Path):
    archives = [
        _archive(tmp_path / "a.tgz", "abel", (100, 400, 700)),
        _archive(tmp_path / "b.tgz", "anton", (400,)),
    ]
    folder = tmp_path / "fonts"
    folder.mkdir()
    typefaces.extract_fonts(archives, folder)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["abel-Bold.woff", "abel-Regular.woff", "anton-Black.woff"]
    empty = _archive(tmp_path / "c.tgz", "abel", (300,))
    with pytest.raises(ValueError, match=r"c\.tgz has no .* downloaded again"):
        typefaces.extract_fonts([empty], folder)


def test_each_split_is_rendered_with_its_own_fonts(tmp_path: Path, monkeypatch):
    config = module.RenderedConfig(
        name="few", style=TYPEFACES, counts={"train": 6, "test": 4}, workers=1, downloads_fonts=True
    )
    builder = module.Builder(config=config, data_dir=str(tmp_path))
    asked = []

    def download(urls):
        asked.append(urls)
        path = tmp_path / f"{len(asked)}.tgz"
        return _archive(path, f"split{len(asked)}", (400, 700)) if isinstance(urls, str) else []

    used = []

    def remember(seed, index, style):
        used.append([path.name for path in sorted(Path(style.fonts).glob("*.woff"))])
        return render(seed, index, style)

    monkeypatch.setattr("datasets.rendered_numbers.rendering.render", remember)
    generators = builder._split_generators(SimpleNamespace(download=download))
    train, test = typefaces.urls("train"), typefaces.urls("test")
    assert asked == [train[0], train[1:], test[0], test[1:]]
    for number, (split, count) in enumerate({"train": 6, "test": 4}.items()):
        used.clear()
        examples = dict(generators[split])
        assert len(examples) == count
        assert (
            used
            == [[f"split{1 + 2 * number}-{weight}.woff" for weight in ("Bold", "Regular")]] * count
        )


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
