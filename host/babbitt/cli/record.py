"""``babbitt record``: the temperatures of a room, a line a day, to be filed (a HACCP record)."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table, settings
from babbitt.cli.record_page import page
from babbitt.cli.recorded import Line, alarms_of, date
from babbitt.errors import ExportError
from babbitt.store.reader import StoreReader

if TYPE_CHECKING:
    from babbitt.health.room import RoomDay

POINTS = 400_000
WARM_DAYS = 7
"""So many days before the first one are read as well, for a room must be known before it can be told what it does."""
TITLE = ("day", "channel", "values", "lowest", "mean", "highest", "kinetic", "h beyond", "h missing")
ROOM_TITLE = ("doors", "min open", "defrosts", "goods max", "h fault", "alarms")


def record(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    store: StoreOption,
    days: Annotated[int, typer.Option(min=1, max=400, help="So many days back from the newest record.")] = 31,
    channel: Annotated[str | None, typer.Option(help="Only this channel, as air.mean.")] = None,
    to_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with all digits.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page to be printed and signed.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """A line a day for each temperature: extremes, mean, mean kinetic temperature, hours beyond limits and without a value, doors,
    defrosts, goods, alarms."""
    from babbitt.health.kinetic import DAY_MS
    from babbitt.health.kinetic import days as by_day

    reader = StoreReader(store)
    view = reader.node(site, node)
    end = view.last_t or int(time.time() * 1000)
    start = (end // DAY_MS - days + 1) * DAY_MS
    limits = {
        one.id: dict(one.limits)
        for one in reader.channels(site, node)
        if one.unit == "degC" and one.id.endswith(".mean") and channel in (None, one.id)
    }
    rooms = _rooms(reader, site, node, list(limits), start, end) if view.kind == "cold_room" else {}
    alarms = alarms_of(reader, site, node, start, end)
    lines: list[Line] = []
    for name, said in limits.items():
        t, values = reader.series(site, node, name, start, end, POINTS)
        lines += [
            Line(name, day, rooms.get((name, day.day)), alarms.get(day.day, []))
            for day in by_day(t, values, said, end)
        ]
    reader.close()
    if html is not None:
        try:
            html.write_text(page(f"{site}/{node}", view.asset, limits, lines), "utf-8")
        except OSError as error:
            raise ExportError(f"{html} cannot be written: {error.strerror}") from error
    if json:
        print_json(
            [
                {
                    "site": site,
                    "node": node,
                    "channel": one.channel,
                    "record": one.record,
                    "room": one.room,
                    "alarms": one.alarms,
                }
                for one in lines
            ]
        )
    elif to_csv:
        out = csv.writer(sys.stdout)
        out.writerow(("site", "node", *TITLE, *(ROOM_TITLE if rooms else ())))
        out.writerows((site, node, *_cells(one, 3, bool(rooms))) for one in lines)
    elif html is not None:
        print(f"{len(lines)} lines are in {html}.")
    else:
        print_table(
            f"{site}/{node}: {view.asset}, days are UTC, degrees C",
            (*TITLE, *(ROOM_TITLE if rooms else ())),
            [_cells(one, 1, bool(rooms)) for one in lines],
            "No temperature was measured in these days.",
        )


def _rooms(
    reader: StoreReader, site: str, node: str, channels: Sequence[str], start: int, end: int
) -> dict[tuple[str, int], RoomDay]:
    """What the room did by channel and day, by the same machine as the host's analysis has."""
    from babbitt.health.kinetic import DAY_MS
    from babbitt.health.room import RoomFollower

    part = settings().rooms.get(f"{site}/{node}")
    followers = {name: RoomFollower(part, keep=(end - start) // DAY_MS + WARM_DAYS + 2) for name in channels}
    for t, values, _ in reader.replay(site, node, start - WARM_DAYS * DAY_MS, end):
        for name, follower in followers.items():
            if name in values:
                follower.update(t, values[name], values)
    return {(name, day.day): day for name, one in followers.items() for day in one.days if day.day >= start}


def _cells(one: Line, digits: int, room: bool) -> tuple[object, ...]:
    day = one.record
    beyond = " ".join(f"{limit} {hours:.1f}" for limit, hours in day.beyond.items() if hours > 0)
    numbers = (day.low, day.mean, day.high, day.kinetic)
    cells = (
        date(day.day), one.channel, day.values, *(f"{v:.{digits}f}" for v in numbers), beyond,
        f"{day.missing:.{2 if digits > 1 else 1}f}",
    )  # fmt: skip
    return (*cells, *one.room_cells(digits)) if room else cells
