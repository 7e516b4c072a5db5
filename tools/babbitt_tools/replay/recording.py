"""What a recording is, once it is ready to be played to a virtual board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from babbitt_tools.vboard.world import World


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """Something known to have happened: `name` from `start_ms` to `end_ms` (equal for an instant), Unix
    ms.
    """

    name: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording made ready for a board.

    Attributes:
        name: e.g. `pronostia/Bearing1_1`.
        kind: `machine` or `cold_room`.
        world: what the sensors feel.
        interval_s: suggested seconds between records.
        utc_start_ms, end_ms: first and last instant, Unix ms.
        truth: what is known to have happened, by time.
        notes: what the sensor cannot deliver, and what was done to the values.
        config: a suggested `config.json`.
    """

    name: str
    kind: str
    world: World
    interval_s: int
    utc_start_ms: int
    end_ms: int
    truth: tuple[TruthEvent, ...]
    notes: tuple[str, ...]
    config: dict[str, Any]
