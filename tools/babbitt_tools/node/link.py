"""The line to a board that runs MicroPython: mpremote's transport, with errors for people.

    with Link("/dev/ttyUSB0") as link:
        link.stop()
        print(link.ask("who"))
        link.restart()

`stop` interrupts the node and resets it softly into the raw REPL, where nothing of it runs and its memory is free. A
node that is left so starts by itself after ten minutes: its watchdog, which cannot be stopped, is set to that.
"""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import serial
from mpremote import transport_serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial import SerialException

from babbitt_tools.errors import NodeAnswer, PortError
from babbitt_tools.node.hints import explained

ONBOARD = Path(__file__).parent / "onboard"
CHUNK = 1024  # bytes of a file in one piece of code
SILENCE_S = 10.0  # the longest wait for a byte that is due
GIVE_UP_S = 600  # after which a node that was left stopped starts by itself
STARTED = "babbitt "
transport_serial.print = lambda *_, **__: None  # what it prints beside its errors is not for people
MOUNTED = ("rom", "shim")
"""Folders that are no part of the file system: firmware that runs in place, and what a virtual board has for hardware."""


class Link:
    """A port on which a board answers.

    Args:
        port: a device, or a URL of pyserial.
        baud: of the console.

    Raises (all methods):
        PortError: the port is not there, is busy or lost, or no MicroPython answers.
        NodeAnswer: what was run failed on the node.
    """

    def __init__(self, port: str, baud: int = 115200) -> None:
        self.port = port
        with self._words():
            try:
                self._line = SerialTransport(port, baudrate=baud, timeout=SILENCE_S)
            except TransportError:  # it hides why: pyserial tells
                serial.serial_for_url(port, exclusive=True).close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the port go."""
        with contextlib.suppress(OSError, SerialException, AttributeError):
            self._line.close()

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        """Errors of mpremote and pyserial in words."""
        try:
            yield
        except TransportExecError as error:
            raise NodeAnswer(f"{self.port}: {explained(error.error_output.strip())}") from None
        except (
            TransportError,
            SerialException,
            OSError,
            struct.error,
            IndexError,
            TypeError,
            AttributeError,
            ValueError,
        ) as error:
            # From the third on: pyserial's and mpremote's own, when the device is gone under them or a URL is none.
            raise PortError(f"{self.port}: {explained(str(error) or repr(error))}") from None

    def answers(self, timeout_s: float = 1.0) -> bool:
        """Whether MicroPython is there: it gives a prompt after Ctrl-C, which is pressed once a second."""
        heard = b""
        end = time.monotonic() + timeout_s
        pressed = -1.0
        with self._words():
            while time.monotonic() < end and not (b">>> " in heard or b"invalid header" in heard):
                if time.monotonic() - pressed > 1:
                    pressed = time.monotonic()
                    self._line.serial.write(b"\r\x03\x03\x02\r\n")
                if self._line.serial.in_waiting:
                    heard += self._line.serial.read(1)  # over a network it only tells that there is something
                else:
                    time.sleep(0.01)
        return b">>> " in heard

    def stop(self, tries: int = 2) -> None:
        """Interrupt what runs and reset softly, into the raw REPL."""
        for left in reversed(range(tries)):
            try:
                with self._words():
                    self._line.enter_raw_repl(soft_reset=True, timeout_overall=SILENCE_S)
                break
            except PortError:
                if not left:
                    raise
        self.run(f"import machine\nmachine.WDT(timeout={GIVE_UP_S * 1000}).feed()\ndel machine")

    def run(self, code: str) -> str:
        """Run code in the raw REPL; returns what it printed."""
        with self._words():
            return bytes(self._line.exec(code)).decode(errors="replace")

    def ask(self, name: str, **given: Any) -> Any:
        """Run a program of `onboard/` with `given` as its variables; returns the JSON that it prints last."""
        code = "".join(f"{key} = {value!r}\n" for key, value in given.items())
        said = self.run(code + (ONBOARD / f"{name}.py").read_text("utf-8"))
        try:
            return json.loads(said.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise NodeAnswer(
                f"{self.port}: the node said {said[-200:]!r}: is its MicroPython older than 1.25?"
            ) from None

    def read(self, path: str) -> bytes:
        """A file of the node."""
        return base64.b64decode(self.run(_READ.format(path=path)))

    def write(self, path: str, data: bytes, progress: Callable[[int], None] | None = None) -> None:
        """Write a file; `progress` is called with the bytes of each piece."""
        self.run(f"from binascii import a2b_base64 as _u\n_f = open({path!r}, 'wb')")
        for at in range(0, len(data), CHUNK):
            piece = data[at : at + CHUNK]
            self.run(f"_f.write(_u({base64.b64encode(piece)!r}))")
            if progress is not None:
                progress(len(piece))
        self.run("_f.close()\ndel _f")

    def restart(self) -> None:
        """Reset the board: it starts as after power-on."""
        with self._words():
            self._line.exec_raw_no_follow("import machine\nmachine.reset()")
            self._line.in_raw_repl = False

    def lines(self, timeout_s: float | None = None, over: Callable[[], bool] | None = None) -> Iterator[str]:
        """What the console prints, a line at a time, until `timeout_s` is over or, while it is quiet, `over` says so."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        kept = b""
        while end is None or time.monotonic() < end:
            with self._words():
                waiting = self._line.serial.in_waiting
                data = self._line.serial.read(waiting) if waiting else b""
            if not data:
                if over is not None and over():
                    break
                time.sleep(0.02)
                continue
            *whole, kept = (kept + data).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace").rstrip("\r")
        if kept:
            yield kept.decode(errors="replace")

    def started(self, timeout_s: float = 20.0) -> str:
        """Wait until the node says that it runs; returns that line.

        Raises:
            NodeAnswer: it printed an error, or nothing of the kind in time; the text ends with its last lines.
        """
        heard: list[str] = []
        for line in self.lines(timeout_s):
            heard.append(line)
            if line.startswith(STARTED):
                return line
            if "Error:" in line or "corrupted" in line or line.startswith("invalid header"):
                break
        said = " | ".join(heard[-6:]) or "nothing"
        raise NodeAnswer(f"{self.port}: the node did not start within {timeout_s:g} s. It said: {said}")


_READ = """
from binascii import b2a_base64
with open({path!r}, "rb") as f:
    while True:
        b = f.read(768)
        if not b:
            break
        print(str(b2a_base64(b), "ascii"), end="")
"""
