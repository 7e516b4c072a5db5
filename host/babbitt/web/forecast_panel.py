"""What the temperatures of a node will be, as a table; shown only where there is a forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babbitt.store.reader import StoreReader
from babbitt.store.views import NodeView
from babbitt.web.foresight import foreseen
from babbitt.web.source import StoreSource, Unavailable
from babbitt.web.style import Tag, Text
from babbitt.web.words import TimeWords

if TYPE_CHECKING:
    from babbitt.prognosis.foreseen import Foreseen

STEP_MS = 900_000
"""A forecast is new every quarter of an hour."""


class ForecastPanel:
    """The forecasts of one node. Call :meth:`refresh` about once a second; it reads when a quarter of an hour has ended."""

    def __init__(self) -> None:
        self._step: tuple[int, str] | None = None
        self._whole = Tag("div")
        with self._whole:
            Text("h2", "Forecast")
            with Tag("section", "panel", aria_label="Forecast"), Tag("div", "scroll"), Tag("table", "stack"):
                self._caption = Text("caption")
                with Tag("thead"):
                    self._head = Tag("tr")
                self._body = Tag("tbody", "forecast")
        self._whole.set_visibility(False)

    async def refresh(self, source: StoreSource, node: NodeView, times: TimeWords) -> None:
        """Read and show what is new."""
        if node.last_t is None or self._step == (now := (node.last_t // STEP_MS, times.name)):
            return

        def read(reader: StoreReader) -> list[Foreseen]:
            return foreseen(reader, node.site, node.node)

        found = await source.read(read, slow=True)
        if isinstance(found, Unavailable):
            return
        self._step = now
        known = [one for one in found if one.forecasts]
        self._whole.set_visibility(bool(known))
        if known:
            self._show(known, times)

    def _show(self, known: list[Foreseen], times: TimeWords) -> None:
        self._caption.text = (
            f"If nothing new happens, from {times.instant(max(one.t for one in known))} on; in brackets where it will be nine"
            " times of ten. Nobody foresees a door."
        )
        self._head.clear()
        with self._head:
            for head in ("Channel", *(f"In {one.minutes} min" for one in known[0].forecasts)):
                Text("th", head, scope="col")
        self._body.clear()
        with self._body:
            for channel in known:
                with Tag("tr"):
                    Text("td", channel.channel)
                    for one in channel.forecasts:
                        Text("td", f"{one.middle:.1f} °C ({one.low:.1f} to {one.high:.1f})")
