import asyncio
import gc
import json
import time

from babbitt_node.clock import Clock
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal.board import Board
from babbitt_node.hal.port import mem_free, mem_largest, once, ticks_diff, ticks_ms

board = Board.load("board.json")
out = {"heap_free": mem_free(), "heap_largest": mem_largest(), "steps": []}


async def step(name, doing):
    begun = ticks_ms()
    entry = {"step": name, "error": None, "detail": ""}
    try:
        entry["detail"] = await doing or ""
    except NodeError as error:
        entry["error"], entry["detail"] = error.name, error.detail
    except OSError as error:
        entry["error"], entry["detail"] = "network_down", str(error)
    entry["ms"] = ticks_diff(ticks_ms(), begun)
    out["steps"].append(entry)
    return entry["error"] is None


async def join(settings):
    network = board.network()
    wifi = settings["wifi"] or {"ssid": None, "password": None}
    await network.up(wifi["ssid"], wifi["password"])
    for _ in range(100):
        if network.is_up():
            break
        await asyncio.sleep(0.1)
    rssi = network.rssi()
    return "" if rssi is None else "%d dBm" % rssi


async def set_time(settings):
    from babbitt_node import ntp

    clock = Clock(board)
    await ntp.set_clock(clock, settings["ntp"]["host"], settings["ntp"]["port"], asyncio.Lock())
    return "%04d-%02d-%02d %02d:%02d:%02d UTC" % time.gmtime()[:6]


async def login(settings):
    from babbitt_node.mqtt.client import Client

    broker = settings["broker"]
    client = Client(
        broker["host"],
        broker["port"],
        "%s.%s.doctor" % (settings["site"], settings["node"]),
        user=broker["user"],
        password=broker["password"],
        tls=broker["tls"],
        gate=asyncio.Lock(),
    )
    try:
        await client.connect()
    finally:
        await client.close()


async def all_steps():
    try:
        with open("node.json") as file:
            settings = once("config", "validate_node", json.load(file), board.has_wifi)
    except (OSError, ValueError) as error:
        out["steps"].append(
            {"step": "settings", "error": "config_invalid", "detail": "node.json: %s" % error, "ms": 0}
        )
        return
    except ConfigError as error:
        out["steps"].append(
            {"step": "settings", "error": "config_invalid", "detail": "node.json: " + error.detail, "ms": 0}
        )
        return
    out["broker"] = "%s:%d" % (settings["broker"]["host"], settings["broker"]["port"])
    out["tls"] = settings["broker"]["tls"] is not None
    if not await step("network", join(settings)):
        return
    if settings["ntp"] is not None:
        await step("clock", set_time(settings))
    gc.collect()
    await step("broker", login(settings))


asyncio.run(all_steps())
gc.collect()
out["heap_after"] = mem_free()
print(json.dumps(out))
