"""`babbitt demo`: a broker, the host, its page and three virtual nodes that live four days in a minute or two."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from babbitt.protocol.assessment import Assessment
from babbitt.web.server import WebServer
from babbitt_tools.account import Account
from babbitt_tools.narrate import Teller, hours, lasting, plural, span, stamp, warnings
from babbitt_tools.session import SITE, Session
from babbitt_tools.story import DAY_MS, DAYS, Asset, assets, evening_before

#: Real seconds kept for starting up and for the last records to arrive.
_AROUND_S = 12.0
_SHORTEST_S = 30
_USUAL_S = 150


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the summary: what was sent and stored, when (Unix ms) and by whom the first warning came that stayed until the failure (or
    the first of all, if none did), how many had come and gone before, and how the asset was judged at that moment and in the end."""

    asset: str
    account: Account
    warned_ms: int | None
    warned_by: str | None
    passed: int
    failure_ms: int | None
    then: Assessment | None
    last: Assessment | None
    healthy: bool

    def faults(self) -> list[str]:
        """What went wrong, in words; empty when the demo may call itself a success."""
        found = []
        if self.account.lost or self.account.pending or self.account.sent == 0:
            found.append(
                f"{self.asset}: {self.account.lost} records lost, {self.account.pending} not delivered, {self.account.sent} sent"
            )
        if self.healthy and self.warned_ms is not None:
            found.append(f"{self.asset}: a warning although nothing is wrong with it")
        if not self.healthy and self.warned_ms is None:
            found.append(f"{self.asset}: no warning")
        if self.warned_ms is not None and self.failure_ms is not None and self.warned_ms >= self.failure_ms:
            found.append(f"{self.asset}: the warning came after the failure")
        return found


def demo(
    seconds: Annotated[
        int | None, typer.Option(help=f"End by itself after about so many seconds (at least {_SHORTEST_S}).")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.")] = 0,
    keep: Annotated[Path | None, typer.Option(help="Keep store and boards in this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Watch three virtual nodes: a motor whose bearing wears out, a healthy one, and a cold room whose compressor weakens.

    Exit status 0 only if no record was lost, the worn motor and the cold room were warned of before they failed, and the healthy motor was
    left alone.
    """
    if seconds is not None and seconds < _SHORTEST_S:
        raise typer.BadParameter(
            f"{seconds} is too short for the story; give at least {_SHORTEST_S}", param_hint="--seconds"
        )
    console = Console(stderr=as_json)
    began = time.monotonic()
    story_s = (seconds or _USUAL_S) - _AROUND_S
    speed = DAYS * DAY_MS / 1000 / story_s
    cast = assets(evening_before(time.time()))
    with Session(keep) as session:
        page = WebServer(session.store, port=port)
        page.start()
        try:
            for asset in cast:
                session.add(asset.node, asset.world, asset.config, speed)
            _introduce(console, session, page.url, speed)
            whole = _play(console, session, began + seconds - 8 if seconds else None)
            if seconds is None and whole:
                _linger(console, session, page.url)
            session.drain(15)
            lines = _summary(session, cast)
        finally:
            page.stop()
        _report(console, lines, as_json)
    if any(line.faults() for line in lines):
        raise typer.Exit(1)


def _introduce(console: Console, session: Session, url: str, speed: float) -> None:
    board = next(iter(session.boards.values()))
    what = (
        "real MicroPython"
        if board.runtime == "micropython"
        else "CPython (there is no MicroPython for this platform)"
    )
    console.print(f"\n  [bold]Babbitt[/]: three virtual nodes run the node's firmware on {what}.")
    console.print(
        f"  The page: [bold]{url}[/]    One second is {hours(speed / 3600)} of simulated time. Ctrl-C ends it.\n",
        highlight=False,
    )


def _play(console: Console, session: Session, deadline: float | None) -> bool:
    """Tell what happens until the story, the time or the person's patience ends; False for the last."""
    teller = Teller(session.reader, console)
    columns = (TextColumn("  day {task.fields[day]:.1f} of " + f"{DAYS}"), BarColumn(), TimeRemainingColumn())
    end_us = DAYS * DAY_MS * 1000
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("story", total=DAYS, day=0.0)
        try:
            while True:
                now_us = min(board.now_us for board in session.boards.values())
                progress.update(task, completed=now_us / end_us * DAYS, day=now_us / end_us * DAYS)
                teller.tell()
                if now_us >= end_us or (deadline is not None and time.monotonic() > deadline):
                    return True
                time.sleep(0.25)
        except KeyboardInterrupt:
            console.print("  ended by Ctrl-C")
            return False


def _linger(console: Console, session: Session, url: str) -> None:
    """The story is over; the page stays open until Ctrl-C."""
    teller = Teller(session.reader, None)
    console.print(f"\n  The story is told. {url} stays open; Ctrl-C ends it.", highlight=False)
    try:
        while True:
            teller.tell()
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def _summary(session: Session, cast: list[Asset]) -> list[Line]:
    accounts = {a.node: a for a in session.accounts()}
    events = session.reader.events(limit=10_000)
    lines = []
    for asset in cast:
        found = warnings(events, asset.node)
        stayed = lasting(found, events, asset.failure_ms)
        first = stayed[0] if stayed else found[0] if found else None
        start = asset.world.utc_start_ms
        judged = session.reader.assessments(
            SITE, asset.node, start, start + round((DAYS + 1) * DAY_MS), 100_000
        )
        then = next(
            (a for a in judged if first is not None and a.t_ms >= first.t and a.remaining is not None), None
        )
        lines.append(
            Line(
                asset.name,
                accounts[asset.node],
                first.t if first else None,
                first.origin if first else None,
                sum(one.t < first.t for one in found) if first else 0,
                asset.failure_ms,
                then,
                judged[-1] if judged else None,
                asset.healthy,
            )
        )
    return lines


def _report(console: Console, lines: list[Line], as_json: bool) -> None:
    if as_json:
        print(
            json.dumps(
                {"assets": [_plain(line) for line in lines], "ok": not any(line.faults() for line in lines)},
                indent=2,
            )
        )
        return
    table = Table(title="What was sent, stored and foreseen", title_justify="left")
    for heading, side in _COLUMNS:
        table.add_column(heading, justify=side, no_wrap=heading == "warned")
    for line in lines:
        a = line.account
        warned = f"{stamp(line.warned_ms)[5:]}, {line.warned_by}" if line.warned_ms else "none"
        health = "-" if line.last is None or line.last.health is None else f"{line.last.health:.0f} / 100"
        table.add_row(line.asset, str(a.sent), str(a.stored), str(a.lost), warned, _ahead(line), health)
    console.print(table)
    for line in lines:
        console.print(f"  {line.asset}: {_outlook(line)}", highlight=False)
    faults = [fault for line in lines for fault in line.faults()]
    for fault in faults:
        console.print(f"  [red]{fault}[/]", highlight=False)
    if not faults:
        console.print(
            "  Nothing lost, both failures warned of before they came, the healthy motor left alone."
        )


_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("asset", "left"),
    ("sent", "right"),
    ("stored", "right"),
    ("lost", "right"),
    ("warned", "left"),
    ("ahead", "right"),
    ("health", "right"),
)


def _ahead(line: Line) -> str:
    """How long before the failure the first warning came."""
    if line.failure_ms is None or line.warned_ms is None:
        return "-"
    return hours((line.failure_ms - line.warned_ms) / 3_600_000)


def _outlook(line: Line) -> str:
    """What the host said of the time left when it first could, against the truth."""
    if line.failure_ms is None:
        return "nothing is wrong with it, and nobody said so" if line.warned_ms is None else "a false alarm"
    if line.then is None:
        return "no estimate of the time left at its first lasting warning"
    truth = (line.failure_ms - line.then.t_ms) / 3_600_000
    before = f"; {plural(line.passed, 'shorter warning')} before" if line.passed else ""
    return f"time left, said first: {span(line.then.remaining)}; in truth {hours(truth)}{before}"


def _plain(line: Line) -> dict[str, Any]:
    return asdict(line) | {"faults": line.faults()}
