"""``babbitt acknowledge``: a person has seen alarms; kept with name and time, and shown in the daily record."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from babbitt.cli.mark import alarms, user
from babbitt.cli.options import JsonOption, LimitOption, StoreOption, print_json, print_table, when
from babbitt.errors import MarkRefused
from babbitt.store import marking
from babbitt.store.reader import StoreReader


def acknowledge(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    store: StoreOption,
    event: Annotated[
        list[int] | None,
        typer.Argument(help="Numbers of the alarms; without any those that nobody has seen are listed."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="What was found or done, in words.")] = None,
    who: Annotated[str | None, typer.Option(help="Who has seen them; default the user.")] = None,
    limit: LimitOption = 20,
    json: JsonOption = False,
) -> None:
    """Say that you have seen alarms. It moves no threshold and ends no alarm: `babbitt mark` and `babbitt command` do that."""
    reader = StoreReader(store)
    reader.node(site, node)
    if event:
        for one in event:
            found = reader.event(one)
            if (found.site, found.node) != (site, node):
                raise MarkRefused(f"event {one} is of {found.site}/{found.node}, not of {site}/{node}")
        by = user() if who is None else who
        marking.acknowledge(store, event, int(time.time() * 1000), by, note or "")
        done = [one for one in reader.acknowledged(site, node) if one.event in event]
        if json:
            print_json(done)
        else:
            print(f"{site}/{node}: {len(done)} acknowledged by {by}.")
        return
    seen = {one.event for one in reader.acknowledged(site, node)}
    unseen = [one for one in alarms(reader, site, node, limit + len(seen)) if one.id not in seen][:limit]
    if json:
        print_json(unseen)
        return
    print_table(
        f"Alarms of {site}/{node} that nobody has acknowledged",
        ("event", "time", "severity", "by", "what"),
        [(one.id, when(one.t), ("", "warning", "alarm")[one.sev], one.origin, one.text) for one in unseen],
        f"{site}/{node} has no alarm that nobody has acknowledged.",
    )
