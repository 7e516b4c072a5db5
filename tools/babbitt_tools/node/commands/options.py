"""Options and output that the commands for boards share."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from babbitt_tools.node.settings import Answers

PortOption = Annotated[
    str | None,
    typer.Option("--port", help="Serial port, or a URL of pyserial; default: the only one there is."),
]
BoardOption = Annotated[
    str, typer.Option("--board", help="Which board: a folder of boards/, or one of your own.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SiteOption = Annotated[str | None, typer.Option("--site", help="Site of the node: a-z, 0-9, -.")]
NodeOption = Annotated[str | None, typer.Option("--node", help="Name of the node: a-z, 0-9, -.")]
BrokerOption = Annotated[
    str | None, typer.Option("--broker", help="Where the node finds its broker: HOST or HOST:PORT.")
]
WifiOption = Annotated[
    str | None, typer.Option("--wifi", help="Name of the Wi-Fi; its password is asked for.")
]
WifiFileOption = Annotated[
    Path | None, typer.Option("--wifi-password-file", help="A file with the password of the Wi-Fi.")
]
UserOption = Annotated[str | None, typer.Option("--user", help="Login of the node at the broker.")]
PasswordFileOption = Annotated[
    Path | None, typer.Option("--password-file", help="A file with the password of that login.")
]
CaOption = Annotated[
    Path | None, typer.Option("--ca", help="TLS: the authority that signed the broker's certificate.")
]
CertOption = Annotated[Path | None, typer.Option("--cert", help="TLS: the node's own certificate.")]
KeyOption = Annotated[Path | None, typer.Option("--key", help="TLS: the key of that certificate.")]
ServerNameOption = Annotated[
    str | None,
    typer.Option("--server-name", help="TLS: the name in the broker's certificate, if not its address."),
]
NtpOption = Annotated[str | None, typer.Option("--ntp", help="A time server; needed with TLS.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="What the node measures and judges (config.json).")
]
WIDE = 200  # columns where nobody looks: a file, another program


def answers(**given: Any) -> Answers:
    """What was given on the command line about a node."""
    return Answers(**{key: value for key, value in given.items() if key in Answers.__dataclass_fields__})


def print_json(what: Any) -> None:
    """One JSON document."""
    print(json.dumps(what, indent=2, default=str))


def console(as_json: bool) -> Console:
    """Where words for people go: beside the JSON, not into it."""
    into_a_file = not (sys.stderr if as_json else sys.stdout).isatty() and "COLUMNS" not in os.environ
    return Console(stderr=as_json, highlight=False, width=WIDE if into_a_file else None)


def kilobytes(count: int) -> str:
    """A size for people."""
    return f"{count / 1024:,.0f} kB" if count < 10 << 20 else f"{count / (1 << 20):,.1f} MB"
