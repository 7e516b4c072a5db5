"""Options and output that the commands share."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs
import typer
from rich.console import Console
from rich.table import Table

from babbitt.acquisition.address import BrokerAddress, split_address
from babbitt.errors import BrokerError
from babbitt.settings import MachinePart, Settings, load


@functools.cache
def settings() -> Settings:
    """The settings this command works with. Raises SettingsError."""
    return load()


def machines() -> dict[str, MachinePart]:
    """What the settings say of machines, each checked. Raises SettingsError."""
    found = settings().machines
    if found:
        from babbitt.health.facts import check  # only now: it takes a while to load

        check(found)
    return found


def default_store() -> Path:
    """BABBITT_STORE, else the store of the settings, else the user's data folder."""
    said = os.environ.get("BABBITT_STORE") or settings().host.store
    return Path(said or Path(platformdirs.user_data_dir("babbitt")) / "store")


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


BrokerOption = Annotated[
    str | None, typer.Option("--broker", help="Address of the broker; default that of the settings.")
]
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


def given_broker(
    broker: str | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    user: str | None,
    password_file: Path | None,
) -> BrokerAddress | None:
    """A broker that runs already, by the options or, if they name none, by the settings; None: the host has its own.
    Raises BrokerError."""
    if broker is None and (said := settings().host).broker:
        broker = said.broker
        ca, cert, key, password_file = (
            one or (Path(other) if other else None)
            for one, other in (
                (ca, said.broker_ca), (cert, said.broker_cert), (key, said.broker_key),
                (password_file, said.broker_password_file),
            )
        )  # fmt: skip
        user = user or said.broker_user or None
    if broker is None:
        if ca or cert or key or user or password_file:
            raise BrokerError("TLS and login are for a broker given by --broker; the host's own has neither")
        return None
    return BrokerAddress.parse(broker, ca, cert, key, user, password_file)


def broker_address(
    broker: str | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    user: str | None,
    password_file: Path | None,
) -> BrokerAddress:
    """The broker to talk to: the one given, else the host's own. Raises BrokerError."""
    found = given_broker(broker, ca, cert, key, user, password_file)
    if found is not None:
        return found
    host, port = split_address(settings().host.listen)
    return BrokerAddress({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)


def plain(value: Any) -> Any:
    """A view as plain JSON types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
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
