"""Where boards are plugged in, and what they are.

A port is told by what the operating system knows (vendor, product and serial number of the USB chip). What is behind it is asked
only if wanted: that stops a running node for a second.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from babbitt_tools.errors import BoardError, PortError
from babbitt_tools.node import esp, known
from babbitt_tools.node.link import Link

USB = {
    (0x303A, None): "Espressif USB",
    (0x10C4, 0xEA60): "CP210x",
    (0x1A86, 0x7523): "CH340",
    (0x1A86, 0x55D4): "CH9102",
    (0x1A86, None): "CH34x",
    (0x0403, None): "FTDI",
}
"""(vendor, product; None: any) of the USB chips that ESP32 boards have."""


@dataclass(slots=True)
class Port:
    """A port. `device` is what the commands take, `stable` a name that stays the same wherever it is plugged in. What was asked of
    the board: `found`, keys of `onboard/who.py` or `chip`, `mac`, `flash_bytes` of a board without MicroPython; `error` why not."""

    device: str
    stable: str | None = None
    usb: str | None = None
    vid: int | None = None
    pid: int | None = None
    serial: str | None = None
    found: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def name(self) -> str | None:
        """SITE/NODE: as the board says, or as this PC remembers it."""
        if self.found.get("site") and self.found.get("node"):
            return f"{self.found['site']}/{self.found['node']}"
        entry = known.boards().get(str(self.found.get("mac")))
        return None if entry is None else str(entry["node"])


def ports() -> list[Port]:
    """All ports with a USB chip, and those that BABBITT_PORTS names (devices or URLs such as rfc2217://host:port, separated by
    blanks)."""
    found = [
        Port(p.device, _stable(p.device), _usb(p.vid, p.pid), p.vid, p.pid, p.serial_number)
        for p in sorted(list_ports.comports(), key=lambda p: p.device)
        if p.vid is not None
    ]
    return found + [Port(url, url) for url in os.environ.get("BABBITT_PORTS", "").split()]


def one(wanted: str | None) -> str:
    """The port to use: the one that is named, or the only one there is.

    Raises:
        PortError: none is there, or several.
    """
    if wanted is not None:
        return wanted
    there = [p.device for p in ports()]
    if len(there) == 1:
        return there[0]
    if not there:
        raise PortError(
            "no board is plugged in. Take a cable that carries data (many only charge); a board that shows no port lacks a driver "
            "(CP210x or CH34x). A port that is not listed can be named with --port"
        )
    raise PortError(f"several boards are plugged in ({', '.join(there)}): name one with --port")


def look(port: Port, *, restart: bool = True) -> Port:
    """Ask the board what and who it is; fills `found` or `error`. A node that runs is stopped, and starts again."""
    try:
        with Link(port.device) as link:
            if link.answers():
                link.stop()
                port.found = link.ask("who")
                if restart:
                    link.restart()
                return port
    except BoardError as error:
        port.error = str(error)
    try:
        port.found = esp.look(port.device)
        port.error = None
    except BoardError as error:
        port.error = str(error)
    return port


def wait_for(device: str, timeout_s: float = 10.0) -> None:
    """Wait until a port is there again (boards with USB of their own vanish for a moment at a reset)."""
    end = time.monotonic() + timeout_s
    while "://" not in device and not Path(device).exists() and os.name == "posix" and time.monotonic() < end:
        time.sleep(0.1)


def _usb(vid: int | None, pid: int | None) -> str | None:
    return USB.get((vid or 0, pid)) or USB.get((vid or 0, None))


def _stable(device: str) -> str | None:
    """The name under /dev/serial/by-id that leads to a device; elsewhere its own."""
    for link in sorted(Path("/dev/serial/by-id").glob("*")):
        if os.path.realpath(link) == os.path.realpath(device):
            return str(link)
    return device
