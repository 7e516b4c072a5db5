"""What the viewer of a node says of its alarms: kept in the store, and what follows from it as words."""

from __future__ import annotations

import asyncio
import time

from babbitt.detection.precision import Judgement, judged
from babbitt.errors import BabbittError
from babbitt.store import marking
from babbitt.store.reader import StoreReader
from babbitt.store.views import EventView, MarkView
from babbitt.web.events_panel import EventsPanel
from babbitt.web.source import StoreSource, Unavailable
from babbitt.web.words import sentence

WHO = "page"


class Marking:
    """The marks of one node on its page."""

    def __init__(self, source: StoreSource, site: str, node: str) -> None:
        self._source, self._site, self._node = source, site, node
        self._told: tuple[int, int] | None = None
        self._trouble = ""

    async def mark(self, event: int, verdict: str) -> None:
        """Keep a verdict; what keeps it from being kept is told with what follows."""
        try:
            now = int(time.time() * 1000)
            await asyncio.to_thread(marking.mark, self._source.path, event, verdict, now, WHO)
            self._trouble = ""
        except BabbittError as error:
            self._trouble = f"This was not kept: {error}. "
        self._told = None

    async def follow(self, panel: EventsPanel, events: list[EventView], marks: list[MarkView]) -> None:
        """Say what follows, if there is something new."""
        newest = (marks[0].id if marks else 0, events[0].id if events else 0)
        if newest == self._told:
            return

        def read(reader: StoreReader) -> Judgement:
            return judged(reader, self._site, self._node)

        found = await self._source.read(read, slow=True)
        if isinstance(found, Unavailable) or not found.nodes:
            return
        self._told = newest
        (one,) = found.nodes
        said = f"Of the host: {one.host.text}."
        if one.tolerance is not None:
            said += f" Its thresholds: {one.tolerance.text}."
        if one.checks.precision is not None:
            said += f" Of the node's checks: {one.checks.text}."
        panel.follow(sentence(self._trouble) + said)
