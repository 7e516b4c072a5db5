"""``babbitt status``: how the nodes and their machines are."""

from __future__ import annotations

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table, when
from babbitt.health.first import first
from babbitt.health.roomwords import cooling, doors, goods_between, hours_left
from babbitt.prognosis.fleet.foretold import Foretold, kept, plain
from babbitt.prognosis.fleet.foretold import first as whose
from babbitt.protocol.assessment import Assessment, Interval
from babbitt.protocol.room import Room
from babbitt.store.reader import StoreReader
from babbitt.store.views import NodeView


def status(store: StoreOption, json: JsonOption = False) -> None:
    """Print one line for each node."""
    reader = StoreReader(store)
    nodes = reader.nodes()
    fleet = kept(store)
    if json:
        print_json(
            {
                "nodes": nodes,
                "quarantined": reader.quarantine_total(),
                "fleet": [plain(one) for one in fleet.values()],
                "diagnoses": [one for n in nodes for one in reader.diagnoses(n.site, n.node)],
            }
        )
        return
    rows = [
        (
            f"{n.site}/{n.node}",
            "online" if n.online else "asleep" if n.asleep else "offline",
            when(n.last_t),
            *_verdict(n.assessment, fleet.get((n.site, n.node))),
            _what(n),
        )
        for n in nodes
    ]
    columns = ("node", "link", "last record", "state", "health", "remaining", "asset")
    print_table("Nodes", columns, rows, "No node has been heard yet.")
    for one in first((n.site, n.asset or n.node, n.assessment) for n in nodes if n.online or n.asleep):
        print(one.text)
    for n in nodes:
        for reach in n.assessment.reaches if n.assessment else ():
            print(f"{n.site}/{n.node}: {reach.channel} is at its limit {reach.at:g} in {_span(reach.left)}.")
    for n in nodes:
        if n.assessment and n.assessment.room:
            print(f"{n.site}/{n.node}: {_room(n.assessment.room)}.")
    for n in nodes:
        for told in reader.diagnoses(n.site, n.node):
            print(f"{n.site}/{n.node}: cause {told.words}, by a waveform of {when(told.t or told.received)}.")
    if refused := reader.quarantine_total():
        print(f"Messages refused: {refused}; see `babbitt quarantine`.")


def _room(room: Room) -> str:
    parts = [f"{room.state} since {when(room.since_ms)}"]
    if room.goods:
        left = f", {hours_left(room.goods)}" if room.goods.to_limit else ""
        parts.append(f"goods {goods_between(room.goods)}{left}")
    parts += [f"{name} {text}" for name, text in cooling(room)[:1]]
    if (opened := doors(room)) is not None:
        parts.append(f"doors opened today {opened}")
    return "; ".join(parts)


def _what(node: NodeView) -> str:
    """The asset, and which of its sensors have a fault."""
    faults = (node.state or {}).get("faults", {})
    return ", ".join([node.asset or "?", *(f"sensor {sensor}: {fault}" for sensor, fault in faults.items())])


def _verdict(one: Assessment | None, fleet: Foretold | None) -> tuple[str, str, str]:
    by_fleet = f"{fleet.span}, by its fleet" if fleet is not None and whose(one, fleet) == "fleet" else ""
    if one is None:
        return "-", "-", by_fleet or "-"
    health = "-" if one.health is None else f"{one.health:.0f}"
    known = one.remaining is not None and one.outlook != "beyond limit"
    if by_fleet:
        return one.level, health, by_fleet
    said = _span(one.remaining) if known and one.remaining else one.outlook
    return one.level, health, f"{said} by other lives" if one.outlook == "lives" else said


def _span(left: Interval) -> str:
    unit, hours = ("d", 24.0) if left.p10 >= 48 else ("h", 1.0)
    return f"{left.p50 / hours:.0f} {unit} ({left.p10 / hours:.0f} to {left.p90 / hours:.0f})"
