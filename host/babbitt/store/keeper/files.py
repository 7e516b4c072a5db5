"""The Parquet files of the history: one row a value, sorted by site, node, channel and time, a file or a few a day.

Columns: site, node, channel, unit (text); exp: a value is raw x 10^exp of the unit; t (ms, UTC); raw (null: not
measured); which record it is of: install, boot, seq, recipe, u (ms since boot), and k, its place in the record; tq
and t_err (ms): where the time is from and how wrong it may be, as in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from babbitt.errors import StoreError
from babbitt.store import log
from babbitt.store.files import appearing
from babbitt.store.keeper.spread import Meant

DAY = 86_400_000
GROUP = 65_536
_NAMES = ("site", "node", "channel", "unit")
_PLAIN = ("t", "seq", "u", "boot", "install", "t_err", "recipe")
SCHEMA = pa.schema(
    [
        *((name, pa.dictionary(pa.int32(), pa.string())) for name in _NAMES),
        ("exp", pa.int8()), ("t", pa.timestamp("ms", "UTC")), ("raw", pa.int32()), ("install", pa.int32()),
        ("boot", pa.int32()), ("seq", pa.int32()), ("k", pa.int8()), ("recipe", pa.int32()), ("u", pa.int64()),
        ("tq", pa.int8()), ("t_err", pa.int32()),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written: where, the day it is of, and what is in it (times in ms)."""

    name: str
    day: str
    records: int
    t_min: int
    t_max: int
    bytes: int


def day_of(t: int) -> str:
    """The day (UTC) of a time in ms."""
    return datetime.fromtimestamp(t / 1000, UTC).strftime("%Y-%m-%d")


def table_of(parts: Sequence[Meant], homes: dict[int, tuple[str, str]]) -> pa.Table:
    """Records as rows of the files, sorted. ``homes``: site and node by installation."""
    parts = sorted(parts, key=lambda part: homes[int(part.section["install"][0])])
    names: dict[str, dict[str, int]] = {name: {} for name in _NAMES}
    columns: dict[str, list[Any]] = {field.name: [] for field in SCHEMA}
    for part in parts:
        section, table = part.section, part.table
        inner = sorted(range(len(table.ids)), key=table.ids.__getitem__)
        width, n = section["v"].shape[1], len(section)
        site, node = homes[int(section["install"][0])]
        for name, text in (("site", site), ("node", node)):
            code = names[name].setdefault(text, len(names[name]))
            columns[name].append(np.full(width * n, code, np.int32))
        for name, texts in (("channel", table.ids), ("unit", table.units)):
            codes = [names[name].setdefault(texts[k], len(names[name])) for k in inner]
            columns[name].append(np.repeat(np.array(codes, np.int32), n))
        columns["exp"].append(np.repeat(np.array(table.exps, np.int8)[inner], n))
        columns["k"].append(np.repeat(np.array(inner, np.int8), n))
        columns["raw"].append(section["v"].T[inner].ravel())
        for name in ("install", "boot", "seq", "recipe", "u", "t", "tq", "t_err"):
            columns[name].append(np.tile(section[name], width))
    whole = {name: np.concatenate(some) for name, some in columns.items()}
    order = None if _simple(parts) else _order(whole, names)
    arrays = []
    for field in SCHEMA:
        column = whole[field.name] if order is None else whole[field.name][order]
        if field.name in names:
            arrays.append(pa.DictionaryArray.from_arrays(pa.array(column), pa.array(list(names[field.name]))))
        elif field.name == "raw":
            arrays.append(pa.array(column, mask=column == log.NULL))
        else:
            arrays.append(pa.array(column).cast(field.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _simple(parts: Sequence[Meant]) -> bool:
    """Whether the rows are in order as they are: each node once, and its records by time."""
    installs = {int(part.section["install"][0]) for part in parts}
    return len(installs) == len(parts) and all((np.diff(part.section["t"]) >= 0).all() for part in parts)


def _order(whole: dict[str, Any], names: dict[str, dict[str, int]]) -> Any:
    ranks = []
    for name in ("site", "node", "channel"):
        known = list(names[name])
        rank = np.empty(len(known), np.int32)
        rank[np.argsort(np.array(known))] = np.arange(len(known))
        ranks.append(rank[whole[name]])
    return np.lexsort((whole["seq"], whole["boot"], whole["t"], ranks[2], ranks[1], ranks[0]))


def write(folder: Path, name: str, table: pa.Table, day: str) -> Written:
    """Write a file so that it is there whole and on disk, or not at all. Raises OSError."""
    final = folder / name
    final.parent.mkdir(parents=True, exist_ok=True)
    with appearing(final) as new:
        pq.write_table(
            table, new, compression="zstd", compression_level=3, row_group_size=GROUP,
            use_dictionary=[*_NAMES, "exp", "k", "tq"],
            # What a record has once comes again for each of its values, byte by byte: compression makes nothing of it.
            column_encoding={"raw": "DELTA_BINARY_PACKED", **dict.fromkeys(_PLAIN, "PLAIN")},
            write_statistics=["site", "node", "channel", "t"],
        )  # fmt: skip
    t = pc.min_max(table["t"].cast(pa.int64())).as_py()
    records = pc.sum(pc.equal(table["k"], 0)).as_py()
    return Written(name, day, records, t["min"], t["max"], final.stat().st_size)


def merge(folder: Path, names: Iterable[str], into: str, day: str) -> Written:
    """Several files of a day as one. Raises OSError, StoreError for a damaged file."""
    tables = [read(folder / name) for name in names]
    table = pa.concat_tables([_worded(table) for table in tables])
    table = table.sort_by([(name, "ascending") for name in ("site", "node", "channel", "t", "boot", "seq")])
    return write(folder, into, table, day)


def _worded(table: pa.Table) -> pa.Table:
    """With words in place of their codes, which differ from file to file."""
    for name in _NAMES:
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.string()))
    return table


def read(path: Path, columns: list[str] | None = None, filters: Any = None) -> pa.Table:
    """A file, or some columns and rows of it. Raises FileNotFoundError, StoreError for a damaged one."""
    try:
        return pq.read_table(path, columns=columns, filters=filters, partitioning=None, schema=None)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise StoreError(
            f"the history file {path} is damaged ({str(error)[:200]}): put it back from a backup, or move it away to"
            " go on without its values"
        ) from error
