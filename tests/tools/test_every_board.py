"""What every folder of boards/ keeps to: a new board passes this, or is not one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from boards import Ramp, until

from babbitt.service import Host
from babbitt_tools import wiring
from babbitt_tools.errors import BoardError
from babbitt_tools.vboard.board import VirtualBoard

FOLDER = Path(__file__).resolve().parents[2] / "boards"
BOARDS = sorted(p.parent for p in FOLDER.glob("*/board.json"))
REAL = [b for b in BOARDS if b.name != "virtual"]
UPSTREAM = {"deploy", "deploy_options", "docs", "features", "images", "mcu", "product", "url", "vendor"}

#: Where the ROM looks for the bootloader; which pins exist; those of the flash; inputs only. Espressif, data sheets of
#: ESP32 (v4.6), ESP32-S3 (v1.9), ESP32-C3 (v1.8), chapter on pins.
CHIPS: dict[str, tuple[str, set[int], set[int], set[int]]] = {
    "esp32": ("0x1000", {*range(24), *range(25, 28), *range(32, 40)}, set(range(6, 12)), set(range(34, 40))),
    "esp32s3": ("0", {*range(22), *range(26, 49)}, {*range(26, 33), 35, 36, 37}, set()),
    "esp32c3": ("0", set(range(22)), set(range(11, 18)), set()),
}
LINES = ("sck", "mosi", "miso", "cs", "pin", "scl", "sda")
NEEDED = {
    "spi": {"id", "sck", "mosi", "miso", "cs", "baudrate"},
    "i2c": {"id", "scl", "sda", "freq"},
    "onewire": {"pin"},
    "adc": {"pin"},
    "pin": {"pin"},
    "counter": {"pin", "id"},
}
WAY = ("mdc", "mdio", "power", "ref_clk")
RMII = {19, 21, 22, 25, 26, 27}  # fixed in the ESP32


def read(board: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((board / "board.json").read_text())
    return document


def pins(own: dict[str, Any]) -> list[int]:
    """Every pin that is in use, each once for what it is used for."""
    found = [bus[line] for bus in own["buses"].values() for line in LINES if line in bus]
    found += [own[key] for key in ("led", "wake") if own.get(key) is not None]
    found += [own["lan"][line] for line in WAY if line in own.get("lan", {})]
    return found


def ids(board: Path) -> str:
    return board.name


@pytest.mark.parametrize("board", BOARDS, ids=ids)
def test_the_keys_are_those_of_micropython(board: Path) -> None:
    document = read(board)
    assert set(document) == UPSTREAM | {"babbitt"}
    assert document["mcu"] in CHIPS
    assert document["deploy_options"]["flash_offset"] == CHIPS[document["mcu"]][0]


@pytest.mark.parametrize("board", BOARDS, ids=ids)
def test_every_pin_exists_is_free_and_is_used_once(board: Path) -> None:
    document = read(board)
    _, there, flash, _ = CHIPS[document["mcu"]]
    used = pins(document["babbitt"])
    assert set(used) <= there - flash
    assert len(used) == len(set(used)), sorted(used)
    if document["babbitt"]["network"] == "lan":
        assert not RMII & set(used)


@pytest.mark.parametrize("board", BOARDS, ids=ids)
def test_no_input_only_pin_has_to_speak(board: Path) -> None:
    document = read(board)
    deaf = CHIPS[document["mcu"]][3]
    for bus in document["babbitt"]["buses"].values():
        if bus["type"] in {"spi", "i2c", "onewire"}:
            assert not deaf & {bus[line] for line in LINES if line in bus and line != "miso"}
    assert document["babbitt"]["led"] not in deaf


@pytest.mark.parametrize("board", BOARDS, ids=ids)
def test_every_bus_has_what_the_firmware_asks_of_it(board: Path) -> None:
    for name, bus in read(board)["babbitt"]["buses"].items():
        missing = NEEDED[bus["type"]] - set(bus)
        assert not missing, f"{name} has no {', '.join(sorted(missing))}: the firmware refuses it"


@pytest.mark.parametrize("board", BOARDS, ids=ids)
def test_the_partitions_fill_the_flash(board: Path) -> None:
    flash = read(board)["babbitt"]["flash"]
    end = 0x9000  # behind bootloader and table
    for name, kind, _, offset, size in flash["partitions"]:
        assert int(offset, 16) == end, f"{name} begins at {offset}, not at {end:#x}"
        assert int(offset, 16) % (0x10000 if kind == "app" else 0x1000) == 0
        assert int(size, 16) % 0x1000 == 0
        end += int(size, 16)
    assert end == flash["size"]
    assert [p[0] for p in flash["partitions"]][-1] == "vfs"


@pytest.mark.parametrize("board", REAL, ids=ids)
def test_the_drawing_is_that_of_its_files(board: Path) -> None:
    assert (board / "wiring.svg").read_bytes() == wiring.of(board), f"make wiring draws {board.name} anew"
    assert "(wiring.svg)" in (board / "board.md").read_text()


@pytest.mark.parametrize("board", REAL, ids=ids)
def test_the_page_has_the_wires_and_what_to_buy(board: Path) -> None:
    page = (board / "board.md").read_text()
    assert "## Bill of materials" in page
    drawn = wiring.parts(read(board), json.loads((board / "wiring.json").read_text()), known())
    told = dict(re.findall(r"^\| GPIO(\d+)[^|]*\| ([^|]+)", page, flags=re.M))
    for part in drawn:
        for wire in part.wires:
            if wire.board.startswith("GPIO"):
                assert f"`{part.bus}`" in told[wire.board[4:]], f"{wire.board} of {part.bus}"


def known() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "parts.json").read_text())
    return document


def test_a_drawing_of_what_is_not_there_says_what_is(tmp_path: Path) -> None:
    board = read(FOLDER / "ESP32_GENERIC")
    for entry, words in (
        ({"part": "adxl999", "bus": "spi0"}, "no 'adxl999'; it has adxl345"),
        ({"part": "ds18b20", "bus": "ow9"}, "no bus 'ow9'"),
        ({"part": "ds18b20", "bus": "spi0"}, "needs a bus of type onewire"),
    ):
        with pytest.raises(BoardError, match=words):
            wiring.parts(board, {"parts": [entry]}, known())
    with pytest.raises(BoardError, match=r"board\.json"):
        wiring.of(tmp_path)


CONFIG = {
    "asset": {"name": "Fan 2", "kind": "machine"},
    "interval_s": 5,
    "sensors": [
        {"id": "vib", "driver": "adxl345", "bus": "spi0", "window": 64},
        {"id": "temp", "driver": "ds18b20", "bus": "ow0"},
    ],
}


@pytest.mark.part("micropython")
@pytest.mark.parametrize("board", REAL, ids=ids)
def test_the_firmware_runs_on_its_pins_and_reports(board: Path, tmp_path: Path) -> None:
    document = read(board)
    with Host(tmp_path / "store", broker_listen="127.0.0.1:0") as host:
        address, port = host.address
        node: dict[str, Any] = {"site": "docs", "node": "b", "broker": {"host": address, "port": port}}
        if document["babbitt"]["network"] == "wifi":
            node["wifi"] = {"ssid": "a", "password": "b"}
        made = VirtualBoard(
            "b",
            tmp_path / "flash",
            Ramp(),
            node=node,
            config=CONFIG,
            board=document,
            runtime="micropython",
            speed=20,
        )
        try:
            made.start()
            assert until(lambda: _stored(host), 30), made.log_tail(20)
            (found,) = host.reader.nodes()
        finally:
            made.stop()
        assert found.birth is not None
        assert found.birth["board"] == board.name
        assert [s["fault"] for s in found.birth["sensors"]] == [None, None]
        assert (found.state is not None and found.state["rssi"] is None) == (
            document["babbitt"]["network"] == "lan"
        )


def _stored(host: Host) -> bool:
    nodes = host.reader.nodes()
    return (
        bool(nodes)
        and nodes[0].last_t is not None
        and nodes[0].birth is not None
        and nodes[0].state is not None
    )


@pytest.mark.part("micropython")
def test_a_cable_that_is_pulled_is_waited_for(tmp_path: Path) -> None:
    document = read(FOLDER / "OLIMEX_ESP32_POE")
    with Host(tmp_path / "store", broker_listen="127.0.0.1:0") as host:
        address, port = host.address
        node = {"site": "docs", "node": "b", "broker": {"host": address, "port": port, "keepalive_s": 5}}
        made = VirtualBoard(
            "b",
            tmp_path / "flash",
            Ramp(),
            node=node,
            config=CONFIG,
            board=document,
            runtime="micropython",
            speed=20,
        )
        made.set_wifi(False)  # the board's link, here its cable
        try:
            made.start()
            assert until(lambda: "check the cable and the switch" in made.log_tail(50), 30)
            made.set_wifi(True)
            assert until(lambda: _stored(host), 30), made.log_tail(20)
            row = host.reader.ledger()[0]
            assert row.missing == 0
        finally:
            made.stop()
