"""The flash of a virtual board: a folder that becomes the root of its file system."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from babbitt_tools.errors import BoardError
from babbitt_tools.vboard import runtime

TOOLS = Path(__file__).resolve().parent.parent


def firmware() -> tuple[Path, Path]:
    """Folders of the package `babbitt_node` and of boot.py and main.py: of a wheel, or of the checkout.

    Raises:
        BoardError: neither is there.
    """
    spec = importlib.util.find_spec("babbitt_node")
    if spec is None or spec.origin is None:
        raise BoardError(
            "the firmware (package babbitt_node) is not installed; `pip install babbitt` brings it"
        )
    package = Path(spec.origin).parent
    for image in (TOOLS / "image", package.parent):
        if (image / "main.py").is_file():
            return package, image
    raise BoardError(f"main.py of the firmware is neither in {TOOLS / 'image'} nor in {package.parent}")


def virtual_board() -> dict[str, Any]:
    """`boards/virtual/board.json`, of a wheel or of the checkout.

    Raises:
        BoardError: it is not there.
    """
    for folder in (TOOLS / "boards", TOOLS.parent.parent / "boards"):
        path = folder / "virtual" / "board.json"
        if path.is_file():
            document: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return document
    raise BoardError(f"boards/virtual/board.json is neither in {TOOLS} nor in {TOOLS.parent.parent}")


def prepare(
    flash: Path,
    *,
    firmware_as: str,
    board: Mapping[str, Any],
    node: Mapping[str, Any],
    config: Mapping[str, Any] | None,
    image: Path | None = None,
) -> None:
    """Write firmware and settings. `boot.json`, `spool/` and whatever else the node wrote stay as they are.

    `firmware_as`: "sources", "bytecode" (what an official MicroPython image runs) or "rom" (it is not in this
    file system, see `babbitt_tools.romfs`).
    `image` is a folder with another main.py (and boot.py, if any) than the node's.
    """
    flash.mkdir(parents=True, exist_ok=True)
    package, own = firmware()
    if firmware_as == "rom":
        shutil.rmtree(flash / package.name, ignore_errors=True)
    else:
        runtime.install(package, flash / package.name, compiled=firmware_as == "bytecode")
    for path in [(image or own) / name for name in ("boot.py", "main.py")]:
        if path.exists():
            (flash / path.name).write_bytes(path.read_bytes())
    documents: list[tuple[str, Mapping[str, Any] | None]] = [
        ("board.json", board),
        ("node.json", node),
        ("config.json", config),
    ]
    for name, document in documents:
        if document is not None:
            (flash / name).write_text(json.dumps(document), "utf-8")


def devices(board: Mapping[str, Any], sensors: tuple[str, ...]) -> list[dict[str, Any]]:
    """Where the fitted sensors sit, from the buses of `board.json`: an ADXL345 on SPI, a DS18B20 on 1-Wire.

    Raises:
        BoardError: a sensor is fitted that no bus can carry.
    """
    buses = board.get("babbitt", board).get("buses", {}).values()
    found: list[dict[str, Any]] = []
    for sensor, kind, pin in (("adxl345", "spi", "cs"), ("ds18b20", "onewire", "pin")):
        if sensor in sensors:
            pins = [bus[pin] for bus in buses if bus.get("type") == kind]
            if not pins:
                raise BoardError(f"the world has a {sensor}, but board.json has no bus of type {kind}")
            found.append({"model": sensor, pin: pins[0]})
    return found
