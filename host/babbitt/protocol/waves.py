"""One part of a waveform as it travels: a fixed header and a body (docs/protocol.md, ``wave/<id>``).

Part 0 holds the description (JSON, :class:`babbitt.protocol.messages.WaveInfo`), the others samples.
"""

from __future__ import annotations

import struct
import zlib

from msgspec import Struct

from babbitt.errors import ProtocolError
from babbitt.protocol.limits import SEQ_MAX, WAVE_CHUNK, WAVE_PARTS

MAGIC = b"BWV1"
_HEAD = struct.Struct("<4s4sIHHHHI")
HEAD = _HEAD.size


class Chunk(Struct):
    """Part ``part`` of the ``parts`` of waveform ``id`` of an installation."""

    i: str
    boot: int
    number: int
    part: int
    parts: int
    body: bytes

    @property
    def id(self) -> str:
        """The id of the waveform."""
        return f"{self.boot}-{self.number}"


def encode_chunk(chunk: Chunk) -> bytes:
    """The payload of a part."""
    where = (bytes.fromhex(chunk.i), chunk.boot, chunk.number, chunk.part, chunk.parts, len(chunk.body))
    head = _HEAD.pack(MAGIC, *where, 0)[: HEAD - 4]
    return head + struct.pack("<I", zlib.crc32(chunk.body, zlib.crc32(head))) + chunk.body


def decode_chunk(payload: bytes) -> Chunk:
    """Take a part apart and check it. Raises ProtocolError."""
    if len(payload) < HEAD:
        raise ProtocolError(f"{len(payload)} bytes are less than the header of a part")
    magic, install, boot, number, part, parts, size, crc = _HEAD.unpack_from(payload)
    if magic != MAGIC:
        raise ProtocolError("it does not begin with BWV1")
    body = payload[HEAD:]
    if size > WAVE_CHUNK:
        raise ProtocolError(f"{size} bytes, {WAVE_CHUNK} are allowed")
    if size != len(body):
        raise ProtocolError(f"{len(body)} bytes where the header says {size}")
    if zlib.crc32(body, zlib.crc32(payload[: HEAD - 4])) != crc:
        raise ProtocolError("its CRC is wrong: it arrived damaged")
    if parts > WAVE_PARTS:
        raise ProtocolError(f"{parts} parts, {WAVE_PARTS} are allowed")
    if not 1 <= boot <= SEQ_MAX or part >= parts:
        raise ProtocolError(f"part {part} of {parts} in boot {boot}")
    return Chunk(install.hex(), boot, number, part, parts, body)
