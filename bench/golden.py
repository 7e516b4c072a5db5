"""Do a node on MicroPython and a host on CPython decide the same, bit for bit?

Plays all golden vectors, seeded random series through random checks, and random vibration windows on CPython
and on the real MicroPython (the compiled modules of a node, the heap of an ESP32) and compares every
transition with its evidence, every final state and every feature. The baseline is what a detector in floats
would do: the same rolling statistics in double precision (a PC) and in single precision (an ESP32).

The last line of the output is one JSON object. QUICK=1 plays fewer series. Exit status 1 if anything differs.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "firmware"), str(ROOT / "firmware")]

import replay  # noqa: E402
from mp_runner import Runner  # noqa: E402

from babbitt_node.checks import TYPES, find  # noqa: E402
from babbitt_node.checks.base import table  # noqa: E402

TOP = 2**30 - 1
NORMAL, LOW, HIGH, LEARNING = range(4)
Job = dict[str, Any]


def random_spec(rng: random.Random) -> Job:
    """A valid specification of a random type; every setting has the chance of its whole range."""
    kind = rng.choice(sorted(TYPES))
    spec: Job = {"id": "random", "type": kind}
    if find(kind).CHANNEL:
        spec["channel"] = "vib.x.rms"
    for name, low, high, default in table(find(kind)):
        whole = rng.random() < 0.2
        if isinstance(low, tuple):
            spec[name] = rng.choice(low) if whole else default
        elif isinstance(default, bool):
            spec[name] = whole
        elif isinstance(default, int) and rng.random() < 0.6:
            spec[name] = rng.randint(low, high) if whole else default
    scale = 10 ** rng.randint(1, 8)
    if kind in ("limit", "rate"):
        limits = sorted(rng.sample(range(-scale, scale), 4))
        given = [name for name in ("ll", "l", "h", "hh") if rng.random() < 0.7] or ["h"]
        spec |= {n: v for n, v in zip(("ll", "l", "h", "hh"), limits, strict=True) if n in given}
        spec["hysteresis"] = rng.randint(0, scale // 10)
    if kind == "rate":
        spec["records"] = 2 * rng.randint(1, 32)
    elif kind == "range":
        spec |= {"lo": -rng.randint(0, scale), "hi": rng.randint(0, scale)}
    elif kind == "vote":
        spec["of"] = [f"v{i}" for i in range(rng.randint(2, 16))]
        spec["k"] = rng.randint(1, len(spec["of"]))
    elif kind == "flat":
        spec["tolerance"] = rng.choice((0, scale // 1000, scale))
    elif kind == "anomaly":
        spec |= {"learn": rng.randint(16, 60), "recent": rng.randint(2, 5), "hold": rng.randint(0, 10)}
    elif kind == "zscore":
        spec |= {"z10": rng.randint(20, 80), "shift": rng.randint(3, 10)}
    elif kind == "cusum":
        spec |= {"k10": rng.randint(1, 20), "h10": rng.randint(20, 200)}
    if kind in ("cusum", "zscore"):
        spec |= {"learn": rng.randint(8, 100), "floor": rng.choice((1, 5, 50))}
        spec["floor_abs"] = rng.choice((0, 1, 100))
    spec["on_delay_s"] = rng.choice((1, 10, 35, 60) if kind == "flat" else (0, 0, 10, 35))
    if kind != "flat":
        spec["off_delay_s"] = rng.choice((0, 0, 10, 35))
    return spec


def random_series(rng: random.Random, n: int) -> Job:
    """Noise on a level with steps, drifts, spikes, gaps, extremes and odd intervals; restarts in between."""
    spec = random_spec(rng)
    if spec["type"] == "vote":
        n //= 2  # nearly every value is a transition, and all have to fit the heap of a node
    scale = 10 ** rng.randint(1, 8)
    level, drift, spread = rng.randint(-scale, scale), 0.0, rng.choice((0.001, 0.02, 0.3)) * scale
    values: list[int | None] = []
    for _ in range(n):
        dice = rng.random()
        if spec["type"] == "vote" and dice < 0.9:
            values.append(rng.choice((0, 1, 1, 2, 258)) * rng.randint(0, 4))
            continue
        if dice < 0.01:
            level = rng.randint(-scale, scale)
        elif dice < 0.02:
            drift = rng.uniform(-0.02, 0.02) * scale
        if dice > 0.98:
            values.append(None)
        elif dice > 0.97:
            values.append(rng.choice((TOP, -TOP, 2**24, -(2**24), 2**35, 0)))
        elif dice > 0.95:
            values.append(round(level + rng.uniform(-1, 1) * scale))
        else:
            level += round(drift)
            values.append(round(level + rng.gauss(0, spread)))
        drift *= 0.9
    dt_ms = [rng.choice((10000, 10000, 10000, 0, 9999, -1, 100_000_000)) for _ in range(n)]
    return {"spec": spec, "values": values, "dt_ms": dt_ms, "restore_at": rng.sample(range(n), 3)}


def random_window(rng: random.Random) -> Job:
    """Counts of one axis: noise, sine, impulses or extremes, at any loudness."""
    n = rng.choice((64, 128, 256, 512, 1024))
    high = 2 ** rng.randint(0, 15) - 1
    counts = [rng.randint(-high - 1, high) for _ in range(n)]
    kind = rng.randint(0, 3)
    if kind == 1:
        step = rng.uniform(0.01, 3)
        counts = [round(high * float(np.sin(step * i))) for i in range(n)]
    elif kind == 2:
        counts = [c // 64 if rng.random() < 0.99 else c for c in counts]
    elif kind == 3:
        counts = [rng.choice((-32768, 32767, 0)) for _ in range(n)]
    return {"counts": counts, "scale": rng.choice(([15625, 4], [32767, 1], [1, 128]))}


def on_cpython(job: Job) -> Any:
    """The result of a job in this process, as JSON would carry it."""
    done = replay.features(job) if "counts" in job else replay.replay(job)  # type: ignore[no-untyped-call]
    return json.loads(json.dumps(done))


def on_micropython(jobs: list[Job]) -> list[Any]:
    """The results of all jobs, of each type of check in a MicroPython process of its own: all types at once are
    more than the heap of a node is for. Raises RuntimeError if one dies.
    """
    found: list[Any] = [None] * len(jobs)
    kinds = [job["spec"]["type"] if "spec" in job else "" for job in jobs]
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        for kind in sorted(set(kinds)):
            places = [place for place, one in enumerate(kinds) if one == kind]
            lines = "".join(json.dumps(jobs[place]) + "\n" for place in places)
            done = runner.execute(["-c", "import replay; replay.serve()"], Path(folder), stdin=lines)
            told = done.stdout.splitlines()
            if done.returncode != 0 or len(told) != len(places):
                said = (done.stdout + done.stderr)[-500:]
                raise RuntimeError(f"MicroPython ended with {done.returncode} at {kind}: {said}")
            for place, line in zip(places, told, strict=True):
                found[place] = json.loads(line)
    return found


def float_story(job: Job, kind: Any) -> set[tuple[int, ...]]:
    """(index, state, mean, deviation, tenths of z) of the transitions of the same statistics in floats.

    kind: np.float32 or np.float64. Without delays or latch; learns as zscore.py learns.
    """
    spec = job["spec"]
    weight, floor = kind(1 / 2 ** spec["shift"]), kind(spec["floor"] / 1000)
    floor_abs, limit, scale = kind(spec["floor_abs"]), kind(spec["z10"] / 10), kind(1.2533)
    mean, dev, z, seen, state = kind(0), kind(0), kind(0), 0, LEARNING
    told: set[tuple[int, ...]] = set()
    for i, value in enumerate(job["values"]):
        if value is None:
            continue
        x = kind(max(-(2**24), min(2**24, value)))
        away = abs(x - mean)
        now = state
        if state == LEARNING:
            if seen:
                dev += (away - dev) / kind(seen)
            seen += 1
            mean += (x - mean) / kind(seen)
            now = NORMAL if seen >= spec["learn"] else state
        else:
            z = away / max(dev * scale, abs(mean) * floor, floor_abs, kind(0.125))
            now = NORMAL if z <= limit else HIGH if x > mean else LOW
            if state == NORMAL and z <= limit / kind(2):
                mean += (x - mean) * weight
                dev += (away - dev) * weight
        if now != state:
            sigma = max(dev * scale, abs(mean) * floor, floor_abs)
            told.add((i, now, round(float(mean)), round(float(sigma)), round(float(z * kind(10)))))
            state = now
    return told


def shared(a: set[Any], b: set[Any]) -> tuple[int, int]:
    """How many elements are in both, and in either."""
    return len(a & b), len(a | b)


def rows(result: Any) -> set[str]:
    return {json.dumps(row, sort_keys=True) for row in result["transitions"]}


def share(counts: list[tuple[int, int]]) -> float:
    """Per cent."""
    return 100 * sum(c[0] for c in counts) / max(1, sum(c[1] for c in counts))


def main() -> int:
    quick = os.environ.get("QUICK") == "1"
    started = time.monotonic()
    rng = random.Random(20261)
    vectors: list[Job] = [replay.golden(name) for name in replay.golden_names()]  # type: ignore[no-untyped-call]
    jobs = [{k: v[k] for k in ("spec", "values", "dt_ms", "restore_at")} for v in vectors]
    jobs += [random_series(rng, 160) for _ in range(320 if quick else 1600)]
    windows = [random_window(rng) for _ in range(60 if quick else 400)]

    here = [on_cpython(job) for job in jobs + windows]
    there = on_micropython(jobs + windows)
    pairs = list(zip(here, there, strict=True))
    checks, features = pairs[: len(jobs)], pairs[len(jobs) :]
    transitions = [shared(rows(a), rows(b)) for a, b in checks]
    expected = [here[k] == {key: v[key] for key in ("transitions", "final")} for k, v in enumerate(vectors)]
    states = sum(a["final"] != b["final"] for a, b in checks)
    bits = sum(a != b for a, b in features)

    scored = [job for job in jobs[len(vectors) :] if job["spec"]["type"] == "zscore"]
    with np.errstate(all="ignore"):
        double = [float_story(job, np.float64) for job in scored]
        single = [float_story(job, np.float32) for job in scored]
    floats = [shared(a, b) for a, b in zip(double, single, strict=True)]
    verdicts = [
        shared({row[:2] for row in a}, {row[:2] for row in b}) for a, b in zip(double, single, strict=True)
    ]
    figure, baseline = share(transitions), share(floats)
    ok = figure == 100 and states == 0 and bits == 0 and all(expected)
    result = {
        "bench": "golden",
        "figure": round(figure, 3),
        "unit": "% of transitions, evidence included, identical on MicroPython and CPython",
        "baseline": round(baseline, 3),
        "ratio": round(figure / baseline, 4) if baseline else None,
        "goal": 100,
        "ok": ok,
        "baseline_is": "the same rolling statistics in float32 (ESP32) against float64 (PC)",
        "golden_vectors": len(vectors),
        "golden_as_expected": sum(expected),
        "random_series": len(jobs) - len(vectors),
        "transitions": sum(c[1] for c in transitions),
        "transitions_different": sum(c[1] - c[0] for c in transitions),
        "final_states_different": states,
        "windows": len(windows),
        "windows_different": bits,
        "float_series": len(scored),
        "float_transitions": sum(c[1] for c in floats),
        "float_transitions_different": sum(c[1] - c[0] for c in floats),
        "float_states_different": sum(c[1] - c[0] for c in verdicts),
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(result))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
