"""What the doctor says of brokers: real ones, with the faults people make."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from babbitt.acquisition.address import BrokerAddress, Tls
from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.acquisition.mosquitto import HOST, Made, make
from babbitt.doctor import broker as doctor
from babbitt.doctor.broker import broker
from babbitt.doctor.finding import Finding

pytestmark = [pytest.mark.part("mosquitto"), pytest.mark.part("openssl")]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WAIT_S", 3.0)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def mosquitto(folder: Path, port: int, config: str) -> Iterator[None]:
    user = "root" if os.getuid() == 0 else "nobody"
    path = folder / "mosquitto.test.conf"
    path.write_text(f"{config}\nuser {user}\n")
    env = os.environ | {"PATH": os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"}
    process = subprocess.Popen(["mosquitto", "-c", str(path)], env=env, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, "mosquitto does not start"
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    made = make(
        tmp_path_factory.mktemp("plant") / "broker", ["hall/pump-7"], ["localhost"], free_port(), True
    )
    with mosquitto(made.config.parent, made.port, made.config.read_text()):
        yield made


def address(made: Made, host: str = "localhost", user: str | None = HOST, **changes: object) -> BrokerAddress:
    folder = made.config.parent
    password = None if user is None else (folder / "logins" / HOST).read_text().strip()
    fields = {"tls": Tls(folder / "ca.pem"), "user": user, "password": password} | changes
    return BrokerAddress(host, made.port, **fields)  # type: ignore[arg-type]


def only(address: BrokerAddress) -> Finding:
    (found,) = broker(address)
    return found


def test_the_generated_configuration_and_the_host_s_own_broker_are_well(plant: Made) -> None:
    assert list(broker(address(plant))) == []
    own = EmbeddedBroker("127.0.0.1", 0)
    own.start()
    try:
        assert list(broker(BrokerAddress("127.0.0.1", own.port))) == []
    finally:
        own.stop()


def test_nobody_is_there() -> None:
    found = only(BrokerAddress("127.0.0.1", free_port()))
    assert found.code == "broker-unreachable"
    assert "refused" in found.what.lower()
    assert only(BrokerAddress("no-such-host.invalid", 1883)).code == "broker-unreachable"


def test_something_else_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                one, _ = server.accept()
                one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                one.close()

        threading.Thread(target=answer, daemon=True).start()
        assert only(BrokerAddress("127.0.0.1", server.getsockname()[1])).code == "broker-refuses"


def test_certificates_that_do_not_fit(plant: Made, tmp_path: Path) -> None:
    other = make(tmp_path / "other", [], ["localhost"], 1, True)
    wrong_ca = only(address(plant, tls=Tls(other.config.parent / "ca.pem")))
    assert (wrong_ca.code, "certificate is not believed" in wrong_ca.what) == ("broker-tls", True)
    wrong_name = only(address(plant, host="127.0.0.1"))
    assert (wrong_name.code, "mismatch" in wrong_name.what) == ("broker-tls", True)
    no_file = only(address(plant, tls=Tls(tmp_path / "no.pem")))
    assert (no_file.code, "no.pem" in no_file.what) == ("broker-tls", True)
    with mosquitto(tmp_path, port := free_port(), f"listener {port} 127.0.0.1\nallow_anonymous true"):
        assert only(BrokerAddress("localhost", port, Tls(tmp_path / "other" / "ca.pem"))).code == "broker-tls"


def test_a_login_that_is_wrong(plant: Made) -> None:
    found = only(address(plant, password="wrong"))
    assert (found.code, "not let this client in" in found.what) == ("broker-refuses", True)
    assert only(address(plant, user=None)).code == "broker-refuses"


def test_rights_that_are_too_few_and_messages_that_are_too_large(plant: Made, tmp_path: Path) -> None:
    node = (plant.config.parent / "logins" / "hall_pump-7").read_text().strip()
    assert only(address(plant, user="hall.pump-7", password=node)).code == "broker-rights"
    config = f"listener {(port := free_port())} 127.0.0.1\nallow_anonymous true\nmax_packet_size 4096"
    with mosquitto(tmp_path, port, config):
        found = only(BrokerAddress("127.0.0.1", port))
    assert (found.code, "8192 bytes" in found.what) == ("broker-rights", True)


def test_a_broker_that_lets_everybody_in(tmp_path: Path) -> None:
    config = f"listener {(port := free_port())} 127.0.0.1\nallow_anonymous true"
    with mosquitto(tmp_path, port, config):
        found = only(BrokerAddress("127.0.0.1", port, None, "anna", "secret"))
    assert (found.code, found.level) == ("broker-open", "warning")
