"""A new version on a node: only what changed, all of it or nothing, whatever happens to the cable or the power."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from benchboard import BenchBoard, babbitt, job

from babbitt_tools.errors import BoardError, NodeAnswer
from babbitt_tools.node import boards, bundle, deploy, flash
from babbitt_tools.node.bundle import Bundle, digest
from babbitt_tools.node.link import Link

Bench = Callable[..., BenchBoard]
ROOT = Path(__file__).resolve().parents[2]
WIFI = {"BABBITT_WIFI_PASSWORD": "x"}


def version(number: int) -> Bundle:
    """A firmware with one module more."""
    made = bundle.make(boards.load("virtual"))
    init = made.files["babbitt_node/drivers/sht3x.mpy"]
    return dataclasses.replace(
        made,
        files=made.files
        | {
            "babbitt_node/drivers/sht3x.mpy": init,
            "babbitt_node/extra.mpy": random.Random(number).randbytes(9000),
        },
    )


@pytest.mark.part("micropython")
def test_only_what_differs_is_sent_and_old_files_go(bench: Bench) -> None:
    board = bench()
    assert flash.flash(job(board.port)).ok
    with Link(board.port) as link:
        difference = deploy.look(link, bundle.make(boards.load("virtual")))
        assert difference.nothing
        before = link.read("node.json")
        new = version(1)
        link.write("babbitt_node/gone.py", b"x = 1\n")
        difference = deploy.look(link, new)
        assert list(difference.send) == ["babbitt_node/extra.mpy"]
        assert difference.remove == ("babbitt_node/gone.py",)
        deploy.send(link, difference)
        link.restart()
        assert link.started().startswith("babbitt")
        link.stop()
        found = link.ask("hashes", skip=deploy.SKIP)["files"]
        assert found["babbitt_node/extra.mpy"] == digest(new.files["babbitt_node/extra.mpy"])
        assert "babbitt_node/gone.py" not in found
        assert not [path for path in found if path.startswith("next")]
        assert link.read("node.json") == before
        link.restart()


@pytest.mark.part("micropython")
@pytest.mark.parametrize("after", [5_000, 9_000, 13_000])
def test_a_cable_that_is_pulled_leaves_the_old_version_running(after: int, bench: Bench) -> None:
    board = bench()
    assert flash.flash(job(board.port, config=False)).ok
    new = version(2)
    board.replug("--unplug-after", str(after))
    with pytest.raises(BoardError, match="Plug it in again"):
        _deploy(board.port, new)
    board.replug()
    with Link(board.port) as link:
        link.stop()
        link.restart()
        assert link.started().startswith("babbitt")
        link.stop()
        found = link.ask("hashes", skip=deploy.SKIP)["files"]
        assert "babbitt_node/extra.mpy" not in found
    _deploy(board.port, new)
    with Link(board.port) as link:
        link.stop()
        found = link.ask("hashes", skip=deploy.SKIP)["files"]
        assert found["babbitt_node/extra.mpy"] == digest(new.files["babbitt_node/extra.mpy"])


def _deploy(port: str, new: Bundle) -> None:
    with Link(port) as link:
        difference = deploy.look(link, new)
        deploy.send(link, difference)
        link.restart()
        link.started()


@pytest.mark.part("micropython")
def test_what_had_arrived_is_not_sent_again_and_a_damaged_file_is(bench: Bench) -> None:
    board = bench()
    assert flash.flash(job(board.port, config=False)).ok
    data = version(3).files["babbitt_node/extra.mpy"]
    name = digest(data)[:16]
    with Link(board.port) as link:
        link.stop()
        link.run("import os\nos.mkdir('next')")
        link.write(f"next/{name}", data)
        assert deploy.look(link, version(3)).bytes == 0
        link.write(f"next/{name}", data[:-1])
        assert deploy.look(link, version(3)).bytes == len(data)
        link.restart()


FILL = """
import os
for number in range(100):
    if os.statvfs("/")[3] < 6:
        break
    with open("fill%d" % number, "wb") as file:
        for _ in range(max(1, min(64, os.statvfs("/")[3] - 6))):
            file.write(bytes(4096))
"""


@pytest.mark.part("micropython")
def test_a_full_flash_is_told_before_anything_is_sent(bench: Bench) -> None:
    board = bench()
    assert flash.flash(job(board.port, config=False)).ok
    with Link(board.port) as link:
        link.stop()
        link.run(FILL)
        with pytest.raises(NodeAnswer, match=r"the flash is full.*Nothing was changed"):
            deploy.look(link, version(4))
        link.run(
            "import os\nfor name in os.listdir():\n    if name.startswith('fill'):\n        os.remove(name)"
        )
        link.restart()
        assert link.started()


@pytest.mark.part("micropython")
def test_the_command_says_what_it_did(bench: Bench) -> None:
    board = bench()
    assert flash.flash(job(board.port, config=False)).ok
    with Link(board.port) as link:
        link.stop()
        link.run("import os\nos.remove('babbitt_node/drivers/sht3x.mpy')")
    done = babbitt("node", "deploy", "--port", board.port, "--dry-run", "--json")
    assert json.loads(done.stdout)["would_send"] == ["babbitt_node/drivers/sht3x.mpy"], done.stderr
    done = babbitt("node", "deploy", "--port", board.port, "--json")
    facts = json.loads(done.stdout)
    assert (facts["sent"], facts["removed"]) == (["babbitt_node/drivers/sht3x.mpy"], [])
    assert facts["started"].startswith("babbitt ")


CUT = """
import os, sys
left = int(sys.argv[1])
def cut(real):
    def step(*args):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return real(*args)
    return step
for name in ("rename", "remove", "rmdir", "mkdir"):
    setattr(os, name, cut(getattr(os, name)))
exec(open("boot.py").read(), {"__name__": "boot"})
"""


def test_a_power_cut_at_any_step_of_the_change_is_made_up_for(tmp_path: Path) -> None:
    """boot.py itself, ended at every call that changes the flash; the next start has the new version, whole."""
    wanted = {"babbitt_node/a.mpy": b"new a", "babbitt_node/deep/b.mpy": b"new b", "main.py": b"new main"}

    def prepare(flash_dir: Path) -> None:
        shutil.rmtree(flash_dir, ignore_errors=True)
        (flash_dir / "babbitt_node").mkdir(parents=True)
        (flash_dir / "next").mkdir()
        for name in ("a.mpy", "old.py"):
            (flash_dir / "babbitt_node" / name).write_bytes(b"old")
        (flash_dir / "main.py").write_bytes(b"old")
        shutil.copy(ROOT / "firmware" / "boot.py", flash_dir)
        move = []
        for path, data in wanted.items():
            (flash_dir / "next" / digest(data)[:16]).write_bytes(data)
            move.append([digest(data)[:16], path])
        (flash_dir / "next" / "stray").write_bytes(b"left over")
        plan = {"move": move, "remove": ["babbitt_node/old.py", "babbitt_node/never.py"]}
        (flash_dir / "next" / "plan.json").write_text(json.dumps(plan))

    def start(flash_dir: Path, steps: int) -> int:
        return subprocess.run(
            [sys.executable, "-c", CUT, str(steps)], cwd=flash_dir, check=False, capture_output=True
        ).returncode

    flash_dir = tmp_path / "flash"
    cuts = 0
    while True:
        prepare(flash_dir)
        if start(flash_dir, cuts) == 0:
            break
        assert start(flash_dir, 1000) == 0
        files = {
            p.relative_to(flash_dir).as_posix(): p.read_bytes() for p in flash_dir.rglob("*") if p.is_file()
        }
        files.pop("boot.py")
        assert files == wanted, f"after a cut at step {cuts}"
        cuts += 1
    assert cuts >= 9


def test_a_plan_that_cannot_be_carried_out_does_not_keep_the_board_away(tmp_path: Path) -> None:
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "plan.json").write_text("{")
    done = subprocess.run(
        [sys.executable, str(ROOT / "firmware" / "boot.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "the new version could not be put in place" in done.stdout
    assert os.listdir(tmp_path / "next") == ["plan.json"]


@pytest.mark.part("micropython")
def test_watching_deploys_a_change_by_itself(bench: Bench, tmp_path: Path) -> None:
    """A developer saves a file of the firmware (of a copy of it), and the node has it."""
    board = bench()
    assert flash.flash(job(board.port, config=False)).ok
    copy = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"import sys; sys.path.insert(0, {str(copy)!r}); from babbitt.cli import main; main()"
    watching = subprocess.Popen(
        [sys.executable, "-c", code, "node", "deploy", "--port", board.port, "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert watching.stdout is not None
        for line in watching.stdout:
            if "Ctrl-C ends it" in line:
                break
        main = copy / "main.py"
        main.write_text(
            main.read_text().replace("def main():\n", 'def main():\n    print("saved on a Sunday")\n')
        )
        heard = []
        for line in watching.stdout:
            heard.append(line)
            if "1 files changed" in line:
                break
        assert "1 files changed" in heard[-1], heard
        for line in watching.stdout:
            if "publisher" in line:  # the console goes on
                break
    finally:
        watching.terminate()
        watching.wait(10)
    with Link(board.port) as link:
        link.stop()
        assert b"saved on a Sunday" in link.read("main.py")
