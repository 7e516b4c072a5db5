"""The how-to pages, done literally: what they say is carried out in a copy of the project, and has to work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import ROOT, blocks, follow, text

from babbitt.service import Host
from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.world import Fault

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The firmware and its tests, to be changed."""
    ignore = shutil.ignore_patterns("__pycache__", "cpython")
    for part in ("firmware", "tests/firmware"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignore)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n    data: recordings\n    part(name): a part\n"
    )
    return tmp_path


def firmware_test(root: Path, name: str) -> str:
    """Run one file of the firmware's tests in the copy, on both runtimes; returns what pytest said at the end."""
    environment = os.environ | {"PYTHONPATH": str(root / "firmware"), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [*PYTEST, f"tests/firmware/{name}"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_check_added_as_the_page_says_keeps_the_contract(copy: Path) -> None:
    touched = follow(text("how-to/add-a-check.md"), copy)
    assert {p.name for p in touched} == {"step.py", "__init__.py", "contract.py"}
    for name in ("test_checks_contract.py", "test_checks_latch.py"):
        assert " passed" in firmware_test(copy, name)
    code = "from babbitt_node.checks import TYPES, make; import sys; assert 'step' in TYPES\n"
    code += "c = make({'id': 'c', 'type': 'step', 'channel': 'a', 'rise': 10}, 0)\n"
    code += "print([(c.update(v, 1000), c.state) for v in (0, 10, 21, 21)])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy / "firmware", capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[(False, 'N'), (False, 'N'), (True, 'H'), (True, 'N')]"


def test_the_contract_finds_a_check_that_is_not_as_the_page_says(copy: Path) -> None:
    follow(text("how-to/add-a-check.md"), copy)
    module = copy / "firmware/babbitt_node/checks/step.py"
    module.write_text(module.read_text().replace("SIZE = COMMON + 3", "SIZE = COMMON"))
    with pytest.raises(AssertionError):
        firmware_test(copy, "test_checks_contract.py")


def test_a_sensor_added_as_the_page_says_is_configured_and_read(copy: Path) -> None:
    touched = follow(text("how-to/add-a-sensor.md"), copy)
    assert {p.name for p in touched} == {"adt7310.py", "__init__.py", "test_adt7310.py"}
    assert " passed" in firmware_test(copy, "test_adt7310.py")
    assert " passed" in firmware_test(copy, "test_config.py")


class Still:
    """A machine at rest in a room of 21 degrees C."""

    sensors: tuple[str, ...] = ("adxl345", "ds18b20")
    utc_start_ms = 1_789_000_000_000
    end_us: int | None = None
    faults: dict[str, Fault] = {}  # noqa: RUF012

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> np.ndarray:
        k = np.arange(index, index + n) % 7
        return np.stack([k, -k, 256 + k], 1).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        return 21.0


def test_the_board_of_the_page_is_one(copy: Path) -> None:
    for part in ("boards", "tests/tools"):
        shutil.copytree(ROOT / part, copy / part)
    page = text("how-to/add-a-board.md")
    touched = follow(page, copy)
    assert {p.name for p in touched} == {"board.json", "wiring.json", "board.md"}
    names = ["-k", "LOLIN_C3_MINI and not reports", "tests/tools/test_every_board.py"]
    draw = [sys.executable, "-m", "babbitt_tools.wiring", "boards/LOLIN_C3_MINI"]
    subprocess.run(draw, cwd=copy, capture_output=True, text=True, timeout=60, check=True)
    done = subprocess.run(
        [*PYTEST, *names], cwd=copy, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.part("micropython")
def test_the_board_of_the_page_carries_the_firmware(tmp_path: Path) -> None:
    board, _, config = (
        json.loads(b.text) for b in blocks(text("how-to/add-a-board.md")) if b.language == "json"
    )
    with Host(tmp_path / "store", broker_listen="127.0.0.1:0") as host:
        address, port = host.address
        node = {
            "site": "docs",
            "node": "s3",
            "wifi": {"ssid": "a", "password": "b"},
            "broker": {"host": address, "port": port},
        }
        made = VirtualBoard(
            "s3", tmp_path / "flash", Still(), node=node, config=config, board=board, runtime="micropython"
        )
        try:
            made.start()
            found = _first_record(host)
        finally:
            made.stop()
        assert found.birth["board"] == "LOLIN_C3_MINI"
        assert [s["fault"] for s in found.birth["sensors"]] == [None, None]
        _, values = host.reader.series("docs", "s3", "temp.mean", 0, 2**53, 10)
        assert values[0] == 21.0


def _first_record(host: Host) -> Any:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        nodes = host.reader.nodes()
        if nodes and nodes[0].last_t is not None and nodes[0].birth is not None:
            return nodes[0]
        time.sleep(0.05)
    raise AssertionError("no record came")
