"""Images of ROMFS hold what was put in, run in place outside the heap, and reach the board."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from boards import Start, output

from babbitt_tools import romfs
from babbitt_tools.errors import BoardError
from babbitt_tools.vboard import runtime

pytestmark = pytest.mark.part("micropython")

LARGE = "\n".join(
    f"def f{n}(a):\n    return a.some_{n} + {n} * len('a text of function {n} here')" for n in range(60)
)
PROGRAM = """
import gc, os, sys
sys.path[:] = [{folder!r}, ".frozen"]
import vrom
vrom.mount("image", "/image")
def tree(path):
    for name in sorted(os.listdir(path)):
        full = path + "/" + name
        if os.stat(full)[0] & 0x4000:
            tree(full)
        else:
            with open(full, "rb") as file:
                print(full, sum(file.read()))
tree("/image")
for place in ({folder!r}, "/image/lib"):
    sys.path[0] = place
    gc.collect()
    before = gc.mem_alloc()
    import large
    gc.collect()
    print(large.__file__.startswith(place), len(large.__dict__) > 60, gc.mem_alloc() - before)
    del large, sys.modules["large"]
for _ in range(50):
    gc.collect()
import large
class A: some_7 = 5
print(large.f7(A))
"""


def test_an_image_holds_its_files_and_its_modules_run_in_place(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text(LARGE)
    large = runtime.bytecode(tmp_path / "large.py", "large.py")
    data = {"a.txt": b"hello", "empty": b"", "d/e/f.bin": bytes(range(256)) * 300, "lib/large.mpy": large}
    runtime.write({"large.mpy": large, "image.mpy": runtime.carrier(data)}, tmp_path / "on")
    vrom = runtime.bytecode(runtime.SHIM / "vrom.py", "vrom.py")
    runtime.write({"vrom.mpy": vrom}, tmp_path / "on")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(folder=str(tmp_path / "on")))
    done = subprocess.run(
        [str(runtime.find_tool("micropython")), "-X", "heapsize=100k", str(program)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    *files, from_file, in_place, result = done.stdout.splitlines()
    assert files == [f"/image/{name} {sum(data[name])}" for name in sorted(data)]
    assert from_file.startswith("True True ")
    assert in_place.startswith("True True ")
    copied, used = (int(line.split()[2]) for line in (from_file, in_place))
    assert used < copied - len(large) // 2, "the bytecode was copied to the heap"
    assert result == str(5 + 7 * len("a text of function 7 here"))


def test_what_is_no_carrier_is_refused() -> None:
    for broken in (b"", b"M\x05\x0b\x1f", b"M\x06\x0b\x1f\x01"):
        with pytest.raises(BoardError, match=r"unexpected \.mpy"):
            romfs.carrier(broken, b"")
    plain = runtime.bytecode(Path(romfs.__file__).with_name("errors.py"), "errors.py")
    with pytest.raises(BoardError, match=r"unexpected \.mpy"):
        romfs.carrier(plain, b"")


@pytest.mark.parametrize(("rom", "place"), [(True, "/rom"), (False, "babbitt_node")])
def test_the_firmware_is_in_rom_or_in_the_file_system(start: Start, rom: bool, place: str) -> None:
    program = """
import os, sys, babbitt_node.spool
print(babbitt_node.spool.__file__)
print(sorted(os.listdir("/")), sys.path)
print("done")
"""
    module, rest = output(start("micropython", program, rom=rom))[-3:-1]
    assert module == ("/rom/" if rom else "") + "babbitt_node/spool.mpy"
    assert ("'babbitt_node'" in rest) is not rom
    assert "'/shim'" not in rest


@pytest.mark.parametrize("march", ["xtensawin", "rv32imc"])
def test_the_firmware_is_written_for_a_real_board(
    tmp_path: Path, march: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "node.romfs"
    assert romfs.main([str(out), march]) == 0
    data = out.read_bytes()
    assert data[:3] == b"\xd2\xcd\x31"
    assert f"{len(data)} bytes" in capsys.readouterr().out
    for name in (b"babbitt_node", b"app.mpy", b"kernels.mpy", b"texts.txt"):
        assert name in data
    assert romfs.main([str(out), "z80"]) == 2
    assert "usage" in capsys.readouterr().err
