"""`babbitt node deploy`, once or at every change of the sources."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards, bundle
from babbitt_tools.node import deploy as deploying
from babbitt_tools.node import ports as there
from babbitt_tools.node.boards import Board
from babbitt_tools.node.commands.options import JsonOption, PortOption, console, kilobytes, print_json
from babbitt_tools.node.link import Link
from babbitt_tools.vboard import flash as sources

LOOK_S = 0.2


def deploy(
    port: PortOption = None,
    board: Annotated[
        str | None, typer.Option("--board", help="Another board.json than the node's own.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on: deploy whenever a source changes, and show the console.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the firmware of a node up to date: only files that differ, and all of them or none. The node restarts.

    Its settings, what it learnt and its records stay. A cable that is pulled half-way leaves the old version running.
    """
    device = there.one(port)
    out = console(as_json)
    before = _stamp(*sources.firmware())
    facts = once(device, board, out, dry_run)
    if as_json:
        print_json(facts)
    if watch:
        _watch(device, board, out, before)


def once(device: str, board: str | None, out: Console, dry_run: bool = False) -> dict[str, Any]:
    """Deploy, say what was done, and return it."""
    began = time.monotonic()
    with Link(device) as link:
        link.stop()
        what = boards.load(board) if board else Board("node", json.loads(link.read("board.json")))
        files = bundle.make(what)
        if board is None:
            files.files["board.json"] = link.read("board.json")
        difference = deploying.look(link, files)
        if not dry_run:
            columns = (
                TextColumn("sending"),
                BarColumn(),
                TextColumn("{task.completed} bytes"),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=out, transient=True) as bar:
                task = bar.add_task("", total=max(1, difference.bytes))
                deploying.send(link, difference, lambda done, of: bar.update(task, completed=done))
        link.restart()
        started = None if dry_run else link.started()
    facts = {
        "sent": [] if dry_run else sorted(difference.send), "would_send": sorted(difference.send) if dry_run else [],
        "removed": list(difference.remove), "same": difference.same, "bytes": difference.bytes,
        "seconds": round(time.monotonic() - began, 2), "started": started,
    }  # fmt: skip
    runs = f" It runs: {started}" if started else ""
    if difference.nothing:
        out.print(f"The node has all {difference.same} files.{runs}")
    else:
        verb = "would change" if dry_run else "changed"
        out.print(
            f"{len(difference.send)} files {verb} ({kilobytes(difference.bytes)}), {len(difference.remove)} old ones go, "
            f"{difference.same} stay; {facts['seconds']} s.{runs}"
        )
    return facts


def _watch(device: str, board: str | None, out: Console, before: dict[str, int]) -> None:
    """Deploy at every change since `before`; in between the console of the node. Ctrl-C ends it."""
    package, own = sources.firmware()
    out.print(f"Watching {package} and {own}. Ctrl-C ends it.")
    looked = 0.0

    def saved() -> bool:
        nonlocal looked
        if time.monotonic() - looked < LOOK_S:
            return False
        looked = time.monotonic()
        return _stamp(package, own) != before

    while True:
        try:
            with Link(device) as link:
                for line in link.lines(over=saved):
                    out.print(line, markup=False, soft_wrap=True)
            before = _stamp(package, own)
            once(device, board, out)
        except BoardError as error:
            out.print(f"[red]{error}[/]")
            time.sleep(1)


def _stamp(*folders: Path) -> dict[str, int]:
    """When each source was changed last."""
    return {str(p): p.stat().st_mtime_ns for folder in folders for p in folder.rglob("*.py") if p.exists()}
