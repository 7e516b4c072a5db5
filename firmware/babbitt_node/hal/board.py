"""The board: what is soldered to which pin, from `board.json`.

    board = Board.load("board.json")
    sensor = ADXL345(board.bus("spi0"), 3200, 16)
    print(board.name, board.reset_cause())

Buses (`buses.py`) are built on first use and handed to drivers, so that a driver never names a pin. A bus speaks in
`NodeError`s.
"""

import json

import machine
from babbitt_node.errors import NodeError
from babbitt_node.hal.port import sleep_ms

_CAUSES = (
    ("PWRON_RESET", "power_on"),
    ("HARD_RESET", "hard"),
    ("WDT_RESET", "watchdog"),
    ("DEEPSLEEP_RESET", "deep_sleep"),
    ("SOFT_RESET", "soft"),
)


class NoNetwork:
    """A board that is on the network without its own doing."""

    async def up(self, ssid, password):
        """Nothing to do."""

    def is_up(self):
        """Always True."""
        return True

    def rssi(self):
        """No radio: None."""

    def down(self):
        """Nothing to do."""


class Wifi:
    """The station interface. It has one owner, the publisher: two callers of connect() end in 'Wifi
    Internal State Error'.
    """

    def __init__(self):
        import network

        self._network = network
        self._wlan = network.WLAN(network.WLAN.IF_STA)

    async def up(self, ssid, password):
        """Join the network, from whatever state the radio is in. Raises NodeError network_down after at
        most 15 s.
        """
        wlan = self._wlan
        try:
            wlan.active(True)
            wlan.disconnect()  # first: connect() on a radio that still tries an old network is refused
            wlan.connect(ssid, password)
        except OSError as error:
            raise NodeError("network_down", "Wi-Fi does not start: %s" % error)
        bad = (
            getattr(self._network, "STAT_WRONG_PASSWORD", -1),
            getattr(self._network, "STAT_NO_AP_FOUND", -2),
        )
        for _ in range(150):
            if wlan.isconnected():
                return
            if wlan.status() in bad:
                break
            await sleep_ms(100)
        raise NodeError(
            "network_down",
            "cannot join Wi-Fi %r (status %s): check wifi.ssid, wifi.password and the distance"
            % (ssid, wlan.status()),
        )

    def is_up(self):
        """Whether the radio believes it is connected. It goes on believing through a cut link: only the
        broker's answers prove it.
        """
        return self._wlan.isconnected()

    def rssi(self):
        """Signal strength in dBm, or None while it cannot be told."""
        try:
            return int(self._wlan.status("rssi"))
        except (OSError, ValueError, RuntimeError):
            return None

    def down(self):
        """Leave the network."""
        try:
            self._wlan.disconnect()
        except OSError as error:
            print("wifi: disconnect:", error)


class Board:
    """The board described by `spec`, the whole `board.json` as a dict.

    Attributes: `name` (folder in boards/), `clock_kind` (`none`, `rtc`, `simulated`), `wake` (the pin by which a sensor
    ends a sleep, or None).
    Raises NodeError config_invalid for a spec without a usable `babbitt` key.
    """

    def __init__(self, spec):
        own = spec.get("babbitt") if isinstance(spec, dict) else None
        if not isinstance(own, dict) or not isinstance(own.get("buses"), dict):
            raise NodeError(
                "config_invalid", "board.json: needs a key 'babbitt' with 'buses'; take the one of boards/"
            )
        self.name = own.get("name", "unknown")
        self.clock_kind = own.get("clock", "none")
        if self.clock_kind not in ("none", "rtc", "simulated"):
            raise NodeError(
                "config_invalid",
                "board.json: babbitt.clock: expected none, rtc or simulated, got %r" % self.clock_kind,
            )
        self.wake = own.get("wake")
        self._specs = own["buses"]
        self._buses = {}
        self._network_kind = own.get("network", "wifi")
        if self._network_kind not in ("wifi", "lan", "none"):
            raise NodeError(
                "config_invalid",
                "board.json: babbitt.network: expected wifi, lan or none, got %r" % self._network_kind,
            )
        self._lan = own.get("lan", {})
        self._network = None
        self._led = None if own.get("led") is None else machine.Pin(own["led"], machine.Pin.OUT, value=0)

    @classmethod
    def load(cls, path="board.json"):
        """The board of a `board.json`. Raises NodeError config_invalid when it is missing or no JSON."""
        try:
            with open(path) as file:
                return cls(json.load(file))
        except (OSError, ValueError) as error:
            raise NodeError(
                "config_invalid", "%s: %s; flash the board's folder of boards/ again" % (path, error)
            )

    def bus_types(self):
        """{bus id: type} for the check of a configuration."""
        return {
            key: spec.get("type") if isinstance(spec, dict) else None for key, spec in self._specs.items()
        }

    def bus(self, name):
        """The bus `name`, built on first use. Raises NodeError config_invalid for one that board.json does
        not have.
        """
        if name not in self._buses:
            spec = self._specs.get(name)
            if spec is None:
                raise NodeError(
                    "config_invalid",
                    "no bus %r in board.json, which has %s" % (name, ", ".join(sorted(self._specs))),
                )
            from babbitt_node.hal.buses import build

            self._buses[name] = build(name, spec)
        return self._buses[name]

    def network(self):
        """The way to the network: an object with coroutine up(ssid, password) and is_up(), rssi(), down()."""
        if self._network is None:
            if self._network_kind == "lan":
                from babbitt_node.hal.lan import Lan

                self._network = Lan(self._lan)
            else:
                self._network = Wifi() if self._network_kind == "wifi" else NoNetwork()
        return self._network

    @property
    def has_wifi(self):
        """Whether node.json must name a Wi-Fi network."""
        return self._network_kind == "wifi"

    def reset_cause(self):
        """Why the board started: power_on, hard, watchdog, deep_sleep, soft or unknown."""
        cause = machine.reset_cause()
        for constant, name in _CAUSES:
            if cause == getattr(machine, constant, None):
                return name
        return "unknown"

    def watchdog(self, ms):
        """A hardware watchdog that resets the board unless `.feed()` is called every `ms`. It cannot be
        stopped.
        """
        return machine.WDT(timeout=ms)

    def led(self, on):
        """Switch the LED, if there is one."""
        if self._led is not None:
            self._led(1 if on else 0)

    def restart(self):
        """Reset the board; does not return."""
        machine.reset()
