"""What a simulation tells: a table while it runs, one at the end, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from babbitt_tools.account import Account
from babbitt_tools.narrate import hours, plural
from babbitt_tools.scenario.cast import Role
from babbitt_tools.scenario.fleet import Fleet

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Mark:
    """The first time that `check` of `origin` (node or host) went to the state `to`, and how often it did. `hour` is that of the
    simulation; None for what the host says of network and clock, which has the time of the PC."""

    hour: float | None
    origin: str
    check: str
    to: str
    times: int


@dataclass(frozen=True, slots=True)
class Played:
    """One node at the end. `truth`: what was made to happen; `hours` it lived; `account` of its records; `reconnects`: how often it came back
    to the broker within a boot; `boots`; `faults` of its sensors that it told of; `said`: what node and host warned of."""

    node: str
    scenario: str
    truth: tuple[str, ...]
    hours: float
    account: Account
    reconnects: int
    boots: int
    faults: tuple[str, ...]
    said: tuple[Mark, ...]

    @property
    def whole(self) -> bool:
        """Whether every record it sent is stored."""
        return self.account.sent > 0 and not self.account.lost and not self.account.pending


def played(fleet: Fleet) -> list[Played]:
    """Every node of the fleet, now."""
    accounts = {one.node: one for one in fleet.accounts()}
    found = []
    for name, player in fleet.players.items():
        told = fleet.told(name)
        found.append(
            Played(
                name,
                player.role.scenario,
                player.role.truth,
                round(player.board.now_us / 3.6e9, 2),
                accounts[name],
                told.reconnects,
                len(told.births),
                tuple(sorted(told.faults)),
                marks(_warnings(fleet, player.role), player.role),
            )
        )
    return found


def marks(warnings: Iterable[tuple[int | None, str, str, str]], role: Role) -> tuple[Mark, ...]:
    """(t in ms, origin, check, to) of every warning as one mark a kind, in order of time."""
    first: dict[tuple[str, str, str], Mark] = {}
    start_ms = role.start_ms
    for t, *kind in warnings:
        key = (kind[0], kind[1], kind[2])
        hour = None if t is None else round((t - start_ms) / HOUR_MS, 2)
        seen = first.get(key)
        first[key] = Mark(hour, *key, 1) if seen is None else Mark(seen.hour, *key, seen.times + 1)
    return tuple(first.values())


def _warnings(fleet: Fleet, role: Role) -> list[tuple[int | None, str, str, str]]:
    if fleet.session is None:
        return [
            (e.get("t"), "node", str(e.get("check")), str(e.get("to")))
            for e in fleet.told(role.node).events
            if e.get("sev", 0) > 0
        ]
    events = fleet.session.reader.events(fleet.session.site, role.node, 10_000)
    return [
        (e.t if e.origin == "node" or e.check == "assessment" else None, e.origin, e.check, e.to)
        for e in sorted(events, key=lambda e: e.id)
        if e.sev > 0
    ]


def live(fleet: Fleet) -> Table:
    """What every node does now."""
    table = Table(title="Nodes", title_justify="left")
    for heading in ("node", "scenario", "hour", "network", "sent", "stored", "faults", "last said"):
        table.add_column(heading, justify="right" if heading in ("hour", "sent", "stored") else "left")
    for name, player in fleet.players.items():
        told = fleet.told(name)
        last = told.events[-1] if told.events else {}
        table.add_row(
            name,
            player.role.scenario,
            f"{player.board.now_us / 3.6e9:.1f}",
            "[green]online[/]" if told.online else "[red]away[/]",
            str(fleet.sent(name)),
            str(fleet.stored(name)),
            ", ".join((told.state.get("faults") or {}).values()),
            f"{last['check']}: {last.get('to')}" if "check" in last else "",
        )
    return table


def final(console: Console, lines: Sequence[Played]) -> None:
    """The table of the end, and what is worth a sentence."""
    table = Table(title="What was sent and stored", title_justify="left")
    for heading in ("node", "scenario", "lived", "sent", "stored", "lost", "waiting", "reconnects", "boots"):
        table.add_column(heading, justify="left" if heading in ("node", "scenario") else "right")
    for line in lines:
        a = line.account
        table.add_row(
            line.node, line.scenario, hours(line.hours), str(a.sent), str(a.stored), str(a.lost), str(a.pending),
            str(line.reconnects), str(line.boots),
        )  # fmt: skip
    console.print(table)
    for line in lines:
        console.print(f"  [bold]{line.node}[/]: {'; '.join(line.truth)}", highlight=False)
        for mark in line.said:
            when = (
                "now and then" if mark.times > 1 else "once" if mark.hour is None else f"hour {mark.hour:.1f}"
            )
            often = f", {plural(mark.times, 'time')}" if mark.times > 1 else ""
            console.print(
                f"    {when}: the {mark.origin} says {mark.check} {mark.to}{often}",
                highlight=False,
                markup=False,
            )
    if all(line.whole for line in lines):
        console.print("  Nothing lost.")
        return
    for line in lines:
        if not line.whole:
            console.print(
                f"  [red]{line.node}: {line.account.lost} records lost, {line.account.pending} not delivered, {line.account.sent} sent[/]"
            )


def plain(lines: Sequence[Played], seed: int, speed: float) -> dict[str, Any]:
    """The same for programs."""
    nodes = [asdict(line) for line in lines]
    return {"seed": seed, "speed": speed, "nodes": nodes, "ok": all(line.whole for line in lines)}


def print_plain(lines: Sequence[Played], seed: int, speed: float) -> None:
    """As JSON on standard output."""
    print(json.dumps(plain(lines, seed, speed), indent=1))
