"""Options and output that the commands share."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import platformdirs
import typer
from rich.console import Console
from rich.table import Table


def default_store() -> Path:
    """BABBITT_STORE, or the user's data folder."""
    return Path(os.environ.get("BABBITT_STORE") or Path(platformdirs.user_data_dir("babbitt")) / "store")


StoreOption = Annotated[
    Path,
    typer.Option(
        "--store", help="Folder of the store.", default_factory=default_store, show_default="BABBITT_STORE"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many, newest first.")]


def plain(value: Any) -> Any:
    """A view as plain JSON types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def print_json(value: Any) -> None:
    """Print views as JSON."""
    print(json.dumps(plain(value), indent=1))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print a table as wide as the screen, or what to say if there is nothing."""
    if not rows:
        print(empty)
        return
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table, markup=False)


def when(t: int | None) -> str:
    """A time in ms as local date and time, or a dash."""
    return "-" if t is None else datetime.fromtimestamp(t / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
