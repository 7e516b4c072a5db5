"""The overview's cards: one a node, each a link to the node's own page.

A card is built once and then only its changed texts are sent. Cards stay in the order of their names, so that
nothing moves under the viewer's finger; the line above them counts how many need attention.
"""

from __future__ import annotations

import time
from collections import Counter

from babbitt.health.first import first
from babbitt.store.views import NodeView
from babbitt.web.facts import Judgement, name_of
from babbitt.web.style import Outlook, Tag, Text, tone
from babbitt.web.words import TimeWords


class NodeCard:
    """The card of one node; must be made inside its list."""

    def __init__(self, node: NodeView) -> None:
        self._card = Tag("a", "card tone-off", href=f"/node/{node.site}/{node.node}")
        with self._card:
            with Tag("div", "row"):
                self._name = Text("h2", "", "name", style="margin:0")
                self._word = Text("span", "", "word")
            self._kind = Text("div", "", "quiet")
            with Tag("div"):
                self._score = Text("span", "", "score")
                Text("span", "of 100 health", "score-of")
            self._outlook = Outlook()
            self._drivers = Text("div", "", "facts-line")
            self._fault = Text("div", "", "facts-line fault")
            self._link = Text("div", "", "facts-line")

    def show(self, node: NodeView, times: TimeWords) -> None:
        """Bring the card up to date; what has not changed is not sent."""
        now = Judgement.of(node, int(time.time() * 1000), times.instant(node.last_t))
        self._card.dress(f"card {tone(now.level)}")
        self._name.text = now.name
        self._word.text = now.word
        self._kind.text = now.kind
        self._score.text = now.score
        self._outlook.show(now.outlook)
        self._drivers.text = now.drivers
        self._fault.text = now.fault
        self._link.text = now.link


class NodesPanel:
    """All nodes as cards, or what to do while there is none. ``broker`` is where nodes connect, if known."""

    def __init__(self, broker: str) -> None:
        Text("h1", "Machines and rooms")
        self._lead = Text("p", "", "lead")
        self._empty = Tag("div", "notice")
        with self._empty:
            Text("strong", "No node has reported yet")
            with Tag("p"):
                Text("span", "See it at work with simulated machines: ")
                Text("code", "babbitt demo")
            with Tag("p"):
                Text("span", "Or connect a node: set ")
                Text("code", "broker.host")
                Text("span", " and ")
                Text("code", "broker.port")
                Text("span", f" in its node.json to {broker or 'the address of the broker this host uses'}.")
        self._empty.set_visibility(False)
        self._cards: dict[tuple[str, str], NodeCard] = {}
        self._list = Tag("div", "cards")

    def show(self, nodes: list[NodeView], times: TimeWords) -> None:
        """Show ``nodes``, or what to do if there is none."""
        ordered = sorted(nodes, key=lambda n: (n.site, name_of(n).casefold(), n.node))
        if [(n.site, n.node) for n in ordered] != list(self._cards):
            self._list.clear()
            with self._list:
                self._cards = {(n.site, n.node): NodeCard(n) for n in ordered}
        for node in ordered:
            self._cards[node.site, node.node].show(node, times)
        self._empty.set_visibility(not nodes)
        self._lead.text = lead(nodes)


def lead(nodes: list[NodeView]) -> str:
    """How many are in which state, and which of a site began first where several are told."""
    began = first((n.site, name_of(n), n.assessment) for n in nodes if n.online or n.asleep)
    return " ".join([summary(nodes) + ("." if began else ""), *(one.text for one in began)])


def summary(nodes: list[NodeView]) -> str:
    """How many nodes are in which state, worst first: ``3 nodes: 1 alarm, 2 normal``."""
    if not nodes:
        return "Nothing to show yet."
    counts = Counter(
        "offline" if not (n.online or n.asleep) else n.assessment.level if n.assessment else "not judged yet"
        for n in nodes
    )
    order = ("alarm", "warning", "offline", "learning", "not judged yet", "normal")
    told = ", ".join(f"{counts[name]} {name}" for name in order if counts[name])
    return f"{len(nodes)} node{'s' if len(nodes) != 1 else ''}: {told}"
