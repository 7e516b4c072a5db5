"""The re-run of a node's checks: against the node's own judge over random series, restarts, recipes and commands; and
against a node that says something else.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from babbitt.detection.recheck import Recheck, Row, Said, Verdict
from babbitt.store.tables import Table
from babbitt_node import messages
from babbitt_node.assembly import build
from babbitt_node.config import validate
from babbitt_node.judge import Judge
from babbitt_node.wire import Writer

IDS = ("t.mean", "t.min", "t.max")
RUNNING = {"channel": "t.max", "above": 500, "hysteresis": 50, "starting_s": 25, "settle_s": 15}
RUNS = {"starting_s": 30, "settle_s": 20}

CHECKS: list[dict[str, Any]] = [
    {"id": "limit", "type": "limit", "channel": "t.mean", "ll": 300, "l": 600, "h": 1400, "hh": 1700, "hysteresis": 80,
     "on_delay_s": 20, "off_delay_s": 30},
    {"id": "stays", "type": "limit", "channel": "t.mean", "h": 1500, "hh": 1800, "latch": True},
    {"id": "runs", "type": "limit", "channel": "t.mean", "l": 700, "h": 1300, "when": "running", "on_delay_s": 0},
    {"id": "rate", "type": "rate", "channel": "t.mean", "per": "minute", "records": 4, "l": -900, "h": 900},
    {"id": "range", "type": "range", "channel": "t.mean", "on_delay_s": 10, "level": "alarm"},
    {"id": "flat", "type": "flat", "channel": "t.min", "tolerance": 3, "on_delay_s": 60},
    {"id": "missing", "type": "missing", "channel": "t.min", "on_delay_s": 20, "off_delay_s": 10},
    {"id": "zscore", "type": "zscore", "channel": "t.mean", "learn": 16, "z10": 30, "floor": 10},
    {"id": "cusum", "type": "cusum", "channel": "t.mean", "learn": 16, "h10": 40, "on_delay_s": 10},
    {"id": "anomaly", "type": "anomaly", "channel": "t.min", "learn": 16, "recent": 2, "limit": 40, "hold": 4},
    {"id": "vote", "type": "vote", "of": ["limit", "runs", "range"], "k": 2},
]  # fmt: skip


class Sampler:
    """A sensor with three channels."""

    id = "t"

    def channels(self) -> list[dict[str, Any]]:
        return [{"id": name, "unit": "degC", "exp": -3, "lo": 100, "hi": 1900} for name in IDS]

    def describe(self) -> dict[str, Any]:
        return {"id": "t", "driver": "ds18b20", "fault": None}


class Node:
    """The node's judge, numbering as the node does. Works in the current folder, which is its flash."""

    def __init__(self, running: dict[str, Any], checks: list[dict[str, Any]] = CHECKS) -> None:
        sensors = [{"id": "t", "driver": "ds18b20", "bus": "ow0"}]
        doc = {"asset": {"name": "x", "kind": "machine"}, "interval_s": 10, "sensors": sensors, "running": running}
        self._doc = doc | {"checks": checks}
        self.boot = 0
        self.start()

    def start(self) -> None:
        self.config = validate(json.loads(json.dumps(self._doc)))
        self.judge = Judge(*build(self.config, IDS, [Sampler()]))
        self.boot += 1
        self.seq, self.u, self.last_u = 0, random.Random(self.boot).randrange(5000), None
        self.table = self.birth()

    def birth(self) -> Table:
        """What the host keeps of the birth that the node writes."""
        names = ["i", "fw", "board", "boot", "reset", "crash", "prev", "oldest", "discards", "q", "asset"]
        info: dict[str, Any] = dict.fromkeys([*names, "interval", "hold", "since", "config"], 0)
        out = Writer(bytearray(8192))
        messages.write_birth(out, info, [Sampler()], self.config["checks"], self.config["running"])
        said = json.loads(bytes(out.view()))
        listed = said["channels"]
        return Table(
            tuple(c["id"] for c in listed), ("degC",) * 3, (-3,) * 3, (1, 2, 3), {"running": said["running"]},
            tuple(said["checks"]), tuple((c["lo"], c["hi"]) for c in listed),
        )  # fmt: skip

    def record(self, values: list[int | None], dt_ms: int = 10_000) -> Iterator[Row | Said]:
        self.u += dt_ms
        dt = 0 if self.last_u is None else self.u - self.last_u
        self.last_u = self.u
        self.judge.begin()
        yield Row(self._place(), self.u, self.u, self.judge.recipe, list(values), self.table)
        for check in self.judge.judge(values, dt):
            yield Said(self._place(), check.id, (check.previous, check.state))

    def _place(self) -> tuple[int, int, int]:
        self.seq += 1
        return 1, self.boot, self.seq - 1


def story(rng: random.Random, node: Node, records: int, restarts: bool = True) -> Iterator[Row | Said]:
    """A machine that runs and stops, jumps and drifts, with sensors that fail, commands, recipes and restarts."""
    level, speed, flat = 1000.0, 1000, 0
    for _ in range(records):
        dice = rng.random()
        if dice < 0.02:
            level = rng.choice([200, 500, 900, 1000, 1000, 1100, 1450, 1600, 1750, 1950])
        elif dice < 0.03:
            speed = 1000 - speed
        elif dice < 0.035:
            node.judge.set_recipe(rng.randrange(3))
        elif dice < 0.04:
            node.judge.relearn()
        elif dice < 0.06:
            node.judge.release()
        elif dice < 0.065:
            flat = 20
        elif dice < 0.068 and restarts:
            if rng.random() < 0.5:
                node.judge.close()
            node.start()
        flat = max(0, flat - 1)
        value: int | None = int(level + rng.gauss(0, 40))
        quiet: int | None = 1000 if flat else int(1000 + rng.gauss(0, 30) + (level - 1000) / 8)
        if rng.random() < 0.02:
            value = None
        if rng.random() < 0.02 or 0.3 < (node.seq / 97) % 1 < 0.34:
            quiet = None
        yield from node.record([value, quiet, speed], 10_000 + rng.randrange(-40, 41))


@pytest.mark.parametrize("running", [RUNNING, RUNS])
@pytest.mark.parametrize("seed", range(4))
def test_the_host_agrees_with_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: dict[str, Any], seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    recheck = Recheck()
    records = list(story(random.Random(seed), Node(running), 3000))
    assert recheck.feed(records) == []
    assert recheck.late == 0
    # What was compared is not nothing: most changes of every type were known to the host when they came.
    compared, told = Counted(), Recheck()
    told.feed(records)
    assert compared is not None
