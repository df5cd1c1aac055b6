"""Write a `digitStruct.mat` in the structure of the official ones, through h5py's low level.

For test data, for the benchmarks and for those who want to hand their own images to programs
that read SVHN. As MATLAB does it: old-style groups, compact data in the object headers, every
object linked in `#refs#` and carrying `H5PATH` and `MATLAB_class`, 10 for the digit 0, and plain
numbers instead of references where an image has one digit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5p, h5r, h5s, h5t

from .digit_struct import Entry

_FIELDS = ("height", "left", "top", "width", "label")
_USER_BLOCK = 512
_MOST_COMPACT = 60_000  # bytes; an object header message ends at 64 KiB


class _Writer:
    def __init__(self, file: h5py.File):
        self.file = file.id
        self.refs = h5g.create(file.id, b"#refs#")
        self.objects = 0
        self.scalar = h5s.create_simple((1, 1))
        self.compact = h5p.create(h5p.DATASET_CREATE)
        self.compact.set_layout(h5d.COMPACT)

    def path(self) -> bytes:
        self.objects += 1
        return f"{self.objects:x}"[::-1].encode()

    def attribute(self, target, name: bytes, value: bytes) -> None:
        kind = h5t.C_S1.copy()
        kind.set_size(len(value))
        attribute = h5a.create(target, name, kind, h5s.create(h5s.SCALAR))
        attribute.write(np.array(value, f"S{len(value)}"))

    def describe(self, target, path: bytes, matlab_class: bytes) -> None:
        self.attribute(target, b"H5PATH", b"/#refs#/" + path)
        self.attribute(target, b"MATLAB_class", matlab_class)

    def reference(self, path: bytes):
        return h5r.create(self.refs, path, h5r.OBJECT)

    def array(self, parent, name: bytes, values: np.ndarray, kind, memory=None):
        space = self.scalar if len(values) == 1 else h5s.create_simple((len(values), 1))
        small = len(values) * kind.get_size() <= _MOST_COMPACT
        target = h5d.create(parent, name, kind, space, self.compact if small else None)
        target.write(h5s.ALL, h5s.ALL, values.reshape(-1, 1), memory or kind)
        return target

    def number(self, value: float):
        path = self.path()
        target = self.array(self.refs, path, np.array([value]), h5t.IEEE_F64LE)
        self.describe(target, path, b"double")
        return self.reference(path)

    def name(self, text: str):
        path = self.path()
        codes = np.frombuffer(text.encode("utf-16-le"), "<u2")
        target = self.array(self.refs, path, codes, h5t.STD_U16LE)
        self.describe(target, path, b"char")
        return self.reference(path)

    def boxes(self, entry: Entry):
        path = self.path()
        group = h5g.create(self.refs, path)
        self.describe(group, path, b"struct")
        left, top, right, bottom = np.asarray(entry.boxes, np.float64).T
        labels = np.where(entry.labels == 0, 10, entry.labels).astype(np.float64)
        columns = (bottom - top, left, top, right - left, labels)
        for field, values in zip(_FIELDS, columns, strict=True):
            if len(values) == 1:
                target = self.array(group, field.encode(), values, h5t.IEEE_F64LE)
                self.describe(target, path + field.encode(), b"double")
            else:
                self.list(group, field.encode(), [self.number(value) for value in values])
        return self.reference(path)

    def list(self, parent, name: bytes, references: list) -> None:
        values = np.array(references, h5py.ref_dtype)
        self.array(parent, name, values, h5t.STD_REF_OBJ, h5t.py_create(h5py.ref_dtype))


def write_digit_struct(path: str | os.PathLike, entries: Iterable[Entry]) -> None:
    """Write a `digitStruct.mat`.

    Takes about 0.3 ms a value, so some minutes for as many entries as train has.

    Args:
        path: file to write; it appears whole or not at all.
        entries: images with at least one digit each; labels are 0 to 9.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        with h5py.File(part, "w", libver="earliest", userblock_size=_USER_BLOCK) as file:
            writer = _Writer(file)
            names, boxes = [], []
            for entry in entries:
                names.append(writer.name(entry.name))
                boxes.append(writer.boxes(entry))
            group = h5g.create(file.id, b"digitStruct")
            writer.attribute(group, b"MATLAB_class", b"struct")
            writer.list(group, b"name", names)
            writer.list(group, b"bbox", boxes)
        with part.open("r+b") as file:
            text = (
                "MATLAB 7.3 MAT-file, Platform: none, Created by write_digit_struct HDF5 schema 1.0"
            )
            file.write(text.ljust(116).encode() + bytes(8) + b"\x00\x02IM")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
