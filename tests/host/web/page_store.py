"""A real store filled for the page's tests: nodes with limits, records, assessments and events.

It writes as the host does, through StoreWriter; ``demo_like`` gives the three assets of the demo: a worn
bearing, a healthy motor, a cold room that weakens.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from babbitt.protocol.assessment import Assessment, Interval
from babbitt.protocol.messages import Birth, Event, decode_kind
from babbitt.store import log
from babbitt.store.keeper.keeper import Keeper
from babbitt.store.writer import StoreWriter

MINUTE = 60_000
HOUR = 3_600_000
INSTALL = "9f3a01bc"


def vibration_channels() -> list[dict[str, Any]]:
    """The channels of an ADXL345 called ``vib``, as a birth announces them."""
    channels: list[dict[str, Any]] = []
    for axis in "xyz":
        for feature, unit, exp, hi in (
            ("rms", "g", -6, 16_000_000),
            ("peak", "g", -6, 16_000_000),
            ("crest", "1", -3, 100_000),
            ("kurt", "1", -3, 1_000_000),
        ):
            channels.append({"id": f"vib.{axis}.{feature}", "unit": unit, "exp": exp, "lo": 0, "hi": hi})
    channels.append({"id": "vib.rate", "unit": "Hz", "exp": -3, "lo": 0, "hi": 4_000_000})
    channels.append({"id": "vib.overflow", "unit": "1", "exp": 0, "lo": 0, "hi": 1000})
    channels.append({"id": "vib.clip", "unit": "1", "exp": 0, "lo": 0, "hi": 1000})
    return channels


def temperature_channels() -> list[dict[str, Any]]:
    """The channels of a DS18B20 called ``temp``."""
    channels = [
        {"id": f"temp.{name}", "unit": "degC", "exp": -3, "lo": -55_000, "hi": 125_000}
        for name in ("mean", "min", "max")
    ]
    return [*channels, {"id": "temp.slope", "unit": "degC/h", "exp": -3, "lo": -900_000, "hi": 900_000}]


def limit_check(name: str, channel: str, **limits: int) -> dict[str, Any]:
    """A limit check as in a birth; limits in the unit and exponent of the channel."""
    return {"id": name, "type": "limit", "channel": channel, **limits}


class Filler:
    """Writes into the store in ``folder``. Every call is one transaction, visible to readers at once."""

    def __init__(self, folder: Path) -> None:
        self.writer = StoreWriter(folder)
        self.seq: dict[str, int] = {}

    def close(self) -> None:
        """Close the store."""
        self.writer.close()

    def node(
        self,
        node: str,
        name: str,
        kind: str,
        channels: Sequence[dict[str, Any]],
        checks: Sequence[dict[str, Any]] = (),
        *,
        q: int = 3,
        online: bool = True,
        faults: dict[str, str] | None = None,
        running: dict[str, Any] | None = None,
    ) -> None:
        """A node of site ``plant`` that has sent its birth and its state."""
        birth = {
            "i": INSTALL, "fw": "0.1.0", "board": "ESP32_GENERIC", "boot": 1, "reset": "power_on",
            "prev": None, "oldest": {"boot": 1, "seq": 0}, "discards": [], "q": q,
            "asset": {"name": name, "kind": kind}, "interval": 60, "channels": list(channels),
            "checks": list(checks), "sensors": [{"id": "vib", "driver": "adxl345", "fault": None}],
            "config": {"version": 3, "hash": "00ff00ff00ff00ff"},
        } | ({"running": running} if running else {})  # fmt: skip
        state = {
            "online": online, "i": INSTALL, "boot": 1, "u": 86_400_000, "t": None, "q": q, "rssi": -61,
            "heap_free": 61_440, "heap_block": 40_960, "next": 1440, "sent": 1439,
            "spool": {"records": 4, "bytes": 812}, "discarded": {"rows": 0, "events": 0}, "discards": [],
            "faults": faults or {}, "refused": 0, "restarts": {},
        }  # fmt: skip
        raw = json.dumps(birth).encode()
        said = decode_kind("birth", raw)
        assert isinstance(said, Birth)
        with self.writer.transaction():
            key = self.key(node)
            self.writer.birth(key, self.install(node), said, raw)
            self.writer.set("nodes", key, state=json.dumps(state), online=online, heard=0)

    def key(self, node: str) -> int:
        """The store's key of a node."""
        return self.writer.node("plant", node)

    def install(self, node: str) -> int:
        """The store's key of a node's only installation."""
        return self.writer.install(self.key(node), INSTALL)

    def rows(self, node: str, rows: Sequence[tuple[int, Sequence[int | None]]]) -> None:
        """Records: times in ms and values as on the wire."""
        with self.writer.transaction():
            install = self.install(node)
            packed: dict[int, list[bytes]] = {}
            for t, values in rows:
                seq = self.seq[node] = self.seq.get(node, -1) + 1
                raw = [log.NULL if value is None else value for value in values]
                packed.setdefault(len(raw), []).append(
                    log.packer(len(raw))(install, 1, seq, 0, 0, -1, t, t, 0, *raw)
                )
            self.writer.log([(width, b"".join(some)) for width, some in packed.items()])
            self.writer.latest(self.key(node), max(t for t, _ in rows))
        keeper = Keeper(self.writer.path)
        keeper.run_until_idle()
        keeper.close()

    def assess(self, node: str, assessments: Sequence[Assessment]) -> None:
        """Assessments of a node."""
        with self.writer.transaction():
            for one in assessments:
                self.writer.assessment(self.key(node), one, slot_ms=1)

    def check_event(self, node: str, t: int, **said: Any) -> None:
        """An event of a check on ``vib.x.rms``; ``said`` overrides fields of the message."""
        seq = self.seq[node] = self.seq.get(node, -1) + 1
        whole = {
            "i": INSTALL, "boot": 1, "seq": seq, "u": t, "t": t, "q": 3, "check": "vib.x.high",
            "ch": "vib.x.rms", "from": "N", "to": "H", "sev": 1, "value": 182_000, "limit": 180_000,
            "for": 30, "ev": {}, **said,
        }  # fmt: skip
        event = decode_kind("event", json.dumps(whole).encode())
        assert isinstance(event, Event)
        with self.writer.transaction():
            self.writer.event(self.key(node), self.install(node), t, 0, -1, event, "g", -6)

    def host_event(self, node: str, t: int, sev: int, text: str) -> None:
        """An event of the host about a node."""
        with self.writer.transaction():
            self.writer.host_event(self.key(node), t, "assessment", "normal", "warning", sev, text)


def worse(wear: float) -> str:
    """The level of a bearing with ``wear`` 0..1."""
    return "normal" if wear < 0.3 else "warning" if wear < 0.75 else "alarm"


def vibration_row(x: float, rng: random.Random, impulsive: float = 0.0) -> list[int | None]:
    """One record of a vibration node whose x axis has an RMS of ``x`` g; values as on the wire."""
    out: list[int | None] = []
    for scale in (1.0, 0.8, 0.55):
        rms = x * scale * rng.uniform(0.96, 1.04)
        crest = 3.4 + impulsive * rng.uniform(2.0, 3.0)
        kurt = 3.0 + impulsive * rng.uniform(3.0, 5.0) + rng.uniform(-0.1, 0.1)
        out += [int(rms * 1e6), int(rms * crest * 1e6), int(crest * 1e3), int(kurt * 1e3)]
    return [*out, 3_200_000 + rng.randrange(-900, 900), 0, 0]


VIBRATION_CHECKS = (
    limit_check("vib.x.high", "vib.x.rms", h=180_000, hh=280_000),
    limit_check("vib.y.high", "vib.y.rms", h=180_000, hh=280_000),
    limit_check("vib.z.high", "vib.z.rms", h=180_000, hh=280_000),
    limit_check("vib.x.kurt", "vib.x.kurt", h=6_000),
)
TEMPERATURE_CHECKS = (limit_check("temp.range", "temp.mean", ll=-2_000, l=0, h=7_000, hh=9_000),)


def fill_bearing(fill: Filler, end: int, hours: int = 20, step: int = 2 * MINUTE, q: int = 3) -> None:
    """``fan-1``: a worn bearing, in alarm, with a shrinking useful life."""
    rng = random.Random(1)
    fill.node("fan-1", "Supply fan 1", "machine", vibration_channels(), VIBRATION_CHECKS, q=q)
    rows, found = [], []
    count = hours * HOUR // step
    for n in range(count + 1):
        t, age = end - (count - n) * step, n / count
        wear = max(0.0, age - 0.35) / 0.65
        level = 0.085 * math.exp(1.15 * wear)
        rows.append((t, vibration_row(level, rng, wear**2)))
        learning = age < 0.12
        anomaly = None if learning else (level / 0.085) ** 1.6 * 0.42 + rng.uniform(-0.02, 0.02)
        left = 260.0 * (1.0 - wear) + 34.0
        found.append(
            Assessment(
                t_ms=t,
                level="learning" if learning else worse(wear),
                anomaly=anomaly,
                health=None if anomaly is None else min(100.0, 100.0 - 28.0 * max(0.0, anomaly - 0.4)),
                drivers=() if learning or wear < 0.1 else ("vib.x.kurt", "vib.x.rms"),
                outlook="learning" if learning else "stable" if wear < 0.2 else "trend",
                remaining=None if wear < 0.2 else Interval(left * 0.6, left, left * 1.7),
            )
        )
    fill.rows("fan-1", rows)
    fill.assess("fan-1", found)
    fill.host_event("fan-1", end - 9 * HOUR, 1, "Health fell to 78: kurtosis of the x axis is growing")
    fill.check_event("fan-1", end - 3 * HOUR)
    fill.host_event("fan-1", end - HOUR // 2, 2, "Supply fan 1 is in alarm: vib.x.kurt, vib.x.rms")


def fill_motor(fill: Filler, end: int, hours: int = 20, step: int = 2 * MINUTE, q: int = 3) -> None:
    """``pump-7``: a healthy motor."""
    rng = random.Random(2)
    fill.node("pump-7", "Pump 7 motor", "machine", vibration_channels(), VIBRATION_CHECKS, q=q)
    count = hours * HOUR // step
    times = [end - (count - n) * step for n in range(count + 1)]
    fill.rows("pump-7", [(t, vibration_row(0.06, rng)) for t in times])
    fill.assess(
        "pump-7",
        [
            Assessment(t, "learning", None, None, (), "learning", None)
            if n < count * 0.12
            else Assessment(
                t, "normal", 0.3 + rng.uniform(0, 0.1), 96 + rng.uniform(-1, 1), (), "stable", None
            )
            for n, t in enumerate(times)
        ],
    )


def fill_cold_room(fill: Filler, end: int, hours: int = 20, step: int = 2 * MINUTE, q: int = 3) -> None:
    """``cold-2``: a cold room whose cooling weakens, with a time to its limit."""
    rng = random.Random(3)
    fill.node("cold-2", "Cold room 2", "cold_room", temperature_channels(), TEMPERATURE_CHECKS, q=q)
    rows, found = [], []
    count = hours * HOUR // step
    for n in range(count + 1):
        t, age = end - (count - n) * step, n / count
        mean = 3.6 + 1.5 * max(0.0, age - 0.3) + 0.7 * math.sin(n / 9) + rng.uniform(-0.05, 0.05)
        rows.append((t, [int(1000 * v) for v in (mean, mean - 0.3, mean + 0.3, 60 * math.cos(n / 9) / 60)]))
        level = "learning" if age < 0.2 else "normal" if age < 0.7 else "warning"
        left = 120.0 - 60.0 * age
        drift = max(0.0, age - 0.3)
        found.append(
            Assessment(
                t_ms=t,
                level=level,
                anomaly=None if age < 0.2 else 0.5 + 0.8 * drift,
                health=None if age < 0.2 else 100 - 38 * drift,
                drivers=("temp.mean",) if age > 0.6 else (),
                outlook="learning" if age < 0.2 else "no trend" if age < 0.5 else "trend",
                remaining=None if age < 0.5 else Interval(left * 0.65, left, left * 1.6),
            )
        )
    fill.rows("cold-2", rows)
    fill.assess("cold-2", found)
    fill.host_event("cold-2", end - 5 * HOUR, 1, "Cooling weakens: the room warms by 0.07 °C an hour")


def demo_like(folder: Path, end: int, q: int = 3) -> Filler:
    """A store with the three assets of the demo, their last record at ``end`` (ms); the caller closes it."""
    fill = Filler(folder)
    fill_bearing(fill, end, q=q)
    fill_motor(fill, end, q=q)
    fill_cold_room(fill, end, q=q)
    return fill
