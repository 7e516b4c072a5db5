"""Recordings as worlds of a virtual board."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babbitt_tools.vboard.world import World


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """Something that is known to have happened: `name` from `start_ms` to `end_ms` (equal for an instant), Unix ms."""

    name: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording made ready for a board.

    Attributes:
        name: e.g. `pronostia/Bearing1_1`.
        kind: `machine` or `cold_room`.
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
    config: dict[str, Any] = field(default_factory=dict)


def pronostia(data_dir: Path, bearing: str) -> Recording:
    """A PRONOSTIA run to failure, e.g. `Bearing1_1`."""
    raise NotImplementedError


def cold_storage(data_dir: Path, sensor: str, start: str | None = None, end: str | None = None) -> Recording:
    """A sensor of the refrigerated warehouse, e.g. `freezer_1`; start, end are ISO dates in UTC."""
    raise NotImplementedError


def nab(data_dir: Path, series: str) -> Recording:
    """A series of the Numenta Anomaly Benchmark, e.g. `realKnownCause/ambient_temperature_system_failure`."""
    raise NotImplementedError
