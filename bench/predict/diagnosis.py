"""Is the cause of a bearing fault found, on machines that are met for the first time?

    python bench/predict/diagnosis.py --data DIR              QUICK=1 leaves out the search for unknown bearings

Sets: CWRU and MFPT with their geometry; ADI (a MEMS sensor, 2 s a record, orders 3.04 and 4.95 by its description) at 1800
and 3000 r/min; UESTC, whose geometry is not published with it: there a family of lines is to be found or not, and healthy
records are to give none. The settings (CLEAR, WEAK, APART, SLIP in babbitt/health/diagnosis.py) were chosen with CWRU and MFPT
in view; ADI and UESTC were looked at once, with these settings.

The rotor (babbitt/health/rotor.py, textbook limits, nothing tuned to the set): ADI at 1800 and 3000 r/min, imbalance, misalignment,
bent shaft and healthy, alone and against the healthy machine at the same speed and load.

Beside whole records the same in windows of 20 turns with the rest thrown away, as a node takes them; and both with the band of the
kurtogram in place of the whole signal, on the race faults of CWRU and MFPT.

A record is correct if its cause is named, wrong if another one is (or any on a healthy one), else undetermined. The baseline is
the plain envelope: a fixed band (a quarter to four fifths of the half rate), the highest of the three fundamentals wins. The figure is
the share of race faults of CWRU and MFPT that are named. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import NotEnough
from babbitt.health.bearings import CATALOGUE
from babbitt.health.diagnosis import diagnose
from babbitt.health.report import BAND_ORDERS
from babbitt.health.rotor import rotor
from babbitt.manipulation.kurtogram import kurtogram

QUICK = bool(os.environ.get("QUICK"))
GOALS = {"races": 0.95, "wrong": 0.03}
Record = tuple[str, str, NDArray[np.float64], float, float, dict[str, float] | None]
"""Set, truth, samples, rate (Hz), shaft (Hz), orders."""


def cwru(folder: Path) -> Iterator[Record]:
    """Case Western Reserve University, drive end."""
    truth = {"B": "ball", "I": "inner race", "O": "outer race", "N": "none"}
    for path in sorted(folder.glob("cwru/*.npz")):
        z = np.load(path)
        x = z["de_counts"] * float(z["g_per_count"])
        yield "cwru", truth[path.name[0]], x, float(z["fs"]), float(z["rpm"]) / 60, CATALOGUE["6205"].orders()


def mfpt(folder: Path) -> Iterator[Record]:
    """Society for Machinery Failure Prevention Technology."""
    for path in sorted(folder.glob("mfpt/*.npz")):
        z = np.load(path)
        shaft = float(z["shaft_hz"])
        said = "inner race" if path.name.startswith("Inner") else "outer race"
        orders = {
            "cage": float(z["BPFO"]) / shaft / 8,
            "outer race": float(z["BPFO"]) / shaft, "inner race": float(z["BPFI"]) / shaft, "ball": 2 * float(z["BSF"]) / shaft,
        }  # fmt: skip
        yield "mfpt", said, z["counts"] * float(z["g_per_count"]), float(z["fs"]), shaft, orders


def adi(folder: Path) -> Iterator[Record]:
    """A MEMS accelerometer on a motor rig; the axis with the largest kurtosis."""
    rows = _labels(folder)
    truth = {
        "GoB": "none",
        "HBF": "ball",
        "LBF": "ball",
        "HIR": "inner race",
        "LIR": "inner race",
        "HOR": "outer race",
        "LOR": "outer race",
    }
    for row in rows:
        path = folder / "mems_adi_cbm" / f"{row['name']}.npz"
        if int(row["rpm"]) < 1800 or not path.exists() or row["bearing"] not in truth:
            continue
        axis = int(np.argmax([float(row[f"{one}_kurt"]) for one in "xyz"]))
        x = np.load(path)["counts"][:, axis].astype(float)
        yield (
            "adi",
            truth[row["bearing"]],
            x,
            20_000.0,
            int(row["rpm"]) / 60,
            {"outer race": 3.04, "inner race": 4.95},
        )


def uestc(folder: Path) -> Iterator[Record]:
    """University of Electronic Science and Technology of China: geometry unknown."""
    for path in sorted(folder.glob("uestc_bearing/*.npz")):
        z = np.load(path)
        said = "none" if path.name[0] == "N" else "ball" if path.name[0] == "B" else "bearing"
        yield "uestc", said, z["counts"].astype(float), float(z["fs"]), float(z["rpm"]) / 60, None


def plain(x: NDArray[np.float64], rate: float, shaft: float, orders: dict[str, float]) -> str:
    """The plain envelope at a fixed band: whose fundamental is highest."""
    lines = np.fft.rfft(x - x.mean())
    hz = np.fft.rfftfreq(len(x), 1 / rate)
    lines[(hz < rate / 8) | (hz > 0.4 * rate)] = 0
    whole = np.zeros(len(x), complex)
    whole[: len(lines)] = 2 * lines
    envelope = np.abs(np.fft.ifft(whole))
    size = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(x))))

    def height(order: float) -> float:
        near = (hz > order * shaft * 0.98) & (hz < order * shaft * 1.02)
        return float(size[near].max(initial=0.0))

    return max(orders, key=lambda name: height(orders[name]))


def windows(
    x: NDArray[np.float64], rate: float, shaft: float, turns: int = 20, most: int = 10
) -> NDArray[np.float64]:
    """Windows of so many turns, as a node would have taken them: shape (windows, n)."""
    n = int(turns * rate / shaft)
    count = min(most, len(x) // n)
    return x[: count * n].reshape(count, n)


def rotors(folder: Path) -> dict[str, dict[str, int]]:
    """What is said of each state of ADI's rotor, alone and against the healthy one: counts by truth."""
    rows = _labels(folder)
    well, found = {}, {}
    for row in sorted(rows, key=lambda row: _state(row) != "healthy"):
        path = folder / "mems_adi_cbm" / f"{row['name']}.npz"
        if int(row["rpm"]) < 1800 or not path.exists() or not (truth := _state(row)):
            continue
        g = np.load(path)["counts"].astype(float) * 3e-5 / 0.08
        axes = {axis: g[:, n][None] for n, axis in enumerate("xyz")}
        where = row["rpm"], row["load_lb"]
        alone = rotor(axes, 20_000.0, int(row["rpm"]) / 60)
        if truth == "healthy":
            well[where] = alone
        else:
            against = rotor(axes, 20_000.0, int(row["rpm"]) / 60, well[where])
            found.setdefault(f"{truth}, with before", Counter())[against.cause] += 1
        found.setdefault(truth, Counter())[alone.cause] += 1
    return {key: dict(one) for key, one in sorted(found.items())}


def _labels(folder: Path) -> list[dict[str, str]]:
    path = folder / "mems_adi_cbm" / "labels.csv"
    return list(csv.DictReader(path.open())) if path.exists() else []


def _state(row: dict[str, str]) -> str:
    if row["bearing"] != "GoB":
        return ""
    if row["load_balance"] != "BaLo":
        return "imbalance"
    return "bent shaft" if row["shaft"] == "BS" else "misalignment" if row["alignment"] == "MA" else "healthy"


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    folder = parser.parse_args().data
    found: dict[str, Counter[str]] = {}
    base: dict[str, Counter[str]] = {}
    short: Counter[str] = Counter()
    banded: Counter[str] = Counter()
    short_banded: Counter[str] = Counter()
    for read in (cwru, mfpt, adi) if QUICK else (cwru, mfpt, adi, uestc):
        for name, truth, x, rate, shaft, orders in read(folder):
            try:
                said = diagnose(x, rate, shaft, orders).cause
            except NotEnough as error:
                print(error, file=sys.stderr)
                continue
            key = f"{name} {truth}"
            found.setdefault(key, Counter())[_outcome(said, truth)] += 1
            if name in ("cwru", "mfpt") and "race" in truth:
                some = windows(x, rate, shaft)
                short[_outcome(diagnose(some, rate, shaft, orders).cause, truth)] += 1
                for part, into in ((x[None], banded), (some, short_banded)):
                    band = kurtogram(part, rate, BAND_ORDERS * shaft)[0]
                    into[_outcome(diagnose(part, rate, shaft, orders, band).cause, truth)] += 1
            if orders is not None:
                base.setdefault(key, Counter())[_outcome(plain(x, rate, shaft, orders), truth)] += 1
    if not found:
        parser.error(f"{folder} has none of cwru, mfpt, mems_adi_cbm, uestc_bearing")
    races = [one for key, one in found.items() if key.startswith(("cwru", "mfpt")) and "race" in key]
    plain_races = [one for key, one in base.items() if key.startswith(("cwru", "mfpt")) and "race" in key]
    tuned, blind = _total(found, ("cwru", "mfpt")), _total(found, ("adi", "uestc"))
    figure = _share(races, "correct")
    print(
        json.dumps(
            {
                "bench": "diagnosis", "figure": figure, "unit": "share of race faults named (CWRU, MFPT)",
                "baseline": _share(plain_races, "correct"), "ratio": round(figure / max(1e-9, _share(plain_races, "correct")), 2),
                "goal": GOALS, "ok": figure >= GOALS["races"] and tuned["wrong"] <= GOALS["wrong"], "in_view": tuned, "blind": blind,
                "baseline_wrong": _total(base, ("cwru", "mfpt", "adi"))["wrong"],
                "races_in_windows": dict(short),
                "races_by_kurtogram": dict(banded), "races_in_windows_by_kurtogram": dict(short_banded), "rotor": rotors(folder),
                "by_class": {key: dict(one) for key, one in sorted(found.items())},
            }
        )
    )  # fmt: skip
    return 0


def _outcome(said: str, truth: str) -> str:
    if said == truth:
        return "correct"
    return "undetermined" if said in ("undetermined", "none") else "wrong"


def _share(some: list[Counter[str]], what: str) -> float:
    total = sum(sum(one.values()) for one in some)
    return round(sum(one[what] for one in some) / max(1, total), 3)


def _total(found: dict[str, Counter[str]], sets: tuple[str, ...]) -> dict[str, float]:
    some = [one for key, one in found.items() if key.startswith(sets)]
    return {what: _share(some, what) for what in ("correct", "undetermined", "wrong")} | {
        "records": sum(sum(one.values()) for one in some)
    }


if __name__ == "__main__":
    sys.exit(main())
