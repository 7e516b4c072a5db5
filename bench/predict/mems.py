"""Does a baseline of the normal machine tell the abnormal one, with cheap MEMS sensors?

    python bench/predict/mems.py --data DIR

Sets: NXP fan (200 Hz; clogged, which vibrates less, and rubbing), ceiling fan (ESP32 + MSA301; a coin on a blade), MPU6050 motor
(imbalance), UCI cooler fan (weights on the blades, at nine speeds). Records are windows of a second, as a node would send them:
rms, peak, crest, kurtosis and eight equal bands of each axis. The host's baseline (babbitt/detection/baseline.py) learns from the
first normal session, what comes later of it and the other sessions are to be normal; the machine is off before each session. The
same settings for all. A fan that runs up is not judged until it is steady, by the detector's own rule.

They were chosen with the NXP fan and the ceiling fan in view; the other two were looked at while that was done. How much a machine varies
(babbitt/detection/scatter.py) counts since the UCI fan at 30 % speed showed that it tells there what nothing else does.

The figure is the lowest AUROC of the four sets; of UCI the mean of its speeds. False alarms are the records of normal sessions at
or above the limit. The baseline is a z-score of the RMS of all axes against the same learning records, smoothed alike. The last
line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import features_numpy as node  # noqa: E402

from babbitt.detection.baseline import LEARN, SMOOTH, Baseline  # noqa: E402

BANDS = 8
GOAL = 0.95
Windows = NDArray[np.float64]
"""Shape (windows, samples, axes), in g."""
Case = tuple[str, Windows, list[Windows], dict[str, Windows]]
"""Set, normal session to learn from, other normal ones, abnormal ones."""


def nxp(folder: Path) -> Iterator[Case]:
    """Of each fan all sessions, each as the one that is learnt from."""
    fans: dict[str, dict[tuple[str, str], Windows]] = {}
    for path in sorted((folder / "mems_nxp_fan").glob("fan*_*_*.npz")):
        fan, session, state = path.stem.split("_", 2)
        acc = np.load(path)["acc"] / 4096
        fans.setdefault(fan, {})[session, state] = acc[: len(acc) // 200 * 200].reshape(-1, 200, 3)
    for found in fans.values():
        sessions = [session for session, state in found if state == "on"]
        bad = {f"{state} {one}": part for (one, state), part in found.items() if state not in ("on", "off")}
        for one in sessions:
            yield "nxp fan", found[one, "on"], [found[s, "on"] for s in sessions if s != one], bad


def ceiling(folder: Path) -> Iterator[Case]:
    """Of each fan and speed the normal session, and those with a weight."""
    kinds: dict[str, dict[str, Windows]] = {}
    for path in sorted((folder / "mems_ceiling_fan").glob("fan_*_weight*.npz")):
        _, fan, speed, rest = path.stem.split("_", 3)
        if speed != "off":
            kinds.setdefault(f"{fan} {speed}", {})[rest] = np.load(path)["counts"] / 2048
    for found in kinds.values():
        if (normal := found.pop("0_weight", None)) is not None and found:
            yield "ceiling fan", normal, [], found


def mpu6050(folder: Path) -> Iterator[Case]:
    """100 Hz; each healthy trial as the one that is learnt from."""

    def load(path: Path) -> Windows:
        with gzip.open(path, "rt") as file:
            rows = np.array([[float(v) for v in row[1:4]] for row in list(csv.reader(file))[1:]]) / 9.80665
        return rows[: len(rows) // 100 * 100].reshape(-1, 100, 3)

    found = {
        path.name.split(".")[0]: load(path)
        for path in sorted((folder / "mems_mpu6050_motor").glob("motor_*.csv.gz"))
    }
    healthy = [name for name in found if "healthy" in name]
    bad = {name: part for name, part in found.items() if name not in healthy}
    for one in healthy if bad else ():
        yield "mpu6050 motor", found[one], [found[other] for other in healthy if other != one], bad


def uci(folder: Path) -> Iterator[Case]:
    """20 Hz; weights 1 is balanced, 2 and 3 are not."""
    for path in sorted((folder / "mems_uci_fan").glob("accelerometer*.csv.gz")):
        with gzip.open(path, "rt") as file:
            rows = np.array([[float(v) for v in row] for row in list(csv.reader(file))[1:]])
        for speed in sorted(set(rows[:, 1].tolist())):

            def load(weights: int, speed: float = speed, rows: Windows = rows) -> Windows:
                some = rows[(rows[:, 0] == weights) & (rows[:, 1] == speed), 2:]
                return some[: len(some) // 20 * 20].reshape(-1, 20, 3)

            yield f"uci fan {speed:.0f} %", load(1), [], {"weights 2": load(2), "weights 3": load(3)}


def record(window: NDArray[np.float64]) -> dict[str, float | None]:
    """A window as a node reports it."""
    out: dict[str, float | None] = {}
    count = len(window)
    for axis, column in zip("xyz", window.T, strict=True):
        d = column - column.mean()
        for name, value in node.shape(d).items():
            out[f"vib.{axis}.{name}"] = value
        power = np.abs(np.fft.rfft(d * np.hanning(count))[2:]) ** 2
        for n, part in enumerate(np.array_split(power, min(BANDS, len(power))), 1):
            out[f"vib.{axis}.band{n}"] = float(np.sqrt(16 / 3 * part.sum() / count**2))
    return out


OFF: dict[str, float | None] = dict.fromkeys((f"vib.{axis}.rms" for axis in "xyz"), 0.0)


class Learnt:
    """A baseline that has learnt, and the z-score beside it. ``rest`` is what it did not need."""

    def __init__(self, session: Windows) -> None:
        baseline, used = Baseline(), 0
        for window in session[: max(LEARN, len(session) // 2)]:
            baseline.update(record(window))
            used += 1
            if baseline.learnt:
                break
        while not baseline.learnt and used < len(session):
            baseline.update(record(session[used]))
            used += 1
        self._state = json.dumps(baseline.dump())
        self.learnt = baseline.learnt
        self.rest = session[used:]
        levels = [self._level(window) for window in session[:used][-LEARN:]]
        self._mean, self._sd = statistics.fmean(levels), statistics.stdev(levels)

    @staticmethod
    def _level(window: NDArray[np.float64]) -> float:
        return float(np.linalg.norm(window.std(axis=0)))

    def scores(self, session: Windows, fresh: bool = True) -> tuple[list[float], list[float]]:
        """Of the detector and of the z-score; `fresh`: the machine was off before."""
        baseline = Baseline.load(json.loads(self._state))
        if fresh:
            for _ in range(5):
                baseline.update(OFF)
        ours, theirs, recent = [], [], []
        for window in session:
            verdict = baseline.update(record(window))
            recent = [*recent, abs(self._level(window) - self._mean) / self._sd][-SMOOTH:]
            if verdict is not None and verdict.running and len(recent) == SMOOTH:
                ours.append(verdict.score)
                theirs.append(statistics.median(recent))
        return ours, theirs


def auroc(normal: list[float], bad: list[float]) -> float:
    """Area under the curve: the chance that a bad record has the higher score, ties counted half."""
    values, at = np.unique(np.concatenate([normal, bad]), return_inverse=True)
    low, high = (np.bincount(part, minlength=len(values)) for part in (at[: len(normal)], at[len(normal) :]))
    below = np.cumsum(low) - low
    return float((high * (below + low / 2)).sum() / (len(normal) * len(bad)))


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    folder = parser.parse_args().data
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    rows = []
    for read in (nxp, ceiling, mpu6050, uci):
        for name, session, others, bad in read(folder):
            learnt = Learnt(session)
            normal, normal_z = learnt.scores(learnt.rest, fresh=False)
            for other in others:
                ours, theirs = learnt.scores(other)
                normal, normal_z = normal + ours, normal_z + theirs
            alarmed: list[float] = []
            alarmed_z: list[float] = []
            for some in bad.values():
                ours, theirs = learnt.scores(some)
                alarmed, alarmed_z = alarmed + ours, alarmed_z + theirs
            row = (
                auroc(normal, alarmed), auroc(normal_z, alarmed_z),
                sum(score >= 1 for score in normal) / len(normal), sum(score >= 1 for score in alarmed) / len(alarmed),
            )  # fmt: skip
            print(
                f"{name:16} AUROC {row[0]:.3f} (z-score {row[1]:.3f}), false {row[2]:.3f}, told {row[3]:.3f}",
                file=sys.stderr,
            )
            rows.append([name, *(round(one, 3) for one in row), learnt.learnt])
            found.setdefault(name.partition(" fan")[0], []).append(row)
    if not found:
        parser.error(f"{folder} has none of mems_nxp_fan, mems_ceiling_fan, mems_mpu6050_motor, mems_uci_fan")
    means = {
        name: [round(statistics.fmean(column), 3) for column in zip(*some, strict=True)]
        for name, some in found.items()
    }
    worst = min(means.values(), key=lambda one: one[0])[0]
    beside = min(means.values(), key=lambda one: one[1])[1]
    print(
        json.dumps(
            {
                "bench": "mems", "figure": worst, "unit": f"lowest AUROC of {len(means)} sets", "baseline": beside,
                "ratio": round(worst / beside, 2), "goal": GOAL, "ok": worst >= GOAL,
                "sets": {k: dict(zip(("auroc", "z_score", "false", "told"), v, strict=True)) for k, v in means.items()},
                "rows": rows,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
