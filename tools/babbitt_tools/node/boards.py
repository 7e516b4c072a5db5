"""The boards of `boards/`: what `board.json` says to the tools. Nothing about a board is written anywhere else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babbitt_tools.errors import BoardError
from babbitt_tools.node.partitions import Partition

TOOLS = Path(__file__).resolve().parent.parent
ARCHES = {
    "esp32": "xtensawin",
    "esp32s2": "xtensawin",
    "esp32s3": "xtensawin",
    "esp32c3": "rv32imc",
    "esp32c6": "rv32imc",
}
"""Chip: processor as mpy-cross names it."""


@dataclass(frozen=True, slots=True)
class Board:
    """A board: `name` (its folder), `document` (all of board.json)."""

    name: str
    document: dict[str, Any]

    @property
    def own(self) -> dict[str, Any]:
        """What is Babbitt's in board.json."""
        own: dict[str, Any] = self.document["babbitt"]
        return own

    @property
    def chip(self) -> str:
        """As esptool names it: esp32, esp32s3 ..."""
        return str(self.document["mcu"])

    @property
    def arch(self) -> str:
        """The processor as mpy-cross names it."""
        return str(self.own.get("arch", ARCHES[self.chip]))

    @property
    def image_offset(self) -> int:
        """Where MicroPython's image goes."""
        return int(str(self.document["deploy_options"]["flash_offset"]), 0)

    @property
    def flash_bytes(self) -> int:
        """The size of its flash."""
        return int(self.own["flash"]["size"])

    @property
    def partitions(self) -> list[Partition]:
        """The table that is flashed."""
        return [
            Partition(name, kind, sub, int(offset, 16), int(size, 16))
            for name, kind, sub, offset, size in self.own["flash"]["partitions"]
        ]

    def partition(self, name: str) -> Partition | None:
        """The partition of that name, None if there is none."""
        return next((p for p in self.partitions if p.name == name), None)

    @property
    def vfs(self) -> Partition:
        """The partition of the file system."""
        return next(p for p in self.partitions if p.name == "vfs")

    @property
    def has_wifi(self) -> bool:
        """Whether the node needs a Wi-Fi network."""
        return bool(self.own.get("network", "wifi") == "wifi")


def folder() -> Path:
    """`boards/`, of a wheel or of the checkout.

    Raises:
        BoardError: it is not there.
    """
    for place in (TOOLS / "boards", TOOLS.parent.parent / "boards"):
        if (place / "virtual" / "board.json").is_file():
            return place
    raise BoardError(f"the boards are neither in {TOOLS} nor in {TOOLS.parent.parent}; install Babbitt again")


def names() -> list[str]:
    """All boards there are."""
    return sorted(p.parent.name for p in folder().glob("*/board.json"))


def load(name: str) -> Board:
    """The board `name`, or that of a folder of one's own (a path with a board.json).

    Raises:
        BoardError: no such board, or a board.json that cannot be used; the text says which key.
    """
    place = Path(name) if (Path(name) / "board.json").is_file() else folder() / name
    path = place / "board.json"
    if not path.is_file():
        raise BoardError(
            f"no board {name!r}; there are {', '.join(names())}, or give a folder with a board.json"
        )
    try:
        document = json.loads(path.read_text("utf-8"))
        board = Board(place.resolve().name, document)
        checks = (board.arch, board.image_offset, board.flash_bytes, board.partitions, board.own["buses"])
    except KeyError as error:
        raise BoardError(f"{path}: the key {error.args[0]!r} is missing or has an unknown value") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise BoardError(f"{path}: {error}") from None
    if not checks[3] or board.partition("vfs") is None or board.partition("factory") is None:
        raise BoardError(
            f"{path}: babbitt.flash.partitions needs 'factory' (the app) and 'vfs' (the file system)"
        )
    end = max(p.offset + p.size for p in board.partitions)
    if end > board.flash_bytes:
        raise BoardError(f"{path}: the partitions end at {end:#x}, the flash at {board.flash_bytes:#x}")
    return board
