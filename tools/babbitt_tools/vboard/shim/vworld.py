"""The board's view of its world: one clock, one link, the sensors fitted, and what is wrong with them.

`start` is called once, by `vboot`, before the firmware runs.
"""

import json
import struct

import vlink

clock = None  # vclock.Clock
link = None  # vlink.Link
params = {}
faults = {}  # device -> [kind, value]
wifi_up = True
selectable = {}  # chip-select pin -> model
onewires = {}  # pin -> list of models
_version = 0


def start(the_clock, the_link):
    """Ask the world how to be, set the clock, fit the sensors."""
    global clock, link
    clock = the_clock
    link = the_link
    params.update(json.loads(bytes(link.ask(vlink.PARAMS, 0))))
    clock.setup(params["speed_milli"], params["start_us"], params["end_us"])
    clock.expired = watchdog_expired
    clock.news = news
    news()
    from models.adxl345 import ADXL345
    from models.ds18b20 import DS18B20

    class Here:
        """What a model needs of the world."""

        accel = staticmethod(accel)
        temperature = staticmethod(temperature)
        fault = staticmethod(fault)

    here = Here()
    here.clock = clock
    for device in params["devices"]:
        if device["model"] == "adxl345":
            selectable[device["cs"]] = ADXL345(here)
        else:
            serial = device["pin"].to_bytes(1, "little") + params["uid"].encode()[:5]
            onewires.setdefault(device["pin"], []).append(DS18B20(here, serial))


def news():
    """Take what changed: faults and the radio link."""
    global _version, wifi_up
    answer = link.ask(vlink.NEWS, clock.now, 0, 0, _version)
    if answer:
        document = json.loads(bytes(answer))
        _version = document["version"]
        wifi_up = document["wifi"]
        if document["speed_milli"] is not None:
            clock.change_speed(document["speed_milli"])
        faults.clear()
        faults.update(document["faults"])


def fault(device):
    """Name of the fault of `device`, or None."""
    entry = faults.get(device)
    return entry[0] if entry else None


def fault_value(device):
    """Its value, a float."""
    return faults[device][1]


def accel(view, fmt, start_us, index, rate_mhz):
    """Fill `view` (6 bytes a sample: x, y, z int16) with samples from `index` of the burst started at
    `start_us`.
    """
    link.ask_into(view, vlink.ACCEL, clock.now, fmt, len(view) // 6, index, rate_mhz, start_us)


def temperature():
    """Milli-degrees C now."""
    return struct.unpack("<i", link.ask(vlink.TEMPERATURE, clock.now, 0, 0, 0, 0, clock.now))[0]


def reset(cause, sleep_ms=0):
    """Have the process ended and started again, after a sleep if wanted; does not return."""
    import vtime

    link.tell(vlink.RESET, clock.now, 0, cause, sleep_ms, 0, vtime.utc_us() - clock.now)
    link.ask(vlink.NEWS, clock.now)  # never answered: the world ends this process
    raise SystemExit(0)


def watchdog_expired():
    """The watchdog was not fed in time."""
    print("watchdog: not fed in time, reset")
    reset(3)
