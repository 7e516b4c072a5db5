"""The three assets of the demo: what they are, what their nodes measure, and what is known to happen to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babbitt_tools.sim.coldroom import ColdRoom
from babbitt_tools.sim.machine import Machine
from babbitt_tools.vboard.world import World

DAYS = 4.0
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Asset:
    """One node of the story. `failure_ms` is when the machine fails, or the air of the room leaves its limit for good (None: never)."""

    node: str
    name: str
    world: World
    config: Mapping[str, Any]
    failure_ms: int | None
    healthy: bool


def motor_config(name: str, interval_s: int = 720) -> dict[str, Any]:
    """A motor: one accelerometer; absolute limits on one radial axis, and rolling statistics on its peak and RMS."""
    delays = {"on_delay_s": 3600, "off_delay_s": 3600}
    high = {"h": 1_000_000, "hh": 2_500_000, "hysteresis": 50_000}  # micro-g
    usual = {"z10": 60, "learn": 64, "shift": 10}  # a slow average: wear is slow
    return {
        "asset": {"name": name, "kind": "machine"},
        "interval_s": interval_s,
        "sensors": [
            {"id": "vib", "driver": "adxl345", "bus": "spi0", "rate_hz": 3200, "range_g": 16, "window": 512}
        ],
        "checks": [
            {"id": "x-rms-limit", "type": "limit", "channel": "vib.x.rms", **high, **delays},
            {"id": "x-rms-usual", "type": "zscore", "channel": "vib.x.rms", **usual, **delays},
            {"id": "x-peak-usual", "type": "zscore", "channel": "vib.x.peak", **usual, **delays},
        ],
    }


def cold_room_config(name: str, limit_c: float, interval_s: int = 480) -> dict[str, Any]:
    """A freezer: one thermometer; an hour above the limit is a warning, four degrees above it an alarm."""
    limit = round(limit_c * 1000)
    high = {"h": limit, "hh": limit + 4000, "hysteresis": 300, "on_delay_s": 3600, "off_delay_s": 1800}
    return {
        "asset": {"name": name, "kind": "cold_room"},
        "interval_s": interval_s,
        "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": interval_s // 3}],
        "checks": [{"id": "temp-limit", "type": "limit", "channel": "temp.mean", **high}],
    }


def evening_before(now_s: float) -> int:
    """Unix ms of 18:00 UTC on the day before `now_s` (Unix seconds): the doors of the room keep the hours of the day, and the story is to be
    the same whenever it is told."""
    return int(now_s) // 86_400 * DAY_MS - 6 * HOUR_MS


def assets(start_ms: int) -> list[Asset]:
    """The three nodes of the demo, starting at `start_ms` (Unix ms)."""
    days = DAYS
    worn = Machine(seed=3, utc_start_ms=start_ms, life_h=64, onset_h=28)
    well = Machine(seed=4, utc_start_ms=start_ms, life_h=64, onset_h=9000)
    room = ColdRoom(seed=5, utc_start_ms=start_ms, days=days, fade_start_h=20, fade_h=90)
    for world in (worn, well, room):
        world.end_us = round(days * DAY_MS) * 1000
    return [
        Asset(
            "motor-3",
            "Motor 3",
            worn,
            motor_config("Motor 3"),
            worn.failure_at_ms,
            False,
        ),
        Asset("motor-4", "Motor 4", well, motor_config("Motor 4"), None, True),
        Asset(
            "freezer-1",
            "Freezer 1",
            room,
            cold_room_config("Freezer 1", room.limit_c),
            room.air_crossed_at_ms,
            False,
        ),
    ]
