"""Read SVHN's `digitStruct.mat` with h5py: names, labels and boxes.

The file is MATLAB v7.3, hence HDF5: `digitStruct/name` and `digitStruct/bbox` are (N, 1) object
references. A name is a (length, 1) uint16 array of character codes. A bbox is a group of `left`,
`top`, `width`, `height` and `label`, each one number where the image has one digit, else (n, 1)
references to one number each.

h5py's low-level interface is used because a file holds some 600,000 small objects: `train` takes
about a minute, the high-level interface three times as long.

Source: Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, 2011,
http://ufldl.stanford.edu/housenumbers/.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import h5py
import numpy as np
from h5py import h5d, h5f, h5r, h5s, h5t

FIELDS = (b"left", b"top", b"width", b"height", b"label")


class DigitStructError(ValueError):
    """A `digitStruct.mat` that cannot be read; the message names the file and the entry."""


@dataclass(frozen=True)
class Entry:
    """The annotation of one image.

    Attributes:
        name: name of the image file.
        label: its digits "0" to "9" in the file's order, which is from left to right except for
            8 of the 46,470 images of train and test. Most of those have wrong boxes, so the order
            of the labels is not changed.
        boxes: float32 (digits, 4): left, top, right, bottom in pixels. They may extend beyond the
            image.
    """

    name: str
    label: str
    boxes: np.ndarray


def read_digit_struct(path: str | os.PathLike, content: bytes | None = None) -> list[Entry]:
    """Read all entries of a `digitStruct.mat`, in the file's order.

    Args:
        path: the file.
        content: bytes of a file that is in an archive; `path` is then only used in errors.

    Raises:
        DigitStructError: if the file is not a complete `digitStruct.mat` or an entry is invalid;
            the message names the file and the entry.
        FileNotFoundError: if there is no such file.
    """
    try:
        with h5py.File(path if content is None else h5f.open_file_image(content)) as file:
            names, boxes = (file[f"digitStruct/{key}"][()].ravel() for key in ("name", "bbox"))
            if len(names) != len(boxes):
                raise DigitStructError(f"{path}: {len(names)} names and {len(boxes)} boxes")
            entries = []
            for index, references in enumerate(zip(names, boxes, strict=True)):
                try:
                    entries.append(_read_entry(file.id, *references))
                except (ValueError, TypeError, KeyError, OSError, RuntimeError) as error:
                    raise DigitStructError(
                        f"{path}: entry {index + 1} of {len(names)}: {error}"
                    ) from error
            return entries
    except (FileNotFoundError, DigitStructError):
        raise
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise DigitStructError(f"{path} is not a digitStruct.mat of SVHN: {error}") from error


def _read_entry(file: h5f.FileID, name: h5py.Reference, bbox: h5py.Reference) -> Entry:
    text = _read_array(h5r.dereference(name, file), np.uint16).tobytes().decode("utf-16-le")
    group = h5r.dereference(bbox, file)
    columns = [_read_numbers(file, h5d.open(group, field)) for field in FIELDS]
    left, top, width, height, labels = np.array(columns)  # ValueError unless of equal length
    if not text.isprintable() or "/" in text or "\\" in text:
        raise ValueError(f"a name is that of a file in the same folder. Received: {text!r}")
    if not np.isin(labels, np.arange(1, 11)).all():
        raise ValueError(f"a label is 1 to 9, or 10 for 0. Received: {labels.tolist()}")
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    if not np.isfinite(boxes).all() or not (width > 0).all() or not (height > 0).all():
        raise ValueError(f"a box has finite edges and an area above 0. Received: {boxes.tolist()}")
    label = "".join(str(int(value) % 10) for value in labels)
    return Entry(text, label, boxes.astype(np.float32))


def _read_numbers(file: h5f.FileID, dataset: h5d.DatasetID) -> list[float]:
    if dataset.get_type().get_class() != h5t.REFERENCE:
        return _read_array(dataset, np.float64).tolist()
    references = np.empty(dataset.shape, h5py.ref_dtype)
    dataset.read(h5s.ALL, h5s.ALL, references)
    values = [_read_array(h5r.dereference(ref, file), np.float64) for ref in references.flat]
    return [value.item() for value in values]


def _read_array(dataset: h5d.DatasetID, dtype: type) -> np.ndarray:
    if not isinstance(dataset, h5d.DatasetID):  # None for a null reference, or a group
        raise ValueError(f"a reference leads to no dataset. Received: {dataset}")
    values = np.empty(dataset.shape, dtype)
    dataset.read(h5s.ALL, h5s.ALL, values)
    return values.ravel()
