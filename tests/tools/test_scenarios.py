"""Scenarios on real nodes and a real host: each does to a node what it says, and nothing is lost by it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from boards import until

from babbitt.store.views import EventView
from babbitt_tools.scenario.cast import cast
from babbitt_tools.scenario.file import understand
from babbitt_tools.scenario.fleet import Fleet
from babbitt_tools.scenario.relay import Relay
from babbitt_tools.scenario.report import Played, live, plain, played

pytestmark = pytest.mark.part("micropython")

START_MS = 1_789_000_000_000
FAULTS = {"first_h": 0.1, "every_h": 0.15, "for_h": 0.08}
PLAN = {
    "seed": 5, "speed": 900, "hours": 0.99,
    "nodes": [
        {"scenario": "imbalance", "name": "mill", "interval_s": 40, "imbalance": {"onset_h": 0.4, "life_h": 0.5}},
        {"scenario": ["healthy", "clock_jump"], "name": "clock", "interval_s": 60, "clock_jump": {"at_h": 0.3, "for_h": 0.3}},
        {"scenario": "sensor_faults", "name": "loose", "interval_s": 30, "sensor_faults": FAULTS},
        {"scenario": ["cold_room", "sensor_faults", "flaky_wifi"], "name": "wet", "interval_s": 20, "sensor_faults": FAULTS,
         "flaky_wifi": {"every_h": 0.3, "outage_s": 0.3}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def ended() -> Iterator[tuple[dict[str, Played], list[EventView]]]:
    """The plan played to its end: the lines of the report, and the events of the host."""
    plan = understand(PLAN, "plan")
    with Fleet(cast(plan, START_MS), plan.speed, None) as fleet:
        end = time.monotonic() + 100
        while not fleet.over:
            assert time.monotonic() < end, {n: p.board.now_us / 3.6e9 for n, p in fleet.players.items()}
            fleet.step()
            assert fleet.errors() == {}
            time.sleep(0.02)
        assert live(fleet).row_count == 4
        assert fleet.finish(30)
        assert fleet.session is not None
        yield {line.node: line for line in played(fleet)}, fleet.session.reader.events(limit=10_000)


Ended = tuple[dict[str, Played], list[EventView]]


def test_nothing_is_lost_by_any_of_them(ended: Ended) -> None:
    lines, _ = ended
    assert list(lines) == ["mill", "clock", "loose", "wet"]
    for line in lines.values():
        assert line.whole, line
        assert line.account.sent == line.account.stored > 50
    assert plain(list(lines.values()), 5, 900)["ok"] is True


def test_imbalance_passes_the_limits_of_velocity(ended: Ended) -> None:
    lines, _ = ended
    said = {mark.to: mark for mark in lines["mill"].said if mark.check == "x-velocity"}
    assert list(said) == ["H", "HH"]
    assert all(
        mark.origin == "node" and mark.hour is not None and 0.4 < mark.hour < 1 for mark in said.values()
    )
    assert (lines["mill"].faults, lines["mill"].boots) == ((), 1)


def test_a_clock_that_fell_back_is_an_alarm_of_the_host(ended: Ended) -> None:
    lines, events = ended
    assert lines["clock"].boots == 3  # two power cuts
    clock = [e for e in events if e.node == "clock" and e.check == "clock"]
    assert [(e.came_from, e.to, e.sev) for e in clock if e.sev] == [("ok", "bad", 1)]
    assert "clock is outside 2020 to 2100" in clock[-1].text
    assert not any(e.check == "clock" for e in events if e.node != "clock")


def test_the_node_names_the_faults_of_its_sensor(ended: Ended) -> None:
    lines, events = ended
    assert set(lines["loose"].faults) == {"no_device", "stuck", "clipping", "silent", "wrong_rate"}
    assert set(lines["wet"].faults) == {"no_device", "crc", "power_on_value"}
    for name, sensor in (("loose", "sensor.vib"), ("wet", "sensor.temp")):
        told = sorted((e for e in events if e.node == name and e.check == sensor), key=lambda e: e.id)
        assert told[-1].to == "ok"
        assert sum(e.to == "ok" for e in told) >= 3
    spiky = [mark for mark in lines["loose"].said if mark.check == "x-peak-usual"]
    assert [mark.hour is not None and 0.85 < mark.hour < 1 for mark in spiky] == [True] * len(spiky) != []


def test_a_network_that_goes_away_makes_the_node_connect_again(ended: Ended) -> None:
    lines, events = ended
    assert lines["wet"].reconnects >= 1
    assert lines["mill"].reconnects == lines["loose"].reconnects == 0
    seen = [e.to for e in events if e.node == "wet" and e.check == "online"]
    assert {"online", "offline"} >= set(seen)


def test_a_relay_passes_both_ways_and_ends_what_goes_through_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as far:
        relay = Relay(far.getsockname())
        near = socket.create_connection(("127.0.0.1", relay.port), 5)
        there, _ = far.accept()
        near.sendall(b"up")
        assert there.recv(10) == b"up"
        there.sendall(b"down")
        assert near.recv(10) == b"down"
        relay.switch(False)
        assert near.recv(10) == there.recv(10) == b""
        assert relay.cuts == 1
        with socket.create_connection(("127.0.0.1", relay.port), 5) as refused:
            assert refused.recv(10) == b""
        relay.switch(True)
        with socket.create_connection(("127.0.0.1", relay.port), 5) as again:
            again.sendall(b"x")
            assert far.accept()[0].recv(10) == b"x"
        relay.close()
        assert until(lambda: _closed(relay.port), 5)
        for one in (near, there):
            one.close()


def _closed(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return True
    return False
