"""What people meet with boards, produced for real, and what they are told to do; what the doctor makes of what it saw."""

from __future__ import annotations

import ast
import fcntl
import os
import pty
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serial import Serial, SerialException

import babbitt_node
from babbitt_node.errors import NAMES
from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards, bundle, checkup, esp, filesystem
from babbitt_tools.node.hints import HINTS, explained, hint
from babbitt_tools.node.link import Link
from babbitt_tools.node.telemetry import Series


def do(name: str) -> str:
    """What a hint says."""
    return next(words for found, _, words in HINTS if found == name)


@pytest.fixture
def line() -> Iterator[str]:
    """A serial line on which nobody answers."""
    near, far = pty.openpty()
    yield os.ttyname(far)
    os.close(near)
    os.close(far)


def test_no_such_port() -> None:
    with pytest.raises(BoardError) as told:
        Link("/dev/ttyNOTHERE")
    assert do("no_port") in str(told.value)


def test_a_port_that_another_program_has(line: str) -> None:
    with open(line, "rb", buffering=0) as taken:
        fcntl.flock(taken, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as pyserial and mpremote take a port
        for look in (esp.look, Link):
            with pytest.raises(BoardError) as told:
                look(line)
            assert do("busy") in str(told.value)


def test_a_url_that_is_none() -> None:
    with pytest.raises(BoardError, match="nonsense"):
        Link("nonsense://x")


def test_a_port_that_one_may_not_use(line: str) -> None:
    os.chmod(line, 0o600 if os.geteuid() == 0 else 0)
    near, far = os.pipe()
    if (child := os.fork()) == 0:  # another interpreter might not be readable for nobody
        try:
            if os.geteuid() == 0:  # who may do everything must become somebody else
                os.setuid(65534)
            Serial(line)
        except SerialException as error:
            os.write(far, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(far)
    said = os.read(near, 1000).decode()
    os.close(near)
    assert hint(said) == do("no_permission"), said


def test_a_chip_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(BoardError) as told:
        esp.look(f"socket://127.0.0.1:{silent.getsockname()[1]}")
    assert do("no_answer") in str(told.value)


def test_no_micropython_on_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babbitt_tools.node.link.SILENCE_S", 0.5)  # of a line that is as near as this one
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Link(f"socket://127.0.0.1:{silent.getsockname()[1]}") as link,
    ):
        assert not link.answers(0.3)
        with pytest.raises(BoardError) as told:
            link.stop(tries=1)
    assert do("no_repl") in str(told.value)


def test_a_full_flash_and_words_that_are_not_known() -> None:
    assert hint("OSError: [Errno 28] ENOSPC") == do("flash_full")
    assert hint("Verification failed.") == do("mismatch")
    assert explained("the moon is full") == "the moon is full"


def test_every_fault_of_a_sensor_has_its_advice() -> None:
    """Names of errors that drivers, samplers and buses of the firmware use, and those the doctor knows, are the same."""
    package = Path(babbitt_node.__file__).parent
    files = [*package.glob("drivers/*.py"), *package.glob("samplers/*.py")]
    files += [package / "hal" / name for name in ("buses.py", "i2c.py", "registers.py")]
    words = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and node.value in NAMES
    }
    assert words == set(checkup.SENSOR_DO)


def sensor(**what: Any) -> dict[str, Any]:
    rows = [[4500, 3_200_000, 0, 0], [4700, 3_200_000, 0, 0]]
    return {
        "id": "vib", "driver": "adxl345", "bus": "spi0", "fault": None, "detail": "", "rate_hz": 3200, "rows": rows,
        "channels": ["vib.x.rms", "vib.rate", "vib.overflow", "vib.clip"],
        "units": [["g", -6], ["Hz", -3], ["", 0], ["", 0]],
    } | what  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "level", "words"),
    [
        (sensor(), "ok", "3,200 samples/s of 3,200"),
        (sensor(rows=[[4500, 2_900_000, 0, 0]] * 2), "look", "2,900 samples/s of 3,200"),
        (sensor(rows=[[4500, 3_200_000, 5, 0]] * 2), "look", "samples were lost"),
        (sensor(fault="no_device", detail="nothing answers"), "bad", "no_device: nothing answers"),
    ],
)
def test_what_the_doctor_makes_of_a_sensor(entry: dict[str, Any], level: str, words: str) -> None:
    (found,) = checkup.sensors({"error": None, "sensors": [entry]})
    assert found.level == level
    assert words in found.words
    assert bool(found.do) == (level != "ok")


def test_what_the_doctor_makes_of_the_network() -> None:
    steps = [
        {"step": "network", "error": None, "detail": "-83 dBm", "ms": 1100},
        {"step": "broker", "error": "broker_refused", "detail": "bad user name or password", "ms": 40},
    ]
    network, broker, memory = checkup.network(
        {"steps": steps, "broker": "b:1", "tls": True, "heap_after": 20_000}
    )
    assert (network.level, broker.level, memory.level) == ("look", "bad", "look")
    assert broker.what == "broker b:1 by TLS"
    assert checkup.worst([network, broker, memory]) == "bad"
    assert checkup.worst([]) == "ok"


@pytest.mark.parametrize(
    ("interval_s", "hold_s", "years"),
    [(1, 0, 1.1), (1, 9, 7.8), (1, 60, 7.8), (10, 9, 11.3), (10, 60, 57), (60, 9, 68.1)],
)
def test_how_long_the_flash_lasts_is_what_the_bench_found(interval_s: int, hold_s: int, years: float) -> None:
    """docs/operations.md, 'How long the flash lasts', 2 MB: 512 blocks less the 135 that a node's files take."""
    told = checkup.wear(377 * 4096, {"interval_s": interval_s}, hold_s)
    assert told is not None
    assert abs(told / years - 1) < 0.1


def test_nothing_measured_wears_nothing() -> None:
    assert checkup.wear(377 * 4096, None, 9) is None


def test_the_bench_of_wear_counts_what_a_node_s_files_take() -> None:
    """The documented years are those of 377 free blocks: another size of the image needs the bench again."""
    files = bundle.make(boards.load("ESP32_GENERIC"), node={}, config={})
    assert abs(filesystem.used(files.image()) // 4096 - 135) <= 10


def test_a_line_of_a_chart() -> None:
    series = Series("x", "g", -6)
    assert series.line() == ""
    series.values.extend([0.0, None, 7.0])
    assert series.line() == "▁ █"


def test_the_process_of_esptool_that_dies_is_told(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="There is no board on this port"):
        esp.run(
            {
                "port": str(tmp_path / "no"),
                "baud": 1,
                "chip": None,
                "flash_bytes": None,
                "mac": None,
                "writes": [],
            }
        )
