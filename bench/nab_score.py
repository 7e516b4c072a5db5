"""The scoring rules of the Numenta Anomaly Benchmark (NAB) and its baseline, for `checks.py` and `predict/nab.py`.

Source: A. Lavin and S. Ahmad, 'Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly
Benchmark', ICMLA 2015 (arXiv 1510.03336), and the documentation of the NAB repository. In short:

- The first 15 % of a series, at most 750 rows, are probation: what a detector says there does not count.
- Of the alarms inside a label window only the one worth most counts, the earliest: S(y) x tp / S(-1), with
  S(y) = 2/(1 + e^(5y)) - 1 and y = -1 at the first row of the window, -1/width at its last.
- A window without an alarm costs fn.
- Every alarm outside costs: fp x S(y), y = distance to the last row of the window before / (width - 1); -1 x
  fp without a window before.
- The sum over all series is normalised: 0 is a detector that says nothing, 100 one that alarms at the first
  row of every window and nowhere else.

Rows are numbered from 0; a window is (first row, last row), both inside.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from scipy.special import erfc

Window = tuple[int, int]
PROBATION = 0.15
PROBATION_ROWS = 750
MONTH_S = 30.4375 * 86400


@dataclass(frozen=True, slots=True)
class Profile:
    """What a found window is worth, what a missed one and a false alarm cost."""

    tp: float
    fp: float
    fn: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward_low_FP": Profile(1.0, 0.22, 1.0),
    "reward_low_FN": Profile(1.0, 0.11, 2.0),
}


class CorpusError(Exception):
    """A folder that is no NAB corpus; the message says what is wrong where."""


@dataclass(frozen=True, slots=True)
class Series:
    """One file of the corpus: name as in the labels, seconds of each row, values, label windows."""

    name: str
    seconds: list[float]
    values: list[float]
    windows: list[Window]

    @property
    def months(self) -> float:
        """Length of the scored part, in months."""
        return (self.seconds[-1] - self.seconds[probation(len(self.seconds))]) / MONTH_S


def probation(rows: int) -> int:
    """How many rows at the start of a series of `rows` are not scored."""
    return min(math.floor(PROBATION * rows), PROBATION_ROWS)


def sigmoid(y: float) -> float:
    """S(y): 0.987 at -1, 0 at 0, -0.987 at 1, -1 from 3 on."""
    return -1.0 if y >= 3.0 else 2.0 / (1.0 + math.exp(5.0 * y)) - 1.0


def worth(rows: int, windows: Sequence[Window], profile: Profile) -> list[float]:
    """What an alarm at each row is worth; probation rows are 0."""
    out = []
    before: Window | None = None
    ahead = sorted(windows)
    for i in range(rows):
        while ahead and ahead[0][1] < i:
            before = ahead.pop(0)
        if ahead and ahead[0][0] <= i:
            first, last = ahead[0]
            out.append(profile.tp * sigmoid(-(last - i + 1) / (last - first + 1)) / sigmoid(-1.0))
        elif before is None:
            out.append(-profile.fp)
        else:
            out.append(profile.fp * sigmoid((i - before[1]) / max(1, before[1] - before[0])))
    start = probation(rows)
    return [0.0] * start + out[start:]


def scored_windows(rows: int, windows: Sequence[Window]) -> list[Window]:
    """The windows with at least one row after probation, in order: an alarm can find these."""
    return [w for w in sorted(windows) if w[1] >= probation(rows)]


def raw_score(rows: int, alarms: Sequence[int], windows: Sequence[Window], profile: Profile) -> float:
    """The score of one series, not normalised. alarms: the rows of the alarms."""
    values = worth(rows, windows, profile)
    start = probation(rows)
    counted = [i for i in alarms if i >= start]
    total = 0.0
    for first, last in scored_windows(rows, windows):
        inside = [values[i] for i in counted if first <= i <= last]
        total += max([-profile.fn, *inside])
    return total + sum(values[i] for i in false_alarms(rows, alarms, windows))


def false_alarms(rows: int, alarms: Sequence[int], windows: Sequence[Window]) -> list[int]:
    """The alarms after probation outside every window."""
    start = probation(rows)
    return [i for i in alarms if i >= start and not any(a <= i <= b for a, b in windows)]


def found(rows: int, alarms: Sequence[int], windows: Sequence[Window]) -> int:
    """How many windows hold an alarm after probation."""
    start = probation(rows)
    return sum(any(max(a, start) <= i <= b for i in alarms) for a, b in windows)


def normalised(total: float, series: Sequence[Series], profile: Profile) -> float:
    """A sum of raw scores on the scale from 0 (says nothing) to 100 (perfect)."""
    null = -profile.fn * sum(len(scored_windows(len(s.values), s.windows)) for s in series)
    perfect = profile.tp * sum(len(s.windows) for s in series)
    return 100.0 * (total - null) / (perfect - null)


def score(series: Sequence[Series], alarms: Sequence[Sequence[int]], profile: Profile) -> float:
    """The normalised score of a detector that alarmed at these rows of these series."""
    total = sum(
        raw_score(len(s.values), rows, s.windows, profile) for s, rows in zip(series, alarms, strict=True)
    )
    return normalised(total, series, profile)


def best_threshold(
    series: Sequence[Series], scores: Sequence[Sequence[float]], profile: Profile
) -> tuple[float, float]:
    """(normalised score, threshold) at the one threshold for all series that gives the most: each row with a
    score at or above it is an alarm. Every threshold is tried, as NAB's optimiser does.
    """
    points: list[tuple[float, float, int]] = []  # score of the row, its worth, its window or -1
    best_in: list[float] = []
    for one, values in zip(series, scores, strict=True):
        rows = len(one.values)
        windows = scored_windows(rows, one.windows)
        base = len(best_in)
        best_in += [-profile.fn] * len(windows)
        gains = worth(rows, one.windows, profile)
        place = [-1] * rows
        for k, (first, last) in enumerate(windows):
            place[first : last + 1] = [base + k] * (last - first + 1)
        points += [(values[i], gains[i], place[i]) for i in range(probation(rows), rows)]
    points.sort(key=lambda point: -point[0])
    total = sum(best_in)
    best = (total, math.inf)
    for k, (value, gain, place) in enumerate(points):
        if place < 0:
            total += gain
        elif gain > best_in[place]:
            total += gain - best_in[place]
            best_in[place] = gain
        if k + 1 == len(points) or points[k + 1][0] != value:
            best = max(best, (total, value))
    return normalised(best[0], series, profile), best[1]


def windowed_gaussian(values: Sequence[float], window: int = 6400, step: int = 100) -> list[float]:
    """NAB's baseline: 1 - the tail probability of a value under the mean and deviation of the last `window`
    values, which move on `step` values at a time.
    """
    x = np.asarray(values) - values[0]
    n = len(x)
    sums, squares = np.concatenate([[0], np.cumsum(x)]), np.concatenate([[0], np.cumsum(x * x)])
    rows = np.arange(n)
    first = np.where(rows < window, 0, (rows - window) // step * step)
    last = np.where(rows < window, rows, first + window)
    size = np.maximum(1, last - first)
    mean = (sums[last] - sums[first]) / size
    sigma = np.sqrt(np.maximum(0, (squares[last] - squares[first]) / size - mean * mean))
    score = 1 - 0.5 * erfc(np.abs(x - mean) / np.where(sigma == 0, 1e-6, sigma) / math.sqrt(2))
    score[0] = 0
    return [float(s) for s in score]


def load(folder: Path) -> list[Series]:
    """Every series below `folder`/data that has labels (an empty list is a label, too), sorted by name.

    .csv and .csv.gz with the columns timestamp,value. Raises CorpusError if the folder is none, a file is
    broken, or a window does not begin and end at a row.
    """
    labels = folder / "combined_windows.json"
    if not labels.is_file():
        labels = folder / "labels" / "combined_windows.json"
    if not labels.is_file():
        raise CorpusError(f"{folder}: no combined_windows.json in it, nor in labels/: not a NAB corpus")
    out = []
    for name, limits in sorted(json.loads(labels.read_text(encoding="utf-8")).items()):
        for path in (folder / "data" / name, folder / "data" / f"{name}.gz"):
            if path.is_file():
                out.append(_series(path, name, limits))
                break
    if not out:
        raise CorpusError(f"{folder / 'data'}: none of the series that {labels.name} names is there")
    return out


def _series(path: Path, name: str, limits: Sequence[Sequence[str]]) -> Series:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    rows = list(csv.reader(io.StringIO(text)))[1:]
    try:
        times = [datetime.fromisoformat(row[0]) for row in rows]
        values = [float(row[1]) for row in rows]
        at = {t: i for i, t in reversed(list(enumerate(times)))}
        windows = [(at[datetime.fromisoformat(a)], at[datetime.fromisoformat(b)]) for a, b in limits]
    except (ValueError, IndexError) as error:
        raise CorpusError(f"{path}: not rows of timestamp,value: {error}") from error
    except KeyError as error:
        raise CorpusError(f"{path}: a label window begins or ends at {error}, which is no row") from error
    return Series(name, [(t - times[0]).total_seconds() for t in times], values, windows)
