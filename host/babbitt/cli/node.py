"""``babbitt node ...``: what is done with nodes."""

from __future__ import annotations

import typer

from babbitt_tools.scenario.command import sim

group = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
group.command("sim")(sim)


@group.callback()
def _group() -> None:
    """Nodes: run virtual ones."""
