"""Telling the nodes of each site that the host is there, and what time it is.

A will belongs to a connection, and each site has a topic of its own: so each site has a small connection.
When the host dies, all of its nodes hear of it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.client import connect, make_client
from babbitt.protocol.messages import HostState, encode

log = logging.getLogger(__name__)

EVERY_S = 10.0
GREET_S = 1.0
SITES_MAX = 64

_GONE = encode(HostState(online=False))


class Presence:
    """Publishes ``$host`` for every site it is told of: at once, then every 10 s, and when a node was born.

    A node that has just connected gets the retained copy at best, whose time is not to be trusted (and
    iotcore sends none to a session it resumes); so it is greeted by a live one, at most once a second for a
    site.

    ``session`` is new with every start of the host, and whenever the broker has forgotten what it was to keep for the
    host: nodes then send again what is not covered. Nothing is said while the host does not listen (``listening``):
    what nodes sent then would reach nobody.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        clock: Callable[[], float] = time.time,
        listening: Callable[[], bool] = lambda: True,
    ) -> None:
        self.session = secrets.token_hex(4)
        self._address = address
        self._client_id = client_id
        self._clock = clock
        self._listening = listening
        self._now = threading.Event()
        self._clients: dict[str, mqtt.Client] = {}
        self._births: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="babbitt-presence", daemon=True)

    def start(self, sites: list[str]) -> None:
        """Begin with the sites known from before."""
        for site in sites:
            self.add(site)
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye on every site and disconnect."""
        self._stop.set()
        self._now.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            for site, client in self._clients.items():
                said = client.publish(_topic(site), _GONE, qos=1, retain=True)
                if said.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    said.wait_for_publish(2.0)
                client.disconnect()
                client.loop_stop()
            self._clients.clear()

    def seen(self, site: str, born: bool) -> None:
        """A node of a site was heard; `born` if it has just connected."""
        if site not in self._clients:
            self.add(site)
        elif born:
            self._births.add(site)

    def add(self, site: str) -> None:
        """Serve a site from now on; one that is served already is left alone."""
        with self._lock:
            if self._stop.is_set() or site in self._clients:
                return
            if len(self._clients) >= SITES_MAX:
                log.error("site %s is one more than the %d that can be served", site, SITES_MAX)
                return
            client = make_client(self._address, f"{self._client_id}-{site}", clean=True)
            client.will_set(_topic(site), _GONE, qos=1, retain=True)
            client.on_connect = lambda c, *_: self._say(site, c)
            self._clients[site] = client
            connect(client, self._address)

    def again(self, forgotten: bool) -> None:
        """The host listens (again); ``forgotten``: what came since it last did may have reached nobody."""
        if forgotten:
            self.session = secrets.token_hex(4)
        self._now.set()

    def _say(self, site: str, client: mqtt.Client) -> None:
        if not self._listening():
            return
        state = HostState(online=True, t=int(self._clock() * 1000), session=self.session)
        client.publish(_topic(site), encode(state), qos=1, retain=True)

    def _run(self) -> None:
        due = time.monotonic() + EVERY_S
        while not self._stop.is_set():
            asked = self._now.wait(GREET_S)
            self._now.clear()
            if self._stop.is_set():
                return
            everyone = asked or time.monotonic() >= due
            if everyone:
                due = time.monotonic() + EVERY_S
            with self._lock:
                for site, client in self._clients.items():
                    if not everyone and site not in self._births:
                        continue
                    self._births.discard(site)
                    # Not while the broker is away: paho would keep the message and send a time long past.
                    if client.is_connected():
                        self._say(site, client)


def _topic(site: str) -> str:
    return f"babbitt/1/{site}/$host"
