"""What the sensors of a virtual board feel, and the answering end of its link.

A `World` is a simulation or a recording. A `WorldServer` answers one board's questions from it; the
questions are described in `shim/vlink.py`, the one module both ends use.
"""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.errors import BoardError
from babbitt_tools.vboard.shim import vlink

#: Names a `Fault` may have, by the model that can show it.
FAULT_KINDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("adxl345", "lis3dh", "mpu6050", "mpu6500"),
        ("no_device", "wrong_identity", "stuck", "overrun", "rate_error", "saturated", "silent"),
    ),
    "iis3dwb": (
        "no_device",
        "wrong_identity",
        "stuck",
        "overrun",
        "rate_error",
        "saturated",
        "silent",
        "crc",
    ),
    "ds18b20": ("no_device", "stuck", "crc", "power_on_value"),
    "tmp117": ("no_device", "wrong_identity", "stuck", "power_on_value"),
    "sht3x": ("no_device", "wrong_identity", "stuck", "crc"),
    "max31865": ("no_device", "wrong_identity", "stuck", "wire_break", "short_circuit", "overrange"),
    "loop": ("wire_break", "saturated", "stuck"),
    "voltage": ("wire_break", "short_circuit", "saturated", "stuck"),
    "contact": ("stuck", "bounce"),
    "shaft": ("stuck",),
}

COUNTS_PER_G = 256  # ADXL345 in full resolution: 3.9 mg a count


@dataclass(frozen=True, slots=True)
class Fault:
    """A defect of a sensor.

    Args:
        kind: one of `FAULT_KINDS` of the device.
        value: for `rate_error` the relative error of the data rate, e.g. -0.1 for 10 % slow, in force from
            the next burst on; unused otherwise.
    """

    kind: str
    value: float = 0.0


Faults = Mapping[str, Fault]  # device, as in `World.sensors`, to its fault


class World(Protocol):
    """What a board's sensors feel. Times are virtual microseconds since the start of the world."""

    @property
    def sensors(self) -> tuple[str, ...]:
        """The devices that are fitted: "adxl345", "ds18b20", "tmp117@i2c0/73", see `flash.devices`. The methods of others
        are never called.
        """
        ...

    @property
    def utc_start_ms(self) -> int:
        """Unix time in milliseconds at the start of the world."""
        ...

    @property
    def end_us(self) -> int | None:
        """Where the world ends; from there on virtual time runs at real speed. None: it does not end."""
        ...

    @property
    def faults(self) -> Faults:
        """Sensor faults from the start on; `VirtualBoard.set_fault` changes them later."""
        ...

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """Samples `index` .. `index + n - 1` of a burst, shape (n, 3), in counts of 1/256 g, before clipping
        to the range.

        Args:
            burst_start_us: when the sensor was switched to measuring, or its FIFO last emptied.
            index: number of the first sample since then; sample k is taken k / rate_hz after the start.
            n: number of samples, at most 512.
            rate_hz: the true rate of this sensor.
        """
        ...

    def temperature(self, t_us: int) -> float:
        """Temperature in degrees C."""
        ...


@runtime_checkable
class FullWorld(Protocol):
    """What a world has besides when devices differ in what they feel, or feel more than a `World` knows."""

    def vibration(
        self, device: str, burst_start_us: int, index: int, n: int, rate_hz: float
    ) -> NDArray[np.float64]:
        """As `World.accel`, in g and before any sensor; asked for all accelerometers but the ADXL345."""
        ...

    def measure(self, device: str, quantity: str, t_us: int) -> float:
        """One of `vlink.QUANTITIES`, in its unit."""
        ...

    def next_change(self, device: str, t_us: int) -> int | None:
        """When a contact changes after `t_us`; None: never."""
        ...


def check_fault(device: str, fault: Fault) -> None:
    """Raises BoardError when `device` has no model or the model cannot show `fault`."""
    kinds = FAULT_KINDS.get(device.partition("@")[0])
    if kinds is None:
        raise BoardError(f"no model of {device!r}; there are {', '.join(FAULT_KINDS)}")
    if fault.kind not in kinds:
        raise BoardError(f"the model of {device} cannot show {fault.kind!r}; it can show {', '.join(kinds)}")


def output_stage(counts: NDArray[np.int16], fmt: int) -> NDArray[np.int16]:
    """The last stage of the ADXL345: clip to the range and resolution of `fmt` (see `vlink`).

    Data sheet, DATA_FORMAT: full resolution keeps 1/256 g a count, 10 to 13 bits; otherwise 10 bits over the
    range.
    """
    shift = fmt & 3
    limit = 512 << shift
    out = np.clip(counts, -limit, limit - 1)
    if not fmt & 8:
        out = out >> shift
    if fmt & vlink.LSB_ZERO:
        out = out & -2
    return out.astype("<i2", copy=False)


class WorldServer:
    """Answers one process's questions, in a thread of its own.

    Args:
        world: what is felt.
        params: the answer to PARAMS.
        state: faults and radio link; shared with the board that changes them.
        on_reset: called with the cause, the length of a sleep before it (ms), how far the calendar is ahead of virtual
            time (us), and by how many counts it has to be shaken to end that sleep (0: it is not watched), when the
            firmware resets the board; it must end the process.
        memory: the RTC memory, which the firmware reads and writes.
        name: of the thread.
    """

    def __init__(
        self,
        world: World,
        params: Mapping[str, Any],
        state: LinkState,
        on_reset: Callable[[int, int, int, int], None],
        name: str,
        memory: bytearray,
    ) -> None:
        self._world = world
        self._params = params
        self._state = state
        self._on_reset = on_reset
        self._name = name
        self._memory = memory
        self.now_us = int(params["start_us"])
        self.shim_bytes = 0
        self.ready = threading.Event()
        self.error: Exception | None = None

    def serve(self, reader: BinaryIO, writer: BinaryIO) -> threading.Thread:
        """Start answering; the thread ends, and closes both pipes, when the process ends."""
        thread = threading.Thread(
            target=self._run, args=(reader, writer), name=f"world-{self._name}", daemon=True
        )
        thread.start()
        return thread

    def _run(self, reader: BinaryIO, writer: BinaryIO) -> None:
        with reader, writer:
            while len(request := reader.read(vlink.REQUEST_SIZE)) == vlink.REQUEST_SIZE:
                if request[0] == vlink.MEMORY and not request[1]:
                    self._memory[:] = reader.read(struct.unpack(vlink.REQUEST, request)[2])
                    continue
                try:
                    answer = self._answer(request)
                except Exception as error:
                    self.error = error  # the world is the caller's: keep its error, the board cannot go on
                    break
                if answer is None:
                    break
                try:
                    writer.write(struct.pack(vlink.REPLY, len(answer)) + answer)
                except (BrokenPipeError, ConnectionError):
                    break

    def _answer(self, request: bytes) -> bytes | None:
        op, fmt, n, index, rate_mhz, now_us, t_us = struct.unpack(vlink.REQUEST, request)
        self.now_us = max(self.now_us, now_us)
        if op == vlink.ACCEL:
            return output_stage(self._world.accel(t_us, index, n, rate_mhz / 1000), fmt).tobytes()
        if op == vlink.TEMPERATURE:
            return struct.pack("<i", round(self._measure(fmt, "temperature", t_us) * 1000))
        if op == vlink.SAMPLES:
            return self._samples(fmt, t_us, index, n, rate_mhz / 1000)
        if op == vlink.MEASURE:
            quantity = vlink.QUANTITIES[n]
            value = round(float(self._measure(fmt, quantity, t_us)) * 1e6)
            then = (
                self._world.next_change(self._device(fmt), t_us)
                if isinstance(self._world, FullWorld)
                else None
            )
            return struct.pack("<qq", value, -1 if then is None or quantity != "contact" else then)
        if op == vlink.NEWS:
            return self._state.news(index)
        if op == vlink.PARAMS:
            return json.dumps(self._params).encode()
        if op == vlink.READY:
            self.shim_bytes = index
            self.ready.set()
            return b""
        if op == vlink.MEMORY:
            return bytes(self._memory)
        if op == vlink.RESET:
            self._on_reset(n, index, t_us, rate_mhz)
            return None
        raise BoardError(f"the board {self._name} asked an unknown question: {op}")

    def _device(self, number: int) -> str:
        return str(self._params["devices"][number]["name"])

    def _measure(self, number: int, quantity: str, t_us: int) -> float:
        if isinstance(self._world, FullWorld):
            return self._world.measure(self._device(number), quantity, t_us)
        if quantity == "temperature":
            return self._world.temperature(t_us)
        raise BoardError(f"the world of {self._name} knows no {quantity}; it needs `measure`")

    def _samples(self, number: int, start_us: int, index: int, n: int, rate_hz: float) -> bytes:
        if isinstance(self._world, FullWorld):
            g = self._world.vibration(self._device(number), start_us, index, n, rate_hz)
        else:
            g = self._world.accel(start_us, index, n, rate_hz) / COUNTS_PER_G
        return np.rint(g * 1e6).astype("<i4").tobytes()


class LinkState:
    """Faults, radio link and a changed speed of a board, with a version that counts changes. Thread-safe."""

    def __init__(self, faults: Faults) -> None:
        for device, fault in faults.items():
            check_fault(device, fault)
        self._lock = threading.Lock()
        self._faults = dict(faults)
        self._wifi = True
        self._speed_milli: int | None = None
        self._version = 1

    def set_fault(self, device: str, fault: Fault | None) -> None:
        """See `VirtualBoard.set_fault`."""
        if fault is None:
            check_fault(device, Fault(FAULT_KINDS.get(device.partition("@")[0], ("",))[0]))
        else:
            check_fault(device, fault)
        with self._lock:
            self._faults.pop(device, None)
            if fault is not None:
                self._faults[device] = fault
            self._version += 1

    def set_wifi(self, up: bool) -> None:
        """See `VirtualBoard.set_wifi`."""
        with self._lock:
            self._wifi = up
            self._version += 1

    def set_speed(self, speed: float) -> None:
        """See `VirtualBoard.set_speed`."""
        with self._lock:
            self._speed_milli = round(speed * 1000)
            self._version += 1

    def news(self, seen: int) -> bytes:
        """JSON of everything when it changed since version `seen`, else nothing."""
        with self._lock:
            if seen == self._version:
                return b""
            faults = {device: [fault.kind, fault.value] for device, fault in self._faults.items()}
            document = {
                "version": self._version,
                "wifi": self._wifi,
                "faults": faults,
                "speed_milli": self._speed_milli,
            }
            return json.dumps(document).encode()
