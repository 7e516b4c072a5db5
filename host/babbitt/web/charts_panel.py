"""The charts of one node: condition, measurements, and on request the sensors' own figures.

Charts are read and laid out in a thread, and sent only where they differ from what the browser has. A
wide span over many records is not read again for every record: at the earliest when its newest point
can move by one pixel or so, and never so often that reading takes more than a tenth of the time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from nicegui import ui

from babbitt.store.reader import StoreReader
from babbitt.store.views import Channel, NodeView
from babbitt.web import chart_options
from babbitt.web.chart_options import Line, Options, TimeAxis
from babbitt.web.groups import ChartGroup, chart_groups
from babbitt.web.source import StoreSource, Unavailable
from babbitt.web.style import Tag, Text
from babbitt.web.words import TimeWords

_DAY = 86_400_000
SPANS = {"hour": 3_600_000, "day": _DAY, "week": 7 * _DAY, "all": None}
"""The spans to choose from, in milliseconds before the node's last record."""

POINTS = 500
"""At most so many points a line: about one a pixel of a chart."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the charts are to show: whose records, up to when (ms), how much of them, in which time zone."""

    node: NodeView
    end: int
    span: str
    times: TimeWords
    groups: tuple[ChartGroup, ...]


def draw(reader: StoreReader, wanted: Wanted) -> dict[str, tuple[Options, str]]:
    """Read and lay out every chart of ``wanted``: {chart key: (options, note)}. Runs in a reading thread.

    Raises StoreError as the reader does.
    """
    site, node, end = wanted.node.site, wanted.node.node, wanted.end
    width = SPANS[wanted.span]
    start = end - width if width is not None else first_record(reader, wanted)
    assessments = reader.assessments(site, node, start, end + 1, POINTS)
    measured = {
        group.title: [
            Line(group.label(c), *reader.series(site, node, c.id, start, end + 1, POINTS), c.limits)
            for c in group.channels
        ]
        for group in wanted.groups
    }
    firsts = [int(line.t[0]) for lines in measured.values() for line in lines if len(line.t)]
    firsts += [a.t_ms for a in assessments[:1]]
    span = (max(start, min(firsts)), end) if firsts else None
    axis = TimeAxis(span, wanted.times)
    what = _left_title(wanted.node.kind)
    charts = {
        "health": (
            chart_options.health(assessments, axis),
            _absent("health index", any(a.health is not None for a in assessments)),
        ),
        "anomaly": (
            chart_options.anomaly(assessments, axis),
            _absent("anomaly", any(a.anomaly is not None for a in assessments)),
        ),
        "remaining": (
            chart_options.remaining(assessments, what, axis),
            _absent("estimate", any(a.remaining for a in assessments)),
        ),
    }
    for group in wanted.groups:
        charts[group.title] = chart_options.measured(group.title, group.unit, measured[group.title], axis)
    return charts


def first_record(reader: StoreReader, wanted: Wanted) -> int:
    """The time (ms) from which the charts of all records are to be read: the first record or shortly before.

    Series are thinned by slices of the span asked for: a span from 1970 on would leave too few points. So
    the day of the first record is found by bisection (the store's coarsest sums are of a day), then its
    first point.
    Raises StoreError as the reader does.
    """
    site, node, end = wanted.node.site, wanted.node.node, wanted.end

    def any_before(t: int, channel: str) -> bool:
        return len(reader.series(site, node, channel, 0, t, 2)[0]) > 0

    channels = (c.id for group in wanted.groups for c in group.channels)
    channel = next((c for c in channels if any_before(end, c)), None)
    if channel is None:
        return 0
    none, some = 0, end
    while some - none > _DAY:
        middle = (none + some) // 2
        none, some = (none, middle) if any_before(middle, channel) else (middle, some)
    start = max(0, none - _DAY)
    first = int(reader.series(site, node, channel, start, end, POINTS)[0][0])
    return max(start, first - 2 * (end - start) // POINTS)


def _absent(what: str, there: bool) -> str:
    return "" if there else f"No {what} in this span."


def _left_title(kind: str) -> str:
    return "Time to limit" if kind == "cold_room" else "Useful life left"


class ChartCard:
    """One chart with its title and a note below; sends options only where they changed."""

    def __init__(self, title: str) -> None:
        with Tag("section", "panel"):
            Text("h3", title)
            self._chart = ui.echart({"series": []}).classes("chart")
            self._note = Text("div", "", "note")

    def show(self, options: Options, note: str) -> None:
        """Show these options and this note."""
        self._note.text = note
        if options != self._chart.options:
            self._chart.options.clear()
            self._chart.options.update(options)
            self._chart.update()


class ChartsPanel:
    """All charts of a node, with the choice of the span. Call :meth:`refresh` about once a second."""

    def __init__(self, kind: str) -> None:
        self._span = "day"
        self._open = False
        self._groups: tuple[ChartGroup, ...] = ()
        self._channels: list[Channel] | None = None
        self._shown: tuple[object, ...] = ()
        self._drawn_end = 0
        self._next_read = 0.0
        self._cards: dict[str, ChartCard] = {}
        with Tag("div", "section-head"):
            Text("h2", "Condition")
            with Tag("div", "spans", role="group", aria_label="Span of the charts"):
                self._buttons = {name: self._span_button(name) for name in SPANS}
        with Tag("div", "charts three"):
            for key, title in (
                ("health", "Health"),
                ("anomaly", "Anomaly"),
                ("remaining", _left_title(kind)),
            ):
                self._cards[key] = ChartCard(title)
        Text("h2", "Measurements")
        self._none = Text("p", "This node has not announced its channels yet.", "quiet")
        self._measured = Tag("div", "charts")
        Text("h2", "Sensor diagnostics")
        with Tag("div", "spans"):
            self._toggle = Text("button", "Show", "", type="button", aria_expanded="false")
            self._toggle.on("click", self._toggle_diagnostics, args=[])
        self._diagnostics = Tag("div", "charts", style="margin-top:12px")
        self._diagnostics.set_visibility(False)

    def set_channels(self, channels: list[Channel]) -> None:
        """Take the node's channels; charts are rebuilt only when they have changed."""
        if channels == self._channels:
            return
        self._channels = channels
        self._groups = tuple(chart_groups(channels))
        for group in self._groups:
            self._cards.pop(group.title, None)
        self._measured.clear()
        self._diagnostics.clear()
        for group in self._groups:
            with self._diagnostics if group.diagnostic else self._measured:
                self._cards[group.title] = ChartCard(group.title)
        self._none.set_visibility(not self._groups)
        self._shown = ()

    async def refresh(self, source: StoreSource, node: NodeView, times: TimeWords) -> Unavailable | None:
        """Read and show what is new; Unavailable where the store cannot be read."""
        judged = node.assessment.t_ms if node.assessment else 0
        end = max(node.last_t or 0, judged)
        asked = (self._span, times.name, self._open, self._channels is None, len(self._groups))
        same = asked == self._shown
        width = SPANS[self._span] or 0
        if end == 0 or (
            same and (end - self._drawn_end <= width // POINTS or time.monotonic() < self._next_read)
        ):
            return None
        groups = tuple(g for g in self._groups if self._open or not g.diagnostic)
        began = time.monotonic()
        wanted = Wanted(node, end, self._span, times, groups)
        charts = await source.read(partial(draw, wanted=wanted), slow=True)
        took = time.monotonic() - began
        if isinstance(charts, Unavailable):
            return charts
        self._shown, self._drawn_end = asked, end
        self._next_read = time.monotonic() + 10 * took
        for key, (options, note) in charts.items():
            if key in self._cards:
                self._cards[key].show(options, note)
        return None

    def _span_button(self, name: str) -> Text:
        words = "All records" if name == "all" else f"Last {name}"
        button = Text("button", words, "", type="button", aria_pressed=str(name == self._span).lower())
        button.on("click", partial(self._choose, name), args=[])
        return button

    def _choose(self, name: str) -> None:
        self._span = name
        for other, button in self._buttons.items():
            button.props["aria-pressed"] = str(other == name).lower()
            button.update()

    def _toggle_diagnostics(self) -> None:
        self._open = not self._open
        self._toggle.text = "Hide" if self._open else "Show"
        self._toggle.props["aria-expanded"] = str(self._open).lower()
        self._diagnostics.set_visibility(self._open)
