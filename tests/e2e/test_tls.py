"""A node that proves who it is, by certificate, user and password, to a Mosquitto that does the same; the host is beside it."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from plant import SITE, Mosquitto, free_port, motor, well

from babbitt_tools.vboard.board import VirtualBoard
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
    broker = Guarded(tmp_path, mosquitto_path, pki)
    ending.callback(broker.kill)
    broker.start()
    host = make_host("--no-web", "--broker", f"127.0.0.1:{broker.port}")
    plant = make_plant(broker.sealed_port)
    flash = plant.flash(NAME)
    flash.mkdir(parents=True)
    for name in ("ca.der", "node.der", "node.key.der"):
        shutil.copy(pki.path(name), flash)
    tls = {"ca": "ca.der", "cert": "node.der", "key": "node.key.der", "server_name": "broker.hall"}
    trust = {"host": "127.0.0.1", "port": broker.sealed_port, "user": NAME, "password": PASSWORD, "tls": tls}
    who = {"site": SITE, "node": NAME, "wifi": {"ssid": "hall", "password": "virtual"}, "broker": trust}
    config = motor("Motor 1", interval_s)
    board = VirtualBoard(NAME, flash, well(), node=who, config=config, speed=600, runtime=runtime)
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
