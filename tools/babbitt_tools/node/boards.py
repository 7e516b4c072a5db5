"""The boards of `boards/`: what `board.json` says to the tools. Nothing about a board is written anywhere else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babbitt_tools.errors import BoardError
from babbitt_tools.node import partitions
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
NETWORKS = ("wifi", "lan")
UNIT, APP_UNIT = 0x1000, 0x10000
"""Bytes of which partitions are multiples, and on which apps begin (ESP-IDF programming guide, "Partition Tables")."""


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
        """Where MicroPython's image goes: bytes from the start of the flash."""
        return int(str(self.document["deploy_options"]["flash_offset"]), 0)

    @property
    def flash_bytes(self) -> int:
        """The size of its flash, in bytes."""
        return int(self.own["flash"]["size"])

    @property
    def partitions(self) -> list[Partition]:
        """The table that is flashed."""
        return [
            Partition(name, kind, sub, int(offset, 0), int(size, 0))
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
    """All boards there are. Raises BoardError when the folder is not there."""
    return sorted(p.parent.name for p in folder().glob("*/board.json"))


def load(name: str) -> Board:
    """The board `name`, or that of a folder of one's own (a path with a board.json).

    Raises:
        BoardError: no such board, or a board.json that cannot be used; the text names the file and the key.
    """
    place = Path(name) if (Path(name) / "board.json").is_file() else folder() / name
    path = place / "board.json"
    if not path.is_file():
        raise BoardError(
            f"no board {name!r}; there are {', '.join(names())}, or give a folder with a board.json"
        )
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BoardError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BoardError(f"{path} is no JSON: {error}") from None
    try:
        _check(document)
        board = Board(place.resolve().name, document)
        partitions.table(board.partitions)
    except BoardError as error:
        raise BoardError(f"{path}: {error}") from None
    return board


def _check(document: Any) -> None:
    """Raises BoardError that begins with the key which is wrong."""
    whole = _object(document, "the document")
    chip = whole.get("mcu")
    if not isinstance(chip, str) or chip not in ARCHES:
        raise BoardError(f"mcu: expected one of {', '.join(ARCHES)}, got {chip!r}")
    _number(
        _object(whole.get("deploy_options"), "deploy_options").get("flash_offset"),
        "deploy_options.flash_offset",
    )
    own = _object(whole.get("babbitt"), "babbitt")
    if "arch" in own and own["arch"] not in (known := ("x64", *dict.fromkeys(ARCHES.values()))):
        raise BoardError(f"babbitt.arch: expected one of {', '.join(known)}, got {own['arch']!r}")
    if own.get("network", "wifi") not in NETWORKS:
        raise BoardError(f"babbitt.network: expected one of {', '.join(NETWORKS)}, got {own['network']!r}")
    for name, bus in _object(own.get("buses"), "babbitt.buses").items():
        if not isinstance(_object(bus, f"babbitt.buses.{name}").get("type"), str):
            raise BoardError(f"babbitt.buses.{name}.type: expected a text, got {bus.get('type')!r}")
    flash = _object(own.get("flash"), "babbitt.flash")
    size = flash.get("size")
    if type(size) is not int or size < 1 << 20 or size % (1 << 20):
        raise BoardError(f"babbitt.flash.size: expected bytes, a multiple of {1 << 20}, got {size!r}")
    _check_partitions(flash.get("partitions"), size)


def _check_partitions(rows: Any, flash_bytes: int) -> None:
    key = "babbitt.flash.partitions"
    if not isinstance(rows, list):
        raise BoardError(f"{key}: expected a list, got {rows!r}")
    end, ends, seen = partitions.OFFSET + 0x1000, "the table", set()
    for at, row in enumerate(rows):
        where = f"{key}[{at}]"
        if not isinstance(row, list) or len(row) != 5 or not all(isinstance(word, str) for word in row):
            raise BoardError(
                f"{where}: expected [name, kind, sub, offset, size], all of them texts, got {row!r}"
            )
        name, kind = row[:2]
        offset, size = (_number(text, where) for text in row[3:])
        unit = APP_UNIT if kind == "app" else UNIT
        if name in seen:
            raise BoardError(f"{where}: the name {name!r} is there twice")
        if offset % unit or size % UNIT or not size:
            raise BoardError(
                f"{where}: {name} has {size:#x} bytes at {offset:#x}: expected multiples of {unit:#x}"
            )
        if offset < end:
            raise BoardError(f"{where}: {name} begins at {offset:#x}, {ends} before it ends at {end:#x}")
        seen.add(name)
        end, ends = offset + size, name
    if not {"factory", "vfs"} <= seen:
        raise BoardError(f"{key}: needs 'factory' (the app) and 'vfs' (the file system)")
    if end > flash_bytes:
        raise BoardError(f"{key}: they end at {end:#x}, the flash at {flash_bytes:#x}")


def _object(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BoardError(
            f"{key}: expected an object, got {value!r}" if value is not None else f"{key}: is missing"
        )
    return value


def _number(text: Any, key: str) -> int:
    try:
        return int(text, 0)
    except (TypeError, ValueError):
        raise BoardError(f'{key}: expected a number as text, such as "0x1000", got {text!r}') from None
