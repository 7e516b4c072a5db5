"""Virtual time, against a real time that the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from babbitt_tools.vboard.shim.vclock import NEVER, Clock

HOUR = 3_600_000_000


class Real:
    """Real time that moves when somebody sleeps or polls."""

    def __init__(self) -> None:
        self.us = 5_000_000
        self.slept: list[int] = []
        self.ready_at: int | None = None

    def now(self) -> int:
        return self.us

    def sleep(self, us: int) -> None:
        self.slept.append(us)
        self.us += us

    def poll(self, ms: int) -> list[str]:
        end = self.us + ms * 1000
        if self.ready_at is not None and self.ready_at <= end:
            self.us = max(self.us, self.ready_at)
            return ["socket"]
        self.us = end
        if ms:
            self.slept.append(ms * 1000)
        return []


@pytest.fixture
def real() -> Real:
    return Real()


def clock_at(real: Real, speed: float, end_us: int = NEVER) -> Any:
    clock = Clock(real.now, real.sleep)
    clock.setup(round(speed * 1000), 0, end_us)
    return clock


def test_waits_as_long_as_speed_demands(real: Real) -> None:
    clock = clock_at(real, 100)
    began = real.us
    clock.wait(HOUR, real.poll)
    assert clock.now == pytest.approx(HOUR, abs=10)
    assert (real.us - began) == pytest.approx(HOUR / 100, rel=0.01)


def test_never_ahead_of_speed_times_real(real: Real) -> None:
    clock = clock_at(real, 7)
    began = real.us
    for _ in range(50):
        clock.wait(333_333, real.poll)
        assert clock.now <= 7 * (real.us - began) + 60


def test_time_that_the_pc_was_busy_is_caught_up_but_only_two_seconds_of_it(real: Real) -> None:
    clock = clock_at(real, 10)
    real.us += 60_000_000
    clock.wait(20_000_000, real.poll)
    assert real.slept == []
    clock.wait(1_000_000, real.poll)
    assert sum(real.slept) == pytest.approx(100_000, rel=0.01)


def test_runs_at_real_speed_while_an_answer_is_owed(real: Real) -> None:
    clock = clock_at(real, 1000)
    real.us += 1_000_000
    clock.owe(1)
    began, start = real.us, clock.now
    clock.wait(10_000_000, real.poll)
    assert clock.now - start == pytest.approx(10_000_000, abs=10)
    assert real.us - began == pytest.approx(10_000_000, rel=0.001)


def test_an_answer_ends_the_wait_at_the_time_it_came(real: Real) -> None:
    clock = clock_at(real, 1000)
    clock.owe(1)
    real.ready_at = real.us + 20_500
    assert clock.wait(HOUR, real.poll) == ["socket"]
    assert clock.now == pytest.approx(20_500, abs=10)
    clock.owe(-1)
    assert clock.owed == 0
    clock.wait(20_000_000, lambda ms: [])
    assert clock.now > 20_000_000


def test_after_the_end_time_runs_at_real_speed(real: Real) -> None:
    clock = clock_at(real, 1_000_000, end_us=HOUR)
    began = real.us
    clock.wait(HOUR + 3_000_000, real.poll)
    assert real.us - began == pytest.approx(3_000_000, rel=0.05)


def test_a_busy_wait_ends(real: Real) -> None:
    clock = clock_at(real, 1)
    start = clock.tick()
    ticks = 0
    while clock.tick() - start < 500:
        ticks += 1
    assert ticks < 500


def test_a_bus_transfer_costs_its_time_even_when_real_time_stands_still(real: Real) -> None:
    clock = clock_at(real, 1)
    clock.charge(300)
    assert clock.now == 300
    clock.sleep(700)
    assert clock.now >= 1000
    assert sum(real.slept) >= 1000


def test_the_watchdog_expires_once(real: Real) -> None:
    clock = clock_at(real, 1000)
    rang: list[int] = []
    clock.expired = lambda: rang.append(clock.now)
    clock.deadline = 5_000_000
    clock.wait(4_000_000, real.poll)
    assert rang == []
    clock.wait(4_000_000, real.poll)
    clock.wait(4_000_000, real.poll)
    assert len(rang) == 1


def test_news_are_asked_for_every_50_ms_of_real_time(real: Real) -> None:
    clock = clock_at(real, 1)
    asked: list[int] = []
    clock.news = lambda: asked.append(real.us)
    clock.wait(1_000_000, real.poll)
    assert 10 <= len(asked) <= 20


def test_another_speed_holds_from_now_on_and_forgets_what_there_was_to_catch_up() -> None:
    real = [0]
    clock = Clock(lambda: real[0], lambda us: real.__setitem__(0, real[0] + us))
    clock.setup(1_000_000, 0, NEVER)
    real[0] += 1_000_000  # 1,000 virtual seconds to catch up with
    clock.change_speed(1000)
    before = clock.now
    clock.sleep(500_000)
    assert clock.now - before == 500_001  # a look for what is ready costs 1 us
    assert real[0] >= 1_500_000
