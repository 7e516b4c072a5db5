"""How the page looks: colours, the style sheet, and elements with the right HTML tag.

All text colours reach at least 4.5 : 1 on their background (WCAG 2 AA), lines in charts 3 : 1. A colour never
stands alone: each comes with a word. The page is styled by this one sheet; nothing is loaded from elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from babbitt.web.words import halves

INK = "#1c2430"
QUIET = "#515c6b"
RULE = "#d5dae1"
LINES = ("#1f5fa8", "#b3500a", "#0b7a62", "#7a3e9d", "#8c6a00", "#a8325e")
BAND = "#aac4de"
WARNING = "#8a5300"
ALARM = "#b3261e"

SHEET = Path(__file__).with_name("page.css")
"""The style sheet."""


class _Dressed(ui.element):
    """Classes that can be replaced as a whole, and attributes given as data (never parsed)."""

    _worn = ""

    def attributes(self, classes: str, values: dict[str, str]) -> None:
        """Put on the first classes and set HTML attributes; ``_`` in a name stands for ``-``."""
        self.dress(classes)
        for name, value in values.items():
            self.props[name.replace("_", "-")] = value

    def dress(self, classes: str) -> None:
        """Replace the classes; nothing is sent to the browser where they are the same."""
        if classes != self._worn:
            self._worn = classes
            self.classes(replace=classes)


class Tag(_Dressed):
    """An HTML element that holds others."""

    def __init__(self, tag: str, classes: str = "", /, **values: str) -> None:
        super().__init__(tag)
        self.attributes(classes, values)


class Text(_Dressed, TextElement):
    """Text in an HTML element; it is always shown as text, whatever characters it holds.

    Setting ``.text`` to what it is already sends nothing to the browser.
    """

    def __init__(self, tag: str, text: str = "", classes: str = "", /, **values: str) -> None:
        super().__init__(tag=tag, text=text)
        self.attributes(classes, values)


class Outlook(Tag):
    """An outlook in large letters; where it needs two lines, it is broken before its bracket."""

    def __init__(self) -> None:
        super().__init__("div", "outlook")
        with self:
            self._halves = (Text("span"), Text("span"))

    def show(self, outlook: str) -> None:
        """Show this outlook; what has not changed is not sent."""
        for part, text in zip(self._halves, halves(outlook), strict=True):
            part.text = text


def tone(level: str | None) -> str:
    """The class that carries the colour of a level; grey for None (offline, or not judged)."""
    return f"tone-{level}" if level in ("normal", "warning", "alarm", "learning") else "tone-off"
