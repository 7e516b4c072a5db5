"""What the tests of the virtual board share: a simple world, and looking at what a program prints."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.world import Fault

RUNTIMES = [pytest.param("micropython", marks=pytest.mark.part("micropython")), "cpython"]
HOUR_US = 3_600_000_000

COMMON = """
import asyncio, sys, time
if sys.implementation.name == "micropython":
    from asyncio import sleep_ms
    from time import ticks_ms
else:
    async def sleep_ms(ms):
        await asyncio.sleep(ms / 1000)
    def ticks_ms():
        return time.monotonic_ns() // 1000000
"""


class Ramp:
    """Sample k of a burst is (k, -k, 256); the temperature falls a degree an hour from -20."""

    sensors: tuple[str, ...] = ("adxl345", "ds18b20")
    utc_start_ms = 1_789_000_000_000
    end_us: int | None = None

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> np.ndarray:
        k = np.arange(index, index + n)
        return np.stack([k, -k, np.full(n, 256)], 1).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        return -20 - t_us / HOUR_US


Start = Callable[..., VirtualBoard]


def until(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def output(board: VirtualBoard, marker: str = "done") -> list[str]:
    """What the program printed, once it has printed `marker`."""
    assert until(lambda: marker in board.log_tail(200)), f"{board.error!r}\n{board.log_tail(200)}"
    return board.log_tail(200).splitlines()
