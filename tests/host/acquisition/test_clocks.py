"""The node's clock against the host's: over a network with delays, a spool, steps of either clock."""

from __future__ import annotations

import json
import random

import pytest

from babbitt.acquisition.clocks import HostClock, NodeClock, Note

T0 = 1_789_000_000_000
BOOT = (1, 1)


def feed(
    clock: NodeClock,
    minutes: int,
    *,
    ppm: float = 0,
    skew: int = 0,
    start: int = 0,
    q: int = 3,
    host: int = 0,
    seed: int = 1,
) -> list[Note]:
    """A message each 10 s with delays of 5 ms and more; ``host`` is how wrong the host's clock is."""
    rng, notes = random.Random(seed), []
    for s in range(start * 60, (start + minutes) * 60, 10):
        true = T0 + s * 1000
        u = int(s * 1000 * (1 + ppm / 1e6))
        now = true + 5 + int(rng.expovariate(1 / 60)) + host
        notes += clock.sample(BOOT, now, u, true + skew, q)
    return notes


@pytest.mark.parametrize("ppm", [-80, 0, 35, 150])
def test_drift_is_found_within_its_uncertainty(ppm: int) -> None:
    clock = NodeClock()
    assert feed(clock, 60 * 24, ppm=ppm) == []
    drift, err = clock.drift_ppm, clock.drift_err_ppm
    assert drift is not None
    assert err is not None
    assert abs(drift - ppm) <= err + 1 < 5


def test_a_wild_oscillator_is_told_once() -> None:
    clock = NodeClock()
    notes = feed(clock, 60 * 24, ppm=-400)
    assert [(to, sev) for _, to, sev, _ in notes if to == "drift"] == [("drift", 1)]
    assert "ppm slow" in next(text for _, to, _, text in notes if to == "drift")


def test_skew_is_told_after_five_minutes_and_when_it_is_over() -> None:
    clock = NodeClock()
    assert feed(clock, 10, skew=1500) == []
    clock = NodeClock()
    (note,) = feed(clock, 10, skew=-5000)
    assert note[:3] == ("ok", "skew", 1)
    assert "5.0 s behind" in note[3]
    skew, err = clock.skew_ms, clock.skew_err_ms
    assert skew is not None
    assert err is not None
    assert abs(skew + 5000) <= err < 300
    notes = feed(clock, 10, start=10)
    assert [one[:3] for one in notes] == [("ok", "stepped", 0), ("skew", "ok", 0)]


def test_what_waited_in_the_spool_is_no_skew() -> None:
    clock = NodeClock()
    feed(clock, 10)
    before = clock.view()
    for n in range(50):  # an hour of records, sent at once
        now = T0 + 4200_000 + n * 1000
        assert clock.sample(BOOT, now, 600_000 + n * 60_000, T0 + 600_000 + n * 60_000, 3) == []
    assert clock.view() == before


def test_a_step_of_the_host_is_no_fault_of_the_nodes() -> None:
    host, clock = HostClock(), NodeClock()
    assert [host.step(T0 + n, n) for n in (0, 1000, 2000)] == [0, 0, 0]
    feed(clock, 30, ppm=20)
    step = host.step(T0 + 3000 + 10_000, 3000)
    assert step == 10_000
    before = clock.drift_ppm
    clock.host_stepped(step)
    assert clock.drift_ppm == before
    assert list(feed(clock, 3, ppm=20, start=30, host=step)) == []
    assert host.step(T0 + 14_000, 4000) == 0


def test_a_host_that_stepped_while_it_was_off_is_found_out() -> None:
    for step in (-20_000, 20_000):
        clock = NodeClock()
        feed(clock, 60, ppm=20)
        assert feed(clock, 120, ppm=20, start=60, host=step, skew=step) == [] or step
        drift = clock.drift_ppm
        assert drift is not None
        assert abs(drift - 20) < 20
        assert clock.skew_ms is not None
        assert abs(clock.skew_ms) < 300


def test_simulated_time_and_earlier_boots_say_nothing() -> None:
    clock = NodeClock()
    assert feed(clock, 30, ppm=5000, q=4) == []
    assert clock.view() == {"skew_ms": None, "skew_err_ms": None, "drift_ppm": None}
    clock.sample((1, 2), T0, 0, T0, 3)
    assert clock.sample((1, 1), T0 + 5000, 10**9, T0, 3) == []
    assert clock.boot == (1, 2)


def test_it_goes_on_after_a_restart_and_is_small() -> None:
    clock = NodeClock()
    feed(clock, 60 * 24 * 30, ppm=33)
    text = json.dumps(clock.dump(), separators=(",", ":"))
    again = NodeClock.load(json.loads(text))
    assert again == clock
    assert len(json.dumps([clock.points, clock.least])) < 400
    assert feed(again, 60, ppm=33, start=60 * 24 * 30) == feed(clock, 60, ppm=33, start=60 * 24 * 30)
    assert again == clock
