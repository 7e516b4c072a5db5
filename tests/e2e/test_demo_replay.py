"""`babbitt demo` and `babbitt replay` as a user runs them: they end by themselves or by Ctrl-C, lose nothing, leave nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plant import MAIN, command, until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and process groups of POSIX")
SERIES = "realKnownCause/ambient_temperature_system_failure"


class Running:
    """A `babbitt` command in a process group and with a folder for temporary files of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._out, self._told = folder / "out.txt", folder / "told.txt"
        with self._out.open("wb") as out, self._told.open("wb") as told:
            self.process = subprocess.Popen(
                [*MAIN, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=told,
                env=os.environ | {"TMPDIR": str(self.temporary), "COLUMNS": "200"},
                start_new_session=True,
            )

    @property
    def answer(self) -> Any:
        """The JSON it printed."""
        return json.loads(self._out.read_text())

    @property
    def said(self) -> str:
        """What it printed so far, standard output and error."""
        return self._out.read_text(errors="replace") + self._told.read_text(errors="replace")

    def family(self) -> list[str]:
        """Processes that use its folder (boards and broker have sessions of their own) or are of its group."""
        lines = subprocess.run(
            ["ps", "-axww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        group = str(self.process.pid)
        fields = [line.split(None, 3) for line in lines]
        return [
            " ".join(f)
            for f in fields
            if len(f) == 4 and "Z" not in f[2] and (f[1] == group or str(self.temporary) in f[3])
        ]

    def interrupt(self) -> None:
        """Ctrl-C: the terminal sends SIGINT to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self, seconds: float) -> int:
        """Wait for its end, and give its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end in {seconds:g} s; {self.family()}\n{self.said}") from None

    def close(self) -> None:
        """End it, if it has not ended, and whatever it left."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for line in self.family():
            os.kill(int(line.split()[0]), signal.SIGKILL)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    made: list[Running] = []

    def start(*words: str) -> Running:
        made.append(Running(tmp_path, *words))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_demo_tells_its_story_and_loses_nothing(run: Any, tmp_path: Path) -> None:
    demo = run("demo", "--seconds", "45", "--json", "--keep", str(tmp_path / "kept"))
    demo.ended(75)
    story = demo.answer
    assert len(story["assets"]) == 3
    for asset in story["assets"]:
        account = asset["account"]
        assert (account["lost"], account["sent"] > 50) == (0, True), asset
        assert account["stored"] + account["pending"] == account["sent"], asset
    (well,) = [asset for asset in story["assets"] if asset["healthy"]]
    assert well["warned_ms"] is None, well
    assert demo.family() == []
    assert list(demo.temporary.iterdir()) == []
    assert command("ledger", "--store", tmp_path / "kept" / "store").returncode == 0


@pytest.mark.parametrize("moment", ["while it starts", "while it runs"])
def test_ctrl_c_ends_the_demo_and_leaves_nothing(run: Any, moment: str) -> None:
    demo = run("demo")
    if moment == "while it starts":
        until(lambda: any(demo.temporary.glob("babbitt-*/boards/*/boot.json")), 30, lambda: demo.said)
    else:
        until(lambda: "The page:" in demo.said, 30, lambda: demo.said)
        time.sleep(3)
    assert len(demo.family()) > 1
    demo.interrupt()
    code = demo.ended(20)
    assert code in (0, 1, 130), demo.said
    assert "Traceback" not in demo.said, demo.said
    until(lambda: not demo.family(), 3, demo.family)
    assert list(demo.temporary.iterdir()) == []


@pytest.mark.data
def test_replay_of_a_whole_life_loses_nothing(data_dir: Path) -> None:
    done = command("replay", "pronostia", "Bearing3_1", "--speed", 800, "--json", "--data", data_dir)
    result = json.loads(done.stdout)
    account = result["account"]
    assert (result["name"], result["complete"]) == ("pronostia/Bearing3_1", True)
    assert (account["lost"], account["pending"]) == (0, 0)
    assert account["sent"] == account["stored"] >= 170


@pytest.mark.data
def test_ctrl_c_ends_a_long_replay_with_a_whole_account(run: Any, data_dir: Path) -> None:
    """A year of readings takes a node hours at any speed: it says what came until it was ended, and that it was ended."""
    replay = run("replay", "nab", SERIES, "--speed", "200000", "--json", "--data", str(data_dir))
    until(lambda: "from 2024-" in replay.said, 30, lambda: replay.said)
    time.sleep(5)
    replay.interrupt()
    assert replay.ended(20) == 0, replay.said
    result, account = replay.answer, replay.answer["account"]
    assert (result["name"], result["complete"]) == (f"nab/{SERIES}", False)
    assert (account["lost"], account["pending"]) == (0, 0)
    assert account["sent"] == account["stored"] > 0
    assert replay.family() == []
    assert list(replay.temporary.iterdir()) == []


def test_what_cannot_be_replayed_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "nab").mkdir()
    for words, reason in (
        (("replay", "nasa", "x", "--data", tmp_path), "no recording 'nasa/x'"),
        (("replay", "nab", "nothing", "--data", tmp_path), "no NAB series 'nothing'"),
        (("replay", "nab", SERIES, "--data", tmp_path / "none"), "no folder of recordings"),
    ):
        done = command(*words, code=1)
        assert done.stdout == ""
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
    for words, reason in (
        (("replay", "nab", SERIES, "--speed", "0"), "0.0 is not between 0.1 and 1000000"),
        (("demo", "--seconds", "5"), "5 is too short for the story"),
    ):
        done = command(*words, code=2)
        assert reason in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
