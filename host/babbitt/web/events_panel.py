"""The table of events, newest first: those of the nodes and those of the host."""

from __future__ import annotations

from babbitt.store.views import EventView
from babbitt.web import words
from babbitt.web.style import Tag, Text, tone
from babbitt.web.words import TimeWords, duration

SHOWN = 50
"""So many of the newest events are shown."""

_TONES = {0: "normal", 1: "warning", 2: "alarm"}


class EventsPanel:
    """Events as a table; with ``named`` each row says of which node it is. Rebuilt only when an event
    was added.
    """

    def __init__(self, named: bool) -> None:
        Text("h2", "Events")
        self._named = named
        self._shown: tuple[object, ...] | None = None
        heads = ["Time", *(["Node"] if named else []), "Severity", "From", "What happened"]
        with Tag("section", "panel", aria_label="Events"):
            self._none = Text("p", "No event so far.", "quiet", style="margin:0")
            with Tag("div", "scroll"):
                self._table = Tag("table", "stack")
            with self._table:
                self._caption = Text("caption")
                with Tag("thead"), Tag("tr"):
                    for head in heads:
                        Text("th", head, scope="col")
                self._body = Tag("tbody")
        self._table.set_visibility(False)

    def show(self, events: list[EventView], times: TimeWords, names: dict[tuple[str, str], str]) -> None:
        """Show ``events`` (newest first); ``names`` gives the asset's name by (site, node)."""
        key = (tuple(events), times.name, tuple(names.items()))
        if key == self._shown:
            return
        self._shown = key
        self._none.set_visibility(not events)
        self._table.set_visibility(bool(events))
        self._caption.text = f"The newest {len(events)} events, newest first. Times: {times.name}."
        self._body.clear()
        with self._body:
            for event in events:
                self._row(event, times, names)

    def _row(self, event: EventView, times: TimeWords, names: dict[tuple[str, str], str]) -> None:
        with Tag("tr", tone(_TONES.get(event.sev, "alarm"))):
            bound = f" ± {duration(event.t_err / 1000)}" if event.t_err else ""
            Text("td", times.instant(event.t) + bound, "when")
            if self._named:
                Text("td", names.get((event.site, event.node), f"{event.site} / {event.node}"))
            with Tag("td"):
                Text("span", words.SEVERITY_WORDS.get(event.sev, f"Severity {event.sev}"), "sev")
            Text("td", event.origin)
            Text("td", event.text, "what")
