"""Latches and baselines of all types of checks: what is kept, what is given up, and when."""

from array import array

from contract import SPECS, build, checks, series, story

from babbitt_node.checks import TYPES


def test_a_latched_state_only_gets_worse_until_it_is_released():
    for kind in TYPES:
        free, held = build(kind, SPECS[kind][1]), build(kind, SPECS[kind][1], latch=True)
        worst = kept = 0
        for i, (value, dt_ms) in enumerate(series(9, 600)):
            free.update(value, dt_ms)
            changed = held.update(value, dt_ms)
            assert held.severity >= max(worst, free.severity), kind
            assert not changed or held.severity > worst or held.previous == "learning", kind
            worst = held.severity
            if i % 50 == 49:
                before = held.state
                assert held.release() == (before != free.state) and held.state == free.state, kind
                if before != free.state:
                    assert (held.previous, held.held_s) == (before, 0)
                    kept += 1
                worst = held.severity
        assert kept, kind


def test_without_a_latch_there_is_nothing_to_release():
    for kind, settings in checks(latched=False):
        check = build(kind, settings)
        for value, dt_ms in series(10, 200):
            check.update(value, dt_ms)
            assert not check.release()


def test_what_was_learnt_can_be_taken_out_put_back_and_forgotten():
    for kind, settings in checks():
        check, room = build(kind, settings), array("i", [0] * 200)
        assert not check.baseline(room) and not any(room)
        values = [(1000 + 13 * (i % 7), 10000) for i in range(40)]
        story(check, values)
        assert check.learns == check.baseline(room), kind
        if not check.learns:
            assert not any(room)
            continue
        # Nothing of what came after it matters, and no verdict is part of it.
        story(check, [(-90000, 10000)] * 40)
        worst = check.state
        assert worst != "N"
        other = build(kind, settings)
        assert other.resume(room) and (other.previous, other.state, other.value) == ("learning", "N", None)
        changed = check.resume(room)
        latched = settings.get("latch", False)
        assert changed != latched and check.state == (worst if latched else "N")
        check.release()
        assert check.state == "N"
        rest = list(series(11, 100))
        assert story(check, rest)[1] == story(other, rest)[1]
        before = other.state
        assert other.forget() != (latched and before != "N") and not other.baseline(room)
        assert other.state == (before if latched and before != "N" else "learning")
        if other.state == "learning":
            fresh = build(kind, settings)
            assert story(other, values)[1] == story(fresh, values)[1]
