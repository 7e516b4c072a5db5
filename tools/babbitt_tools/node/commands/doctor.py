"""`babbitt node doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from babbitt_tools.errors import BoardError
from babbitt_tools.node import checkup
from babbitt_tools.node import ports as there
from babbitt_tools.node.checkup import RECORDS, Finding
from babbitt_tools.node.commands.options import JsonOption, PortOption, console, print_json
from babbitt_tools.node.deploy import SKIP
from babbitt_tools.node.link import Link

MARKS = {"ok": "[green]ok  [/]", "look": "[yellow]look[/]", "bad": "[red]bad [/]"}


def doctor(
    port: PortOption = None,
    records: Annotated[
        int, typer.Option("--records", min=2, max=50, help="Readings of each sensor, for its noise.")
    ] = RECORDS,
    network: Annotated[
        bool, typer.Option("--network/--no-network", help="Try Wi-Fi, time, broker and TLS too.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Look at a node that is plugged in: wiring and live values of each sensor, network, broker, memory and flash; say what to do.

    The node is stopped meanwhile and runs again afterwards. Exit status 1 if something is bad.
    """
    out = console(as_json)
    findings: list[Finding] = []

    def tell(more: list[Finding]) -> None:
        findings.extend(more)
        for finding in more:
            out.print(f"{MARKS[finding.level]} {finding.what}: {finding.words}")
            if finding.do:
                out.print(f"     {finding.do}")

    with Link(there.one(port)) as link:
        link.stop()
        who = link.ask("who")
        out.print(f"{who['site']}/{who['node']} on {link.port}, {who['mac']}")
        files = link.ask("hashes", skip=SKIP)
        tell(
            checkup.about(
                who,
                files,
                _json(link, "config.json"),
                (_json(link, "node.json") or {}).get("spool_hold_s", 9),
            )
        )
        tell(checkup.sensors(link.ask("sensors", records=records)))
        if network:
            tell(checkup.network(link.ask("network")))
        link.restart()
        try:
            tell([Finding("start", "ok", link.started())])
        except BoardError as error:
            tell(
                [
                    Finding(
                        "start",
                        "bad",
                        str(error),
                        "`babbitt node pull` saves its crash log; `babbitt node flash` makes it new.",
                    )
                ]
            )
    if as_json:
        print_json(
            {
                "node": f"{who['site']}/{who['node']}",
                "findings": [asdict(f) for f in findings],
                "worst": checkup.worst(findings),
            }
        )
    if checkup.worst(findings) == "bad":
        raise typer.Exit(1)


def _json(link: Link, path: str) -> dict[str, Any] | None:
    """A document on the node, None if there is none that can be read."""
    try:
        found = json.loads(link.read(path))
    except (BoardError, ValueError):
        return None
    return found if isinstance(found, dict) else None
