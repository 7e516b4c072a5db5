"""What a room does, from its temperature and its contacts, on simulated rooms whose truth is known. Seeds from 40 on: no setting was
chosen with them in view."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from babbitt.health.room import DAY_MS, RoomFollower
from babbitt.health.roomstate import Contacts, RoomStates
from babbitt.protocol.room import STATES
from babbitt.settings import RoomPart
from babbitt_tools.sim.coldroom import DAY_S, STEP_S
from babbitt_tools.sim.roomstates import Plan, Run, run

EVERY_S = 60


@pytest.fixture(scope="module")
def healthy() -> Run:
    return run(Plan(40, 7))


def follow(
    one: Run, *, inputs: bool, part: RoomPart | None = None
) -> tuple[RoomFollower, list[tuple[str, str]]]:
    """The follower at the end, and (true, said) of each record after the fourth day."""
    follower, pairs = RoomFollower(part, keep=40), []
    true = one.states()
    for t, values in one.records(EVERY_S, inputs=inputs):
        follower.update(t, values["air.mean"], values)
        at = (t - one.start_ms) // (STEP_S * 1000)
        if at * STEP_S > 4 * DAY_S:
            pairs.append((str(true[at - 2]), follower.states.state))
    return follower, pairs


def share(pairs: list[tuple[str, str]], state: str) -> float:
    return sum(a == b for a, b in pairs if a == state) / sum(a == state for a, _ in pairs)


def test_with_contacts_the_state_is_what_they_say(healthy: Run) -> None:
    _, pairs = follow(healthy, inputs=True)
    assert all(
        share(pairs, state) > 0.9 for state in ("cooling", "idle", "defrost", "door open", "restocking")
    )
    assert "fault" not in {said for _, said in pairs}


def test_from_the_temperature_alone(healthy: Run) -> None:
    _, pairs = follow(healthy, inputs=False)
    said = Counter(said for _, said in pairs)
    assert share(pairs, "cooling") > 0.75
    assert share(pairs, "idle") > 0.75
    assert share(pairs, "defrost") > 0.7
    assert share(pairs, "door open") > 0.35
    assert said["fault"] == said["unknown"] == 0


@pytest.mark.parametrize(("inputs", "hours"), [(False, 3.0), (True, 1.5)])
def test_a_compressor_that_trips_is_a_fault_and_then_none(inputs: bool, hours: float) -> None:
    begin = 5.3 * DAY_S
    one = run(Plan(41, 6.5, trouble="trip", trouble_s=begin))
    follower, first, last = RoomFollower(), None, 0.0
    for t, values in one.records(EVERY_S, inputs=inputs):
        follower.update(t, values["air.mean"], values)
        if follower.states.state == "fault":
            last = (t - one.start_ms) / 1000 - begin
            first = last if first is None else first
    assert first is not None
    assert 0 < first < hours * 3600
    assert last < 8 * 3600
    assert follower.states.state != "fault"


def test_a_thermostat_set_otherwise_is_learnt_again(healthy: Run) -> None:
    states, said = RoomStates(), []
    for t, values in healthy.records(EVERY_S, inputs=False):
        late = t - healthy.start_ms > 5 * DAY_MS
        air = values["air.mean"]
        assert air is not None
        said.append(states.update(t, air + (3.0 if late else 0.0), Contacts()))
    assert "fault" in said
    assert "fault" not in said[6 * 24 * 60 :]
    assert states.thermostat.top == pytest.approx(healthy.air.mean() + 3.0 + 1.0, abs=1.0)


def test_slow_records_do_not_show_a_compressor(healthy: Run) -> None:
    states = RoomStates()
    said = Counter(
        states.update(t, values["air.mean"], Contacts()) for t, values in healthy.records(900, inputs=False)
    )
    assert set(said) <= {"unknown", "steady", "disturbed"}
    assert said["steady"] > 0.7 * said.total()
    slow = RoomStates()
    heard = {
        slow.update(t, -22.0, Contacts(door=float(t % 7_200_000 == 0)))
        for t in range(900_000, 90_000_000, 900_000)
    }
    assert "restocking" in heard  # a quarter of an hour is long for a door


def test_the_account_of_a_day(healthy: Run) -> None:
    follower, _ = follow(healthy, inputs=True)
    day = follower.days[3]
    first = (day.day - healthy.start_ms) // (STEP_S * 1000)
    door = healthy.door[first : first + DAY_S // STEP_S]
    opened = int((door[1:] & ~door[:-1]).sum())
    assert sum(day.minutes.values()) == pytest.approx(1440, abs=1.5)
    assert day.openings == pytest.approx(opened, abs=1)
    assert day.open_min == pytest.approx(door.sum() * STEP_S / 60, abs=1.0)
    assert day.defrosts in (3, 4, 5)
    assert day.by_contact == ("door", "compressor", "defrost")
    assert set(day.minutes) <= set(STATES)
    inferred, _ = follow(healthy, inputs=False)
    assert inferred.days[4].by_contact == ()
    assert 3 <= inferred.days[5].defrosts <= 6


def test_contacts_have_the_names_of_the_settings() -> None:
    part = RoomPart(door="gate", compressor="!k1")
    follower = RoomFollower(part)
    for n in range(10):
        values = {"t.mean": -20.0, "gate.closed": 1.0, "k1.closed": 1.0, "compressor.closed": 1.0}
        follower.update(n * 60_000, -20.0, values)
    assert follower.states.state == "idle"
    follower.update(600_000, -20.0, {"t.mean": -20.0, "gate.closed": 0.0, "k1.closed": 0.0})
    assert follower.states.state == "door open"


def test_it_goes_on_where_it_was(healthy: Run) -> None:
    records = healthy.records(EVERY_S, inputs=False)[: 3 * 1440]
    whole, half = RoomFollower(), RoomFollower()
    for t, values in records[:2000]:
        whole.update(t, values["air.mean"], values)
        half.update(t, values["air.mean"], values)
    state = json.dumps(half.dump())
    again = RoomFollower()
    again.restore(json.loads(state))
    for t, values in records[2000:]:
        whole.update(t, values["air.mean"], values)
        again.update(t, values["air.mean"], values)
    assert json.dumps(half.dump()) == state
    assert again.dump() == whole.dump()


def test_what_comes_late_or_not_at_all() -> None:
    follower = RoomFollower()
    follower.update(1_000_000, -20.0, {})
    assert not follower.update(900_000, -20.0, {})
    follower.update(1_100_000, None, {})
    assert follower.states.state == "unknown"
    follower.update(40 * DAY_MS, -20.0, {})
    assert follower.days[-1].minutes["unknown"] <= 60.0
