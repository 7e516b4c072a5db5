"""What people say of alarms, from the store to the judgement and back."""

from __future__ import annotations

import math
import random
import threading
from typing import Any

import pytest
from feeding import T0, Feed, birth, rows

from babbitt.detection.precision import judged
from babbitt.errors import MarkRefused, StoreMissing, UnknownEvent, UnknownNode
from babbitt.pipeline import Pipeline
from babbitt.protocol.assessment import Assessment
from babbitt.store import marking
from babbitt.store.state import State
from babbitt.store.upkeep import Upkeep
from babbitt.store.waves import WaveShelf

CHANNELS = [{"id": f"vib.{a}.rms", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000} for a in "xyz"]
STEP = 60_000


def analyse(feed: Feed) -> Pipeline:
    """A host's analysis that starts, judges all there is, and ends."""
    pipeline = Pipeline(feed.writer, threading.Event(), slot_ms=1)
    state = State.open(feed.folder)
    while pipeline.step(state):
        pass
    pipeline._save()
    state.close()
    return pipeline


class Machines:
    """Nodes with an accelerometer whose machines vibrate as they are told to."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.seq: dict[str, int] = {}
        self.rng = random.Random(5)

    def run(self, node: str, records: int, level: float, checks: Any = ()) -> None:
        """Let a machine run for so many records of a minute."""
        self.feed.node = node
        if node not in self.seq:
            self.feed.put(("birth", birth(interval=60, channels=CHANNELS, checks=list(checks))))
        at = self.seq.get(node, 0)
        for first in range(at, at + records, 30):
            values: list[list[int | None]] = [
                [round(1e6 * level * share * math.exp(self.rng.gauss(0, 0.03))) for share in (1, 0.8, 0.6)]
                for _ in range(min(30, at + records - first))
            ]
            self.feed.put(("data", rows(first, values, step=STEP)))
        self.seq[node] = at + records
        analyse(self.feed)

    def levels(self, node: str) -> list[tuple[str, str]]:
        """Level and basis of every assessment."""
        found = self.feed.reader.assessments("hall", node, 0, 2 * T0, 10**9)
        return [(one.level, one.basis) for one in found]

    def alarms(self, node: str) -> list[int]:
        """The host's alarms, oldest first."""
        found = self.feed.reader.events("hall", node, severity=1)
        return [one.id for one in found if one.check == "assessment"][::-1]


@pytest.fixture
def machines(feed: Feed) -> Machines:
    return Machines(feed)


def noted(feed: Feed, count: int, node: str = "pump-7") -> list[int]:
    """So many alarms of the host, each an hour after the one before."""
    with feed.writer.transaction():
        key = feed.writer.node("hall", node)
        for n in range(count):
            t = T0 + n * 3_600_000
            feed.writer.assessment(key, Assessment(t, "warning", 1.2, 70.0, (), "stable", None))
            feed.writer.host_event(key, t, "assessment", "normal", "warning", 1, f"alarm {n}")
            feed.writer.latest(key, t)
    return [one.id for one in feed.reader.events("hall", node)][::-1]


def test_of_an_alarm_what_is_said_last_counts_and_nothing_is_overwritten(feed: Feed) -> None:
    first, second = noted(feed, 2)
    for verdict, who in (("right", "ann"), ("wrong", "bob"), ("unsure", "ann"), ("wrong", "eve")):
        marking.mark(feed.folder, first, verdict, T0, who, "bearing was fine")
    (one,) = feed.reader.marks("hall", "pump-7")
    assert (one.event, one.verdict, one.who, one.note, one.t) == (
        first,
        "wrong",
        "eve",
        "bearing was fine",
        T0,
    )
    assert one.since == T0 + 3_600_000
    with feed.writer.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM marks").fetchone() == (4,)
        assert conn.execute("SELECT count(*) FROM audit WHERE what='mark' AND who='ann'").fetchone() == (2,)
    marking.mark(feed.folder, second, "right", T0)
    assert [one.event for one in feed.reader.marks()] == [second, first]
    assert [one.event for one in feed.reader.marks(limit=1)] == [second]
    assert feed.reader.marks(node="other") == []


def test_what_is_no_alarm_and_what_is_no_verdict_are_refused(feed: Feed) -> None:
    (event,) = noted(feed, 1)
    with feed.writer.transaction():
        key = feed.writer.node("hall", "pump-7")
        feed.writer.host_event(key, T0, "assessment", "warning", "normal", 0, "back")
        feed.writer.host_event(key, T0, "gap", "ok", "open", 1, "records are missing")
    back, gap = (one.id for one in feed.reader.events("hall", "pump-7") if one.id != event)
    for number in (back, gap):
        with pytest.raises(MarkRefused, match="is no alarm"):
            marking.mark(feed.folder, number, "right", T0)
    with pytest.raises(UnknownEvent, match="no event 99"):
        marking.mark(feed.folder, 99, "right", T0)
    with pytest.raises(MarkRefused, match="is no verdict"):
        marking.mark(feed.folder, event, "maybe", T0)
    with pytest.raises(MarkRefused, match="note is text"):
        marking.mark(feed.folder, event, "right", T0, note="a\x1b[2J")
    with pytest.raises(UnknownNode):
        marking.reset(feed.folder, "hall", "nobody", T0)
    with pytest.raises(StoreMissing):
        marking.mark(feed.folder / "nothing", event, "right", T0)
    assert not (feed.folder / "nothing").exists()
    assert feed.reader.marks() == []


def test_precision_and_false_alarms_a_month_are_of_what_was_marked(feed: Feed) -> None:
    ids = noted(feed, 8)
    noted(feed, 1, "pump-8")
    for event, verdict in zip(ids, ("right", "wrong", "new_normal", "wrong", "unsure"), strict=False):
        marking.mark(feed.folder, event, verdict, T0)
    found = judged(feed.reader)
    one = found.nodes[0].host
    assert (one.right, one.wrong, one.unsure, one.unmarked) == (1, 3, 1, 3)
    assert one.precision == 0.25
    assert one.low == pytest.approx(0.0127, abs=1e-4)  # Clopper and Pearson, 1 of 4 at 90 %
    assert one.high == pytest.approx(0.7514, abs=1e-4)
    assert one.hours == 7
    assert one.false_per_month == pytest.approx(3 * 730.5 / 7)
    assert (found.host.right, found.host.unmarked, found.host.hours) == (1, 4, 8)
    assert found.nodes[1].host.precision is None
    assert found.nodes[0].tolerance is None  # nobody knows yet what it is


def test_days_in_which_nothing_was_judged_are_no_hours(feed: Feed) -> None:
    with feed.writer.transaction():
        key = feed.writer.node("hall", "pump-7")
        day = T0 // 86_400_000 * 86_400_000
        for n in (6, 20, 30, 24 * 9 + 3):  # hours; the days in between are missing
            feed.writer.assessment(
                key, Assessment(day + n * 3_600_000, "normal", 0.2, 95.0, (), "stable", None), slot_ms=1
            )
    assert judged(feed.reader).nodes[0].host.hours == (24 - 6) + 24 + 3


def test_an_expired_alarm_keeps_its_mark_and_no_other_gets_its_number(feed: Feed) -> None:
    ids = noted(feed, 3)
    for event in ids:
        marking.mark(feed.folder, event, "wrong", T0)
    upkeep = Upkeep(
        feed.writer, WaveShelf(feed.folder), {"events": 1, "assessments": None}, lambda: T0 / 1000 + 10**7
    )
    while upkeep.step():
        pass
    assert [one.id for one in feed.reader.events()] == ids[-1:]
    later = max(noted(feed, 1))
    assert later > ids[-1]
    count = judged(feed.reader).nodes[0].host
    assert (count.wrong, count.unmarked) == (3, 1)


def test_alarms_called_wrong_widen_the_limits_of_that_machine_alone(machines: Machines) -> None:
    feed = machines.feed
    for node in ("fan-1", "fan-2"):
        machines.run(node, 70, 0.2)
        for _ in range(3):
            machines.run(node, 20, 0.2 * 1.35)
            machines.run(node, 40, 0.2)
    alarms = {node: machines.alarms(node) for node in ("fan-1", "fan-2")}
    assert [len(found) for found in alarms.values()] == [3, 3]
    for event in alarms["fan-1"]:
        marking.mark(feed.folder, event, "wrong", T0)
    first = judged(feed.reader, "hall", "fan-1").nodes[0]
    assert first.tolerance is not None
    assert first.tolerance.text == "raised 21 % after 3 alarms marked wrong"
    for node in alarms:  # each run is a host that starts anew
        machines.run(node, 20, 0.2 * 1.35)
        machines.run(node, 40, 0.2)
    assert len(machines.alarms("fan-1")) == 3
    assert len(machines.alarms("fan-2")) == 4
    # What is far beyond is told all the same.
    machines.run("fan-1", 20, 0.2 * 2.0)
    assert len(machines.alarms("fan-1")) == 4
    machines.run("fan-1", 40, 0.2)
    marking.reset(feed.folder, "hall", "fan-1", T0, "ann")
    follows = judged(feed.reader, "hall", "fan-1").nodes[0]
    assert follows.tolerance is not None
    assert follows.tolerance.factor == 1.0
    assert follows.host.wrong == 3
    machines.run("fan-1", 20, 0.2 * 1.35)
    assert len(machines.alarms("fan-1")) == 5


def test_limits_that_people_set_are_never_widened(machines: Machines) -> None:
    check = {"id": "h", "type": "limit", "channel": "vib.x.rms", "h": 240_000, "hh": 400_000}
    machines.run("fan-1", 70, 0.2, [check])
    for event in noted(machines.feed, 20, "fan-1"):
        marking.mark(machines.feed.folder, event, "wrong", T0)
    before = len(machines.alarms("fan-1"))
    machines.run("fan-1", 20, 0.25)
    assert judged(machines.feed.reader).nodes[0].tolerance.factor > 1.9  # type: ignore[union-attr]
    assert len(machines.alarms("fan-1")) == before + 1


def test_the_new_normal_is_learnt_anew_once_and_not_told_again(machines: Machines) -> None:
    machines.run("fan-1", 70, 0.2)
    machines.run("fan-1", 30, 0.4)
    (event,) = machines.alarms("fan-1")
    marking.mark(machines.feed.folder, event, "new_normal", T0)
    machines.run("fan-1", 30, 0.4)
    assert machines.levels("fan-1")[100:] == [("learning", "limits")] * 30
    machines.run("fan-1", 2000, 0.4)
    levels = machines.levels("fan-1")
    assert set(levels[170:]) == {("normal", "own")}
    assert machines.alarms("fan-1") == [event]
    # Back where it was is a change again.
    machines.run("fan-1", 20, 0.2)
    assert len(machines.alarms("fan-1")) == 2
    found = judged(machines.feed.reader).nodes[0]
    assert (found.host.wrong, found.tolerance.factor) == (1, 1.0)  # type: ignore[union-attr]


def test_a_new_machine_goes_by_its_sisters_and_by_no_others(machines: Machines) -> None:
    for n, level in enumerate((0.18, 0.2, 0.22, 0.21)):
        machines.run(f"fan-{n}", 80, level)
    other = {"id": "h", "type": "limit", "channel": "vib.x.rms", "h": 9_000_000}
    machines.run("mill", 40, 3.0, [other])
    assert {one for one, _ in machines.levels("mill")} == {"learning"}
    machines.run("fan-8", 40, 0.2)
    assert machines.levels("fan-8")[10:] == [("normal", "sisters")] * 30
    machines.run("fan-9", 200, 3.0)
    assert machines.levels("fan-9")[-1] == ("alarm", "sisters")
    said = machines.feed.reader.events("hall", "fan-9", severity=1)
    assert said[-1].text.startswith("It is far from how its sister machines are, carried by vib.")
    assert "calls this the new normal" in said[-1].text
    marking.mark(machines.feed.folder, said[0].id, "new_normal", T0)
    machines.run("fan-9", 100, 3.0)
    assert machines.levels("fan-9")[-1] == ("normal", "own")
