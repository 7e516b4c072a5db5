"""The analysis: in order, once, isolated, and on from where it was."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from feeding import T0, Feed, birth, rows

from babbitt.pipeline import Pipeline
from babbitt.protocol.assessment import Assessment, Asset
from babbitt.store.state import State


class Counter:
    """A real analyser of the simplest kind: its anomaly is the number of records it has seen, apart the same from 100 on."""

    def __init__(self, asset: Asset, seen: int) -> None:
        self.asset, self.seen = asset, seen

    def apart(self) -> Counter:
        return type(self)(self.asset, 100)

    def update(self, t_ms: int, values: Mapping[str, float | None], recipe: int = 0) -> Assessment:
        value = values["a.x"]
        if value is not None and value > 900:
            raise ValueError("too much")
        self.seen += 1
        level = "alarm" if value is not None and value > 1.0 else "normal"
        return Assessment(t_ms, level, float(self.seen), values["b.y"], ("a.x",), "stable", None)

    def dump(self) -> dict[str, Any]:
        return {"seen": self.seen}

    @classmethod
    def load(cls, asset: Asset, state: dict[str, Any]) -> Counter:
        return cls(asset, state.get("seen", 0))


KINDS = {"machine": f"{__name__}:Counter"}


def analyse(feed: Feed, kinds: Mapping[str, str] = KINDS) -> Pipeline:
    pipeline = Pipeline(feed.writer, threading.Event(), kinds, slot_ms=1)
    state = State.open(feed.folder)
    while pipeline.step(state):
        pass
    state.close()
    return pipeline


def test_of_a_minute_in_which_nothing_changes_the_last_assessment_is_kept(feed: Feed) -> None:
    feed.put(
        ("birth", birth(checks=[])), ("data", rows(0, [[1, 1]] * 7 + [[2_000_000, 1]] * 2 + [[1, 1]] * 3))
    )
    for _ in range(2):  # judged again after a crash, it is the same
        pipeline = Pipeline(feed.writer, threading.Event(), KINDS)
        state = State.open(feed.folder)
        while pipeline.step(state):
            pass
        state.close()
        kept = feed.reader.assessments("hall", "pump-7", 0, 2 * T0, 10**9)
        assert [(one.t_ms - T0, one.level, one.anomaly) for one in kept] == [
            (10_000, "normal", 2),
            (60_000, "normal", 7),
            (70_000, "alarm", 8),
            (80_000, "alarm", 9),
            (110_000, "normal", 12),
        ]
        assert feed.reader.node("hall", "pump-7").assessment == kept[-1]
        with feed.writer.transaction() as changed:
            changed.execute("UPDATE meta SET value='0' WHERE key='analysed'")
            changed.execute("DELETE FROM analysers")


def seen(feed: Feed) -> list[tuple[float | None, float | None]]:
    found = feed.reader.assessments("hall", "pump-7", 0, 2 * T0, 10**9)
    return [(a.anomaly, a.health) for a in found]


def test_each_record_is_judged_once_also_over_restarts(feed: Feed) -> None:
    feed.put(("birth", birth()))
    for n in range(4):
        feed.put(("data", rows(n * 2, [[1, n], [1, n]])))
        analyse(feed)
    assert [a for a, _ in seen(feed)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert seen(feed)[-1][1] == 0.003
    analyse(feed)
    assert len(seen(feed)) == 8


def test_a_machine_is_learnt_anew_when_its_node_was_told_to(feed: Feed) -> None:
    ack = {
        "i": "9f3a01bc",
        "boot": 1,
        "n": 1,
        "id": "c-1f0e5a7c",
        "cmd": "relearn",
        "state": "done",
        "checks": ["h"],
    }
    now = T0 + 86_400_000  # the host's clock: that is when the command was done
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1]] * 3)))
    analyse(feed)
    # Refused is not done, and what was measured before the command counts as before.
    feed.put(("ack", ack | {"state": "refused"}), ("ack", ack), ("data", rows(3, [[1, 1]] * 2)))
    for _ in range(2):
        pipeline = analyse(feed)
        pipeline._save()
    feed.put(("data", rows(5, [[1, 1]] * 2, t=now - 49_000)))
    analyse(feed)
    analyse(feed)
    feed.put(("data", rows(7, [[1, 1]], t=now - 49_000)))
    analyse(feed)
    found = feed.reader.assessments("hall", "pump-7", 0, 2 * now, 10**9)
    assert [one.anomaly for one in found] == [1, 2, 3, 4, 5, 1, 2, 3]


def test_a_node_that_stays_away_has_no_other_learnt_anew_twice(feed: Feed) -> None:
    ack = {"i": "9f3a01bc", "boot": 1, "n": 1, "id": "c-1f0e5a7c", "cmd": "relearn", "state": "done"}
    soon = T0 + 86_400_000

    def put(node: str, *messages: tuple[str, dict[str, Any]]) -> None:
        feed.node = node
        feed.put(*messages)

    for node in ("pump-7", "pump-8"):
        put(node, ("birth", birth()), ("data", rows(0, [[1, 1]] * 2)))
    analyse(feed)._save()
    put("pump-8", ("ack", ack))
    put("pump-7", ("ack", ack), ("data", rows(2, [[1, 1]], t=soon - 19_000)))
    analyse(feed)._save()
    for n in (3, 4):
        put("pump-7", ("data", rows(n, [[1, 1]], t=soon - 19_000)))
        analyse(feed)._save()
    assert [one for one, _ in seen(feed)] == [1, 2, 1, 2, 3]
    # The other one is still waited for.
    put("pump-8", ("data", rows(2, [[1, 1]], t=soon - 19_000)))
    analyse(feed)
    found = feed.reader.assessments("hall", "pump-8", 0, 2 * T0, 10**9)
    assert [one.anomaly for one in found] == [1, 2, 1]


def test_records_wait_for_their_birth(feed: Feed) -> None:
    feed.put(("data", rows(0, [[1, 2]])))
    analyse(feed)
    assert seen(feed) == []
    feed.put(("birth", birth()))
    analyse(feed)
    assert len(seen(feed)) == 1


def test_a_change_of_level_is_an_event(feed: Feed) -> None:
    feed.put(("birth", birth(checks=[])), ("data", rows(0, [[1, 1], [2_000_000, 1], [2_000_000, 1], [1, 1]])))
    analyse(feed)
    events = [(e.came_from, e.to, e.sev, e.t - T0) for e in reversed(feed.reader.events())]
    assert events == [("normal", "alarm", 2, 10_000), ("alarm", "normal", 0, 30_000)]
    assert "carried by a.x" in feed.reader.events()[1].text


def test_an_analyser_that_fails_is_named_and_goes_on(feed: Feed) -> None:
    other = Feed(feed.folder, "pump-8")
    other.put(("birth", birth()), ("data", rows(0, [[1, 1]])))
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1], [10**9, 1], [1, 1]])))
    analyse(feed)
    other.close()
    assert len(feed.reader.assessments("hall", "pump-8", 0, 2 * T0, 10**9)) == 1
    assert len(seen(feed)) == 2
    (event,) = feed.reader.events(node="pump-7")
    assert (event.check, event.sev) == ("analyser", 1)
    assert "ValueError: too much" in event.text


def test_a_missing_analyser_harms_nobody(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1]])))
    analyse(feed, {"machine": "babbitt.nowhere:Nobody"})
    assert "ModuleNotFoundError" in feed.reader.events()[0].text


def test_a_late_record_is_judged_where_it_belongs_and_does_not_change_the_present(feed: Feed) -> None:
    feed.put(
        ("birth", birth()),
        ("data", rows(5, [[1, 5]])),
        ("data", rows(4, [[1, 4]])),  # within one slice of the log order is made
    )
    analyse(feed)
    feed.put(("data", rows(0, [[1, 0], [1, 1]])), ("data", rows(6, [[1, 6]])))
    analyse(feed)
    assert seen(feed) == [(101, 0), (102, 0.001), (1, 0.004), (2, 0.005), (3, 0.006)]
    feed.put(("data", rows(2, [[2_000_000, 2]])))
    analyse(feed)
    newest = feed.reader.node("hall", "pump-7").assessment
    assert newest is not None
    assert (newest.level, newest.anomaly) == ("normal", 3)
    (told,) = feed.reader.events("hall", "pump-7", severity=1)
    assert (told.check, told.came_from, told.to, told.t - T0) == ("late", "normal", "alarm", 20_000)
    assert told.text == "In records that came late: the host sees a fault, carried by a.x"


def test_what_was_judged_before_a_crash_is_not_judged_again_as_late(feed: Feed) -> None:
    feed.put(("birth", birth()), *(("data", rows(n, [[1, n]])) for n in range(6)))
    pipeline = Pipeline(feed.writer, threading.Event(), KINDS, slot_ms=1)
    state = State.open(feed.folder)
    while pipeline.step(state):
        pass
    pipeline._save()
    state.close()
    with feed.writer.transaction() as changed:  # it crashed between the states and how far they have come
        changed.execute("UPDATE meta SET value='0' WHERE key='analysed'")
    feed.put(("data", rows(6, [[1, 6]] * 2)))
    for _ in range(2):
        analyse(feed)
        assert [a for a, _ in seen(feed)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_another_kind_of_asset_begins_afresh(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1]] * 3)))
    feed.put(
        ("birth", birth(asset={"name": "Room", "kind": "cold_room"}, since=3)), ("data", rows(3, [[1, 1]]))
    )
    analyse(feed, KINDS | {"cold_room": KINDS["machine"]})
    assert [a for a, _ in seen(feed)] == [1, 2, 3, 1]


def test_an_installation_without_a_birth_does_not_keep_the_next_one_waiting(feed: Feed) -> None:
    feed.put(("data", rows(0, [[1, 2]], i="aaaaaaaa")))
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1], [1, 2]])))
    analyse(feed)
    assert [a for a, _ in seen(feed)] == [1, 2]


def test_waiting_for_a_birth_writes_nothing(feed: Feed) -> None:
    feed.put(("data", rows(0, [[1, 2]])))
    analyse(feed)
    before = feed.writer.conn.total_changes
    analyse(feed)
    assert feed.writer.conn.total_changes == before


def _judged(feed: Feed) -> list[int]:
    return [t - T0 for (t,) in feed.writer.conn.execute("SELECT t FROM assessments ORDER BY id")]


def test_a_gap_that_is_filled_late_does_not_turn_time_back(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(30, [[1, 1]] * 3)))
    analyse(feed)
    feed.put(("data", rows(0, [[1, 1]] * 30)), ("data", rows(33, [[1, 1]])))
    analyse(feed)
    assert sorted(_judged(feed)) == [n * 10_000 for n in range(34)]
    newest = feed.reader.node("hall", "pump-7").assessment
    assert newest is not None
    assert (newest.t_ms - T0, newest.anomaly) == (330_000, 4)


def test_time_goes_on_where_the_clock_was_set_back(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1]] * 3)))
    feed.put(("data", rows(3, [[1, 1]] * 12, t=T0 - 3_600_000)))
    analyse(feed)
    back = [n * 10_000 - 3_570_000 for n in range(12)]
    assert sorted(_judged(feed)) == [*back, 0, 10_000, 20_000]
    newest = feed.reader.node("hall", "pump-7").assessment
    assert newest is not None
    assert (newest.t_ms - T0, newest.anomaly) == (back[-1], 5)


class Choosy(Counter):
    """An analyser that takes no state but its own."""

    @classmethod
    def load(cls, asset: Asset, state: dict[str, Any]) -> Choosy:
        if state and "choosy" not in state:
            raise ValueError("a state of another version")
        return cls(asset, state.get("seen", 0))

    def dump(self) -> dict[str, Any]:
        return {"choosy": True, "seen": self.seen}


def test_a_state_of_another_version_is_learnt_again_instead_of_failing_for_ever(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1]] * 3)))
    analyse(feed)
    feed.put(("data", rows(3, [[1, 1]] * 2)))
    analyse(feed, {"machine": f"{__name__}:Choosy"})
    assert [a for a, _ in seen(feed)] == [1, 2, 3, 1, 2]
    assert feed.reader.events() == []


HIGH = [1_600_000, 1]
SAID = {
    "i": "9f3a01bc", "boot": 1, "seq": 2, "u": 10_000, "t": T0 + 10_000, "q": 3, "check": "h", "ch": "a.x", "from": "N",
    "to": "H", "sev": 1, "value": 1_600_000, "limit": 1_500_000, "for": 0, "ev": {},
}  # fmt: skip


def differences(feed: Feed) -> list[tuple[str, int, int]]:
    found = [(e.to, e.sev, e.t - T0) for e in reversed(feed.reader.events()) if e.check == "recheck"]
    assert feed.reader.node("hall", "pump-7").differences == sum(sev for _, sev, _ in found)
    return found


def test_a_verdict_of_the_node_is_checked(feed: Feed) -> None:
    feed.put(
        ("birth", birth()),
        ("data", rows(0, [[1, 1], HIGH])),
        ("event", SAID),
        ("data", rows(3, [HIGH, HIGH])),
    )
    analyse(feed)
    assert differences(feed) == []


def test_a_check_that_should_have_said_something_is_told_once(feed: Feed) -> None:
    feed.put(("birth", birth()))
    for n, values in enumerate([[1, 1], HIGH, HIGH, HIGH, HIGH]):
        feed.put(("data", rows(n, [values])))
        pipeline = analyse(feed)
        pipeline.start()
        pipeline.stop()  # what was seen is kept: the next one goes on from there
    assert differences(feed) == [("differs", 1, 20_000)]
    (event,) = (e for e in feed.reader.events() if e.check == "recheck")
    assert "Check h: the node said no change, the host gets N to H from the same records" in event.text


def test_what_is_faster_than_any_node_is_not_judged_again(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1], *[HIGH] * 20], step=4)))
    analyse(feed)
    assert differences(feed) == []
