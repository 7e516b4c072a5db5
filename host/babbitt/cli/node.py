"""``babbitt node``: what touches boards. The commands are in ``babbitt_tools.node.commands``, imported when used."""

from __future__ import annotations

import typer

from babbitt.cli import Lazy

_IN = "babbitt_tools.node.commands."
COMMANDS = {
    "ports": (
        _IN + "ports",
        "ports",
        "The boards that are plugged in: chip, flash, MicroPython, who they are.",
    ),
    "build": (_IN + "build", "build", "Make all files of a node, and say what room they take."),
    "flash": (_IN + "flash", "flash", "Make a node of a bare board, or of all that are plugged in."),
    "provision": (_IN + "provision", "provision", "Tell a node anew who it is and where its broker is."),
    "deploy": (_IN + "deploy", "deploy", "Bring the firmware of a node up to date: only what changed."),
    "monitor": (_IN + "monitor", "monitor", "The console of a node, and what it measures, as it comes."),
    "repl": (_IN + "repl", "repl", "A prompt on the node (mpremote's)."),
    "pull": (_IN + "pull", "pull", "Save what a node has: records, settings, crash log."),
    "doctor": (_IN + "doctor", "doctor", "Look what is wrong with a node: wiring, sensors, network, memory."),
    "identify": (_IN + "identify", "identify", "Have a board blink."),
    "sim": (
        "babbitt_tools.scenario.command",
        "sim",
        "Virtual nodes that live through scenarios: wear, imbalance, cold rooms, faults.",
    ),
    "virtual": (
        _IN + "virtual",
        "virtual",
        "A bare board that is a program, to try all this without hardware.",
    ),
}


class _Node(Lazy):
    TABLE = COMMANDS
    BEFORE = 1


group = typer.Typer(
    cls=_Node,
    name="node",
    help="Boards: find, build, flash, provision, deploy, watch, find the fault.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@group.callback()
def _node() -> None:
    """Boards: find, build, flash, provision, deploy, watch, find the fault."""
