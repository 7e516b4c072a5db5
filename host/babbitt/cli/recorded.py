"""A line of the daily record: the temperature, what the room did, and what was alarmed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from babbitt.store.reader import StoreReader

if TYPE_CHECKING:
    from babbitt.health.kinetic import Day
    from babbitt.health.room import RoomDay

DAY_MS = 86_400_000
EVENTS = 100_000
CHANGES = ("assessment",)
"""The host's own events that are alarms: of the verdict."""


@dataclass(frozen=True, slots=True)
class By:
    """What a person said of an alarm: who, at what time (ms), with what note; ``verdict`` of a mark, as `right`."""

    who: str
    at: int
    note: str
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A warning (``sev`` 1) or an alarm (2) that began at ``t`` (ms). ``released``: when a person released it, ``acknowledged``:
    who has seen it, ``marked``: who judged it last, where one did."""

    t: int
    sev: int
    check: str
    text: str
    released: int | None
    event: int = 0
    acknowledged: By | None = None
    marked: By | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A day of a temperature; ``alarms`` are those of the node."""

    channel: str
    record: Day
    room: RoomDay | None
    alarms: list[Alarm]

    def room_cells(self, digits: int) -> tuple[str, ...]:
        """Openings, minutes open, defrosts, the warmest of the goods, hours of a fault, alarms; ~ where no contact told it."""
        room = self.room
        if room is None:
            return ("", "", "", "", "", str(len(self.alarms)))
        door = "" if "door" in room.by_contact else "~"
        defrost = "" if "defrost" in room.by_contact else "~"
        goods = "" if room.goods_high is None else f"{room.goods_high:.{digits}f}"
        doors, defrosts = room.shows("door"), room.shows("defrost")
        return (
            f"{door}{room.openings:.0f}" if doors else "", f"{door}{room.open_min:.0f}" if doors else "",
            f"{defrost}{room.defrosts}" if defrosts else "", goods,
            f"{room.minutes.get('fault', 0.0) / 60:.1f}" if room.told else "", str(len(self.alarms)),
        )  # fmt: skip


def date(day: int) -> str:
    """A day (ms) as 2026-11-27."""
    return datetime.fromtimestamp(day / 1000, UTC).date().isoformat()


def alarms_of(reader: StoreReader, site: str, node: str, start: int, end: int) -> dict[int, list[Alarm]]:
    """Warnings and alarms of the node's checks and of the host's verdict by day (ms), in the order they came; when they were
    released, if the node said that a person did (`babbitt command SITE NODE release`); and what people said of them."""
    seen = {one.event: By(one.who, one.at, one.note) for one in reader.acknowledged(site, node)}
    marked = {one.event: By(one.who, one.at, one.note, one.verdict) for one in reader.marks(site, node)}
    found: dict[int, list[Alarm]] = {}
    released: int | None = None
    for one in reader.events(site, node, EVENTS):  # newest first
        if (one.origin, one.check, one.came_from, one.to) == ("host", "command", "release", "done"):
            released = one.t
        if start <= one.t <= end and one.sev >= 1 and (one.origin == "node" or one.check in CHANGES):
            at = released if one.origin == "node" else None
            found.setdefault(one.t // DAY_MS * DAY_MS, []).insert(
                0,
                Alarm(one.t, one.sev, one.check, one.text, at, one.id, seen.get(one.id), marked.get(one.id)),
            )
    return found
