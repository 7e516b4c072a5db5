"""One virtual board: a flash folder, a process that runs the firmware in it, and the world it feels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from babbitt_tools.vboard.world import Fault, World


class VirtualBoard:
    """The real firmware in a process of its own.

    Args:
        name: for logs and threads.
        flash_dir: becomes the root of the board's file system; made if missing. `boot.json` and `spool/` in it are
            never touched: they are what survives a power cut.
        world: what the sensors feel.
        node: content of `node.json`.
        config: content of `config.json`; None keeps what is there.
        board: content of `board.json`; None takes `boards/virtual/board.json`.
        speed: virtual seconds a real second at most, 0.01 .. 1e6.
        heap: heap of the ESP32 that is imitated, e.g. "128k"; what the shim takes is added to it.
        runtime: "micropython", "cpython", or "auto" (MicroPython where it is installed).

    Raises:
        BoardError: an unknown runtime, a runtime that is not installed, a speed out of range.
    """

    def __init__(
        self,
        name: str,
        flash_dir: Path,
        world: World,
        *,
        node: Mapping[str, Any],
        config: Mapping[str, Any] | None,
        board: Mapping[str, Any] | None = None,
        speed: float = 1.0,
        heap: str = "128k",
        runtime: str = "auto",
    ) -> None:
        raise NotImplementedError

    runtime: str

    def start(self, off_s: float = 0.0) -> None:
        """Power on. `off_s` is how many virtual seconds the board was without power."""
        raise NotImplementedError

    def stop(self, timeout_s: float = 3.0) -> None:
        """End the process: SIGTERM, then SIGKILL after `timeout_s`. For the firmware it is a power cut."""
        raise NotImplementedError

    def kill(self) -> None:
        """Power cut: SIGKILL, now."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """Whether the firmware runs (also while it is being restarted by its own `machine.reset()`)."""
        raise NotImplementedError

    @property
    def now_us(self) -> int:
        """Virtual time the board last told, in microseconds since the start of the world."""
        raise NotImplementedError

    def log_tail(self, lines: int = 40) -> str:
        """The last lines the firmware printed."""
        raise NotImplementedError

    def set_fault(self, device: str, fault: Fault | None) -> None:
        """Give `device` ("adxl345", "ds18b20") a fault, or None to heal it. In force within 50 ms of real time."""
        raise NotImplementedError

    def set_wifi(self, up: bool) -> None:
        """Take the radio link away, or give it back: nothing is lost on the way, nothing passes. In force within 50 ms."""
        raise NotImplementedError
