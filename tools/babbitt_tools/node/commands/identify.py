"""`babbitt node identify`."""

from __future__ import annotations

from typing import Annotated

import typer

from babbitt_tools.node import ports as there
from babbitt_tools.node.commands.options import JsonOption, PortOption, console, print_json
from babbitt_tools.node.link import Link


def identify(
    port: PortOption = None,
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=60, help="So long.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Have the board on a port blink, and say who it is; it runs again afterwards. A node on the network blinks by `babbitt command`."""
    out = console(as_json)
    with Link(there.one(port)) as link:
        link.stop()
        who = link.ask("who")
        out.print(
            f"{who['site']}/{who['node']} on {link.port} ({who['board']}, {who['mac']}) blinks for {seconds} s."
        )
        blinked = link.ask("blink", seconds=seconds)
        link.restart()
    if as_json:
        print_json(who | {"port": link.port, "led": blinked["led"]})
    if blinked["led"] is None:
        out.print("Its board.json names no LED: nothing blinked.")
