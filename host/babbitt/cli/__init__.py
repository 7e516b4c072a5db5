"""The command line: ``babbitt``. Each command is a module of its own; this one only puts them together.

``main()`` turns every error the program raises on purpose into one clear line on standard error and exit
code 1; wrong usage gives 2.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from babbitt.errors import BabbittError

# Name: (module, function, one line of help). Imported when used, so that `babbitt status` starts fast.
COMMANDS = {
    "host": ("babbitt.cli.host", "host", "Run the host: receive, store, judge, show."),
    "status": ("babbitt.cli.status", "status", "How the nodes and their machines are."),
    "ledger": (
        "babbitt.cli.ledger",
        "ledger",
        "Account for every record; exit 1 if one is missing unexplained.",
    ),
    "events": ("babbitt.cli.events", "events", "What happened, newest first."),
    "backup": ("babbitt.cli.backup", "backup", "Copy the store while the host goes on."),
    "restore": ("babbitt.cli.backup", "restore", "Make a store of a backup."),
    "store": ("babbitt.cli.backup", "store_", "Read all of the store and say whether it is whole."),
    "export": ("babbitt.cli.export", "export", "Measured values to a Parquet, CSV or Arrow file."),
    "broker": ("babbitt.cli.broker", "broker", "A configuration of Mosquitto for production."),
    "quarantine": ("babbitt.cli.quarantine", "quarantine", "Messages the host refused, and why."),
    "desired": ("babbitt.cli.desired", "desired", "Give a node a configuration and wait for its answer."),
    "command": ("babbitt.cli.command", "command", "Have a node do something once, and say what came of it."),
    "waves": ("babbitt.cli.waves", "waves", "The waveforms that were taken: list them, export one."),
    "demo": ("babbitt_tools.demo", "demo", "Watch virtual machines wear out, on this PC."),
    "replay": ("babbitt_tools.replay.command", "replay", "Play a recording through the real firmware."),
}


class _Lazy(TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, name, help_ = COMMANDS[cmd_name]
        # All others are asked only for their line in the list of commands.
        called = cmd_name == _called()
        function = getattr(importlib.import_module(module), name) if called else _nothing
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name, help=None if called else help_)(function)
        return typer.main.get_command(single)


def _nothing() -> None:
    """Stands for a command in the list of commands."""


def _called() -> str:
    """The command on the command line: the first word that is no option."""
    return next((word for word in sys.argv[1:] if not word.startswith("-")), "")


app = typer.Typer(
    cls=_Lazy,
    name="babbitt",
    help="Condition monitoring without a cloud.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Say the version and end.")) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"babbitt {installed('babbitt')}")
        raise typer.Exit


def main() -> None:
    """Entry point of the ``babbitt`` command."""
    try:
        app()
    except BabbittError as error:
        print(f"babbitt: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
