"""Votes by hand: who counts, how many are needed, and which checks may be named."""

from helpers import node_error, without_heap

from babbitt_node.checks import make


def vote(of, **settings):
    spec = {"id": "vote", "type": "vote", "of": of}
    spec.update(settings)
    return make(spec, None)


def voters(n):
    """Limit checks a, b, ... on values 0..n-1: a warning beyond 10, an alarm beyond 20."""
    return [
        make({"id": chr(97 + i), "type": "limit", "channel": "x", "h": 10, "hh": 20, "l": -10}, i)
        for i in range(n)
    ]


def joined(n, **settings):
    made = voters(n)
    check = vote([other.id for other in made], **settings)
    check.join(made + [check])
    return made, check


def judged(made, check, *values):
    for i, other in enumerate(made):
        other.update(values[i], 10000)
    check.update(check.reading(values), 10000)
    return check.state


def test_two_of_three():
    made, check = joined(3)
    assert (check.channel, check.channel_index, check.limit, check.value) == (None, None, None, None)
    assert judged(made, check, 11, 0, 0) == "N"
    assert judged(made, check, 11, 0, 11) == "H"
    assert check.evidence() == {"warnings": 2, "alarms": 0, "n": 3, "k": 2} and check.value == 2
    assert judged(made, check, 21, 11, 0) == "H"  # one alarm is no two alarms
    assert judged(made, check, 21, 11, 21) == "HH"
    assert check.evidence() == {"warnings": 3, "alarms": 2, "n": 3, "k": 2}
    assert judged(made, check, 0, 0, 21) == "N"


def test_both_sides_count():
    made, check = joined(2)
    assert judged(made, check, 11, -11) == "H"


def test_any_and_all():
    made, check = joined(3, k=1)
    assert judged(made, check, 0, 0, 11) == "H"
    made, check = joined(3, k=3)
    assert [judged(made, check, 11, 11, 0), judged(made, check, 11, 11, 11)] == ["N", "H"]


def test_a_voter_without_a_value_votes_with_the_state_it_has():
    made, check = joined(2)
    judged(made, check, 11, 0)
    assert judged(made, check, None, 11) == "H"


def test_delays_of_the_vote_are_its_own():
    made, check = joined(2, on_delay_s=20, off_delay_s=10)
    told = [judged(made, check, v, v) for v in (11, 11, 11, 0, 0)]
    assert told == ["N", "N", "H", "H", "N"]


def test_a_vote_on_votes():
    made = voters(2)
    one, two = vote(["a", "b"], id="one", k=1), vote(["one", "a"], id="two")
    checks = made + [one, two]
    one.join(checks)
    two.join(checks)
    made[0].update(11, 10000)
    made[1].update(0, 10000)
    for check in (one, two):
        check.update(check.reading(()), 10000)
    assert (one.state, two.state) == ("H", "H")


def test_only_checks_before_it_can_be_named():
    made = voters(2)
    check = vote(["a", "z"])
    assert "'z'" in node_error("config_invalid", check.join, made + [check]).detail
    check = vote(["a", "b"])
    node_error("config_invalid", check.join, [made[0], check, made[1]])
    check = vote(["a", "vote"])
    node_error("config_invalid", check.join, made + [check])


def test_wrong_settings_are_refused_by_name():
    for of, settings, start in (
        ([], {}, "of: "),
        (["a"], {}, "of: "),
        (["a", "a"], {}, "of: "),
        (["a", "B"], {}, "of: "),
        ("ab", {}, "of: "),
        (["a", "b"], {"k": 3}, "k: "),
        (["a", "b"], {"k": 0}, "k: "),
        (["a", "b"], {"channel": "x"}, "channel: "),
    ):
        assert node_error("config_invalid", vote, of, **settings).detail.startswith(start)


def test_reading_the_votes_allocates_nothing():
    made, check = joined(3)
    judged(made, check, 11, 21, 0)

    def work():
        check.update(check.reading(made), 10000)

    without_heap(work)
    assert check.evidence()["warnings"] == 2
