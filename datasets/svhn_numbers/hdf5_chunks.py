"""Long one-dimensional lists in an HDF5 file, however they are stored: whole or in chunks.

A chunked, compressed list is how MATLAB may store the references of a long struct array. Sizes
are checked before anything is unpacked, so a small file cannot unpack to a huge list.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from .hdf5_bulk import (
    DATASPACE,
    DATATYPE,
    FILTERS,
    LAYOUT,
    REFERENCE,
    Hdf5Error,
    Hdf5Image,
    Positions,
)

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_MOST_CHUNK = 1 << 20


def read_references(image: Hdf5Image, address: int, most: int, what: str) -> Positions:
    """Read a list of object references.

    Args:
        image: the file.
        address: address of the dataset's object header.
        most: how many references are accepted.
        what: how to name the dataset in an error.

    Returns:
        Object addresses, int64 [N].

    Raises:
        Hdf5Error: if the dataset is broken, too long or stored in a way that is not known here.
    """
    entry, at = np.zeros(1, np.int64), np.array([address])
    found = image.messages(entry, at, (LAYOUT, DATASPACE, DATATYPE, FILTERS), what)
    (layout, size), (space, space_size) = (
        (int(place[0]), int(length[0])) for place, length in (found[LAYOUT], found[DATASPACE])
    )
    chunked = layout >= 0 and size >= 3 and _bytes(image, layout, 2) == b"\x03\x02"
    if not chunked:
        arrays = image.arrays(entry, at, (REFERENCE,), most, what)
        _raise_problem(image)
        position = int(arrays.at[0])
        return np.array(image.take("<i8", position + 8 * np.arange(int(arrays.count[0]))))
    _raise_problem(image)
    kind_at, kind_size = (part[0:1] for part in found[DATATYPE])
    if space < 0 or kind_at[0] < 0 or not image.kinds(kind_at, kind_size, (REFERENCE,))[1][0]:
        raise Hdf5Error(f"{what} holds no references")
    counts, fits = image.counts(np.array([space]), np.array([space_size]), most)
    if not fits[0]:
        raise Hdf5Error(f"{what} is not 1 to {most} values in a row or a column")
    return _read_chunks(
        image, layout, size, _filters(image, *found[FILTERS], what), counts[0], what
    )


def _raise_problem(image: Hdf5Image) -> None:
    if image.problems:
        raise Hdf5Error(image.problems.popitem()[1])


def _bytes(image: Hdf5Image, at: int, length: int) -> bytes:
    """`length` bytes at a position, which must be inside the file."""
    if not image.inside(np.int64(at), np.int64(length)):
        raise Hdf5Error(f"{length} bytes at {at} leave the file")
    return image.take("u1", at + np.arange(length)).tobytes()


def _filters(image: Hdf5Image, at: Positions, size: Positions, what: str) -> list[int]:
    """Identifiers of the filters of a dataset, in the order in which they were applied."""
    if at[0] < 0:
        return []
    message = _bytes(image, int(at[0]), int(size[0]))
    identifiers: list[int] = []
    try:
        version, filters = message[:2]
        place = 8 if version == 1 else 2
        for _ in range(filters):
            identifier, name, _, values = struct.unpack_from("<HHHH", message, place)
            place += 8
            if version == 2:  # the standard filters carry no name, nor its length, in version 2
                values, name, place = struct.unpack_from("<H", message, place - 4)[0], 0, place - 2
            place += name + 4 * values + (4 if version == 1 and values % 2 else 0)
            identifiers.append(identifier)
    except (struct.error, ValueError):
        raise Hdf5Error(f"the list of filters of {what} is broken") from None
    if unknown := set(identifiers) - {_DEFLATE, _SHUFFLE, _FLETCHER32}:
        raise Hdf5Error(
            f"{what} is packed with a filter not known here; accepted: deflate, shuffle and "
            f"fletcher32 (1, 2, 3). Received: {sorted(unknown)}"
        )
    return identifiers


def _read_chunks(
    image: Hdf5Image, layout: int, size: int, filters: list[int], count: int, what: str
) -> Positions:
    count = int(count)
    if size < 3 + 8 + 12 or _bytes(image, layout + 2, 1) != b"\3":
        raise Hdf5Error(f"{what} is not stored in chunks of two dimensions")
    tree, rows, columns, item = struct.unpack("<qIII", _bytes(image, layout + 3, 20))
    length = rows * columns
    if min(rows, columns) != 1 or item != 8 or length * 8 > max(_MOST_CHUNK, 16 * count):
        raise Hdf5Error(f"{what} is stored in chunks of {rows} x {columns} values of {item} bytes")
    result = np.zeros(count, np.int64)  # a chunk that is absent holds references to nowhere
    # A key for each chunk, and above them no level with more keys than the one below.
    most = 4 * (-(-count // length) + 16)
    for start, packed in _chunks(image, tree + image.base, length * 8, most, what):
        if not 0 <= start < count or start % length:
            raise Hdf5Error(f"a chunk of {what} starts at {start} of {count}")
        values = np.frombuffer(_unpack(packed, filters, length * 8, what), "<i8")
        result[start : start + length] = values[: count - start]
    return result


def _chunks(
    image: Hdf5Image, root: int, size: int, most: int, what: str
) -> Iterator[tuple[int, bytes]]:
    """First index and stored bytes of every chunk under a B-tree, which has at most `most` keys."""
    open_nodes: list[tuple[int, int | None]] = [(root, None)]
    keys = 0
    while open_nodes:
        node, level = open_nodes.pop()
        signature, kind, depth, used = struct.unpack("<4sBBH", _bytes(image, node, 8))
        keys += used
        wrong_level = level is not None and depth != level
        if signature != b"TREE" or kind != 1 or wrong_level or keys > most or not used:
            raise Hdf5Error(f"the index of the chunks of {what} is broken")
        for turn in range(used):
            key = _bytes(image, node + 24 + turn * 40, 40)
            length, skipped, row, column, _, child = struct.unpack("<IIqqqq", key)
            if depth:
                open_nodes.append((child + image.base, depth - 1))
            elif skipped or length > 2 * size + 4096:
                raise Hdf5Error(f"a chunk of {what} is too long or skips a filter")
            else:
                yield max(row, column), _bytes(image, child + image.base, length)


def _unpack(packed: bytes, filters: list[int], size: int, what: str) -> bytes:
    for each in reversed(filters):
        if each == _FLETCHER32:
            packed = packed[:-4]
        elif each == _SHUFFLE:
            packed = np.frombuffer(packed[: len(packed) // 8 * 8], "u1").reshape(8, -1).T.tobytes()
        else:
            try:
                packed = zlib.decompressobj().decompress(packed, size + 8)
            except zlib.error as error:
                raise Hdf5Error(f"a chunk of {what} does not unpack: {error}") from None
    if len(packed) < size:
        raise Hdf5Error(f"a chunk of {what} has {len(packed)} bytes instead of {size}")
    return packed[:size]
