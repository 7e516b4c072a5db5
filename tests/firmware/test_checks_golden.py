"""Golden vectors: what a node decides on given values is fixed, on every runtime; some of them derived by
hand.
"""

from helpers import raises
from replay import golden, golden_names, replay


def test_every_golden_vector():
    names = golden_names()
    assert len(names) >= 20, names
    for name in names:
        vector = golden(name)
        found = replay(vector)
        assert found["transitions"] == vector["transitions"], (name, found["transitions"])
        assert found["final"] == vector["final"], (name, found["final"])


def told(name):
    """(index, from, state, value, limit, held_s) of every expected transition."""
    keys = ("index", "from", "state", "value", "limit", "held_s")
    return [tuple(row[key] for key in keys) for row in golden(name)["transitions"]]


def test_escalation_by_hand():
    # Values every 10 s: 1500 from index 1, so it has held 30 s at index 4; 2500 from 6, 30 s at 9. 1960 is
    # not 50 below 2000; 1950 is,
    # from 11, 20 s at 13. 940 is 50 below 1000, from 15, 20 s at 17.
    assert told("limit_escalate") == [
        (4, "N", "H", 1500, 1000, 30),
        (9, "H", "HH", 2500, 2000, 30),
        (13, "HH", "H", 1950, 1000, 20),
        (17, "H", "N", 940, 1000, 20),
    ]


def test_gaps_by_hand():
    # Beyond at 0, 4 and 6 (the gaps count nothing): 20 s at 6. Inside at 8, 11, 12: 20 s at 12.
    assert told("limit_gaps") == [(6, "N", "H", 1500, 1000, 20), (12, "H", "N", 500, 1000, 20)]


def test_step_by_hand():
    # Eight times 1000 learnt (70 s between first and last): mean 1000, deviation 0, so sigma is 50
    # thousandths of 1000 = 50. 1300 is 6.0
    # sigma: on the limit is inside. 1303 is 6.06, which rounds to 6.1. Nothing beyond 3 sigma is learnt, so
    # 697 is -6.06.
    assert told("zscore_step") == [
        (7, "learning", "N", 1000, None, 70),
        (11, "N", "H", 1303, None, 0),
        (13, "H", "N", 1300, None, 0),
        (15, "N", "L", 697, None, 0),
        (16, "L", "N", 700, None, 0),
    ]
    rows = golden("zscore_step")["transitions"]
    assert [row["evidence"]["z"] for row in rows] == [0, 61, 60, 61, 60]
    assert all(row["evidence"]["mean"] == 1000 and row["evidence"]["dev"] == 50 for row in rows)
    assert [row["severity"] for row in rows] == [0, 1, 0, 1, 0]


def test_the_two_sides_and_the_alarm_by_hand():
    # 1500 from 1: H after 10 s. -2500 from 3: LL after 10 s, which ends H. 0 from 6: 40 s at 10.
    assert told("limit_two_sided") == [
        (2, "N", "H", 1500, 1000, 10),
        (4, "H", "LL", -2500, -2000, 10),
        (10, "LL", "N", 0, -2000, 40),
    ]


def test_an_alarm_and_the_other_side_by_hand():
    # -1500 is beyond l at once and ends HH although it has not been back for 600 s; 1500 ends LL likewise.
    assert told("limit_other_side") == [
        (1, "N", "HH", 3000, 2000, 0),
        (2, "HH", "L", -1500, -1000, 0),
        (5, "L", "LL", -2500, -2000, 0),
        (7, "LL", "H", 1500, 1000, 0),
    ]


def test_two_limits_due_at_once_by_hand():
    # At the last value H has held 110 s and HH 100 s; both are due, the alarm is reported.
    assert told("limit_late") == [(3, "N", "HH", 2500, 2000, 100)]


def test_latches_by_hand():
    # 1500 at 1 and 3, 2500 at 4: worse is told, back to 1500 and 0 is not.
    assert told("limit_latch") == [(1, "N", "H", 1500, 1000, 0), (4, "H", "HH", 2500, 2000, 0)]


def test_rates_by_hand():
    # (30 + 70 - 10 - 20) / 2 in 20 s are 6300 an hour; with 70 twice more (70 + 70 - 30 - 70) / 2, so 3600.
    assert told("rate_window") == [(4, "N", "HH", 70, None, 0), (6, "HH", "N", 70, None, 0)]
    # 960 in 20 s are 2880 a minute; -3000 in 30 s are -6000.
    assert [row["evidence"]["rate"] for row in golden("rate_gap")["transitions"]] == [2880, -6000, 0]


def test_cumulative_sums_by_hand():
    # 3 deviations - 1 a record: 22 after eleven (7 + 11), 28 after fourteen; then -1 a record: 10 after eighteen
    # (21 + 18). The other side likewise.
    assert [row[:3] for row in told("cusum_shift")] == [
        (7, "learning", "N"),
        (18, "N", "H"),
        (39, "H", "N"),
        (52, "N", "L"),
        (73, "L", "N"),
    ]


def test_votes_by_hand():
    # 2: two warn. 514 = 2 x 256 + 2: two alarm. 257: one of one.
    assert [row[:4] for row in told("vote_two_of_three")] == [
        (2, "N", "H", 2),
        (4, "H", "HH", 2),
        (6, "HH", "N", 1),
        (7, "N", "H", 2),
        (8, "H", "N", 1),
        (12, "N", "HH", 3),
    ]


def test_a_changed_expectation_is_noticed():
    vector = golden("limit_exact")
    vector["spec"]["h"] += 1

    def compare():
        assert replay(vector)["transitions"] == vector["transitions"]

    raises(AssertionError, compare)
