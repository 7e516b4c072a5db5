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
i2cs = {}  # SDA pin -> {address: model}
pins = {}  # pin -> model of what drives it
wake_pin = None  # that may end the next deep sleep
watched = []  # models of pins with an interrupt
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
    clock.ring = edges
    for number, device in enumerate(params["devices"]):
        fit(number, device)


class Here:
    """What a model needs of the world. number: of its device in `devices`."""

    def __init__(self, number):
        self._number = number
        self.clock = clock

    def fault(self, device):
        """Name of the fault of `device`, or None."""
        entry = faults.get(device)
        return entry[0] if entry else None

    def fault_value(self, device):
        """Its value, a float."""
        return faults[device][1]

    def accel(self, view, fmt, start_us, index, rate_mhz):
        """Fill `view` (6 bytes a sample: x, y, z int16) with samples from `index` of the burst started at
        `start_us`.
        """
        link.ask_into(view, vlink.ACCEL, clock.now, fmt, len(view) // 6, index, rate_mhz, start_us)

    def samples(self, view, start_us, index, rate_mhz):
        """As `accel`, 12 bytes a sample: x, y, z int32 in micro-g."""
        link.ask_into(
            view, vlink.SAMPLES, clock.now, self._number, len(view) // 12, index, rate_mhz, start_us
        )

    def temperature(self):
        """Milli-degrees C now."""
        answer = link.ask(vlink.TEMPERATURE, clock.now, self._number, 0, 0, 0, clock.now)
        return struct.unpack("<i", answer)[0]

    def measure(self, quantity, t_us=None):
        """(millionths, time of the next change in us or -1) of a quantity of `vlink.QUANTITIES`, now or at `t_us`."""
        at = clock.now if t_us is None else t_us
        code = vlink.QUANTITIES.index(quantity)
        return struct.unpack("<qq", link.ask(vlink.MEASURE, clock.now, self._number, code, 0, 0, at))


def fit(number, device):
    """Put a device in its place; only models that are needed are loaded."""
    name = device["model"]
    module = __import__("models." + device["module"], None, None, (name,))
    model = module.make(Here(number), device, params["uid"])
    if "cs" in device:
        selectable[device["cs"]] = model
    elif "address" in device:
        i2cs.setdefault(device["sda"], {})[device["address"]] = model
    elif device["bus"] == "onewire":
        onewires.setdefault(device["pin"], []).append(model)
    else:
        pins[device["pin"]] = model


def edges():
    """Interrupts that are due, and when the next one is."""
    for model in watched:
        model.fire()
    clock.alarm = min([model.due for model in watched] + [1 << 60])


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


def watching():
    """Counts of 1/256 g by which the accelerometer may be shaken before its INT1 ends a deep sleep; 0: it does not."""
    if wake_pin is None or wake_pin != params["wake_pin"]:
        return 0
    models = list(selectable.values())
    for there in i2cs.values():
        models.extend(there.values())
    return max([model.activity() for model in models if hasattr(model, "activity")] + [0])


def reset(cause, sleep_ms=0, shaken=0):
    """Have the process ended and started again, after a sleep if wanted, which ends early when it is `shaken` by so
    many counts; does not return.
    """
    import vtime

    link.tell(vlink.RESET, clock.now, 0, cause, sleep_ms, shaken, vtime.utc_us() - clock.now)
    link.ask(vlink.NEWS, clock.now)  # never answered: the world ends this process
    raise SystemExit(0)


def watchdog_expired():
    """The watchdog was not fed in time."""
    print("watchdog: not fed in time, reset")
    reset(3)
