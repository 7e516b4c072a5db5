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
LimitOption = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="At most so many, newest first.")
]


BrokerOption = Annotated[str, typer.Option("--broker", help="Address of the broker.")]
CaOption = Annotated[
    Path | None,
    typer.Option("--broker-ca", help="TLS: the authority that signed the broker's certificate (PEM)."),
]
CertOption = Annotated[
    Path | None, typer.Option("--broker-cert", help="TLS: a certificate of one's own (PEM).")
]
KeyOption = Annotated[
    Path | None, typer.Option("--broker-key", help="TLS: the key of that certificate (PEM).")
]
UserOption = Annotated[str | None, typer.Option("--broker-user", help="Login at the broker.")]
PasswordOption = Annotated[
    Path | None, typer.Option("--broker-password-file", help="A file with the password of that login.")
]


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
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in columns:  # the last column has the long text: it alone is broken into lines
        table.add_column(name, overflow="fold", no_wrap=name != columns[-1])
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table, markup=False)


def when(t: int | None) -> str:
    """A time in ms as local date and time, or a dash. The year is told when it is not this one."""
    if t is None:
        return "-"
    at = datetime.fromtimestamp(t / 1000).astimezone()
    return at.strftime("%m-%d %H:%M" if at.year == datetime.now().astimezone().year else "%Y-%m-%d %H:%M")
