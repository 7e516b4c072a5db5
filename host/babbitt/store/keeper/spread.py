"""Records spread out: one row a value, with the channel it is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt.store import log
from babbitt.store.tables import Table, Tables


@dataclass(frozen=True, slots=True)
class Meant:
    """Records of one installation of which one table says what their values mean."""

    table: Table
    section: log.Section


def meaning(section: log.Section, tables: Tables) -> Iterator[tuple[Table | None, log.Section]]:
    """Rows of one installation, sorted by boot and seq, cut where another table begins; None: nobody knows."""
    width = section["v"].shape[1]
    boots, seqs = section["boot"].tolist(), section["seq"].tolist()
    first = 0
    while first < len(section):
        table = tables.find(boots[first], seqs[first], width)
        end = len(section)
        if tables.find(boots[-1], seqs[-1], width) is not table:
            end = next(n for n in range(first + 1, len(section) + 1)
                       if n == len(section) or tables.find(boots[n], seqs[n], width) is not table)  # fmt: skip
        yield table, section[first:end]
        first = end


def measured(
    parts: Sequence[Meant],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(channel ids, times, values) of all measured values: one channel after the other and by time within it, though
    a channel may come again if several parts have it."""
    channels, times, values = [], [], []
    for part in parts:
        section = part.section
        if len(section) > 1 and (np.diff(section["t"]) < 0).any():
            section = section[np.argsort(section["t"], kind="stable")]
        v, n = np.ascontiguousarray(section["v"].T), len(section)
        keys = np.array(part.table.keys, np.int64)
        t = section["t"]
        if v.size and v.min() == log.NULL:
            there = v != log.NULL
            channels.append(np.repeat(keys, there.sum(axis=1)))
            times.append(np.broadcast_to(t, v.shape)[there])
            values.append(v[there])
        else:
            channels.append(np.repeat(keys, n))
            times.append(np.tile(t, len(keys)))
            values.append(v.ravel())
    if not channels:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    return np.concatenate(channels), np.concatenate(times), np.concatenate(values).astype(np.int64)
