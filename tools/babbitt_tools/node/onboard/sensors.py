import asyncio
import gc
import json

from babbitt_node.clock import Clock
from babbitt_node.errors import ConfigError
from babbitt_node.hal.board import Board
from babbitt_node.hal.port import once, ticks_diff, ticks_ms
from babbitt_node.settings import parse
from babbitt_node.station import Station

board = Board.load("board.json")
out = []


async def measure(raw):
    entry = {"id": raw.get("id"), "driver": raw.get("driver"), "bus": raw.get("bus")}
    alone = {"asset": doc["asset"], "interval_s": doc.get("interval_s", 10), "sensors": [dict(raw)]}
    if type(raw.get("rpm")) is str:  # another sensor tells it
        alone["sensors"][0].pop("rpm")
    try:
        station = Station(once("config", "validate", alone, board.bus_types()), board, asyncio.Lock())
    except ConfigError as error:
        entry.update({"fault": "config_invalid", "detail": error.detail})
        return entry
    sampler = station.samplers[0]
    clock = Clock(board)
    rows = []
    begun = ticks_ms()
    for _ in range(records):
        while not await station.slot(clock):
            pass
        rows.append(list(station.values))
    entry["ms"] = ticks_diff(ticks_ms(), begun)
    entry["channels"] = ["%s.%s" % (sampler.id, name) for name in sampler.names]
    entry["rows"] = rows
    entry["fault"], entry["detail"] = sampler.fault, sampler.detail
    entry["units"] = [[channel["unit"], channel["exp"]] for channel in sampler.channels()]
    entry["rate_hz"] = sampler.describe().get("rate")
    return entry


try:
    with open("config.json", "rb") as file:
        doc = parse(file.read(), False)[2]
    once("config", "validate", doc, board.bus_types())
    for raw in doc["sensors"]:
        out.append(asyncio.run(measure(raw)))
        gc.collect()
    error = None
except OSError as failed:
    error = "config.json: %s" % failed
except ConfigError as failed:
    error = "config.json: %s" % failed.detail
print(json.dumps({"sensors": out, "error": error}))
