"""The node's client over TLS on both runtimes against the real Mosquitto: what it must accept, and above all refuse."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_kit import WAIT_S, Broker, Watcher, free_port

from pki import Pki

pytestmark = [pytest.mark.part("mosquitto"), pytest.mark.part("openssl")]

NAME = "broker.test"
TLS = {"ca": "ca.der", "cert": None, "key": None, "server_name": NAME}
OWN = {**TLS, "cert": "node.der", "key": "node.key.der"}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    pki = Pki(tmp_path_factory.mktemp("pki"))
    pki.leaf("broker", f"DNS:{NAME}")
    pki.leaf("address", "IP:127.0.0.1")
    pki.leaf("expired", f"DNS:{NAME}", days=-1)
    pki.leaf("node")
    pki.leaf("foreign", ca="stranger")
    return pki


@pytest.fixture
def mosquitto(tmp_path: Path, pki: Pki, mosquitto_path: str) -> Iterator[Callable[..., Broker]]:
    """`mosquitto(certificate, *more lines)` starts a broker with TLS; `.plain` is its port for the watcher."""
    started: list[Broker] = []

    def start(certificate: str = "broker", *more: str) -> Broker:
        port, plain = free_port(), free_port()
        lines = [
            "per_listener_settings true", "user root",
            f"listener {plain} 127.0.0.1", "allow_anonymous true",
            f"listener {port} 127.0.0.1", f"certfile {pki.path(certificate + '.pem')}",
            f"keyfile {pki.path(certificate + '.key')}", *(more or ["allow_anonymous true"]), "",
        ]  # fmt: skip
        config = tmp_path / "mosquitto.conf"
        config.write_text("\n".join(lines))
        started.append(Broker([mosquitto_path, "-c", str(config)], port))
        started[-1].plain = plain
        return started[-1]

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def link(node: Any, pki: Pki, tmp_path: Path) -> Callable[..., Any]:
    """`link(port, **job)` starts the node's job `link` with the files of the PKI on its flash."""

    def start(port: int, name: str = "link", *args: object, **job: Any) -> Any:
        for file in pki.folder.glob("*.der"):
            shutil.copy(file, tmp_path)
        (tmp_path / "job.json").write_text(json.dumps(job))
        return node(name, port, *args)

    return start


def works(target: Any, broker: Broker, n: int = 0, present: bool = False) -> None:
    """One round: connected, QoS 0 and 1 arrive, and a message comes down."""
    watcher = Watcher(broker.plain)
    assert target.fact() == ["present", present]
    assert target.fact() == ["sent"]
    watcher.wait(lambda: len(watcher.on("t/up")) == 2)
    assert watcher.on("t/up") == [b"quick %d" % n, b"sure %d" % n]
    watcher.publish("t/down", b"hello")
    assert target.fact() == ["got", "hello"]
    watcher.close()


def refused(target: Any, *words: str, name: str = "tls_error") -> None:
    said = target.fact()
    assert said[:2] == ["failed", name], said
    assert any(word in said[2] for word in words), said
    assert target.fact() == ["end"]


def test_the_right_ca_and_name(mosquitto, link):
    broker = mosquitto()
    target = link(broker.port, tls=TLS)
    works(target, broker)
    assert target.fact() == ["end"]


def test_the_name_is_the_host_where_nothing_else_is_said(mosquitto, link):
    broker = mosquitto("address")
    works(link(broker.port, tls={**TLS, "server_name": None}), broker)


def test_a_broker_of_another_ca_is_refused(mosquitto, link):
    refused(
        link(mosquitto().port, tls={**TLS, "ca": "stranger.der"}), "not correctly signed", "verify failed"
    )


def test_an_expired_certificate_is_refused(mosquitto, link):
    refused(link(mosquitto("expired").port, tls=TLS), "expired")


@pytest.mark.parametrize("name", ["other.test", "sub.broker.test", "127.0.0.1"])
def test_another_host_name_is_refused(mosquitto, link, name):
    refused(
        link(mosquitto().port, tls={**TLS, "server_name": name}),
        "does not match",
        "mismatch",
        "not valid for",
    )


@pytest.mark.parametrize("name", [".", "x" * 80])
def test_a_name_that_no_certificate_holds_is_refused(mosquitto, link, name):
    refused(link(mosquitto().port, tls={**TLS, "server_name": name}), "handshake: ")


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        ({"ca": "none.der"}, "none.der"),
        ({"ca": "ca.pem"}, "no DER file"),
        ({"ca": "node.key.der"}, "node.key.der cannot be used"),
        ({"cert": "node.key.der", "key": "node.key.der"}, "node.key.der with node.key.der"),
        ({"cert": "node.der", "key": "node.der"}, "node.der with node.der"),
    ],
)
def test_files_that_cannot_be_used_are_named(mosquitto, link, pki, tmp_path, tls, says):
    shutil.copy(pki.path("ca.pem"), tmp_path)
    refused(link(mosquitto().port, tls={**TLS, **tls}), says)


def client_certificates(pki: Pki) -> tuple[str, ...]:
    return (f"cafile {pki.path('ca.pem')}", "require_certificate true", "use_identity_as_username true")


def test_a_client_certificate_is_accepted(mosquitto, link, pki):
    broker = mosquitto("broker", *client_certificates(pki))
    target = link(broker.port, tls=OWN)
    works(target, broker)
    assert target.fact() == ["end"]


def test_no_client_certificate_where_one_is_wanted(mosquitto, link, pki):
    refused(link(mosquitto("broker", *client_certificates(pki)).port, tls=TLS), "ertificate", "CERTIFICATE")


def test_a_client_certificate_of_another_ca(mosquitto, link, pki):
    other = {**TLS, "cert": "foreign.der", "key": "foreign.key.der"}
    refused(link(mosquitto("broker", *client_certificates(pki)).port, tls=other), "ertificate", "UNKNOWN_CA")


def test_user_and_password(mosquitto, link, tmp_path):
    passwords = tmp_path / "passwords"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "press-7", "s3cret-word"], check=True)
    broker = mosquitto("broker", "allow_anonymous false", f"password_file {passwords}")
    works(link(broker.port, tls=TLS, user="press-7", password="s3cret-word"), broker)
    for wrong in (
        {"user": "press-7", "password": "another"},
        {"user": "nobody", "password": "s3cret-word"},
        {},
    ):
        target = link(broker.port, tls=TLS, **wrong)
        said = target.fact()
        assert said[:2] == ["failed", "broker_refused"] and "authorised" in said[2], said
        assert "another" not in str(said) and "s3cret" not in str(said)


def test_a_plain_broker_where_tls_is_expected(mosquitto, link):
    broker = mosquitto()
    target = link(broker.plain, tls=TLS, answer_ms=3000)
    said = target.fact()
    assert said[0] == "failed" and said[1] in ("tls_error", "timeout"), said


def test_a_handshake_that_is_never_answered_stops_nothing_else(link):
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        target = link(frozen.getsockname()[1], tls=TLS, answer_ms=2000)
        said = target.fact()
    assert said[:2] == ["failed", "timeout"] and "handshake" in said[2]
    assert said[3] >= 50, f"{said[3]} beats of 10 ms in 2 s"


def test_a_restarted_and_a_killed_broker_are_found_again(mosquitto, link):
    broker = mosquitto()
    target = link(broker.port, tls=TLS, rounds=3, stream=True)
    for n, end in enumerate((broker.kill, broker.stop_softly, None)):
        assert target.fact() == ["present", False]
        assert target.fact() == ["sent"]
        if end is None:
            break
        end()
        said = target.fact()
        assert said[:2] == ["failed", "broker_lost"], said
        assert target.fact() == ["ready"]
        broker.start()
        target.go_on()
        assert n < 2


class Proxy:
    """A TCP proxy on loopback that can stop forwarding without closing anything: a half-open link."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.forwards = threading.Event()
        self.forwards.set()
        self.spoils = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._server.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", self._target))
            self._open += [one, other]
            for a, b in ((one, other), (other, one)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self.forwards.wait()
                if self.spoils.is_set():
                    data = data[:-1] + bytes((data[-1] ^ 1,))
                sink.sendall(data)
        except OSError:
            pass  # one side is gone
        finally:
            sink.close()

    def close(self) -> None:
        self._server.close()
        self.forwards.set()
        for one in self._open:
            one.close()


@pytest.mark.parametrize("tls", [None, TLS], ids=["plain", "tls"])
def test_a_half_open_link_is_found_and_left(mosquitto, link, tls):
    broker = mosquitto()
    proxy = Proxy(broker.port if tls else broker.plain)
    target = link(proxy.port, tls=tls, rounds=2, stream=True, keepalive_s=2, answer_ms=2000)
    assert target.fact() == ["present", False]
    assert target.fact() == ["sent"]
    proxy.forwards.clear()
    said = target.fact()
    assert said[:2] == ["failed", "broker_lost"], said
    assert said[3] >= 20, f"the sampler's beat stood still: {said}"
    assert target.fact() == ["ready"]
    proxy.forwards.set()
    target.go_on()
    assert target.fact() == ["present", True]
    assert target.fact() == ["sent"]
    proxy.close()


def test_bytes_that_were_changed_on_the_way_end_the_connection(mosquitto, link):
    proxy = Proxy(mosquitto().port)
    target = link(proxy.port, tls=TLS, rounds=2, stream=True)
    assert target.fact() == ["present", False]
    assert target.fact() == ["sent"]
    proxy.spoils.set()
    said = target.fact()
    assert said[0] == "failed" and said[1] in ("broker_lost", "tls_error"), said
    assert target.fact() == ["ready"]
    proxy.spoils.clear()
    target.go_on()
    assert target.fact()[0] == "present"
    assert target.fact() == ["sent"]
    proxy.close()


def test_the_session_is_kept(mosquitto, link):
    broker = mosquitto()
    target = link(broker.port, tls=TLS, rounds=2)
    works(target, broker)
    assert target.fact() == ["ready"]
    target.go_on()
    works(target, broker, 1, True)
    assert target.fact() == ["end"]


def test_nothing_secret_is_left_on_the_flash(mosquitto, link, pki, tmp_path):
    broker = mosquitto("broker", *client_certificates(pki))
    before = {p.name for p in pki.folder.glob("*.der")}
    works(link(broker.port, tls=OWN), broker)
    deadline = time.monotonic() + WAIT_S
    while {p.name for p in tmp_path.iterdir()} - before - {"job.json", "mosquitto.conf"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_connections_that_succeed_and_fail_leave_no_memory_behind(mosquitto, link):
    target = link(mosquitto().port, "again", 80, tls=TLS)
    word, heap, resident, seen = target.fact()
    assert word == "growth"
    assert seen == {"connected": 40, "tls_error": 40}
    print("60 connections grew the heap by", heap, "and the process by", resident, "bytes")
    assert heap < 4000
    assert resident < 1_000_000  # a leak of one connection's 25 kB would be 1.5 MB
