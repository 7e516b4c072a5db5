"""How a node is and what it says about itself, as words: pure, so that it can be tested without a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babbitt.protocol.assessment import Assessment
from babbitt.store.views import NodeView
from babbitt.web import words
from babbitt.web.words import CLOCK_WORDS, duration, size

SIMULATED = 4
"""Clock quality of simulated time."""


def is_simulated(node: NodeView) -> bool:
    """True where the node's times come from a simulation or a replay."""
    return SIMULATED in ((node.state or {}).get("q"), (node.birth or {}).get("q"))


def age(node: NodeView, now_ms: int, instant: str) -> str:
    """How old the last record is; in simulated time, when it was in that time (``instant``)."""
    if node.last_t is None:
        return "no record yet"
    if is_simulated(node):
        return f"last record {instant} (simulated time)"
    return f"last record {duration((now_ms - node.last_t) / 1000)} ago"


def name_of(node: NodeView) -> str:
    """What people call the node: its asset's name, or its address before its first birth."""
    return node.asset or f"{node.site} / {node.node}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a node is, ready to show: the level whose colour it has (None: grey) and a text for each place."""

    level: str | None
    name: str
    word: str
    kind: str
    score: str
    outlook: str
    drivers: str
    fault: str
    link: str

    @classmethod
    def of(cls, node: NodeView, now_ms: int, instant: str) -> Judgement:
        """The judgement of ``node``; ``instant`` is the time of its last record as text."""
        judged = node.assessment
        word = words.level(judged)
        level = judged.level if judged else None
        if judged and judged.outlook == "beyond limit" and level in ("normal", "learning"):
            level, word = "warning", "Beyond limit"  # it may be over in a minute, but it is not normal
        faults = _listing((node.state or {}).get("faults") or {})
        drivers = ", ".join(judged.drivers[:3]) if judged else ""
        kind = words.KIND_WORDS.get(node.kind) or node.kind or "Unknown kind"
        there = node.online or node.asleep  # what sleeps is not lost: it is as it was
        link = "Online" if node.online else "Asleep" if node.asleep else "Offline"
        return cls(
            level=level if there else None,
            name=name_of(node),
            word=word if there else f"Offline, was: {word.lower()}",
            kind=f"{kind} · {node.site} / {node.node}",
            score=words.health(judged.health if judged else None),
            outlook=words.sentence(words.outlook(node.kind, judged)),
            drivers=(f"Driven by {drivers}" if drivers else "No channel stands out")
            + (", by its sister machines" if judged and judged.basis == "sisters" else "")
            + _place(judged),
            fault=f"Sensor fault: {faults.replace('_', ' ')}" if faults else "",
            link=f"{link} · {age(node, now_ms, instant)}",
        )


def _place(one: Assessment | None) -> str:
    """At which recipe and speed, where there is a choice."""
    if one is None or one.point is None or (not one.point.recipe and one.point.speed is None):
        return ""
    parts = ([f"recipe {one.point.recipe}"] if one.point.recipe else []) + (
        [f"about {one.point.speed:.0f} r/min"] if one.point.speed is not None else []
    )
    return " · " + ", ".join(parts)


def _listing(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in sorted(values.items()))


def _clock(node: NodeView) -> str:
    """What the host sees of the node's clock, to be put behind its quality."""
    said = ""
    if node.skew_ms is not None and node.skew_err_ms is not None:
        said += f", {node.skew_ms / 1000:+.1f} s (within {node.skew_err_ms / 1000:.1f} s)"
    if node.drift_ppm is not None:
        said += f", oscillator {node.drift_ppm:+.0f} ppm"
    return said


def _verdicts(node: NodeView) -> str:
    """Whether the host gets the node's verdicts from its records, too."""
    return f"{node.differences} differ from the host's" if node.differences else "as the host's"


def facts(node: NodeView) -> list[tuple[str, str]]:
    """Name and value of everything a technician asks first; 'unknown' where the node has not said it."""
    birth: Mapping[str, Any] = node.birth or {}
    state: Mapping[str, Any] = node.state or {}
    spool = state.get("spool") or {}
    discarded = state.get("discarded") or {}
    config = birth.get("config") or {}
    rssi = state.get("rssi")
    up = state.get("u")
    checks = birth.get("checks") or []
    sensors = birth.get("sensors") or []
    refused = state.get("refused")

    def known(value: Any, text: str = "{}") -> str:
        return "unknown" if value is None else text.format(value)

    return [
        ("Node", f"{node.site} / {node.node}"),
        ("Firmware", known(birth.get("fw"))),
        ("Board", known(birth.get("board"))),
        ("Boot", f"{known(birth.get('boot'))}, after {known(birth.get('reset')).replace('_', ' ')}"),
        ("Running for", "unknown" if up is None else duration(up / 1000)),
        ("Clock", known(CLOCK_WORDS.get(state.get("q", birth.get("q", -1)))) + _clock(node)),
        ("Verdicts", _verdicts(node)),
        ("Faults", _listing(state.get("faults") or {}) or ("none" if state else "unknown")),
        ("Sensors", ", ".join(f"{s.get('id')} ({s.get('driver')})" for s in sensors) or "unknown"),
        ("Checks", f"{len(checks)} running" if birth else "unknown"),
        ("Record interval", known(birth.get("interval"), "{} s")),
        ("Free memory", f"{size(state.get('heap_free'))}, largest block {size(state.get('heap_block'))}"),
        ("Spool", f"{known(spool.get('records'))} records, {size(spool.get('bytes'))} waiting"),
        ("Discarded", f"{known(discarded.get('rows'))} rows, {known(discarded.get('events'))} events"),
        ("Radio", "no radio" if state and rssi is None else known(rssi, "{} dBm")),
        ("Configuration", f"version {known(config.get('version'))}"),
        ("Refused messages", known(refused)),
        ("Task restarts", _listing(state.get("restarts") or {}) or ("none" if state else "unknown")),
        ("Last crash", birth.get("crash") or ("none" if birth else "unknown")),
        ("Loop lag", known(state.get("lag"), "{} ms")),
    ]
