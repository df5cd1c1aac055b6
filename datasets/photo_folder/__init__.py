"""A folder of photos as a data set, in the layout that it has.

    photos/
        labels.csv          file,label
        front_door.jpg      front_door.jpg,12
        images/gate.png     gate.png,7

The layouts are tables (`tables`), annotations of objects (`annotations`) and labels in names or
beside each image (`names`). An empty label marks an image without a number. Two more columns are
optional and may be empty in a row; others are ignored:

- `boxes`: left, top, right and bottom in pixels of each digit, or of the whole number, joined by
  semicolons: `10 5 18 25;19 5 27 25`;
- `split`: train, validation or test. Without it, a hash of the file's name decides, so that a
  photo stays in its split when others are added or removed.

An image with several numbers has a row for each, with the box of the whole number, and in a column
`turn` how many counter-clockwise quarter turns make it upright, if any.
Boxes of annotations are whole numbers if a tenth of their labels or more have several digits
(`rows.join_objects`), and digits of one number otherwise.
"""

from datasets.photo_folder.facts import ImageFacts
from datasets.photo_folder.folder import (
    BadRows,
    Folder,
    Photo,
    read_folder,
    understand,
    unusable_splits,
)
from datasets.photo_folder.layouts import LABELS_FILE
from datasets.photo_folder.options import OPTIONS, parse_source, with_options
from datasets.photo_folder.splits import split_of
from datasets.photo_folder.values import format_boxes

__all__ = [
    "LABELS_FILE",
    "OPTIONS",
    "BadRows",
    "Folder",
    "ImageFacts",
    "Photo",
    "format_boxes",
    "parse_source",
    "read_folder",
    "split_of",
    "understand",
    "unusable_splits",
    "with_options",
]
