"""What every page has around its panels: the bar with the time zone, and the place where troubles are
said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from babbitt.store.views import NodeView
from babbitt.web.facts import is_simulated
from babbitt.web.source import Unavailable
from babbitt.web.style import SHEET, Tag, Text
from babbitt.web.words import TimeWords


class Shell:
    """The frame of one page. Use as a context manager: what is built inside goes below the bar.

    ``times`` starts in UTC and becomes the viewer's own zone as soon as the browser has named it; from
    then on the page is ``live``.
    """

    def __init__(self, title: str) -> None:
        ui.page_title(f"{title} · Babbitt")
        ui.add_css(SHEET)
        self.times = TimeWords.for_zone(None)
        self.live = False
        with Tag("div", "bar", role="banner"):
            Text("a", "Babbitt", "brand", href="/", aria_label="Babbitt, overview of all nodes")
            Text("span", "condition monitoring", "quiet")
            self._clock = Text("span", "", "clock")
        self._main = Tag("div", "body")
        with self._main:
            self._notice = Tag("div", "notice bad", role="alert")
            with self._notice:
                Text("strong", "The data cannot be read")
                self._reason = Text("p")
                Text("p", "What is shown below may be old. This page looks again every second.", "quiet")
            self._notice.set_visibility(False)
        self.say_clock([])

    def __enter__(self) -> Shell:
        self._main.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._main.__exit__(*_)

    async def live_by(self, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        """Call ``look`` now, so that the page arrives filled, and then every ``every_s`` seconds while
        it is open.
        """
        await look()

        async def again() -> None:
            if not self.live:
                self.times = await _viewer_times()
                self.live = True
            await look()

        ui.timer(every_s, again)

    def trouble(self, trouble: Unavailable | None) -> None:
        """Show why the store cannot be read, or take the message away again."""
        if trouble is not None:
            self._reason.text = trouble.reason
        self._notice.set_visibility(trouble is not None)

    def say_clock(self, nodes: list[NodeView]) -> None:
        """Say the zone of all times on the page, and whether any of them are simulated."""
        simulated = [is_simulated(node) for node in nodes]
        extra = " · simulated time" if simulated and all(simulated) else ""
        if any(simulated) and not all(simulated):
            extra = " · some nodes in simulated time"
        self._clock.text = f"All times: {self.times.name}{extra}"


async def _viewer_times() -> TimeWords:
    """Times in the zone the browser names; without an answer in UTC."""
    try:
        name = await ui.run_javascript("Intl.DateTimeFormat().resolvedOptions().timeZone", timeout=5.0)
    except TimeoutError:
        name = None
    return TimeWords.for_zone(name if isinstance(name, str) else None)
