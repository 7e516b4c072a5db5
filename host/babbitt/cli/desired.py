"""``babbitt desired``: give a node a configuration and wait for its answer."""

from __future__ import annotations

import hashlib
import json as json_
import queue
import threading
import time
from pathlib import Path
from typing import Annotated, Any

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
    StoreOption,
    UserOption,
    broker_address,
    print_json,
)
from babbitt.errors import BrokerError, ConfigRefused, ProtocolError, StoreMissing
from babbitt.protocol.limits import BIG_PAYLOAD
from babbitt.protocol.messages import Desired, Reported, decode_kind, encode, parse_topic
from babbitt.store.reader import StoreReader

READ_MAX = 16 * BIG_PAYLOAD
"""Bytes of a file that are looked at: white space apart, a configuration fits into one message."""


def desired(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="The node.")],
    config: Annotated[
        Path, typer.Argument(help="The configuration: a JSON file, see docs/configuration.md.")
    ],
    store: StoreOption,
    broker: BrokerOption = None,
    broker_ca: CaOption = None,
    broker_cert: CertOption = None,
    broker_key: KeyOption = None,
    broker_user: UserOption = None,
    broker_password_file: PasswordOption = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of this configuration; default one more.")
    ] = None,
    network: Annotated[
        bool,
        typer.Option("--network", help="The file holds `wifi`, `broker` or `ntp` for node.json instead."),
    ] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the node's answer.")] = 60.0,
    json: JsonOption = False,
) -> None:
    """Check a configuration as the node does, publish it, and wait until the node has confirmed, refused or rolled
    it back."""
    parse_topic(f"babbitt/1/{site}/{node}/desired")
    address = broker_address(broker, broker_ca, broker_cert, broker_key, broker_user, broker_password_file)
    document = read_network(config) if network else read_config(config)
    number = version or _last_version(store, site, node) + 1
    payload = encode(Desired(number, network=document) if network else Desired(number, document))
    decode_kind("desired", payload)
    said = exchange(address, site, node, payload, wait)
    if json:
        print_json(
            {
                "version": said.version,
                "hash": said.hash,
                "state": said.state,
                "path": said.path,
                "reason": said.reason,
            }
        )
    elif said.state == "applied":
        print(f"{site}/{node} runs configuration {said.version}.")
    who, what = f"{site}/{node}", f"configuration {said.version}"
    if said.state == "rejected":
        raise ConfigRefused(f"{who} refused {what}: {said.path}: {said.reason}")
    if said.state == "rolled_back":
        raise ConfigRefused(f"{who} tried {what} and went back to the one before: {said.reason}")
    if said.state == "trial":
        raise ConfigRefused(
            f"{who} still tries {what} after {wait:g} s; it keeps it once it has reached the host with it, or goes"
            " back to the one before"
        )


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration and check it with the node's own code. Raises ConfigRefused."""
    from babbitt_node.config import ConfigError, validate

    document = _read_object(path)
    try:
        validate(document)
    except ConfigError as error:
        raise ConfigRefused(f"{path}: {error}") from error
    return document


def read_network(path: Path) -> dict[str, Any]:
    """Read the parts of node.json that lead to the broker and check them with the node's own code; what stands in
    the file is never quoted, for there is a password in it. Raises ConfigRefused."""
    from babbitt_node.config import ConfigError, merged

    document = _read_object(path)
    try:
        merged({"site": "a", "node": "a", "broker": {"host": "a"}, "ntp": {"host": "a"}}, document, False)
    except ConfigError as error:
        raise ConfigRefused(f"{path}: {error}") from None
    return document


def _read_object(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(READ_MAX + 1)
        if len(raw) > READ_MAX:
            raise ConfigRefused(f"{path} is larger than {READ_MAX} bytes: that is no configuration")
        document = json_.loads(raw.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigRefused(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigRefused(f"{path} holds no JSON object")
    return document


def exchange(address: BrokerAddress, site: str, node: str, payload: bytes, wait: float) -> Reported:
    """Publish ``desired`` retained and wait for the ``reported`` that answers it for good; ``trial`` is the answer only
    if no other comes in time. Raises BrokerError when the broker or the node does not answer in ``wait`` seconds."""
    digest = hashlib.sha256(payload).hexdigest()[:16]
    root = f"babbitt/1/{site}/{node}/"
    answers: queue.Queue[Reported] = queue.Queue()
    sent = threading.Event()
    client = make_client(address, "", clean=True)

    def on_connect(c: mqtt.Client, *_: object) -> None:
        c.subscribe(root + "reported", 1)

    def on_subscribe(c: mqtt.Client, *_: object) -> None:
        c.publish(root + "desired", payload, qos=1, retain=True)

    def on_publish(*_: object) -> None:
        sent.set()

    def on_message(_c: mqtt.Client, _d: object, message: mqtt.MQTTMessage) -> None:
        try:
            said = decode_kind("reported", bytes(message.payload))
        except ProtocolError:
            return  # the host names it among the refused ones
        if isinstance(said, Reported) and said.hash == digest:
            answers.put(said)

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_publish = on_publish
    client.on_message = on_message
    connect(client, address)
    try:
        if not sent.wait(10.0):
            raise BrokerError(f"the broker at {address} does not answer; is the host running?")
        end = time.monotonic() + wait
        last: Reported | None = None
        while last is None or last.state == "trial":
            try:
                last = answers.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                if last is None:
                    raise
                break
        return last
    except queue.Empty:
        raise BrokerError(
            f"{site}/{node} did not answer in {wait:g} s; the configuration waits for it at the broker"
        ) from None
    finally:
        client.disconnect()
        client.loop_stop()


def _last_version(store: Path, site: str, node: str) -> int:
    """The number of the configuration the node runs or refused last; 0 if nothing is known."""
    try:
        views = StoreReader(store).nodes()
    except StoreMissing:
        return 0
    reader = StoreReader(store)
    for view in views:
        if (view.site, view.node) == (site, node):
            said = reader.reported(site, node)
            running = int(view.birth["config"]["version"]) if view.birth else 0
            return max(running, said.version if said else 0)
    return 0
