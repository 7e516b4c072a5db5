"""A node that proves who it is, by certificate, user and password, to a Mosquitto that does the same; the host is beside it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from plant import SITE, Mosquitto, Tap, free_port, motor, until, well

from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.flash import virtual_board
from pki import Pki

pytestmark = [pytest.mark.part("mosquitto"), pytest.mark.part("openssl")]

NAME = "motor-1"
PASSWORD = "flywheel-9-ochre"


class Guarded(Mosquitto):
    """A second listener on `sealed_port`, open to those whose certificate our CA signed and who know the password."""

    def __init__(self, folder: Path, program: str, pki: Pki) -> None:
        super().__init__(folder, program)
        self.sealed_port = free_port()
        passwords = folder / "passwords"
        passwords.touch()
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), NAME, PASSWORD], check=True)
        settings = Path(self._line[-1])
        settings.write_text(
            f"per_listener_settings true\nuser root\npersistence false\n"
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"listener {self.sealed_port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            f"cafile {pki.path('ca.pem')}\ncertfile {pki.path('broker.pem')}\nkeyfile {pki.path('broker.key')}\n"
            f"require_certificate true\n"
        )


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    folder = tmp_path / "pki"
    folder.mkdir()
    pki = Pki(folder)
    pki.leaf("broker", "DNS:broker.hall")
    pki.leaf("node")
    return pki


def guarded(tmp_path: Path, program: str, pki: Pki, ending: ExitStack) -> Guarded:
    """A running broker."""
    broker = Guarded(tmp_path, program, pki)
    ending.callback(broker.kill)
    broker.start()
    return broker


def provision(flash: Path, pki: Pki, broker: Guarded) -> dict[str, Any]:
    """Put the files onto the flash; gives node.json."""
    flash.mkdir(parents=True)
    for name in ("ca.der", "node.der", "node.key.der"):
        shutil.copy(pki.path(name), flash)
    tls = {"ca": "ca.der", "cert": "node.der", "key": "node.key.der", "server_name": "broker.hall"}
    trust = {"host": "127.0.0.1", "port": broker.sealed_port, "user": NAME, "password": PASSWORD, "tls": tls}
    wifi = {"ssid": "hall", "password": "virtual"}
    clock = {"host": "127.0.0.1", "port": 9}  # required, and asked by no node whose clock is simulated
    return {"site": SITE, "node": NAME, "wifi": wifi, "broker": trust, "ntp": clock}


@pytest.mark.parametrize(
    ("runtime", "interval_s", "records"),
    [
        pytest.param("micropython", 10, 30, marks=pytest.mark.part("micropython")),
        ("cpython", 1, 4),  # there the virtual board keeps real time as long as a TLS connection lasts
    ],
)
def test_from_a_virtual_board_over_tls_to_the_store(
    tmp_path: Path,
    pki: Pki,
    make_host: Any,
    make_plant: Any,
    mosquitto_path: str,
    ending: ExitStack,
    runtime: str,
    interval_s: int,
    records: int,
) -> None:
    broker = guarded(tmp_path, mosquitto_path, pki, ending)
    host = make_host("--no-web", "--broker", f"127.0.0.1:{broker.port}")
    plant = make_plant(broker.sealed_port)
    who = provision(plant.flash(NAME), pki, broker)
    config = motor("Motor 1", interval_s)
    board = VirtualBoard(NAME, plant.flash(NAME), well(), node=who, config=config, speed=600, runtime=runtime)
    plant.boards[NAME] = board
    board.start()
    plant.grown(NAME, records, 60)
    broker.kill()
    plant.wait(lambda: "broker_lost" in board.log_tail(50), 30)
    broker.start()
    plant.grown(NAME, records, 60)
    plant.close()
    (row,) = plant.ledger()
    assert (row["site"], row["node"], row["missing"]) == (SITE, NAME, 0)
    assert row["received"] == row["next"] >= 2 * records
    said = board.log_tail(10_000) + host.log_tail(10_000)
    assert "Traceback" not in said
    assert PASSWORD not in said
    host.stop()


class TimeServer:
    """An NTP server on loopback that says what time it is."""

    def __init__(self) -> None:
        self.asked = 0
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.port = int(self._sock.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                question, address = self._sock.recvfrom(100)
            except OSError:
                return  # closed
            self.asked += 1
            now = (time.time_ns() * (1 << 32) // 1_000_000_000 + (2_208_988_800 << 32)).to_bytes(9, "big")[
                -8:
            ]
            head = bytes((0x24, 2, 6, 0xEC)) + bytes(8) + b"\x7f\x00\x00\x01"
            self._sock.sendto(head + now + question[40:48] + now + now, address)

    def close(self) -> None:
        """End it."""
        self._sock.close()


@pytest.mark.parametrize(
    "runtime", [pytest.param("micropython", marks=pytest.mark.part("micropython")), "cpython"]
)
def test_a_node_without_a_clock_asks_for_the_time_before_it_trusts_a_certificate(
    tmp_path: Path, pki: Pki, mosquitto_path: str, ending: ExitStack, runtime: str
) -> None:
    broker = guarded(tmp_path, mosquitto_path, pki, ending)
    server = TimeServer()
    ending.callback(server.close)
    tap = Tap(broker.port, f"babbitt/1/{SITE}/{NAME}/state")
    ending.callback(tap.close)
    who = provision(tmp_path / "flash", pki, broker) | {"ntp": {"host": "127.0.0.1", "port": server.port}}
    board_json = virtual_board()
    board_json["babbitt"]["clock"] = "none"
    config = motor("Motor 1", 1)
    board = VirtualBoard(
        NAME, tmp_path / "flash", well(), node=who, config=config, board=board_json, runtime=runtime
    )
    ending.callback(board.stop)
    board.start()
    _, payload = until(tap.first, 40, lambda: board.log_tail(50))
    state = json.loads(payload)
    assert state["q"] == 3
    assert abs(state["t"] - time.time() * 1000) < 60_000
    assert server.asked == 2
    assert "no_time: TLS waits for the date" in board.log_tail(50)


def test_the_five_commands_of_the_page(
    tmp_path: Path, make_host: Any, make_plant: Any, mosquitto_path: str, ending: ExitStack
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    said = page.split("## A broker with TLS and Mosquitto")[1].split("\n## ")[0]
    (commands,) = re.findall(r"```sh\n(.*?)```", said, re.DOTALL)
    settings, access = re.findall(r"```conf\n(.*?)```", said, re.DOTALL)
    who = json.loads(re.findall(r"```json\n(.*?)```", said, re.DOTALL)[0])
    assert len(commands.splitlines()) == 5
    made = tmp_path / "made"
    made.mkdir()
    subprocess.run(["bash", "-euc", commands], cwd=made, check=True, capture_output=True)
    (made / "nodes.acl").write_text(access)
    broker = Mosquitto(tmp_path, mosquitto_path)
    sealed = free_port()
    settings = settings.replace("listener 8883", f"listener {sealed} 127.0.0.1")
    settings = settings.replace("listener 1883", f"listener {broker.port}")
    settings = re.sub(r"(\w+\.(?:pem|key|acl))", rf"{made}/\1", settings)
    Path(broker._line[-1]).write_text(
        settings + f"user root\nlog_dest file {tmp_path / 'broker.log'}\nlog_type all\n"
    )
    ending.callback(broker.kill)
    broker.start()
    make_host("--no-web", "--broker", f"127.0.0.1:{broker.port}")
    plant = make_plant(sealed)
    for name, its_name in ((who["node"], who["node"]), ("impostor", who["node"])):
        flash = plant.flash(name)
        flash.mkdir(parents=True)
        for file in ("ca.der", f"{its_name}.der", f"{its_name}.key.der"):
            shutil.copy(made / file, flash)
        node = who | {"node": name, "broker": who["broker"] | {"host": "127.0.0.1", "port": sealed}}
        world, config = well(), motor(name)
        board = VirtualBoard(name, flash, world, node=node, config=config, speed=100)
        plant.boards[name] = board
        board.start()
    tap = Tap(broker.port, "babbitt/1/hall/#")
    ending.callback(tap.close)
    heard: list[str] = []

    def topics() -> list[str]:
        heard.extend(topic for topic, _ in tap.rest())
        return heard

    until(lambda: f"babbitt/1/hall/{who['node']}/data" in topics(), 40, plant.told)
    # With the certificate of another it may come in, and not speak under its own name.
    denied = "Denied PUBLISH from hall.impostor"
    plant.wait(lambda: (tmp_path / "broker.log").read_text().count(denied) >= 3, 40)
    assert [topic for topic in topics() if "impostor" in topic] == []


def test_a_broker_that_freezes_in_the_handshake_stops_no_measurement(
    tmp_path: Path, pki: Pki, make_plant: Any, ending: ExitStack
) -> None:
    frozen = ending.enter_context(socket.create_server(("127.0.0.1", 0)))
    plant = make_plant(frozen.getsockname()[1])
    flash = plant.flash(NAME)
    flash.mkdir(parents=True)
    shutil.copy(pki.path("ca.der"), flash)
    trust = {"host": "127.0.0.1", "port": plant.port, "tls": {"ca": "ca.der"}}
    board = plant.add(NAME, well(), motor("Motor 1", 1), 100, broker=trust, ntp={"host": "127.0.0.1"})
    plant.wait(
        lambda: plant.newest(NAME) >= (1, 9), 40
    )  # ten records, while nothing but the handshake goes on
    assert board.log_tail(50).splitlines()[1:] == []
    plant.wait(lambda: "timeout: no TLS handshake within" in board.log_tail(50), 60)
    assert plant.newest(NAME) >= (1, 15)
