"""``babbitt mark`` and ``babbitt marks``: say whether alarms were right, and see what follows from it."""

from __future__ import annotations

import getpass
import time
from enum import StrEnum
from typing import Annotated

import typer

from babbitt.cli.options import JsonOption, LimitOption, StoreOption, print_json, print_table, when
from babbitt.errors import MarkRefused, UnknownNode
from babbitt.store import marking
from babbitt.store.reader import StoreReader
from babbitt.store.views import EventView


class Verdict(StrEnum):
    """What an alarm was."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"
    NEW_NORMAL = "new-normal"


def mark(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    store: StoreOption,
    event: Annotated[
        int | None, typer.Argument(help="Number of the alarm; without it all that can be marked are listed.")
    ] = None,
    verdict: Annotated[
        Verdict | None,
        typer.Argument(
            help="right, wrong, unsure, or new-normal: wrong, for the machine is to be like this."
        ),
    ] = None,
    note: Annotated[str | None, typer.Option(help="What it was, in words.")] = None,
    who: Annotated[str | None, typer.Option(help="Who says so; default the user.")] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="What was said so far moves no threshold any more.")
    ] = False,
    limit: LimitOption = 20,
    json: JsonOption = False,
) -> None:
    """Say whether an alarm was right or wrong; the host's thresholds follow."""
    reader = StoreReader(store)
    reader.node(site, node)
    now, by = int(time.time() * 1000), user() if who is None else who
    if reset:
        if event is not None:
            raise MarkRefused("--reset is of the whole node: give no event with it")
        marking.reset(store, site, node, now, by, note or "")
    elif event is not None:
        if verdict is None:
            raise MarkRefused(f"what was event {event}? Say right, wrong, unsure or new-normal")
        found = reader.event(event)
        if (found.site, found.node) != (site, node):
            raise MarkRefused(f"event {event} is of {found.site}/{found.node}, not of {site}/{node}")
        marking.mark(store, event, verdict.value.replace("-", "_"), now, by, note or "")
    else:
        _list(reader, site, node, limit, json)
        return
    _say(reader, site, node, json)


def user() -> str:
    """Who runs this command, as far as that is known."""
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):
        return ""


def alarms(reader: StoreReader, site: str, node: str, limit: int) -> list[EventView]:
    """Warnings and alarms of the node's checks and of the host's judgement, newest first."""
    found: list[EventView] = []
    before = None
    while len(found) < limit:
        some = reader.events(site, node, 200, before=before, severity=1)
        found += [one for one in some if one.origin == "node" or one.check == "assessment"]
        if len(some) < 200:
            break
        before = some[-1].t, some[-1].id
    return found[:limit]


def _list(reader: StoreReader, site: str, node: str, limit: int, json: bool) -> None:
    said = {one.event: one for one in reader.marks(site, node)}
    found = alarms(reader, site, node, limit)
    if json:
        print_json([{"event": one, "mark": said.get(one.id)} for one in found])
        return
    rows = [
        (one.id, when(one.t), ("", "warning", "alarm")[one.sev], one.origin, _verdict(said[one.id].verdict)
         if one.id in said else "-", one.text)
        for one in found
    ]  # fmt: skip
    print_table(
        f"Alarms of {site}/{node}",
        ("event", "time", "severity", "by", "mark", "what"),
        rows,
        f"{site}/{node} had no alarm.",
    )


def _verdict(verdict: str) -> str:
    return verdict.replace("_", "-")


def _say(reader: StoreReader, site: str, node: str, json: bool) -> None:
    from babbitt.detection.precision import judged

    (one,) = judged(reader, site, node).nodes
    if json:
        print_json(one)
        return
    print(f"{site}/{node}: {one.host.text}.")
    if one.tolerance is not None:
        print(f"Thresholds of the host: {one.tolerance.text}.")


def marks(
    store: StoreOption,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    node: Annotated[str | None, typer.Option(help="Only of nodes of this name.")] = None,
    json: JsonOption = False,
) -> None:
    """How many alarms were right, false alarms a machine and month, and how the thresholds follow."""
    from babbitt.detection.precision import Precision, judged

    reader = StoreReader(store)
    found = judged(reader, site, node)
    if (site or node) and not found.nodes:
        raise UnknownNode(
            f"the store knows no node {node or 'of site ' + str(site)}; `babbitt status` lists those it knows"
        )
    if json:
        print_json({"nodes": found.nodes, "host": found.host, "checks": found.checks})
        return

    def cells(name: str, by: str, one: Precision, follows: str) -> tuple[str, ...]:
        share = "-" if one.precision is None else f"{one.precision:.0%} ({one.low:.0%} to {one.high:.0%})"
        month = "-" if one.false_per_month is None else f"{one.false_per_month:.2f}"
        return (
            name,
            by,
            str(one.right),
            str(one.wrong),
            str(one.unsure),
            str(one.unmarked),
            share,
            month,
            follows,
        )

    rows = []
    for one in found.nodes:
        name = f"{one.site}/{one.node}"
        rows.append(cells(name, "host", one.host, one.tolerance.text if one.tolerance else "do not follow"))
        if one.checks != one.host and (one.checks.right or one.checks.wrong or one.checks.unmarked):
            rows.append(cells(name, "node", one.checks, "as configured"))
    if len(found.nodes) > 1:
        rows += [cells("all", "host", found.host, ""), cells("all", "node", found.checks, "")]
    print_table(
        "Alarms by the word of people",
        ("node", "by", "right", "wrong", "unsure", "unmarked", "precision", "false a month", "thresholds"),
        rows,
        "The store knows no node yet.",
    )
