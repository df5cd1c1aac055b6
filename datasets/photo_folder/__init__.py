"""Folders of photos as data sets; docs/data.md describes the accepted layouts.

Every layout is converted to rows: tables by `tables`, object annotations by `annotations`, labels
in file names, folder names or text files by `names`. `folder` checks the rows and finds their
images. An image with several numbers has a row for each. Boxes of annotations are those of whole
numbers if at least a tenth of their labels have several digits (`rows.join_objects`), and of the
digits of one number otherwise.
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
