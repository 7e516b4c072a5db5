"""`babbitt node sim`: virtual nodes on real MicroPython that live through scenarios, on a host of their own or on one that runs."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from babbitt.acquisition.address import BrokerAddress
from babbitt_tools.errors import BoardError
from babbitt_tools.scenario.cast import cast, morning_before
from babbitt_tools.scenario.file import SCENARIOS, Scenario, load, of_names
from babbitt_tools.scenario.fleet import NODE_BYTES, Fleet, check_memory
from babbitt_tools.scenario.report import final, live, played, print_plain

STEP_S = 0.05
LIVE_S = 0.5
FINISH_S = 120.0  # a node that tries again once a minute may wait for one and a half


def sim(
    count: Annotated[
        int | None,
        typer.Argument(min=1, help="How many nodes; default one a --scenario. Not with --file."),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(SCENARIOS)}, or several by +; given again, nodes take turns."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A scenario in a TOML file, see docs/simulators.md.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed is the same run; default that of the file, or 1.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(help="Connect to the host that runs there, HOST:PORT; without it, one is started."),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1e6, help="Simulated seconds a second, at most; default that of the file, or 600."
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so many seconds.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep boards, and the store if there is one, in this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the end as JSON for programs.")] = False,
) -> None:
    """Run virtual nodes through scenarios: healthy, wearing and unbalanced machines, cold rooms, bad networks, clocks and sensors.

    Exit status 0 only if no record was lost.
    """
    if file is not None and (scenario or count is not None):
        raise typer.BadParameter("a file says itself how many nodes play what", param_hint="--file")
    plan = _plan(count, scenario, file, seed, speed)
    console = Console(stderr=as_json)
    check_memory(len(plan.named))
    roles = cast(plan, morning_before(time.time()))
    address = None if broker is None else BrokerAddress.parse(broker)
    if address is not None and (address.tls is not None or address.user is not None):
        raise typer.BadParameter("virtual nodes have neither TLS nor a login", param_hint="--broker")
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(roles, plan.speed, address, keep))
        _introduce(console, fleet, plan, None if as_json else _page(fleet, stack), broker)
        end = None if seconds is None else time.monotonic() + seconds
        _play(console, fleet, end, silent=as_json)
        fleet.finish(FINISH_S)
        lines = played(fleet)
    if as_json:
        print_plain(lines, plan.seed, plan.speed)
    else:
        final(console, lines)
    if not all(line.whole for line in lines):
        raise typer.Exit(1)


def _plan(
    count: int | None, words: list[str] | None, file: Path | None, seed: int | None, speed: float | None
) -> Scenario:
    if file is None:
        words = words or list(SCENARIOS)
        return of_names(words, count or len(words), 1 if seed is None else seed, speed or 600.0)
    said = load(file)
    return Scenario(said.nodes, said.seed if seed is None else seed, speed or said.speed, said.hours)


def _page(fleet: Fleet, stack: ExitStack) -> str | None:
    """The page of the own host; its address."""
    if fleet.session is None:
        return None
    from babbitt.web.server import WebServer

    page = WebServer(fleet.session.store, port=0)
    page.start()
    stack.callback(page.stop)
    return page.url


def _introduce(console: Console, fleet: Fleet, plan: Scenario, page: str | None, broker: str | None) -> None:
    board = next(iter(fleet.players.values())).board
    what = (
        "MicroPython"
        if board.runtime == "micropython"
        else "CPython (there is no MicroPython for this platform)"
    )
    many = len(fleet.players)
    console.print(
        f"\n  {many} virtual node{'s' if many > 1 else ''} on {what}, about {many * NODE_BYTES / 1e6:.0f} MB; seed {plan.seed},"
        f" at most {plan.speed:g} times as fast as real. Ctrl-C ends it.",
        highlight=False,
    )
    if page is not None:
        console.print(f"  The page: [bold]{page}[/]", highlight=False)
    if broker is not None:
        console.print(
            f"  The host at {broker} believes their time only if it was started with --accept-simulated-time.",
            highlight=False,
        )


def _play(console: Console, fleet: Fleet, end: float | None, silent: bool) -> None:
    """Until the scenario, the time or the person's patience ends."""
    with (
        Live(live(fleet), console=console, auto_refresh=False, transient=True)
        if not silent
        else ExitStack() as view
    ):
        shown = 0.0
        try:
            while (end is None or time.monotonic() < end) and not fleet.over:
                fleet.step()
                if isinstance(view, Live) and time.monotonic() - shown > LIVE_S:
                    shown = time.monotonic()
                    view.update(live(fleet), refresh=True)
                if broken := fleet.errors():
                    name, why = next(iter(broken.items()))
                    raise BoardError(f"the node {name} ended by itself: {why}")
                time.sleep(STEP_S)
        except KeyboardInterrupt:
            console.print("  ended by Ctrl-C")
