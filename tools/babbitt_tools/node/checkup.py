"""What is wrong with a node that is plugged in: every sensor, the way to the broker, memory and flash, each with what to do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import babbitt_node
from babbitt_node.segment import FRAME
from babbitt_node.spool import HOLD_BYTES
from babbitt_tools.node.filesystem import BLOCK

LEVELS = ("ok", "look", "bad")
RECORDS = 5
RATE_OFF = 0.05  # a sampling rate that differs by more is not what was asked for
WEAK_DBM = -75
HEAP_LOW = 40_000  # bytes; a TLS connection takes 25 kB, building a new configuration as much
FLASH_LOW = 128 * 1024
ERASES = 100_000  # a block of flash bears about so many
YEARS_LOW = 3.0
ROW_BYTES = 150  # of a record: three axes and a thermometer


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is (LEVELS), in words, and what to do."""

    what: str
    level: str
    words: str
    do: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


WEAK_DO = "A weak signal: move the access point or the node, or take a board with an antenna."
NETWORK_DO = {
    "network": "Check the name of the Wi-Fi and its password (`babbitt node provision --wifi NAME`), 2.4 GHz, and the distance.",
    "clock": "Check `ntp` in node.json and that the network lets UDP port 123 through.",
    "broker": "Is the host running, does it listen on the network (`babbitt host --listen 0.0.0.0:1883`), does a firewall stop it?",
    "settings": "`babbitt node provision` writes node.json anew.",
}
SENSOR_DO = {
    "no_device": "Check power and the data lines, wire by wire, against the drawing in the board's folder.",
    "wrong_identity": "Another chip answers: check the chip select or address, and the driver in config.json.",
    "crc": "Shorter wires, a firm ground, and the pull-up of 4.7 kOhm at the sensor.",
    "power_on_value": "The sensor's supply drops while it converts: three wires instead of two, or a stiffer supply.",
    "range": "Check the cable; if that is sound, the sensor is not.",
    "stuck": "The sensor says the same for ever: check its data line, power it off and on.",
    "clipping": "A larger range_g; if the machine does not shake that much, the sensor is broken.",
    "loose": "Tighten the sensor. If it was mounted anew, restart the node.",
    "silent": "Check the sensor's supply: it may have been reset.",
    "wire_break": "Check wires, terminals, and the transmitter's supply.",
    "short_circuit": "Check the cable, and the terminal box for water.",
    "overrange": "The transmitter reports a failure, or an input is wired wrongly: its manual, the wiring.",
    "wrong_rate": "The sensor was reset or is a copy: check its supply.",
    "timeout": "Check the sensor's supply and wires.",
    "fifo_overflow": "The node does not read fast enough: a lower rate_hz, or a faster bus.",
    "config_invalid": "Repair config.json where it says: `babbitt node provision --config FILE`.",
}
"""A fault of a sensor (names of `babbitt_node.errors`): what to do."""
RATE_DO = "The sensor's clock is off or readings are lost: check the wiring of the bus."


def sensors(found: Mapping[str, Any]) -> list[Finding]:
    """What `onboard/sensors.py` saw: a finding a sensor, or the one that there is no configuration."""
    if found["error"]:
        return [
            Finding(
                "config",
                "bad",
                found["error"],
                "Give it one: `babbitt node provision --config FILE`, or `babbitt desired`.",
            )
        ]
    return [_sensor(entry) for entry in found["sensors"]]


def _sensor(entry: Mapping[str, Any]) -> Finding:
    what = f"sensor {entry['id']} ({entry['driver']} on {entry['bus']})"
    if entry["fault"]:
        do = SENSOR_DO.get(entry["fault"], "docs/operations.md explains this fault.")
        return Finding(what, "bad", f"{entry['fault']}: {entry['detail']}", do, {"fault": entry["fault"]})
    channels: dict[str, dict[str, float | str | None]] = {}
    for at, (name, (unit, exp)) in enumerate(zip(entry["channels"], entry["units"], strict=True)):
        values = [row[at] * 10.0**exp for row in entry["rows"] if row[at] is not None]
        channels[name] = {
            "value": values[-1] if values else None,
            "noise": statistics.pstdev(values) if len(values) > 1 else None,
            "unit": unit,
        }
    words = ", ".join(
        f"{name.partition('.')[2]} {_number(c['value'])} ± {_number(c['noise'])} {c['unit']}".rstrip()
        for name, c in channels.items()
        if not name.endswith(
            (".overflow", ".clip", ".rate", ".min", ".max", ".slope", ".crest", ".kurt", ".peak")
        )
    )
    rate = channels.get(f"{entry['id']}.rate", {}).get("value")
    facts: dict[str, Any] = {"channels": channels}
    if entry["rate_hz"] and isinstance(rate, float):
        facts |= {"rate_hz": rate, "asked_hz": entry["rate_hz"]}
        words += f"; {rate:,.0f} samples/s of {entry['rate_hz']:,} asked for"
        if abs(rate / entry["rate_hz"] - 1) > RATE_OFF:
            return Finding(what, "look", words, RATE_DO, facts)
    for name, seen, fault in (
        ("overflow", "samples were lost", "fifo_overflow"),
        ("clip", "samples are at the limit of the range", "clipping"),
    ):
        if _ever(entry, name):
            return Finding(what, "look", f"{words}; {seen}", SENSOR_DO[fault], facts)
    return Finding(what, "ok", words, "", facts)


def network(found: Mapping[str, Any]) -> list[Finding]:
    """What `onboard/network.py` saw: a finding a step as far as it got, and the memory that is left."""
    findings = []
    for step in found["steps"]:
        name = {"broker": f"broker {found.get('broker', '')}" + (" by TLS" if found.get("tls") else "")}.get(
            step["step"], step["step"]
        )
        if step["error"]:
            findings.append(
                Finding(
                    name,
                    "bad",
                    f"{step['error']}: {step['detail']}",
                    NETWORK_DO[step["step"]],
                    {"ms": step["ms"]},
                )
            )
            continue
        words = f"{step['detail'] or 'answers'} ({step['ms']} ms)"
        weak = (
            step["step"] == "network"
            and step["detail"].endswith("dBm")
            and int(step["detail"].split()[0]) < WEAK_DBM
        )
        findings.append(
            Finding(
                name, "look" if weak else "ok", words, WEAK_DO if weak else "",
                {"ms": step["ms"]},
            )
        )  # fmt: skip
    free = found["heap_after"]
    findings.append(
        Finding(
            "memory", "ok" if free >= HEAP_LOW else "look", f"{free // 1024} kB of the heap are free with the network up",
            "" if free >= HEAP_LOW else "A smaller window, fewer sensors or checks, or a board with PSRAM.", {"heap_free": free},
        )
    )  # fmt: skip
    return findings


def about(
    who: Mapping[str, Any], files: Mapping[str, Any], config: Mapping[str, Any] | None, hold_s: int
) -> list[Finding]:
    """Firmware, and how full the flash is and how long it lasts.

    Args:
        who: what `onboard/who.py` said; files: `free` and `size` of the file system in bytes, of `onboard/hashes.py`.
        config: config.json (None: there is none); hold_s: `spool_hold_s` of node.json, seconds.
    """
    own = babbitt_node.__version__
    same = who["firmware"] == own
    findings = [
        Finding(
            "firmware", "ok" if same else "look",
            f"Babbitt {who['firmware']} on MicroPython {who['micropython']}, board {who['board']}, boot {who['boot']}",
            "" if same else f"This PC has {own}: `babbitt node deploy` brings the node up to date.", {"firmware": who["firmware"]},
        )
    ]  # fmt: skip
    free, size = files["free"], files["size"]
    years = wear(free, config, hold_s)
    words = f"{free // 1024} of {size // 1024} kB are free"
    if years is not None:
        words += (
            f"; at the rate of now it lasts about {years:,.0f} years"
            if years >= 1
            else f"; at the rate of now it lasts {years * 12:.0f} months"
        )
    bad = free < FLASH_LOW or (years is not None and years < YEARS_LOW)
    findings.append(
        Finding(
            "flash", "look" if bad else "ok", words,
            "A longer interval_s or spool_hold_s spares it, a smaller spool_bytes makes room." if bad else "", {"free": free, "years": years},
        )
    )  # fmt: skip
    return findings


def wear(free: int, config: Mapping[str, Any] | None, hold_s: int) -> float | None:
    """Years until the `free` bytes are worn out, the host being there; None: nothing is measured.

    Rows are written together: as many as come in `hold_s` seconds, at most what the node's hold takes. A write begins a block of its own
    and fills others by its length. Within a tenth of what the real spool was measured to last (docs/operations.md, 'How long the flash
    lasts'), for rows of ROW_BYTES.
    """
    if config is None:
        return None
    interval_s = max(float(config.get("interval_s", 10)), 0.001)
    row: int = ROW_BYTES + FRAME
    most: int = HOLD_BYTES // row
    together = max(1.0, min(hold_s / interval_s, most))
    erases_a_day = 86400 / (interval_s * together) * (1 + together * row / BLOCK)
    return free / BLOCK * ERASES / erases_a_day / 365.25


def worst(findings: list[Finding]) -> str:
    """The worst level of all."""
    return max((f.level for f in findings), key=LEVELS.index, default="ok")


def _ever(entry: Mapping[str, Any], name: str) -> bool:
    """Whether the channel `name` of a sensor was not zero in any of its records."""
    channel = f"{entry['id']}.{name}"
    if channel not in entry["channels"]:
        return False
    at = entry["channels"].index(channel)
    return any(row[at] for row in entry["rows"])


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return (
        f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
        if abs(value) < 1000
        else f"{value:,.0f}"
    )
