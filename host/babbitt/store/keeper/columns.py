"""One channel out of a Parquet file, fast: the file's index of row groups is kept in memory, so that a span of one
channel is one or two row groups away."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from babbitt.errors import StoreError

Series = tuple[NDArray[np.int64], NDArray[np.float64]]
Key = tuple[str, str, str]


@lru_cache(maxsize=512)
def _index(path: Path, _stamp: tuple[int, int]) -> tuple[pq.FileMetaData, list[tuple[Key, Key]]]:
    """The metadata of a file, and the least and greatest (site, node, channel) of each row group."""
    try:
        meta = pq.read_metadata(path)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    bounds: list[tuple[Key, Key]] = []
    for n in range(meta.num_row_groups):
        stats = [meta.row_group(n).column(c).statistics for c in range(3)]
        # Within a group each column has its own least and greatest; together they bound the key from both sides.
        low, high = [s.min for s in stats], [s.max for s in stats]
        bounds.append(((low[0], low[1], low[2]), (high[0], high[1], high[2])))
    return meta, bounds


def channel_of(path: Path, site: str, node: str, channel: str, start: int, end: int) -> Series:
    """Times (ms) and physical values of a channel for start <= t <= end, in the order of the file. Raises
    FileNotFoundError, StoreError for a damaged file."""
    stat = path.stat()
    meta, bounds = _index(path, (stat.st_ino, stat.st_size))
    groups = [
        n
        for n, (low, high) in enumerate(bounds)
        if low[0] <= site <= high[0] and low[1] <= node <= high[1] and low[2] <= channel <= high[2]
    ]
    if not groups:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    try:
        with pq.ParquetFile(path, metadata=meta, read_dictionary=["site", "node", "channel"]) as file:
            table = file.read_row_groups(
                groups, ["site", "node", "channel", "t", "raw", "exp"], use_threads=False
            ).combine_chunks()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    mine = np.ones(len(table), bool)
    for name, wanted in (("channel", channel), ("node", node), ("site", site)):
        column = table[name].combine_chunks()
        column = column if isinstance(column, pa.DictionaryArray) else column.chunk(0)
        words = column.dictionary.to_pylist()
        code = words.index(wanted) if wanted in words else -1
        mine &= column.indices.to_numpy() == code
    t = table["t"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    mine &= (t >= start) & (t <= end)
    at = np.flatnonzero(mine)
    raw = table["raw"].take(pa.array(at)).to_numpy(zero_copy_only=False).astype(np.float64)
    exps = table["exp"].take(pa.array(at)).to_numpy()
    there = ~np.isnan(raw)
    raw, exps, t = raw[there], exps[there], t[at][there]
    values = np.empty(len(raw), np.float64)
    for exp in np.unique(exps).tolist():
        same = exps == exp
        values[same] = raw[same] / 10**-exp if exp < 0 else raw[same] * float(10**exp)
    return t, values


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"the history file {path} is damaged ({str(error)[:200]}): put it back from a backup, or move it away to"
        " go on without its values"
    )
