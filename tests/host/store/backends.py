"""The stores that the conformance suite runs on. A new one is an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from babbitt.store.keeper.keeper import Keeper
from babbitt.store.reader import StoreReader
from babbitt.store.state import State
from babbitt.store.writer import StoreWriter


@dataclass(frozen=True)
class Backend:
    """How a store is opened: to write, to read, for those who follow; and what works in its background, run to the end.
    All get a folder; the last one also the time in seconds."""

    writer: Callable[[Path], StoreWriter]
    reader: Callable[[Path], StoreReader]
    state: Callable[[Path], State]
    settle: Callable[[Path, float], None]


def _keep(folder: Path, now: float) -> None:
    keeper = Keeper(folder, clock=lambda: now)
    keeper.run_until_idle()
    keeper.close()


BACKENDS = {"sqlite": Backend(StoreWriter, StoreReader, State.open, _keep)}
