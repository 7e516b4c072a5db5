"""Every driver of the real firmware against its register-level model, and every fault of the model by its name in the node."""

from __future__ import annotations

from typing import Any

import pytest
from boards import RUNTIMES, Start
from plant_world import PROGRAM, Everything, Reader

from babbitt_tools.errors import BoardError
from babbitt_tools.vboard import flash
from babbitt_tools.vboard.world import FAULT_KINDS, Fault


def spi(cs: int, baudrate: int, mode: int = 3) -> dict[str, Any]:
    return {
        "type": "spi",
        "id": 1,
        "sck": 18,
        "mosi": 23,
        "miso": 19,
        "cs": cs,
        "baudrate": baudrate,
        "mode": mode,
    }


BOARD = {
    "babbitt": {
        "name": "bench",
        "buses": {
            "spi0": spi(5, 5_000_000), "spi1": spi(13, 5_000_000, 0), "spi2": spi(14, 1_000_000),
            "spi3": spi(15, 10_000_000), "spi4": spi(16, 4_000_000, 1), "ow0": {"type": "onewire", "pin": 4},
            "i2c0": {"type": "i2c", "id": 0, "scl": 22, "sda": 21, "freq": 400_000},
            "i2c1": {"type": "i2c", "id": 1, "scl": 32, "sda": 33, "freq": 400_000},
            "adc0": {"type": "adc", "pin": 34}, "adc1": {"type": "adc", "pin": 35},
            "pin0": {"type": "pin", "pin": 25}, "counter0": {"type": "counter", "pin": 26, "id": 0},
        },
        "clock": "simulated",
        "network": "none",
    }
}  # fmt: skip


def config(*sensors: dict[str, Any]) -> dict[str, Any]:
    return {"asset": {"name": "Bench", "kind": "machine"}, "interval_s": 1, "sensors": list(sensors)}


def sensor(id: str, driver: str, bus: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "driver": driver, "bus": bus, **more}


ACCELEROMETERS = {
    "adxl345@i2c0": sensor("adxl", "adxl345", "i2c0", rate_hz=400, window=64),
    "lis3dh@spi1": sensor("lis", "lis3dh", "spi1", window=128),
    "lis3dh@i2c0/25": sensor("lis2", "lis3dh", "i2c0", address=25, rate_hz=400, window=64),
    "mpu6050@i2c1": sensor("mpu", "mpu6050", "i2c1", window=64),
    "mpu6500@spi2": sensor("mpu2", "mpu6050", "spi2", window=64),
    "iis3dwb@spi3": sensor("wide", "iis3dwb", "spi3", window=1024),
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("group", [("adxl", "lis", "mpu"), ("lis2", "mpu2", "wide")])
def test_accelerometers(start: Start, runtime: str, group: tuple[str, ...]) -> None:
    fitted = {device: one for device, one in ACCELEROMETERS.items() if one["id"] in group}
    world = Everything(*fitted)
    sensors = list(fitted.values())
    read = Reader(start(runtime, PROGRAM, world, board=BOARD, config=config(*sensors), speed=20, heap="256k"))
    faults, values = read.fresh()
    assert faults == {}
    for one in sensors:
        id = one["id"]
        assert 25_000 < values[f"{id}.x.rms"] < 60_000, (id, values)
        nominal = one.get("rate_hz") or {"lis3dh": 1344, "mpu6050": 1000, "iis3dwb": 26667}[one["driver"]]
        assert values[f"{id}.rate"] == pytest.approx(nominal * 1000, rel=0.05), id
        assert (values[f"{id}.overflow"], values[f"{id}.clip"]) == (0, 0)
    devices = {device: one["id"] for device, one in fitted.items()}
    read.each(devices, "no_device", "no_device")
    read.each(devices, "stuck", "stuck")
    read.each(devices, "saturated", "clipping")
    read.each(devices, "silent", "silent")
    read.each(devices, "rate_error", "wrong_rate", 0.2)
    if "wide" in group:
        read.each({"iis3dwb@spi3": "wide"}, "crc", "crc")
    for error in (0.1, -0.1):
        for device in devices:
            read.board.set_fault(device, Fault("rate_error", error))
        faults, values = read.fresh()
        assert faults == {}
        assert values[f"{group[0]}.rate"] == pytest.approx(400_000 * (1 + error), rel=0.04)
    for device in devices:
        read.board.set_fault(device, Fault("overrun"))
    # An MPU's FIFO is emptied when it ran over, or x would no longer be x: nothing is left if that happens always.
    emptied = {id: "fifo_overflow" for id in devices.values() if id.startswith("mpu")}
    read.faults(emptied)
    faults, values = read.fresh()
    assert faults == emptied
    assert all(values[f"{id}.overflow"] > 0 for id in devices.values() if id not in emptied)
    for device in devices:  # a sensor is looked at anew once it was away
        read.board.set_fault(device, Fault("no_device"))
    read.faults(dict.fromkeys(devices.values(), "no_device"))
    read.each(devices, "wrong_identity", "wrong_identity")
    world.gravity = world.gravity * 2.5
    read.faults(dict.fromkeys(devices.values(), "range"))
    world.gravity = world.gravity[[2, 0, 1]] / 2.5
    read.faults(dict.fromkeys(devices.values(), "loose"))
    world.gravity = world.gravity[[1, 2, 0]]
    read.faults({})


SLOW = {
    "ds18b20@ow0/1": sensor("one", "ds18b20", "ow0", rom=""),
    "ds18b20@ow0/2": sensor("two", "ds18b20", "ow0", rom=""),
    "tmp117@i2c0": sensor("tmp", "tmp117", "i2c0"),
    "sht3x@i2c0/69": sensor("air", "sht3x", "i2c0", address=69),
    "max31865@spi4": sensor("rtd", "max31865", "spi4"),
    "loop@adc0": sensor("loop", "analog", "adc0", unit="bar", points=[[4000, 0], [20000, 16000]]),
    "voltage@adc1": sensor("ntc", "analog", "adc1", input="resistance"),
}

ROMS = """
from machine import Pin
import onewire
for rom in onewire.OneWire(Pin(4)).scan():
    print("rom", "".join("%02x" % b for b in rom))
print("done")
while True:
    time.sleep(1)
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_slow_sensors(start: Start, runtime: str, tmp_path: Any) -> None:
    from boards import output

    scan = start(runtime, ROMS, Everything(*SLOW), board=BOARD, speed=20)
    found = sorted(line.split()[1] for line in output(scan) if line.startswith("rom "))
    scan.stop()
    assert len(found) == 2
    by_number = {int(rom[12:14], 16): rom for rom in found}
    SLOW["ds18b20@ow0/1"]["rom"], SLOW["ds18b20@ow0/2"]["rom"] = by_number[1], by_number[2]
    world = Everything(*SLOW)
    world.values = {"ds18b20@ow0/1": -18.0, "ds18b20@ow0/2": 4.5, "tmp117@i2c0": 21.3, "max31865@spi4": -37.2,
                    "temperature": 22.5, "humidity": 45.6, "current": 12.0, "voltage": 1.65}  # fmt: skip
    world.measure = lambda device, quantity, t_us: world.values[
        device if device in world.values else quantity
    ]  # type: ignore[method-assign]
    settings = config(*SLOW.values()) | {"interval_s": 2}
    read = Reader(
        start(runtime, PROGRAM, world, board=BOARD, config=settings, speed=20, heap="256k", flash="slow")
    )
    faults, values = read.fresh()
    assert faults == {}
    assert (values["one.mean"], values["two.mean"]) == (-18000, 4500)
    assert values["tmp.mean"] == pytest.approx(21300, abs=8)
    assert values["air.mean"] == pytest.approx(22500, abs=3)
    assert values["air.rh.mean"] == pytest.approx(45600, abs=3)
    assert values["rtd.mean"] == pytest.approx(-37200, abs=36)  # one code is 34 mK
    assert values["loop.value.mean"] == 8000
    assert values["ntc.mean"] == 25000
    every = {device: one["id"] for device, one in SLOW.items()}
    chips = {d: i for d, i in every.items() if not d.startswith(("loop", "voltage"))}
    read.each(chips, "no_device", "no_device")
    read.each({d: i for d, i in chips.items() if "crc" in FAULT_KINDS[d.split("@")[0]]}, "crc", "crc")
    at_power_on = {d: i for d, i in chips.items() if "power_on_value" in FAULT_KINDS[d.split("@")[0]]}
    read.each(at_power_on, "power_on_value", "power_on_value")
    broken = {d: i for d, i in every.items() if "wire_break" in FAULT_KINDS[d.split("@")[0]]}
    read.each(broken, "wire_break", "wire_break")
    shorted = {d: i for d, i in every.items() if "short_circuit" in FAULT_KINDS[d.split("@")[0]]}
    read.each(shorted, "short_circuit", "short_circuit")
    read.each({"max31865@spi4": "rtd"}, "overrange", "overrange")
    read.each({"loop@adc0": "loop"}, "saturated", "overrange")
    strangers = {d: i for d, i in chips.items() if "wrong_identity" in FAULT_KINDS[d.split("@")[0]]}
    for device in strangers:
        read.board.set_fault(device, Fault("no_device"))
    read.faults(dict.fromkeys(strangers.values(), "no_device"))
    read.each(strangers, "wrong_identity", "wrong_identity")
    for device in every:  # a slow sensor that repeats a value has no fault of its own
        read.board.set_fault(device, Fault("stuck"))
    read.fresh()
    before = read.fresh()[1]
    world.values = {name: value + 1 for name, value in world.values.items()}
    faults, values = read.fresh()
    assert faults == {}
    assert {n: v for n, v in values.items() if n.endswith("mean")} == {
        n: v for n, v in before.items() if n.endswith("mean")
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("hardware", [True, False])
def test_contact_and_shaft(start: Start, runtime: str, hardware: bool) -> None:
    world = Everything("contact@pin0", "shaft@counter0/4")
    world.values = {"speed": 1450.0}
    program = PROGRAM if hardware else "import machine\ndel machine.Counter\n" + PROGRAM
    settings = config(sensor("door", "digital", "pin0"), sensor("shaft", "tacho", "counter0", pulses=4)) | {
        "interval_s": 8
    }
    read = Reader(start(runtime, program, world, board=BOARD, config=settings, speed=50))

    def settled() -> dict[str, Any]:
        read.fresh()
        before = read.board.now_us
        from boards import until

        assert until(lambda: read.board.now_us > before + 20_000_000)
        faults, values = read.rows()[-1]
        assert faults == {}
        return values

    values = settled()
    assert values["door.closed"] == pytest.approx(250, abs=3)
    assert values["door.changes"] in (4, 5)
    for channel in ("rpm", "low", "high"):
        assert values[f"shaft.{channel}"] == pytest.approx(1_450_000, rel=0.01), channel
    read.board.set_fault("contact@pin0", Fault("bounce"))
    assert settled()["door.changes"] in (4, 5)
    world.values = {"speed": 0.0}
    read.board.set_fault("contact@pin0", Fault("stuck"))
    values = settled()
    assert (values["shaft.rpm"], values["door.changes"]) == (0, 0)
    world.values = {"speed": 60_000.0}
    read.faults({"shaft": "range"})


def test_every_model_has_its_faults_and_a_place() -> None:
    assert set(FAULT_KINDS) == set(flash.MODELS)
    for sensors, words in (
        (("bmp280",), "no model for 'bmp280'"),
        (("tmp117@i2c7",), "no bus 'i2c7' of type i2c"),
        (("iis3dwb@i2c0",), "no bus 'i2c0' of type spi"),
        (("tmp117@i2c0/x",), "no model for"),
    ):
        with pytest.raises(BoardError, match=words):
            flash.devices(BOARD, sensors)
    placed = flash.devices(BOARD, ("adxl345", "ds18b20", "tmp117@i2c1/73"))
    assert [(d["model"], d.get("cs"), d.get("pin"), d.get("address")) for d in placed] == [
        ("adxl345", 5, None, None), ("ds18b20", None, 4, None), ("tmp117", None, None, 73),
    ]  # fmt: skip
