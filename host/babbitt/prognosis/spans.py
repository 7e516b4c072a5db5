"""How long others of a kind lived, by what people said of the machines of the store (`babbitt lives`).

Machines that measure the same are of a kind (:mod:`.fleet.lives`). As soon as FEWEST of a kind have failed, each that runs is told how
long those lived, and how long the rest has lasted so far; with more failures and their records a model of the fleet says more.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from babbitt.errors import StoreError
from babbitt.protocol.assessment import Others

if TYPE_CHECKING:
    from babbitt.store.reader import StoreReader

log = logging.getLogger(__name__)

FEWEST = 3
MANY = 50
"""Of so many that have not failed its own age is not taken out: it is one of many, and what is alike for all is worked out once."""
AGAIN_S = 3600.0
"""So often it is looked anew, for those that run grow older, and at once when something is said of a life."""


class Spans:
    """The lives of others, by ``(site, node)``, followed as people tell them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader: StoreReader | None = None
        self._known: dict[tuple[str, str], Others] = {}
        self._turn, self._at = 0, 0.0

    def look(self, turn: int) -> None:
        """``turn`` is the key of what was said of a life last. If the store cannot be read, what was known stays."""
        if turn == 0 or (turn == self._turn and time.monotonic() - self._at < AGAIN_S):
            return
        self._turn, self._at = turn, time.monotonic()
        from babbitt.store.reader import StoreReader

        try:
            if self._reader is None:
                self._reader = StoreReader(self._folder)
            self._known = told(self._reader)
        except StoreError as error:
            log.error("the lives of machines are not looked at: %s", error)

    def of(self, site: str, node: str) -> Others | None:
        """Of a machine that runs; None if too few of its kind have failed."""
        return self._known.get((site, node))

    def close(self) -> None:
        """Let the store go."""
        if self._reader is not None:
            self._reader.close()


def told(reader: StoreReader) -> dict[tuple[str, str], Others]:
    """What is known of each machine that runs, of kinds of which FEWEST have failed. Raises StoreError."""
    from babbitt.prognosis.fleet.lives import HOUR_MS, kinds

    found = {}
    for kind in kinds(reader):
        if kind.failed < FEWEST:
            continue
        newest = {(view.site, view.node): view.last_t or 0 for view in kind.machines}
        failed = tuple(
            (one.end - one.begin) / HOUR_MS for one in kind.lives if one.failed and one.end is not None
        )
        lasted = [(one, ((newest[one.site, one.node] if one.end is None else one.end) - one.begin) / HOUR_MS)
                  for one in kind.lives if not one.failed]  # fmt: skip
        all_ = tuple(hours for _, hours in lasted if hours > 0)
        for own, _ in lasted:
            if own.end is None:
                rest = tuple(hours for one, hours in lasted if one is not own and hours > 0)
                found[own.site, own.node] = Others(own.begin, failed, rest if len(all_) <= MANY else all_)
    return found
