"""What a node says about itself, as a list of terms and descriptions."""

from __future__ import annotations

from babbitt.store.views import NodeView
from babbitt.web.facts import facts
from babbitt.web.style import Tag, Text


class FactsPanel:
    """The facts of one node; built on the first :meth:`show`, afterwards only changed texts are sent."""

    def __init__(self) -> None:
        Text("h2", "The node")
        with Tag("section", "panel", aria_label="Facts about the node"):
            self._list = Tag("dl", "facts")
        self._values: dict[str, Text] = {}

    def show(self, node: NodeView) -> None:
        """Show the facts of ``node``."""
        for name, value in facts(node):
            if name not in self._values:
                with self._list, Tag("div"):
                    Text("dt", name)
                    self._values[name] = Text("dd", value)
            else:
                self._values[name].text = value
