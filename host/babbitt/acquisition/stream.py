"""Packets out of what a broker sends, as a whole buffer at a time.

Nearly every packet is a PUBLISH, and many are in one buffer: their heads are read in place and the parts cut out.
Everything else goes to the codec of the node (:mod:`babbitt_node.mqtt.decoder`). What the topic says is judged by
the ingest, which refuses and names it.

Source: OASIS, MQTT Version 3.1.1 (2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from babbitt.acquisition.batch import Cut, Raw
from babbitt.errors import BrokerError
from babbitt_node.errors import NodeError
from babbitt_node.mqtt import decoder as codec

LONGEST = 65_536
"""A packet is buffered up to so many bytes. Of a longer one only so much is kept, which is enough to refuse it."""
_PUBLISH = 0x30


class Stream:
    """The bytes of one connection. Feed them in chunks of any size, cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._codec = codec.Decoder(1024)

    def feed(self, data: bytes, into: list[Raw]) -> Iterator[codec.Decoder]:
        """Take a chunk: messages go to ``into``; the codec is yielded for every other packet, with that packet in it.

        Raises BrokerError for what is not MQTT 3.1.1.
        """
        if self._skip:
            done = min(self._skip, len(data))
            self._skip -= done
            data = data[done:]
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        append = into.append
        while end - at >= 2:
            first, size = data[at], data[at + 1]
            body = at + 2
            if size & 128:
                size, body = _length(data, body, size)
                if body < 0:
                    break
            stop = body + size
            if stop > end:
                if size > LONGEST and end - body >= LONGEST:
                    self._cut(data, first, body, stop, into)
                    at = end
                break
            if first & 0xF0 == _PUBLISH:
                middle = body + 2 + (data[body] << 8) + data[body + 1] if size > 2 else stop
                if first & 6 == 2:
                    middle += 2
                    if middle > stop or middle == body + 4:
                        raise BrokerError(
                            "the broker sent a PUBLISH without a topic, or one longer than the packet"
                        )
                    packet_id = data[middle - 2] << 8 | data[middle - 1]
                    if not packet_id:
                        raise BrokerError("the broker sent a PUBLISH with packet id 0")
                    append((data[body + 2 : middle - 2], data[middle:stop], packet_id))
                elif first & 14 == 0 and body + 2 < middle <= stop:
                    append((data[body + 2 : middle], data[middle:stop], 0))
                else:
                    raise BrokerError(
                        "the broker sent a PUBLISH with a wrong QoS, or a topic longer than the packet"
                    )
            else:
                yield from self._other(data[at:stop])
            at = stop
        self._rest = data[at:]

    def _other(self, packet: bytes) -> Iterator[Any]:
        try:
            for _ in self._codec.feed(packet):
                yield self._codec
        except NodeError as error:
            raise BrokerError(f"the broker does not speak MQTT 3.1.1: {error}") from error

    def _cut(self, data: bytes, first: int, body: int, stop: int, into: list[Raw]) -> None:
        """A packet that is much too long: as much of it as there is, and the rest of it is skipped."""
        if first & 0xF0 == _PUBLISH and first & 6 in (0, 2):
            middle = body + 2 + (data[body] << 8) + data[body + 1]
            start = middle + (2 if first & 6 else 0)
            if start <= len(data):
                packet_id = data[start - 2] << 8 | data[start - 1] if first & 6 else 0
                payload = Cut(data[start:])
                payload.size = stop - start
                into.append((data[body + 2 : middle], payload, packet_id))
        self._skip = stop - len(data)


def _length(data: bytes, at: int, size: int) -> tuple[int, int]:
    """The remaining length whose first byte was ``size``, and where the body begins; -1: not all there yet."""
    size &= 127
    for shift in (7, 14, 21):
        if at >= len(data):
            return 0, -1
        byte = data[at]
        at += 1
        size |= (byte & 127) << shift
        if not byte & 128:
            return size, at
    raise BrokerError("the broker sent a packet whose length is longer than four bytes")
