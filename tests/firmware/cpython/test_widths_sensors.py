"""What drivers and samplers work out stays inside the widths of an ESP32: 32 bits in a kernel, 31 bits elsewhere, no float."""

from __future__ import annotations

import importlib
import itertools
import random
import sys
from array import array
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import checked
import pytest
from test_widths import windows

import babbitt_node

NAMES = (
    "dsp.samples",
    "samplers.plausible",
    "drivers.max31865",
    "drivers.analog",
    "drivers.tacho",
    "drivers.sht3x",
)
LOADED = (*checked.PREFIXES, *(f"babbitt_node.{name}" for name in NAMES))


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """The modules with every intermediate result checked, as `checked.load` does for dsp and checks."""
    ordinary = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(LOADED)}
    attributes = {
        package: dict(vars(sys.modules[f"babbitt_node.{package}"]))
        for package in ("samplers", "drivers")
        if f"babbitt_node.{package}" in sys.modules
    }
    before, checked.PREFIXES = checked.PREFIXES, LOADED
    finder = checked._Finder()
    sys.meta_path.insert(0, finder)
    try:
        found = {name.split(".")[1]: importlib.import_module(f"babbitt_node.{name}") for name in NAMES}
    finally:
        sys.meta_path.remove(finder)
        checked.PREFIXES = before
        for name in [name for name in sys.modules if name.startswith(LOADED)]:
            del sys.modules[name]
        sys.modules.update(ordinary)
        for name, module in ordinary.items():
            parent, _, leaf = name.rpartition(".")
            setattr(sys.modules.get(parent, babbitt_node), leaf, module)
        for package, content in attributes.items():
            vars(sys.modules[f"babbitt_node.{package}"]).update(content)
    yield found


@pytest.mark.parametrize("n", [1, 64, 512, 4096])
def test_a_survey_of_any_window(modules: dict[str, ModuleType], n: int) -> None:
    for counts in windows(n)[:: 1 if n < 1000 else 5]:
        out = array("i", [0] * 5)
        modules["samples"].survey(array("h", counts), n, 4094, out)
        moved = sum(a != b for a, b in itertools.pairwise(counts))
        clipped = sum(abs(v) >= 4094 for v in counts)
        assert list(out) == [sum(counts), min(counts), max(counts), clipped, moved]


@pytest.mark.parametrize(
    ("layout", "size", "big", "shift"), [(6, 6, 0, 0), (262, 6, 1, 0), (16390, 6, 0, 4), (7, 7, 0, 0)]
)
def test_any_bytes_become_counts(
    modules: dict[str, ModuleType], layout: int, size: int, big: int, shift: int
) -> None:
    rng = random.Random(size)
    data = bytearray(rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256))) for _ in range(1 + size * 64))
    axes = [array("h", [0] * 70) for _ in range(3)]
    modules["samples"].unpack(data, layout, 64, *axes, 3)
    order = "big" if big else "little"
    for k in range(64):
        for axis in range(3):
            at = 1 + k * size + size - 6 + 2 * axis
            wanted = int.from_bytes(data[at : at + 2], order, signed=True) >> shift  # type: ignore[arg-type]
            assert axes[axis][3 + k] == wanted
    assert [a[0] for a in axes] == [a[68] for a in axes] == [0, 0, 0]


def test_tags_are_told_by_kind_and_parity(modules: dict[str, ModuleType]) -> None:
    for byte in range(256):
        good = byte >> 3 == 2 and byte.bit_count() % 2 == 0
        data = bytearray(1 + 3 * 7)
        data[1] = data[8] = data[15] = byte
        assert modules["samples"].strange(data, 7, 3, 2) == (0 if good else 3)


class Device:
    full_scale = 32768
    restless = True

    def __init__(self, num: int, den: int) -> None:
        self.scale_num, self.scale_den = num, den


@pytest.mark.parametrize("n", [64, 1024])
def test_any_window_is_judged(modules: dict[str, ModuleType], n: int) -> None:
    from babbitt_node.errors import NodeError

    verdicts = set()
    for counts in windows(n):
        for num, den in ((61, 1), (488, 1), (15625, 4), (7813, 128), (12000, 1)):
            judge = modules["plausible"].Plausible("s", Device(num, den), 26667, 20)
            axis = array("h", counts)
            for other in (axis, array("h", [16384 // (1 + num // 61)] * n), array("h", [0] * n)):
                try:
                    judge.judge((axis, other, axis), n, 26667000)
                    verdicts.add("ok")
                except (NodeError, Exception) as error:
                    assert getattr(error, "name", "") in {"stuck", "clipping", "range", "loose"}, error
                    verdicts.add(error.name)  # type: ignore[attr-defined]
    assert verdicts >= {"stuck", "clipping", "range", "ok"}


def test_slow_sensors_over_all_codes(modules: dict[str, ModuleType]) -> None:
    platinum: Any = modules["max31865"]
    for ten in range(-20, 86):
        platinum.ratio(ten)
    for millionths in range(185200, 3904812, 977):
        platinum.celsius(millionths)
    for x, rise in ((22000, 2**29), (0, -(2**29)), (2**29, 2**29)):
        modules["analog"].on_line(x, 0, -(rise // 2), 2**29, rise - rise // 2 - 1)
    shaft = modules["tacho"].Tacho(None, 1024, 1000000)
    for pulses, ms in ((0, 100), (2**30 - 1, 2**29 - 1), (17000000, 1000), (1, 86400000)):
        shaft.speed(pulses, ms)
