"""The way to the network over a cable: the Ethernet controller of an ESP32 and its PHY (RMII).

board.json: `"network": "lan", "lan": {"phy_type": "LAN8720", "phy_addr": 0, "mdc": 23, "mdio": 18, "power": 12,
"ref_clk": 17}`; `power` and `ref_clk` may be missing where the board has none. The keys are the arguments of
MicroPython's `network.LAN` for ESP32. With `ref_clk` the ESP32 gives the PHY its clock.
"""

import machine
from babbitt_node.errors import NodeError
from babbitt_node.hal.port import sleep_ms


class Lan:
    """One Ethernet interface, the same to its owner as `hal.board.Wifi`.

    spec: `lan` of board.json. Raises NodeError config_invalid for one that makes no interface.
    """

    def __init__(self, spec):
        import network

        pin = machine.Pin
        try:
            more = {}
            if "power" in spec:
                more["power"] = pin(spec["power"])
            if "ref_clk" in spec:
                more["ref_clk"] = pin(spec["ref_clk"])
                more["ref_clk_mode"] = pin.OUT
            self._lan = network.LAN(
                mdc=pin(spec["mdc"]),
                mdio=pin(spec["mdio"]),
                phy_type=getattr(network, "PHY_" + spec["phy_type"]),
                phy_addr=spec["phy_addr"],
                **more,
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise NodeError("config_invalid", "board.json: babbitt.lan: %r" % error)

    async def up(self, ssid, password):
        """Switch it on and wait for a cable and an address. Raises NodeError network_down after at most 15 s."""
        try:
            self._lan.active(True)
        except OSError as error:
            raise NodeError("network_down", "Ethernet does not start: %s" % error)
        for _ in range(150):
            if self.is_up():
                return
            await sleep_ms(100)
        what = (
            "no address from DHCP" if self._lan.isconnected() else "no link: check the cable and the switch"
        )
        raise NodeError("network_down", "Ethernet: %s" % what)

    def is_up(self):
        """Whether there are a link and an address."""
        return self._lan.isconnected() and self._lan.ifconfig()[0] != "0.0.0.0"

    def rssi(self):
        """No radio: None."""

    def down(self):
        """Switch it off, so that the next `up` begins afresh."""
        try:
            self._lan.active(False)
        except OSError as error:
            print("lan: off:", error)
