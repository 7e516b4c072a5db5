"""An image of MicroPython is taken only whole, for the right chip, with room for it, and always the same file."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import pytest
from test_node_boards import ROWS, own

from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards, partitions, upstream
from babbitt_tools.node.boards import ARCHES, Board
from babbitt_tools.vboard import micropython

OFFSET = {"esp32": "0x1000", "esp32s2": "0x1000"}
"""Where the ROM looks for the boot loader; 0 for the others (ESP-IDF programming guide, "Bootloader")."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = tmp_path / "cache" / "babbitt" / "micropython"
    assert upstream.cache() == place
    return place


@lru_cache
def image(name: str) -> bytes:
    return micropython.image(boards.load(name))


def of_chip(chip: str, folder: Path) -> Board:
    changes = (("mcu", chip), ("deploy_options.flash_offset", OFFSET.get(chip, "0")))
    return boards.load(str(own(folder / chip, *changes)))


def kept(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("chip", ARCHES)
def test_the_image_of_every_chip_is_whole(chip: str, tmp_path: Path) -> None:
    board = of_chip(chip, tmp_path)
    data = micropython.image(board)
    upstream.check(board, data, "file")
    flashed = upstream.with_table(board, data)
    upstream.check(board, flashed, "file")
    at = partitions.OFFSET - board.image_offset
    assert partitions.parse(flashed[at:]) == board.partitions
    assert partitions.parse(data[at:]) != board.partitions
    assert len(flashed) == len(data)
    assert flashed[:at] == data[:at]
    assert flashed[at + partitions.SIZE :] == data[at + partitions.SIZE :]


@pytest.mark.parametrize("name", ["ESP32_GENERIC", "ESP32_GENERIC_S3"])
def test_a_damaged_image_is_refused_wherever_the_damage_is(name: str) -> None:
    board, data = boards.load(name), image(name)
    app = micropython.APP - board.image_offset
    places = [("boot loader", at) for at in [*range(24), 24, 31, 32, 40, 5000, 25_000]]
    places += [("app", app + at) for at in [*range(24), 24, 32, 40, 900_000]]
    places += [("app", len(data) - back) for back in (1, 32, 33, 34)]
    for what, at in places:
        for bits in (1, 0x80):
            damaged = bytearray(data)
            damaged[at] ^= bits
            with pytest.raises(BoardError, match=rf"^the\.bin: its {what} is "):
                upstream.check(board, bytes(damaged), "the.bin")
    damaged = bytearray(data)
    damaged[partitions.OFFSET - board.image_offset + 5] ^= 1
    with pytest.raises(BoardError, match=f"no partition table at .*Take {name}-20251209-v1.27.0.bin"):
        upstream.check(board, bytes(damaged), "the.bin")


@pytest.mark.parametrize("name", ["ESP32_GENERIC", "ESP32_GENERIC_C3"])
def test_an_image_that_is_cut_short_is_refused(name: str) -> None:
    board, data = boards.load(name), image(name)
    table, app = partitions.OFFSET - board.image_offset, micropython.APP - board.image_offset
    for length in (0, 1, 100, 20_000, table, table + 1, table + 33):
        with pytest.raises(BoardError, match="is no image of MicroPython for esp32"):
            upstream.check(board, data[:length], "the.bin")
    for length in (
        app,
        app + 3,
        app + 24,
        app + 32,
        app + 100_000,
        len(data) - 33,
        len(data) - 32,
        len(data) - 1,
    ):
        with pytest.raises(BoardError, match="its app is damaged"):
            upstream.check(board, data[:length], "the.bin")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ESP32_GENERIC", "ESP32_GENERIC_S3"),
        ("ESP32_GENERIC_S3", "ESP32_GENERIC"),
        ("ESP32_GENERIC_S3", "ESP32_GENERIC_C3"),
        ("ESP32_GENERIC_C3", "ESP32_GENERIC_S3"),
    ],
)
def test_an_image_for_another_chip_is_refused(name: str, other: str, tmp_path: Path, cache: Path) -> None:
    board = boards.load(name)
    path = kept(tmp_path, "firmware.bin", image(other))
    with pytest.raises(BoardError, match=rf"firmware\.bin.* {board.chip}\b"):
        upstream.take(board, path)
    assert not cache.exists(), "what is refused is not kept"


def test_an_esp32_and_an_esp32_s2_are_told_apart(tmp_path: Path) -> None:
    """Both have their boot loader at 0x1000."""
    one, two = of_chip("esp32", tmp_path), of_chip("esp32s2", tmp_path)
    for board, other in ((one, two), (two, one)):
        with pytest.raises(BoardError, match=r"its boot loader is .*for another chip"):
            upstream.check(board, micropython.image(other), "the.bin")


@pytest.mark.parametrize("data", [b"", b"MZ" * 100_000, b"\xff" * 2_000_000, b"<html>not found</html>"])
def test_what_is_no_image_names_the_file_to_take(data: bytes, tmp_path: Path) -> None:
    path = kept(tmp_path, "firmware.bin", data)
    with pytest.raises(BoardError, match=r"is no image.*Take ESP32_GENERIC_S3-20251209-v1\.27\.0\.bin"):
        upstream.take(boards.load("ESP32_GENERIC_S3"), path)


def test_an_app_that_is_too_large_or_elsewhere_says_so(tmp_path: Path) -> None:
    data = image("ESP32_GENERIC")
    app = len(data) - (micropython.APP - 0x1000)
    small = [*ROWS[:2], ["factory", "app", "factory", "0x10000", "0x100000"], ROWS[3]]
    board = boards.load(str(own(tmp_path / "SMALL", ("babbitt.flash.partitions", small))))
    with pytest.raises(
        BoardError, match=rf"the app has {app} bytes, the partition factory {1 << 20}: enlarge"
    ):
        upstream.check(board, data, "the.bin")
    moved = [*ROWS[:2], ["factory", "app", "factory", "0x20000", "0x1e0000"], ROWS[3]]
    board = boards.load(str(own(tmp_path / "MOVED", ("babbitt.flash.partitions", moved))))
    with pytest.raises(BoardError, match=r"its app lies at 0x10000, board\.json says 0x20000"):
        upstream.check(board, data, "the.bin")


def test_without_a_file_it_says_exactly_which(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(BoardError) as caught:
        upstream.take(boards.load("OLIMEX_ESP32_POE"), None)
    words = str(caught.value)
    assert "Download OLIMEX_ESP32_POE-20251209-v1.27.0.bin" in words
    assert "https://micropython.org/download/OLIMEX_ESP32_POE/" in words
    assert "--micropython FILE" in words
    assert str(cache) in words
    with pytest.raises(BoardError, match=r"there is no file .*nowhere\.bin"):
        upstream.take(boards.load("ESP32_GENERIC"), tmp_path / "nowhere.bin")
    with pytest.raises(BoardError, match="cannot be read: Is a directory"):
        upstream.take(boards.load("ESP32_GENERIC"), tmp_path)


def test_a_virtual_board_needs_none() -> None:
    assert upstream.take(boards.load("virtual"), None) == image("virtual")


def test_a_file_is_given_once(cache: Path, tmp_path: Path) -> None:
    board = boards.load("ESP32_GENERIC")
    given = kept(tmp_path, upstream.file_name(board), image(board.name))
    assert upstream.take(board, given) == image(board.name)
    given.unlink()
    assert upstream.take(board, None) == image(board.name)
    assert upstream.take(board, cache / given.name) == image(board.name)
    assert set(json.loads((cache / "sums.json").read_text())) == {given.name}
    assert {p.name for p in cache.iterdir()} == {given.name, "sums.json"}


def test_the_same_name_is_the_same_file(cache: Path, tmp_path: Path) -> None:
    board = boards.load("ESP32_GENERIC")
    given = kept(tmp_path, upstream.file_name(board), image(board.name))
    upstream.take(board, given)
    other = image(board.name) + b"\xff"  # as whole as the first
    upstream.check(board, other, "other")
    given.write_bytes(other)
    with pytest.raises(BoardError, match=rf"another {given.name} was used before .*remove .*sums\.json"):
        upstream.take(board, given)
    assert upstream.take(board, None) == image(board.name)
    (cache / given.name).write_bytes(other)
    with pytest.raises(BoardError, match=rf"{given.name} is not the file that was put there: its SHA-256"):
        upstream.take(board, None)


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_damaged_list_of_hashes_is_told(content: str, cache: Path, tmp_path: Path) -> None:
    board = boards.load("ESP32_GENERIC")
    cache.mkdir(parents=True)
    (cache / "sums.json").write_text(content, "latin-1")
    with pytest.raises(BoardError, match=r"sums\.json .*remove it"):
        upstream.take(board, kept(tmp_path, "firmware.bin", image(board.name)))


def test_a_cache_that_cannot_be_written_is_told(cache: Path, tmp_path: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file")
    with pytest.raises(BoardError, match=rf"{cache}.* cannot be "):
        upstream.take(boards.load("ESP32_GENERIC"), kept(tmp_path, "f.bin", image("ESP32_GENERIC")))


def test_the_program_writes_an_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert micropython.main(["virtual", str(tmp_path / "m.bin")]) == 0
    assert (tmp_path / "m.bin").read_bytes() == image("virtual")
    assert micropython.main([]) == 2
    assert "usage" in capsys.readouterr().err
