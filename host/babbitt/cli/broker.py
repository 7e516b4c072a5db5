"""``babbitt broker config``: a configuration of Mosquitto for production."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babbitt.acquisition.mosquitto import HOST, make
from babbitt.cli.options import JsonOption, StoreOption, print_json
from babbitt.errors import BrokerError, StoreMissing
from babbitt.store.reader import StoreReader


def broker(
    what: Annotated[str, typer.Argument(help="config: write a configuration of Mosquitto.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write it into; kept secrets stay.")],
    store: StoreOption,
    nodes: Annotated[
        str | None, typer.Option(help="site/node, several with commas; default those of the store.")
    ] = None,
    names: Annotated[
        str, typer.Option(help="Names and addresses that nodes know the broker by, with commas.")
    ] = "127.0.0.1,localhost",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where Mosquitto listens.")] = 8883,
    tls: Annotated[
        bool, typer.Option("--tls/--no-tls", help="With TLS, by an authority of one's own.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Write a configuration of Mosquitto with logins, rights, TLS and queues that do not lose."""
    if what != "config":
        raise typer.BadParameter(f"{what!r}: there is `config`")
    listed = [one.strip() for one in (nodes or "").split(",") if one.strip()] or _known(store)
    made = make(folder, listed, [one.strip() for one in names.split(",") if one.strip()], port, tls)
    if json:
        print_json({"config": str(made.config), "port": made.port, "new": list(made.new)})
        return
    scheme = "mqtts" if tls else "mqtt"
    files = f" --broker-ca {made.config.parent}/ca.pem" if tls else ""
    print(f"New logins: {', '.join(made.new) or 'none'}; their passwords are in {made.config.parent}/logins.")
    print(f"Start it:   mosquitto -c {made.config}")
    print(
        f"The host:   babbitt host --broker {scheme}://{names.split(',')[0].strip()}:{port} --broker-user {HOST}"
        f" --broker-password-file {made.config.parent}/logins/{HOST}{files}"
    )


def _known(store: Path) -> list[str]:
    try:
        reader = StoreReader(store)
    except StoreMissing as error:
        raise BrokerError(
            "for which nodes? name them by --nodes site/node, or give a --store that knows some"
        ) from error
    found = [f"{view.site}/{view.node}" for view in reader.nodes()]
    reader.close()
    return found
