"""The re-run of a node's checks: against the node's own judge over random series, restarts, recipes and commands; and
against a node that says something else.
"""

from __future__ import annotations

import json
import random
from collections import Counter
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
        doc = {
            "asset": {"name": "x", "kind": "machine"},
            "interval_s": 10,
            "sensors": sensors,
            "running": running,
        }
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


PLAIN = {"limit", "stays", "runs", "rate", "range", "flat", "missing", "vote"}
LEARNING = {"zscore", "cusum", "anomaly"}


def told(records: list[Row | Said]) -> Counter[str]:
    return Counter(one.check for one in records if isinstance(one, Said))


@pytest.fixture
def flash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("running", [RUNNING, RUNS])
@pytest.mark.parametrize("seed", range(3))
def test_the_host_agrees_with_the_node(flash: Path, running: dict[str, Any], seed: int) -> None:
    node = Node(running)
    records = list(story(random.Random(seed), node, 2000))
    recheck = Recheck()
    assert recheck.feed([*records, *node.record([1000, 1000, 1000])]) == []
    # Every change of a check that learns nothing was compared; of the others those since the host knows what they learnt.
    said = told(records)
    assert set(said) == PLAIN | LEARNING
    for name in PLAIN:
        assert recheck.compared[name] >= said[name] - 1, name
    assert sum(recheck.compared.get(name, 0) for name in LEARNING) > 0
    assert (recheck.late, recheck.differences) == (0, 0)


def test_without_a_restart_what_learns_is_compared_from_the_start(flash: Path) -> None:
    rng, node, records = random.Random(1), Node(RUNS), []
    for n in range(600):
        jump = 400 if n % 100 > 90 else 0
        records += node.record([int(rng.gauss(1000 + jump, 40)), int(rng.gauss(900 + jump, 20)), 1000])
    recheck = Recheck()
    assert recheck.feed(records) == []
    # All but the end of learning, by which the host knows that it learnt the same.
    said = told(records)
    assert all(said[name] > 4 and recheck.compared[name] == said[name] - 1 for name in LEARNING)


@pytest.mark.parametrize("seed", range(3))
def test_gaps_disorder_and_restarts_of_the_host_make_no_differences(flash: Path, seed: int) -> None:
    rng = random.Random(seed)
    records = list(story(rng, Node(RUNNING), 2000))
    tables = {one.place: one.table for one in records if isinstance(one, Row)}
    sent: list[Row | Said] = []
    for one in records:
        lost = sent and rng.random() < 0.003
        sent += [] if lost else [one]
    for at in range(0, len(sent) - 40, 40):
        part = sent[at : at + 20]
        rng.shuffle(part)
        sent[at : at + 20] = part
    recheck, found = Recheck(), []
    compared: Counter[str] = Counter()
    for one in sent:
        found += recheck.feed([one])
        if rng.random() < 0.02:
            compared.update(recheck.compared)
            recheck = Recheck.load(
                recheck.dump(), lambda install, boot, seq, width: tables[install, boot, seq]
            )
    assert found == []
    assert compared >= Counter(dict.fromkeys(PLAIN - {"flat"}, 3))


def steps(node: Node) -> list[Row | Said]:
    """Normal, far too high for a while, normal again, three times."""
    levels = [1000] * 20 + [1600] * 12 + [1000] * 20 + [1450] * 12 + [1000] * 20 + [1800] * 12 + [1000] * 20
    return [one for n, level in enumerate(levels) for one in node.record([level, 900 + n % 20, 1000])]


LIMIT = CHECKS[:1]


def texts(found: list[Verdict]) -> list[tuple[str, bool, str, str]]:
    return [(one.check, one.agrees, one.node, one.host) for one in found]


def test_another_limit_than_announced_is_found(flash: Path) -> None:
    node = Node(RUNS, LIMIT)
    announced = tuple({**one, "h": 1650} for one in node.table.checks)
    node.table = replace(node.table, checks=announced)
    recheck = Recheck()
    found = recheck.feed(steps(node))
    assert texts(found) == [("limit", False, "H", "N"), ("limit", True, "HH", "HH")]
    assert recheck.differences == 1
    assert (
        "the node said N to H, the host gets no change from the same records, at record 1:24" in found[0].text
    )


def test_an_event_that_says_something_else_is_found(flash: Path) -> None:
    records = steps(Node(RUNS, LIMIT))
    first = next(at for at, one in enumerate(records) if isinstance(one, Said))
    said = records[first]
    assert isinstance(said, Said)
    records[first] = replace(said, change=("N", "HH"))
    assert texts(Recheck().feed(records)) == [("limit", False, "HH", "H"), ("limit", True, "N", "N")]


def test_an_event_that_was_never_written_is_found(flash: Path) -> None:
    records = steps(Node(RUNS, LIMIT))
    first = next(at for at, one in enumerate(records) if isinstance(one, Said))
    rest = [replace(one, place=(*one.place[:2], one.place[2] - 1)) for one in records[first + 1 :]]
    found = Recheck().feed([*records[:first], *rest])
    assert texts(found)[0] == ("limit", False, "N", "H")
    assert "the node said no change, the host gets N to H" in found[0].text


def test_an_event_that_was_lost_on_the_way_is_a_gap_and_no_difference(flash: Path) -> None:
    records = steps(Node(RUNS, LIMIT))
    first = next(at for at, one in enumerate(records) if isinstance(one, Said))
    recheck = Recheck()
    assert recheck.feed([*records[:first], *records[first + 1 :]]) == []
    assert recheck.compared["limit"] > 0  # it was known again before the end


def test_checks_this_program_does_not_know_are_left_alone(flash: Path) -> None:
    node = Node(RUNS, LIMIT)
    node.table = replace(node.table, checks=({"id": "limit", "type": "newer", "channel": "t.mean"},))
    recheck = Recheck()
    assert recheck.feed(steps(node)) == []
    assert recheck.compared == {}


def test_a_birth_without_running_leaves_out_what_goes_by_it(flash: Path) -> None:
    node = Node(RUNNING, [CHECKS[0], CHECKS[2]])
    node.table = replace(node.table, asset={})
    recheck = Recheck()
    assert recheck.feed(steps(node)) == []
    assert set(recheck.compared) == {"limit"}


def test_a_dump_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected"):
        Recheck.load(b"nonsense", lambda *place: None)
