"""`babbitt node ports`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from babbitt_tools.node import ports as there
from babbitt_tools.node.commands.options import JsonOption, console, kilobytes, print_json


def ports(
    look: Annotated[
        bool,
        typer.Option("--look", help="Ask each board what and who it is; a running node stops for a second."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the boards that are plugged in."""
    found = there.ports()
    if look:
        for port in found:
            there.look(port)
    if as_json:
        print_json([asdict(port) | {"name": port.name} for port in found])
        return
    out = console(False)
    if not found:
        out.print(
            "No board is plugged in. Take a cable that carries data (many only charge); a board that shows no port lacks a driver "
            "(CP210x or CH34x). Ports over the network are named in BABBITT_PORTS."
        )
        return
    table = Table(
        "port", "USB", "serial number", *(("board", "flash", "MicroPython", "node") if look else ())
    )
    for port in found:
        row = [port.stable or port.device, port.usb or "-", port.serial or "-"]
        if look:
            about = port.found
            size = about.get("flash_bytes")
            row += [
                " ".join(str(about[key]) for key in ("chip", "board", "mac") if about.get(key)) or "-",
                kilobytes(size) if size else "-",
                str(about.get("micropython") or "none"),
                port.name or "none",
            ]
        table.add_row(*row)
    out.print(table)
    for port in found:
        if port.error:
            out.print(f"[red]{port.device}[/]: {port.error}")
