"""How long does a battery last? Charge a day of a node that sleeps between its records, estimated.

    python bench/power.py [--interval S] [--publish S]        QUICK=1 runs a third of a day

The node (an accelerometer window of 512 samples and a thermometer, one record in `--interval`, published once in
`--publish`) runs on the virtual board against a real broker. Measured are how long it is awake for a record and how
long for a publication, in virtual time: what bus transfers, conversions, waiting and the model of the radio take. What
the processor takes to start MicroPython, to import and to compute is not in it, nor are the currents: CURRENTS and
START_S below are data, to be replaced by what is measured on a board. The figure is an estimate and no measurement.
The baseline is the same node always awake.

The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import heap

ROOT = Path(__file__).resolve().parent.parent
CURRENTS = {  # mA at 3.3 V
    "sleep": 0.012,  # ESP32 data sheet: deep sleep with RTC timer and RTC memory 0.010; DS18B20 and ADXL345 standby
    "awake": 50.0,  # ESP32 data sheet: modem sleep at 240 MHz 30..68, and the sensors
    "online": 120.0,  # receiving 95..100, now and then sending 180..240
    "always": 80.0,  # awake with the radio in power save between beacons
}
START_S = 1.5  # assumed: boot of MicroPython and imports, each waking
BATTERY_MAH = 2600  # one 18650 cell at four fifths of 3250
GOAL = 14.2  # mAh a day: half a year on that cell


class Host(heap.Listener):
    """Greets a node that is born, as the host does."""

    def take(self, what: str, doc: dict[str, Any]) -> None:
        """A message of the node arrived."""
        if what == "birth":
            self.back()


def awake(folder: Path, port: int, interval_s: int, publish_s: int, records: int) -> tuple[float, int, int]:
    """(seconds awake, records, publications) of a node until it has slept `records` times."""
    from babbitt_tools.vboard.board import VirtualBoard

    wifi = {"ssid": "bench", "password": "bench"}
    node = {"site": "bench", "node": "node", "broker": {"host": "127.0.0.1", "port": port}, "wifi": wifi}
    config = {
        **heap.CONFIG, "checks": [], "interval_s": interval_s, "power": {"publish_every_s": publish_s}
    }  # fmt: skip
    host = Host(port)
    board = VirtualBoard(
        "node", folder, heap.Shaking(), node=node, config=config, speed=100.0, sleep_speed=1e6
    )
    try:
        board.start()
        end = time.monotonic() + 20 + records * 3
        target = records * interval_s * 1_000_000
        while board.now_us < target and board.alive and time.monotonic() < end:
            time.sleep(0.01)
        while not board.asleep and board.alive and time.monotonic() < end:
            time.sleep(0.01)
        if board.now_us < target:
            raise SystemExit(f"the node stood still:\n{board.log_tail()}")
        wakings = round(board.now_us / interval_s / 1e6)
        return (board.now_us - board.asleep_us) / 1e6, wakings, host.births
    finally:
        board.stop()
        host.close()


def main() -> int:
    """Run the bench; returns the exit status."""
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    words.add_argument("--interval", type=int, default=300, help="seconds between records")
    words.add_argument("--publish", type=int, default=3600, help="seconds between publications")
    words.add_argument("--data", help="not needed: nothing is read")
    said = words.parse_args()
    sys.path[:0] = [str(ROOT / "firmware"), str(ROOT / "tools"), str(ROOT / "host")]
    from babbitt.acquisition.broker import EmbeddedBroker

    records = (30 if os.environ.get("QUICK") else 288) * 300 // said.interval
    broker = EmbeddedBroker()
    broker.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            silent = awake(Path(name) / "silent", broker.port, said.interval, 86400, records)
            told = awake(Path(name) / "told", broker.port, said.interval, said.publish, records)
    finally:
        broker.stop()
    publications = told[2] - silent[2]
    online_s = max(0.0, told[0] / told[1] - silent[0] / silent[1]) * told[1] / max(1, publications)
    record_s = (silent[0] - online_s * silent[2]) / silent[1]
    a_day, published = 86400 / said.interval, 86400 / said.publish
    awake_s, radio_s = a_day * (record_s + START_S), published * online_s
    charge = {
        "sleep": (86400 - awake_s - radio_s) * CURRENTS["sleep"] / 3600,
        "records": awake_s * CURRENTS["awake"] / 3600,
        "online": radio_s * CURRENTS["online"] / 3600,
    }
    figure, baseline = sum(charge.values()), 24 * CURRENTS["always"]
    print(
        json.dumps(
            {
                "bench": "power",
                "figure": round(figure, 2),
                "unit": "mAh a day, estimated",
                "baseline": baseline,
                "ratio": round(figure / baseline, 4),
                "goal": GOAL,
                "ok": figure <= GOAL and publications > 0,
                "baseline_is": "the same node always awake",
                "interval_s": said.interval,
                "publish_every_s": said.publish,
                "awake_s_a_record": round(record_s, 3),
                "online_s_a_publication": round(online_s, 3),
                "start_s_assumed": START_S,
                "currents_ma": CURRENTS,
                "mah_a_day": {k: round(v, 2) for k, v in charge.items()},
                "days_on": {"mah": BATTERY_MAH, "days": round(BATTERY_MAH / figure)},
                "wakings": told[1],
                "publications": told[2],
            }
        )
    )
    return 0 if figure <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
