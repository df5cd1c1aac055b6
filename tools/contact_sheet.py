"""Write a contact sheet of rendered images or photos; several sources are side by side.

python -m tools.contact_sheet rendered_numbers/kinds --out kinds.png --boxes
python -m tools.contact_sheet rendered_numbers/default my_photos --out compare.png

A source is a style of `rendered_numbers`, captioned with its labels, or a folder of images,
captioned with their names.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from artifacts.files import atomic_path
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.styles import STYLES

CELL = (150, 100)
"""Maximum width and height of an image, in pixels; its caption is below it."""

_CAPTION, _GAP = 16, 12  # height of a caption and width between sources, in pixels
_SUFFIXES = (".png", ".jpg", ".jpeg")

Captioned = tuple[Image.Image, str]


def rendered_images(style: str, count: int, seed: int, boxes: bool = False) -> list[Captioned]:
    """Render images of a style, with their labels as captions.

    Args:
        style: a key of `STYLES`.
        count: number of images.
        seed: seed of the images.
        boxes: whether to draw the boxes of the digits in red.
    """
    images = []
    for index in range(count):
        rendered = render(seed, index, STYLES[style])
        image = Image.fromarray(rendered.image)
        for left, top, right, bottom in rendered.boxes.round().astype(int).tolist() * boxes:
            ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), outline="red")
        images.append((image, rendered.label or "no number"))
    return images


def read_photos(folder: Path, count: int, seed: int) -> list[Captioned]:
    """Read a random sample of the images in a folder and its subfolders, with their names.

    Raises:
        FileNotFoundError: if there are none.
        OSError: if a file is not an image.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise FileNotFoundError(
            f"A source must be one of {', '.join(f'rendered_numbers/{name}' for name in STYLES)} "
            f"or a folder with images ({', '.join(_SUFFIXES)}). Received: {folder}"
        )
    rng = Rng(seed, 0)
    chosen = [paths.pop(rng.randrange(len(paths))) for _ in range(min(count, len(paths)))]
    return [(Image.open(path).convert("RGB"), path.stem) for path in chosen]


def contact_sheet(sources: list[list[Captioned]], columns: int) -> Image.Image:
    """Arrange the images of each source in rows of `columns` images, the sources side by side."""
    rows = max(-(-len(images) // columns) for images in sources)
    cell_height = CELL[1] + _CAPTION
    width = len(sources) * (columns * CELL[0] + _GAP) - _GAP
    sheet = Image.new("RGB", (width, rows * cell_height), "black")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for source, images in enumerate(sources):
        for index, (image, caption) in enumerate(images):
            left = source * (columns * CELL[0] + _GAP) + index % columns * CELL[0]
            top = index // columns * cell_height
            scale = min(CELL[0] / image.width, CELL[1] / image.height)
            size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
            sheet.paste(image.resize(size, Image.Resampling.BICUBIC), (left, top))
            draw.text((left + 2, top + CELL[1]), caption[:20], fill="white", font=font)
    return sheet


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.contact_sheet", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("sources", nargs="+", help="rendered_numbers/STYLE or a folder of images")
    parser.add_argument("--out", type=Path, required=True, help="the .png file to write")
    parser.add_argument("--boxes", action="store_true", help="draw the boxes of rendered digits")
    parser.add_argument("--count", type=int, default=100, help="images of each source (100)")
    parser.add_argument("--columns", type=int, default=6, help="images of a source in a row (6)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (0)")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.columns < 1 or options.seed < 0:
        parser.error("--count and --columns must be at least 1 and --seed at least 0")
    if options.out.suffix.lower() != ".png":
        parser.error(f"--out must end in .png. Received: {options.out}")
    sources = []
    try:
        for source in options.sources:
            dataset, _, style = source.partition("/")
            if dataset == "rendered_numbers" and (style or "default") in STYLES:
                style = style or "default"
                images = rendered_images(style, options.count, options.seed, options.boxes)
            else:
                images = read_photos(Path(source), options.count, options.seed)
            sources.append(images)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(options.out) as part:
            contact_sheet(sources, options.columns).save(part, "PNG")
    except (OSError, ModuleNotFoundError) as error:
        parser.exit(1, f"{error}\n")
    print(f"Wrote {options.out}")


if __name__ == "__main__":
    main()
