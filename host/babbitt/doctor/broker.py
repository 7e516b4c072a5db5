"""The broker, by connecting to it as the host does: network, TLS, login, rights, a message there and back."""

from __future__ import annotations

import queue
import secrets
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.client import connect, make_client
from babbitt.doctor.finding import Finding, finding
from babbitt.errors import BrokerError
from babbitt.protocol.limits import BIG_PAYLOAD

WAIT_S = 5.0
_UP = ("birth", "state", "data", "event", "reported", "ack", "wave/+")


def broker(address: BrokerAddress) -> Iterator[Finding]:
    """What keeps the host from working with a broker; takes some seconds at most."""
    where = str(address)
    try:
        _reach(address)
    except BrokerError as error:
        yield finding("broker-tls", where, str(error))
        return
    except ssl.SSLError as error:
        yield finding("broker-tls", where, _reason(error))
        return
    except OSError as error:
        yield finding("broker-unreachable", where, error.strerror or str(error))
        return
    refused = _try(address)
    if refused is not None:
        yield finding(*refused[:1], where, refused[1])
        return
    if (
        address.user is not None
        and _try(BrokerAddress(address.host, address.port, address.tls), hello_only=True) is None
    ):
        yield finding("broker-open", where, "it lets in a client without a login")


def _reach(address: BrokerAddress) -> None:
    with socket.create_connection((address.host, address.port), WAIT_S) as plain:
        if address.tls is not None:
            context = address.tls.context()
            try:
                context.wrap_socket(plain, server_hostname=address.host).close()
            except ssl.SSLError:
                raise
            except OSError as error:
                raise BrokerError(
                    f"it ends the connection when TLS begins, as one without TLS does: {error}"
                ) from error


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    return f"no TLS connection: {error.reason or error}"


def _try(address: BrokerAddress, *, hello_only: bool = False) -> tuple[str, str] | None:
    """What goes wrong with a session, as code and words; None if nothing does."""
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()
    client = make_client(address, f"babbitt-doctor-{secrets.token_hex(4)}", clean=True)
    client.on_connect = lambda _c, _d, _f, code, _p: heard.put(("connect", code))
    client.on_disconnect = lambda _c, _d, _f, code, _p: heard.put(("gone", code))
    client.on_subscribe = lambda _c, _d, _m, codes, _p: heard.put(("subscribed", codes))
    client.on_message = lambda _c, _d, message: heard.put(("message", message.payload))
    connect(client, address)
    try:
        code = _next(heard, "connect")
        if code is None:
            return "broker-refuses", "it takes the connection and does not answer as an MQTT 3.1.1 broker"
        if code.is_failure:
            return "broker-refuses", f"it does not let this client in: {code}"
        return None if hello_only else _session(client, heard)
    finally:
        client.disconnect()
        client.loop_stop()


def _session(client: mqtt.Client, heard: queue.Queue[tuple[str, Any]]) -> tuple[str, str] | None:
    topic = f"babbitt/1/doctor/{secrets.token_hex(4)}/cmd"
    client.subscribe([(topic, 1), *((f"babbitt/+/+/+/{kind}", 1) for kind in _UP)])
    codes = _next(heard, "subscribed")
    if codes is None or any(code.is_failure for code in codes):
        return "broker-rights", "it does not let this client hear the nodes"
    if any(code.value < 1 for code in codes):
        return "broker-rights", "it gives messages with QoS 0 only: they would be lost"
    payload = secrets.token_bytes(BIG_PAYLOAD)
    client.publish(topic, payload, qos=1)
    if _next(heard, "message", payload) is None:
        return "broker-rights", f"a message of {BIG_PAYLOAD} bytes to a node did not get through"
    return None


def _next(heard: queue.Queue[tuple[str, Any]], kind: str, wanted: Any = None) -> Any:
    """The next thing of a kind (and, if named, what is wanted of it); None if it does not come, or the broker hangs up."""
    while True:
        try:
            what, said = heard.get(timeout=WAIT_S)
        except queue.Empty:
            return None
        if what == kind and wanted in (None, said):
            return said
        if what == "gone":
            return None
