"""Measured values of before, from a CSV or Parquet file: which columns mean what, and the values by time.

Two forms are understood: one row a time, with a column for each channel; and one row a value, as `babbitt export` writes
it (columns site, node, channel, unit, t, value). DuckDB reads both, so a file may be larger than the memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from babbitt.acquisition.units import converted
from babbitt.errors import ImportFailed
from babbitt.protocol.limits import CHANNELS_MAX, T_MAX, T_MIN, VALUE_MAX

if TYPE_CHECKING:
    pass

_LONG = {"site", "node", "channel", "unit", "t", "value"}
_CHANNEL = re.compile(r"[a-z0-9_.]{1,32}")
_HEADING = re.compile(r"\s*(.*?)\s*[\[(]([^\])]*)[\])]\s*")
_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "UBIGINT",
    "UINTEGER",
)
_READERS = {".csv": "read_csv", ".csv.gz": "read_csv", ".parquet": "read_parquet"}
_PIECE = 50_000
_MS = 1e11
"""A time that is a number greater than this is in ms, not in s (1973 in ms, the year 5138 in s)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A channel of the file: where it is, what it is called from now on, its unit then, value x factor + offset, and what
    was found in it: how many values, the least and the greatest (in ``unit``)."""

    source: str
    channel: str
    unit: str
    factor: float
    offset: float
    count: int
    low: float
    high: float

    @property
    def exp(self) -> int:
        """The finest exponent of ten with which all values fit."""
        most = max(abs(self.low), abs(self.high))
        return -9 if most <= VALUE_MAX * 1e-9 else min(12, math.ceil(math.log10(most / VALUE_MAX)))


@dataclass(frozen=True, slots=True)
class Past:
    """What a file has of one node: ``rows`` times from ``first`` to ``last`` (ms), usually ``interval_s`` apart."""

    site: str
    node: str
    columns: tuple[Column, ...]
    rows: int
    first: int
    last: int
    interval_s: int


class File:
    """A file, opened. ``time`` names its column of times (default: the first that can be one), ``zone`` is that of
    times without one, ``named`` are texts like ``SOURCE=channel:unit``.

    Raises ImportFailed that says which column or value is wrong and what to do.
    """

    def __init__(
        self, path: Path, time: str | None = None, zone: str = "UTC", named: Sequence[str] = ()
    ) -> None:
        import duckdb

        self.path = path
        self._conn = duckdb.connect(config={"threads": 2, "memory_limit": "512MB"})
        reader = next((how for suffix, how in _READERS.items() if path.name.lower().endswith(suffix)), None)
        if reader is None:
            raise ImportFailed(f"{path}: the suffix says the format, one of {', '.join(_READERS)}")
        if not path.is_file():
            raise ImportFailed(f"{path} is not there")
        try:
            self._conn.execute(f"SET TimeZone={_text(zone)}")
            self._conn.execute(f"CREATE VIEW src AS SELECT * FROM {reader}({_text(str(path))})")
            self._types = {row[0]: str(row[1]) for row in self._conn.execute("DESCRIBE src").fetchall()}
        except duckdb.Error as error:
            raise ImportFailed(f"{path}: {_first_line(error)}") from error
        self.long = set(self._types) >= _LONG
        self._time = self._time_column("t" if self.long else time, zone)
        self._named = dict(_name(one) for one in named)
        if unknown := [source for source in self._named if source not in self._types]:
            raise ImportFailed(f"{path} has no column {unknown[0]!r}; it has {', '.join(self._types)}")

    def close(self) -> None:
        """Close the file."""
        self._conn.close()

    def _ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            return self._conn.execute(sql, list(values)).fetchall()
        except duckdb.Error as error:
            raise ImportFailed(f"{self.path}: {_first_line(error)}") from error

    def _time_column(self, named: str | None, zone: str) -> str:
        """The SQL that gives the time in ms."""
        likely = [c for c, kind in self._types.items() if kind.startswith(("TIMESTAMP", "DATE"))]
        likely += [c for c in self._types if c.lower() in ("t", "time", "timestamp", "datetime", "date")]
        name = named or next(iter(likely), None)
        if name is None:
            raise ImportFailed(
                f"{self.path}: which column is the time? say --time, one of {', '.join(self._types)}"
            )
        kind = self._types.get(name)
        if kind is None:
            raise ImportFailed(f"{self.path} has no column {name!r}; it has {', '.join(self._types)}")
        self.time_name = name
        column = _column(name)
        if kind == "TIMESTAMP WITH TIME ZONE":
            return f"epoch_ms({column})"
        if kind.startswith(("TIMESTAMP", "DATE")):
            return f"epoch_ms(timezone({_text(zone)}, {column}::TIMESTAMP))"
        if kind.startswith(_NUMBERS):
            number = f"{column}::DOUBLE"
            return f"CAST(round(CASE WHEN {number} > {_MS} THEN {number} ELSE {number} * 1000 END) AS BIGINT)"
        raise ImportFailed(
            f"{self.path}: column {name!r} is {kind.lower()}, no time; write times as 2026-11-01T12:30:00"
        )

    def nodes(self, site: str | None, node: str | None) -> list[Past]:
        """What the file has, by node. A file with a column for each channel is of the one that is named."""
        if self.long:
            found = self._ask(
                "SELECT DISTINCT site, node FROM src WHERE (?1 IS NULL OR site=?1) AND (?2 IS NULL OR node=?2) ORDER BY 1, 2",
                site, node,
            )  # fmt: skip
            if not found:
                raise ImportFailed(f"{self.path} has nothing of {site or 'any site'}/{node or 'any node'}")
            return [self._past(*one) for one in found]
        if site is None or node is None:
            raise ImportFailed(f"{self.path}: of which node is it? say --site and --node")
        return [self._past(site, node)]

    def _past(self, site: str, node: str) -> Past:
        where, values = self._where(site, node)
        rows, first, last, unknown = self._ask(
            f"SELECT count(DISTINCT {self._time}), min({self._time}), max({self._time}), count(*) - count({self._time})"
            f" FROM src {where}", *values,
        )[0]  # fmt: skip
        if unknown:
            raise ImportFailed(f"{self.path}: {unknown} rows have no time in column {self.time_name!r}")
        if not rows:
            raise ImportFailed(f"{self.path} has no rows")
        for t in (first, last):
            if not T_MIN <= t <= T_MAX:
                raise ImportFailed(
                    f"{self.path}: a time is {t} ms since 1970, outside 2020 to 2100; which column is the time (--time), and"
                    " are numbers in it seconds or milliseconds?"
                )
        columns = tuple(self._columns_long(site, node) if self.long else self._columns_wide())
        if not columns:
            raise ImportFailed(f"{self.path} has no column of numbers; it has {', '.join(self._types)}")
        if len(columns) > CHANNELS_MAX:
            raise ImportFailed(
                f"{self.path} has {len(columns)} channels, a node has at most {CHANNELS_MAX}: name them by --column"
            )
        names = [one.channel for one in columns]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ImportFailed(
                f"{self.path}: two columns become {min(twice)}; name them by --column SOURCE=channel:unit"
            )
        ((step,),) = self._ask(
            f"SELECT median(d) FROM (SELECT t - lag(t) OVER (ORDER BY t) AS d FROM (SELECT DISTINCT {self._time} AS t"
            f" FROM src {where} LIMIT 100000))", *values,
        )  # fmt: skip
        interval = min(86_400, max(1, round((step or 1000) / 1000)))
        return Past(site, node, columns, rows, first, last, interval)

    def _where(self, site: str, node: str) -> tuple[str, list[object]]:
        return ("WHERE site=? AND node=?", [site, node]) if self.long else ("", [])

    def _columns_wide(self) -> Iterator[Column]:
        numbers = (
            name for name, kind in self._types.items() if name != self.time_name and kind.startswith(_NUMBERS)
        )
        chosen: dict[str, tuple[str, str] | None] = {**self._named} or dict.fromkeys(numbers)
        for name, said in chosen.items():
            heading = _HEADING.fullmatch(name)
            channel, unit = said or (_slug(heading[1] if heading else name), heading[2] if heading else None)
            if unit is None:
                raise ImportFailed(
                    f"{self.path}: column {name!r} has no unit; name it by --column '{name}={channel}:UNIT' (1 for none), or"
                    f" head it '{name} [UNIT]'"
                )
            kind = self._types[name]
            if not kind.startswith(_NUMBERS):
                raise ImportFailed(f"{self.path}: column {name!r} is {kind.lower()}, no numbers")
            value = f"{_column(name)}::DOUBLE"
            yield self._column(name, channel, unit, f"SELECT {value} AS value FROM src", [])

    def _columns_long(self, site: str, node: str) -> Iterator[Column]:
        for channel, unit in self._ask(
            "SELECT DISTINCT channel, unit FROM src WHERE site=? AND node=? ORDER BY 1", site, node
        ):
            yield self._column(
                channel, channel, unit,
                "SELECT value::DOUBLE AS value FROM src WHERE site=? AND node=? AND channel=?", [site, node, channel],
            )  # fmt: skip

    def _column(self, source: str, channel: str, unit: str, values: str, bound: list[object]) -> Column:
        if not _CHANNEL.fullmatch(channel):
            raise ImportFailed(
                f"{self.path}: {channel!r} cannot name a channel: it is 1 to 32 of a-z, 0-9, _ and ."
            )
        becomes, factor, offset = converted(unit)
        if len(becomes) > 16 or not becomes.isprintable():
            raise ImportFailed(f"{self.path}: {becomes!r} cannot be a unit: it has at most 16 characters")
        count, low, high = self._ask(
            f"SELECT count(*), min(value), max(value) FROM ({values}) WHERE isfinite(value)", *bound
        )[0]
        ends = [0.0 if one is None else one * factor + offset for one in (low, high)]
        return Column(source, channel, becomes, factor, offset, count, min(ends), max(ends))

    def pieces(self, past: Past) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Times (ms, ascending) and values (NaN: not measured), shape (n, columns), in the units of the columns."""
        import duckdb

        where, bound = self._where(past.site, past.node)
        if self.long:
            wanted = ", ".join(
                f"max(value) FILTER (WHERE channel={_text(c.channel)})::DOUBLE" for c in past.columns
            )
        else:
            wanted = ", ".join(f"any_value({_column(c.source)}::DOUBLE)" for c in past.columns)
        query = f"SELECT {self._time} AS t, {wanted} FROM src {where} GROUP BY 1 ORDER BY 1"
        factors = np.array([c.factor for c in past.columns])
        offsets = np.array([c.offset for c in past.columns])
        try:
            for piece in self._conn.sql(query, params=bound).to_arrow_reader(_PIECE):
                times = piece.column(0).to_numpy()
                raw = [piece.column(n + 1).to_numpy(zero_copy_only=False) for n in range(len(past.columns))]
                yield times.astype(np.int64), np.stack(raw, axis=1).astype(np.float64) * factors + offsets
        except duckdb.Error as error:
            raise ImportFailed(f"{self.path}: {_first_line(error)}") from error


def _name(text: str) -> tuple[str, tuple[str, str]]:
    source, equals, rest = text.partition("=")
    channel, colon, unit = rest.partition(":")
    if not (equals and colon and source and channel):
        raise ImportFailed(f"--column {text!r}: write it as SOURCE=channel:unit, as 'Temp 1=temp.mean:degC'")
    return source, (channel, unit)


def _slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9_.]+", "_", heading.strip().lower()).strip("_")[:32] or "value"


def _text(said: str) -> str:
    return "'" + said.replace("'", "''") + "'"


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
