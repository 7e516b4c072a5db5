"""The server and its source on real stores and sockets, without a browser."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import threading
import urllib.request
from pathlib import Path

import pytest
from page_store import HOUR, Filler, demo_like, temperature_channels

from babbitt.errors import UnknownNode
from babbitt.store.reader import StoreReader
from babbitt.store.schema import FILE
from babbitt.web import PageError, WebServer
from babbitt.web.charts_panel import Wanted, draw, first_record
from babbitt.web.groups import chart_groups
from babbitt.web.source import StoreSource, Unavailable
from babbitt.web.words import TimeWords

END = 1_789_000_000_000


def health(server: WebServer) -> dict[str, object]:
    with urllib.request.urlopen(f"{server.url}healthz", timeout=10) as answer:
        said: dict[str, object] = json.load(answer)
        return said


def count(reader: StoreReader) -> int:
    return len(reader.nodes())


def test_starts_without_a_store_finds_it_later_and_starts_again(tmp_path: Path) -> None:
    server = WebServer(tmp_path / "store")
    assert not server.running
    before: dict[str, object] = {}
    for _ in range(2):
        server.start()
        assert server.running
        before = health(server)
        assert before["ok"] is True
        server.stop()
        assert not server.running
        server.port = 0
    assert (before["store"], before["nodes"]) == (False, 0)
    assert "no store in" in str(before["reason"])
    fill = Filler(tmp_path / "store")
    fill.node("cold-2", "Cold room 2", "cold_room", temperature_channels())
    fill.close()
    with server:
        assert health(server) == {"ok": True, "store": True, "reason": None, "nodes": 1}
    assert [t.name for t in threading.enumerate() if t.name.startswith("babbitt-page")] == []


def test_stop_without_start_does_nothing(tmp_path: Path) -> None:
    WebServer(tmp_path).stop()


def test_a_taken_port_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PageError, match=f"cannot listen on 127.0.0.1 port {port}.*choose another port"):
            WebServer(tmp_path, port=port).start()
    with WebServer(tmp_path) as server:
        assert health(server)["ok"] is True


def test_an_impossible_port_is_said(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="port 70000"):
        WebServer(tmp_path, port=70000).start()


def test_one_page_at_a_time(tmp_path: Path) -> None:
    with WebServer(tmp_path), pytest.raises(PageError, match="serves a page already"):
        WebServer(tmp_path).start()


def test_missing_store_is_an_answer_and_recovers(tmp_path: Path) -> None:
    async def look() -> None:
        source = StoreSource(tmp_path / "store")
        answer = await source.read(count)
        assert isinstance(answer, Unavailable)
        assert "no store in" in answer.reason
        demo = Filler(tmp_path / "store")
        assert await source.read(count) == 0
        demo.close()
        source.close()

    asyncio.run(look())


def test_locked_store_is_an_answer_and_recovers(tmp_path: Path) -> None:
    fill = Filler(tmp_path)
    fill.node("cold-2", "Cold room 2", "cold_room", temperature_channels())
    fill.close()

    async def look() -> None:
        source = StoreSource(tmp_path, quick_s=0.2)
        thief = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        thief.execute("PRAGMA locking_mode=EXCLUSIVE")
        thief.execute("BEGIN EXCLUSIVE")
        thief.execute("UPDATE nodes SET heard=1")
        answers = [await source.read(count) for _ in range(3)]
        assert all(isinstance(a, Unavailable) and "locked" in a.reason for a in answers)
        thief.execute("COMMIT")
        thief.close()
        for _ in range(200):
            if (answer := await source.read(count)) == 1:
                break
            await asyncio.sleep(0.05)
        assert answer == 1
        source.close()

    asyncio.run(look())


def test_a_file_that_is_no_store_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, however long it may be" * 100)

    async def look() -> None:
        source = StoreSource(tmp_path)
        answer = await source.read(count)
        assert isinstance(answer, Unavailable)
        assert "cannot be read" in answer.reason
        source.close()

    asyncio.run(look())


def test_errors_about_a_node_pass_through(tmp_path: Path) -> None:
    Filler(tmp_path).close()

    async def look() -> None:
        source = StoreSource(tmp_path)
        with pytest.raises(UnknownNode):
            await source.read(lambda reader: reader.channels("plant", "nobody"))
        source.close()

    asyncio.run(look())


def test_charts_of_all_records_begin_with_the_first_one(tmp_path: Path) -> None:
    demo_like(tmp_path, END).close()
    reader = StoreReader(tmp_path)
    node = reader.node("plant", "cold-2")
    groups = tuple(chart_groups(reader.channels("plant", "cold-2")))
    wanted = Wanted(node, END, "all", TimeWords.for_zone(None), groups)
    assert END - 21 * HOUR < first_record(reader, wanted) <= END - 20 * HOUR
    charts = draw(reader, wanted)
    assert {"health", "anomaly", "remaining", "Temperature", "Temperature slope"} == set(charts)
    mean = charts["Temperature"][0]["series"][0]["data"]
    assert (mean[0][0], mean[-1][0]) == (END - 20 * HOUR, END)
    assert 200 < len(mean) <= 505
    assert [note for _, note in charts.values()] == [""] * 5
    reader.close()
