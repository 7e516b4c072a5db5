"""What comes in, over a WebSocket: a real server, a real client, a store that is written meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_store import HOUR, Filler, demo_like, temperature_channels
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from babbitt.web import WebServer
from babbitt.web.api import live

END = 1_789_000_000_000


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[tuple[Filler, str]]:
    fill = demo_like(tmp_path / "store", END)
    with WebServer(tmp_path / "store") as server:
        yield fill, f"ws://127.0.0.1:{server.port}/api/v1/live"
    fill.close()


def take(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next message of one of these kinds."""
    while True:
        said: dict[str, Any] = json.loads(socket.recv(timeout=20))
        if said["type"] in kinds:
            return said


def begin(socket: ClientConnection) -> dict[str, dict[str, Any]]:
    """What is told at the beginning: all nodes."""
    count = take(socket, "begin")["nodes"]
    return {one["node"]: one for one in (take(socket, "node") for _ in range(count))}


def test_all_is_told_at_first_and_then_what_changes(filled: tuple[Filler, str]) -> None:
    fill, url = filled
    with connect(url) as socket:
        nodes = begin(socket)
        assert set(nodes) == {"cold-2", "fan-1", "pump-7"}
        assert nodes["fan-1"]["assessment"]["level"] == "alarm"
        assert "birth" not in nodes["fan-1"]
        fill.host_event("pump-7", END + HOUR, 1, "It sounds different today")
        event = take(socket, "event")
        assert (event["node"], event["sev"], event["text"]) == ("pump-7", 1, "It sounds different today")
        fill.node("cold-9", "Cold room 9", "cold_room", temperature_channels(), online=False)
        node = take(socket, "node")
        assert (node["node"], node["online"]) == ("cold-9", False)
    with connect(f"{url}?node=pump-7") as socket:
        assert take(socket, "begin")["nodes"] == 4
        assert take(socket, "node")["node"] == "pump-7"
        fill.host_event("cold-2", END + HOUR, 1, "Not for this listener")
        fill.host_event("pump-7", END + HOUR, 1, "For this one")
        assert take(socket, "event")["text"] == "For this one"


def test_the_values_of_a_node_in_its_units(filled: tuple[Filler, str]) -> None:
    fill, url = filled
    with connect(f"{url}?site=plant&node=cold-2&values=true") as socket:
        begin_ = take(socket, "node")
        assert begin_["last_t"] == END
        fill.rows("pump-7", [(END + 1000, [1] * 15)])
        fill.rows("cold-2", [(END + 2000, [4321, None, 5000, 1]), (END + 4000, [4322, 0, 5000, 1])])
        first, second = take(socket, "values"), take(socket, "values")
        assert (first["node"], first["t"], second["t"]) == ("cold-2", END + 2000, END + 4000)
        assert first["values"] == {"temp.mean": 4.321, "temp.min": None, "temp.max": 5.0, "temp.slope": 0.001}


def test_what_cannot_be_is_refused(filled: tuple[Filler, str]) -> None:
    _, url = filled
    with (
        connect(f"{url}?values=true") as socket,
        pytest.raises(ConnectionClosed, match=r"1008.*name site and node"),
    ):
        socket.recv(timeout=20)
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"{url}?site=No")


def test_too_many_are_told_so_and_room_is_made_again(
    filled: tuple[Filler, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LISTENERS_MAX", 1)
    _, url = filled
    with connect(url) as socket:
        begin(socket)
        with connect(url) as other, pytest.raises(ConnectionClosed, match=r"1013.*too many"):
            other.recv(timeout=20)
    for _ in range(20):
        try:
            with connect(url) as socket:
                assert begin(socket)
                return
        except ConnectionClosed:  # the one before is just leaving
            continue
    pytest.fail("no room was made")


def test_one_that_does_not_listen_is_dropped_and_the_others_are_not(
    filled: tuple[Filler, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, url = filled
    monkeypatch.setattr(live, "QUEUE_MAX", 3)
    listener = live._Listener(None, None, False)
    for n in range(5):
        listener.put(b"%d" % n)
    assert listener.queue.get_nowait() is None  # the end of it
    assert listener.queue.get_nowait() == b"4"
    monkeypatch.undo()
    with connect(url) as socket:
        assert len(begin(socket)) == 3
    fill.host_event("cold-2", END, 0, "Nobody listens")


def test_a_store_that_is_missing_is_said_and_found_later(tmp_path: Path) -> None:
    with (
        WebServer(tmp_path / "store") as server,
        connect(f"ws://127.0.0.1:{server.port}/api/v1/live") as socket,
    ):
        assert "There is no store" in take(socket, "trouble")["reason"]
        fill = Filler(tmp_path / "store")
        fill.node("cold-9", "Cold room 9", "cold_room", temperature_channels())
        fill.close()
        assert set(begin(socket)) <= {"cold-9"}
