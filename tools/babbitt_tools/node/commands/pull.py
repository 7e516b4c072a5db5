"""`babbitt node pull`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from babbitt_tools.node import bundle, settings
from babbitt_tools.node import ports as there
from babbitt_tools.node.commands.options import JsonOption, PortOption, console, kilobytes, print_json
from babbitt_tools.node.link import MOUNTED, Link

LEFT = ("boot.py", "main.py", "babbitt_node/", "next/")
"""What a node has of the firmware, which is not saved."""


def pull(
    port: PortOption = None,
    to: Annotated[Path, typer.Option("--to", help="Folder; made if missing.")] = Path("pulled"),
    as_json: JsonOption = False,
) -> None:
    """Save what a node has: records that wait (spool), waveforms, settings (without passwords), what it learnt, its crash log.

    Nothing is removed from the node; it runs again afterwards.
    """
    out = console(as_json)
    with Link(there.one(port)) as link:
        link.stop()
        found: dict[str, str] = link.ask("hashes", skip=("babbitt_node", "next", *MOUNTED))["files"]
        paths = [p for p in sorted(found) if not p.startswith(LEFT) and not p.endswith((".der", ".new"))]
        parts: list[tuple[str, bytes]] = []
        with Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=out, transient=True
        ) as bar:
            task = bar.add_task("reading", total=max(1, len(paths)))
            for path in paths:
                bar.update(task, description=path, advance=1)
                parts.append((path, link.read(path)))
        link.restart()
    saved = [
        (path, _shown(data) if path.startswith(("node.json", "trial.json")) else data) for path, data in parts
    ]
    for path, data in saved:
        bundle.write((to / path).parent, [(Path(path).name, data)])
    crash = next((data.decode(errors="replace") for path, data in saved if path == "crash.txt"), None)
    facts: dict[str, Any] = {
        "folder": str(to),
        "files": {path: len(data) for path, data in saved},
        "crash": crash,
    }
    if as_json:
        print_json(facts)
        return
    out.print(
        f"{len(saved)} files ({kilobytes(sum(len(d) for _, d in saved))}) are in {to}/; private keys and passwords were left out."
    )
    out.print("It crashed last with:\n" + crash.strip() if crash else "No crash is on record.", markup=False)


def _shown(data: bytes) -> bytes:
    """A document of settings without its passwords; what is no JSON is left out, for it might hold one."""
    try:
        return json.dumps(settings.redacted(json.loads(data)), indent=1).encode()
    except (ValueError, AttributeError):
        return b"(damaged, not shown: it may hold a password)\n"
