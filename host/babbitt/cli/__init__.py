"""The command line: ``babbitt``. Each command is a module of its own; this one only puts them together.

``main()`` turns every error the program raises on purpose into one clear line on standard error and exit
code 1; wrong usage gives 2.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from babbitt.errors import BabbittError

# Name: (module, function, one line of help). Imported when used, so that `babbitt status` starts fast.
COMMANDS = {
    "host": ("babbitt.cli.host", "host", "Run the host: receive, store, judge, show."),
    "init": ("babbitt.cli.init", "init", "Begin: settings for this PC, and a service if wanted."),
    "doctor": ("babbitt.cli.doctor", "doctor", "Look for what is wrong, and say what to do."),
    "status": ("babbitt.cli.status", "status", "How the nodes and their machines are."),
    "ledger": (
        "babbitt.cli.ledger",
        "ledger",
        "Account for every record; exit 1 if one is missing unexplained.",
    ),
    "events": ("babbitt.cli.events", "events", "What happened, newest first."),
    "acknowledge": (
        "babbitt.cli.acknowledge",
        "acknowledge",
        "Say that you have seen alarms; it stands in the record.",
    ),
    "mark": ("babbitt.cli.mark", "mark", "Say whether an alarm was right; the thresholds follow."),
    "marks": ("babbitt.cli.mark", "marks", "How many alarms were right, and how the thresholds follow."),
    "lives": ("babbitt.cli.lives", "lives", "The lives of machines; say that one failed or was repaired."),
    "backup": ("babbitt.cli.backup", "backup", "Copy the store while the host goes on."),
    "restore": ("babbitt.cli.backup", "restore", "Make a store of a backup."),
    "store": ("babbitt.cli.backup", "store_", "Read all of the store and say whether it is whole."),
    "export": ("babbitt.cli.export", "export", "Measured values to a Parquet, CSV or Arrow file."),
    "import": ("babbitt.cli.import_", "import_", "Take in measured values of before, from CSV or Parquet."),
    "broker": ("babbitt.cli.broker", "broker", "A configuration of Mosquitto for production."),
    "quarantine": ("babbitt.cli.quarantine", "quarantine", "Messages the host refused, and why."),
    "desired": ("babbitt.cli.desired", "desired", "Give a node a configuration and wait for its answer."),
    "command": ("babbitt.cli.command", "command", "Have a node do something once, and say what came of it."),
    "waves": ("babbitt.cli.waves", "waves", "The waveforms that were taken: list them, export one."),
    "diagnose": (
        "babbitt.cli.diagnose",
        "diagnose",
        "What a waveform says about bearing, rotor, gears and motor.",
    ),
    "forecast": ("babbitt.cli.forecast", "forecast", "What the temperatures of a node will be in two hours."),
    "record": ("babbitt.cli.record", "record", "The temperatures of a room, a line a day, to be filed."),
    "backtest": (
        "babbitt.cli.backtest",
        "backtest",
        "What a detector would have said of what is in the store.",
    ),
    "train": ("babbitt.cli.train", "train", "Learn the remaining life from machines that failed."),
    "models": ("babbitt.cli.train", "models", "Models of fleets: list, show, use, apply."),
    "node": (
        "babbitt.cli.node",
        "group",
        "Boards: find, build, flash, provision, deploy, watch, find the fault.",
    ),
    "demo": ("babbitt_tools.demo", "demo", "Watch virtual machines wear out, on this PC."),
    "replay": ("babbitt_tools.replay.command", "replay", "Play a recording through the real firmware."),
}


class Lazy(TyperGroup):
    """A group whose commands are imported when they are called: `TABLE`, and how many words come before their names."""

    TABLE = COMMANDS
    BEFORE = 0

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.TABLE)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.TABLE:
            return None
        module, name, help_ = self.TABLE[cmd_name]
        # All others are asked only for their line in the list of commands.
        called = _words()[self.BEFORE : self.BEFORE + 1] == [cmd_name]
        function = getattr(importlib.import_module(module), name) if called else _nothing
        if isinstance(function, typer.Typer):
            return typer.main.get_command(function)
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name, help=None if called else help_)(function)
        return typer.main.get_command(single)


def _nothing() -> None:
    """Stands for a command in the list of commands."""


def _words() -> list[str]:
    """The command line without options and without the file of the settings: the names of commands come first."""
    words = sys.argv[1:]
    after = ["", *words]
    return [w for before, w in zip(after, words, strict=False) if w[:1] != "-" and before != "--config"]


app = typer.Typer(
    cls=Lazy,
    name="babbitt",
    help="Condition monitoring without a cloud.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Say the version and end.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="File with the settings; default BABBITT_CONFIG.")
    ] = None,
) -> None:
    if config is not None:
        os.environ["BABBITT_CONFIG"] = str(config)
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
