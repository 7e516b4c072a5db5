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
    """(channel ids, times, values) of all measured values, sorted by channel and time."""
    channels, times, values = [], [], []
    for part in parts:
        v = part.section["v"]
        there = v.T != log.NULL
        channels.append(np.repeat(np.array(part.table.keys, np.int64), there.sum(axis=1)))
        times.append(np.broadcast_to(part.section["t"], there.shape)[there])
        values.append(v.T[there].astype(np.int64))
    if not channels:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    channel, time, value = (np.concatenate(one) for one in (channels, times, values))
    order = np.lexsort((time, channel))
    return channel[order], time[order], value[order]
