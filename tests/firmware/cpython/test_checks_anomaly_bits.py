"""The anomaly detector in floats and bits: its table, and that no intermediate leaves the 31-bit small ints of an
ESP32, beyond which it would allocate.
"""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from babbitt_node.checks import make
from babbitt_node.checks.anomaly import decades

LOW, HIGH = -(2**30), 2**30 - 1


class Small(int):
    """An int whose results are checked to be small, and are Small again."""


def _checked(name: str) -> Any:
    plain = getattr(int, name)

    def operation(self: Small, *other: int) -> Any:
        result = plain(self, *other)
        if result is NotImplemented or isinstance(result, bool):
            return result
        assert LOW <= result <= HIGH, f"{int(self)} {name} {other} is {result}"
        return Small(result)

    return operation


for _name in ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or"):
    setattr(Small, f"__{_name}__", _checked(f"__{_name}__"))
    setattr(Small, f"__r{_name}__", _checked(f"__r{_name}__"))
for _name in ("neg", "abs"):
    setattr(Small, f"__{_name}__", _checked(f"__{_name}__"))


class State(list[int]):
    """A state array that gives Small ints and takes what an array('i') of an ESP32 takes without the heap."""

    def __getitem__(self, index: Any) -> Any:
        return Small(super().__getitem__(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        assert LOW <= value <= HIGH, f"place {index}: {value}"
        super().__setitem__(index, int(value))


def test_the_checked_int_notices() -> None:
    with pytest.raises(AssertionError):
        Small(HIGH) + 1
    with pytest.raises(AssertionError):
        2 * Small(-(2**29) - 1)
    assert type(abs(Small(-5)) // 2) is Small


def test_the_table_is_the_complementary_error_function() -> None:
    for half in range(25):
        tail = math.erfc(half / 2 / math.sqrt(2))
        assert decades(half, 2) == round(-10 * math.log10(tail)), half


@pytest.mark.parametrize("floor_abs", [0, 1, 2**29])
@pytest.mark.parametrize(("margin", "limit"), [(1, 20), (100, 300)])
@pytest.mark.parametrize("scale", [1, 1000, 2**20, 2**30])
def test_every_intermediate_is_small(scale: int, margin: int, limit: int, floor_abs: int) -> None:
    rng = random.Random(scale + margin + floor_abs)
    spec = {"id": "c", "type": "anomaly", "channel": "a", "learn": 16, "recent": 2, "hold": 1}
    check: Any = make(spec | {"margin": margin, "limit": limit, "floor_abs": floor_abs}, 0)
    check._s = State(check._s)
    for name in ("_limit", "_margin", "_recent", "_learn", "_floor"):
        setattr(check, name, Small(getattr(check, name)))
    transitions = 0
    for i in range(2400):
        spread = scale if i > 1200 else max(1, scale >> 10)
        value = rng.choice((-spread, spread, rng.randint(-spread, spread), 0 if i % 700 < 300 else spread))
        if i % 997 == 996:
            value = rng.choice((2**40, -(2**40), 2**29, -(2**29)))
        if i % 800 > 760:
            value = 2**30 * (-1) ** i  # the largest changes that there are
        transitions += check.update(value, 1000)
        assert all(LOW <= v <= HIGH for v in list(check._s))
        if i % 100 == 0:
            assert all(LOW <= v <= HIGH for v in check.evidence().values())
    assert transitions >= (1 if floor_abs > 1 else 3)
