"""From a bare board to a node that reports, with the real esptool and the real mpremote; and everything that can go wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from benchboard import CONFIG, BenchBoard, babbitt, job, node_json, small_image
from boards import until

from babbitt.service import Host
from babbitt_tools.errors import FlashError
from babbitt_tools.node import boards, bundle, esp, filesystem, flash, known, partitions, ports, upstream
from babbitt_tools.node.link import Link
from babbitt_tools.node.session import HALF, WARNED

pytestmark = pytest.mark.part("micropython")
Bench = Callable[..., BenchBoard]


def test_a_bare_board_becomes_a_node_that_reports(bench: Bench, tmp_path: Path) -> None:
    board = bench()
    with Host(tmp_path / "store", broker_listen="127.0.0.1:0", accept_simulated=True) as host:
        told: list[tuple[str, int, int]] = []
        made = flash.flash(job(board.port, broker=host.address[1]), lambda _, *what: told.append(what))
        assert made.error is None
        assert made.started is not None
        assert until(lambda: host.reader.nodes() and host.reader.nodes()[0].last_t is not None, 20)
        (node,) = host.reader.nodes()
    assert (node.site, node.node) == ("plant", "n1")
    assert node.birth is not None
    assert [s["fault"] for s in node.birth["sensors"]] == [None, None]
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == list(flash.STAGES)
    written = [(done, of) for stage, done, of in told if stage == "write"]
    assert written == sorted(written)
    assert written[-1][0] == written[-1][1]
    assert made.mac is not None
    assert known.boards()[made.mac]["node"] == "plant/n1"


def test_what_was_written_is_the_table_the_image_and_the_files(bench: Bench) -> None:
    board = bench()
    wanted = job(board.port)
    assert flash.flash(wanted).ok
    board.unplug()
    chip = board.chip.read_bytes()
    what = boards.load("virtual")
    assert partitions.parse(chip[partitions.OFFSET :]) == what.partitions
    image = upstream.with_table(what, wanted.micropython)
    assert chip[what.image_offset : what.image_offset + len(image)] == image
    vfs = filesystem.read(chip[what.vfs.offset : what.vfs.offset + what.vfs.size])
    assert {name: vfs[name] for name in wanted.bundle.files} == wanted.bundle.files
    assert "boot.json" in vfs  # the node has run on it


@pytest.mark.parametrize("name", ["ESP32_GENERIC", "ESP32_GENERIC_C3", "OLIMEX_ESP32_POE"])
def test_boards_of_every_kind_are_written_and_read_back(name: str, bench: Bench, tmp_path: Path) -> None:
    what = boards.load(name)
    board = bench(name, "--board", name)
    node = node_json()
    if not what.has_wifi:
        del node["wifi"]
    files = bundle.make(what, node=node, config=CONFIG)
    images = [
        (offset, tmp_path / f"{offset}.bin", data) for offset, data in flash.parts(files, small_image(what))
    ]
    for _, path, data in images:
        path.write_bytes(data)
    plan = {
        "port": board.port, "baud": 460800, "chip": what.chip, "flash_bytes": what.flash_bytes, "mac": None,
        "writes": [[offset, str(path)] for offset, path, _ in images],
    }  # fmt: skip
    found = esp.run(plan)
    assert found["chip"] == what.chip
    board.unplug()
    chip = board.chip.read_bytes()
    (offset, _, data), (vfs, _, image) = images
    assert chip[offset : offset + len(data)] == data
    there = filesystem.read(chip[vfs : vfs + len(image)])  # the board has run on it since
    assert {name: there[name] for name in files.files} == files.files


@pytest.mark.parametrize(
    ("board", "options", "words"),
    [
        ("virtual", ("--board", "ESP32_GENERIC_C3"), "this is an esp32c3, the files are for an esp32"),
        ("virtual", ("--flash-bytes", str(2 << 20)), "its flash has 2 MB, board.json says 4 MB"),
    ],
    ids=["wrong chip", "wrong size"],
)
def test_the_wrong_board_is_left_alone(
    board: str, options: tuple[str, ...], words: str, bench: Bench
) -> None:
    plugged = bench("chip", *options)
    before = plugged.chip.read_bytes()
    outcome = flash.flash(job(plugged.port, board=board))
    assert outcome.error is not None
    assert words in outcome.error
    assert WARNED in outcome.error
    assert plugged.chip.read_bytes() == before


def test_two_boards_that_were_swapped_are_noticed_before_anything_is_erased(bench: Bench) -> None:
    board = bench()
    assert flash.flash(job(board.port, "pump-1")).ok
    before = board.chip.read_bytes()
    outcome = flash.flash(job(board.port, "pump-2"))
    assert outcome.error is not None
    assert "which is plant/pump-1: are two boards swapped?" in outcome.error
    outcome = flash.flash(job(board.port, "pump-1", mac="24:0a:c4:00:00:01"))
    assert outcome.error is not None
    assert "expected 24:0a:c4:00:00:01" in outcome.error
    vfs = boards.load("virtual").vfs
    assert board.chip.read_bytes()[: vfs.offset] == before[: vfs.offset]
    with Link(board.port) as link:
        link.stop()
        assert link.ask("who")["node"] == "pump-1"
        link.restart()
    assert flash.flash(job(board.port, "pump-2", replace=True)).ok
    assert [entry["node"] for entry in known.boards().values()] == ["plant/pump-2"]


@pytest.mark.parametrize("after", [5_000, 30_000, 90_000, 130_000])
def test_a_cable_that_is_pulled_is_told_and_the_board_can_be_flashed_again(
    after: int, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if after != 90_000:  # esptool looks for the board seven times, a second apart; here once
        (tmp_path / "esptool.cfg").write_text("[esptool]\nconnect_attempts = 1\n")
        monkeypatch.setenv("ESPTOOL_CFGFILE", str(tmp_path / "esptool.cfg"))
    board = bench("chip", "--unplug-after", str(after))
    outcome = flash.flash(job(board.port))
    assert outcome.error is not None
    assert "Plug it in again" in outcome.error or "There is no board on this port" in outcome.error
    assert (HALF in outcome.error) == (after > 20_000)
    assert known.boards() == {}
    board._options = ()
    board.replug()
    assert flash.flash(job(board.port)).ok


def test_a_damaged_image_never_reaches_the_board(bench: Bench, tmp_path: Path) -> None:
    board = bench()
    data = bytearray(small_image(boards.load("virtual")))
    data[0x18000] ^= 0xFF
    image = tmp_path / "virtual.bin"
    image.write_bytes(data)
    done = babbitt(
        "node", "flash", "--board", "virtual", "--port", board.port, "--site", "plant", "--node", "n1", "--broker", "127.0.0.1",
        "--wifi", "hall", "--micropython", str(image), BABBITT_WIFI_PASSWORD="x",
    )  # fmt: skip
    assert done.returncode == 1
    assert "its app is damaged: the checksum differs" in done.stderr
    assert set(board.chip.read_bytes()) == {0xFF}


def test_what_is_read_back_wrong_is_told(bench: Bench, tmp_path: Path) -> None:
    """A worn chip: a bit that stays as it was. It goes wrong while the part behind it is written, long before it is read back."""
    board = bench()
    writes = []
    for offset, data in ((0x200000, bytes(8192)), (0x300000, os.urandom(65536))):
        path = tmp_path / f"{offset}.bin"
        path.write_bytes(data)
        writes.append([offset, str(path)])
    plan = {
        "port": board.port,
        "baud": 115200,
        "chip": "esp32",
        "flash_bytes": 4 << 20,
        "mac": None,
        "writes": writes,
    }
    ended: list[bool] = []

    def wear(event: dict[str, object]) -> None:
        if event["event"] != "progress":
            return
        if ended and event["done"] != event["of"]:  # of the second part
            with board.chip.open("r+b") as chip:
                chip.seek(0x200123)
                chip.write(b"\x01")
        if event["done"] == event["of"]:
            ended.append(True)

    with pytest.raises(FlashError, match=r"short cable on another port.*flash it again"):
        esp.run(plan, wear)
    assert len(ended) == 2


def test_all_boards_at_once_and_one_that_fails_holds_up_no_other(bench: Bench, tmp_path: Path) -> None:
    good, small, other = bench("one"), bench("two", "--flash-bytes", str(2 << 20)), bench("three")
    (tmp_path / "cfg.json").write_text(json.dumps(CONFIG))
    macs = {}
    for plugged in (good, small, other):
        macs[plugged.port] = ports.look(ports.Port(plugged.port)).found["mac"]
    image = tmp_path / "micropython.bin"
    image.write_bytes(small_image(boards.load("virtual")))
    file = tmp_path / "fleet.toml"
    file.write_text(
        'site = "plant"\nboard = "virtual"\nwifi = "hall"\nconfig = "cfg.json"\n'
        + "".join(
            f'[nodes.{name}]\nmac = "{macs[p.port]}"\n'
            for name, p in (("a", good), ("b", small), ("c", other))
        )
    )
    with Host(tmp_path / "store", broker_listen="127.0.0.1:0", accept_simulated=True) as host:
        done = babbitt(
            "node", "flash", "--all", "--file", str(file), "--broker", f"127.0.0.1:{host.address[1]}", "--json",
            "--micropython", str(image),
            BABBITT_PORTS=" ".join(macs), BABBITT_WIFI_PASSWORD="never shown",
        )  # fmt: skip
        assert done.stdout, done.stderr
        found = {row["name"]: row for row in json.loads(done.stdout)}
        assert until(lambda: len(host.reader.nodes()) == 2, 20)
    assert done.returncode == 1
    assert [found[f"plant/{n}"]["ok"] for n in "abc"] == [True, False, True]
    assert [found[f"plant/{n}"]["reports"] for n in "abc"] == ["yes", "-", "yes"]
    assert "board.json says 4 MB" in found["plant/b"]["error"]
    assert "never shown" not in done.stdout + done.stderr
    again = babbitt(
        "node", "flash", "--board", "virtual", "--port", other.port, "--site", "plant", "--node", "c", "--broker", "127.0.0.1", "--wifi",
        "hall", "--wait", "0", "--micropython", str(image), BABBITT_WIFI_PASSWORD="x",
    )  # fmt: skip
    assert again.returncode == 0, again.stdout + again.stderr
    assert "runs" in again.stdout


def test_nobody_on_the_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABBITT_BOARDS", str(tmp_path / "boards.json"))
    outcome = flash.flash(job("/dev/ttyNOTHERE"))
    assert outcome.error is not None
    assert "a cable that carries data" in outcome.error
    assert WARNED in outcome.error


def test_a_board_is_found_by_its_lines(bench: Bench) -> None:
    """Over RFC 2217, DTR and RTS reset it into its loader and out again, as the circuit of a board does."""
    board = bench("chip", "--lines")
    port = ports.look(ports.Port(board.port))
    assert port.error is None
    assert port.found["chip"] == "esp32"
    assert port.found["flash_bytes"] == 4 << 20
    assert port.name is None
