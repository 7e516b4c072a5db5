"""What a simulation plays: from a small TOML file, or from the names of scenarios. docs/simulators.md explains every key."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from babbitt_tools.errors import ScenarioError

Hours = Annotated[float, Meta(ge=0, le=100_000)]
Positive = Annotated[float, Meta(gt=0, le=100_000)]
Rpm = Annotated[float, Meta(ge=60, le=30_000)]
Celsius = Annotated[float, Meta(ge=-50, le=100)]

FAULTS = ("disconnected", "stuck", "saturated", "silent", "slow", "crc", "power_on_value", "spikes")
Fault = Literal["disconnected", "stuck", "saturated", "silent", "slow", "crc", "power_on_value", "spikes"]


class Healthy(Struct, frozen=True, forbid_unknown_fields=True):
    """A motor with nothing wrong."""

    speed_rpm: Rpm = 1500.0
    wander: Annotated[float, Meta(ge=0, le=0.3)] = 0.0


class BearingWear(Struct, frozen=True, forbid_unknown_fields=True):
    """A motor with a growing defect of a bearing."""

    part: Literal["outer race", "inner race", "ball"] = "outer race"
    bearing: str = "6205"
    onset_h: Hours = 4.0
    life_h: Positive = 12.0
    speed_rpm: Rpm = 1500.0
    slip: Annotated[float, Meta(ge=0, le=0.1)] = 0.01
    wander: Annotated[float, Meta(ge=0, le=0.3)] = 0.0


class Imbalance(Struct, frozen=True, forbid_unknown_fields=True):
    """A motor whose rotor gets out of balance."""

    onset_h: Hours = 4.0
    life_h: Positive = 12.0
    speed_rpm: Rpm = 1500.0
    wander: Annotated[float, Meta(ge=0, le=0.3)] = 0.0


class ColdRoom(Struct, frozen=True, forbid_unknown_fields=True):
    """A cold room whose compressor weakens."""

    set_point_c: Celsius = -22.0
    limit_c: Celsius = -18.0
    fade_start_h: Hours = 8.0
    fade_h: Positive = 40.0
    doors: Annotated[int, Meta(ge=0, le=200)] = 12


class FlakyWifi(Struct, frozen=True, forbid_unknown_fields=True):
    """A network that goes away."""

    every_h: Positive = 1.0
    outage_s: Annotated[float, Meta(gt=0, le=600)] = 2.0


class ClockJump(Struct, frozen=True, forbid_unknown_fields=True):
    """A clock that is wrong after a power cut."""

    at_h: Hours = 2.0
    for_h: Positive = 2.0
    jump_s: Annotated[float, Meta(ge=-3e9, le=3e9)] | None = None


class SensorFaults(Struct, frozen=True, forbid_unknown_fields=True):
    """A sensor that fails, in one way after another."""

    faults: Annotated[list[Fault], Meta(min_length=1)] | None = None
    first_h: Hours = 1.0
    every_h: Positive = 1.0
    for_h: Positive = 0.5


PHYSICS = ("healthy", "bearing_wear", "imbalance", "cold_room")
TROUBLES = ("flaky_wifi", "clock_jump", "sensor_faults")
SCENARIOS = (*PHYSICS, *TROUBLES)


class NodePart(Struct, frozen=True, forbid_unknown_fields=True):
    """`count` nodes that play the same scenarios."""

    scenario: str | list[str]
    count: Annotated[int, Meta(ge=1, le=1000)] = 1
    name: Annotated[str, Meta(pattern="^[a-z0-9-]{1,24}$")] | None = None
    interval_s: Annotated[int, Meta(ge=1, le=3600)] | None = None
    healthy: Healthy | None = None
    bearing_wear: BearingWear | None = None
    imbalance: Imbalance | None = None
    cold_room: ColdRoom | None = None
    flaky_wifi: FlakyWifi | None = None
    clock_jump: ClockJump | None = None
    sensor_faults: SensorFaults | None = None

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Their names."""
        return (self.scenario,) if isinstance(self.scenario, str) else tuple(self.scenario)

    @property
    def physics(self) -> str:
        """The one that says what the node stands at; healthy if none does."""
        return next((name for name in self.scenarios if name in PHYSICS), "healthy")

    def part(self, name: str) -> Any:
        """The parameters of a scenario, defaults if none were given."""
        return getattr(self, name) or PARTS[name]()


PARTS: dict[str, Any] = {
    "healthy": Healthy, "bearing_wear": BearingWear, "imbalance": Imbalance, "cold_room": ColdRoom,
    "flaky_wifi": FlakyWifi, "clock_jump": ClockJump, "sensor_faults": SensorFaults,
}  # fmt: skip


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file."""

    nodes: Annotated[list[NodePart], Meta(min_length=1)]
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    speed: Annotated[float, Meta(ge=0.01, le=1e6)] = 600.0
    hours: Positive | None = None

    @property
    def named(self) -> list[tuple[str, NodePart]]:
        """Every node by its name, in order: `motor`, or `motor-1`, `motor-2` ... where `count` asks for several or the name comes again."""
        bases = [
            part.name or "-".join(part.scenarios).replace("_", "-")[:24].strip("-") for part in self.nodes
        ]
        wanted: Counter[str] = Counter()
        for base, part in zip(bases, self.nodes, strict=True):
            wanted[base] += part.count
        numbers: dict[str, int] = {}
        found = []
        for base, part in zip(bases, self.nodes, strict=True):
            for _ in range(part.count):
                numbers[base] = numbers.get(base, 0) + 1
                found.append((f"{base}-{numbers[base]}" if wanted[base] > 1 else base, part))
        return found


def load(path: Path) -> Scenario:
    """Read a scenario. Raises ScenarioError that names file and key and says what may stand there."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ScenarioError(
            f"{path} is not there; docs/simulators.md shows a scenario to begin with"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ScenarioError(f"{path} cannot be read: {why}") from error
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path} is no TOML: {error}") from error
    return understand(said, str(path))


def understand(said: dict[str, Any], source: str) -> Scenario:
    """A scenario from plain data; `source` is named in errors. Raises ScenarioError."""
    try:
        found = msgspec.convert(said, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{source}: {_plain(str(error))}") from None
    for number, part in enumerate(found.nodes):
        if fault := _fault(part):
            raise ScenarioError(f"{source}: nodes[{number}].{fault}")
    name, times = Counter(name for name, _ in found.named).most_common(1)[0]
    if times > 1:
        raise ScenarioError(f"{source}: nodes: two of them would be called {name}; give one another `name`")
    return found


def of_names(words: list[str], count: int, seed: int, speed: float) -> Scenario:
    """`count` nodes that take the scenarios `words` in turn; `a+b` is both at once. Raises ScenarioError."""
    nodes = [{"scenario": words[n % len(words)].split("+")} for n in range(count)]
    return understand({"nodes": nodes, "seed": seed, "speed": speed}, "--scenario")


def _fault(part: NodePart) -> str | None:
    """What msgspec cannot see, as a key and a sentence."""
    names = part.scenarios
    for name in names:
        if name not in SCENARIOS:
            return f"scenario: {name!r} is no scenario; there are {', '.join(SCENARIOS)}"
    physics = [name for name in names if name in PHYSICS]
    if not names or len(physics) > 1 or len(set(names)) < len(names):
        return (
            f"scenario: {list(names)} cannot be played by one node; take at most one of {', '.join(PHYSICS)}"
            f" and any of {', '.join(TROUBLES)}, each once"
        )
    for name in PARTS:
        if getattr(part, name) is not None and name not in (*names, part.physics):
            return f"{name}: this node does not play it; add it to `scenario` or remove the table"
    if part.bearing_wear is not None:
        from babbitt.errors import UnknownBearing
        from babbitt.health.bearings import bearing

        try:
            bearing(part.bearing_wear.bearing)
        except UnknownBearing as error:
            return f"bearing_wear.bearing: {error}"
    if part.sensor_faults is not None and part.sensor_faults.for_h > part.sensor_faults.every_h:
        return "sensor_faults.for_h: longer than every_h; the faults of a sensor come one after another"
    if part.sensor_faults is not None and part.sensor_faults.faults is not None:
        can = CAN[part.physics == "cold_room"]
        for fault in part.sensor_faults.faults:
            if fault not in can:
                return f"sensor_faults.faults: the sensor of {part.physics} cannot be {fault!r}; it can be {', '.join(can)}"
    return None


#: What can be wrong with the sensor of a machine (ADXL345) and with that of a cold room (DS18B20).
CAN: dict[bool, tuple[str, ...]] = {
    False: ("disconnected", "stuck", "saturated", "silent", "slow", "spikes"),
    True: ("disconnected", "stuck", "crc", "power_on_value", "spikes"),
}


def _plain(error: str) -> str:
    """An error of msgspec as key and sentence."""
    what, _, where = error.partition(" - at `$")
    where = where.rstrip("`").lstrip(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what)
    if unknown:
        last = re.sub(r"\[.*", "", where.rpartition(".")[2])
        struct = PARTS.get(last, NodePart if last == "nodes" else Scenario)
        keys = ", ".join(struct.__struct_fields__)
        return f"{f'{where}.' if where else ''}{unknown[1]}: there is no such key; there are {keys}"
    missing = re.fullmatch(r"Object missing required field `(.*)`", what)
    if missing:
        told = ", ".join(SCENARIOS) if missing[1] == "scenario" else "[[nodes]] tables, one a kind of node"
        return f"{f'{where}.' if where else ''}{missing[1]}: is missing; give {told}"
    return f"{where or 'the whole file'}: {what[:1].lower()}{what[1:]}; docs/simulators.md has the ranges"
