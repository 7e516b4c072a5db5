"""`babbitt node flash`: one board, or all that are plugged in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from babbitt_tools.node import boards, bundle, fleet, settings, upstream
from babbitt_tools.node import flash as flashing
from babbitt_tools.node import ports as there
from babbitt_tools.node.commands.options import (
    BoardOption,
    BrokerOption,
    CaOption,
    CertOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    NodeOption,
    NtpOption,
    PasswordFileOption,
    PortOption,
    ServerNameOption,
    SiteOption,
    UserOption,
    WifiFileOption,
    WifiOption,
    answers,
    console,
    kilobytes,
    print_json,
)  # fmt: skip
from babbitt_tools.node.flash import Job, Outcome
from babbitt_tools.node.report import Watch

WORDS = {
    "connect": "connecting",
    "write": "writing",
    "verify": "reading back",
    "start": "starting",
    "done": "runs",
}


def flash(
    board: BoardOption = "ESP32_GENERIC",
    port: PortOption = None,
    site: SiteOption = None,
    node: NodeOption = None,
    broker: BrokerOption = None,
    wifi: WifiOption = None,
    wifi_password_file: WifiFileOption = None,
    user: UserOption = None,
    password_file: PasswordFileOption = None,
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    server_name: ServerNameOption = None,
    ntp: NtpOption = None,
    config: ConfigOption = None,
    micropython: Annotated[
        Path | None,
        typer.Option("--micropython", help="MicroPython's image for the board; default: the one used last."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every board that is plugged in, at once; needs --file.")
    ] = False,
    file: Annotated[Path | None, typer.Option("--file", help="The nodes of a fleet (TOML).")] = None,
    mac: Annotated[str | None, typer.Option("--mac", help="Only if the board has this MAC address.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Even a board that is another node.")] = False,
    wait: Annotated[
        int, typer.Option("--wait", min=0, help="Seconds to wait for the node to report; 0: do not.")
    ] = 30,
    baud: Annotated[int, typer.Option("--baud", help="Speed of writing, in baud.")] = flashing.BAUD,
    as_json: JsonOption = False,
) -> None:
    """Make a node of a bare board: MicroPython, partition table, firmware and settings in one go, checked before and after.

    Exit status 1 if a board was not flashed, does not run, or does not report in time.
    """
    given = answers(**locals())
    if every != (file is not None):
        raise typer.BadParameter(
            "--all and --file belong together: the file says which node each board becomes"
        )
    out = console(as_json)
    if file is not None:
        jobs, documents = fleet.jobs(
            fleet.load(file), there.ports(), given, micropython=micropython, replace=replace, baud=baud
        )
    else:
        what = boards.load(board)
        identity = settings.identity(what, given)
        files = bundle.make(
            what,
            node=identity.document,
            config=None if config is None else settings.configuration(what, config),
            certificates=identity.certificates,
        )
        image = upstream.take(what, micropython)
        jobs = [Job(there.one(port), identity.name, files, image, mac and mac.lower(), replace, baud)]
        documents = [identity.document]
    outcomes, reports = run(jobs, documents, out, wait)
    show(outcomes, reports, out, as_json)
    if not all(o.ok for o in outcomes) or "no" in reports:
        raise typer.Exit(1)


def run(
    jobs: list[Job], documents: list[dict[str, Any]], out: Console, wait: int
) -> tuple[list[Outcome], list[str]]:
    """Flash with a bar each, then see who reports: `yes`, `no`, `-` (not looked: this PC does not get to that broker, or the board failed)."""
    watches = [Watch(document) if wait else None for document in documents]
    try:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
            console=out,
        ) as progress:
            bars = {
                job.port: progress.add_task(f"{job.name} on {job.port}", total=1, stage="waiting")
                for job in jobs
            }

            def told(job: Job, stage: str, done: int, of: int) -> None:
                shown: dict[str, Any] = {"stage": WORDS[stage]}
                if stage in {"write", "done"}:
                    shown |= {"completed": done, "total": of}
                progress.update(bars[job.port], **shown)

            outcomes = flashing.flash_all(jobs, told)
        reports = []
        for outcome, watch in zip(outcomes, watches, strict=True):
            if not outcome.ok or watch is None or not watch.reachable:
                reports.append("-")
            else:
                reports.append("yes" if watch.reported(wait) else "no")
    finally:
        for watch in watches:
            if watch is not None:
                watch.close()
    return outcomes, reports


def show(outcomes: list[Outcome], reports: list[str], out: Console, as_json: bool) -> None:
    """The table of results, and what to do about the others."""
    if as_json:
        print_json([asdict(o) | {"ok": o.ok, "reports": r} for o, r in zip(outcomes, reports, strict=True)])
        return
    table = Table("port", "node", "board", "result", "reports", "seconds", "written")
    for outcome, reported in zip(outcomes, reports, strict=True):
        table.add_row(
            outcome.port, outcome.name, outcome.mac or "-", "[green]runs[/]" if outcome.ok else "[red]failed[/]", reported,
            f"{outcome.seconds:.1f}", kilobytes(outcome.bytes),
        )  # fmt: skip
    out.print(table)
    for outcome, reported in zip(outcomes, reports, strict=True):
        if outcome.error:
            out.print(
                f"[red]{outcome.name}[/]: {outcome.error}\n  To repeat it alone: the same command with --port {outcome.port}"
            )
        elif reported == "no":
            out.print(
                f"[yellow]{outcome.name}[/] runs, but its broker has not heard of it. `babbitt node doctor --port {outcome.port}` says why"
            )
        for other in outcome.replaced:
            out.print(
                f"[yellow]{outcome.name}[/] was the board {other} until now: it must not run beside this one"
            )
