"""The flash chip of a bare virtual board, and the ROM boot loader that esptool talks to.

The loader's protocol is that of `esp32_mock_bootloader`, whose flash is 4 MB in memory; this one is a file of any
size that MicroPython mounts afterwards, as on a board.
"""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from esp32_mock_bootloader import chips, protocol, registers, server

from babbitt_tools.errors import BoardError

SIZES = {1 << n: n for n in range(20, 25)}  # bytes: the third byte of the JEDEC id
_RECEIVE_S = 2.0  # the mock's 0.05 s makes reading abort on a busy PC


class FlashChip(server.FlashImage):  # type: ignore[misc]  # the library has no types
    """NOR flash kept in a file: erased is 0xff. It is written through, so that a killed board keeps what it has.

    Args:
        path: its content; made, erased, if missing.
        size: bytes, a power of two from 1 to 16 MB.

    Raises:
        BoardError: another size than the file's, or one that no chip has.
    """

    def __init__(self, path: Path, size: int) -> None:
        if size not in SIZES:
            raise BoardError(f"no flash chip has {size} bytes; take {', '.join(map(str, SIZES))}")
        if not path.exists():
            path.write_bytes(b"\xff" * size)
        if path.stat().st_size != size:
            raise BoardError(
                f"{path} has {path.stat().st_size} bytes, the chip {size}: remove the file, or say its size"
            )
        self.path, self.size = path, size
        self._file = path.open("r+b", buffering=0)
        self._at = 0
        self._inflate: Any = None

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset`, as many as there are."""
        self._file.seek(offset)
        return self._file.read(max(0, min(length, self.size - offset))) or b""

    def write(self, offset: int, data: bytes) -> None:
        """Write; what lies beyond the end goes nowhere."""
        if offset < self.size:
            self._file.seek(offset)
            self._file.write(data[: self.size - offset])

    @property
    def data(self) -> bytes:
        """All of it, for the checksum the loader tells."""
        return self.read(0, self.size)

    def begin_defl(self, payload: bytes) -> None:
        """A compressed image begins."""
        self._at = int.from_bytes(payload[12:16], "little")
        self._inflate = zlib.decompressobj()

    def write_defl_block(self, payload: bytes) -> None:
        """A block of it."""
        if self._inflate is not None:
            plain = self._inflate.decompress(protocol.data_command_payload(payload))
            self.write(self._at, plain)
            self._at += len(plain)

    def end_defl(self) -> None:
        """It is over."""
        self._inflate = None

    def begin_plain(self, payload: bytes) -> None:
        """An image begins that is not compressed."""
        self._at = int.from_bytes(payload[12:16], "little")

    def write_plain_block(self, payload: bytes) -> None:
        """A block of it."""
        plain = protocol.data_command_payload(payload)
        self.write(self._at, plain)
        self._at += len(plain)

    def erase_all(self) -> None:
        """Erase the chip."""
        self.write(0, b"\xff" * self.size)

    def erase_region(self, offset: int, size: int) -> None:
        """Erase a part."""
        self.write(offset, b"\xff" * size)


class Loader:
    """The ROM boot loader of a chip, for one stay in it.

    Args:
        flash: the chip's flash.
        chip: as esptool names it: esp32, esp32s3, esp32c3 ...
        answer: called with what it sends, from a thread of its own.
    """

    def __init__(self, flash: FlashChip, chip: str, answer: Callable[[bytes], None]) -> None:
        self._near, far = socket.socketpair()
        self._over = threading.Event()
        self._answer = answer
        connection = server.BootloaderConnection(sock=far)
        threading.Thread(
            target=server.handle_client,
            args=(connection, self._over, chip),
            kwargs={"exit_on_disconnect": True, "flash": flash},
            daemon=True,
        ).start()
        threading.Thread(target=self._pump, daemon=True).start()

    def write(self, data: bytes) -> None:
        """What the PC sends."""
        self._near.sendall(data)

    def kill(self) -> None:
        """A reset."""
        self._over.set()
        self._near.close()

    def _pump(self) -> None:
        while True:
            try:
                data = self._near.recv(65536)
            except OSError:
                return
            if not data:
                return
            if not self._over.is_set():
                self._answer(data)


def become(chip: str, flash_bytes: int, mac: str) -> None:
    """Have the loader of this process tell a flash size and a MAC address ("240ac4000001"): the library keeps both for all
    of a process.

    Raises:
        BoardError: a chip that the library does not know.
    """
    if chip not in chips.PROFILES:
        raise BoardError(f"no chip {chip!r}; there are {', '.join(chips.SUPPORTED)}")
    protocol.MOCK_FLASH_ID = SIZES[flash_bytes] << 16 | 0x4020
    address = tuple(bytes.fromhex(mac))
    registers.mac_bytes_for_chip = lambda _: address
    server._CLIENT_RECV_TIMEOUT = _RECEIVE_S
    for function in vars(registers).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()
