"""The other commands for boards, as a person types them, with the real mpremote on a board that is a program."""

from __future__ import annotations

import json
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchboard import CONFIG, MAIN, BenchBoard, babbitt, job
from boards import until

from babbitt.service import Host
from babbitt_tools.node import flash
from babbitt_tools.node.link import Link

pytestmark = pytest.mark.part("micropython")
SECRET = "a secret"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module", autouse=True)
def remembered(place: Path) -> Iterator[None]:
    os.environ["BABBITT_BOARDS"] = str(place / "boards.json")
    yield
    del os.environ["BABBITT_BOARDS"]


@pytest.fixture(scope="module")
def host(place: Path) -> Iterator[Host]:
    with Host(place / "store", broker_listen="127.0.0.1:0", accept_simulated=True) as made:
        yield made


@pytest.fixture(scope="module")
def board(place: Path, host: Host, remembered: None) -> Iterator[BenchBoard]:
    """A board that has been made a node."""
    made = BenchBoard(place)
    assert flash.flash(job(made.port, broker=host.address[1])).ok
    yield made
    made.unplug()


def test_ports_say_what_and_who_is_there(board: BenchBoard) -> None:
    done = babbitt("node", "ports", "--look", "--json", BABBITT_PORTS=board.port)
    (port,) = json.loads(done.stdout)
    assert port["device"] == board.port
    assert port["name"] == "plant/n1"
    assert port["found"]["board"] == "virtual"
    assert port["found"]["flash_bytes"] == 4 << 20
    assert port["found"]["firmware"]
    assert "plant/n1" in babbitt("node", "ports", "--look", BABBITT_PORTS=board.port, COLUMNS="200").stdout


def test_without_a_board_it_says_what_to_do() -> None:
    done = babbitt("node", "deploy", BABBITT_PORTS="")
    assert done.returncode == 1
    assert "no board is plugged in. Take a cable that carries data" in done.stderr
    done = babbitt("node", "deploy", BABBITT_PORTS="socket://127.0.0.1:1 socket://127.0.0.1:2")
    assert "name one with --port" in done.stderr


def test_the_doctor_finds_a_healthy_node_healthy(board: BenchBoard) -> None:
    done = babbitt("node", "doctor", "--port", board.port, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, found
    assert found["worst"] == "ok"
    by_what = {f["what"].split(" ")[0] + " " + f["what"].split(" ")[-1]: f for f in found["findings"]}
    vib = next(f for f in found["findings"] if f["what"].startswith("sensor vib"))
    channels = vib["facts"]["channels"]
    assert 0.001 < channels["vib.x.rms"]["value"] < 0.02
    assert channels["vib.x.rms"]["noise"] > 0
    assert vib["facts"]["asked_hz"] == 3200
    assert by_what


def test_the_doctor_names_what_is_wrong(board: BenchBoard) -> None:
    with Link(board.port) as link:
        link.stop()
        config = json.loads(link.read("config.json"))
        node = link.read("node.json")
        config["sensors"].append(
            {"id": "wet", "driver": "sht3x", "bus": "i2c0"}
        )  # a thermometer of another make is there
        link.write("config.json", json.dumps(config).encode())
        broken = json.loads(node)
        broken["broker"]["port"] = 1
        link.write("node.json", json.dumps(broken).encode())
        link.restart()
        link.started()
    done = babbitt("node", "doctor", "--port", board.port)
    assert done.returncode == 1
    words = " ".join(done.stdout.split())
    assert "bad sensor wet (sht3x on i2c0)" in words
    assert "wire by wire" in words
    assert "bad broker 127.0.0.1:1: network_down" in words
    assert "Is the host running" in words
    assert SECRET not in done.stdout
    with Link(board.port) as link:
        link.stop()
        link.write("config.json", json.dumps(CONFIG).encode())
        link.write("node.json", node)
        link.restart()
        link.started()


def test_provisioning_over_the_wire_changes_what_is_given_and_shows_no_secret(
    board: BenchBoard, place: Path
) -> None:
    (place / "secret.txt").write_text("another secret\n")
    done = babbitt(
        "node",
        "provision",
        "--port",
        board.port,
        "--wifi",
        "office",
        "--wifi-password-file",
        str(place / "secret.txt"),
        "--json",
    )
    facts = json.loads(done.stdout)
    assert facts["settings"]["wifi"] == {"ssid": "office", "password": "***"}
    assert facts["settings"]["node"] == "n1"
    assert "another secret" not in done.stdout + done.stderr
    with Link(board.port) as link:
        link.stop()
        assert json.loads(link.read("node.json"))["wifi"] == {"ssid": "office", "password": "another secret"}
        link.restart()
    refused = babbitt("node", "provision", "--port", board.port, "--node", "Not A Name")
    assert refused.returncode == 1
    assert "node.json: node:" in refused.stderr
    with Link(board.port) as link:
        link.stop()
        assert json.loads(link.read("node.json"))["node"] == "n1"
        link.restart()


def test_pull_saves_what_the_node_has_and_no_secret(board: BenchBoard, place: Path) -> None:
    with Link(board.port) as link:
        link.stop()
        link.write(
            "crash.txt", b"MemoryError: told by a test\n"
        )  # a node that starts tells it, and it is gone
    done = babbitt("node", "pull", "--port", board.port, "--to", str(place / "pulled"), "--json")
    facts = json.loads(done.stdout)
    assert facts["crash"] == "MemoryError: told by a test\n"
    saved = {
        p.relative_to(place / "pulled").as_posix(): p.read_bytes()
        for p in (place / "pulled").rglob("*")
        if p.is_file()
    }
    assert {"boot.json", "config.json", "node.json", "crash.txt"} <= set(saved)
    assert any(name.startswith("spool/") for name in saved)
    assert not any(name.startswith(("babbitt_node", "shim")) for name in saved)
    assert not any(b"secret" in data for data in saved.values())


def test_identify_blinks(board: BenchBoard) -> None:
    done = babbitt("node", "identify", "--port", board.port, "--seconds", "1")
    assert done.returncode == 0
    assert "plant/n1" in done.stdout
    assert "blinks" in done.stdout


def test_monitor_shows_console_and_telemetry(board: BenchBoard, host: Host) -> None:
    watching = subprocess.Popen(
        [
            *MAIN, "node", "monitor", "--port", board.port, "--broker", f"127.0.0.1:{host.address[1]}", "--site", "plant", "--node", "n1",
            "--json",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert watching.stdout is not None
        records = []
        end = time.monotonic() + 30
        for line in watching.stdout:
            what = json.loads(line)
            if "record" in what:
                records.append(what["record"])
            if len(records) == 2 or time.monotonic() > end:
                break
    finally:
        watching.terminate()
        watching.wait(10)
    assert [round(r["temp.mean"], 1) for r in records] == [21.5, 21.5]
    assert {"t", "vib.x.rms", "vib.rate"} <= set(records[0])


def test_monitor_hears_the_console(board: BenchBoard) -> None:
    watching = subprocess.Popen(
        [*MAIN, "node", "monitor", "--port", board.port, "--seconds", "6"], stdout=subprocess.PIPE, text=True
    )
    time.sleep(1.5)
    board.process.send_signal(0)
    said, _ = watching.communicate(timeout=20)
    assert watching.returncode == 0, said


MPREMOTE = [
    (["exec", "print(6 * 7)"], "42"),
    (["eval", "6 * 7"], "42"),
    (["fs", "ls"], "main.py"),
    (["fs", "cat", "boot.json"], '"boot"'),
    (["fs", "sha256sum", "boot.py"], None),
    (["fs", "mkdir", ":made"], ""),
    (["fs", "cp", str(Path(__file__)), ":made/copy.py"], "cp"),
    (["fs", "tree"], "copy.py"),
    (["fs", "rm", ":made/copy.py"], "rm"),
    (["fs", "rmdir", ":made"], "rmdir"),
    (["df"], "/"),
    (["soft-reset"], ""),
    (["rtc"], "("),
    (["reset"], ""),
]


def test_the_real_mpremote_works_on_the_board(board: BenchBoard) -> None:
    for words, said in MPREMOTE:
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", board.port, *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        if said is not None:
            assert said in done.stdout, (words, done.stdout)


@pytest.fixture
def device(board: BenchBoard) -> Iterator[str]:
    """The board as a device of the operating system: a pseudo-terminal."""
    near, line = pty.openpty()
    tty.setraw(line)
    host, port = board.port.removeprefix("socket://").split(":")
    over = threading.Event()
    with socket.create_connection((host, int(port))) as wire:

        def pump() -> None:
            while not over.is_set():
                for ready in select.select([near, wire], [], [], 0.1)[0]:
                    if ready is wire:
                        os.write(near, wire.recv(4096))
                    else:
                        wire.sendall(os.read(near, 4096))

        pumping = threading.Thread(target=pump)
        pumping.start()
        yield os.ttyname(line)
        over.set()
        pumping.join()
    os.close(near)
    os.close(line)


@pytest.mark.parametrize("over_network", [False, True])
def test_repl_is_a_prompt(over_network: bool, board: BenchBoard, request: pytest.FixtureRequest) -> None:
    port = board.port if over_network else request.getfixturevalue("device")
    near, far = pty.openpty()
    prompt = subprocess.Popen(
        [*MAIN, "node", "repl", "--port", port], stdin=far, stdout=far, stderr=far, close_fds=True
    )
    try:
        heard = b""

        def hears(text: bytes) -> bool:
            nonlocal heard
            if select.select([near], [], [], 0.05)[0]:
                heard += os.read(near, 4096)
            return text in heard

        assert until(lambda: hears(b"]"), 15), heard
        end = time.monotonic() + 15
        while not hears(b">>> ") and time.monotonic() < end:  # the terminal takes a moment to pass it on
            os.write(near, b"\x03")
            until(lambda: hears(b">>> "), 1)
        assert b">>> " in heard, heard
        os.write(near, b"print(6 * 7)\r")
        assert until(lambda: hears(b"42"), 10), heard
        os.write(near, b"\x04")  # the node starts again
        time.sleep(0.5)
        os.write(near, b"\x1d")
        assert prompt.wait(10) == 0
    finally:
        prompt.kill()
        os.close(near)
        os.close(far)


def test_a_virtual_board_is_plugged_in_by_a_command(place: Path) -> None:
    plugged = subprocess.Popen(
        [*MAIN, "node", "virtual", "--flash", str(place / "another.flash")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert plugged.stdout is not None
        said = plugged.stdout.readline()
        assert "--board virtual --port socket://127.0.0.1:" in said
        port = said.split("--port ")[1].strip()
        (found,) = json.loads(babbitt("node", "ports", "--look", "--json", BABBITT_PORTS=port).stdout)
        assert found["found"]["chip"] == "esp32"
    finally:
        plugged.terminate()
        plugged.wait(10)
    done = babbitt("node", "virtual", "--flash", str(place / "no" / "such" / "folder"))
    assert done.returncode == 1
    assert "the board does not start" in done.stderr


def test_build_says_what_it_takes(place: Path) -> None:
    done = babbitt("node", "build", "--out", str(place / "built"), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["flash_used"] < facts["flash_bytes"] / 2
    assert 40_000 < facts["heap_estimate_32"] < facts["heap_measured_64"] < 200_000
    again = babbitt("node", "build", "--out", str(place / "again"), "--no-heap", "--json")
    assert json.loads(again.stdout)["sha256"] == facts["sha256"]
    blocked = babbitt("node", "build", "--out", "/dev/full/x", "--no-heap")
    assert blocked.returncode == 1
    assert "cannot be written" in blocked.stderr
