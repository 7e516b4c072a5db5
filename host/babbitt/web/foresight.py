"""The one foreseer of this process, for page and interface: what one asked for need not be learnt for the other again."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from babbitt.store.reader import StoreReader

if TYPE_CHECKING:
    from babbitt.prognosis.foreseen import Foreseen, Foreseer


@functools.lru_cache(maxsize=1)
def _foreseer(store: Path) -> Foreseer:
    from babbitt.prognosis.foreseen import Foreseer  # only now: a plant without rooms needs none of it

    return Foreseer()


def foreseen(reader: StoreReader, site: str, node: str) -> list[Foreseen]:
    """The forecasts of a node's temperatures. For a slow lane: a channel that is new takes a second. Raises UnknownNode,
    StoreError."""
    return _foreseer(reader.path).foresee(reader, site, node)
