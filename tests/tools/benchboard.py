"""Bare boards that are processes, and what tests do with them."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from babbitt_tools.node import boards, bundle
from babbitt_tools.node.flash import Job
from babbitt_tools.vboard import micropython

MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]
CONFIG: dict[str, Any] = {
    "asset": {"name": "Fan", "kind": "machine"},
    "interval_s": 2,
    "sensors": [
        {"id": "vib", "driver": "adxl345", "bus": "spi0", "window": 64},
        {"id": "temp", "driver": "ds18b20", "bus": "ow0"},
    ],
}


def node_json(name: str = "n1", port: int = 1883) -> dict[str, Any]:
    return {
        "site": "plant",
        "node": name,
        "wifi": {"ssid": "hall", "password": "a secret"},
        "broker": {"host": "127.0.0.1", "port": port},
    }


class BenchBoard:
    """A bare board in a process of its own; `port` is the URL of its serial line, `chip` the file of its flash."""

    def __init__(self, folder: Path, name: str = "chip", *options: str) -> None:
        self.chip = folder / f"{name}.flash"
        self._said = folder / f"{name}.port"
        self._log = folder / f"{name}.log"
        self._options = options
        self.port = ""
        self.plug_in()

    def plug_in(self, *more: str) -> str:
        self._said.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "babbitt_tools.vboard.bare", "--flash", str(self.chip), "--port-file", str(self._said),
                    *self._options, *more,
                ],
                stdout=log,
                stderr=log,
            )  # fmt: skip
        end = time.monotonic() + 20
        while not self._said.exists():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)
        self.port = self._said.read_text()
        return self.port

    def unplug(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def replug(self, *more: str) -> str:
        self.unplug()
        return self.plug_in(*more)


def job(
    port: str, name: str = "n1", board: str = "virtual", broker: int = 1883, config: bool = True, **more: Any
) -> Job:
    """To make a node of a board."""
    what = boards.load(board)
    files = bundle.make(what, node=node_json(name, broker), config=CONFIG if config else None)
    return Job(port, f"plant/{name}", files, small_image(what), **more)


@functools.cache
def _image(name: str) -> bytes:
    return micropython.image(boards.load(name), 60_000)


def small_image(what: boards.Board) -> bytes:
    """A MicroPython that takes less time to write."""
    return _image(what.name)


def babbitt(*words: str, seconds: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    return subprocess.run(
        [*MAIN, *words],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )
