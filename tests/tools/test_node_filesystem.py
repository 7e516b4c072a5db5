"""The image of a file system is the one that MicroPython itself mounts, and it holds what was put in."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from babbitt_tools.errors import BoardError
from babbitt_tools.node import filesystem
from babbitt_tools.node.filesystem import BLOCK, image, read, used
from babbitt_tools.vboard import runtime

ONBOARD = Path(filesystem.__file__).parent / "onboard"
SIZE = 512 * 1024
FILES = {
    "main.py": b"print(1)\n",
    "empty": b"",
    "one-block": bytes(range(256)) * 16,
    "large.bin": random.Random(1).randbytes(150_000),
    "ä ö.txt": "grüße".encode(),
    "babbitt_node/app.mpy": random.Random(2).randbytes(3333),
    "babbitt_node/hal/port.mpy": b"\x00\xff" * 700,
}
MOUNT = """
import sys
sys.path[:] = [{folder!r}, ".frozen"]
import os, vfs, vflash
system = vflash.mount({chip!r}, {offset}, {size})
vfs.umount("/")
vfs.mount(system, "/")
"""


def mounted(folder: Path, chip: bytes, offset: int, size: int, program: str) -> tuple[str, bytes]:
    """What `program` prints on MicroPython with the file system mounted at /, and the chip after it."""
    path = folder / "chip.bin"
    path.write_bytes(chip)
    (folder / "vflash.py").write_text((runtime.SHIM / "vflash.py").read_text())
    mount = MOUNT.format(folder=str(folder), chip=str(path), offset=offset, size=size)
    (folder / "program.py").write_text(mount + program)
    done = subprocess.run(
        [str(runtime.find_tool("micropython")), "-X", "heapsize=400k", str(folder / "program.py")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr, path.read_bytes()


def hashes(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_what_is_put_in_comes_out() -> None:
    made = image(FILES, SIZE)
    assert len(made) == SIZE
    assert read(made) == FILES
    assert sum(map(len, FILES.values())) < used(made) < SIZE
    assert used(made) % BLOCK == 0
    assert read(image({}, 4 * BLOCK)) == {}


@pytest.mark.part("micropython")
def test_micropython_mounts_it_and_reads_every_byte(tmp_path: Path) -> None:
    chip = b"\xa5" * 8192 + image(FILES, SIZE) + b"\xa5" * BLOCK
    said, after = mounted(tmp_path, chip, 8192, SIZE, "skip = ()\n" + (ONBOARD / "hashes.py").read_text())
    found = json.loads(said)
    assert found["files"] == hashes(FILES)
    assert found["size"] == SIZE
    folders = 2  # MicroPython counts the two blocks of a folder twice
    assert found["free"] == SIZE - used(chip[8192:-BLOCK]) - folders * 2 * BLOCK
    assert after == chip, "reading changed the chip"


@pytest.mark.part("micropython")
def test_what_micropython_writes_is_read_here(tmp_path: Path) -> None:
    write = """
os.mkdir("spool")
with open("spool/00000001", "wb") as file:
    file.write(b"record" * 2000)
os.remove("large.bin")
os.rename("main.py", "babbitt_node/hal/main.py")
"""
    said, after = mounted(tmp_path, image(FILES, SIZE), 0, SIZE, write)
    assert said == ""
    expected = {"spool/00000001": b"record" * 2000, "babbitt_node/hal/main.py": FILES["main.py"]}
    gone = {"large.bin", "main.py"}
    assert read(after) == {name: data for name, data in FILES.items() if name not in gone} | expected


@pytest.mark.part("micropython")
@pytest.mark.parametrize("other", [SIZE - BLOCK, SIZE // 2])
def test_micropython_refuses_an_image_of_another_size(other: int, tmp_path: Path) -> None:
    """Why `image` is exactly as large as its partition."""
    chip = image({"a": b"x"}, other).ljust(SIZE, b"\xff")
    said, _ = mounted(tmp_path, chip, 0, SIZE, "print('mounted')")
    assert "appears to be corrupted" in said
    assert "EINVAL" in said


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    made = image(FILES, SIZE)
    assert image(dict(reversed(FILES.items())), SIZE) == made
    program = (
        "import sys, json, hashlib\nfrom babbitt_tools.node.filesystem import image\n"
        "files = {k: bytes.fromhex(v) for k, v in json.load(sys.stdin).items()}\n"
        f"print(hashlib.sha256(image(files, {SIZE})).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps({k: v.hex() for k, v in FILES.items()}),
        capture_output=True, text=True, check=True, cwd=tmp_path, env={"PYTHONHASHSEED": "7"}, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == hashlib.sha256(made).hexdigest()
    assert image(FILES | {"main.py": b"print(2)\n"}, SIZE) != made


@pytest.mark.parametrize("size", [0, -BLOCK, BLOCK, 3 * BLOCK, 4 * BLOCK + 1, SIZE - 1])
def test_a_size_that_is_none(size: int) -> None:
    with pytest.raises(BoardError, match=f"a file system of {size} bytes: expected a multiple of 4096"):
        image({}, size)


@pytest.mark.parametrize(
    "files",
    [
        {"a": b"x" * SIZE},
        {"a": b"x" * (SIZE - BLOCK)},
        {f"{n}": b"x" * 5000 for n in range(100)},
        {f"folder{n}/a": b"" for n in range(100)},
    ],
)
def test_files_that_do_not_fit_say_so(files: dict[str, bytes]) -> None:
    total = sum(map(len, files.values()))
    with pytest.raises(BoardError, match=rf"the files \({total} bytes\) do not fit .*{SIZE}.*enlarge vfs"):
        image(files, SIZE)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("", {"": b"x"}),
        ("d/", {"d/": b"x"}),
        ("../a", {"../a": b"x"}),
        ("a/b", {"a": b"x", "a/b": b"x"}),
        ("n" * 256, {"n" * 256: b"x"}),
    ],
)
def test_a_path_that_is_none_is_no_lack_of_room(name: str, files: dict[str, bytes]) -> None:
    with pytest.raises(BoardError, match=f"^'{name}' cannot be a file"):
        image(files, SIZE)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * SIZE, b"\x00" * SIZE, b"\xff" * 5000, image(FILES, SIZE)[: SIZE // 2], image(FILES, SIZE) + b"x"],
    ids=["nothing", "erased", "zeros", "odd", "half", "more"],
)  # fmt: skip
def test_what_is_no_file_system(data: bytes) -> None:
    for what in (read, used):
        with pytest.raises(BoardError, match=f"no file system of {len(data)} bytes"):
            what(data)


def test_a_damage_is_told_or_costs_files_and_nothing_else() -> None:
    """LittleFS has checksums for folders, none for content: reading never ends in anything but files or a BoardError."""
    made = image(FILES, SIZE)
    told = 0
    for block in range(0, SIZE // BLOCK, 2):
        damaged = bytearray(made)
        damaged[block * BLOCK : block * BLOCK + 64] = b"\x55" * 64
        try:
            found = read(bytes(damaged))
        except BoardError:
            told += 1
            continue
        assert set(found) <= set(FILES)
    assert told > 0
