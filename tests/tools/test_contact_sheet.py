"""Contact sheets of rendered images, SVHN and photos."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets.svhn_numbers.samples import draw_entries, make_folder
from tools import contact_sheet
from tools.contact_sheet import read_source


def test_a_sheet_shows_sources_side_by_side(tmp_path: Path, photos: Path):
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (30, 20), (0, 200, 0)).save(images / "a.png")
    svhn = make_folder(tmp_path / "train", draw_entries(3))
    names = ["rendered_numbers/kinds", str(svhn), str(photos), str(images)]
    sources = [list(itertools.islice(read_source(name), 5)) for name in names]
    assert [len(examples) for examples in sources] == [5, 3, 5, 1]
    figure = contact_sheet.contact_sheet(sources, columns=2, boxes=True)
    shown = np.reshape([axes.get_title(loc="center") for axes in figure.axes], (3, 4, 2))
    for index, examples in enumerate(sources):
        captions = [caption for caption in shown[:, index].flat if caption]
        assert captions == [example.caption[: contact_sheet.CAPTION] for example in examples]
    boxes = [len(axes.patches) for axes in figure.axes[:2]]
    assert boxes == [len(example.boxes) for example in sources[0][:2]]
    out = tmp_path / "sheets" / "sheet.png"
    contact_sheet.main([*names, "--count", "2", "--columns", "2", "--out", str(out)])
    assert Image.open(out).width > 1000 and [*out.parent.iterdir()] == [out]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["none", "--out", "sheet.png"], r"rendered_numbers/kinds.*a folder with images"),
        (["rendered_numbers", "--out", "sheet.jpg"], r"must end in \.png"),
        (["empty", "--out", "sheet.png"], "empty has no rows"),
    ],
)
def test_wrong_arguments_are_errors(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "labels.csv").write_text("file,label\n")
    with pytest.raises(SystemExit):
        contact_sheet.main(arguments)
    assert re.search(message, capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
