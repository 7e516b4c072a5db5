"""Every folder of boards/ can be used, and a board.json that cannot says which key is wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards

FOLDER = Path(__file__).resolve().parents[2] / "boards"
GOOD: dict[str, Any] = json.loads((FOLDER / "ESP32_GENERIC" / "board.json").read_text())
GONE = object()
ROWS = GOOD["babbitt"]["flash"]["partitions"]


def own(folder: Path, *changes: tuple[str, Any]) -> Path:
    """A board.json of one's own: `changes` are (path with dots, value; GONE: without it)."""
    document = copy.deepcopy(GOOD)
    for path, value in changes:
        *way, last = path.split(".")
        place: Any = document
        for key in way:
            place = place[int(key) if isinstance(place, list) else key]
        at: Any = int(last) if isinstance(place, list) else last
        if value is GONE:
            del place[at]
        else:
            place[at] = value
    folder.mkdir(exist_ok=True)
    (folder / "board.json").write_text(json.dumps(document))
    return folder


def test_all_folders_are_boards() -> None:
    assert boards.folder() == FOLDER
    assert boards.names() == sorted(p.name for p in FOLDER.iterdir() if p.is_dir())


@pytest.mark.parametrize("name", boards.names())
def test_every_board_loads(name: str) -> None:
    board = boards.load(name)
    document = json.loads((FOLDER / name / "board.json").read_text())
    assert (board.name, board.document, board.own) == (name, document, document["babbitt"])
    assert board.chip == document["mcu"]
    assert board.arch == ("x64" if name == "virtual" else boards.ARCHES[board.chip])
    assert board.image_offset == (0x1000 if board.chip == "esp32" else 0)
    assert board.flash_bytes == document["babbitt"]["flash"]["size"]
    assert board.vfs == board.partition("vfs") == board.partitions[-1]
    assert board.vfs.offset + board.vfs.size == board.flash_bytes
    assert board.partition("romfs") is None
    assert board.has_wifi == (name != "OLIMEX_ESP32_POE")


def test_a_folder_of_ones_own_is_a_board(tmp_path: Path) -> None:
    place = own(tmp_path / "MINE", ("babbitt.network", GONE), ("mcu", "esp32c6"))
    board = boards.load(str(place))
    assert (board.name, board.arch, board.has_wifi) == ("MINE", "rv32imc", True)


@pytest.mark.parametrize("name", ["ESP32", "", "..", "ESP32_GENERIC/", "esp32_generic/board.json"])
def test_a_board_that_is_not_there(name: str) -> None:
    if name == "ESP32_GENERIC/":
        assert boards.load(name).name == "ESP32_GENERIC"
        return
    with pytest.raises(BoardError, match=r"no board .*there are ESP32_GENERIC, .*or give a folder"):
        boards.load(name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("mcu", GONE)], r"mcu: expected one of esp32, .*got None"),
        ([("mcu", "esp8266")], r"mcu: .*got 'esp8266'"),
        ([("mcu", ["esp32"])], r"mcu: .*got \['esp32'\]"),
        ([("deploy_options", GONE)], "deploy_options: is missing"),
        ([("deploy_options", "0x1000")], "deploy_options: expected an object, got '0x1000'"),
        ([("deploy_options.flash_offset", GONE)], r"flash_offset: expected a number as text.*got None"),
        ([("deploy_options.flash_offset", 4096)], "flash_offset: .*got 4096"),
        ([("deploy_options.flash_offset", "here")], "flash_offset: .*got 'here'"),
        ([("babbitt", GONE)], "babbitt: is missing"),
        ([("babbitt", [])], r"babbitt: expected an object, got \[\]"),
        ([("babbitt.arch", "z80")], r"babbitt.arch: expected one of x64, xtensawin, rv32imc, got 'z80'"),
        ([("babbitt.network", "lte")], r"babbitt.network: expected one of wifi, lan, got 'lte'"),
        ([("babbitt.buses", GONE)], r"babbitt.buses: is missing"),
        ([("babbitt.buses.spi0", 5)], r"babbitt.buses.spi0: expected an object, got 5"),
        ([("babbitt.buses.spi0.type", GONE)], r"babbitt.buses.spi0.type: expected a text"),
        ([("babbitt.flash", GONE)], "babbitt.flash: is missing"),
        ([("babbitt.flash.size", GONE)], r"babbitt.flash.size: expected bytes.*got None"),
        ([("babbitt.flash.size", "4194304")], "babbitt.flash.size: .*got '4194304'"),
        ([("babbitt.flash.size", True)], "babbitt.flash.size: .*got True"),
        ([("babbitt.flash.size", 4000000)], "babbitt.flash.size: .*got 4000000"),
        ([("babbitt.flash.size", 2 << 20)], "partitions: they end at 0x400000, the flash at 0x200000"),
        ([("babbitt.flash.partitions", GONE)], "partitions: expected a list, got None"),
        ([("babbitt.flash.partitions", [])], "partitions: needs 'factory'"),
        ([("babbitt.flash.partitions", ROWS[:3])], "partitions: needs .*'vfs'"),
        ([("babbitt.flash.partitions", ROWS[3:])], "partitions: needs 'factory'"),
        ([("babbitt.flash.partitions.0", ROWS[0][:3])], r"partitions\[0\]: expected \[name, kind"),
        ([("babbitt.flash.partitions.1.3", 0xF000)], r"partitions\[1\]: expected .*all of them texts"),
        ([("babbitt.flash.partitions.1.3", "f000")], r"partitions\[1\]: expected a number as text.*'f000'"),
        ([("babbitt.flash.partitions.1.2", "music")], "partition 'phy_init': data/music is unknown"),
        ([("babbitt.flash.partitions.1.0", "nvs")], r"partitions\[1\]: the name 'nvs' is there twice"),
        ([("babbitt.flash.partitions.1.0", "phy_init_of_board")], "1 to 15 bytes"),
        ([("babbitt.flash.partitions.2.3", "0x11000")], r"partitions\[2\]: factory .*multiples of 0x10000"),
        ([("babbitt.flash.partitions.3.4", "0x1ffc00")], r"partitions\[3\]: vfs .*multiples of 0x1000"),
        ([("babbitt.flash.partitions.3.4", "0")], r"partitions\[3\]: vfs has 0x0 bytes"),
        ([("babbitt.flash.partitions.3.3", "0x1f0000")], r"vfs begins at 0x1f0000, factory before it ends"),
        ([("babbitt.flash.partitions.0.3", "0x8000")], "nvs begins at 0x8000, the table before it ends"),
    ],
)
def test_a_key_that_is_wrong_is_named(changes: list[tuple[str, Any]], words: str, tmp_path: Path) -> None:
    place = own(tmp_path / "MINE", *changes)
    with pytest.raises(BoardError, match=words) as caught:
        boards.load(str(place))
    assert str(caught.value).startswith(f"{place / 'board.json'}: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[]", r"the document: expected an object, got \[\]"),
        (b"null", "the document: is missing"),
    ],
)
def test_a_file_that_is_no_document(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "board.json").write_bytes(content)
    with pytest.raises(BoardError, match=words):
        boards.load(str(tmp_path))
