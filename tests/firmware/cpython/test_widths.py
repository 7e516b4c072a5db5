"""No intermediate leaves 32 bits in a kernel or 31 bits elsewhere: worst cases and random ones, under checked
arithmetic.
"""

from __future__ import annotations

import math
import random
from array import array

import checked
import contract
import pytest

import babbitt_node.checks
from babbitt_node.dsp import asked
from babbitt_node.dsp import features as plain
from babbitt_node.dsp.plan import Plan

MODULES = checked.load()
TOP = 2**30 - 1


def windows(n: int) -> list[list[int]]:
    """Worst cases of int16 and random ones of every loudness."""
    rng = random.Random(n)
    found = [
        [-32768] * n, [32767] * n, [0] * n, [1] + [0] * (n - 1), [-32768] + [32767] * (n - 1),
        [32767] + [-32768] * (n - 1), [(-32768, 32767)[i & 1] for i in range(n)],
        [(-32768, 32767)[i * 2 >= n] for i in range(n)], [(-16384, 16383)[i & 1] for i in range(n)],
        [min(32767, round(32767.9 * math.sin(i * 0.37))) for i in range(n)],
    ]  # fmt: skip
    for bits in range(16):
        high = 2**bits - 1
        found.append([rng.randint(-high - 1, high) for _ in range(n)])
        found.append([rng.choice((-high - 1, high, 0)) for _ in range(n)])
    return found


@pytest.mark.parametrize("n", [1, 2, 3, 64, 512, 1023, 4096])
def test_vibration_stays_inside_its_widths(n: int) -> None:
    cases = windows(n)
    for counts in cases if n < 1000 else cases[:10] + cases[10::8]:
        for num, den in ((15625, 4), (32767, 1), (1, 128)):
            axis, out, reference = array("h", counts), array("i", [0] * 4), array("i", [0] * 4)
            MODULES["features"].vibration(axis, n, num, den, out, 0)
            plain.vibration(axis, n, num, den, reference, 0)
            assert out == reference
            assert all(0 <= v <= TOP for v in out)
            if n == 4096:
                break
    if n >= 64:
        assert checked.Widest.viper > 1_050_000_000, "the worst cases are not the worst"


SPECTRAL = {
    "range_g": 16, "rate_hz": 3200, "features": list(asked.FEATURES), "bands": [[1, 1600], [30, 60]], "peaks": 8,
    "rpm": 1480, "envelope": {"lo": 1, "hi": 50000, "peaks": 8},
}  # fmt: skip


def spectral_cases(n: int) -> list[list[int]]:
    """What makes bins as large as they get: all the energy in one, or all samples in step; and the rest."""
    full = [
        [min(32767, round(32767.9 * math.cos(2 * math.pi * k * i / n + turn))) for i in range(n)]
        for k in (1, 2, n // 8, n // 4, n // 2 - 1)
        for turn in (0.0, 0.8)
    ]
    square = [[32767 if i * 2 * k // n % 2 else -32768 for i in range(n)] for k in (1, 2, 5, n // 8, n // 4)]
    impulses = [[32767 if i % step == 0 else -32768 for i in range(n)] for step in (3, 4, 7, n)]
    edges = [[(-32768, 32767)[bool(i & bit)] for i in range(n)] for bit in (1, 2, n // 2)]
    return full + square + impulses + edges


@pytest.mark.parametrize("n", [256, 1024, 4096])
def test_spectra_stay_inside_their_widths(n: int) -> None:
    spec = SPECTRAL | {"window": n}
    names = asked.names(spec)
    cases = spectral_cases(n) + windows(n)
    if n > 256:
        cases = cases[:: 6 if n == 1024 else 21]
    checked.Widest.viper = 0
    with checked.active():
        checked_plans = [MODULES["plan"].Plan(spec, names, num, den) for num, den in SCALES]
    plans = [(narrow, Plan(spec, names, *scale)) for narrow, scale in zip(checked_plans, SCALES, strict=True)]
    for i, counts in enumerate(cases):
        narrow, wide = plans[i % len(plans)]
        axis = array("h", counts)
        out: list[int | None] = [0] * len(names)
        reference: list[int | None] = [0] * len(names)
        rate = (3_199_712, 100_000_000, 1000)[i // 3 % 3]
        narrow.write(axis, rate, 24_666, out, 0)
        wide.write(axis, rate, 24_666, reference, 0)
        assert out == reference
        assert all(
            v is None or (-TOP if name == "mean" else 0) <= v <= TOP
            for name, v in zip(names, out, strict=True)
        )
    assert checked.Widest.viper > 1_050_000_000, "the worst cases are not the worst"


SCALES = ((15625, 4), (32767, 1), (1, 128))


def test_scaling_stays_inside_its_widths() -> None:
    rng = random.Random(4)
    scaling, pair = MODULES["scaling"], array("i", [0, 0])
    for low, high in ((0, 0), (0, 50000), (10, 1000), (50000, 50000)):
        for log in range(8, 13):
            for rate in (1000, 1001, 3_199_712, 100_000_000):
                scaling.edges(low, high, log, rate, pair)
                assert 2 <= pair[0] <= 2**16 and pair[1] <= 2 ** (log - 1) - 2
    edges = [0, 1, 2, 3, 2**28 - 1, 2**28, 2**29 - 1, 2**29, TOP - 1, TOP]
    for _ in range(3000):
        value, num, den, num2, den2 = (
            rng.choice(edges) if rng.random() < 0.5 else rng.randint(0, TOP) for _ in range(5)
        )
        den, den2 = max(1, den), max(1, den2)
        shift = rng.randint(-40, 40)
        for more, by in ((1, 1), (num2, den2)):
            exact = value * num / den * more / by * 2.0**shift
            got = scaling.scaled(value, shift, num, den, more, by)
            assert abs(got - min(TOP, exact)) <= 0.51 + min(TOP, exact) * 2e-8


def test_bins_stay_inside_their_widths() -> None:
    """Every kernel at the ends of what its docstring allows."""
    n = 4096
    pair, out, bins = array("i", [0, 0]), array("i", [0] * 8), MODULES["spectrum"].bins
    for value in (0, 1, 2**15, 2**28, 2**29 - 1):
        z = array("i", [value] * n)
        bins.root(z, 0, n, pair)
        bins.integrated(z, 2, 2046, 2048)
        z = array("i", [(value, 0)[i & 1] for i in range(n)])
        bins.summits(z, 0, 1, n - 2, 8, out)
        bins.tone(z, 0, 2046, out)
        z = array("i", [2**29 + value if i & 1 else 2**29 - value for i in range(n)])
        bins.baseband(z, 1, 2046, 2048)
        for other in (0, value):
            z = array("i", [(value, other)[i & 1] for i in range(n)])
            bins.lift(z, 2048, 1 << (30 - 12))


def test_slope_stays_inside_its_widths() -> None:
    rng = random.Random(1)
    for n in (2, 3, 16, 31, 32):
        for size in (1, 1000, 2**16, 2**17, 2**29, TOP):
            for kind in range(8):
                slope = MODULES["features"].Slope(n)
                for i in range(n):
                    edge = size if (i * 2 >= n if kind == 0 else i & 1) else -size
                    slope.add(edge if kind < 2 else rng.choice((None, edge, rng.randint(-size, size))))
                for interval in (1, 10, 900, 86400):
                    found = slope.per_hour(interval)
                    assert found is None or -TOP <= found <= TOP


def test_integer_helpers_stay_inside_their_widths() -> None:
    rng = random.Random(2)
    intmath = MODULES["intmath"]
    for _ in range(3000):
        a, b = (rng.randint(0, TOP) >> rng.randint(0, 29) for _ in range(2))
        c = max(1, rng.randint(1, 2**29) >> rng.randint(0, 28))
        assert intmath.muldiv(a, b, c) == min(TOP, (2 * a * b + c) // (2 * c))
        assert intmath.isqrt(a) == math.isqrt(a)
        square, fourth = max(1, a), b
        kurtosis = MODULES["kernels"].kurtosis(square, fourth)
        exact = min(TOP, 1000 * fourth * 2**30 / square**2)
        assert abs(kurtosis - exact) <= 0.51 + exact * 4e-4
    assert intmath.muldiv(TOP, TOP, 2**29) == TOP


EXTREME = [TOP, -TOP, 2**24, -(2**24), 2**24 + 1, 0, 1, -1, 16_000_000, -16_000_000]


@pytest.mark.parametrize("kind", sorted(babbitt_node.checks.TYPES))
def test_checks_stay_inside_their_widths(kind: str) -> None:
    rng = random.Random(3)
    specs = [dict(s) for s in contract.SPECS[kind]]
    specs += [contract.edge(kind, high) for high in (False, True)]  # all at their lowest, at their highest
    if kind in ("limit", "rate"):
        specs[2] |= {"ll": -TOP, "l": -TOP, "h": TOP, "hh": TOP}
        specs[3] |= {"h": -TOP, "hh": -TOP}
    for settings in specs:
        if "learn" in settings:
            settings["learn"] = min(settings["learn"], 200)
        spec = contract.spec_of(kind, settings)
        for pool in (EXTREME, [TOP, -TOP], [2**24, -(2**24)], list(range(-30, 30))):
            narrow, wide = MODULES["checks"].make(spec, 0), babbitt_node.checks.make(spec, 0)
            for _ in range(400):
                value = rng.choice(pool)
                dt_ms = rng.choice((0, 10000, 86_400_000, TOP))
                if rng.random() < 0.05:
                    value = None
                assert narrow.update(value, dt_ms) == wide.update(value, dt_ms)
                if rng.random() < 0.01:
                    assert narrow.release() == wide.release()
            a, b = array("i", [0] * narrow.SIZE), array("i", [0] * narrow.SIZE)
            narrow.dump(a)
            wide.dump(b)
            assert a == b


def test_the_checker_notices() -> None:
    with pytest.raises(checked.Escaped, match="31-bit"):
        MODULES["levels"].levels(array("h", [1] * 4096), 4096, 1, 2**20, [0, 0], 0)
    with pytest.raises(checked.Escaped, match="32 bits"):
        MODULES["kernels"].moments(array("h", [32767]), 1, -32768, 0, 1, array("i", [0] * 5))
    with pytest.raises(checked.Escaped, match="float"):
        MODULES["intmath"].muldiv(1.5, 1, 1)
