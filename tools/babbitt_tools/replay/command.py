"""`babbitt replay`: a real recording through the virtual sensor, so that driver, FIFO, features, checks, delivery and host are the real code."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from babbitt_tools.narrate import Teller, hours, plural, span, stamp
from babbitt_tools.replay.outcome import First, Outcome, outcome
from babbitt_tools.replay.sources import Recording, open_recording
from babbitt_tools.session import Session


def replay(
    dataset: Annotated[str, typer.Argument(help="pronostia, cold_storage or nab")],
    series: Annotated[
        str,
        typer.Argument(
            help="Bearing1_1, deepfreezer_1, realKnownCause/ambient_temperature_system_failure, ..."
        ),
    ],
    speed: Annotated[
        float | None,
        typer.Option(help="Recorded seconds a second; without it, about a minute for the whole."),
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD (cold_storage).")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Day to end before, YYYY-MM-DD (cold_storage).")
    ] = None,
    limit: Annotated[
        float | None, typer.Option(help="Limit in degrees C (cold_storage); default what is usual.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of recordings; default $BABBITT_DATA, else ../shared/data.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep store and board in this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Play a recording into a virtual node and hold what node and host said against what happened.

    Exit status 0 only if no record was lost.
    """
    if speed is not None and not 0.1 <= speed <= 1e6:
        raise typer.BadParameter(f"{speed} is not between 0.1 and 1000000", param_hint="--speed")
    folder = data or Path(os.environ.get("BABBITT_DATA") or "../shared/data")
    recording = open_recording(folder, f"{dataset}/{series}", start, end, limit)
    console = Console(stderr=as_json)
    length_s = (recording.end_ms - recording.utc_start_ms) / 1000
    speed = speed or max(1.0, length_s / 60)
    _introduce(console, recording, length_s, speed)
    with Session(keep) as session:
        board = session.add("replay", recording.world, recording.config, speed)
        if board.runtime != "micropython":
            console.print("  There is no MicroPython for this platform: the node runs under CPython.")
        whole = _play(console, session, length_s)
        session.drain(30)
        result = outcome(recording, session, complete=whole)
    if as_json:
        print(json.dumps(result.plain(), indent=2))
    else:
        _report(console, result)
    if result.account.lost or result.account.pending or not result.account.sent:
        raise typer.Exit(1)


def _introduce(console: Console, recording: Recording, length_s: float, speed: float) -> None:
    console.print(
        f"\n  [bold]{recording.name}[/]: {hours(length_s / 3600)} from {stamp(recording.utc_start_ms)} UTC, at {speed:.0f} times.",
        highlight=False,
    )
    for note in recording.notes:
        console.print(f"  - {note}", highlight=False, markup=False)
    console.print()


def _play(console: Console, session: Session, length_s: float) -> bool:
    """Play to the end, telling every event. False if the person ended it."""
    teller = Teller(session.reader, console)
    (board,) = session.boards.values()
    with Progress(
        TextColumn("  {task.percentage:3.0f} %"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task("replay", total=length_s)
        try:
            while board.now_us < length_s * 1e6:
                progress.update(task, completed=board.now_us / 1e6)
                teller.tell()
                time.sleep(0.25)
        except KeyboardInterrupt:
            console.print("  ended by Ctrl-C")
            return False
        session.drain(30)
        teller.tell()
    return True


def _report(console: Console, result: Outcome) -> None:
    table = Table(title=f"{result.name}: said against happened", title_justify="left", show_header=False)
    table.add_column()
    table.add_column()
    for truth in result.truth:
        table.add_row(
            "in truth",
            f"{truth.name}: {stamp(truth.start_ms)}"
            + (f" .. {stamp(truth.end_ms)}" if truth.end_ms > truth.start_ms else ""),
        )
    for who, first in (("node", result.by_node), ("host", result.by_host)):
        table.add_row(f"first warning by the {who}", "none" if first is None else _when(first))
    table.add_row(
        "warnings in all", f"{result.warnings_node} by the node, {result.warnings_host} by the host"
    )
    what = "remaining life" if result.kind == "machine" else "time to the limit"
    for mark in result.marks:
        said = mark.outlook if mark.remaining is None else span(mark.remaining)
        table.add_row(f"{what}, {mark.at}", f"{said}; in truth {hours(mark.truth_h)}{_hit(mark.inside)}")
    a = result.account
    table.add_row(
        "records", f"{a.sent} sent, {a.stored} stored, {a.lost} lost, {a.duplicates} duplicates stored once"
    )
    if not result.complete:
        table.add_row("note", "ended before the end of the recording")
    console.print(table)


def _when(first: First) -> str:
    """A first warning in words."""
    lead = first.lead_h
    where = (
        "" if lead is None else f", {hours(abs(lead))} {'ahead of' if lead >= 0 else 'into'} {first.event}"
    )
    earlier = f"; {plural(first.earlier, 'warning')} came and went before" if first.earlier else ""
    return f"{stamp(first.t_ms)}{where}: {first.text}{earlier}"


def _hit(inside: bool | None) -> str:
    return "" if inside is None else " (inside)" if inside else " (outside)"
