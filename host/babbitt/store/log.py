"""The record log: what one commit of the ingest brought, packed into one blob.

A blob is a header with a CRC and one *section* for each number of values (width) that occurs: so many records as
packed little-endian structs, which numpy reads in place. Writing costs one `struct.pack` a record, reading costs
next to nothing, and SQLite sees one row a commit.

    magic "BL1\\0" | crc32 of what follows | width u16, 0 u16, count u32, count x record | the next section ...
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import DamagedLog

NULL = -(2**31)
"""Stands for a value that was not measured; no value on the wire is so low."""
ROW, EVENT = 0, 1
"""Kinds of record. Of an event the log has the number and the time only; the rest is in table `events`."""
OWN, FILLED, ESTIMATED = 0, 1, 2
"""Where a time is from: the node's own, filled in from the boot's clock, estimated from when it was received."""

_MAGIC = b"BL1\0"
_HEADER = struct.Struct("<4sI")
_SECTION = struct.Struct("<HHI")
_HEAD = "<IIIBBiqqi"

Section = NDArray[np.void]
"""Records of one width: fields install, boot, seq, kind, tq, t_err (ms, -1 none), u (ms), t (Unix ms), recipe, v."""


@cache
def record_type(width: int) -> np.dtype[np.void]:
    """The numpy type of a record with ``width`` values."""
    return np.dtype(
        [
            ("install", "<u4"), ("boot", "<u4"), ("seq", "<u4"), ("kind", "u1"), ("tq", "u1"), ("t_err", "<i4"),
            ("u", "<i8"), ("t", "<i8"), ("recipe", "<i4"), ("v", "<i4", (width,)),
        ]
    )  # fmt: skip


@cache
def packer(width: int) -> Callable[..., bytes]:
    """``pack(install, boot, seq, kind, tq, t_err, u, t, recipe, *values)``; raises struct.error for what does not
    fit: a number beyond its field, or None."""
    return struct.Struct(f"{_HEAD}{width}i").pack


def encode(sections: Iterable[tuple[int, bytes]]) -> bytes:
    """The blob of ``(width, packed records)``."""
    parts = [b""]
    for width, packed in sections:
        count = len(packed) // record_type(width).itemsize
        parts += (_SECTION.pack(width, 0, count), packed)
    body = b"".join(parts)
    return _HEADER.pack(_MAGIC, zlib.crc32(body)) + body


def read(width: int, packed: bytes) -> Section:
    """Packed records of one width, in place."""
    return np.frombuffer(packed, record_type(width))


def decode(blob: bytes) -> list[Section]:
    """The sections of a blob, read in place, in the order they were written. Raises DamagedLog."""
    view = memoryview(blob)
    if len(view) < _HEADER.size:
        raise DamagedLog(f"a row of the log has {len(view)} bytes, not even its header")
    magic, crc = _HEADER.unpack_from(view)
    if magic != _MAGIC or zlib.crc32(view[_HEADER.size :]) != crc:
        raise DamagedLog("a row of the log does not fit its checksum: the file was damaged")
    sections: list[Section] = []
    at = _HEADER.size
    while at < len(view):
        width, _, count = _SECTION.unpack_from(view, at)
        at += _SECTION.size
        kind = record_type(width)
        sections.append(np.frombuffer(view, kind, count, at))
        at += count * kind.itemsize
    return sections


def values(record: Any) -> list[int | None]:
    """The values of one record (an element of a section), None where nothing was measured."""
    return [None if value == NULL else value for value in record["v"].tolist()]
