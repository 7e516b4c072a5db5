"""What a cold room does, as a list of terms and descriptions; shown only where the host's assessment tells it."""

from __future__ import annotations

from babbitt.health.roomwords import facts
from babbitt.store.views import NodeView
from babbitt.web.style import Tag, Text
from babbitt.web.words import TimeWords


class RoomPanel:
    """The room of one node; only changed texts are sent."""

    def __init__(self) -> None:
        self._whole = Tag("div")
        with self._whole:
            self._title = Text("h2", "The room")
            with Tag("section", "panel", aria_label="What the room does"):
                self._list = Tag("dl", "facts room")
                self._note = Text("p", "", "note")
        self._values: dict[str, Text] = {}
        self._whole.set_visibility(False)

    def show(self, node: NodeView, times: TimeWords) -> None:
        """Show what the last assessment of ``node`` says."""
        room = node.assessment.room if node.assessment else None
        self._whole.set_visibility(room is not None)
        if room is None:
            return
        for name, value in facts(room, times.instant(room.since_ms)):
            if name not in self._values:
                with self._list, Tag("div"):
                    Text("dt", name)
                    self._values[name] = Text("dd", value)
            else:
                self._values[name].text = value
        self._note.text = (
            f"By {room.channel}. "
            + (
                ""
                if {"door", "defrost"} <= set(room.by_contact)
                else "~: inferred from the temperature, no contact told it. "
            )
            + "The goods have no sensor: the air warms and cools them in a model."
        )
