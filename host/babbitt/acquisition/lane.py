"""The fast lane: data messages about which there is no doubt.

Nearly every message is the next one of a node that is known: the same installation and boot, the number after the
last, as many values as announced, a time that is believed. Such a message needs no more than a comparison with
what is expected. Whatever is not exactly so goes the long way (:mod:`babbitt.acquisition.apply`), which knows
every rule and gives every reason. That values are in range is looked at for all messages of a group together, by
numpy; if one is not, the whole group goes the long way.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from babbitt.acquisition.batch import Raw
from babbitt.acquisition.known import Known
from babbitt.protocol.limits import PAYLOAD, ROWS_MAX, SEQ_MAX, T_AHEAD, T_MAX, T_MIN, U_MAX, VALUE_MAX
from babbitt.store import log


class _Shape(msgspec.Struct, gc=False):
    """A data message without its rules: those are compared with what is expected."""

    i: str
    boot: int
    seq: int
    q: int
    rows: list[list[int | None]]


_HEAD = log.record_type(0).fields["recipe"][1]  # type: ignore[index]
_decode = msgspec.json.Decoder(_Shape).decode
_ODD = (msgspec.DecodeError, RecursionError, struct.error, TypeError, ValueError, IndexError)


@dataclass(slots=True, eq=False)
class Lane:
    """What the next data message of a node is expected to be.

    ``first`` is the first number that is not accounted for yet (-1: none), which the account is told of a few times a
    second; ``t`` is that of the last record. ``out`` collects what is packed. ``floor``: so long ago (ms) was the boot at most.
    """

    known: Known
    boot: int
    next: int
    q: int
    length: int
    floor: int
    out: list[bytes]
    install: str = field(init=False)
    key: int = field(init=False)
    pack: Callable[..., bytes] = field(init=False)
    first: int = -1
    t: int = 0

    def __post_init__(self) -> None:
        self.install, self.key = self.known.install, self.known.id
        self.pack = log.packer(self.length - 3)


class Lanes:
    """The lanes of all nodes, by topic. ``packed`` are the records of the group in hand, by width, ``touched`` the
    lanes with numbers that are not accounted for yet."""

    def __init__(self) -> None:
        self._lanes: dict[bytes, Lane] = {}
        self.touched: list[Lane] = []
        self.packed: dict[int, list[bytes]] = {}

    def open(self, topic: bytes, lane: Lane) -> None:
        """From now on the node's messages are expected to be so."""
        self._lanes[topic] = lane

    def close(self, topic: bytes) -> None:
        """Nothing is expected of this node any more."""
        self._lanes.pop(topic, None)

    def get(self, topic: bytes) -> Lane | None:
        """The lane of a topic."""
        return self._lanes.get(topic)

    def clear(self) -> None:
        """Forget all lanes and the group in hand."""
        self._lanes.clear()
        self.touched.clear()
        self.packed.clear()

    def run(self, messages: Sequence[Raw], start: int, now: int) -> int:
        """Take messages from number ``start`` on, as long as they are beyond doubt; gives the number of the first
        that is not, or how many there are. ``now`` is the host's time in ms."""
        find, decode = self._lanes.get, _decode
        for n in range(start, len(messages)):
            topic, payload, _ = messages[n]
            lane = find(topic)
            if lane is None:
                return n
            try:
                said = decode(payload)
                rows, seq = said.rows, said.seq
                if (
                    seq != lane.next
                    or said.boot != lane.boot
                    or said.i != lane.install
                    or said.q != lane.q
                    or len(payload) > PAYLOAD
                    or not payload.isascii()
                ):
                    return n
                row = rows[0]
                if len(row) != lane.length:
                    return n
                packed = lane.pack(lane.key, lane.boot, seq, log.ROW, log.OWN, -1, *row)
                if len(rows) > 1:
                    packed += self._others(lane, rows, seq)
                    row = rows[-1]
                if now - row[0] < lane.floor:  # type: ignore[operator]
                    return n
            except _ODD:
                return n
            if lane.first < 0:
                lane.first = seq
                self.touched.append(lane)
            lane.next, lane.t = seq + len(rows), row[1]  # type: ignore[assignment]
            lane.out.append(packed)
        return len(messages)

    @staticmethod
    def _others(lane: Lane, rows: list[list[int | None]], seq: int) -> bytes:
        """All rows of a message but the first, packed. Raises ValueError, struct.error."""
        if len(rows) > ROWS_MAX or any(len(row) != lane.length for row in rows):
            raise ValueError
        numbered = enumerate(rows[1:], seq + 1)
        return b"".join(
            [lane.pack(lane.key, lane.boot, n, log.ROW, log.OWN, -1, *row) for n, row in numbered]
        )

    def sections(self, now: int) -> list[tuple[int, bytes]] | None:
        """The packed records of the group by width, which are handed over by this; None if one of their numbers is
        out of range. ``now`` in ms."""
        done = [(width, b"".join(some)) for width, some in self.packed.items() if some]
        for some in self.packed.values():
            some.clear()
        for width, body in done:
            records = log.read(width, body)
            # One look at all of it: recipe and values lie next to each other, and all are within +-VALUE_MAX.
            numbers = np.ndarray((len(records), 1 + width), "<i4", body, _HEAD, (records.itemsize, 4))
            t, u, seq = records["t"], records["u"], records["seq"]
            if (
                numbers.min() < -VALUE_MAX
                or numbers.max() > VALUE_MAX
                or numbers[:, 0].min() < 0
                or t.min() < T_MIN
                or t.max() > min(T_MAX, now + T_AHEAD)
                or u.min() < 0
                or u.max() > U_MAX
                or seq.max() > SEQ_MAX
            ):
                return None
        return done
