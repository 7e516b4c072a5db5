"""``babbitt host``: run the host until Ctrl-C."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer

from babbitt.acquisition.address import BrokerAddress
from babbitt.cli.options import CaOption, CertOption, KeyOption, PasswordOption, StoreOption, UserOption
from babbitt.errors import BrokerError
from babbitt.service import Host

LISTEN_S = 10.0


def host(
    store: StoreOption,
    broker: Annotated[
        str | None, typer.Option(help="A broker that runs already; without it the host has its own.")
    ] = None,
    broker_ca: CaOption = None,
    broker_cert: CertOption = None,
    broker_key: KeyOption = None,
    broker_user: UserOption = None,
    broker_password_file: PasswordOption = None,
    listen: Annotated[str, typer.Option(help="Where the host's own broker listens.")] = "127.0.0.1:1883",
    web_host: Annotated[str, typer.Option(help="Where the page listens.")] = "127.0.0.1",
    web_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")
    ] = 8080,
    no_web: Annotated[bool, typer.Option("--no-web", help="No page.")] = False,
    accept_simulated_time: Annotated[
        bool, typer.Option("--accept-simulated-time", help="Take the time of simulated nodes for real.")
    ] = False,
    no_analysis: Annotated[
        bool, typer.Option("--no-analysis", help="Receive and store only, judge nothing.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    """Receive, store and judge until Ctrl-C."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    # The receiver is not to wait long for the ingest or the analysis; and what a message is decoded to is gone at once.
    sys.setswitchinterval(0.0001)
    gc.set_threshold(20_000, 20, 20)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    def broken(what: threading.ExceptHookArgs) -> None:
        """A thread that dies of a defect must not leave half a host behind that looks alive."""
        logging.critical(
            "thread %s ended by a defect", what.thread and what.thread.name, exc_info=what.exc_value
        )
        defects.append(str(what.exc_value))
        stop.set()

    defects: list[str] = []
    threading.excepthook = broken
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    where = None
    if broker is not None:
        where = BrokerAddress.parse(
            broker, broker_ca, broker_cert, broker_key, broker_user, broker_password_file
        )
    elif broker_ca or broker_cert or broker_key or broker_user or broker_password_file:
        raise BrokerError("TLS and login are for a broker given by --broker; the host's own has neither")
    with Host(
        store, where, listen, accept_simulated=accept_simulated_time, analysis=not no_analysis
    ) as running:
        address = f"{running.address[0]}:{running.address[1]}"
        if not running.listening(LISTEN_S):
            print(f"The broker {address} does not answer yet; it is tried again and again.", flush=True)
        print(f"The host stores in {store}; nodes connect to {address}.", flush=True)
        if no_web:
            running.wait(stop)
        else:
            from babbitt.web.server import WebServer

            with WebServer(store, web_host, web_port, address, running.vitals) as page:
                print(f"The page is at {page.url}", flush=True)
                running.wait(stop)
    print("Stopped.", flush=True)
    if defects:
        raise typer.Exit(1)
