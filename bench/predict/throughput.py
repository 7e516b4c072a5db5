"""How many channels does the analysis judge in a second on one core, and what does one cost in memory?

    python bench/predict/throughput.py               QUICK=1 takes fewer machines

Machines with twelve vibration channels and a temperature, as the simplest node has them, and again with eight bands an axis. Their
baselines are learnt; then records are judged one after the other by `MachineAnalyser.update`, as the host does.

The figure is the share of one core that 10,000 channels at a record in 10 s take. The baseline is what each record costs without
any model: the features and the overall level alone. Memory is that of the process by so many analysers. The last line of the
output is one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sys
import time
import tracemalloc
from pathlib import Path

from babbitt.detection.baseline import LEARN
from babbitt.manipulation.features import features, overall_rms
from babbitt.prognosis.machine import MachineAnalyser
from babbitt.protocol.assessment import Asset

QUICK = bool(os.environ.get("QUICK"))
MACHINES = 20 if QUICK else 200
ROUNDS = 10 if QUICK else 30
GOAL = 0.25
CHANNELS, EVERY_S = 10_000, 10.0


def record(rng: random.Random, bands: int) -> dict[str, float | None]:
    """One record of a healthy machine."""
    out: dict[str, float | None] = {"temp.mean": rng.gauss(40, 1)}
    for axis in "xyz":
        rms = rng.gauss(0.3, 0.01)
        out[f"vib.{axis}.rms"], out[f"vib.{axis}.peak"] = rms, rms * rng.gauss(4, 0.2)
        out[f"vib.{axis}.crest"], out[f"vib.{axis}.kurt"] = rng.gauss(4, 0.2), rng.gauss(3, 0.1)
        for n in range(1, bands + 1):
            out[f"vib.{axis}.band{n}"] = rng.gauss(0.1, 0.005)
    return out


def judged(bands: int) -> dict[str, float]:
    """Microseconds a channel, bytes a channel, and the same without a model."""
    rng = random.Random(3)
    some = [record(rng, bands) for _ in range(LEARN + ROUNDS + 10)]
    width = len(some[0])
    gc.collect()
    tracemalloc.start()
    machines = [MachineAnalyser(Asset("s", "n", str(n), "machine", 10, {})) for n in range(MACHINES)]
    for n, values in enumerate(some[:LEARN]):
        for machine in machines:
            machine.update(n * 10_000, values)
    for n, values in enumerate(some[LEARN : LEARN + 10], LEARN):
        for machine in machines:
            machine.update(n * 10_000, values)
    gc.collect()
    memory = tracemalloc.get_traced_memory()[0] / MACHINES
    tracemalloc.stop()
    assert all(machine.baseline.learnt for machine in machines)
    began = time.process_time()
    for n, values in enumerate(some[LEARN + 10 :], LEARN + 10):
        for machine in machines:
            machine.update(n * 10_000, values)
    took = time.process_time() - began
    began = time.process_time()
    for values in some[LEARN + 10 :]:
        for _ in machines:
            features(values), overall_rms(values)
    bare = time.process_time() - began
    updates = MACHINES * ROUNDS
    return {
        "channels": width, "us_a_record": round(took / updates * 1e6, 1), "channels_s": round(updates * width / took),
        "us_without": round(bare / updates * 1e6, 1), "bytes_a_channel": round(memory / width),
    }  # fmt: skip


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, help="not used: the records are made up")
    parser.parse_args()
    plain, banded = judged(0), judged(8)
    share = CHANNELS / EVERY_S / min(plain["channels_s"], banded["channels_s"])
    bare = CHANNELS / EVERY_S / (plain["channels"] / plain["us_without"] * 1e6)
    print(
        json.dumps(
            {
                "bench": "throughput", "figure": round(share, 4), "unit": "of a core for 10,000 channels each 10 s",
                "baseline": round(bare, 4), "ratio": round(share / bare, 1), "goal": GOAL, "ok": share < GOAL,
                "plain": plain, "with_bands": banded,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
