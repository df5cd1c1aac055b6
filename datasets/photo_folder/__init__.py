"""A folder of photos as a data set, in the layout that it has; docs/data.md describes them all.

A layout is read into rows: tables by `tables`, annotations of objects by `annotations`, labels in
names or beside each image by `names`. `folder` checks the rows and finds their images. An image
with several numbers has a row for each; the boxes of annotations are whole numbers if a tenth of
their labels or more have several digits (`rows.join_objects`), and digits of one number otherwise.
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
