"""Clients of the library paho-mqtt, for all that is not the hot path: presence, commands, configurations."""

from __future__ import annotations

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from babbitt.acquisition.address import BrokerAddress
from babbitt.errors import BrokerError

KEEPALIVE_S = 30
RECONNECT_S = (1, 10)


def make_client(address: BrokerAddress, client_id: str, *, clean: bool) -> mqtt.Client:
    """A paho client as all of the host's are: MQTT 3.1.1, reconnecting by itself with growing pauses. Raises
    BrokerError if files for TLS are wrong."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean)
    client.reconnect_delay_set(*RECONNECT_S)
    if address.tls is not None:
        client.tls_set_context(address.tls.context())
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    return client


def connect(client: mqtt.Client, address: BrokerAddress) -> None:
    """Connect a client in the background. Raises BrokerError if the address makes no sense."""
    try:
        client.connect_async(address.host, address.port, KEEPALIVE_S)
    except ValueError as error:
        raise BrokerError(f"{address} is no address of a broker: {error}") from error
    if client.loop_start() != MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise BrokerError("the network thread does not start")
