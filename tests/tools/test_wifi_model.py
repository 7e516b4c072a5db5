"""The node's own way into a Wi-Fi network, on a model of the ESP32's radio that refuses what the real one refuses."""

from __future__ import annotations

import re

import pytest
from boards import RUNTIMES, Start, output

from babbitt_tools.vboard.flash import firmware


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_network_is_joined_from_whatever_state_the_radio_is_in(start: Start, runtime: str) -> None:
    program = """
from babbitt_node.errors import NodeError
from babbitt_node.hal.board import Wifi
async def attempt(wifi, *who):
    t = time.time()
    try:
        await wifi.up(*who)
        print("up", wifi.is_up(), int(time.time() - t))
    except NodeError as error:
        print(error, int(time.time() - t))
async def main():
    wifi = Wifi()
    await attempt(wifi, "stable", "straw")
    await attempt(wifi, "barn", "straw")
    await attempt(wifi, "barn", "hay")
    await attempt(wifi, "barn", "hay")  # while it is connected
    wifi.down()
    print("down", wifi.is_up())
    trying = asyncio.create_task(attempt(wifi, "stable", "straw"))
    await asyncio.sleep(1)
    trying.cancel()  # in the middle of an attempt, as a task that is restarted
    await asyncio.sleep(0)
    await attempt(wifi, "barn", "hay")
    print("done")
asyncio.run(main())
"""
    lines = output(start(runtime, program, node={"wifi": {"ssid": "barn", "password": "hay"}}))
    ask = "check wifi.ssid, wifi.password and the distance"
    assert lines[-7:] == [
        f"network_down: cannot join Wi-Fi 'stable' (status 201): {ask} 3",
        f"network_down: cannot join Wi-Fi 'barn' (status 202): {ask} 3",
        "up True 1",
        "up True 1",
        "down False",
        "up True 1",
        "done",
    ]
    assert "straw" not in "".join(lines)


def test_the_network_has_one_owner() -> None:
    package, _ = firmware()
    asks = re.compile(r"\bnetwork(\(\))?\.(up|down)\(|\bwlan\.(connect|disconnect|active)\(")
    found = {p.relative_to(package).as_posix() for p in package.rglob("*.py") if asks.search(p.read_text())}
    assert found - {"hal/board.py"} == {"publisher.py"}
