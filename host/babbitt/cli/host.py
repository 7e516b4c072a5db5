"""``babbitt host``: run the host until Ctrl-C."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
from enum import StrEnum
from types import FrameType
from typing import Annotated

import typer

from babbitt.cli.logs import configure
from babbitt.cli.notify import Notifier
from babbitt.cli.options import (
    CaOption,
    CertOption,
    KeyOption,
    PasswordOption,
    StoreOption,
    UserOption,
    given_broker,
    machines,
    settings,
)
from babbitt.service import Host

LISTEN_S = 10.0


class LogFormat(StrEnum):
    """How the log is written."""

    PLAIN = "plain"
    JSON = "json"


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
    listen: Annotated[
        str | None, typer.Option(help="Where the host's own broker listens; default 127.0.0.1:1883.")
    ] = None,
    web_host: Annotated[str | None, typer.Option(help="Where the page listens; default 127.0.0.1.")] = None,
    web_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one; default 8080.")
    ] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="No page.")] = False,
    accept_simulated_time: Annotated[
        bool, typer.Option("--accept-simulated-time", help="Take the time of simulated nodes for real.")
    ] = False,
    no_analysis: Annotated[
        bool, typer.Option("--no-analysis", help="Receive and store only, judge nothing.")
    ] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="plain lines, or json: an object a line; default plain.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    """Receive, store and judge until Ctrl-C."""
    chosen = settings()
    said = chosen.host
    configure("info" if verbose else said.log_level, log_format or said.log_format)
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
    where = given_broker(broker, broker_ca, broker_cert, broker_key, broker_user, broker_password_file)
    systemd = Notifier()
    with Host(
        store,
        where,
        said.listen if listen is None else listen,
        accept_simulated=accept_simulated_time or said.accept_simulated_time,
        analysis=said.analysis and not no_analysis,
        retention=chosen.retention,
        apart=True,
        rooms=chosen.rooms,
        costs=chosen.costs_by_machine(),
        machines=machines(),
    ) as running:
        address = f"{running.address[0]}:{running.address[1]}"
        if not running.listening(LISTEN_S):
            print(f"The broker {address} does not answer yet; it is tried again and again.", flush=True)
        print(f"The host stores in {store}; nodes connect to {address}.", flush=True)
        if no_web or not said.web:
            systemd.tell("READY=1")
            running.wait(stop, systemd.alive)
        else:
            from babbitt.web.server import WebServer

            page_host = said.web_host if web_host is None else web_host
            port = said.web_port if web_port is None else web_port
            with WebServer(store, page_host, port, address, running.vitals) as page:
                print(f"The page is at {page.url}", flush=True)
                systemd.tell("READY=1")
                running.wait(stop, systemd.alive)
        systemd.tell("STOPPING=1")
    print("Stopped.", flush=True)
    if defects:
        raise typer.Exit(1)
