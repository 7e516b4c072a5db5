"""A board on the bench that is a process: its ROM boot loader, its flash chip, and whatever was flashed into it.

    python -m babbitt_tools.vboard.bare --flash chip.bin --port-file port.txt

Unmodified esptool and mpremote work on the port it listens on as on a board. Over `rfc2217://127.0.0.1:PORT` (RFC 2217
carries the lines DTR and RTS) the two lines drive its reset and its boot pin, as the circuit of a development board
does; every command of esptool takes 0.2 s there. `socket://127.0.0.1:PORT` is fast and has no lines: the first
words of esptool switch to the loader, and its leaving is the reset. An empty chip says 'invalid header'; one with the
virtual board's MicroPython runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from serial import rfc2217

from babbitt_tools.errors import BoardError
from babbitt_tools.node import partitions
from babbitt_tools.node.boards import Board, load
from babbitt_tools.vboard import chip as chips
from babbitt_tools.vboard import flash
from babbitt_tools.vboard.board import HARD_RESET, HEAP, NEVER_US, POWER_ON, heap_bytes
from babbitt_tools.vboard.console import Console
from babbitt_tools.vboard.world import World

RELEASE_S = 0.1  # the capacitor at EN: so long after the reset ends the boot pin is looked at; a line over RFC 2217 takes 50 ms
IMAGE_MAGIC = 0xE9
SYNC = b"\xc0\x00\x08\x24\x00"  # how esptool begins
CHANGE_BAUD = b"\xc0\x00\x0f\x08\x00"  # its command for another speed: checksum, new speed, old speed follow
EMPTY = b"invalid header: 0xffffffff\r\n"


class Lines:
    """What pyserial's server asks of a serial port: DTR and RTS, and the two transistors behind them.

    RTS without DTR holds the chip in reset, DTR without RTS pulls its boot pin (Espressif, ESP32-DevKitC schematic).
    """

    def __init__(self, board: BareBoard) -> None:
        self._board = board
        self._dtr = self._rts = False
        self.baudrate, self.bytesize, self.parity, self.stopbits = 115200, 8, "N", 1
        self.cts = self.dsr = self.ri = self.cd = self.xonxoff = self.rtscts = self.break_condition = False

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, on: bool) -> None:
        self._dtr = on
        self._change()

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, on: bool) -> None:
        self._rts = on
        self._change()

    def reset_input_buffer(self) -> None:
        """Nothing waits here."""

    reset_output_buffer = reset_input_buffer

    def _change(self) -> None:
        self._board.pins(reset=self._rts and not self._dtr, boot=self._dtr and not self._rts)


class BareBoard:
    """A board of `board.json` with an empty, or any other, flash chip.

    Args:
        board: which one.
        chip: its flash.
        mac: six bytes as hex.
        world: what its sensors feel.
        wifi: the network the virtual access point accepts, {"ssid", "password"}; None: any.
        lines: the serial line carries DTR and RTS (RFC 2217); else it is a plain TCP connection.
        pace: a byte takes its time on the line, at the speed that was asked for.
        speed: virtual seconds a real second of the firmware.
    """

    def __init__(
        self,
        board: Board,
        chip: chips.FlashChip,
        *,
        mac: str,
        world: World,
        wifi: dict[str, str] | None = None,
        lines: bool = False,
        pace: bool = False,
        speed: float = 1.0,
        folder: Path,
    ) -> None:
        self._board, self._chip, self._world, self._folder = board, chip, world, folder
        self._pace, self._has_lines = pace, lines
        self._lock = threading.RLock()
        self._client: socket.socket | None = None
        self._part: Console | chips.Loader | None = None
        self._reset = self._boot = False
        self._released = 0.0
        self.received = 0
        self.unplug_after: int | None = None
        self._params: dict[str, Any] = {
            "speed_milli": round(speed * 1000),
            "start_us": 0,
            "cause": POWER_ON,
            "end_us": NEVER_US if world.end_us is None else world.end_us,
            "utc_start_us": world.utc_start_ms * 1000,
            "devices": flash.devices(board.document, world.sensors),
            "uid": mac,
            "wifi": wifi,
            "wake_pin": board.own.get("wake"),
            "flash_bytes": chip.size,
        }

    def power(self) -> None:
        """Switch on."""
        self._start(loader=False, cause=POWER_ON)

    def off(self) -> None:
        """Pull the cable."""
        with self._lock:
            if self._part is not None:
                self._part.kill()
            self._part = None

    def pins(self, reset: bool, boot: bool) -> None:
        """The lines changed: reset ends what runs, its end starts the loader if the boot pin is low then."""
        with self._lock:
            was, self._reset, self._boot = self._reset, reset, boot
            if reset and not was:
                self.off()
            elif was and not reset:
                threading.Timer(RELEASE_S, self._release).start()

    def _release(self) -> None:
        with self._lock:
            if not self._reset and self._part is None:
                self._start(loader=self._boot, cause=HARD_RESET)

    def _start(self, *, loader: bool, cause: int) -> None:
        with self._lock:
            self.off()
            if loader:
                self._say(
                    b"\r\nrst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1))\r\nwaiting for download\r\n"
                )
                self._part = chips.Loader(self._chip, self._board.chip, self._say)
                return
            partition = self._app()
            if partition is None:
                self._say(EMPTY * 3)
                return
            console = Console(partition, self._params, self._world, heap_bytes(HEAP), self._folder, self._say)
            self._part = console
            console.start(cause)

    def _app(self) -> tuple[Path, int, int] | None:
        """The file system's partition, if there is a program and a table that has one."""
        try:
            table = partitions.parse(self._chip.read(partitions.OFFSET, partitions.SIZE))
        except BoardError:
            return None
        app = next((p for p in table if p.kind == "app"), None)
        vfs = next((p for p in table if p.name == "vfs"), None)
        if app is None or vfs is None or self._chip.read(app.offset, 1) != bytes([IMAGE_MAGIC]):
            return None
        return self._chip.path, vfs.offset, vfs.size

    def _say(self, data: bytes) -> None:
        client = self._client
        if client is not None:  # nobody reads: it is lost, as on a serial line
            with contextlib.suppress(OSError):
                client.sendall(data.replace(b"\xff", b"\xff\xff") if self._has_lines else data)

    def serve(self, listener: socket.socket) -> None:
        """Take one client after another, for ever."""
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.settimeout(60)
            if not self._talk(client):
                listener.close()
                self.off()
                return

    def _talk(self, client: socket.socket) -> bool:
        """Until it leaves. False: the cable was pulled."""
        lines = Lines(self)
        line = rfc2217.PortManager(lines, _Writer(client)) if self._has_lines else None
        self._client = client
        try:
            while True:
                try:
                    data = client.recv(4096)
                except TimeoutError:
                    continue
                except OSError:
                    return True
                if not data:
                    return True
                if line is not None:
                    data = b"".join(line.filter(data))
                elif data.startswith(CHANGE_BAUD):
                    lines.baudrate = int.from_bytes(data[9:13], "little")
                elif data.startswith(SYNC) and not isinstance(self._part, chips.Loader):
                    self._start(loader=True, cause=HARD_RESET)
                if self._pace:
                    time.sleep(len(data) * 10 / lines.baudrate)
                self.received += len(data)
                if self.unplug_after is not None and self.received > self.unplug_after:
                    return False
                part = self._part
                if part is not None and data:
                    with contextlib.suppress(OSError):
                        part.write(data)
        finally:
            self._client = None
            client.close()
            if line is None and isinstance(self._part, chips.Loader):
                self._start(loader=False, cause=HARD_RESET)


class _Writer:
    """What pyserial's server writes its answers to."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._client.sendall(data)


def main(arguments: list[str]) -> int:
    """Run a bare board until it is ended or unplugged."""
    from babbitt_tools.sim.rest import Rest

    parser = argparse.ArgumentParser(prog="python -m babbitt_tools.vboard.bare")
    parser.add_argument("--board", default="virtual")
    parser.add_argument("--flash", type=Path, required=True, help="file of the flash chip; made if missing")
    parser.add_argument("--flash-bytes", type=int, help="size of the chip; default: as in board.json")
    parser.add_argument("--port-file", type=Path, required=True, help="gets the URL of its serial port")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mac", help="twelve hex digits; default: made of the name of the file")
    parser.add_argument(
        "--wifi", nargs=2, metavar=("SSID", "PASSWORD"), help="the network it can join; default: any"
    )
    parser.add_argument(
        "--lines", action="store_true", help="the serial port has DTR and RTS (RFC 2217; slow)"
    )
    parser.add_argument("--pace", action="store_true", help="as slow as the serial line")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--unplug-after", type=int, help="pull the cable after so many received bytes")
    given = parser.parse_args(arguments)
    board = load(given.board)
    size = given.flash_bytes or board.flash_bytes
    mac = given.mac or "240ac4" + hashlib.sha256(given.flash.name.encode()).hexdigest()[:6]
    chips.become(board.chip, size, mac)
    wifi = {"ssid": given.wifi[0], "password": given.wifi[1]} if given.wifi else None
    with tempfile.TemporaryDirectory() as folder:
        bare = BareBoard(
            board,
            chips.FlashChip(given.flash, size),
            mac=mac,
            world=Rest(board.document),
            wifi=wifi,
            lines=given.lines,
            pace=given.pace,
            speed=given.speed,
            folder=Path(folder),
        )
        bare.unplug_after = given.unplug_after
        listener = socket.create_server(("127.0.0.1", given.port))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        bare.power()
        half = given.port_file.with_suffix(".new")
        scheme = "rfc2217" if given.lines else "socket"
        half.write_text(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        half.replace(given.port_file)
        try:
            bare.serve(listener)
        finally:
            bare.off()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
