"""The NAB scorer: small cases worked by hand from the published rules, and files of a corpus."""

from __future__ import annotations

import gzip
import json
import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import nab_score as nab

STANDARD, LOW_FP, LOW_FN = (nab.PROFILES[k] for k in ("standard", "reward_low_FP", "reward_low_FN"))
S1 = 2 / (1 + math.exp(-5)) - 1  # 0.98661, what the first row of a window is worth before it is scaled to 1


def series(rows: int, *windows: nab.Window, name: str = "a") -> nab.Series:
    return nab.Series(name, [60.0 * i for i in range(rows)], [0.0] * rows, list(windows))


def test_the_sigmoid_at_the_points_of_the_paper() -> None:
    assert nab.sigmoid(-1) == pytest.approx(0.98661, abs=1e-5)
    assert nab.sigmoid(-0.5) == pytest.approx(0.84828, abs=1e-5)
    assert nab.sigmoid(0) == 0
    assert nab.sigmoid(1) == pytest.approx(-0.98661, abs=1e-5)
    assert nab.sigmoid(3) == -1 == nab.sigmoid(1000)


def test_probation_is_15_per_cent_and_750_rows_at_most() -> None:
    assert [nab.probation(n) for n in (100, 1127, 4032, 5000, 22695)] == [15, 169, 604, 750, 750]


def test_what_each_row_is_worth() -> None:
    # 40 rows, 6 of probation; the window is rows 20..29, 10 wide.
    values = nab.worth(40, [(20, 29)], STANDARD)
    assert values[:6] == [0] * 6
    assert values[6:20] == [-0.11] * 14  # no window before: as far away as can be
    assert values[20] == pytest.approx(1)  # y = -1
    assert values[25] == pytest.approx(nab.sigmoid(-0.5) / S1)  # (29 - 25 + 1) / 10
    assert values[29] == pytest.approx(nab.sigmoid(-0.1) / S1)
    assert values[30] == pytest.approx(0.11 * nab.sigmoid(1 / 9))
    assert values[38] == pytest.approx(-0.11 * S1)  # 9 rows past a window of 10: y = 1
    assert nab.worth(40, [(20, 29)], LOW_FP)[6] == -0.22


def test_only_the_best_alarm_in_a_window_counts_and_every_false_one_costs() -> None:
    windows = [(20, 29)]
    assert nab.raw_score(40, [], windows, STANDARD) == -1
    assert nab.raw_score(40, [], windows, LOW_FN) == -2
    assert nab.raw_score(40, [20], windows, STANDARD) == pytest.approx(1)
    assert nab.raw_score(40, [25, 22, 29], windows, STANDARD) == pytest.approx(nab.sigmoid(-0.8) / S1)
    assert nab.raw_score(40, [3, 10, 12, 20], windows, STANDARD) == pytest.approx(1 - 0.22)
    assert nab.raw_score(40, [10, 38], windows, LOW_FP) == pytest.approx(-1 - 0.22 - 0.22 * S1)


def test_alarms_in_probation_neither_help_nor_hurt() -> None:
    # 100 rows, probation 15; the window begins in it.
    windows = [(10, 19)]
    assert nab.raw_score(100, [5, 12], windows, STANDARD) == -1
    assert nab.raw_score(100, [12, 15], windows, STANDARD) == pytest.approx(nab.sigmoid(-0.5) / S1)
    assert nab.scored_windows(100, [(3, 14), *windows]) == windows  # no row after probation: not scored
    assert nab.raw_score(100, [], [(3, 14)], STANDARD) == 0


@pytest.mark.parametrize("profile", nab.PROFILES.values())
def test_null_is_0_and_perfect_is_100(profile: nab.Profile) -> None:
    corpus = [series(100, (30, 39), (60, 79)), series(200), series(300, (100, 129))]
    assert nab.score(corpus, [[], [], []], profile) == 0
    assert nab.score(corpus, [[30, 60], [], [100]], profile) == pytest.approx(100)


def test_normalised_by_hand() -> None:
    # Two windows, one found at its first row, one missed, three false alarms before any window:
    # standard 1 - 1 - 0.33; null -2, perfect 2.
    corpus = [series(100, (50, 59)), series(100, (50, 59))]
    alarms = [[20, 30, 50], [40]]
    assert nab.score(corpus, alarms, STANDARD) == pytest.approx(100 * (2 - 0.33) / 4)
    assert nab.score(corpus, alarms, LOW_FP) == pytest.approx(100 * (2 - 0.66) / 4)
    # reward_low_FN: 1 - 2 - 0.33; null -4, perfect 2.
    assert nab.score(corpus, alarms, LOW_FN) == pytest.approx(100 * (3 - 0.33) / 6)


def test_found_and_false() -> None:
    windows = [(20, 29), (50, 59)]
    assert nab.found(100, [5, 10, 22, 23, 70], windows) == 1
    assert nab.false_alarms(100, [5, 10, 16, 22, 23, 70], windows) == [16, 70]


def test_the_best_threshold_is_the_best_of_all() -> None:
    corpus = [series(100, (50, 59)), series(100, (40, 49))]
    scores = [[((7 * i + 3) % 23) / 23 for i in range(100)], [((5 * i + 1) % 19) / 19 for i in range(100)]]
    scores[0][51] = scores[1][41] = 0.97
    for profile in nab.PROFILES.values():
        tried = []
        for threshold in {*scores[0], *scores[1], 2.0}:
            alarms = [[i for i, v in enumerate(one) if v >= threshold] for one in scores]
            tried.append((nab.score(corpus, alarms, profile), threshold))
        best, threshold = nab.best_threshold(corpus, scores, profile)
        assert best == pytest.approx(max(tried)[0])
        assert threshold == max(tried)[1]


def test_months() -> None:
    one = nab.Series("a", [3600.0 * i for i in range(1000)], [0.0] * 1000, [])
    assert one.months == pytest.approx((999 - 150) * 3600 / (30.4375 * 86400))


def corpus_folder(folder: Path, rows: str, labels: object, name: str = "part/a.csv") -> Path:
    (folder / "data" / "part").mkdir(parents=True)
    (folder / "data" / f"{name}.gz").write_bytes(gzip.compress(rows.encode()))
    (folder / "combined_windows.json").write_text(json.dumps(labels), encoding="utf-8")
    return folder


ROWS = "timestamp,value\n" + "".join(f"2014-04-01 00:{i:02}:00,{i}.5\n" for i in range(30))


def test_a_corpus_is_read(tmp_path: Path) -> None:
    limits = [["2014-04-01 00:10:00.000000", "2014-04-01 00:19:00.000000"]]
    (one,) = nab.load(corpus_folder(tmp_path, ROWS, {"part/a.csv": limits, "part/gone.csv": []}))
    assert (one.name, one.windows, one.values[:2], one.seconds[:3]) == (
        "part/a.csv",
        [(10, 19)],
        [0.5, 1.5],
        [0.0, 60.0, 120.0],
    )


@pytest.mark.parametrize(
    ("rows", "limits", "said"),
    [
        (ROWS, [["2014-04-01 00:10:30", "2014-04-01 00:19:00"]], "no row"),
        (ROWS, [["tomorrow", "2014-04-01 00:19:00"]], "timestamp,value"),
        ("timestamp,value\n2014-04-01 00:00:00\n", [], "timestamp,value"),
        ("timestamp,value\n2014-04-01 00:00:00,high\n", [], "timestamp,value"),
    ],
)
def test_a_broken_corpus_says_what_is_wrong(tmp_path: Path, rows: str, limits: object, said: str) -> None:
    with pytest.raises(nab.CorpusError, match=said) as caught:
        nab.load(corpus_folder(tmp_path, rows, {"part/a.csv": limits}))
    assert "a.csv" in str(caught.value)


def test_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(nab.CorpusError, match=r"combined_windows\.json"):
        nab.load(tmp_path)
    (tmp_path / "combined_windows.json").write_text('{"x.csv": []}', encoding="utf-8")
    with pytest.raises(nab.CorpusError, match="none of the series"):
        nab.load(tmp_path)
