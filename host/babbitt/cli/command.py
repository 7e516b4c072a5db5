"""``babbitt command``: have a node do something once, and say what came of it."""

from __future__ import annotations

import queue
import secrets
import sys
import threading
import time
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import paho.mqtt.client as mqtt
import typer

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.client import connect, make_client
from babbitt.cli.options import (
    BrokerOption,
    CaOption,
    CertOption,
    JsonOption,
    KeyOption,
    PasswordOption,
    UserOption,
    broker_address,
    print_json,
)
from babbitt.errors import BrokerError, CommandRefused, NodeSilent, ProtocolError
from babbitt.protocol.messages import (
    Ack,
    Birth,
    Command,
    Message,
    State,
    Will,
    decode_at,
    encode,
    parse_topic,
)

NUMBERS = {"recipe": "recipe", "identify": "seconds"}
"""Commands that take one number, and the field it goes to."""
LISTS = ("relearn", "release")
PLAIN = ("reboot", "report")
HELLO_S = 10.0
ATTEMPTS = 4
"""So often a number is tried that another sender has taken meanwhile."""


def command(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="The node.")],
    do: Annotated[
        str,
        typer.Argument(help="capture, relearn, release, recipe, identify, reboot or report."),
    ],
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="relearn, release: ids of checks (default all); recipe: its number; identify: seconds."
        ),
    ] = None,
    sensor: Annotated[str | None, typer.Option(help="capture: which accelerometer.")] = None,
    axes: Annotated[str | None, typer.Option(help="capture: which axes, as xz.")] = None,
    samples: Annotated[int | None, typer.Option(help="capture: samples of each axis.")] = None,
    broker: BrokerOption = None,
    broker_ca: CaOption = None,
    broker_cert: CertOption = None,
    broker_key: KeyOption = None,
    broker_user: UserOption = None,
    broker_password_file: PasswordOption = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the node, and its answer.")] = 60.0,
    json: JsonOption = False,
) -> None:
    """Send a command to a node that is online, wait for its answer, and say what happened."""
    parse_topic(f"babbitt/1/{site}/{node}/cmd")
    address = broker_address(broker, broker_ca, broker_cert, broker_key, broker_user, broker_password_file)
    wanted = build(do, what or [], {"sensor": sensor, "axes": axes, "samples": samples})
    outcome = Exchange(address, site, node).run(wanted, wait)
    ack = outcome.ack
    if json:
        print_json(
            {
                "cmd": do,
                "id": ack.id,
                "state": ack.state,
                "error": ack.error,
                "reason": ack.reason,
                "wave": ack.wave,
                "checks": ack.checks,
                "boot": outcome.boot,
                "reset": outcome.reset,
            }
        )
    elif ack.state == "done":
        print(f"{site}/{node}: {_said(do, outcome)}")
    if ack.state != "done":
        verb = "refused" if ack.state == "refused" else "could not do"
        raise CommandRefused(f"{site}/{node} {verb} {do}: {ack.error}: {ack.reason}")


def build(do: str, what: list[str], capture: dict[str, Any]) -> Command:
    """The command as the words on the command line ask for it, checked. Raises CommandRefused."""
    fields: dict[str, Any] = {key: value for key, value in capture.items() if value is not None}
    if fields and do != "capture":
        raise CommandRefused(f"--{next(iter(fields))} is for capture, not for {do}")
    if do in NUMBERS:
        if len(what) != 1 or not what[0].isdecimal():
            raise CommandRefused(f"{do} takes one number, got {' '.join(what) or 'none'}")
        fields[NUMBERS[do]] = int(what[0])
    elif do in LISTS:
        fields |= {"checks": what} if what else {}
    elif what:
        raise CommandRefused(f"{do} takes no more words, got {' '.join(what)}")
    elif do not in PLAIN and do != "capture":
        known = ", ".join(sorted([*NUMBERS, *LISTS, *PLAIN, "capture"]))
        raise CommandRefused(f"there is no command {do[:40]}; there are {known}")
    raw = {"i": "0" * 8, "boot": 1, "n": 1, "id": "x", "cmd": do} | fields
    try:
        return msgspec.convert(raw, Command)
    except msgspec.ValidationError as error:
        raise CommandRefused(f"{do}: {_plain(do, str(error))}") from None


_RANGES = {
    "axes": "one of x, y, z, xy, xz, yz, xyz",
    "samples": "64 to 16384",
    "seconds": "1 to 600",
    "recipe": "0 to 255",
}


def _plain(do: str, error: str) -> str:
    """What msgspec found wrong, as what the command takes."""
    field = error.rpartition("`$.")[2].rstrip("`")
    if field not in _RANGES:
        return error
    return f"{'' if do == field else field + ': '}expected {_RANGES[field]}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command; after a reboot, the new boot and why the node started."""

    ack: Ack
    boot: int
    reset: str | None = None


def _said(do: str, outcome: Outcome) -> str:
    if do == "capture":
        return f"waveform {outcome.ack.wave} is taken; the host fetches it (babbitt waves)"
    if do == "reboot":
        return f"restarted, boot {outcome.boot} ({(outcome.reset or '').replace('_', ' ')})"
    if outcome.ack.checks is not None:
        return f"{do} is done: {', '.join(outcome.ack.checks) or 'there was nothing to do'}"
    return f"{do} is done"


class Exchange:
    """One command and its answers, over a connection of its own."""

    def __init__(self, address: BrokerAddress, site: str, node: str) -> None:
        self._address = address
        self._name = f"{site}/{node}"
        self._root = f"babbitt/1/{site}/{node}/"
        self._heard: queue.Queue[Message] = queue.Queue()
        self._there = threading.Event()
        self._born: Birth | None = None

    def run(self, wanted: Command, wait: float) -> Outcome:
        """Send a command and wait for its end. Raises BrokerError, NodeSilent."""
        client = make_client(self._address, "", clean=True)
        client.on_connect = lambda c, *_: c.subscribe(
            [(self._root + kind, 1) for kind in ("state", "birth", "ack")]
        )
        client.on_subscribe = lambda *_: self._there.set()
        client.on_message = self._take
        connect(client, self._address)
        try:
            return self._exchange(client, wanted, wait)
        finally:
            client.disconnect()
            client.loop_stop()

    def _take(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            self._heard.put(decode_at(parse_topic(message.topic), bytes(message.payload)))
        except ProtocolError:
            return  # the host names it among the refused ones

    def _exchange(self, client: mqtt.Client, wanted: Command, wait: float) -> Outcome:
        if not self._there.wait(HELLO_S):
            host, port = self._address.host, self._address.port
            raise BrokerError(f"the broker at {host}:{port} does not answer; is the host running?")
        end = time.monotonic() + wait
        install, boot, n = self._state(end)
        for attempt in range(ATTEMPTS):
            one = _copy(wanted, install, boot, n + 1)
            client.publish(self._root + "cmd", encode(one), qos=1)
            ack = self._answer(one.id, end)
            if ack.error != "replayed" or attempt == ATTEMPTS - 1:
                break
            install, boot, n = (
                ack.i,
                ack.boot,
                ack.n,
            )  # another sender was faster, or the state was an old one
        if wanted.cmd == "reboot" and ack.state == "done":
            birth = self._birth(boot, end)
            return Outcome(ack, birth.boot, birth.reset)
        return Outcome(ack, ack.boot)

    def _state(self, end: float) -> tuple[str, int, int]:
        """Installation, boot and last number of the node: from what the broker keeps, or once it is online."""
        until = time.monotonic() + HELLO_S
        silent = f"the broker knows no state of {self._name}: is that its name?"
        while True:
            heard = self._next(until, silent)
            if isinstance(heard, Will) or (isinstance(heard, State) and not heard.online):
                if until != end:
                    print(f"{self._name} is offline, waiting for it", file=sys.stderr)
                until, silent = end, f"{self._name} is offline: a command is only for a node that is there"
            elif isinstance(heard, State):
                if heard.cmd is None:
                    raise NodeSilent(f"the firmware of {self._name} takes no commands")
                return heard.i, heard.boot, heard.cmd

    def _answer(self, name: str, end: float) -> Ack:
        while True:
            heard = self._next(
                end, f"{self._name} did not answer in time; it may still do it when it is back"
            )
            if isinstance(heard, Ack) and heard.id == name and heard.state != "taken":
                return heard

    def _birth(self, before: int, end: float) -> Birth:
        # It may have overtaken the ack: a broker keeps the order of one topic only.
        while self._born is None or self._born.boot <= before:
            self._next(end, f"{self._name} restarts, and was not back in time")
        return self._born

    def _next(self, end: float, silent: str) -> Message:
        try:
            heard = self._heard.get(timeout=max(0.01, end - time.monotonic()))
        except queue.Empty:
            raise NodeSilent(silent) from None
        if isinstance(heard, Birth):
            self._born = heard
        return heard


def _copy(wanted: Command, install: str, boot: int, n: int) -> Command:
    return msgspec.structs.replace(wanted, i=install, boot=boot, n=n, id=f"c-{secrets.token_hex(4)}")
