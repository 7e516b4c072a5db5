"""A partition table is the bytes that the boot loader of an ESP32 reads, and a damaged one is noticed."""

from __future__ import annotations

import hashlib

import pytest

from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards, partitions
from babbitt_tools.node.partitions import SIZE, Partition, parse, table

NVS = Partition("nvs", "data", "nvs", 0x9000, 0x6000)
APP = Partition("factory", "app", "factory", 0x10000, 0x1F0000)
#: Written out by hand after the ESP-IDF programming guide: magic, type, subtype, offset, size, name, flags.
BY_HAND = bytes.fromhex(
    "aa50 01 02 00900000 00600000 6e767300000000000000000000000000 00000000"
    "aa50 00 00 00000100 00001f00 666163746f7279000000000000000000 00000000"
)


def test_the_bytes_are_those_of_the_guide() -> None:
    made = table([NVS, APP])
    assert len(made) == SIZE
    assert made[:64] == BY_HAND
    assert made[64:80] == b"\xeb\xeb" + b"\xff" * 14
    assert made[80:96] == hashlib.md5(BY_HAND, usedforsecurity=False).digest()
    assert set(made[96:]) == {0xFF}


@pytest.mark.parametrize("name", boards.names())
def test_what_is_written_is_what_is_read(name: str) -> None:
    parts = boards.load(name).partitions
    assert parse(table(parts)) == parts


@pytest.mark.parametrize(("kind", "sub"), sorted(partitions.SUBS))
def test_every_kind_comes_back(kind: str, sub: str) -> None:
    part = Partition("fifteen-letters", kind, sub, 0xFFFF0000, 0xFFFF)
    assert parse(table([part])) == [part]


def test_a_kind_that_is_not_ours_is_read_as_a_number() -> None:
    entry = bytearray(table([NVS]))
    entry[2:4] = b"\x40\x7b"
    (found,) = parse(bytes(entry[:32]))
    assert (found.kind, found.sub, found.name) == ("64", "0x7b", "nvs")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Partition("a", "data", "factory", 0, 1), r"data/factory is unknown; there are .*app/factory"),
        (Partition("a", "code", "nvs", 0, 1), "'a': code/nvs is unknown"),
        (Partition("sixteen-letters!", "data", "nvs", 0, 1), "1 to 15 bytes"),
        (Partition("ä" * 8, "data", "nvs", 0, 1), "1 to 15 bytes"),
        (Partition("", "data", "nvs", 0, 1), "1 to 15 bytes"),
        (Partition("a", "data", "nvs", -1, 1), "in no flash"),
        (Partition("a", "data", "nvs", 0, 1 << 32), "in no flash"),
        (Partition("a", "data", "nvs", 0, 0), "in no flash"),
    ],
)
def test_what_no_table_can_hold_is_refused(part: Partition, words: str) -> None:
    with pytest.raises(BoardError, match=words):
        table([part])


def test_a_table_has_an_end() -> None:
    assert len(parse(table([NVS] * 95))) == 95
    with pytest.raises(BoardError, match="96 partitions are too many"):
        table([NVS] * 96)


def test_a_damaged_table_is_noticed_wherever_the_damage_is() -> None:
    made = table([NVS, APP])
    for at in [*range(2, 64), *range(80, 96)]:
        damaged = bytearray(made)
        damaged[at] ^= 0x10
        if at in {32, 33}:  # the second magic: the table ends there, without a checksum, as old ones do
            assert parse(bytes(damaged)) == [NVS]
            continue
        with pytest.raises(BoardError, match="damaged"):
            parse(bytes(damaged))


@pytest.mark.parametrize("data", [b"", b"\xff" * SIZE, b"\x00" * 64, b"\xaa"])
def test_no_table_is_told(data: bytes) -> None:
    with pytest.raises(BoardError, match="no partition table"):
        parse(data)


@pytest.mark.parametrize("length", [2, 31, 34, 63])
def test_a_table_that_is_cut_short_is_told(length: int) -> None:
    with pytest.raises(BoardError, match="cut short"):
        parse(table([NVS, APP])[:length])
