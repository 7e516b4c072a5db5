"""``babbitt record``: the temperatures of a room, a line a day, to be filed."""

from __future__ import annotations

import csv
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table
from babbitt.store.reader import StoreReader

POINTS = 400_000


def record(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    store: StoreOption,
    days: Annotated[int, typer.Option(min=1, max=400, help="So many days back from the newest record.")] = 31,
    channel: Annotated[str | None, typer.Option(help="Only this channel, as air.mean.")] = None,
    to_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with all digits.")] = False,
    json: JsonOption = False,
) -> None:
    """A line a day for each temperature: extremes, mean, mean kinetic temperature, hours beyond limits and without a value."""
    from babbitt.health.kinetic import DAY_MS
    from babbitt.health.kinetic import days as by_day

    reader = StoreReader(store)
    view = reader.node(site, node)
    end = view.last_t or int(time.time() * 1000)
    start = (end // DAY_MS - days + 1) * DAY_MS
    rows = []
    for one in reader.channels(site, node):
        if one.unit == "degC" and one.id.endswith(".mean") and channel in (None, one.id):
            t, values = reader.series(site, node, one.id, start, end, POINTS)
            rows += [(one.id, day) for day in by_day(t, values, dict(one.limits), end)]
    reader.close()
    if json:
        print_json([{"site": site, "node": node, "channel": name, "record": day} for name, day in rows])
        return
    title = ("day", "channel", "values", "lowest", "mean", "highest", "kinetic", "h beyond", "h missing")
    if to_csv:
        out = csv.writer(sys.stdout)
        out.writerow(("site", "node", *title))
    cells = []
    for name, day in rows:
        date = datetime.fromtimestamp(day.day / 1000, UTC).date().isoformat()
        beyond = " ".join(f"{limit} {hours:.1f}" for limit, hours in day.beyond.items() if hours > 0)
        numbers = (day.low, day.mean, day.high, day.kinetic)
        if to_csv:
            out.writerow(
                (
                    site,
                    node,
                    date,
                    name,
                    day.values,
                    *(f"{v:.3f}" for v in numbers),
                    beyond,
                    f"{day.missing:.2f}",
                )
            )
        cells.append((date, name, day.values, *(f"{v:.1f}" for v in numbers), beyond, f"{day.missing:.1f}"))
    if not to_csv:
        print_table(
            f"{site}/{node}: {view.asset}, days are UTC, degrees C",
            title,
            cells,
            "No temperature was measured in these days.",
        )
