"""The head of a node's page: its name, how it is, and what is to come, in a few large words."""

from __future__ import annotations

import time

from babbitt.store.views import NodeView
from babbitt.web.facts import Judgement
from babbitt.web.style import Outlook, Tag, Text, tone
from babbitt.web.words import TimeWords


class Headline:
    """The headline of one node; only changed texts are sent."""

    def __init__(self) -> None:
        self._name = Text("h1", "")
        self._kind = Text("p", "", "lead")
        self._panel = Tag("section", "panel headline tone-off", aria_label="How it is now")
        with self._panel:
            with Tag("div"):
                self._score = Text("span", "", "score")
                Text("span", "of 100 health", "score-of")
            self._word = Text("span", "", "word")
            with Tag("div"):
                self._outlook = Outlook()
                self._drivers = Text("div", "", "facts-line")
                self._fault = Text("div", "", "facts-line fault")
                self._link = Text("div", "", "facts-line")

    def show(self, node: NodeView, times: TimeWords) -> None:
        """Bring the headline up to date."""
        now = Judgement.of(node, int(time.time() * 1000), times.instant(node.last_t))
        self._panel.dress(f"panel headline {tone(now.level)}")
        self._name.text = now.name
        self._kind.text = now.kind
        self._score.text = now.score
        self._word.text = now.word
        self._outlook.show(now.outlook)
        self._drivers.text = now.drivers
        self._fault.text = now.fault
        self._link.text = now.link
