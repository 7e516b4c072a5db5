"""A cold room, as the host speaks of it in an assessment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from babbitt.protocol.assessment import Interval

STATES = ("unknown", "steady", "cooling", "idle", "defrost", "door open", "restocking", "disturbed", "fault")
"""What a room can be said to do; docs/operations.md explains each."""


@dataclass(frozen=True, slots=True)
class Goods:
    """The temperature of the goods by the thermal model, degrees C, and between what it lies; ``to_limit`` hours until they leave
    their limit, zeros if they have. None: there is no fault, they are not expected to within 32 h, or there is no limit."""

    low: float
    middle: float
    high: float
    to_limit: Interval | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """What a cold room does. ``state`` (one of STATES) since ``since_ms``; ``today`` minutes by state since midnight UTC. ``duty``
    share of the time the compressor ran, ``pull_k_h`` how fast it cools, ``recovery_min`` until the air is back after a defrost or
    a door (medians of the last days); ``power`` what the compressor draws out of the air against its own beginning, 1 is as then.
    ``openings`` and ``defrosts`` since midnight UTC, ``open_min`` for how many minutes; None where nothing shows them. ``by_contact``:
    which of door, compressor, defrost a contact told today; the others are inferred."""

    channel: str
    state: str
    since_ms: int
    today: Mapping[str, float]
    goods: Goods | None = None
    duty: float | None = None
    pull_k_h: float | None = None
    recovery_min: float | None = None
    power: float | None = None
    openings: float | None = None
    open_min: float | None = None
    defrosts: int | None = None
    by_contact: tuple[str, ...] = ()
