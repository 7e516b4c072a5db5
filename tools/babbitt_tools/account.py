"""What the nodes numbered against what the host stored: the proof that nothing was lost.

The node's side is read from its flash, with the node's own code, not from anything it sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from babbitt.store.views import LedgerRow
from babbitt_node import segment


def numbered(flash: Path) -> tuple[int, int] | None:
    """(boot, seq) of the newest record in the spool on a board's flash, or None before the first one.

    The newest segment of a spool is never deleted, so the answer holds also when everything was delivered.
    """
    reader = segment.FrameReader()
    buf = bytearray(segment.MAX_PAYLOAD)
    last: tuple[int, int] | None = None
    folder = flash / "spool"
    for path in sorted(folder.glob("*.seg")) if folder.is_dir() else ():
        try:
            with path.open("rb") as file:
                for _ in reader.each(file, segment.HEADER, path.stat().st_size, buf):
                    key = (reader.boot, reader.seq)
                    last = key if last is None else max(last, key)
        except FileNotFoundError:  # the board is running, and has deleted one that was delivered
            continue
    return last


@dataclass(frozen=True, slots=True)
class Account:
    """One node's records over all its boots.

    `sent` were numbered by the node, `stored` are on the host's disk, `lost` are neither stored nor still on the node,
    `pending` are still on the node, `duplicates` arrived more than once and were stored once.
    """

    node: str
    sent: int
    stored: int
    pending: int
    lost: int
    duplicates: int


def account(node: str, flash: Path, ledger: Iterable[LedgerRow]) -> Account:
    """Hold the spool of `node` against the host's ledger."""
    rows = [row for row in ledger if row.node == node]
    newest = numbered(flash)
    stored = sum(row.received for row in rows)
    sent = pending = 0
    for row in rows:
        end = row.next
        if newest is not None and newest[0] == row.boot:
            end = max(end, newest[1] + 1)
            pending = end - row.next
        sent += end - row.first
    if newest is not None and newest[0] not in {row.boot for row in rows}:
        sent += newest[1] + 1
        pending += newest[1] + 1
    pending += sum(row.pending for row in rows)
    return Account(
        node, sent, stored, pending, max(0, sent - stored - pending), sum(row.duplicates for row in rows)
    )
