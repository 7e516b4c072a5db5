"""Which answers a broker owes, told from real packets cut at every place."""

from __future__ import annotations

import pytest

from babbitt_tools.vboard.shim.vmqtt import Tracker

CONNECT = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd"
CONNACK = b"\x20\x02\x00\x00"
PUBLISH_1 = b"\x32\xc8\x01" + bytes(200)  # remaining length 200: two bytes
PUBLISH_0 = b"\x30\x05\x00\x01a\x00\x00"
PUBACK = b"\x40\x02\x00\x01"
SUBSCRIBE = b"\x82\x06\x00\x01\x00\x01a\x01"
SUBACK = b"\x90\x03\x00\x01\x01"
PING, PONG = b"\xc0\x00", b"\xd0\x00"


@pytest.fixture
def owed() -> list[int]:
    return [0]


@pytest.fixture
def tracker(owed: list[int]) -> Tracker:
    def owe(delta: int) -> None:
        owed[0] += delta

    return Tracker(owe)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_counts_whatever_the_stream_is_cut_into(tracker: Tracker, owed: list[int], piece: int) -> None:
    def send(data: bytes) -> None:
        for i in range(0, len(data), piece):
            part = data[i : i + piece]
            tracker.sent(part, len(part))

    def receive(data: bytes) -> None:
        for i in range(0, len(data), piece):
            part = data[i : i + piece]
            tracker.received(part, len(part))

    tracker.connecting()
    assert owed == [1]
    send(CONNECT)
    assert owed == [1]
    receive(CONNACK)
    assert owed == [0]
    send(SUBSCRIBE + PUBLISH_1 + PUBLISH_0 + PUBLISH_1 + PING)
    assert owed == [4]
    receive(SUBACK + PUBLISH_1 + PUBACK + PONG)
    assert owed == [1]
    receive(PUBACK)
    assert owed == [0]


def test_only_what_was_taken_counts(tracker: Tracker, owed: list[int]) -> None:
    tracker.connecting()
    tracker.received(CONNACK, 4)
    tracker.sent(PING + PING, 2)
    assert owed == [1]


def test_closing_forgives_everything(tracker: Tracker, owed: list[int]) -> None:
    tracker.connecting()
    tracker.close()
    assert owed == [0]
    tracker.connecting()
    tracker.received(CONNACK, 4)
    tracker.sent(PING, 2)
    tracker.received(b"", 0)  # the broker closed
    assert owed == [0]
    tracker.sent(PING, 2)
    assert owed == [0]


def test_a_sealed_connection_keeps_real_time_until_it_is_closed(tracker: Tracker, owed: list[int]) -> None:
    hello = b"\x16\x03\x01\x00\x05" + bytes(5)
    tracker.connecting()
    tracker.sent(hello, len(hello))
    for data in (b"\x20\x02\x00\x00" * 9, b"\xd0\x00" * 9, bytes(100)):  # chance may look like answers
        tracker.received(data, len(data))
        tracker.sent(data, len(data))
    assert owed == [1]
    tracker.received(b"", 0)
    assert owed == [0]
    tracker.connecting()
    tracker.sent(CONNECT, len(CONNECT))
    tracker.received(CONNACK, len(CONNACK))
    assert owed == [0]
