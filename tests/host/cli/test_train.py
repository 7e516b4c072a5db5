"""`babbitt train` and `babbitt models` as a user runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from test_commands import run, said

sys.path.insert(0, str(Path(__file__).parents[1] / "prognosis"))

from fleets import fleet, write

COLUMNS = ("--settings", "speed,grade", "--ended", "ended", "--cap", "50")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model of thirty machines."""
    folder = tmp_path_factory.mktemp("fleet")
    write(fleet(16, censored=3), folder / "lives.csv")
    told = run("train", folder / "lives.csv", "--store", folder / "s", *COLUMNS)
    assert "Model fleet, version 1: learnt from 16 machines, 13 of which failed." in told.stdout
    assert "inside the 80 % interval" in told.stdout
    assert "It is in use from now on." in told.stdout
    assert "learning without some: 0 of 5" in told.stderr
    return folder


def test_what_runs_is_told_how_long_it_still_goes(trained: Path) -> None:
    running = fleet(3, seed=50)
    cut = tuple(h.until(len(h.time) - left) for h, left in zip(running.histories, (4, 20, 55), strict=True))
    path = write(type(running)(cut, running.channels, running.settings), trained / "now.csv", ended=False)
    found = {
        row["unit"]: row["remaining"]
        for row in said("models", "apply", "--store", trained / "s", "--file", path)
    }
    assert found["m0"]["p50"] < found["m1"]["p50"] <= found["m2"]["p50"]
    assert found["m0"]["p10"] <= found["m0"]["p50"] <= found["m0"]["p90"]
    costs = ("--planned", "1", "--failure", "20")
    advised = said("models", "apply", "--store", trained / "s", "--file", path, *costs)
    assert [row["advice"]["now"] for row in advised] == [True, False, False]
    assert (
        "m0: Maintenance is worth doing now"
        in run("models", "apply", "--store", trained / "s", "--file", path, *costs).stdout
    )
    told = run("models", "apply", "--store", trained / "s", "--file", path).stdout
    assert told.index("m0") < told.index("m2")


def test_models_are_listed_shown_and_taken_into_use(trained: Path) -> None:
    (row,) = said("models", "--store", trained / "s")
    assert (row["name"], row["version"], row["in_use"], row["trained"]["failed"]) == ("fleet", 1, True, 13)
    assert "lives.csv" in run("models", "--store", trained / "s").stdout
    assert "failed: 13" in run("models", "show", "--store", trained / "s").stdout
    assert said("models", "use", "fleet", "1", "--store", trained / "s")["in_use"]


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("show", "other"), "there is no model other"),
        (("use", "fleet", "9"), "no version 9"),
        (("apply",), "needs --file"),
        (("apply", "other", "--file", "{now}"), "is in use"),
        (("apply", "fleet", "--file", "{bad}"), "no column"),
        (("apply", "fleet", "--file", "{now}", "--planned", "1"), "both --planned and --failure"),
        (("apply", "fleet", "--file", "{now}", "--planned", "9", "--failure", "1"), "no more than a failure"),
    ],
)
def test_what_cannot_be_is_said(trained: Path, words: tuple[str, ...], word: str) -> None:
    (trained / "bad.csv").write_text("unit,time,speed,grade,heat\n" + "1,1,1,1,1\n" * 6)
    named = {"{now}": trained / "lives.csv", "{bad}": trained / "bad.csv"}
    line = [named.get(one, one) for one in words]
    assert word in run("models", *line, "--store", trained / "s", code=1).stderr


def test_too_few_lives_are_refused(trained: Path) -> None:
    few = write(fleet(4), trained / "few.csv")
    assert "10 are needed" in run("train", few, "--store", trained / "s", *COLUMNS, code=1).stderr
