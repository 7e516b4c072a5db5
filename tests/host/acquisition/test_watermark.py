"""The watermark's bookkeeping."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from babbitt.acquisition.commits import Commits
from babbitt.acquisition.known import Known
from babbitt.acquisition.watermark import Ranges, Track
from babbitt.protocol.messages import Commit


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8))), st.integers(0, 70))
def test_ranges_are_a_set_of_numbers(adds: list[tuple[int, int]], probe: int) -> None:
    ranges, numbers = Ranges(), set()
    for first, more in adds:
        ranges.add(first, first + more)
        numbers |= set(range(first, first + more + 1))
    run = probe
    while run + 1 in numbers:
        run += 1
    assert ranges.run(probe) == (run if probe in numbers else None)
    assert ranges.after(probe) == min((n for n in numbers if n > probe), default=None)
    assert ranges.top == max(numbers, default=-1)


@given(st.permutations(range(30)))
def test_any_order_ends_in_the_same_watermark(order: list[int]) -> None:
    track = Track()
    track.begins(1, 0)
    track.ended(1, 20)
    for n in order:
        track.covered(1 + n // 20, n % 20, n % 20)
        track.advance()
    assert (track.need, track.mark) == ((2, 10), (2, 9))
    assert track.beyond() is None


def test_nothing_is_covered_before_the_first_birth() -> None:
    track = Track()
    track.covered(3, 7, 9)
    assert not track.advance()
    track.begins(3, 7)
    assert track.advance()
    assert track.mark == (3, 9)


def test_a_boot_of_unknown_end_is_not_crossed() -> None:
    track = Track()
    track.begins(1, 0)
    track.covered(1, 0, 4)
    track.covered(3, 0, 0)
    track.advance()
    assert (track.mark, track.beyond()) == ((1, 4), (3, 0))
    track.ended(1, 5)
    track.ended(2, 0)
    track.advance()
    assert track.mark == (3, 0)


def test_boots_of_which_nothing_was_heard_are_given_up_together() -> None:
    track = Track()
    track.begins(1, 0)
    track.covered(1, 0, 4)
    track.ended(107, 0)
    track.covered(108, 0, 3)
    track.advance()
    assert track.give_up() == (1, 5, None)
    track.advance()
    assert (track.mark, track.beyond()) == ((108, 3), None)


class _Talk:
    """Commits of one installation with time in hand."""

    def __init__(self) -> None:
        self.sent: list[Commit] = []
        self.commits = Commits(lambda site, node, commit: self.sent.append(commit))
        self.key = ("s", "n", "9f3a01bc")
        self.track = Track()
        self.track.begins(1, 0)
        self.known = Known("s", "n", "9f3a01bc", 1, 1, self.track, None)  # type: ignore[arg-type]

    def tick(self, now: float) -> bool:
        self.track.advance()
        return self.commits.tick(self.key, self.known, now)


def test_one_commit_a_second_and_the_last_always() -> None:
    talk = _Talk()
    for n in range(25):
        talk.track.covered(1, n, n)
        talk.tick(n * 0.1)
    assert [c.seq for c in talk.sent] == [0, 10, 20]
    talk.tick(3.0)
    assert talk.sent[-1].seq == 24
    talk.tick(10.0)
    assert len(talk.sent) == 4


def test_a_gap_is_given_up_only_when_the_node_answered_three_times_without_it() -> None:
    talk = _Talk()
    talk.track.covered(1, 0, 0)
    talk.track.covered(1, 5, 9)
    silent = [talk.tick(0.5 * n) for n in range(400)]
    assert not any(silent)
    talk.sent.clear()
    gave_up = False
    for n in range(400, 2000):
        talk.commits.received(talk.key, 1, 7)
        if gave_up := talk.tick(0.5 * n):
            break
    assert gave_up
    assert all(c.resend == 1 and c.seq == 0 for c in talk.sent)
    assert talk.track.give_up() == (1, 1, 4)
    talk.tick(5000.0)
    assert talk.track.mark == (1, 9)


def test_a_node_whose_very_first_record_is_missing_is_asked_too() -> None:
    talk = _Talk()
    talk.track.covered(1, 5, 260)
    given_up = False
    for now in range(100):
        before = len(talk.sent)
        given_up = talk.tick(float(now))
        if given_up:
            break
        if len(talk.sent) > before:
            talk.commits.received(talk.key, 1, 260)
    assert talk.sent == [Commit("9f3a01bc", 0, 0, 1)] * 3
    assert given_up
    assert talk.track.give_up() == (1, 0, 4)
    talk.tick(200.0)
    assert talk.sent[-1] == Commit("9f3a01bc", 1, 260)
