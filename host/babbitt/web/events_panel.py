"""The table of events, newest first: those of the nodes and those of the host; what people say of alarms is taken here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from babbitt.store.views import EventView
from babbitt.web import words
from babbitt.web.style import Tag, Text, tone
from babbitt.web.words import TimeWords, duration

SHOWN = 50
"""So many of the newest events are shown."""

_TONES = {0: "normal", 1: "warning", 2: "alarm"}


MARKS = {"right": "Right", "wrong": "Wrong", "unsure": "Unsure", "new_normal": "New normal"}
"""What can be said of an alarm."""
Mark = Callable[[int, str], Awaitable[None]]


class EventsPanel:
    """Events as a table; with ``named`` each row says of which node it is. With ``mark`` alarms have buttons, which call
    it with the event's id and a verdict. Rebuilt only when an event or a mark was added.
    """

    def __init__(self, named: bool, mark: Mark | None = None) -> None:
        Text("h2", "Events")
        self._named = named
        self._mark = mark
        self._follows = Text("p", "", "quiet", style="margin:0 0 12px") if mark else None
        self._shown: tuple[object, ...] | None = None
        heads = ["Time", *(["Node"] if named else []), "Severity", "From", "What happened"]
        if mark:
            heads.append("Was it right?")
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

    def follow(self, text: str) -> None:
        """Say above the table what follows from what people said."""
        if self._follows is not None:
            self._follows.text = text

    def show(
        self,
        events: list[EventView],
        times: TimeWords,
        names: dict[tuple[str, str], str],
        marks: Mapping[int, str] | None = None,
    ) -> None:
        """Show ``events`` (newest first); ``names`` gives the asset's name by (site, node), ``marks`` the verdict by event."""
        said = marks or {}
        key = (tuple(events), times.name, tuple(names.items()), tuple(said.items()))
        if key == self._shown:
            return
        self._shown = key
        self._none.set_visibility(not events)
        self._table.set_visibility(bool(events))
        self._caption.text = f"The newest {len(events)} events, newest first. Times: {times.name}."
        self._body.clear()
        with self._body:
            for event in events:
                self._row(event, times, names, said.get(event.id))

    def _row(
        self, event: EventView, times: TimeWords, names: dict[tuple[str, str], str], said: str | None
    ) -> None:
        with Tag("tr", tone(_TONES.get(event.sev, "alarm"))):
            bound = f" ± {duration(event.t_err / 1000)}" if event.t_err else ""
            Text("td", times.instant(event.t) + bound, "when")
            if self._named:
                Text("td", names.get((event.site, event.node), f"{event.site} / {event.node}"))
            with Tag("td"):
                Text("span", words.SEVERITY_WORDS.get(event.sev, f"Severity {event.sev}"), "sev")
            Text("td", event.origin)
            Text("td", event.text, "what")
            if self._mark is not None:
                with Tag("td", "marks"):
                    self._buttons(event, self._mark, said)

    @staticmethod
    def _buttons(event: EventView, mark: Mark, said: str | None) -> None:
        """Those of an alarm; what else happens is neither right nor wrong."""
        judged = event.check == "assessment" and event.origin == "host"
        if event.sev == 0 or not (judged or event.origin == "node"):
            return
        for verdict, word in MARKS.items():
            if verdict != "new_normal" or judged:
                pressed = str(verdict == said).lower()
                button = Text("button", word, "", type="button", aria_pressed=pressed)
                button.on("click", partial(mark, event.id, verdict), args=[])
