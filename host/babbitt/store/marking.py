"""Keeping what a person says of an alarm or of a machine's life, for those who do not write the store otherwise; the host may run meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from babbitt.store.reader import StoreReader
from babbitt.store.writer import StoreWriter


def mark(folder: Path, event: int, verdict: str, now: int, who: str = "", note: str = "") -> None:
    """Keep a verdict on an event. Raises StoreError, UnknownEvent, MarkRefused."""
    with _open(folder) as writer, writer.transaction():
        writer.mark(event, verdict, now, who, note)


def acknowledge(folder: Path, events: Sequence[int], now: int, who: str, note: str = "") -> None:
    """Keep that a person has seen alarms: all of them, or none. Raises StoreError, UnknownEvent, MarkRefused."""
    with _open(folder) as writer, writer.transaction():
        for event in events:
            writer.acknowledge(event, now, who, note)


def reset(folder: Path, site: str, node: str, now: int, who: str = "", note: str = "") -> None:
    """What was said of a node's alarms moves no threshold any more. Raises StoreError, UnknownNode, MarkRefused."""
    with _open(folder) as writer, writer.transaction():
        writer.reset_marks(site, node, now, who, note)


def turn(
    folder: Path, site: str, node: str, what: str, t: int | None, now: int, who: str = "", note: str = ""
) -> int:
    """Keep that a machine failed or was repaired at ``t`` (ms; None: at its newest record), or take back what was said of that
    time. Gives the time. Raises StoreError, UnknownNode, MarkRefused."""
    with _open(folder) as writer, writer.transaction():
        return writer.turn(site, node, what, t, now, who, note)


@contextmanager
def _open(folder: Path) -> Iterator[StoreWriter]:
    StoreReader(folder).close()  # one that is not there is not made, an older one is not brought up to date
    writer = StoreWriter(folder)
    try:
        yield writer
    finally:
        writer.close()
