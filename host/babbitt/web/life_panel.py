"""The remaining life of a machine by its fleet beside that by its own trend; shown only where there is a model of a fleet."""

from __future__ import annotations

from babbitt.prognosis.fleet.foretold import Foretold, first
from babbitt.store.views import NodeView
from babbitt.web import words
from babbitt.web.style import Tag, Text
from babbitt.web.words import TimeWords


class LifePanel:
    """Both remaining lives of one node, that which was nearer to the truth on past lives first; only changes are sent."""

    def __init__(self) -> None:
        self._shown: tuple[tuple[str, str], ...] = ()
        self._whole = Tag("div")
        with self._whole:
            Text("h2", "Remaining life")
            with Tag("section", "panel", aria_label="Remaining life"):
                self._list = Tag("dl", "facts")
                self._advice = Text("p")
        self._whole.set_visibility(False)

    def show(self, node: NodeView, fleet: Foretold | None, times: TimeWords) -> None:
        """Bring the panel up to date."""
        self._whole.set_visibility(fleet is not None)
        if fleet is None:
            return
        self._advice.text = fleet.advice.said(" h") if fleet.advice is not None else ""
        if (rows := tuple(lines(node, fleet, times))) == self._shown:
            return
        self._shown = rows
        self._list.clear()
        with self._list:
            for name, value in rows:
                with Tag("div"):
                    Text("dt", name)
                    Text("dd", value)


def lines(node: NodeView, fleet: Foretold, times: TimeWords) -> list[tuple[str, str]]:
    """Name and value of each line."""
    left, beyond = fleet.remaining, ", or more: it does not look farther" if fleet.beyond else ""
    number = f"no number: {fleet.why}" if left is None else f"useful life {words.span_of(left)}{beyond}"
    both = [
        ("By its fleet", words.sentence(number)),
        ("By its own trend", words.sentence(words.outlook(node.kind, node.assessment))),
    ]
    if first(node.assessment, fleet) == "own":
        both.reverse()
    as_of = "" if fleet.t is None else f", as of {times.instant(fleet.t)}"
    return [
        *both,
        ("The fleet", f"{words.sentence(fleet.source)}{as_of}"),
        ("Which first", words.sentence(fleet.first_text)),
    ]
