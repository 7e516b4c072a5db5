"""Remaining life learnt from the store's own machines and told of those that run: lives, training, back-test, host, API, page."""

from __future__ import annotations

import copy
import json
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lived import CHANNELS, T0, fleet, records
from page_store import HOUR, Filler
from playwright.sync_api import expect, sync_playwright

from babbitt.errors import MarkRefused, ModelError, UnknownNode
from babbitt.prognosis.fleet import forecaster as forecasting
from babbitt.prognosis.fleet import foretold, model
from babbitt.prognosis.fleet.__main__ import FORETELL
from babbitt.prognosis.fleet.compared import compare
from babbitt.prognosis.fleet.forecaster import Forecaster
from babbitt.prognosis.fleet.foretell import foretell
from babbitt.prognosis.fleet.jobs import Jobs, Lesson
from babbitt.prognosis.fleet.lesson import _against, _apart, learn, told
from babbitt.prognosis.fleet.lives import Lives, choose, history, kinds
from babbitt.prognosis.fleet.model import Question
from babbitt.prognosis.fleet.shelf import ModelShelf
from babbitt.prognosis.fleet.trainer import MODULE
from babbitt.protocol.assessment import Assessment, Interval
from babbitt.service import Host
from babbitt.store import marking
from babbitt.store.reader import StoreReader
from babbitt.store.worker import in_a_child
from babbitt.web import WebServer

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from test_commands import run, said

ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
FAILED = 12


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the lives of machines."""
    fill = Filler(tmp_path_factory.mktemp("plant") / "store")
    fleet(fill, FAILED)
    fill.close()
    return fill.writer.path


@pytest.fixture(scope="module")
def trained(plant: Path) -> str:
    """What the training on that store said."""
    with pytest.MonkeyPatch.context() as small:  # fewer trees are enough for made-up wear, and quicker
        small.setattr(model, "ROUNDS", 160)
        return "\n".join(told(learn(plant, Lesson("the store", from_store=True), Path(), lambda *_: None)))


@pytest.fixture
def fill(tmp_path: Path) -> Iterator[Filler]:
    filler = Filler(tmp_path / "store")
    yield filler
    filler.close()


def call(url: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON of an answer; with a body it is a POST."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, {"Content-Type": "application/json"}), timeout=20
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_lives_are_what_people_said(fill: Filler) -> None:
    fill.node("fan", "Fan", "machine", CHANNELS)
    folder = fill.writer.path
    reader = StoreReader(folder)

    def spans() -> list[tuple[int, int | None, bool]]:
        hours = [
            (one.begin - T0, None if one.end is None else one.end - T0, one.failed) for one in reader.lives()
        ]
        return [(a // HOUR, None if b is None else b // HOUR, f) for a, b, f in hours]

    assert spans() == []
    with pytest.raises(MarkRefused, match="no record yet"):
        marking.turn(folder, "plant", "fan", "failed", None, T0)
    fill.rows("fan", [(T0 + n * HOUR, [100_000, 3000, 3_205_000, 40_000]) for n in range(100)])
    assert spans() == [(0, None, False)]

    def at(hour: int, what: str) -> None:
        marking.turn(folder, "plant", "fan", what, T0 + hour * HOUR, T0 + 100 * HOUR)

    at(60, "failed")
    at(70, "failed")  # what is dead does not die again
    assert spans() == [(0, 60, True)]
    at(80, "repaired")
    at(30, "repaired")  # taken out of its own accord, before that
    assert spans() == [(0, 30, False), (30, 60, True), (80, None, False)]
    at(30, "withdrawn")
    assert marking.turn(folder, "plant", "fan", "withdrawn", None, T0) == T0 + 80 * HOUR
    assert spans() == [(0, 60, True)]
    for what, t, error, word in (
        ("withdrawn", T0 + 1, MarkRefused, "nothing was said"),
        ("failed", T0 + 10_000 * HOUR, MarkRefused, "still to come"),
        ("broken", None, MarkRefused, "say failed, repaired"),
    ):
        with pytest.raises(error, match=word):
            marking.turn(folder, "plant", "fan", what, t, T0)
    with pytest.raises(UnknownNode):
        marking.turn(folder, "plant", "nobody", "failed", None, T0)
    reader.close()


def test_a_life_is_read_with_its_gaps_and_without_the_hours_it_stood(fill: Filler) -> None:
    running = {
        "channel": "vib.x.rms", "above": 20_000, "hysteresis": 0, "starting_s": 0, "settle_s": 0, "run_in_h": 0,
    }  # fmt: skip
    fill.node("fan", "Fan", "machine", CHANNELS, running=running)
    rows: list[tuple[int, list[int | None]]] = []
    for n in range(60):
        if 20 <= n < 40:
            continue  # nothing came
        off = n % 4 == 3
        rows.append(
            (T0 + n * HOUR, [1000 if off else 100_000 + n, 3000, 3_205_000, None if n == 8 else 40_000 + n])
        )
    fill.rows("fan", rows)
    marking.turn(fill.writer.path, "plant", "fan", "failed", T0 + 70 * HOUR, T0 + 70 * HOUR)
    reader = StoreReader(fill.writer.path)
    (life,), view = reader.lives(), reader.node("plant", "fan")
    channels = (("temp.mean", "degC"), ("vib.x.rms", "g"))
    found = history(reader, view, channels, life, 4)
    assert found is not None
    # A point of four hours, the fourth of which it stood; of the gap there is none.
    assert found.time.tolist() == [3, 7, 11, 15, 19, 43, 47, 51, 55, 59]
    assert (found.failed, found.life, found.remaining[0]) == (True, 70.0, 67.0)
    assert found.values[2, 0] == pytest.approx(
        40.0095
    )  # of hours 9 and 10: of the 8th there is no temperature
    assert np.exp(found.values[0, 1]) == pytest.approx(np.hypot(0.100001, 0.005))
    assert history(reader, view, (("vib.y.rms", "g"), *channels), life, 4) is None
    assert history(reader, view, channels, life, 30) is None
    reader.close()


def test_too_few_lives_are_counted_and_what_to_do_is_said(fill: Filler) -> None:
    folder = fill.writer.path
    assert "no machine that measures" in run("train", "--from-store", "--store", folder, code=1).stderr
    fleet(fill, 3)
    found = run("train", "--from-store", "--store", folder, code=1).stderr
    assert (
        "3 lives of plant/fan-0 and 3 like it ended with a failure (plant/fan-0 2, plant/fan-1 1); 10 are needed"
        in found
    )
    assert "`babbitt lives SITE NODE failed --at TIME`" in found
    reader = StoreReader(folder)
    with pytest.raises(ModelError, match="0 lives of plant/odd ended"):
        choose(reader, "plant/odd")
    with pytest.raises(ModelError, match="no machine plant/nobody"):
        choose(reader, "plant/nobody")
    reader.close()
    # The host is told as well.
    told = run("train", "--from-store", "--background", "--store", folder).stdout
    assert "Training 1 waits" in told
    assert in_a_child(MODULE, (str(folder), "1", "0"), threading.Event()) == 1
    (job,) = Jobs(folder).all()
    assert (job.state, job.lesson.from_store) == ("failed", True)
    assert "10 are needed" in job.text
    for words in (
        ("lives.csv", "--from-store"),
        (),
        ("--from-store", "--ended", "x"),
        ("x.csv", "--like", "plant/odd"),
    ):
        assert "babbitt: " in run("train", *words, "--store", folder, code=1).stderr


def test_it_learns_is_tested_and_says_what_it_leans_on(plant: Path, trained: str) -> None:
    assert f"learnt from {FAILED + 2} lives of {FAILED + 1} machines, {FAILED} of which failed." in trained
    assert "It is in use from now on." in trained
    assert "own degradation models gave no number at 60 moments" in trained
    about = ModelShelf(plant).about("fleet", 1)
    assert about["backtest"]["error"] < about["backtest"]["mean_life"]
    assert (about["trained"]["source"], about["trained"]["step_h"]) == ("store", 1)
    reader = StoreReader(plant)
    found = {one.node: foretold.plain(one) for one in foretell(reader, {}).nodes}
    reader.close()
    old, young = found["old"], found["young"]
    assert old["remaining"]["p10"] <= old["remaining"]["p50"] <= old["remaining"]["p90"]
    assert old["remaining"]["p50"] < 15 < young["remaining"]["p50"]
    assert (young["beyond"], old["beside"]["first"], old["advice"]) == (True, "fleet", None)
    assert "it measures besides oil.mean" in found["odd"]["why"]
    assert "when it runs again, say `babbitt lives plant fan-1 repaired`" in found["fan-1"]["why"]
    assert [found[name]["remaining"] for name in ("odd", "fan-1", "fan-0")] == [None] * 3
    costs = ("--planned", "1", "--failure", "20")
    told = run("models", "apply", "--nodes", *costs, "--store", plant).stdout
    assert "plant/old: Maintenance is worth doing now: within" in told
    assert "plant/young: " not in told
    (plant / "running.csv").write_text("unit,time,vib.x.rms\n" + "a,1,2\n" * 9)
    refused = run("models", "apply", "--file", plant / "running.csv", "--store", plant, code=1).stderr
    assert "apply it to them with --nodes" in refused
    assert (
        "without --file"
        in run("models", "apply", "--nodes", "--file", "x.csv", "--store", plant, code=1).stderr
    )


def test_a_new_model_is_compared_on_lives_that_are_new_to_the_old_one(plant: Path, trained: str) -> None:
    reader = StoreReader(plant)
    lives = Lives(reader, choose(reader, None))
    some = lives.fleet(1).histories
    assert len(some) == FAILED + 2
    assert _apart(some, set()) == set(range(0, len(some), 5))
    seen = {h.unit for h in some if h.unit != some[3].unit}
    assert 3 in _apart(some, seen)
    assert len(_apart(some, seen)) == 3
    new = ModelShelf(plant).load("fleet")
    old = copy.copy(new)
    old.trained = dict(new.trained)
    assert _against(new, None, some, 80.0, lives) == (None, None)
    assert _against(new, old, some, 80.0, None) == (None, None)
    mine, used = _against(new, old, some[:4], 80.0, lives)
    assert mine == used
    old.trained["step_h"] = 2  # it sees the same lives as it has learnt to see them
    old.trained["units"] = [h.unit for h in some if h.unit != some[1].unit]
    mine, used = _against(new, old, some[:4], 80.0, lives)
    assert mine is not None
    assert used is not None
    assert (mine.machines, used.machines) == (1, 1)
    reader.close()


def test_who_was_nearer_on_past_lives_comes_first(fill: Filler) -> None:
    folder = fill.writer.path
    spans = fleet(fill, 3)
    end = T0 + spans["fan-1"] * HOUR

    def own(hour: int, left: float | None) -> Assessment:
        interval = None if left is None else Interval(left / 2, left, left * 2)
        words = "no trend" if left is None else "trend"
        return Assessment(end - hour * HOUR, "warning", 1.2, 60.0, (), words, interval)

    fill.assess("fan-1", [own(30, None), own(20, 22.0), own(10, 13.0)])
    reader = StoreReader(folder)
    lives = Lives(reader, kinds(reader)[0])
    unit = "plant/fan-1 life 1"

    def asked(*errors: float) -> list[Question]:
        hours = [30.0, 20.0, 10.0]
        return [
            Question(unit, spans["fan-1"] - h, h + wrong, h) for h, wrong in zip(hours, errors, strict=True)
        ]

    found = compare(lives, asked(0, 1, -1), 40.0)
    assert found == {
        "asked": 3,
        "answered": 2,
        "own": pytest.approx(6.5**0.5),
        "fleet": 1.0,
        "first": "fleet",
    }
    assert compare(lives, asked(0, 9, 9), 40.0)["first"] == "own"
    assert compare(lives, asked(0, 9, 9)[:1], 40.0) == {
        "asked": 1, "answered": 0, "own": None, "fleet": None, "first": "fleet",
    }  # fmt: skip
    reader.close()


@pytest.mark.timeout(900)
def test_host_interface_page_and_commands_tell_it(
    plant: Path, trained: str, chromium_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecasting, "NICE", 0)  # at the pace of everything else: this PC may be busy
    with WebServer(plant) as page:
        status, before = call(f"{page.url}api/v1/nodes/plant/old")
    assert (status, before["fleet"], before["first"]) == (200, None, "own")
    place = plant / foretold.FOLDER / foretold.FILE
    costs = {"": (1.0, 20.0), "plant/young": (1.0, 1.0)}
    with (
        Host(plant, broker_listen="127.0.0.1:0", analysis=False, costs=costs) as host,
        WebServer(plant) as page,
    ):
        until(lambda: host.forecaster.runs)
        url = f"{page.url}api/v1/nodes/plant"
        _, old = call(f"{url}/old")
        assert (old["first"], old["fleet"]["model"], old["fleet"]["version"]) == ("fleet", "fleet", 1)
        assert old["fleet"]["remaining"]["p50"] < 15
        assert old["fleet"]["advice"]["now"]
        assert "Maintenance is worth doing now: within" in old["fleet"]["advice"]["text"]
        assert old["fleet"]["trained"].startswith(f"{FAILED} lives of machines in this store")
        assert not call(f"{url}/young")[1]["fleet"]["advice"]["now"]
        with (
            sync_playwright() as play,
            play.chromium.launch(executable_path=chromium_path, args=ARGS) as browser,
        ):
            view = browser.new_page()
            view.goto(f"{page.url}node/plant/old")
            panel = view.get_by_role("region", name="Remaining life")
            expect(panel).to_contain_text("By its fleet", timeout=20_000)
            expect(panel).to_contain_text("Model fleet, version 1 of")
            expect(panel).to_contain_text("Maintenance is worth doing now")
            assert panel.inner_text().index("By its fleet") < panel.inner_text().index("By its own trend")
            view.goto(f"{page.url}node/plant/odd")
            expect(panel).to_contain_text("No number: it is of another kind", timeout=20_000)
    # After a restart what was told last is there at once; a file that is damaged is none, and is made again.
    (row,) = (one for one in said("status", "--store", plant)["fleet"] if one["node"] == "old")
    assert row["remaining"] == old["fleet"]["remaining"]
    assert "by its fleet" in run("status", "--store", plant).stdout
    told = run("forecast", "plant", "old", "--store", plant).stdout
    assert told.index("Remaining life by its fleet: ") < told.index(
        "Remaining life by its own trend: no assessment yet."
    )
    assert said("forecast", "plant", "old", "--store", plant)["first"] == "fleet"
    place.write_bytes(place.read_bytes()[:100])
    assert foretold.kept(plant) == {}
    assert said("status", "--store", plant)["fleet"] == []


def test_what_is_said_of_a_life_is_followed_and_what_cannot_be_leaves_what_was(
    plant: Path, trained: str
) -> None:
    reader = StoreReader(plant)
    forecaster = Forecaster(reader, {}, look_s=0.05, nice=0)
    forecaster.start()
    with WebServer(plant) as page:
        url = f"{page.url}api/v1/nodes/plant"
        until(lambda: forecaster.runs)
        assert call(f"{url}/young")[1]["fleet"]["advice"] is None
        status, lives = call(f"{url}/young/lives", {"what": "failed", "note": "seized"})
        assert (status, [one["failed"] for one in lives]) == (201, [True])
        until(lambda: forecaster.runs == 2)
        assert "it failed" in call(f"{url}/young")[1]["fleet"]["why"]
        forecaster.stop()
        assert call(f"{url}/young/lives", {"what": "withdrawn"})[1][0]["end"] is None
        assert [one["node"] for one in call(f"{page.url}api/v1/lives?node=young")[1]] == ["young"]
        assert call(f"{url}/young/lives", {"what": "withdrawn"})[0] == 400
        assert call(f"{url}/young/lives", {"what": "withdrawn", "t": 0})[0] == 422
        assert call(f"{url}/nobody/lives", {"what": "failed"})[0] == 404
    reader.close()


def test_a_model_that_cannot_be_read_is_named_and_keeps_no_other_from_being_used(
    plant: Path, trained: str
) -> None:
    file = plant / "models" / "fleet" / "1.skops"
    whole = file.read_bytes()
    shutil.copytree(file.parent, plant / "models" / "other")
    words = (str(plant), FORETELL, "0", "{}")
    try:
        file.write_bytes(whole[:1000])
        assert in_a_child(MODULE, words, threading.Event()) == 0
        kept = foretold.kept(plant)
        assert (kept["plant", "young"].model, kept["plant", "young"].why) == ("other", "")
        assert kept["plant", "young"].remaining is not None
        odd = kept["plant", "odd"].why
        assert "it is of another kind" in odd
        assert f"the model {file} cannot be read" in odd
        shutil.rmtree(plant / "models" / "other")
        assert in_a_child(MODULE, words, threading.Event()) == 0
        kept = foretold.kept(plant)
        assert {one.remaining for one in kept.values()} == {None}
        assert all(f"the model {file} cannot be read" in one.why for one in kept.values())
        # What breaks on the way leaves what was told.
        file.write_bytes(whole)
        about = file.with_suffix(".json")
        text = about.read_bytes()
        about.write_bytes(text[:50])
        assert in_a_child(MODULE, words, threading.Event()) == 1
        assert foretold.kept(plant) == kept
        about.write_bytes(text)
    finally:
        file.write_bytes(whole)
        shutil.rmtree(plant / "models" / "other", ignore_errors=True)


def until(holds: Callable[[], Any], seconds: float = 400.0) -> None:
    """Wait until something holds: this PC may be busy."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_lives_by_the_command_line(fill: Filler) -> None:
    folder = fill.writer.path
    fleet(fill, 3)
    rows = said("lives", "plant", "fan-0", "--store", folder)
    assert [(one["number"], one["failed"]) for one in rows] == [(1, True), (2, True)]
    assert "repaired before it failed" not in run("lives", "--store", folder).stdout
    told = run(
        "lives",
        "plant",
        "young",
        "repaired",
        "--at",
        "2026-02-02T20:00+00:00",
        "--note",
        "new bearing",
        "--store",
        folder,
    )
    assert "plant/young: repaired" in told.stdout
    assert "repaired before it failed" in told.stdout
    for words, word in (
        (("plant", "young", "failed", "--at", "noon"), "is no time"),
        (("plant", "nobody", "failed"), "no node plant/nobody"),
        (("plant", "young", "--at", "2026-02-02"), "say failed"),
    ):
        assert word in run("lives", *words, "--store", folder, code=1).stderr


def test_a_long_life_has_no_more_points_than_a_short_one_has_room_for(fill: Filler) -> None:
    fill.node("fan", "Fan", "machine", CHANNELS)
    fill.rows("fan", [(T0 + n * 50 * HOUR, [100_000 + n, 3000, 3_205_000, 40_000]) for n in range(200)])
    reader = StoreReader(fill.writer.path)
    (one,) = kinds(reader)
    assert one.step_h() == 25  # 9950 h in 400 points at most
    found = history(reader, one.machines[0], one.channels, one.lives[0], one.step_h())
    assert found is not None
    assert (len(found.time), found.time[-1], found.failed) == (200, 9950.0, False)
    many = replace(one, lives=one.lives * 4000)
    assert many.step_h() == 100
    reader.close()


def test_what_was_told_goes_with_the_model_that_told_it(fill: Filler) -> None:
    folder = fill.writer.path
    beside = foretold.Beside(1, 0, None, None, "fleet")
    one = foretold.Foretold("plant", "fan", 1, "gone", 1, 1, "lives", beside)
    foretold.keep(folder, foretold.Foretellings(1, (one,)))
    assert foretold.of(folder, "plant", "fan") == one
    reader = StoreReader(folder)
    forecaster = Forecaster(reader, {}, look_s=0.05)
    forecaster.start()
    until(lambda: foretold.of(folder, "plant", "fan") is None)
    forecaster.stop()
    reader.close()


def test_records_are_of_the_kind_that_is_meant() -> None:
    import random

    rows = records(T0, 100, 100, random.Random(1))
    assert 80 < len(rows) < 100
    assert rows[-1][1][0] > 3 * rows[0][1][0]  # type: ignore[operator]
