"""Whole records, wherever they lie: what a node sent, number by number."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from babbitt.store import log, raw
from babbitt.store.times import retimed

_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Record:
    """A row as it was sent: ``u`` in ms since boot, ``t`` in Unix ms as well as it is known (``tq``, ``t_err`` as in
    the record log), ``values`` raw, None where nothing was measured."""

    install: int
    boot: int
    seq: int
    u: int
    t: int
    tq: int
    t_err: int | None
    recipe: int
    values: tuple[int | None, ...]


def records(
    hot: sqlite3.Connection, history: sqlite3.Connection | None, folder: Path, node: tuple[int, str, str]
) -> list[Record]:
    """All rows of a node (its key, site and name) in the order they were taken. For small stores: all of them are in
    memory at once. Raises StoreError for a damaged file."""
    key, site, name = node
    installs = [one for (one,) in hot.execute("SELECT id FROM installs WHERE node_id=?", (key,))]
    for attempt in range(raw.TRIES):
        there = raw.snapshot(hot, history, -_ALL, _ALL)
        try:
            found = _from_files(folder, there.files, site, name)
            break
        except FileNotFoundError:
            if attempt == raw.TRIES - 1:
                raise
    for section in (*there.waiting, *there.unrolled):
        mine = section[(section["kind"] == log.ROW) & np.isin(section["install"], installs)]
        for one in retimed(hot, mine):
            err = int(one["t_err"])
            found.append(
                Record(
                    int(one["install"]), int(one["boot"]), int(one["seq"]), int(one["u"]), int(one["t"]),
                    int(one["tq"]), None if err < 0 else err, int(one["recipe"]), tuple(log.values(one)),
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: (one.install, one.boot, one.seq))


def _from_files(folder: Path, names: Sequence[str], site: str, node: str) -> list[Record]:
    if not names:
        return []
    from babbitt.store.keeper import files

    found = []
    for name in names:
        table = files.read(folder / name, filters=[("site", "==", site), ("node", "==", node)])
        table = table.sort_by([(column, "ascending") for column in ("install", "boot", "seq", "k")])
        columns = table.set_column(
            table.schema.get_field_index("t"), "t", table["t"].cast("int64")
        ).to_pydict()
        seen: dict[tuple[int, int, int], list[int | None]] = {}
        heads: dict[tuple[int, int, int], tuple[int, int, int, int, int]] = {}
        for n, value in enumerate(columns["raw"]):
            at = columns["install"][n], columns["boot"][n], columns["seq"][n]
            seen.setdefault(at, []).append(value)
            heads[at] = tuple(columns[c][n] for c in ("u", "t", "tq", "t_err", "recipe"))
        for at, values in seen.items():
            u, t, tq, err, recipe = heads[at]
            found.append(Record(*at, u, t, tq, None if err < 0 else err, recipe, tuple(values)))
    return found
