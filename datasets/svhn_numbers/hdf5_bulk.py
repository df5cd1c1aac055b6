"""Just enough of HDF5 to read many small objects at once from a file nobody vouches for.

A MATLAB v7.3 struct array is a forest: SVHN's `train` holds some 600,000 tiny HDF5 objects, and
libhdf5 opens them one at a time. Here all objects of one kind are read in step: one NumPy
operation reads the same field of thousands of objects, straight from the mapped file. Every
position is checked against the file before it is read, so no file can make this crash, loop or
grow, which cannot be said of libhdf5.

It knows the classic format, which MATLAB and h5py write: version 1 object headers, groups made of
symbol tables, compact, contiguous or chunked data. Anything else is refused by name. Source: the
HDF5 File Format Specification 3.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
"""

from __future__ import annotations

import dataclasses
import mmap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

MOST_MESSAGES = 40
"""Header messages and jumps followed for one object; MATLAB writes at most 9."""

DATASPACE, DATATYPE, LAYOUT, FILTERS, CONTINUATION, SYMBOLS = 0x1, 0x3, 0x8, 0xB, 0x10, 0x11

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FLOAT64 = bytes.fromhex("203f00 08000000 0000 4000 34 0b 00 34 ff030000")
_UINT16 = bytes.fromhex("000000 02000000 0000 1000")
_REFERENCE = bytes.fromhex("000000 08000000")
REFERENCE, FLOAT64, UINT16 = 7, 1, 0
"""HDF5's classes of data, of which these are the only kinds accepted here."""
_KINDS = {REFERENCE: (_REFERENCE, 8), FLOAT64: (_FLOAT64, 8), UINT16: (_UINT16, 2)}


class Hdf5Error(ValueError):
    """The file as a whole cannot be read."""


@dataclasses.dataclass(frozen=True)
class Arrays:
    """Where the data of many datasets lies; a row that failed has `good` False and count 0.

    Attributes:
        good: bool [R].
        kind: [R], `REFERENCE`, `FLOAT64` or `UINT16`.
        count: [R], number of values.
        at: [R], position of the first value in the file.
    """

    good: NDArray[np.bool_]
    kind: Positions
    count: Positions
    at: Positions


class Hdf5Image:
    """The bytes of an HDF5 file, with what is wrong in them noted per entry.

    Methods take `entries` (which entry of the list each row belongs to, for the report) and
    `addresses` (object addresses as the file has them), both int64 [R]. A row that fails is
    noted in `problems` and goes on reading harmlessly at position 0.
    """

    def __init__(self, data: bytes | mmap.mmap):
        self._bytes = np.frombuffer(data, np.uint8)
        self.size = self._bytes.size
        self.problems: dict[int, str] = {}
        self.base, self.root = self._superblock()

    def _superblock(self) -> tuple[int, int]:
        at = 0
        while bytes(self._bytes[at : at + 8]) != _SIGNATURE:
            at = max(512, at * 2)  # a user block is 0, 512, 1024, 2048 … bytes
            if at >= self.size:
                raise Hdf5Error("it is not an HDF5 file (no HDF5 signature)")
        if at + 100 > self.size:
            raise Hdf5Error(f"it is cut short: {self.size} bytes end inside the superblock")
        version, offsets, lengths = (int(self._bytes[at + place]) for place in (8, 13, 14))
        if version > 1 or (offsets, lengths) != (8, 8):
            raise Hdf5Error(
                "it is HDF5 of a newer format than MATLAB v7.3 writes; accepted: superblock 0 or 1 "
                f"with 8-byte addresses. Received: superblock {version}"
            )
        fields = at + (24 if version == 0 else 28)
        base, end, root = (int(self.take("<i8", fields + place)) for place in (0, 16, 40))
        if base != at:
            raise Hdf5Error(f"its base address is {base}, its superblock is at {at}")
        if not 0 < end <= self.size:
            raise Hdf5Error(f"it is cut short: {end} bytes by its own account, {self.size} here")
        return base, root

    def take(self, dtype: str, at):
        """Values of `dtype` at byte positions `at`; past an edge, whatever is nearest to it.

        So a read can do no harm; whether its value counts is for `inside` to say.
        """
        kind = np.dtype(dtype)
        last = self.size - kind.itemsize
        view = np.ndarray((last + 1,), kind, self._bytes, strides=(1,))
        return view[np.clip(at, 0, last)]

    def inside(self, at: Positions, length) -> NDArray[np.bool_]:
        """Whether `length` bytes from `at` lie in the file (false where sums overflowed)."""
        return (at >= 0) & (length >= 0) & (length <= self.size) & (at <= self.size - length)

    def note(self, entries: Positions, bad: NDArray[np.bool_], problem: str) -> None:
        """Note `problem` for the entries of the rows that are `bad`; the first one stays."""
        if bad.any():
            for entry in np.unique(entries[bad]).tolist():
                self.problems.setdefault(entry, problem)

    def messages(self, entries: Positions, addresses: Positions, wanted: Sequence[int], what: str):
        """Find header messages of many objects.

        Returns:
            `{kind: (position, size)}`, each [R]; position -1 where the object has none. Where
            the object itself is unreadable, that is noted and nothing is found.
        """
        rows = len(addresses)
        found = {kind: (np.full(rows, -1), np.zeros(rows, np.int64)) for kind in wanted}
        start = addresses + self.base
        good = (addresses > 0) & self.inside(start, 16)
        self.note(entries, ~good, f"the reference to {what} points nowhere")
        start = np.where(good, start, 0)
        known = good & (self.take("u1", start) == 1) & (self.take("u1", start + 1) == 0)
        self.note(entries, good & ~known, f"the reference to {what} points to no object header")
        left = self.take("<u2", start + 2).astype(np.int64)
        at = start + 16
        end = at + self.take("<u4", start + 8)
        fits = self.inside(at, end - at)
        self.note(entries, known & ~fits, f"the object header of {what} leaves the file")
        pending, pending_end = np.full(rows, -1), np.zeros(rows, np.int64)
        missing = np.full(rows, len(wanted))
        live = np.flatnonzero(known & fits & (left > 0))
        for _ in range(MOST_MESSAGES):
            over = at[live] + 8 > end[live]
            jump = live[over]  # the block is read: go on in the continuation, if there is one
            at[jump], end[jump], pending[jump] = pending[jump], pending_end[jump], -1
            live = live[at[live] >= 0]
            live = live[at[live] + 8 <= end[live]]
            if not live.size:
                return found
            here = at[live]
            kind, size = self.take("<u2", here), self.take("<u2", here + 2).astype(np.int64)
            body = here + 8
            whole = (body + size <= end[live]) & (self.take("u1", here + 4) & 2 == 0)
            self.note(entries[live], ~whole, f"the object header of {what} is broken")
            for each in wanted:
                hit = whole & (kind == each) & (found[each][0][live] < 0)
                found[each][0][live[hit]], found[each][1][live[hit]] = body[hit], size[hit]
                missing[live[hit]] -= 1
            more = whole & (kind == CONTINUATION) & (size >= 16)
            target = self.take("<i8", body[more]) + self.base
            length = self.take("<i8", body[more] + 8)
            held = self.inside(target, length) & (pending[live[more]] < 0)
            self.note(entries[live[more]], ~held, f"the object header of {what} leaves the file")
            pending[live[more]] = np.where(held, target, -1)
            pending_end[live[more]] = np.where(held, target + length, 0)
            at[live] = body + size
            left[live] -= 1
            live = live[whole & (left[live] > 0) & (missing[live] > 0)]
        self.note(entries[live], np.ones(live.size, bool), f"the header of {what} has no end")
        return found

    def arrays(
        self, entries: Positions, addresses: Positions, kinds: Sequence[int], most: int, what: str
    ) -> Arrays:
        """Locate the data of many datasets of up to `most` values of one of `kinds`."""
        found = self.messages(entries, addresses, (DATASPACE, DATATYPE, LAYOUT), what)
        (space, space_size), (kind_at, kind_size), (layout, layout_size) = found.values()
        good = (space >= 0) & (kind_at >= 0) & (layout >= 0)
        self.note(entries, ~good, f"{what} is no dataset")
        count, fits = self.counts(np.where(good, space, 0), space_size, most)
        self.note(entries, good & ~fits, f"{what} is not 1 to {most} values in a row or a column")
        good &= fits
        kind, fits = self.kinds(np.where(good, kind_at, 0), kind_size, kinds)
        self.note(entries, good & ~fits, f"{what} holds data of another type")
        good &= fits
        items = np.where(kind == UINT16, 2, 8)
        layout = np.where(good, layout, 0)
        version, stored = self.take("u1", layout), self.take("u1", layout + 1)
        compact = (stored == 0) & (layout_size >= 4)
        contiguous = (stored == 1) & (layout_size >= 18)
        fits = ((version == 3) | (version == 4)) & (compact | contiguous)
        self.note(entries, good & ~fits, f"{what} is neither compact nor contiguous")
        good &= fits
        at = np.where(compact, layout + 4, self.take("<i8", layout + 2) + self.base)
        length = np.where(compact, self.take("<u2", layout + 2), self.take("<i8", layout + 10))
        limit = np.where(compact, layout + layout_size, self.size)
        fits = (count * items <= length) & self.inside(at, count * items)
        fits &= (at + count * items <= limit) & (at >= self.base)
        self.note(entries, good & ~fits, f"the data of {what} leave the file")
        good &= fits
        return Arrays(good, kind, np.where(good, count, 0), np.where(good, at, 0))

    def counts(self, space: Positions, size: Positions, most: int):
        version, rank = self.take("u1", space), self.take("u1", space + 1)
        dims = space + np.where(version == 1, 8, 4)
        good = ((version == 1) | (version == 2)) & (rank == 2) & (dims + 16 <= space + size)
        dims = np.where(good, dims, 0)
        rows, columns = self.take("<i8", dims), self.take("<i8", dims + 8)
        good &= (np.minimum(rows, columns) == 1) & (np.maximum(rows, columns) <= most)
        return np.where(good, np.maximum(rows, columns), 0), good

    def kinds(self, at: Positions, size: Positions, kinds: Sequence[int]):
        kind = (self.take("u1", at) & 0x0F).astype(np.int64)
        good = np.zeros(len(at), bool)
        for each in kinds:
            rest, _ = _KINDS[each]
            hit = (kind == each) & (size > len(rest))
            good |= hit & self.same(np.where(hit, at + 1, 0), rest)
        return kind, good

    def same(self, at: Positions, expected: bytes) -> NDArray[np.bool_]:
        """Whether the bytes at `at` (inside the file) are `expected`; false past the end."""
        fits = self.inside(at, len(expected))
        at = np.where(fits, at, 0)
        for place, value in enumerate(expected):
            fits &= self.take("u1", np.where(fits, at + place, 0)) == value
        return fits

    def members(
        self, entries: Positions, addresses: Positions, names: Sequence[str], most: int, what: str
    ) -> Positions:
        """Addresses of the members called `names` of many groups of up to `most` members.

        Returns:
            int64 [R, len(names)]; -1 where there is none, which is noted.
        """
        stab, size = self.messages(entries, addresses, (SYMBOLS,), what)[SYMBOLS]
        good = (stab >= 0) & (size >= 16)
        self.note(entries, ~good, f"{what} is no group")
        stab = np.where(good, stab, 0)
        tree = self.take("<i8", stab) + self.base
        heap = self.take("<i8", stab + 8) + self.base
        fits = self.same(heap, b"HEAP\0") & self.inside(heap, 32)
        heap = np.where(fits, heap, 0)
        text, text_size = self.take("<i8", heap + 24) + self.base, self.take("<i8", heap + 8)
        fits &= self.inside(text, text_size)
        fits &= self.same(tree, b"TREE\0\0") & self.inside(tree, 48)
        tree = np.where(fits, tree, 0)
        leaves = self.take("<u2", tree + 6).astype(np.int64)
        fits &= (leaves * 2 <= most) & self.inside(tree, 32 + 16 * leaves)
        self.note(entries, good & ~fits, f"the list of members of {what} is broken or too long")
        row, turn = expand(np.where(good & fits, leaves, 0))
        node = self.take("<i8", tree[row] + 32 + 16 * turn) + self.base
        whole = self.same(node, b"SNOD\1\0") & self.inside(node, 8)
        node = np.where(whole, node, 0)
        used = self.take("<u2", node + 6).astype(np.int64)
        whole &= (used <= most) & self.inside(node, 8 + 40 * used)
        self.note(entries[row], ~whole, f"the list of members of {what} is broken or too long")
        leaf, turn = expand(np.where(whole, used, 0))
        row, node = row[leaf], node[leaf] + 8 + 40 * turn
        offset, target = self.take("<i8", node), self.take("<i8", node + 8)
        result = np.full((len(addresses), len(names)), -1)
        for column, name in enumerate(names):
            key = name.encode() + b"\0"
            near = (offset >= 0) & (offset <= text_size[row] - len(key))
            near[near] = self.same((text[row] + np.where(near, offset, 0))[near], key)
            result[row[near], column] = target[near]
            absent = good & fits & (result[:, column] < 0)
            self.note(entries, absent, f"{what} has no member called {name}")
        return result


def expand(counts: Positions) -> tuple[Positions, Positions]:
    """For rows of `counts` parts each: the row of every part, and its turn within the row."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
