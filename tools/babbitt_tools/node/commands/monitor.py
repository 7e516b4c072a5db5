"""`babbitt node monitor`."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from babbitt.acquisition.address import BrokerAddress
from babbitt.settings import load
from babbitt_tools.errors import BoardError, PortError
from babbitt_tools.node import ports as there
from babbitt_tools.node.commands.options import JsonOption, NodeOption, PortOption, SiteOption, console
from babbitt_tools.node.link import Link
from babbitt_tools.node.telemetry import Telemetry

LINES = 12


def monitor(
    port: PortOption = None,
    site: SiteOption = None,
    node: NodeOption = None,
    broker: Annotated[
        str | None,
        typer.Option("--broker", help="Where telemetry comes from, HOST:PORT; default that of the settings."),
    ] = None,
    broker_ca: Annotated[
        Path | None, typer.Option("--broker-ca", help="TLS: the authority of the broker (PEM).")
    ] = None,
    broker_user: Annotated[str | None, typer.Option("--broker-user", help="Login at the broker.")] = None,
    broker_password_file: Annotated[
        Path | None, typer.Option("--broker-password-file", help="A file with its password.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0, help="End by itself after so long.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the console of a node that is plugged in and, from the broker, what it measures as small charts. The node is not disturbed.

    With one of the two: a port without a broker, or a broker without a port. With --json a line for each thing that happens.
    """
    said = broker or load().host.broker
    address = (
        BrokerAddress.parse(said, broker_ca, user=broker_user, password_file=broker_password_file)
        if said
        else None
    )
    try:
        device = there.one(port)
    except PortError:
        if address is None:
            raise
        device = None
    telemetry = None if address is None else Telemetry(address, site, node)
    screen = _Screen(telemetry, as_json, console(False))
    if device is not None:
        threading.Thread(target=_listen, args=(device, screen), daemon=True).start()
    try:
        screen.run(seconds)
    finally:
        if telemetry is not None:
            telemetry.close()
    if screen.failed is not None and telemetry is None:
        raise BoardError(screen.failed)


def _listen(device: str, screen: _Screen) -> None:
    """The console, until the port is gone."""
    try:
        with Link(device) as link:
            for line in link.lines():
                screen.line(line)
    except BoardError as error:
        screen.failed = str(error)
        screen.line(str(error))


class _Screen:
    """What is shown: charts above, the newest lines below; or JSON lines."""

    def __init__(self, telemetry: Telemetry | None, as_json: bool, out: Console) -> None:
        self.failed: str | None = None
        self._telemetry, self._json, self._out = telemetry, as_json, out
        self._lines: deque[str] = deque(maxlen=LINES)
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """A line of the console, or a sentence about the telemetry."""
        if self._json:
            self._print({"line": text})
        with self._lock:
            self._lines.append(text)
        if not self._json and not self._out.is_terminal:
            self._out.print(text, markup=False, soft_wrap=True)

    def row(self, values: dict[str, Any]) -> None:
        """A record."""
        if self._json:
            self._print({"record": values})
        elif not self._out.is_terminal:
            told = ", ".join(f"{k} {v:.4g}" for k, v in values.items() if isinstance(v, float))
            self._out.print(f"record: {told}", markup=False, soft_wrap=True)

    def run(self, seconds: float | None) -> None:
        """Until the time is over, Ctrl-C, or there is nothing left to listen to."""
        end = None if seconds is None else time.monotonic() + seconds
        live = (
            Live(console=self._out, auto_refresh=False) if self._out.is_terminal and not self._json else None
        )
        with live or _Nothing():
            while (end is None or time.monotonic() < end) and (
                self.failed is None or self._telemetry is not None
            ):
                if self._telemetry is None:
                    time.sleep(0.1)
                else:
                    self._telemetry.take(0.2, self.row, self.line)
                if live is not None:
                    live.update(self._drawn(), refresh=True)

    def _print(self, what: dict[str, Any]) -> None:
        with self._lock:
            print(json.dumps(what), flush=True)

    def _drawn(self) -> Group:
        table = Table(box=None, show_header=False)
        if self._telemetry is not None:
            for series in self._telemetry.series.values():
                last = next((v for v in reversed(series.values) if v is not None), None)
                table.add_row(
                    series.id,
                    "-" if last is None else f"{last:.4g} {series.unit}",
                    Text(series.line(), style="cyan"),
                )
        with self._lock:
            return Group(table, Text("\n".join(self._lines)))


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
