"""The generated configuration in a real Mosquitto: who may do what, nothing is dropped, secrets stay."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodesim import until

from babbitt.acquisition.address import BrokerAddress, Tls
from babbitt.acquisition.client import connect, make_client
from babbitt.acquisition.mosquitto import HOST, Made, make
from babbitt.acquisition.receiver import Receiver
from babbitt.errors import BrokerError

pytestmark = [pytest.mark.part("mosquitto"), pytest.mark.part("openssl")]
NODES = ["hall/pump-7", "hall/pump-8"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(
        tmp_path_factory.mktemp("plant") / "broker", NODES, ["localhost", "127.0.0.1"], free_port(), True
    )


@pytest.fixture(scope="module")
def running(made: Made) -> Iterator[Made]:
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    # Mosquitto gives up root's rights for those of a user that cannot read a test's folder.
    config = made.config.with_name("test.conf")
    config.write_text(made.config.read_text() + f"\nuser {'root' if os.getuid() == 0 else 'nobody'}\n")
    process = subprocess.Popen(["mosquitto", "-c", str(config)], env=os.environ | {"PATH": path})
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", made.port), 1).close()
            break
        except OSError:
            assert time.monotonic() < end, "mosquitto does not start"
            time.sleep(0.02)
    yield made
    process.terminate()
    process.wait(10)


def address(made: Made, login: str, password: str | None = None) -> BrokerAddress:
    file = made.config.parent / "logins" / login.replace("/", "_")
    secret = password or file.read_text().strip()
    return BrokerAddress(
        "localhost", made.port, Tls(made.config.parent / "ca.pem"), login.replace("/", "."), secret
    )


class Client:
    """A client with a login, and what it hears."""

    def __init__(self, made: Made, login: str, *topics: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._ready: list[int] = []
        self.client = make_client(address(made, login), f"test-{login}-{time.monotonic_ns()}", clean=True)
        self.client.on_message = lambda _c, _d, m: self.heard.append((m.topic, m.payload))
        self.client.on_subscribe = lambda *_: self._ready.append(1)
        self.client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in topics or ("nothing",)])
        connect(self.client, address(made, login))
        until(lambda: self._ready)

    def say(self, topic: str, payload: bytes, qos: int = 1) -> None:
        said = self.client.publish(topic, payload, qos)
        said.wait_for_publish(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_a_node_writes_its_own_topics_and_reads_what_is_for_it_and_no_more(running: Made) -> None:
    host = Client(running, HOST, "babbitt/+/+/+/data", "babbitt/+/+/+/birth")
    seven = Client(running, "hall/pump-7", "babbitt/#")
    for topic in ("pump-8/data", "$host", "pump-8/cmd"):
        forger = Client(running, "hall/pump-7")
        with contextlib.suppress(
            RuntimeError
        ):  # Mosquitto ends the connection of who writes what it must not
            forger.say(f"babbitt/1/hall/{topic}", b"forged", 0)
        forger.close()
    seven.say("babbitt/1/hall/pump-7/data", b"mine")
    until(lambda: host.heard)
    assert host.heard == [("babbitt/1/hall/pump-7/data", b"mine")]
    for node in ("pump-7", "pump-8"):
        host.say(f"babbitt/1/hall/{node}/commit", node.encode())
    host.say("babbitt/1/hall/$host", b"here")
    until(lambda: len(seven.heard) == 2)
    time.sleep(0.2)
    assert seven.heard == [("babbitt/1/hall/pump-7/commit", b"pump-7"), ("babbitt/1/hall/$host", b"here")]
    seven.close()
    host.close()


def test_the_receiver_of_the_host_is_let_in_and_loses_nothing_while_it_is_away(running: Made) -> None:
    one = Receiver(address(running, HOST), "the-host")
    one.start()
    until(lambda: one.listening)
    one.stop()
    node = Client(running, "hall/pump-7")
    count = 5000
    for n in range(count):
        last = node.client.publish("babbitt/1/hall/pump-7/data", b"%d" % n, 1)
    last.wait_for_publish(30)
    again = Receiver(address(running, HOST), "the-host")
    again.start()
    got: list[bytes] = []
    end = time.monotonic() + 30
    while len(got) < count and time.monotonic() < end:
        if (batch := again.take(0.5)) is not None:
            got += [payload for _, payload, _ in batch.messages]
            again.ack(batch)
    assert got == [b"%d" % n for n in range(count)]
    again.stop()
    node.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("password", "not authorised|wrong user or password"),
        ("authority", "not to be trusted"),
        ("name", "not to be trusted"),
    ],
)
def test_who_is_not_let_in_says_why(running: Made, tmp_path: Path, wrong: str, said: str) -> None:
    where = address(running, HOST, "guessed" if wrong == "password" else None)
    if wrong == "authority":
        other = make(tmp_path / "other", NODES, ["localhost"], 1, True)
        where = BrokerAddress(
            where.host, where.port, Tls(other.config.parent / "ca.pem"), where.user, where.password
        )
    elif wrong == "name":
        where = BrokerAddress("127.0.0.2", where.port, where.tls, where.user, where.password)
    one = Receiver(where, "stranger")
    one.start()
    until(lambda: one.connections or "yet" not in one.trouble)
    one.stop()
    assert re.search(said, one.trouble), one.trouble
    assert not one.listening
    assert str(where.password) not in one.trouble


def test_made_again_it_keeps_secrets_and_adds_nodes(made: Made) -> None:
    folder = made.config.parent
    before = {path.name: path.read_text() for path in (folder / "logins").iterdir()}
    authority = (folder / "ca.pem").read_text()
    again = make(folder, ["yard/fan-1"], ["localhost", "127.0.0.1"], made.port, True)
    assert again.new == ("yard/fan-1",)
    after = {path.name: path.read_text() for path in (folder / "logins").iterdir()}
    assert {name: after[name] for name in before} == before
    assert (folder / "ca.pem").read_text() == authority
    assert len((folder / "passwords").read_text().splitlines()) == 4
    for path in (
        *(folder / "logins").iterdir(),
        folder / "passwords",
        folder / "ca.key",
        folder / "server.key",
    ):
        assert path.stat().st_mode & 0o077 == 0, path
    clear = [secret.strip() for secret in after.values()]
    assert not [
        s
        for s in clear
        for name in ("passwords", "rights", "mosquitto.conf")
        if s in (folder / name).read_text()
    ]


def test_names_that_are_none_are_said(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="no site/node"):
        make(tmp_path, ["hall/pump#7"], ["localhost"], 1, False)
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match="cannot be written"):
        make(tmp_path / "file", ["hall/a"], ["localhost"], 1, False)
