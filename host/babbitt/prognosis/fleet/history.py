"""Histories of machines, from a CSV or Parquet file: a row a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import ModelError

Floats = NDArray[np.float64]
LEAST_RECORDS = 5
MOMENTS = (0.5, 0.7, 0.8, 0.9, 0.95)
"""Shares of a life at which a back-test asks."""


@dataclass(frozen=True, slots=True)
class History:
    """One machine, records ascending by time: ``time`` (n,) in any unit (cycles, hours), ``settings`` (n, s) operating
    conditions, ``values`` (n, p) measured. ``failed``: it ended so; else it still runs, or was taken out before. ``end``: when,
    if that is later than the last record."""

    unit: str
    time: Floats
    settings: Floats
    values: Floats
    failed: bool = True
    end: float | None = None

    @property
    def life(self) -> float:
        """How long it ran, as far as that is known."""
        return float(self.time[-1]) if self.end is None else self.end

    @property
    def remaining(self) -> Floats:
        """Time from each record to the end."""
        left: Floats = self.life - self.time
        return left

    @property
    def moments(self) -> list[int]:
        """The records at MOMENTS of its life."""
        return [max(1, round(share * len(self.time))) - 1 for share in MOMENTS]

    def until(self, record: int) -> History:
        """What was known after so many records."""
        return History(
            self.unit, self.time[:record], self.settings[:record], self.values[:record], failed=False
        )


@dataclass(frozen=True, slots=True)
class Fleet:
    """Histories with the names of their columns."""

    histories: tuple[History, ...]
    channels: tuple[str, ...]
    settings: tuple[str, ...] = ()


def read(path: Path, unit: str, time: str, settings: Sequence[str] = (), ended: str | None = None) -> Fleet:
    """Read a file. ``unit`` and ``time`` name columns; ``ended`` one that is true (1) on the last record of a machine that
    failed, without it all have failed. All other columns of numbers are measured values. Raises ModelError."""
    import duckdb

    try:
        with duckdb.connect() as conn:
            reads = conn.read_parquet if path.suffix == ".parquet" else conn.read_csv
            table = reads(str(path))
            names, columns = table.columns, table.fetchnumpy()
    except duckdb.Error as error:
        raise ModelError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    asked = [unit, time, *settings, *([ended] if ended else [])]
    if missing := [name for name in asked if name not in names]:
        raise ModelError(f"{path} has no column {', '.join(missing)}; there are {', '.join(names)}")
    channels = [
        name
        for name in names
        if name not in asked and np.issubdtype(np.asarray(columns[name]).dtype, np.number)
    ]
    if not channels:
        raise ModelError(f"{path} has no column of numbers beside {', '.join(asked)}")
    units = np.asarray(columns[unit]).astype(str)
    numbers = {name: _numbers(path, name, columns[name]) for name in (time, *settings, *channels)}
    last = np.asarray(columns[ended]).astype(float) if ended else None
    histories = []
    for one in dict.fromkeys(units.tolist()):
        rows = np.flatnonzero(units == one)
        rows = rows[np.argsort(numbers[time][rows], kind="stable")]
        if len(rows) < LEAST_RECORDS:
            continue
        histories.append(
            History(
                one, numbers[time][rows], _stack(numbers, settings, rows), _stack(numbers, channels, rows),
                failed=last is None or bool(last[rows[-1]] > 0),
            )
        )  # fmt: skip
    if not histories:
        raise ModelError(f"{path}: no machine has {LEAST_RECORDS} records")
    return Fleet(tuple(histories), tuple(channels), tuple(settings))


def _numbers(path: Path, name: str, column: object) -> Floats:
    try:
        if isinstance(column, np.ma.MaskedArray):
            column = np.ma.filled(np.ma.asarray(column, np.float64), np.nan)
        found = np.asarray(column, np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: column {name} holds what is no number") from error
    bad = np.flatnonzero(~np.isfinite(found))
    if len(bad):
        raise ModelError(
            f"{path}: column {name} has no number in row {bad[0] + 1}: fill it, or leave the row out"
        )
    return found


def _stack(numbers: dict[str, Floats], names: Sequence[str], rows: NDArray[np.int64]) -> Floats:
    return np.stack([numbers[name][rows] for name in names], axis=1) if names else np.empty((len(rows), 0))
