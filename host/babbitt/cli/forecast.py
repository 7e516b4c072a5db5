"""``babbitt forecast``: what the temperatures of a node will be in 15, 60 and 120 minutes, and how long a machine lives."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table, when
from babbitt.health.roomwords import cooling, defrosts, doors, goods_between, hours_left
from babbitt.prognosis.fleet.foretold import Foretold, first, of, plain
from babbitt.protocol.assessment import Assessment
from babbitt.protocol.room import Room
from babbitt.store.reader import StoreReader


def forecast(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    store: StoreOption,
    channel: Annotated[str | None, typer.Option(help="Only this channel, as temp.mean.")] = None,
    json: JsonOption = False,
) -> None:
    """Forecast each temperature of a node from what the store has of it, with intervals that hold nine times of ten."""
    from babbitt.prognosis.foreseen import Foreseer
    from babbitt.prognosis.temperature import READY, STEP_MS

    reader = StoreReader(store)
    found = [(one.channel, one.t, one.forecasts) for one in Foreseer().foresee(reader, site, node, channel)]
    view = reader.node(site, node)
    judged, fleet = view.assessment, of(store, site, node)
    room = judged.room if judged else None
    reader.close()
    if json:
        channels = [{"channel": name, "from": at, "forecasts": some} for name, at, some in found]
        print_json({"site": site, "node": node, "channels": channels, "room": room} | _life(judged, fleet))
        return
    print_table(
        f"Temperatures of {site}/{node}, degrees C: in the middle, and where they will be nine times of ten",
        ("channel", "from", "in", "middle", "low", "high"),
        [
            (name, when(at), f"{f.minutes} min", f"{f.middle:.1f}", f"{f.low:.1f}", f"{f.high:.1f}")
            for name, at, some in found
            for f in some
        ],
        f"Nothing can be forecast yet: it takes {READY * STEP_MS // 3_600_000} hours of a temperature, and a while more.",
    )
    if room is not None:
        _tell(room)
    if view.kind == "machine":
        _tell_life(judged, fleet)


def _life(own: Assessment | None, fleet: Foretold | None) -> dict[str, Any]:
    """As plain JSON types: by the machine's own model, by its fleet, and whose is shown first."""
    return {"own": own and own.remaining, "fleet": plain(fleet), "first": first(own, fleet)}


def _tell_life(own: Assessment | None, fleet: Foretold | None) -> None:
    """How long a machine still lives, the better of both first."""
    left = None if own is None else own.remaining
    words = "no assessment yet" if own is None else own.outlook
    said = words if left is None else f"{left.p50:.0f} h ({left.p10:.0f} to {left.p90:.0f})"
    if own is not None and own.outlook == "lives":
        said = f"no trend; by the lives of others {said}"
    lines = [f"Remaining life by its own trend: {said}."]
    if fleet is not None:
        number = fleet.span or f"no number: {fleet.why}"
        lines.append(f"Remaining life by its fleet: {number}; {fleet.source}, as of {when(fleet.t)}.")
        if first(own, fleet) == "fleet":
            lines.reverse()
        lines.append(f"Which first: {fleet.first_text}.")
        if fleet.advice is not None:
            lines.append(fleet.advice.said(" h"))
    print("\n".join(lines))


def _tell(room: Room) -> None:
    """What the host's last assessment says of the room behind the temperatures."""
    print(f"The room ({room.channel}): {room.state} since {when(room.since_ms)}.")
    if room.goods is not None:
        print(f"Goods, by the thermal model: {goods_between(room.goods)}, {hours_left(room.goods)}.")
    today = [
        f"{name} {text}"
        for name, text in (("doors opened", doors(room)), ("defrosts", defrosts(room)))
        if text is not None
    ]
    if today:
        print(f"Today (UTC): {'; '.join(today)}.")
    if known := cooling(room):
        print(f"Cooling, last days: {', '.join(f'{name} {text}' for name, text in known)}.")
