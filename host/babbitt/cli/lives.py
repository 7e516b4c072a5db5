"""``babbitt lives``: the lives of machines, and saying that one failed or was repaired."""

from __future__ import annotations

import time
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from babbitt.cli.mark import user
from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table, when
from babbitt.errors import MarkRefused
from babbitt.store import marking
from babbitt.store.reader import StoreReader
from babbitt.store.views import LifeView


class Turn(StrEnum):
    """What happened to a machine."""

    FAILED = "failed"
    REPAIRED = "repaired"
    WITHDRAWN = "withdrawn"


def lives(
    store: StoreOption,
    site: Annotated[str | None, typer.Argument(help="Only of this site.")] = None,
    node: Annotated[str | None, typer.Argument(help="Only of this node.")] = None,
    what: Annotated[
        Turn | None,
        typer.Argument(
            help="failed, repaired (or replaced), or withdrawn: what was said of that time is taken back."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", help="When it happened, as 2026-11-01T12:30 in local time; default its newest record."
        ),
    ] = None,
    note: Annotated[str | None, typer.Option(help="What it was, in words.")] = None,
    who: Annotated[str | None, typer.Option(help="Who says so; default the user.")] = None,
    json: JsonOption = False,
) -> None:
    """List the lives of machines, or say that a machine failed or was repaired: fleets are learnt from it."""
    reader = StoreReader(store)
    if site is not None and node is not None:
        reader.node(site, node)
    if what is None and (at or note):
        raise MarkRefused("--at and --note are of what happened: say failed, repaired or withdrawn")
    said = None
    if what is not None:
        assert site is not None
        assert node is not None
        now, by = int(time.time() * 1000), user() if who is None else who
        t = None if at is None else _time(at)
        said = marking.turn(store, site, node, what.value, t, now, by, note or "")
    found = reader.lives(site, node)
    if json:
        print_json(found)
        return
    if said is not None:
        print(f"{site}/{node}: {what} {when(said)}.")
    print_table(
        "Lives of machines",
        ("machine", "life", "from", "to", "hours", "how it ended"),
        [
            (f"{one.site}/{one.node}", one.number, when(one.begin), when(one.end), _hours(one), _end(one))
            for one in found
        ],
        "Nothing is in the history yet.",
    )


def _hours(one: LifeView) -> str:
    return "-" if one.end is None else f"{(one.end - one.begin) / 3.6e6:.0f}"


def _end(one: LifeView) -> str:
    return "it goes on" if one.end is None else "failed" if one.failed else "repaired before it failed"


def _time(text: str) -> int:
    """A time as Unix ms; without a zone it is local. Raises MarkRefused."""
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise MarkRefused(
            f"--at {text[:40]!r} is no time: write it as 2026-11-01 or 2026-11-01T12:30"
        ) from error
