"""What the page says: every sentence without a browser."""

from __future__ import annotations

import dataclasses

import pytest

from babbitt.protocol.assessment import Assessment, Interval, Point, Reach
from babbitt.store.views import EventView, NodeView
from babbitt.web import facts, words
from babbitt.web.nodes_panel import lead, summary


def judged(outlook: str, remaining: Interval | None = None, level: str = "normal") -> Assessment:
    return Assessment(1_789_000_000_000, level, 0.5, 87.4, ("vib.x.rms",), outlook, remaining)


def node(**given: object) -> NodeView:
    whole = {
        "site": "plant", "node": "a", "asset": "Pump 7", "kind": "machine", "online": True,
        "last_t": 1_789_000_000_000, "heard": None, "state": {"q": 2}, "birth": None, "assessment": None,
    } | given  # fmt: skip
    return NodeView(**whole)  # type: ignore[arg-type]


def event(**given: object) -> EventView:
    whole = {
        "id": 1, "t": 0, "t_err": None, "site": "plant", "node": "a", "origin": "node", "check": "c",
        "channel": "vib.x.rms", "came_from": "N", "to": "H", "sev": 1, "value": 0.182, "limit": 0.18,
        "unit": "g", "held_s": 30,
    } | given  # fmt: skip
    return EventView(**whole)  # type: ignore[arg-type]


def test_a_node_that_sleeps_is_as_it_was_and_one_that_is_gone_is_not() -> None:
    at = {"assessment": judged("stable"), "online": False}
    asleep, gone = node(asleep=True, **at), node(**at)
    now = 1_789_000_060_000
    assert facts.Judgement.of(asleep, now, "").link == "Asleep · last record 60 s ago"
    assert (facts.Judgement.of(asleep, now, "").level, facts.Judgement.of(gone, now, "").level) == (
        "normal",
        None,
    )
    assert summary([asleep, gone]) == "2 nodes: 1 offline, 1 normal"


@pytest.mark.parametrize(
    ("kind", "assessment", "said"),
    [
        ("machine", judged("trend", Interval(120, 200, 340)), "useful life 120–340 h (median 200 h)"),
        ("cold_room", judged("trend", Interval(2.5, 4, 9)), "time to limit 2.5–9.0 h (median 4.0 h)"),
        ("machine", judged("trend", Interval(240, 480, 960)), "useful life 10–40 days (median 20 days)"),
        (
            "machine",
            judged("trend", Interval(48, 100, float("inf"))),
            "useful life at least 48 h (median 100 h)",
        ),
        ("machine", judged("trend", Interval(1e5, 1e6, 1e7)), "useful life more than 10 years"),
        ("machine", judged("trend"), "trend, no estimate yet"),
        ("machine", judged("no trend"), "no trend"),
        (
            "machine",
            judged("lives", Interval(900, 2100, 4200)),
            "no trend; by the lives of others 38–175 days (median 88 days)",
        ),
        ("machine", judged("stable"), "stable"),
        ("machine", judged("learning"), "learning"),
        ("cold_room", judged("beyond limit", Interval(0, 0, 0)), "beyond its limit now"),
        ("machine", None, "no assessment yet"),
    ],
)
def test_outlook(kind: str, assessment: Assessment | None, said: str) -> None:
    assert words.outlook(kind, assessment) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (4.9, "4 s"), (90, "1 min"), (5399, "89 min"), (5400, "1 h"), (172_800, "2 days")],
)
def test_duration(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.18249, "g", "0.1825 g"),
        (-2.0, "degC", "-2 °C"),
        (3.0, "1", "3"),
        (12345.6, "", "12,346"),
        (None, "g", "not measured"),
        (float("nan"), "g", "not measured"),
    ],
)
def test_number(value: float | None, unit: str, said: str) -> None:
    assert words.number(value, unit) == said


@pytest.mark.parametrize(("value", "said"), [(None, "–"), (87.4, "87"), (-3.0, "0"), (104.0, "100")])
def test_health(value: float | None, said: str) -> None:
    assert words.health(value) == said


def test_times_say_their_zone() -> None:
    t = 1_789_000_000_000
    assert words.TimeWords.for_zone("Asia/Tokyo").instant(t) == "2026-09-10 09:26:40"
    for unknown in (None, "", "No/Where", "../etc"):
        times = words.TimeWords.for_zone(unknown)
        assert (times.name, times.is_utc, times.instant(t)) == ("UTC", True, "2026-09-10 00:26:40")
    assert words.TimeWords.for_zone("UTC").instant(None) == "no time"


def test_age_is_in_the_nodes_own_time() -> None:
    now = 1_789_000_000_000
    assert facts.age(node(last_t=now - 4000), now, "?") == "last record 4 s ago"
    assert facts.age(node(last_t=None), now, "?") == "no record yet"
    simulated = node(state={"q": 4}, last_t=now + 10**9)
    assert facts.age(simulated, now, "2026-09-20") == "last record 2026-09-20 (simulated time)"


def test_judgement_of_a_silent_node() -> None:
    one = facts.Judgement.of(node(online=False, assessment=judged("stable", level="alarm")), 0, "")
    assert (one.level, one.word) == (None, "Offline, was: alarm")
    new = facts.Judgement.of(node(asset="", kind=""), 0, "")
    assert (new.name, new.kind, new.word) == ("plant / a", "Unknown kind · plant / a", "Not judged yet")


def test_facts_of_a_node_that_said_nothing_are_unknown() -> None:
    told = dict(facts.facts(node(state=None)))
    assert told["Firmware"] == told["Faults"] == told["Task restarts"] == "unknown"
    assert told["Free memory"] == "unknown, largest block unknown"


def test_facts_name_faults() -> None:
    told = dict(facts.facts(node(state={"q": 2, "faults": {"vib": "no_device"}, "rssi": None})))
    assert told["Faults"] == "vib: no_device"
    assert told["Radio"] == "no radio"
    assert told["Clock"] == "set by the host"


def test_summary_counts_the_worst_first() -> None:
    nodes = [
        node(assessment=judged("stable")),
        node(node="b", assessment=judged("trend", level="alarm")),
        node(node="c", online=False, assessment=judged("trend", level="alarm")),
        node(node="d"),
    ]
    assert summary(nodes) == "4 nodes: 1 alarm, 1 offline, 1 not judged yet, 1 normal"
    assert summary([]) == "Nothing to show yet."


def test_where_a_machine_worked_is_told_if_there_is_a_choice() -> None:
    def driven(point: Point | None) -> str:
        said = dataclasses.replace(judged("stable"), point=point)
        return facts.Judgement.of(node(assessment=said), 0, "").drivers

    assert driven(None) == driven(Point(0)) == "Driven by vib.x.rms"
    assert driven(Point(3)) == "Driven by vib.x.rms · recipe 3"
    assert driven(Point(3, 1479.6)) == "Driven by vib.x.rms · recipe 3, about 1480 r/min"
    assert driven(Point(0, 1479.6)) == "Driven by vib.x.rms · about 1480 r/min"


def test_what_grows_towards_a_limit_is_told_unless_the_machine_ends_sooner() -> None:
    soon = Reach("oil.mean", "h", 70.0, Interval(30.0, 52.0, 95.0))
    said = dataclasses.replace(judged("no trend"), reaches=(soon,))
    assert words.outlook("machine", said) == "oil.mean at its limit 70 in 30–95 h (median 52 h)"
    sooner = dataclasses.replace(judged("trend", Interval(5.0, 20.0, 60.0)), reaches=(soon,))
    assert words.outlook("machine", sooner).startswith("useful life 5–60 h")


def test_the_lead_says_which_began_first() -> None:
    def told(since_ms: int) -> Assessment:
        return dataclasses.replace(judged("trend", level="alarm"), since_ms=since_ms)

    nodes = [
        node(asset="Fan", assessment=told(1_789_000_000_000)),
        node(node="b", asset="Press", assessment=told(1_788_996_400_000)),
        node(node="c", asset="Gone", online=False, assessment=told(1)),
    ]
    assert lead(nodes) == "3 nodes: 2 alarm, 1 offline. At plant Press began first, Fan 60 min after it."
    assert lead(nodes[:1]) == summary(nodes[:1])
