"""``babbitt init``: the first run: settings for this PC, and a service if wanted."""

from __future__ import annotations

import getpass
import socket
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from babbitt.acquisition.address import split_address
from babbitt.cli import services
from babbitt.cli.options import JsonOption, print_json
from babbitt.errors import SettingsError
from babbitt.settings import TEMPLATE, find, load


class Service(StrEnum):
    """Who starts the host."""

    NONE = "none"
    SYSTEMD = "systemd"
    WINDOWS = "windows"


def init(
    store: Annotated[
        Path | None, typer.Option("--store", help="Folder of the store; default the user's data folder.")
    ] = None,
    listen: Annotated[str, typer.Option(help="Where nodes find the host's own broker.")] = "0.0.0.0:1883",
    web_host: Annotated[str, typer.Option(help="Where the page listens.")] = "127.0.0.1",
    web_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page.")] = 8080,
    service: Annotated[
        Service, typer.Option(help="Also write what has the system start the host: systemd, windows.")
    ] = Service.NONE,
    force: Annotated[bool, typer.Option("--force", help="Replace settings that are there.")] = False,
    json: JsonOption = False,
) -> None:
    """Write settings for this PC, make the store's folder, and say what to do next."""
    _, port = split_address(listen)
    path = find().absolute()
    folder = (store or Path(platformdirs.user_data_dir("babbitt")) / "store").absolute()
    text = TEMPLATE.format(
        store=f"store = {_toml(folder)}", listen=listen, web_host=web_host, web_port=web_port
    )
    if path.exists() and not force:
        raise SettingsError(f"{path} is there already: edit it, or replace it with --force")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        made = _service(service, path, folder)
    except OSError as error:
        raise SettingsError(f"{error.filename or path} cannot be written: {error.strerror}") from error
    load(path)
    taken = [
        said
        for said in (_taken("the broker", *split_address(listen)), _taken("the page", web_host, web_port))
        if said
    ]
    addresses = _addresses() if listen.startswith(("0.0.0.0", "[::]")) else [split_address(listen)[0]]
    if json:
        print_json(
            {
                "settings": str(path), "store": str(folder), "service": str(made) if made else None,
                "addresses": addresses, "port": port, "troubles": taken,
            }
        )  # fmt: skip
        return
    print(f"The settings are in {path}; the store will be in {folder}.")
    print(
        f"Nodes find this PC as {' or '.join(addresses)}, port {port}: that is broker.host in their node.json."
    )
    if not split_address(listen)[0].startswith("127."):
        print(
            "The host's own broker has no login: `babbitt broker config` makes one that has, for Mosquitto."
        )
    for said in taken:
        print(f"Beware: {said}")
    print(_next(service, made))


def _service(service: Service, settings: Path, store: Path) -> Path | None:
    if service == Service.SYSTEMD:
        made = settings.with_name("babbitt.service")
        made.write_text(services.systemd(services.program(), settings, store, getpass.getuser()), "utf-8")
        return made
    if service == Service.WINDOWS:
        made = settings.with_name("babbitt-task.xml")
        made.write_text(services.windows(services.program(), settings), "utf-16")
        return made
    return None


def _next(service: Service, made: Path | None) -> str:
    if service == Service.SYSTEMD:
        return f"Next: sudo cp {made} /etc/systemd/system/ && sudo systemctl enable --now babbitt"
    if service == Service.WINDOWS:
        return f'Next, as administrator: schtasks /Create /TN Babbitt /XML "{made}", then schtasks /Run /TN Babbitt'
    return "Next: babbitt host, and `babbitt doctor` if anything is not as it should be."


def _toml(path: Path) -> str:
    said = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{said}"'


def _taken(who: str, host: str, port: int) -> str:
    """What is wrong with an address, or nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((host, port))
    except OSError as error:
        return f"{who} cannot listen on {host}:{port} now ({error.strerror}): choose another, or end what listens there"
    return ""


def _addresses() -> list[str]:
    """The addresses of this PC that others in its network know; nothing is sent to find them."""
    found: list[str] = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 9))
        found.append(one.getsockname()[0])
    with suppress(OSError):
        found += [str(one[4][0]) for one in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return [one for one in dict.fromkeys(found) if not one.startswith("127.")] or ["127.0.0.1"]
