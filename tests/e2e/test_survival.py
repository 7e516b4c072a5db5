"""Kills at any moment: of the host, of the broker, of the node. Nothing that had a number is lost or stored twice."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from plant import SITE, UNCLEAN, UNSAID, Plant, Tap, motor, until, well

from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.service import Host

NAME = "motor-1"
SPEED = 600
SPAN_US = 2_400_000_000  # 40 minutes, 240 records, in 4 s at best


def start(plant: Plant, span_us: int = SPAN_US) -> None:
    """A healthy motor; from `span_us` on its time runs at real speed, so that the accounts come to rest."""
    world = well()
    world.end_us = span_us
    plant.add(NAME, world, motor("Motor 1"), SPEED)


def passed(plant: Plant, share: float) -> None:
    """Wait until the node has lived through so much of the span."""
    plant.wait(lambda: plant.boards[NAME].now_us >= share * SPAN_US, 40)


def at_rest(plant: Plant, ends: dict[int, int]) -> list[dict[str, Any]]:
    """Wait until all that the node ever numbered is stored, switch it off, and give the ledger's rows.

    `ends` says how many records its flash held at the end of earlier boots.
    """

    def whole() -> bool:
        boot, seq = plant.newest(NAME)
        now = {number: list(range(count)) for number, count in (ends | {boot: seq + 1}).items() if count}
        return plant.stored(NAME) == now

    passed(plant, 1.0)
    plant.wait(whole, 60)
    plant.boards[NAME].kill()
    rows = plant.ledger()
    stored = plant.counts()[NAME]
    assert {row["boot"]: row["received"] for row in rows if row["received"]} == stored
    for row in rows:
        assert (row["site"], row["node"], row["first"], row["missing"]) == (SITE, NAME, 0, 0)
        assert row["next"] == row["received"], row
    return rows


def test_host_killed_twice(make_host: Any, make_plant: Any, ending: ExitStack) -> None:
    broker = EmbeddedBroker()
    ending.callback(broker.stop)
    broker.start()
    host = make_host("--no-web", "--broker", f"127.0.0.1:{broker.port}")
    plant: Plant = make_plant(broker.port)
    start(plant)
    for share in (0.3, 0.6):
        passed(plant, share)
        there = plant.wait(lambda: plant.stored(NAME))[1]
        host.kill()
        assert plant.stored(NAME)[1][: len(there)] == there
        host.start()
        plant.delivered(NAME)
    (row,) = at_rest(plant, {})
    assert (row["boot"], row["state"], row["lost_windows"], row["note"]) == (1, "complete", 0, "")
    assert plant.boards[NAME].alive is False
    host.stop()


def test_embedded_broker_killed(tmp_path: Path, make_plant: Any, ending: ExitStack) -> None:
    host = ending.enter_context(Host(tmp_path / "store", broker_listen="127.0.0.1:0", accept_simulated=True))
    broker = host.broker
    assert broker is not None
    plant: Plant = make_plant(host.address[1])
    start(plant)
    for n, share in enumerate((0.3, 0.6), 1):
        passed(plant, share)
        pid = until(lambda: broker.pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda n=n, pid=pid: broker.restarts == n and broker.pid not in (None, pid))
        plant.delivered(NAME)
    (row,) = at_rest(plant, {})
    assert (row["state"], row["lost_windows"], row["note"]) == ("complete", 0, "")


@pytest.mark.part("mosquitto")
def test_mosquitto_killed_and_messages_said_twice(
    make_host: Any, make_plant: Any, ending: ExitStack, make_mosquitto: Any
) -> None:
    mosquitto = make_mosquitto()
    port = mosquitto.port
    host = make_host("--no-web", "--broker", f"127.0.0.1:{port}")
    plant: Plant = make_plant(port)
    start(plant)
    passed(plant, 0.4)
    mosquitto.kill()
    time.sleep(0.3)
    mosquitto.start()
    plant.delivered(NAME, 40)

    tap = Tap(port, f"babbitt/1/{SITE}/{NAME}/data")
    ending.callback(tap.close)
    topic, payload = plant.wait(tap.first)
    before = plant.ledger()[0]["duplicates"]
    for _ in range(3):
        tap.send(topic, payload)
    plant.wait(lambda: plant.ledger()[0]["duplicates"] >= before + 3)
    (row,) = at_rest(plant, {})
    assert (row["state"], row["lost_windows"], row["note"]) == ("complete", 0, "")
    host.stop()


@pytest.mark.parametrize("seed", [1, 6])
def test_power_cuts_of_the_node(make_host: Any, make_plant: Any, ending: ExitStack, seed: int) -> None:
    host = make_host("--no-web", "--listen", "127.0.0.1:0")
    plant: Plant = make_plant(host.port)
    births = Tap(host.port, f"babbitt/1/{SITE}/{NAME}/birth")
    ending.callback(births.close)
    start(plant)
    board = plant.boards[NAME]
    moments = random.Random(seed)
    ends: dict[int, int] = {}
    for _ in range(6):
        boot = plant.newest(NAME)[0]
        plant.wait(lambda boot=boot: plant.newest(NAME)[0] > boot)  # it has measured in this boot
        time.sleep(moments.uniform(0.0, 0.7))
        board.kill()
        boot, seq = plant.newest(NAME)
        ends[boot] = seq + 1
        stored = plant.stored(NAME).get(boot, [])  # read once: the host goes on storing meanwhile
        assert stored == list(range(len(stored)))
        board.start(off_s=moments.uniform(0, 60))
    rows = at_rest(plant, ends)
    assert [row["boot"] for row in rows] == list(range(1, 8))
    # A birth tells of the boot before it; a boot that was cut off before its own birth told of none.
    announced = {json.loads(payload)["boot"] for _, payload in births.rest()}
    assert 7 in announced
    notes = [UNCLEAN if boot + 1 in announced else UNSAID for boot in range(1, 7)]
    assert [row["note"] for row in rows] == [*notes, ""]
    assert [row["lost_windows"] for row in rows] == [1] * 6 + [0]
    assert {row["state"] for row in rows} == {"complete"}
    host.stop()


def test_power_cuts_while_the_radio_is_away(make_host: Any, make_plant: Any) -> None:
    """Boots that nobody was ever told of: their records come, and the end of each is said all the same."""
    host = make_host("--no-web", "--listen", "127.0.0.1:0")
    plant: Plant = make_plant(host.port)
    start(plant)
    board = plant.boards[NAME]
    plant.grown(NAME, 10)
    board.set_wifi(False)
    board.kill()
    ends: dict[int, int] = {}
    for boot in (2, 3):
        last, seq = plant.newest(NAME)
        ends[last] = seq + 1
        board.start(off_s=5)
        plant.wait(lambda boot=boot: plant.newest(NAME) >= (boot, 7))
        assert boot not in plant.stored(NAME)
        board.kill()
    last, seq = plant.newest(NAME)
    ends[last] = seq + 1
    board.set_wifi(True)
    board.start()
    rows = at_rest(plant, ends)
    # Only the boot right before one that reaches the host is told of with how it ended.
    assert [row["note"] for row in rows] == [UNSAID, UNSAID, UNCLEAN, ""]
    assert [row["lost_windows"] for row in rows] == [1, 1, 1, 0]
    host.stop()
