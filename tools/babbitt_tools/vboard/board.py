"""One virtual board: a flash folder, a process that runs the firmware in it, and the world it feels."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from babbitt_tools.errors import BoardError
from babbitt_tools.vboard import flash
from babbitt_tools.vboard import runtime as runtimes
from babbitt_tools.vboard.log import BoundedLog
from babbitt_tools.vboard.watch import Watch
from babbitt_tools.vboard.world import Fault, LinkState, World, WorldServer

HEAP = "256k"  # on 64 bits what some 137 kB are on an ESP32, see docs/hardware.md
POWER_ON, HARD_RESET, DEEP_SLEEP, SOFT_RESET = 1, 2, 4, 5  # as machine.reset_cause() tells on an ESP32
EXT0_WAKE, TIMER_WAKE = 2, 4  # as machine.wake_reason() does
BOOT_US = 300_000  # virtual time a reset takes
NEVER_US = 1 << 60
PROBE_HEAP = 1 << 20  # bytes; the run that measures the shim needs no ESP32


class VirtualBoard:
    """The real firmware in a process of its own.

    Args:
        name: for logs and threads, and the source of the board's unique id.
        flash_dir: becomes the root of the board's file system; made if missing. `boot.json` and `spool/` in
            it are
            never touched: they are what survives a power cut. The log and the shim lie beside it, in
                `<flash_dir>.run/`.
        world: what the sensors feel.
        node: content of `node.json`; its Wi-Fi credentials are those that the virtual access point accepts.
        config: content of `config.json`; None keeps what is there.
        board: content of `board.json`; None takes `boards/virtual/board.json`.
        speed: virtual seconds a real second at most, 0.01 .. 1e6.
        heap: MicroPython's heap for the node, e.g. "256k"; what the shim takes, measured at the first start,
            is added. An ESP32 without PSRAM has about 160 kB after its boot and 140 kB with Wi-Fi; on 64 bits
            objects take twice the room of those on an ESP32, buffers and bytecode the same.
        runtime: "micropython", "cpython", or "auto" (MicroPython where it is installed).
        image: a folder with another main.py than the node's, for experiments; it can import `babbitt_node`.
        rom: on MicroPython, the firmware lies in memory-mapped flash and runs in place, as on an ESP32 with a
            ROMFS partition; False: as bytecode in the file system, from where its import copies it to the heap.
        sleep_speed: virtual seconds a real second in deep sleep; None: as `speed`.

    Settings and firmware are written to the flash by the first `start`; later starts find what the node left.

    Attributes:
        runtime: "micropython" or "cpython".
        runtime_note: a sentence about it for the user.
        asleep_us: virtual microseconds it spent in deep sleep.
        shim_bytes: what the shim takes of the heap; 0 before the first start and on CPython.

    Raises:
        BoardError: an unknown runtime, one that is not installed, a speed or heap out of range, a sensor
            without a bus.
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
        heap: str = HEAP,
        runtime: str = "auto",
        image: Path | None = None,
        rom: bool = True,
        sleep_speed: float | None = None,
    ) -> None:
        _check_speed(speed)
        _check_speed(speed if sleep_speed is None else sleep_speed)
        self.name = name
        self.flash_dir = Path(flash_dir).resolve()
        self.runtime, self.runtime_note = runtimes.choose(runtime)
        self.shim_bytes = 0
        self._run_dir = self.flash_dir.with_name(self.flash_dir.name + ".run")
        self._world = world
        self._board = dict(board) if board is not None else flash.virtual_board()
        self._node = node
        self._config = config
        self._image = image
        self._rom = rom
        self._heap = heap_bytes(heap)
        self._state = LinkState(world.faults)
        self._log: BoundedLog | None = None
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._server: WorldServer | None = None
        self._wanted = False
        self._now_us = 0
        self._sleep_speed = sleep_speed
        self.asleep_us = 0
        self._memory = bytearray()  # the RTC memory
        self._asleep = threading.Event()  # set while it sleeps deeply
        self._roused = threading.Event()  # set to end a sleep before its time
        self._params: dict[str, Any] = {
            "speed_milli": round(speed * 1000),
            "end_us": NEVER_US if world.end_us is None else world.end_us,
            "utc_start_us": world.utc_start_ms * 1000,
            "devices": flash.devices(self._board, world.sensors),
            "uid": hashlib.sha256(name.encode()).hexdigest()[:12],
            "wifi": node.get("wifi"),
            "wake_pin": self._board["babbitt"].get("wake"),
        }

    def start(self, off_s: float = 0.0) -> None:
        """Power on. `off_s` is how many virtual seconds the board was without power. Nothing happens when it
        is on.

        Raises:
            BoardError: the firmware does not compile.
            OSError: the flash folder cannot be written, the interpreter cannot be started.
        """
        with self._lock:
            if self.alive:
                return
            if self._log is None:
                self._prepare()
            self._now_us = self.now_us + round(off_s * 1e6)
            self._memory.clear()
            self._params["utc_start_us"] = self._world.utc_start_ms * 1000
            self._wanted = True
            self._spawn(POWER_ON)

    def stop(self, timeout_s: float = 3.0) -> None:
        """End the process: SIGTERM, then SIGKILL after `timeout_s`. For the firmware it is a power cut."""
        with self._lock:
            self._wanted = False
            self._roused.set()
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """Power cut: SIGKILL, now."""
        with self._lock:
            self._wanted = False
            self._roused.set()
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    @property
    def alive(self) -> bool:
        """Whether the firmware runs or will go on by itself: while it is being restarted by its own
        `machine.reset()`, and in deep sleep.
        """
        with self._lock:
            if self._process is None or not self._wanted:
                return False
            return self._asleep.is_set() or self._process.poll() is None

    @property
    def asleep(self) -> bool:
        """Whether it is in deep sleep."""
        return self._asleep.is_set()

    @property
    def heap_bytes(self) -> int:
        """The heap of MicroPython's process in bytes: the node's and the shim's share."""
        return self._heap + self.shim_bytes

    @property
    def now_us(self) -> int:
        """Virtual time the board last told, in microseconds since the start of the world."""
        return max(self._now_us, self._server.now_us if self._server else 0)

    @property
    def pid(self) -> int | None:
        """Process id, None before the first start."""
        return self._process.pid if self._process else None

    @property
    def error(self) -> Exception | None:
        """What the world raised, which ended the board; None as long as all is well."""
        return self._server.error if self._server else None

    def log_tail(self, lines: int = 40) -> str:
        """The last lines the firmware printed."""
        return self._log.tail(lines) if self._log else ""

    def set_fault(self, device: str, fault: Fault | None) -> None:
        """Give `device` ("adxl345", "tmp117@i2c0/73", as in `World.sensors`) a fault, or None to heal it. In force within about 50 ms of
        real time.

        Raises:
            BoardError: no model of that device, or it cannot show that fault.
        """
        self._state.set_fault(device, fault)

    def set_wifi(self, up: bool) -> None:
        """Take the radio link away, or give it back. Meanwhile nothing passes; TCP goes on afterwards."""
        self._state.set_wifi(up)

    def set_speed(self, speed: float) -> None:
        """Run at another speed: virtual seconds a real second at most. In force within about 50 ms.

        Raises:
            BoardError: a speed out of range.
        """
        _check_speed(speed)
        self._params["speed_milli"] = round(speed * 1000)
        self._state.set_speed(speed)

    def _prepare(self) -> None:
        micropython = self.runtime == "micropython"
        flash.prepare(
            self.flash_dir,
            firmware_as=("rom" if self._rom else "bytecode") if micropython else "sources",
            board=self._board,
            node=self._node,
            config=self._config,
            image=self._image,
        )
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._log = BoundedLog(self._run_dir / "log.txt")
        if micropython:
            package = flash.firmware()[0]
            files = {
                "vrom.mpy": runtimes.bytecode(runtimes.SHIM / "vrom.py", "shim/vrom.py"),
                "shim_rom.mpy": runtimes.shim_rom(),
            }
            if self._rom:
                modules = {f"{package.name}/{k}": v for k, v in runtimes.modules(package).items()}
                files["node_rom.mpy"] = runtimes.carrier(modules)
            runtimes.write(files, self._run_dir / "rom")
            self.shim_bytes = self._measure_shim()

    def _measure_shim(self) -> int:
        """Start the shim on an empty flash and ask how much of the heap it took."""
        empty = self._run_dir / "empty"
        empty.mkdir(exist_ok=True)
        params = {**self._params, "start_us": 0, "cause": POWER_ON}
        server = WorldServer(self._world, params, self._state, lambda *_: None, self.name, bytearray())
        self._launch(self._command(PROBE_HEAP, empty), server).wait(30)
        if not server.ready.is_set():
            raise BoardError(f"the shim of {self.name} does not start:\n{self.log_tail()}")
        return server.shim_bytes

    def _command(self, heap: int, root: Path) -> list[str]:
        """The command line; {r} and {w} stand for the ends of the pipes."""
        if self.runtime == "micropython":
            binary = runtimes.find_tool("micropython")
            node = "node_rom" if self._rom else ""
            code = (
                f"import sys; sys.path[:] = [{str(self._run_dir / 'rom')!r}, '.frozen']; "
                f"import vrom; vrom.start({{r}}, {{w}}, {str(root)!r}, {node!r})"
            )
            return [str(binary), "-X", f"heapsize={heap}", "-c", code]
        return [sys.executable, "-u", str(runtimes.SHIM / "vboot_cpython.py"), "{r}", "{w}", str(root)]

    def _spawn(self, cause: int) -> None:
        params = {**self._params, "start_us": self._now_us, "cause": cause}
        self._server = WorldServer(self._world, params, self._state, self._reset, self.name, self._memory)
        self._process = self._launch(self._command(self.heap_bytes, self.flash_dir), self._server)

    def _launch(self, command: list[str], server: WorldServer) -> subprocess.Popen[bytes]:
        assert self._log is not None
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MICROPY", "PYTHON"))}
        answers_read, answers_write = os.pipe()
        questions_read, questions_write = os.pipe()
        try:
            ends = {"{r}": str(answers_read), "{w}": str(questions_write)}
            if os.name == "nt":  # descriptors cannot be handed over there: the link takes stdin and stdout
                ends = {"{r}": "0", "{w}": "1"}
            for mark, value in ends.items():
                command = [part.replace(mark, value) for part in command]
            process = subprocess.Popen(
                command,
                stdin=answers_read if os.name == "nt" else subprocess.DEVNULL,
                stdout=questions_write if os.name == "nt" else subprocess.PIPE,
                stderr=subprocess.PIPE if os.name == "nt" else subprocess.STDOUT,
                pass_fds=() if os.name == "nt" else (answers_read, questions_write),
                env=environment,
                start_new_session=os.name != "nt",
            )
        except BaseException:
            os.close(questions_read)
            os.close(answers_write)
            raise
        finally:
            os.close(answers_read)
            os.close(questions_write)
        output: BinaryIO | None = process.stdout or process.stderr  # type: ignore[assignment]
        assert output is not None
        self._log.follow(output, self.name)
        server.serve(os.fdopen(questions_read, "rb"), os.fdopen(answers_write, "wb", 0))
        return process

    def _reset(self, cause: int, sleep_ms: int, calendar_us: int, shaken: int) -> None:
        """The firmware asked for a reset: end it and start it again, after its sleep if it wants one (called
        from the thread of the world).
        """
        with self._lock:
            process = self._process
            if process is None or not self._wanted:
                return
            process.kill()
            process.wait()
            self._now_us = self.now_us + BOOT_US
            self._params["utc_start_us"] = calendar_us  # the clock runs on the power
            if cause == DEEP_SLEEP:
                self._roused.clear()
                self._asleep.set()
        self._params["wake_reason"] = 0
        if cause == DEEP_SLEEP:
            self._params["wake_reason"] = self._sleep(sleep_ms * 1000 if sleep_ms else NEVER_US, shaken)
        with self._lock:
            self._asleep.clear()
            if self._wanted and self._process is process:
                self._spawn(cause)

    def _sleep(self, left_us: int, shaken: int) -> int:
        """Let virtual time pass at the speed of now, until the accelerometer is `shaken` by so many counts (0: it is not
        watched); returns what ended it, as `machine.wake_reason` does.
        """
        watch = Watch(self._world, self._now_us, shaken) if shaken else None
        while left_us > 0 and not self._roused.is_set():
            speed_milli: int = self._params["speed_milli"]
            if self._sleep_speed is not None:
                speed_milli = round(self._sleep_speed * 1000)
            step_us = min(left_us, speed_milli * 50)  # 50 ms of real time
            found = watch.within(step_us) if watch else None
            if found is not None:
                step_us, left_us = found, found
            self._roused.wait(step_us / speed_milli / 1000)
            left_us -= step_us
            self.asleep_us += step_us
            self._now_us += step_us
            if found is not None:
                return EXT0_WAKE
        return TIMER_WAKE


def _check_speed(speed: float) -> None:
    if not 0.01 <= speed <= 1e6:
        raise BoardError(f"speed {speed:g} is not within 0.01 .. 1000000")


def heap_bytes(size: str) -> int:
    """ "128k" as bytes. Raises BoardError for anything but a number with k or M, 32k .. 64M."""
    unit = {"k": 1024, "K": 1024, "m": 1 << 20, "M": 1 << 20}.get(size[-1:], 1)
    digits = size[:-1] if unit != 1 else size
    value = int(digits) * unit if digits.isdigit() else 0
    if not 32 * 1024 <= value <= 64 << 20:
        raise BoardError(f"heap {size!r} is not a size within 32k .. 64M")
    return value
