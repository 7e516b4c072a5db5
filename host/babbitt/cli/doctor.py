"""``babbitt doctor``: look for what is wrong, and say what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from babbitt.acquisition.address import BrokerAddress
from babbitt.cli.options import (
    BrokerOption,
    CaOption,
    CertOption,
    JsonOption,
    KeyOption,
    PasswordOption,
    UserOption,
    broker_address,
    default_store,
    print_json,
    settings,
)
from babbitt.doctor import place
from babbitt.doctor.broker import broker as try_broker
from babbitt.doctor.finding import FAULT, Finding, finding
from babbitt.doctor.fleet import fleet
from babbitt.errors import BrokerError, SettingsError, StoreError
from babbitt.settings import find
from babbitt.store.reader import StoreReader


def doctor(
    store: Annotated[
        Path | None, typer.Option("--store", help="Folder of the store; default that of the settings.")
    ] = None,
    broker: BrokerOption = None,
    broker_ca: CaOption = None,
    broker_cert: CertOption = None,
    broker_key: KeyOption = None,
    broker_user: UserOption = None,
    broker_password_file: PasswordOption = None,
    json: JsonOption = False,
) -> None:
    """Look at settings, store, disk, broker and nodes; exit 1 if there is a fault."""
    found: list[Finding] = []
    with Console(stderr=True, quiet=json).status("Looking") as shown:
        try:
            said = settings().host
        except SettingsError as error:
            found.append(finding("settings-invalid", str(find()), str(error)))
        else:
            folder = store or default_store()
            shown.update("Looking at the store")
            found += place.store(folder)
            found += place.host(folder, said)
            running = place.runs(folder)
            shown.update("Looking at the broker")
            if broker is None and running and (now := place.last(folder)) is not None and now.own:
                found += try_broker(BrokerAddress.parse(now.broker))
            elif running or broker or said.broker:
                found += _broker(
                    broker, broker_ca, broker_cert, broker_key, broker_user, broker_password_file
                )
            shown.update("Looking at the nodes")
            found += _nodes(folder, running, found)
    if json:
        print_json(found)
    else:
        _print(found)
    if any(one.level == FAULT for one in found):
        raise typer.Exit(1)


def _broker(
    broker: str | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    user: str | None,
    password_file: Path | None,
) -> list[Finding]:
    try:
        return list(try_broker(broker_address(broker, ca, cert, key, user, password_file)))
    except BrokerError as error:
        return [finding("settings-invalid", "the broker", str(error))]


def _nodes(folder: Path, running: bool, before: list[Finding]) -> Iterator[Finding]:
    if any(
        one.code in ("store-missing", "store-version", "store-damaged", "store-unreadable") for one in before
    ):
        return
    reader = StoreReader(folder)
    try:
        yield from fleet(reader, int(time.time() * 1000), running)
    except StoreError as error:
        yield finding("store-damaged", str(folder), str(error))
    finally:
        reader.close()


def _print(found: list[Finding]) -> None:
    if not found:
        print("Nothing is wrong that can be seen from here.")
    for one in sorted(found, key=lambda one: one.level != FAULT):
        print(f"{one.level.upper()} {one.code}, {one.where}: {one.what}")
        print(f"  What to do: {one.do}")
