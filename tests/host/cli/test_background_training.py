"""Trainings by the running host: in a process of their own, seen from outside, begun again when they were cut off."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_commands import run, said

sys.path.insert(0, str(Path(__file__).parents[1] / "prognosis"))

from fleets import fleet, write

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.jobs import KEPT, WAITING_MAX, Job, Jobs, Lesson
from babbitt.prognosis.fleet.shelf import ModelShelf
from babbitt.prognosis.fleet.trainer import NICE, TRIES, Trainer
from babbitt.service import Host
from babbitt.store.writer import StoreWriter
from babbitt.web import WebServer

WORDS = ("--settings", "speed,grade", "--ended", "ended", "--cap", "50", "--background")


def until(holds: Callable[[], Any], seconds: float = 400.0) -> Any:
    """Wait until something holds, and give it."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


@pytest.mark.timeout(900)
def test_a_host_learns_beside_its_work_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    store = tmp_path / "s"
    StoreWriter(store).close()
    path = write(fleet(14, censored=1), tmp_path / "lives.csv")
    told = run("train", path, "--store", store, *WORDS).stdout
    assert "Training 1 waits, it begins when a host is started" in told
    path.unlink()  # the host has its own
    jobs = Jobs(store)
    with Host(store, broker_listen="127.0.0.1:0", analysis=False) as host, WebServer(store) as page:
        until(lambda: jobs.all()[0].done > 0 or jobs.all()[0].text)
        running = jobs.all()[0]
        assert (running.state, running.tries) == ("running", 1)
        assert running.progress.startswith("learning without some: ")
        with urllib.request.urlopen(f"{page.url}api/v1/training", timeout=20) as answer:
            (seen,) = json.load(answer)
        assert (seen["state"], seen["name"], seen["file"]) == ("running", "fleet", "lives.csv")
        assert 0 < seen["done"] <= seen["of"]
        assert host.trainer.pid is not None
        if sys.platform == "linux":
            assert (
                int(Path(f"/proc/{host.trainer.pid}/stat").read_text().rsplit(")", 1)[1].split()[16]) == NICE
            )
        os.kill(host.trainer.pid, signal.SIGKILL)
        until(lambda: jobs.all()[0].tries == 2)
    # The host ended in the middle: nothing is in use, and the next one begins again without counting that.
    (waiting,) = jobs.all()
    assert (waiting.state, waiting.tries) == ("waiting", 1)
    assert ModelShelf(store).names() == []
    assert (
        "Training 2 waits, it begins"
        in run("train", write(fleet(4), tmp_path / "few.csv"), "--store", store, *WORDS).stdout
    )
    trainer = Trainer(store, look_s=0.1, nice=0)  # at the pace of everything else: this PC may be busy
    trainer.start()
    until(lambda: all(one.state in ("done", "failed") for one in jobs.all()) and trainer.pid is None)
    trainer.stop()
    few, done = said("models", "training", "--store", store)
    assert (done["state"], done["version"], done["ended"] >= done["began"]) == ("done", 1, True)
    assert "It is in use from now on." in done["text"]
    assert few["state"] == "failed"
    assert "4 machines of few.csv have failed; 10 are needed" in few["text"]
    (model,) = said("models", "--store", store)
    assert (model["version"], model["in_use"], model["file"]) == (1, True, "lives.csv")
    assert sorted(one.name for one in (store / "training").iterdir()) == ["1.json", "2.json"]
    assert "lives.csv" in run("models", "training", "--store", store).stdout


def test_what_ends_without_a_word_again_and_again_is_given_up(tmp_path: Path) -> None:
    StoreWriter(tmp_path / "s").close()
    jobs = Jobs(tmp_path / "s")
    job = jobs.add(Lesson("lives.csv"), write(fleet(3), tmp_path / "lives.csv"))
    jobs.change(job, state="running", tries=TRIES)
    with Host(tmp_path / "s", broker_listen="127.0.0.1:0", analysis=False):
        until(lambda: jobs.all()[0].state == "failed")
    assert f"ended {TRIES} times without a word" in jobs.all()[0].text


def test_few_are_kept_and_not_endlessly_many_wait(tmp_path: Path) -> None:
    jobs, path = Jobs(tmp_path), write(fleet(1), tmp_path / "lives.csv")
    for _ in range(KEPT + 5):
        jobs.change(jobs.add(Lesson("lives.csv"), path), state="done")
    assert [one.id for one in jobs.all()] == list(range(KEPT + 5, 4, -1))
    for _ in range(WAITING_MAX):
        last: Job = jobs.add(Lesson("lives.csv"), path)
    with pytest.raises(ModelError, match="wait already"):
        jobs.add(Lesson("lives.csv"), path)
    assert jobs.find(last.id) == last
    with pytest.raises(ModelError, match="cannot be taken in"):
        Jobs(tmp_path / "x").add(Lesson("no.csv"), tmp_path / "no.csv")


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("--name", "No name"), "is no name of a model"),
        ((), "cannot be taken in"),
        (("--store", "nowhere"), "no store"),
    ],
)
def test_what_cannot_be_left_to_the_host_is_said(tmp_path: Path, words: tuple[str, ...], word: str) -> None:
    StoreWriter(tmp_path / "s").close()
    found = run("train", tmp_path / "lives.csv", "--store", tmp_path / "s", "--background", *words, code=1)
    assert word in found.stderr
