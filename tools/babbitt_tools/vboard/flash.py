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


#: A model: its module in `shim/models/`, the types of buses it can sit on, its address on I2C.
MODELS: Mapping[str, tuple[str, tuple[str, ...], int]] = {
    "adxl345": ("adxl345", ("spi", "i2c"), 83),
    "lis3dh": ("lis3dh", ("spi", "i2c"), 24),
    "mpu6050": ("mpu6050", ("i2c",), 104),
    "mpu6500": ("mpu6050", ("i2c", "spi"), 104),
    "iis3dwb": ("iis3dwb", ("spi",), 0),
    "ds18b20": ("ds18b20", ("onewire",), 0),
    "tmp117": ("tmp117", ("i2c",), 72),
    "sht3x": ("sht3x", ("i2c",), 68),
    "max31865": ("max31865", ("spi",), 0),
    "loop": ("pins", ("adc",), 0),
    "voltage": ("pins", ("adc",), 0),
    "contact": ("pins", ("pin",), 0),
    "shaft": ("pins", ("counter",), 0),
}


def devices(board: Mapping[str, Any], sensors: tuple[str, ...]) -> list[dict[str, Any]]:
    """Where the fitted sensors sit on the buses of `board.json`.

    Args:
        board: content of `board.json`.
        sensors: `model`, `model@bus` or `model@bus/at` each. Without a bus it is the first of a fitting type. `at` is
            the address on I2C, one of several on a wire (1..255, DS18B20), the element's resistance at 0 degrees C
            (MAX31865: 100 or 1000), the shunt in ohms (loop, 100), pulses a revolution (shaft, 1).

    Raises:
        BoardError: an unknown model, or a bus that is not there or cannot carry it.
    """
    buses: Mapping[str, Any] = board.get("babbitt", board).get("buses", {})
    found: list[dict[str, Any]] = []
    for name in sensors:
        model, _, place = name.partition("@")
        wanted, _, at = place.partition("/")
        if model not in MODELS or (at and not at.isdecimal()):
            raise BoardError(f"no model for {name!r}; there are {', '.join(MODELS)}")
        module, kinds, address = MODELS[model]
        fitting = [
            bus for id, bus in buses.items() if bus.get("type") in kinds and (not wanted or id == wanted)
        ]
        if not fitting:
            what = f"no bus {wanted!r}" if wanted else "no bus"
            raise BoardError(
                f"the world has a {name}, but board.json has {what} of type {' or '.join(kinds)}"
            )
        bus = fitting[0]
        device = {"name": name, "model": model, "module": module, "bus": bus["type"], "at": int(at or 0)}
        if bus["type"] == "spi":
            device["cs"] = bus["cs"]
        elif bus["type"] == "i2c":
            device |= {"sda": bus["sda"], "address": int(at or address)}
        else:
            device["pin"] = bus["pin"]
        found.append(device)
    return found
