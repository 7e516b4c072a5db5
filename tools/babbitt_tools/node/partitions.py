"""The partition table of an ESP32 as bytes.

Format: Espressif, ESP-IDF programming guide, "Partition Tables": entries of 32 bytes (magic 0x50AA, type, subtype,
offset, size, name of 16 bytes, flags), then one with magic 0xEBEB that holds the MD5 of those before it, then 0xff.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from babbitt_tools.errors import BoardError

OFFSET = 0x8000  # in flash, on every chip
SIZE = 0xC00
_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA
_MAX = 0xFFFFFFFF
NAME = 15  # bytes; the 16th ends it
_DIGEST = b"\xeb\xeb" + b"\xff" * 14
KINDS = {"app": 0, "data": 1}
SUBS = {
    ("app", "factory"): 0x00, ("app", "ota_0"): 0x10, ("app", "ota_1"): 0x11,
    ("data", "ota"): 0x00, ("data", "phy"): 0x01, ("data", "nvs"): 0x02, ("data", "coredump"): 0x03,
    ("data", "fat"): 0x81, ("data", "spiffs"): 0x82, ("data", "littlefs"): 0x83, ("data", "0x8f"): 0x8F,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of the flash: `kind` app or data, `sub` one of SUBS, `offset` and `size` in bytes."""

    name: str
    kind: str
    sub: str
    offset: int
    size: int


def table(parts: Iterable[Partition]) -> bytes:
    """The table of `parts`, SIZE bytes.

    Raises:
        BoardError: an unknown kind, a name longer than 15 bytes, a place or size beyond 32 bits, too many.
    """
    entries = b""
    for part in parts:
        if (part.kind, part.sub) not in SUBS:
            known = ", ".join("/".join(pair) for pair in SUBS)
            raise BoardError(f"partition {part.name!r}: {part.kind}/{part.sub} is unknown; there are {known}")
        if not 1 <= len(part.name.encode()) <= NAME:
            raise BoardError(f"partition {part.name!r}: its name must have 1 to {NAME} bytes")
        if not (0 <= part.offset <= _MAX and 0 < part.size <= _MAX):
            raise BoardError(f"partition {part.name!r}: {part.size} bytes at {part.offset} are in no flash")
        entries += _ENTRY.pack(
            _MAGIC,
            KINDS[part.kind],
            SUBS[part.kind, part.sub],
            part.offset,
            part.size,
            part.name.encode(),
            0,
        )
    whole = entries + _DIGEST + hashlib.md5(entries, usedforsecurity=False).digest()
    if len(whole) > SIZE:
        raise BoardError(f"{len(entries) // 32} partitions are too many for one table")
    return whole.ljust(SIZE, b"\xff")


def parse(data: bytes) -> list[Partition]:
    """The entries of a table; `sub` of one that is not in SUBS is its number as hex.

    Raises:
        BoardError: no table, or one that is damaged or cut short.
    """
    found: list[Partition] = []
    at = 0
    kinds = {v: k for k, v in KINDS.items()}
    while data[at : at + 2] == b"\xaa\x50":
        if at + _ENTRY.size > len(data):
            raise BoardError("the partition table is cut short")
        _, kind, sub, offset, size, name, _ = _ENTRY.unpack_from(data, at)
        word = next((s for (k, s), v in SUBS.items() if v == sub and KINDS[k] == kind), hex(sub))
        found.append(
            Partition(
                name.rstrip(b"\0").decode(errors="replace"), kinds.get(kind, str(kind)), word, offset, size
            )
        )
        at += _ENTRY.size
    if not found:
        raise BoardError("no partition table")
    if data[at : at + 16] == _DIGEST:
        digest = hashlib.md5(data[:at], usedforsecurity=False).digest()
        if data[at + 16 : at + 32] != digest:
            raise BoardError("the partition table is damaged: its checksum differs")
    return found
