"""`network` of an ESP32: one station interface that behaves like the real one where a node can stumble.

Observed on MicroPython for ESP32: connect() in the middle of an attempt or when connected raises 'Wifi
Internal State Error'; an unknown network is reported 3 s later as status 201; joining takes about 1.05 s.
When the access point goes away the loss shows after a beacon time-out, assumed 6 s, and the driver joins
again by itself.
"""

import vworld

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_BEACON_TIMEOUT = 200

PHY_LAN8720 = 0
PHY_IP101 = 1
PHY_RTL8201 = 2

_CABLE_US = 2500000  # link and DHCP, assumed
_JOIN_US = 1050000
_FAIL_US = 3000000
_BEACON_US = 6000000
_interfaces = {}


def reachable():
    """Whether a new connection can be tried: the link is up, and Wi-Fi, if the node uses it, is joined."""
    return vworld.wifi_up and all(used.isconnected() for used in _interfaces.values())


class WLAN:
    """An interface; there is one of each."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __new__(cls, interface=0):
        if interface not in _interfaces:
            self = object.__new__(cls)
            self._active = False
            self._outcome = STAT_IDLE  # what the attempt comes to
            self._due = 0  # when
            self._lost = None  # since when the access point is away
            _interfaces[interface] = self
        return _interfaces[interface]

    def __init__(self, interface=0):
        pass

    def active(self, on=None):
        """Read or set whether the radio is on."""
        if on is None:
            return self._active
        self._active = bool(on)
        if not on:
            self._outcome = STAT_IDLE
        return self._active

    def connect(self, ssid=None, key=None, bssid=None, reconnects=None):
        """Start joining. Raises OSError when the radio is off or an attempt or a connection is not ended."""
        if not self._active:
            raise OSError("Wifi Not Started")
        if self.status() in (STAT_CONNECTING, STAT_GOT_IP):
            raise OSError("Wifi Internal State Error")
        known = vworld.params["wifi"]
        if known is not None and ssid != known["ssid"]:
            self._outcome = STAT_NO_AP_FOUND
        elif known is not None and (key or "") != known["password"]:
            self._outcome = STAT_WRONG_PASSWORD
        else:
            self._outcome = STAT_GOT_IP
        self._due = vworld.clock.now + (_JOIN_US if self._outcome == STAT_GOT_IP else _FAIL_US)
        self._lost = None

    def disconnect(self):
        """Leave, or give the attempt up."""
        self._outcome = STAT_IDLE

    def status(self, what=None):
        """The state, or `rssi` in dBm."""
        if what == "rssi":
            return -55
        now = vworld.clock.now
        if self._outcome == STAT_IDLE:
            return STAT_IDLE
        if vworld.wifi_up:
            if self._lost is not None and self._lost + _BEACON_US < now:
                self._due = now + _JOIN_US  # it was lost and is back: the driver joins again
            self._lost = None
        elif self._outcome == STAT_GOT_IP:
            if self._lost is None:
                self._lost = now
            if self._due > self._lost:
                return STAT_NO_AP_FOUND if now > self._lost + _FAIL_US else STAT_CONNECTING
            if self._lost + _BEACON_US < now:
                return STAT_BEACON_TIMEOUT
        return STAT_CONNECTING if now < self._due else self._outcome

    def isconnected(self):
        """Whether there is an address."""
        return self._active and self.status() == STAT_GOT_IP

    def config(self, *names, **settings):
        """Settings are accepted; `mac` can be read."""
        if names == ("mac",):
            import machine

            return machine.unique_id()
        if names:
            raise ValueError("unknown config param")
        return None

    def ifconfig(self, *settings):
        """Address, mask, gateway, name server."""
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")

    def ipconfig(self, name=None):
        """Address and mask."""
        return ("127.0.0.1", "255.0.0.0")


class LAN:
    """The Ethernet interface; there is one. The world's radio link is its cable."""

    def __new__(cls, id=None, **pins):
        if "lan" not in _interfaces:
            self = object.__new__(cls)
            self._due = None  # when it has an address
            _interfaces["lan"] = self
        return _interfaces["lan"]

    def __init__(
        self,
        id=None,
        *,
        mdc,
        mdio,
        phy_type,
        phy_addr,
        power=None,
        reset=None,
        ref_clk=None,
        ref_clk_mode=None,
    ):
        if phy_type not in (PHY_LAN8720, PHY_IP101, PHY_RTL8201):
            raise ValueError("invalid phy type")
        if not 0 <= phy_addr <= 31:
            raise ValueError("invalid phy address")

    def active(self, on=None):
        """Read or set whether it is on."""
        if on is not None:
            self._due = vworld.clock.now + _CABLE_US if on else None
        return self._due is not None

    def isconnected(self):
        """Whether there is a link."""
        return self._due is not None and vworld.wifi_up and vworld.clock.now >= self._due

    def ifconfig(self, *settings):
        """Address, mask, gateway, name server."""
        address = "127.0.0.1" if self.isconnected() else "0.0.0.0"
        return (address, "255.0.0.0", "127.0.0.1", "127.0.0.1")


def hostname(name=None):
    """The name shown to the network."""
    return "babbitt"


def country(code=None):
    """The regulatory domain."""
    return "XX"
