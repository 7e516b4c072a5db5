"""Draws how the sensors are wired to a board: `boards/<NAME>/wiring.svg` from what is written down there.

    python -m babbitt_tools.wiring boards/ESP32_GENERIC

`board.json` says which pin of the board is which line of a bus, `wiring.json` which parts sit on which bus, and
`boards/parts.json` how a part's own pins are called and what it needs beside wires. So a drawing cannot say another
pin than the firmware uses. The drawing is made by schemdraw.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babbitt_tools.errors import BoardError

ROW = 0.75  # of a pin, in the drawing's unit
GAP = 1.2  # between two parts
BOARD_WIDTH, PART_WIDTH, WIRE = 4.6, 4.6, 5.6
SUPPLY = {"3V3": "#c62828", "GND": "#212121", "5V": "#ef6c00"}
SIGNALS = ("#1565c0", "#2e7d32", "#6a1b9a", "#00838f", "#ad6c00", "#4e342e")


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire: the board's pin, the part's pin, and the resistor between it and a supply, if any."""

    board: str
    part: str
    pull: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part with its wires, from top to bottom."""

    title: str
    bus: str
    wires: tuple[Wire, ...]


def parts(board: Mapping[str, Any], wiring: Mapping[str, Any], known: Mapping[str, Any]) -> list[Part]:
    """The parts of a drawing.

    Args:
        board: content of `board.json`.
        wiring: content of `wiring.json`: `parts`, a list of `{"part", "bus"}`.
        known: content of `parts.json`.

    Raises:
        BoardError: a part, bus or line that is not there.
    """
    buses = board["babbitt"]["buses"]
    found = []
    for entry in wiring["parts"]:
        name, bus = entry["part"], entry["bus"]
        if name not in known:
            raise BoardError(f"parts.json has no {name!r}; it has {', '.join(sorted(known))}")
        if bus not in buses:
            raise BoardError(f"board.json has no bus {bus!r}; it has {', '.join(sorted(buses))}")
        part, lines = known[name], buses[bus]
        if lines["type"] != part["bus"]:
            raise BoardError(f"{name} needs a bus of type {part['bus']}, {bus} is {lines['type']}")
        wires = []
        for pin, line in part["pins"]:
            if line not in SUPPLY and line not in lines:
                raise BoardError(f"{name}: the bus {bus} has no line {line!r}")
            pull = part.get("pull", {}).get(pin)
            wires.append(
                Wire(line if line in SUPPLY else f"GPIO{lines[line]}", pin, tuple(pull) if pull else None)
            )
        found.append(Part(part["title"], bus, tuple(wires)))
    return found


def draw(title: str, made: list[Part]) -> bytes:
    """The drawing as SVG."""
    import schemdraw
    from schemdraw import elements as elm

    schemdraw.use("svg")
    schemdraw.svgconfig.text = "text"
    height = sum((len(p.wires) + 1) * ROW for p in made) + GAP * (len(made) + 1)
    with schemdraw.Drawing(show=False) as drawing:
        drawing.config(fontsize=11, lw=1.6, bgcolor="white")
        drawing.add(_box(elm, (0, 0), (BOARD_WIDTH, -height), "#e8eef4"))
        drawing.add(elm.Label().at((BOARD_WIDTH / 2, -0.55)).label(title, fontsize=13))
        top = -GAP
        for part in made:
            for element in _part(elm, part, top):
                drawing.add(element)
            top -= (len(part.wires) + 1) * ROW + GAP
    return bytes(drawing.get_imagedata("svg"))


def _part(elm: Any, part: Part, top: float) -> Iterator[Any]:
    left, right = BOARD_WIDTH + WIRE, BOARD_WIDTH + WIRE + PART_WIDTH
    bottom = top - (len(part.wires) + 1) * ROW
    yield _box(elm, (left, top + ROW / 2), (right, bottom + ROW / 2), "#fdf3e3")
    yield elm.Label().at(((left + right) / 2, top - 0.15)).label(part.title, fontsize=12)
    rows = {wire.board: top - (i + 1) * ROW for i, wire in enumerate(part.wires)}
    signals = iter(SIGNALS)
    for wire in part.wires:
        y = rows[wire.board]
        color = SUPPLY.get(wire.board) or next(signals)
        yield elm.Line().at((BOARD_WIDTH, y)).to((left, y)).color(color)
        yield (
            elm.Label()
            .at((BOARD_WIDTH - 0.12, y))
            .label(wire.board, halign="right", valign="center", fontsize=10)
        )
        yield elm.Label().at((left + 0.12, y)).label(wire.part, halign="left", valign="center", fontsize=10)
        if wire.pull:
            supply, value = wire.pull
            x = BOARD_WIDTH + WIRE * 0.62
            middle = (y + rows[supply]) / 2
            yield elm.Line().at((x, rows[supply])).to((x, y))
            yield _box(elm, (x - 0.11, middle - 0.2), (x + 0.11, middle + 0.2), "white")
            yield elm.Label().at((x + 0.25, middle)).label(value, halign="left", valign="center", fontsize=9)
            yield elm.Dot().at((x, y))
            yield elm.Dot().at((x, rows[supply]))


def _box(elm: Any, start: tuple[float, float], end: tuple[float, float], color: str) -> Any:
    return elm.Rect(corner1=start, corner2=end).at((0, 0)).theta(0).fill(color)


def of(folder: Path) -> bytes:
    """The drawing of a folder of `boards/`. Raises BoardError."""
    read = {}
    for path in (folder / "board.json", folder / "wiring.json", folder.parent / "parts.json"):
        try:
            read[path.name] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BoardError(f"{path}: {error}") from error
    board, wiring, known = read["board.json"], read["wiring.json"], read["parts.json"]
    return draw(wiring["title"], parts(board, wiring, known))


def main(folders: list[str]) -> None:
    """Draw each folder named."""
    for name in folders:
        folder = Path(name)
        (folder / "wiring.svg").write_bytes(of(folder))
        print(folder / "wiring.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
