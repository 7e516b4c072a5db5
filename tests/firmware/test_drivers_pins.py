"""Analog input, digital input and tachometer on pins that do what a test says."""

import asyncio

from chips import Time, measured, use_virtual_time
from helpers import node_error, without_heap

from babbitt_node import drivers, samplers
from babbitt_node.config import validate
from babbitt_node.drivers import digital
from babbitt_node.drivers.analog import Analog, on_line
from babbitt_node.drivers.digital import Digital
from babbitt_node.drivers.tacho import Tacho
from babbitt_node.errors import ConfigError
from babbitt_node.samplers import tacho as tacho_sampler

use_virtual_time(digital, tacho_sampler)

BUSES = {"adc0": "adc", "pin0": "pin", "counter0": "counter"}


def spec_of(**entry):
    doc = {"asset": {"name": "a", "kind": "machine"}, "sensors": [entry]}
    return validate(doc, BUSES)["sensors"][0]


def sampler_of(pin, **entry):
    spec = spec_of(**entry)
    driver = drivers.module(spec["driver"])
    device = driver.DEVICE(pin, *[spec[row[0]] for row in driver.SETTINGS])
    return samplers.module(driver.KIND).SAMPLER(spec, driver, device, 10)


class Volts:
    def __init__(self, uv=0):
        self.uv = uv

    def microvolts(self):
        return self.uv


def analog(pin, **more):
    return sampler_of(pin, id="a", driver="analog", bus="adc0", **more)


def test_a_current_loop_is_read_over_its_span_and_judged_by_ne_43():
    pin = Volts()
    sampler = analog(pin, unit="bar", points=[[4000, 0], [20000, 16000]])
    for ua, value in ((4000, 0), (12000, 8000), (20000, 16000), (3600, -400), (21000, 17000), (4001, 1)):
        pin.uv = ua * 100  # 100 ohms
        values = measured(sampler)
        assert sampler.fault is None and values[0] == value, (ua, values)
    for ua, fault in ((0, "wire_break"), (3599, "wire_break"), (21001, "overrange"), (24000, "overrange")):
        pin.uv = ua * 100
        assert measured(sampler)[:3] == [None] * 3 and sampler.fault == fault
    assert [c["id"] for c in sampler.channels()] == [
        "a.value.mean",
        "a.value.min",
        "a.value.max",
        "a.value.slope",
    ]
    channel = sampler.channels()[0]
    assert channel["unit"] == "bar" and channel["lo"] <= -400 and channel["hi"] >= 17000
    assert measured(analog(Volts(12000 * 150), shunt_mohm=150000))[0] == 50000  # per cent, without points


def test_an_ntc_is_a_temperature_and_its_wires_are_watched():
    pin = Volts(1650000)
    sampler = analog(pin, input="resistance")
    assert measured(sampler)[0] == 25000
    assert (sampler.channels()[0]["id"], sampler.channels()[0]["unit"]) == ("a.mean", "degC")
    for uv, fault in ((3290000, "wire_break"), (3000, "short_circuit"), (50000, "range")):
        pin.uv = uv
        assert measured(sampler)[0] is None and sampler.fault == fault
    pin.uv = 3300000 * 33621 // 43621
    assert abs(measured(sampler)[0]) < 10


def test_a_voltage_by_points_on_both_slopes():
    pin = Volts()
    sampler = analog(pin, input="voltage", unit="mm/s", points=[[0, 10000], [1000, -10000], [2000, 5000]])
    for mv, value in ((0, 10000), (500, 0), (1000, -10000), (1500, -2500), (2000, 5000)):
        pin.uv = mv * 1000
        assert measured(sampler)[0] == value
    pin.uv = 2001000
    assert measured(sampler)[0] is None and sampler.fault == "range"


def test_lines_are_exact_for_large_numbers():
    assert on_line(5, 0, 0, 10, -100) == -50
    assert on_line(-1, 0, 0, 10, 100) == -10
    assert on_line(250000000, 0, -500000000, 500000000, 500000000) == 0
    node_error("wire_break", Analog(Volts(0), "current").read, [0])


def test_points_that_make_no_curve_are_refused():
    for points, at in (
        ([[0, 1]], "points"),
        ([[0, 1], [0, 2]], "points[1]"),
        ([[0, 1], [5, "a"]], "points[1]"),
        ([[0, 1], [5]], "points[1]"),
        ([[0, 1], [5, 1 << 30]], "points[1]"),
        ("0", "points"),
    ):
        try:
            spec_of(id="a", driver="analog", bus="adc0", points=points)
        except ConfigError as error:
            assert error.path == "sensors[0]." + at, error.path
        else:
            raise AssertionError("%r was taken" % (points,))


class Contact:
    """A contact whose edges a test makes."""

    def __init__(self):
        self.state = False
        self.changed = None

    def closed(self):
        return self.state

    def watch(self, changed):
        assert self.changed is None
        self.changed = changed

    def set(self, state):
        self.state = state
        self.changed(None)


def wait(ms):
    Time.now += ms * 1000


def test_the_share_of_the_time_a_contact_is_closed():
    pin = Contact()
    sampler = sampler_of(pin, id="door", driver="digital", bus="pin0")
    assert measured(sampler) == [None, None]  # a record without length
    wait(2500)
    pin.set(True)
    wait(5000)
    pin.set(False)
    wait(2500)
    assert measured(sampler) == [500, 2]
    wait(10000)
    assert measured(sampler) == [0, 0]
    pin.set(True)
    wait(86400000)
    assert measured(sampler) == [1000, 1]
    assert [c["id"] for c in sampler.channels()] == ["door.closed", "door.changes"]


def test_bounces_are_no_changes_and_a_change_counts_from_its_beginning():
    pin = Contact()
    device = Digital(pin, 20)
    device.probe()
    device.probe()
    out = [0, 0, 0]
    for _ in range(10):  # a bouncing contact closes
        pin.set(True)
        wait(1)
        pin.set(False)
        wait(1)
    pin.set(True)
    wait(100)
    device.take(out)
    assert out == [100, 120, 1]
    pin.set(False)
    wait(15)
    pin.set(True)  # a spike
    wait(100)
    device.take(out)
    assert out == [115, 115, 0]


def test_an_edge_allocates_nothing():
    pin = Contact()
    device = Digital(pin, 0)
    device.probe()
    wait(5)
    without_heap(lambda: pin.changed(None))


class Pulses:
    def __init__(self):
        self.count = 0

    def total(self):
        return self.count & 0x3FFFFFFF


def test_speed_is_pulses_over_the_measured_time():
    pin = Pulses()
    sampler = sampler_of(pin, id="shaft", driver="tacho", bus="counter0", pulses=2, max_rpm=6000)
    assert measured(sampler) == [None] * 3

    def record(*parts):
        async def run():
            out = [None] * 3
            for pulses, ms in parts:
                pin.count += pulses
                wait(ms)
                sampler.begin()
                await sampler.collect()
            await sampler.measure(out, 0)
            return out

        return asyncio.run(run())

    assert record((250, 5000), (250, 5000)) == [1500000] * 3
    assert record((100, 2000), (300, 3000)) == [2400000, 1500000, 3000000]
    assert record((0, 5000), (0, 5000)) == [0, 0, 0] and sampler.fault is None
    assert record() == [None] * 3
    pin.count = 0x3FFFFFF0
    sampler._last = 0x3FFFFFF0
    sampler._first = 0x3FFFFFF0
    assert record((200, 10000)) == [600000] * 3  # the counter ran over
    assert record((5000, 5000)) == [None] * 3 and sampler.fault == "range"
    record((10, 5000))
    assert record((10, 5000))[0] == 60000 and sampler.fault is None


def test_speeds_of_long_and_fast_counts():
    node_error("range", Tacho(Pulses()).speed, 1000, 100)
    assert Tacho(Pulses(), 1024, 1000000).speed(1024 * 24 * 60 * 1000, 86400000) == 1000000
    assert Tacho(Pulses(), 1, 1000000).speed(1, 60000) == 1000


def test_the_steepest_curves_stay_within_what_a_record_holds():
    top = 1 << 29
    for a, b, c in (
        ([3000, 0], [18999, top - 1], [19000, top]),
        ([3000, 0], [18999, 1], [19000, top]),
        ([3000, 0], [18999, -1], [19000, -top]),
        ([3999, -1], [4000, top], [19000, 0]),
        ([3000, 0], [18999, 0], [19000, -top]),
        ([3000, top], [3999, top], [4000, -top]),
        ([18999, top], [19000, -top], [19001, top]),
    ):
        pin = Volts()
        sampler = analog(pin, unit="bar", points=[a, b, c])
        for ua in (3600, 4000, 12000, 19000, 20000, 21000):
            pin.uv = ua * 100
            assert all(abs(value) < 1 << 30 for value in measured(sampler)[:3]), (a, b, c, ua)
