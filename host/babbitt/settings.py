"""The settings of a host: ``babbitt.toml``. What the command line says goes before it.

Every setting is a field here, with its default and its rule; docs/operations.md explains each, and a test compares them.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import platformdirs
from msgspec import Meta, Struct

from babbitt.errors import SettingsError

FILE = "babbitt.toml"
P = TypeVar("P", bound=Struct)
Days = Annotated[int, Meta(ge=1, le=36_500)] | Literal["forever"]
NODE = r"[a-z0-9-]{1,32}/[a-z0-9-]{1,32}"
"""SITE/NODE"""
LIVES_MIN = 3
"""So many lives tell how much lives differ."""
Port = Annotated[int, Meta(ge=0, le=65_535)]


class HostPart(Struct, frozen=True, forbid_unknown_fields=True):
    """``[host]``. Paths are relative to the folder of the file; an empty text is 'not said'."""

    store: str = ""
    listen: str = "127.0.0.1:1883"
    broker: str = ""
    broker_ca: str = ""
    broker_cert: str = ""
    broker_key: str = ""
    broker_user: str = ""
    broker_password_file: str = ""
    web: bool = True
    web_host: str = "127.0.0.1"
    web_port: Port = 8080
    analysis: bool = True
    accept_simulated_time: bool = False
    log_level: Literal["error", "warning", "info", "debug"] = "warning"
    log_format: Literal["plain", "json"] = "plain"


class RetentionPart(Struct, frozen=True, forbid_unknown_fields=True):
    """``[retention]``: how long what is kept, in days or ``"forever"``. Of assessments older than that the worst of each
    hour stays."""

    raw: Days = 400
    minutes: Days = 90
    hours: Days = "forever"
    days: Days = "forever"
    events: Days = "forever"
    assessments: Days = 30
    waveforms: Days = 730

    def as_days(self) -> dict[str, int | None]:
        """As the store takes it: None is for ever."""
        return {
            name: None if value == "forever" else value
            for name, value in msgspec.structs.asdict(self).items()
        }


Contact = Annotated[str, Meta(pattern=r"^(!?[a-z0-9_]{1,12})?$")]
Kelvin = Annotated[float, Meta(ge=-100.0, le=100.0)]


class RoomPart(Struct, frozen=True, forbid_unknown_fields=True):
    """``[rooms."SITE/NODE"]``: the time constant of the goods (h), their limits (degrees C, none: those of the air), and the ids of
    the contacts (empty: the first whose id begins with door, comp, defrost; ``!`` in front: the other way round)."""

    goods_hours: Annotated[float, Meta(ge=0.05, le=500.0)] = 3.0
    goods_high: Kelvin | None = None
    goods_low: Kelvin | None = None
    door: Contact = ""
    compressor: Contact = ""
    defrost: Contact = ""


Cost = Annotated[float, Meta(gt=0.0, le=1e12)]


class CostsPart(Struct, frozen=True, forbid_unknown_fields=True):
    """``[costs]``: what a planned stop and a failure cost, in the same money."""

    planned: Cost | None = None
    failure: Cost | None = None


class FactsPart(Struct, frozen=True, forbid_unknown_fields=True):
    """From ``[machines."SITE/NODE"]``, what the cause of a fault is told from: speed of the shaft (r/min) where no tachometer tells it,
    bearing (its number, or balls/ball mm/pitch mm/angle), teeth (of the gear on the shaft, and of the one it drives: ``32/80``),
    line frequency (Hz) and poles of the motor, the axis of the sensor that lies along the shaft. ``babbitt.health.facts`` reads it."""

    rpm: Annotated[float, Meta(ge=1.0, le=120_000.0)] | None = None
    bearing: Annotated[str, Meta(max_length=60)] = ""
    teeth: Annotated[str, Meta(max_length=9)] = ""
    line_hz: Annotated[float, Meta(ge=1.0, le=1000.0)] | None = None
    poles: Annotated[int, Meta(ge=2, le=64)] | None = None
    axial: Literal["", "x", "y", "z"] = ""


class MachinePart(FactsPart, frozen=True, forbid_unknown_fields=True):
    """``[machines."SITE/NODE"]``: its facts, what a planned stop and a failure of it cost, the hours that others of its kind were in
    service until they failed, and the day (UTC) since which this one is, new or made as new."""

    planned: Cost | None = None
    failure: Cost | None = None
    lives_h: Annotated[list[Annotated[float, Meta(gt=0.0, le=1e6)]], Meta(max_length=1000)] = []
    since: date | None = None

    @property
    def since_ms(self) -> int:
        """The beginning of that day, Unix ms; that of 1970 if nothing is said."""
        return int(datetime.combine(self.since or date(1970, 1, 1), time(), UTC).timestamp() * 1000)

    @property
    def facts(self) -> FactsPart:
        """What its faults are told from."""
        return FactsPart(self.rpm, self.bearing, self.teeth, self.line_hz, self.poles, self.axial)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole settings file."""

    host: HostPart = HostPart()
    retention: RetentionPart = RetentionPart()
    rooms: dict[str, RoomPart] = {}
    costs: CostsPart = CostsPart()
    machines: dict[str, MachinePart] = {}

    def costs_by_machine(self) -> dict[str, tuple[float, float]]:
        """What a planned stop and a failure cost, by SITE/NODE; of "" for all others."""
        said: dict[str, CostsPart | MachinePart] = {"": self.costs, **self.machines}
        return {
            name: (one.planned, one.failure)
            for name, one in said.items()
            if one.planned is not None and one.failure is not None
        }


def find() -> Path:
    """Where the settings are: BABBITT_CONFIG, else the user's folder for settings."""
    said = os.environ.get("BABBITT_CONFIG")
    return Path(said) if said else Path(platformdirs.user_config_dir("babbitt")) / FILE


def load(path: Path | None = None) -> Settings:
    """The settings in a file (default: :func:`find`); all defaults if that is not there, unless it was named.

    Raises SettingsError that says which line or setting, and what it may be.
    """
    named = path is not None or bool(os.environ.get("BABBITT_CONFIG"))
    path = path or find()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if named:
            raise SettingsError(f"{path} is not there: `babbitt init` makes one") from None
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SettingsError(f"{path} cannot be read: {why}") from error
    try:
        said = tomllib.loads(text)
        _check_rooms(said.get("rooms"), path)
        _check_machines(said.get("machines"), path)
        found = msgspec.convert(said, Settings)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {_plain(str(error))}") from error
    costs: dict[str, CostsPart | MachinePart] = {
        "[costs]": found.costs,
        **{f'[machines."{k}"]': v for k, v in found.machines.items()},
    }
    for name, one in costs.items():
        _check_costs(name, one, path)
    return msgspec.structs.replace(found, host=_placed(found.host, path.absolute().parent))


def _check_rooms(rooms: Any, path: Path) -> None:
    """Raises SettingsError."""
    for name, room in _each(rooms, "rooms", RoomPart, "a room is called SITE/NODE, as", "hall/room-2", path):
        if room.goods_low is not None and room.goods_high is not None and room.goods_low >= room.goods_high:
            raise SettingsError(f'{path}: [rooms."{name}"] goods_low: must be below goods_high')


def _check_costs(section: str, one: CostsPart | MachinePart, path: Path) -> None:
    """Raises SettingsError."""
    if (one.planned is None) != (one.failure is None):
        raise SettingsError(f"{path}: {section}: planned and failure are given together or not at all")
    if one.planned is not None and one.failure is not None and one.planned > one.failure:
        raise SettingsError(f"{path}: {section} planned: a planned stop costs no more than a failure")


def _check_machines(machines: Any, path: Path) -> None:
    """Raises SettingsError."""
    rule = "a machine is called SITE/NODE, as"
    for name, machine in _each(machines, "machines", MachinePart, rule, "hall/fan", path):
        if not machine.lives_h and machine.since is None:
            continue
        if len(machine.lives_h) < LIVES_MIN:
            raise SettingsError(
                f'{path}: [machines."{name}"] lives_h: {LIVES_MIN} lives are needed, hours each'
            )
        if machine.since is None:
            raise SettingsError(
                f'{path}: [machines."{name}"] since: the day it was new is needed, as 2026-01-15'
            )


def _each(tables: Any, part: str, kind: type[P], rule: str, example: str, path: Path) -> list[tuple[str, P]]:
    """Each table of a node by itself, so that what cannot be is said with the node's name. Raises SettingsError."""
    found = []
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if not re.fullmatch(NODE, name):
            raise SettingsError(f'{path}: [{part}."{name}"]: {rule} [{part}."{example}"]')
        try:
            found.append((name, msgspec.convert(table, kind)))
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            raise SettingsError(f'{path}: [{part}."{name}"] {where.strip(".`") or "it"}: {what}') from error
    return found


def _placed(host: HostPart, folder: Path) -> HostPart:
    """With all paths made absolute."""
    paths: dict[str, Any] = {
        name: str(folder / value)
        for name in ("store", "broker_ca", "broker_cert", "broker_key", "broker_password_file")
        if (value := getattr(host, name))
    }
    return msgspec.structs.replace(host, **paths)


def _plain(error: str) -> str:
    """``Expected `int`, got `str` - at `$.host.web_port``` as a sentence that begins with the setting."""
    what, _, where = error.partition(" - at `$.")
    if not where:
        return what
    section, _, name = where.rstrip("`").partition(".")
    return f"[{section}] {name}: {what}" if name else f"[{section}]: {what}"


TEMPLATE = """# Settings of the Babbitt host; every one is explained in docs/operations.md. What the command line says goes before
# this. A line with # in front has its default.

[host]
{store}
# Where nodes find the host's own broker. 127.0.0.1 lets only this PC in, 0.0.0.0 the network the nodes are in.
listen = "{listen}"
# A broker that runs already, instead of the host's own:
# broker = "mqtts://broker.plant:8883"
# broker_ca = "broker/ca.pem"
# broker_user = "babbitt-host"
# broker_password_file = "broker/logins/babbitt-host"
# The page and the interface for programs; they have no login.
# web = true
web_host = "{web_host}"
web_port = {web_port}
# log_level = "warning"
# log_format = "plain"

[retention]
# How long what is kept: days, or "forever".
# raw = 400
# minutes = 90
# hours = "forever"
# days = "forever"
# events = "forever"
# assessments = 30
# waveforms = 730

# A cold room: what its goods are like and where its contacts are.
# [rooms."SITE/NODE"]
# goods_hours = 3.0
# goods_high = -18.0
# door = "door"

# What a planned stop and a failure cost, in the same money: then the host says whether maintenance is worth doing now.
# [costs]
# planned = 400
# failure = 2500

# A machine: what a cause is told from when a waveform is examined.
# [machines."SITE/NODE"]
# rpm = 1480.0
# bearing = "6205"
# teeth = "32/80"
# line_hz = 50.0
# poles = 4
# axial = "z"
# planned = 900
# failure = 12000
# How long others of its kind were in service until they failed, hours, and since when this one is.
# lives_h = [5200, 8100, 6900]
# since = 2026-01-15
"""
