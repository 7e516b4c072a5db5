"""Of a scenario the nodes that play it: the world of each, its configuration, its troubles, and what is true of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babbitt.health.bearings import bearing
from babbitt_tools.scenario.file import BearingWear, NodePart, Scenario
from babbitt_tools.scenario.file import ColdRoom as ColdRoomPart
from babbitt_tools.scenario.trouble import HOUR_US, SHOWN, Failing, Outages, Trouble, WrongClock
from babbitt_tools.sim.coldroom import ColdRoom
from babbitt_tools.sim.disturbed import Spiky
from babbitt_tools.sim.machine import Machine
from babbitt_tools.story import DAY_MS, cold_room_config
from babbitt_tools.vboard.world import World

MACHINE_INTERVAL_S, ROOM_INTERVAL_S = 120, 300
FOREVER_H = 1e6
ROOM_DAYS = 3.0  # after a compressor has given up a room is warm
WINDOW, RATE_HZ = 1024, 3200
VELOCITY_H, VELOCITY_HH = (
    4500,
    7100,
)  # um/s: where zone C and zone D begin, ISO 20816-3, group 2 on rigid foundations is 2.8 and 4.5


@dataclass(frozen=True, slots=True)
class Role:
    """One node. `truth` says in plain sentences what is made to happen to it; `shaft_hz` and `fault_hz` are those of a machine, `failure_ms`
    is when the machine fails or the air of the room leaves its limit for good (None: never)."""

    node: str
    scenario: str
    world: World
    start_ms: int
    config: Mapping[str, Any]
    troubles: tuple[Trouble, ...]
    truth: tuple[str, ...]
    shaft_hz: float | None = None
    fault_hz: float | None = None
    failure_ms: int | None = None


def cast(scenario: Scenario, start_ms: int) -> list[Role]:
    """Every node of a scenario, beginning at `start_ms` (Unix ms); from the hour on in which it ends, time runs at real speed."""
    end_us = None if scenario.hours is None else round(scenario.hours * HOUR_US)
    roles = [
        _role(name, part, seed_of(scenario.seed, name), start_ms, end_us) for name, part in scenario.named
    ]
    for role in roles:
        role.world.end_us = end_us  # type: ignore[misc]
    return roles


def morning_before(now_s: float) -> int:
    """Unix ms of 6:00 UTC on the day before `now_s` (Unix seconds): rooms keep the hours of the day, and the same seed is to be the same run."""
    return int(now_s) // 86_400 * DAY_MS - 18 * 3_600_000


def seed_of(seed: int, name: str) -> int:
    """The seed of one node: of its name, so that another node more or less changes nothing for it."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:6], "big")


def _role(name: str, part: NodePart, seed: int, start_ms: int, end_us: int | None) -> Role:
    physics = part.part(part.physics)
    truth: list[str] = []
    shaft_hz = fault_hz = None
    failure_ms: int | None = None
    world: World
    if isinstance(physics, ColdRoomPart):
        interval_s = part.interval_s or ROOM_INTERVAL_S
        days = ROOM_DAYS + (physics.fade_start_h + physics.fade_h) / 24
        room = ColdRoom(
            seed=seed, utc_start_ms=start_ms, days=days, set_point_c=physics.set_point_c, limit_c=physics.limit_c,
            fade_start_h=physics.fade_start_h, fade_h=physics.fade_h, doors=physics.doors,
        )  # fmt: skip
        failure_ms = room.air_crossed_at_ms
        room.end_us = None
        truth.append(f"the compressor weakens from hour {physics.fade_start_h:g} on")
        if failure_ms is not None:
            truth.append(
                f"the air stays above {physics.limit_c:g} C from hour {(failure_ms - start_ms) / 3.6e6:.1f} on"
            )
        world, device, config = room, "ds18b20", cold_room_config(name, physics.limit_c, interval_s)
        # A limit that is passed for ten minutes is a door, for half an hour it is not.
        config["checks"][0] |= {"on_delay_s": 1800}
        sensor = "temp"
    else:
        interval_s = part.interval_s or MACHINE_INTERVAL_S
        machine = _machine(part.physics, physics, seed, start_ms)
        shaft_hz = machine.shaft_hz
        if part.physics != "healthy":
            failure_ms, fault_hz = machine.failure_at_ms, machine.fault_hz
            what = "the rotor gets out of balance"
            if isinstance(physics, BearingWear):
                what = f"the {physics.part} of its bearing {physics.bearing} wears"
            truth.append(
                f"{what} from hour {physics.onset_h:g} on, seen at {fault_hz:.1f} Hz; it fails at hour {physics.onset_h + physics.life_h:g}"
            )
        world, device, config = machine, "adxl345", motor_config(name, interval_s, physics.speed_rpm)
        sensor = "vib"
    troubles: list[Trouble] = []
    if "sensor_faults" in part.scenarios:
        faults = part.part("sensor_faults")
        spiky = Spiky(world, seed) if "spikes" in (faults.faults or SHOWN[device]) else None
        failing = Failing(faults, device, spiky)
        world = spiky or world
        troubles.append(failing)
        said = [f"{one} ({SHOWN[device][one][1] or 'no fault it can tell'})" for one in failing.faults]
        truth.append(
            f"its sensor {sensor} fails every {faults.every_h:g} h from hour {faults.first_h:g} on: {', '.join(said)}"
        )
    if "clock_jump" in part.scenarios:
        jump = part.part("clock_jump")
        troubles.append(WrongClock(jump, world))
        to = "falls back to the year 2000" if jump.jump_s is None else f"jumps by {jump.jump_s:g} s"
        truth.append(
            f"its clock {to} with a power cut at hour {jump.at_h:g}, and is right again {jump.for_h:g} h later"
        )
    if "flaky_wifi" in part.scenarios:
        wifi = part.part("flaky_wifi")
        troubles.append(Outages(wifi, seed, end_us))
        truth.append(
            f"its network goes away every {wifi.every_h:g} h on average, for about {wifi.outage_s:g} s"
        )
    return Role(
        name, "+".join(part.scenarios), world, start_ms, config, tuple(troubles),
        tuple(truth or ["nothing is wrong with it"]), shaft_hz, fault_hz, failure_ms,
    )  # fmt: skip


def _machine(kind: str, part: Any, seed: int, start_ms: int) -> Machine:
    common = {
        "seed": seed, "utc_start_ms": start_ms, "speed_rpm": part.speed_rpm, "wander": part.wander, "end_after_h": None,
    }  # fmt: skip
    if isinstance(part, BearingWear):
        return Machine(
            **common, life_h=part.life_h, onset_h=part.onset_h, bearing=bearing(part.bearing), fault=part.part, slip=part.slip
        )  # fmt: skip
    if kind == "imbalance":
        return Machine(**common, life_h=part.life_h, onset_h=part.onset_h, fault="imbalance")
    return Machine(**common, life_h=1.0, onset_h=FOREVER_H)


def motor_config(name: str, interval_s: int, speed_rpm: float) -> dict[str, Any]:
    """A motor: one accelerometer with its spectrum; limits on the velocity as ISO 20816 has them, and what is usual for RMS, peak and
    the envelope of the band around the structure's resonance, in which a bearing speaks first."""
    delays = {"on_delay_s": 2 * interval_s, "off_delay_s": 2 * interval_s}
    usual = {"type": "zscore", "z10": 60, "learn": 32, "shift": 8, **delays}
    sensor = {
        "id": "vib", "driver": "adxl345", "bus": "spi0", "rate_hz": RATE_HZ, "range_g": 16, "window": WINDOW, "axes": "x",
        "features": ["rms", "peak", "crest", "kurt", "velocity"], "envelope": {"lo": 900, "hi": 1500, "peaks": 2},
        "rpm": round(speed_rpm),
    }  # fmt: skip
    return {
        "asset": {"name": name, "kind": "machine"},
        "interval_s": interval_s,
        "sensors": [sensor],
        "checks": [
            {"id": "x-velocity", "type": "limit", "channel": "vib.x.velocity", "h": VELOCITY_H, "hh": VELOCITY_HH, "hysteresis": 100, **delays},
            {"id": "x-rms-usual", "channel": "vib.x.rms", **usual},
            {"id": "x-peak-usual", "channel": "vib.x.peak", **usual},
            {"id": "x-env-usual", "channel": "vib.x.env", **usual},
        ],
    }  # fmt: skip
