"""Telling a person what happens while it happens: events as lines, time as a bar."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from babbitt.protocol.assessment import Interval
from babbitt.store.reader import StoreReader
from babbitt.store.views import EventView

_WORD = {0: "info", 1: "WARNING", 2: "ALARM"}
_COLOUR = {0: "green", 1: "yellow", 2: "red"}


def stamp(t_ms: int) -> str:
    """A time as people write it, UTC, to the minute."""
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def hours(value: float) -> str:
    """A duration in hours or days, short."""
    if abs(value) < 1:
        return f"{value * 60:.0f} min"
    return f"{value:.1f} h" if abs(value) < 48 else f"{value / 24:.1f} days"


def plural(n: int, what: str) -> str:
    """A number of things: `1 warning`, `2 warnings`."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def span(interval: Interval | None) -> str:
    """An interval as 'median (10 % .. 90 %)', or a dash."""
    if interval is None:
        return "-"
    return f"{hours(interval.p50)} ({hours(interval.p10)} .. {hours(interval.p90)})"


class Teller:
    """Prints every event of the store once, in the order of arrival; silent when there is no console."""

    def __init__(self, reader: StoreReader, console: Console | None) -> None:
        self._reader = reader
        self._console = console
        self._after = -1

    def tell(self) -> None:
        """Print what is new."""
        events = sorted(self._reader.events(limit=200, after=self._after), key=lambda e: e.id)
        for event in events:
            self._after = event.id
            if self._console is not None:
                self._console.print(self._line(event), highlight=False)

    @staticmethod
    def _line(event: EventView) -> str:
        colour = _COLOUR[event.sev]
        text = event.text.replace("[", r"\[")
        return f"  {stamp(event.t)}  {event.node:<10} {event.origin:<5} [{colour}]{_WORD[event.sev]:<7}[/] {text}"


def warnings(events: list[EventView], node: str) -> list[EventView]:
    """The warnings and alarms about a node's asset, oldest first; sensor faults and the host's housekeeping are not among them."""
    about = [
        e for e in events
        if e.node == node and e.sev > 0 and not e.check.startswith("sensor.")
        and (e.origin == "node" or e.check == "assessment")
    ]  # fmt: skip
    return sorted(about, key=lambda e: (e.t, e.id))


def lasting(found: list[EventView], events: list[EventView], until_ms: int | None) -> list[EventView]:
    """Those of `found` (see `warnings`) whose cause was still there at `until_ms` (None: at the end): after each of them, the same check
    did not go back to normal before."""

    def ended(one: EventView) -> bool:
        return any(
            e.sev == 0 and (e.node, e.origin, e.check) == (one.node, one.origin, one.check)
            and (e.t, e.id) > (one.t, one.id) and (until_ms is None or e.t <= until_ms)
            for e in events
        )  # fmt: skip

    return [one for one in found if not ended(one)]
