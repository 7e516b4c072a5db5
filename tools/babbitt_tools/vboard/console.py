"""MicroPython on a flash chip, with a serial console: what a board is once it has been flashed.

The console behaves as that of a board towards mpremote: Ctrl-C interrupts, Ctrl-D is a soft reset, the raw REPL
survives it (then main.py does not run).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from babbitt_tools.errors import BoardError
from babbitt_tools.vboard import runtime as runtimes
from babbitt_tools.vboard.board import BOOT_US, DEEP_SLEEP, HARD_RESET, POWER_ON, PROBE_HEAP, SOFT_RESET
from babbitt_tools.vboard.world import LinkState, World, WorldServer

RAW = b"raw REPL; CTRL-B to exit\r\n"
FRIENDLY = b'Type "help()" for more information.\r\n'
PROMPT = b">>> "
ROM_SAYS = b"\r\nets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
_CRASHED = b"\r\nGuru Meditation Error: the process of the virtual board died with signal %d\r\n"
_INTERRUPT_S = 1.0  # for an interrupted program to notice
_INTERRUPTS = 3  # one that comes where an exception cannot be passed on is lost


class Console:
    """A process of MicroPython on a partition of a flash chip, started anew after every reset until it is killed.

    Args:
        partition: (file of the chip, offset, bytes) of the file system.
        params: what the shim asks of its world, see `VirtualBoard`.
        world: what the sensors feel.
        heap: bytes of MicroPython's heap for the node.
        folder: for the shim.
        answer: called with what it prints, from a thread of its own.
    """

    def __init__(
        self,
        partition: tuple[Path, int, int],
        params: Mapping[str, Any],
        world: World,
        heap: int,
        folder: Path,
        answer: Callable[[bytes], None],
    ) -> None:
        self._partition = partition
        self._params = dict(params)
        self._world = world
        self.state = LinkState(world.faults)
        self._answer = answer
        self._rom = folder / "rom"
        if not (self._rom / "vrom.mpy").exists():
            compiled = runtimes.bytecode(runtimes.SHIM / "vrom.py", "shim/vrom.py")
            runtimes.write({"vrom.mpy": compiled, "shim_rom.mpy": runtimes.shim_rom()}, self._rom)
        self._heap = heap + self._shim_bytes(folder)
        self._server: WorldServer | None = None
        self._memory = bytearray()
        self._child: subprocess.Popen[bytes] | None = None
        self._line = -1
        self._cause = POWER_ON
        self._sleep_ms = 0
        self._raw = False
        self._ready = threading.Event()
        self._over = False
        self._swallow: bytes | None = None
        self._now_us = 0

    def start(self, cause: int = POWER_ON) -> None:
        """Switch on."""
        self._cause = cause
        self._spawn()
        threading.Thread(target=self._run, daemon=True).start()

    def kill(self) -> None:
        """Power cut, or a reset from outside."""
        self._over = True
        self._ready.set()
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def write(self, data: bytes) -> None:
        """Keys: Ctrl-C interrupts a program that can be interrupted, at a prompt it is a key like others."""
        self._ready.wait(10)
        while data and not self._over:
            keys, stop, data = data.partition(b"\x03")
            self._type(keys)
            if stop and not self._interrupt():
                self._type(stop)

    def _type(self, keys: bytes) -> None:
        while keys and not self._over:
            try:
                _, writable, _ = select.select([], [self._line], [], 0.5)
                if writable:
                    keys = keys[os.write(self._line, keys[:512]) :]
            except (OSError, ValueError):
                return

    def _interrupt(self) -> bool:
        child = self._child
        if child is None or not _catches(child.pid):
            return False
        for _ in range(_INTERRUPTS):
            child.send_signal(signal.SIGINT)
            end = time.monotonic() + _INTERRUPT_S
            while _catches(child.pid) and child.poll() is None and time.monotonic() < end:
                time.sleep(0.002)
            if not _catches(child.pid) or child.poll() is not None:
                break
        return True

    def _command(self, heap: int, root: object, main: bool) -> list[str]:
        code = (
            f"import sys; sys.path[:] = [{str(self._rom)!r}, '.frozen']; import vrom; "
            f"vrom.start({{r}}, {{w}}, {root!r}, '', True, {main}); del vrom, sys"
        )
        return [str(runtimes.find_tool("micropython")), "-X", f"heapsize={heap}", "-i", "-c", code]

    def _shim_bytes(self, folder: Path) -> int:
        """Start the shim on an empty flash and ask how much of the heap it took."""
        empty = folder / "empty"
        empty.mkdir(parents=True, exist_ok=True)
        server = WorldServer(
            self._world, self._params, LinkState(self._world.faults), lambda *_: None, "probe", bytearray()
        )
        command = self._command(PROBE_HEAP, str(empty), False)
        command.remove("-i")
        child, _ = _launch(command, subprocess.DEVNULL, server)
        said, _ = child.communicate(timeout=30)
        if not server.ready.is_set():
            raise BoardError(f"the shim does not start:\n{said.decode(errors='replace')}")
        return server.shim_bytes

    def _spawn(self) -> None:
        line, far = os.openpty()
        mode = termios.tcgetattr(far)
        mode[0] = mode[1] = mode[3] = 0  # no translation, no echo, no signals
        mode[2] = termios.CS8 | termios.CREAD
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(far, termios.TCSANOW, mode)
        path, offset, size = self._partition
        params = {**self._params, "start_us": self._now_us, "cause": self._cause}
        self._server = WorldServer(self._world, params, self.state, self._reset, "console", self._memory)
        self._cause = 0  # until the program asks for a reset
        self._swallow = b"" if self._raw else None
        command = self._command(self._heap, (str(path), offset, size), not self._raw)
        try:
            self._child, _ = _launch(command, far, self._server)
        finally:
            os.close(far)
        self._line = line

    def _reset(self, cause: int, sleep_ms: int, calendar_us: int, shaken: int) -> None:
        """The program asked for a reset (thread of the world)."""
        self._cause = cause
        self._sleep_ms = sleep_ms
        self._params["utc_start_us"] = calendar_us
        self._params["wake_reason"] = 4 if cause == DEEP_SLEEP else 0
        if self._child is not None:
            self._child.kill()

    def _run(self) -> None:
        """Pass on what it prints, and start it again when it has ended."""
        while not self._over:
            tail = b""
            while data := self._read():
                tail = self._heard(tail, data)
            child, server = self._child, self._server
            assert child is not None
            assert server is not None
            code = child.wait()
            os.close(self._line)
            self._ready.clear()
            self._now_us = server.now_us + BOOT_US
            if self._over:
                return
            if self._cause:
                self._raw = False
                time.sleep(self._sleep_ms / 1000 if self._cause == DEEP_SLEEP else 0)
                self._sleep_ms = 0
                self._answer(ROM_SAYS)
            elif code < 0:
                self._raw = False
                self._cause = HARD_RESET
                self._answer(_CRASHED % -code)
            else:
                self._cause = SOFT_RESET
                self._answer(b"MPY: soft reboot\r\n")
            if not self._over:
                self._spawn()

    def _read(self) -> bytes:
        try:
            return os.read(self._line, 65536)
        except OSError:
            return b""

    def _heard(self, tail: bytes, data: bytes) -> bytes:
        """Pass on what was printed; returns its end. A start in the raw REPL has no banner of the friendly one."""
        if self._swallow is not None:
            self._swallow += data
            if self._swallow.endswith(PROMPT):
                printed = self._swallow.partition(b"MicroPython ")[0]
                self._swallow = None
                self._answer(printed)
                self._ready.set()
                self._type(b"\x01")
            return b""
        if self._server is not None and self._server.ready.is_set():
            self._ready.set()
        tail = (tail + data)[-200:]
        raw, friendly = tail.rfind(RAW), tail.rfind(FRIENDLY)
        if raw != friendly:
            self._raw = raw > friendly
        if PROMPT in tail or friendly >= 0:
            self._ready.set()
        self._answer(data)
        return tail


def _launch(
    command: list[str], line: int, server: WorldServer
) -> tuple[subprocess.Popen[bytes], threading.Thread]:
    answers_read, answers_write = os.pipe()
    questions_read, questions_write = os.pipe()
    quiet = line == subprocess.DEVNULL
    try:
        child = subprocess.Popen(
            [part.replace("{r}", str(answers_read)).replace("{w}", str(questions_write)) for part in command],
            stdin=line,
            stdout=subprocess.PIPE if quiet else line,
            stderr=subprocess.STDOUT,
            pass_fds=(answers_read, questions_write),
            env={k: v for k, v in os.environ.items() if not k.startswith(("MICROPY", "PYTHON"))}
            | {"TERM": "dumb"},
            start_new_session=True,
        )
    except BaseException:
        os.close(questions_read)
        os.close(answers_write)
        raise
    finally:
        os.close(answers_read)
        os.close(questions_write)
    return child, server.serve(os.fdopen(questions_read, "rb"), os.fdopen(answers_write, "wb", 0))


def _catches(pid: int) -> bool:
    """Whether the process catches SIGINT now: MicroPython does while a program runs that may be interrupted."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt"):
                return bool(int(line.split()[1], 16) & 2)
    return False
