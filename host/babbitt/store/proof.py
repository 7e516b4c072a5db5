"""The proof of the ledger: all records of the store are read again, and counted against what the ledger says.

Rows are counted where they lie (Parquet files, those that wait for one, the log), events in their table. A record
that is there twice, that is not in the account, or that is in the account and neither there nor deleted because it was
too old, is an error.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import StoreError
from babbitt.store import expired, raw
from babbitt.store.ranges import Ranges

Key = tuple[int, int]
Numbers = NDArray[np.int64]
"""Shape (n, 3): installation, boot, seq."""
_ALL = 2**62


@dataclass(slots=True)
class Proof:
    """What was found: ``records`` read, and what is wrong in plain words, at most so many."""

    records: int = 0
    twice: int = 0
    unaccounted: int = 0
    absent: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether the store holds what the ledger says, each record once."""
        return not (self.twice or self.unaccounted or self.absent or self.errors)


def prove(
    hot: sqlite3.Connection,
    history: sqlite3.Connection | None,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Proof:
    """Read everything and compare. ``progress(files read, files)``. Raises StoreError if the store cannot be read.

    While a host writes, records that come meanwhile are left out: the account is read first, and what is beyond it
    is not counted.
    """
    proof = Proof()
    account: dict[Key, Ranges] = {}
    for install, boot, first, last in hot.execute("SELECT install_id, boot, first, last FROM runs"):
        account.setdefault((install, boot), Ranges()).add(first, last)
    gone = expired.read(hot)
    for _ in range(raw.TRIES):
        try:
            numbers = np.concatenate(
                [np.empty((0, 3), np.int64), *_numbers(hot, history, folder, proof, progress)]
            )
            break
        except FileNotFoundError:  # just replaced by another
            proof.errors.clear()
    else:
        raise StoreError("the files of the history change faster than they can be read: try again")
    proof.records = len(numbers)
    order = np.lexsort((numbers[:, 2], numbers[:, 1], numbers[:, 0]))
    numbers = numbers[order]
    same = (np.diff(numbers, axis=0) == 0).all(axis=1)
    proof.twice = int(same.sum())
    if proof.twice:
        proof.errors.append(
            f"{proof.twice} records are there twice, the first: {_named(hot, *numbers[:-1][same][0].tolist())}"
        )
    numbers = numbers[np.r_[True, ~same]] if len(numbers) else numbers
    for key, ranges in expired.read(history).items():  # after the files: what went meanwhile is no error
        for first, last in ranges:
            gone.setdefault(key, Ranges()).add(first, last)
    _compare(hot, numbers, account, gone, proof)
    return proof


def _numbers(
    hot: sqlite3.Connection,
    history: sqlite3.Connection | None,
    folder: Path,
    proof: Proof,
    progress: Callable[[int, int], None],
) -> Iterator[Numbers]:
    there = raw.snapshot(hot, history, -_ALL, _ALL)
    for section in (*there.waiting, *there.unrolled):
        rows = section[section["kind"] == 0]
        yield np.stack([rows[name].astype(np.int64) for name in ("install", "boot", "seq")], axis=1)
    events = hot.execute("SELECT install_id, boot, seq FROM events WHERE install_id IS NOT NULL").fetchall()
    yield np.array(events, np.int64).reshape(-1, 3)
    if not there.files:
        return
    from babbitt.store.keeper import files

    for n, name in enumerate(there.files):
        try:
            table = files.read(folder / name, ["install", "boot", "seq", "k"], [("k", "==", 0)])
        except FileNotFoundError:
            raise
        except StoreError as error:
            proof.errors.append(str(error))
            continue
        yield np.stack([table[c].to_numpy().astype(np.int64) for c in ("install", "boot", "seq")], axis=1)
        progress(n + 1, len(there.files))


def _compare(
    hot: sqlite3.Connection,
    numbers: Numbers,
    account: dict[Key, Ranges],
    gone: dict[Key, Ranges],
    proof: Proof,
) -> None:
    edges = [
        0,
        *(np.flatnonzero((np.diff(numbers[:, :2], axis=0) != 0).any(axis=1)) + 1).tolist(),
        len(numbers),
    ]
    seen: set[Key] = set()
    for first, end in itertools.pairwise(edges):
        if first == end:
            continue
        key = int(numbers[first, 0]), int(numbers[first, 1])
        seen.add(key)
        old = gone.get(key, Ranges())
        whole = account.get(key, Ranges())
        seqs = numbers[first:end, 2]
        covered = np.zeros(len(seqs), bool)
        for low, high in old:
            at, behind = np.searchsorted(seqs, (low, high + 1))
            covered[at:behind] = True
        for low, high in whole.without(old):
            at, behind = np.searchsorted(seqs, (low, high + 1))
            covered[at:behind] = True
            if (lacking := high - low + 1 - int(behind - at)) > 0:
                proof.absent += lacking
                proof.errors.append(
                    f"{lacking} of the records {low} to {high} of {_named(hot, *key)} are not in the store"
                )
        # Beyond the last range: they came while the store was read.
        top = max((high for _, high in whole), default=-1)
        extra = int((~covered & (seqs <= top)).sum())
        if extra:
            proof.unaccounted += extra
            proof.errors.append(
                f"{extra} records of {_named(hot, *key)} are in the store and not in the account"
            )
    for key, stored in account.items():
        missing = stored.without(gone.get(key, Ranges()))
        if key not in seen and (count := sum(last - first + 1 for first, last in missing)):
            proof.absent += count
            proof.errors.append(f"all {count} records of {_named(hot, *key)} are not in the store")
    del proof.errors[50:]


def _named(hot: sqlite3.Connection, install: int, boot: int, seq: int | None = None) -> str:
    row = hot.execute(
        "SELECT n.site, n.node, i.install FROM installs i JOIN nodes n ON n.id=i.node_id WHERE i.id=?",
        (install,),
    ).fetchone()
    where = f"{row[0]}/{row[1]} {row[2][:4]}" if row else f"installation {install}"
    return f"{where}.{boot}" + ("" if seq is None else f" number {seq}")
