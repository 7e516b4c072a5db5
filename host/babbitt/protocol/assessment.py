"""What the analysing blocks take and give: the asset, the assessment and the contract of an analyser.

Everything analytical works on physical units as floats (g, degrees C) and Unix time in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from babbitt.protocol.room import Room
    from babbitt.settings import RoomPart

LEVELS = ("learning", "normal", "warning", "alarm")
"""The levels of an assessment, mildest first."""

OUTLOOKS = ("learning", "no trend", "lives", "stable", "trend", "beyond limit")
"""What a prognosis can say about the time to come."""

BASES = ("limits", "sisters", "own")
"""What an assessment goes by besides the limits people set: nothing yet, sister machines, its own learnt state."""


@dataclass(frozen=True, slots=True)
class Others:
    """In service since ``since_ms`` (Unix ms), the hours that others of the kind were in service until they failed, and those of others
    that did not fail: they still run, or were repaired or taken out before."""

    since_ms: int
    hours: tuple[float, ...]
    unfailed: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sisters:
    """What machines of the same kind are like: so many of them, and by feature the middle and how far from it a machine
    of the kind may be (natural logs, K for temperatures); ``level_g`` is the vibration when they run, g rms of all axes."""

    count: int
    centre: Mapping[str, float]
    limit: Mapping[str, float]
    level_g: float


@dataclass(frozen=True, slots=True)
class Point:
    """Where a machine works: the recipe (0..255) and the speed of its shaft in r/min, None if no tachometer tells it."""

    recipe: int
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """The machine or room a node watches: where it is, what the operator calls it, and what it is.

    ``kind`` is ``machine`` or ``cold_room``; ``interval_s`` is the time between records in seconds.
    ``limits`` holds, for each channel that a limit check watches, the limits of that check in physical units
    under ``ll``, ``l``, ``h``, ``hh`` (only those that are set). ``room`` is what the host's settings say of a cold room.
    ``tolerance``: by how much its learnt limits are widened by what people said of its alarms (1: not at all);
    ``accepted``: someone said that it is as it should be, whatever its sisters are like; ``sisters``: what those are
    like, None if that is not known or not needed; ``others``: how long others of its kind lived, None if nobody said.
    """

    site: str
    node: str
    name: str
    kind: str
    interval_s: int
    limits: Mapping[str, Mapping[str, float]]
    room: RoomPart | None = None
    tolerance: float = 1.0
    accepted: bool = False
    sisters: Sisters | None = None
    others: Others | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A time still to come, in hours, as the 10th, 50th and 90th percentile (p10 <= p50 <= p90)."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class Reach:
    """A slow variable on its way to a limit that people set: which ``limit`` (`ll`, `l`, `h`, `hh`) of ``channel``, its value ``at`` in
    the channel's unit, and the hours ``left``."""

    channel: str
    limit: str
    at: float
    left: Interval


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the host thinks of an asset at one instant.

    ``t_ms``       Unix time in milliseconds of the record it follows.
    ``level``      one of :data:`LEVELS`.
    ``anomaly``    1.0 is the limit of the asset's own baseline; None while learning.
    ``health``     0..100, or None while learning.
    ``drivers``    channels that carry the anomaly, strongest first.
    ``outlook``    one of :data:`OUTLOOKS`.
    ``remaining``  machine: useful life left; cold room: time to the limit; None where nothing can be said.
    ``room``       cold room: what it does, its goods, how well it is cooled; else None.
    ``basis``      one of :data:`BASES`.
    ``since_ms``   Unix ms from which on what is told showed, which is before it was told; None if nothing is told.
    ``reaches``    machine: channels on their way to a limit, the soonest first.
    ``point``      machine: where it worked, None while it changes over.
    """

    t_ms: int
    level: str
    anomaly: float | None
    health: float | None
    drivers: tuple[str, ...]
    outlook: str
    remaining: Interval | None
    room: Room | None = None
    basis: str = "own"
    since_ms: int | None = None
    point: Point | None = None
    reaches: tuple[Reach, ...] = ()


class Analyser(Protocol):
    """One analyser follows one asset, record by record in order; its state survives as plain JSON types.

    An analyser is made by ``load(asset, {})`` when there is no state yet.
    """

    def update(self, t_ms: int, values: Mapping[str, float | None], recipe: int = 0) -> Assessment:
        """Take one record (physical units by channel id, None for 'not measured') and judge the asset."""
        ...

    def apart(self) -> Self:
        """One that knows what this one has learnt and nothing of the time since, for records that come late. It must not be
        saved: what it takes in does not count."""
        ...

    def dump(self) -> dict[str, Any]:
        """Give the whole state in plain JSON types."""
        ...

    @classmethod
    def load(cls, asset: Asset, state: dict[str, Any]) -> Self:
        """Build the analyser from what ``dump`` gave, or a fresh one from ``{}``."""
        ...
