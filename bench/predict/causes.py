"""Causes of which no recordings are at hand, on machines made up from their equations; and what the judges say of real ones.

    python bench/predict/causes.py --data DIR                 QUICK=1 takes three machines of each cause instead of twelve

Made up (tools/babbitt_tools/sim/causes.py): cage, outer race, imbalance, bent shaft, misalignment, looseness, gears (a tooth of the
driving or the driven one), a motor's stator and its rotor bars, cavitation, and healthy ones; speed, teeth, poles and severity are
drawn. Each is examined with all facts of the machine and the recording of its healthy twin, and once more without that recording. The
same person wrote simulation and judges: they show that the judges do what the physics they were written from says, no more.

Real: the gearbox of the GFD set (healthy and broken tooth, two loads; neither rate nor teeth are published with it: 32 teeth and 80, and
samples a turn, were read from the lines of the healthy recordings); the motors of CWRU (4 poles, 60 Hz), with which nothing electrical is
wrong; ADI's rig against its healthy state at the same speed and load, of which no state is cavitation.

A machine is correct if its cause, and no other, is named; wrong if another is, else undetermined. The baseline names the candidate whose
fundamental stands highest over the background, and always answers. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from babbitt.health.bearings import CATALOGUE
from babbitt.health.electrical import ROTOR, STATOR, Motor, electrical
from babbitt.health.evidence import Capture
from babbitt.health.gears import gears
from babbitt.health.noise import noise
from babbitt.health.report import Machine, examine
from babbitt.manipulation.envelope import envelope_spectrum
from babbitt.manipulation.spectra import spectrum
from babbitt_tools.sim import causes as sim

QUICK = bool(os.environ.get("QUICK"))
MACHINES = 3 if QUICK else 12
GOALS = {"correct": 0.9, "wrong": 0.03}
ORDERS = CATALOGUE["6205"].orders()
LINE_HZ = 50.0
GFD_TURN = 1 / 0.0023243
"""Samples a turn of the input shaft of the GFD set, read from its mesh of 32 teeth."""


def capture(axes: dict[str, np.ndarray], rate_hz: float) -> Capture:
    """Whole recordings, one window each."""
    return Capture({name: x[None] for name, x in axes.items()}, rate_hz)


def machines() -> Iterator[tuple[str, Capture, Capture, float, Machine]]:
    """Truth, recording, the one before, speed (Hz), what is known of the machine."""
    for seed in range(MACHINES):
        rng = np.random.default_rng(seed)
        poles = int(rng.choice([2, 4, 6]))
        shaft = 2 * LINE_HZ / poles - rng.uniform(0.25, 0.6)
        teeth, driven = int(rng.integers(17, 40)), int(rng.integers(45, 90))
        machine = Machine(ORDERS, teeth, driven, Motor(LINE_HZ, poles), "z")
        rig, twin = (sim.Rig(shaft, 6400.0, 10.0, n) for n in (seed, seed + 500))
        well, meshing = sim.healthy(twin), sim.gear(twin, teeth, driven=driven)
        severe = rng.uniform(1.0, 2.0)
        made = {
            "none": (sim.healthy(rig), well),
            "none, gears": (sim.gear(rig, teeth, driven=driven), meshing),
            "imbalance": (sim.imbalance(rig, 2 * severe), well),
            "bent shaft": (sim.bent(rig, 2 * severe), well),
            "misalignment": (sim.misalignment(rig, 1.5 * severe), well),
            "looseness": (sim.looseness(rig, push=2.5 * severe), well),
            "outer race": (sim.knocks(rig, ORDERS["outer race"], 0.2 * severe), well),
            "cage": (sim.knocks(rig, ORDERS["cage"], 0.2 * severe), well),
            "gear mesh": (sim.gear(rig, teeth, 0.45 * severe), meshing),
            "gear mesh, driven": (sim.gear(rig, teeth, 0.45 * severe, driven), meshing),
            STATOR: (sim.stator(rig, LINE_HZ, 1.5 * severe), well),
            ROTOR: (sim.bars(rig, LINE_HZ, poles, 0.25 * severe), well),
            "broadband noise": (sim.cavitation(rig, 0.5 * severe), well),
        }
        for truth, (now, before) in made.items():
            yield truth, capture(now, rig.rate_hz), capture(before, rig.rate_hz), shaft, machine


def highest(recording: Capture, shaft: float, machine: Machine) -> str:
    """The baseline: whose fundamental stands highest over the background."""
    lines = spectrum(recording.axes.values(), recording.rate_hz, 4 * shaft)
    envelope = envelope_spectrum(recording.axes["x"], recording.rate_hz, shaft)
    places = {
        "imbalance": shaft, "misalignment": 2 * shaft, "looseness": shaft / 2, "gear mesh": (machine.teeth or 1) * shaft,
        STATOR: 2 * LINE_HZ,
    }  # fmt: skip
    heights = {cause: lines.height(hz, 0.002 * hz)[1] for cause, hz in places.items()}
    heights |= {cause: envelope.at(order * shaft) for cause, order in ORDERS.items()}
    return max(heights, key=lambda cause: heights[cause])


def outcome(truth: str, said: tuple[str, ...]) -> str:
    """Of one machine; what is in the name of a truth after a comma is a variety of it."""
    cause = truth.split(",", maxsplit=1)[0]
    expected = () if cause == "none" else (cause,)
    if said == expected:
        return "correct"
    return "undetermined" if not said else "wrong"


def real(folder: Path) -> dict[str, dict[str, int]]:
    """What is said of real machines: counts by judge and truth."""
    found: dict[str, Counter[str]] = {}
    boxes = {}
    for path in sorted(folder.glob("gearbox_gfd/*.npz"), reverse=True):  # healthy ones first
        a = np.load(path)["a"].astype(float)
        boxes[path.stem] = box = Capture({str(n): x[None] for n, x in enumerate(a.T)}, 30 * GFD_TURN)
        truth = "healthy" if path.name[0] == "h" else "broken tooth"
        one = gears(box, 30.0, 32, 80)
        found.setdefault(f"gears, gfd {truth}", Counter())[one.cause] += 1
        found.setdefault("gears, gfd, mesh is a line", Counter())[str(one.tones[0].over >= 10)] += 1
        if truth != "healthy":
            one = gears(box, 30.0, 32, 80, boxes["h" + path.stem[1:]])
            found.setdefault(f"gears, gfd {truth}, with before", Counter())[one.cause] += 1
    for path in sorted(folder.glob("cwru/*.npz")):
        z = np.load(path)
        x = z["de_counts"] * float(z["g_per_count"])
        said = electrical(Capture({"x": x[None]}, float(z["fs"])), float(z["rpm"]) / 60, Motor(60.0, 4)).cause
        found.setdefault("electrical, cwru", Counter())[said] += 1
    rig = {}
    for path in sorted(folder.glob("mems_adi_cbm/[13]*.npz")):
        g = np.load(path)["counts"].astype(float) * 3e-5 / 0.08
        rig[path.stem] = Capture({axis: g[:, n][None] for n, axis in enumerate("xyz")}, 20_000.0)
    for name, recording in rig.items():
        speed, bearing, shaft, balance, aligned, load = name.split("_")
        state = "bearing" if bearing != "GoB" else "imbalance" if balance != "BaLo" else shaft + aligned
        if state != "GSWA":
            said = noise(recording, rig[f"{speed}_GoB_GS_BaLo_WA_{load}"]).cause
            known = {"BSWA": "bent shaft", "GSMA": "misalignment"}.get(state, state)
            found.setdefault(f"noise, adi {known}", Counter())[said] += 1
    return {key: dict(one) for key, one in sorted(found.items())}


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    folder = parser.parse_args().data
    found: dict[str, Counter[str]] = {}
    alone: dict[str, Counter[str]] = {}
    base: Counter[str] = Counter()
    for truth, now, before, shaft, machine in machines():
        said = examine(now, shaft, machine, before).causes
        found.setdefault(truth, Counter())[outcome(truth, said)] += 1
        if outcome(truth, said) != "correct":
            print(f"{truth}: {said}", file=sys.stderr)
        without = examine(now, shaft, machine).causes
        alone.setdefault(truth, Counter())[outcome(truth, without)] += 1
        base[outcome(truth, (highest(now, shaft, machine),))] += 1
    total: Counter[str] = sum(found.values(), Counter())
    share = {what: round(total[what] / total.total(), 3) for what in ("correct", "undetermined", "wrong")}
    beside = round(base["correct"] / base.total(), 3)
    print(
        json.dumps(
            {
                "bench": "causes", "figure": share["correct"], "unit": "share of made-up machines named", "baseline": beside,
                "ratio": round(share["correct"] / max(1e-9, beside), 2), "goal": GOALS,
                "ok": share["correct"] >= GOALS["correct"] and share["wrong"] <= GOALS["wrong"], "machines": total.total(),
                **share, "by_cause": {key: dict(one) for key, one in found.items()},
                "without_before": {key: dict(one) for key, one in alone.items()},
                "real": real(folder),
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
