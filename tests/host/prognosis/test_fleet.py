"""The model of a fleet: conditions taken out, causal features, honest intervals, files that hold nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fleets import CHANNELS, fleet, write

from babbitt.errors import ModelError
from babbitt.prognosis.fleet import model as models
from babbitt.prognosis.fleet.backtest import back_test
from babbitt.prognosis.fleet.history import Fleet, read
from babbitt.prognosis.fleet.model import FleetModel, train
from babbitt.prognosis.fleet.regimes import Regimes
from babbitt.prognosis.fleet.shelf import ModelShelf
from babbitt.prognosis.fleet.statistics import features, names
from babbitt.prognosis.fleet.trees import Trees

CAP = 50.0


@pytest.fixture(scope="module")
def learnt() -> FleetModel:
    return train(fleet(30, censored=6), CAP, folds=3)


def test_features_are_causal_and_named() -> None:
    rng = np.random.default_rng(1)
    x, weight = rng.normal(size=(80, 3)), rng.uniform(0.1, 3.0, (80, 3))
    whole = features(x, weight)
    assert np.allclose(features(x[:37], weight[:37]), whole[:37])
    assert whole.shape[1] == len(names(["a", "b", "c"]))
    assert np.isfinite(whole).all()
    said = dict(zip(names(["a", "b", "c"]), whole[49], strict=True))
    assert said["records"] == 50
    assert said["b: mean of 10"] == pytest.approx(np.average(x[40:50, 1], weights=weight[40:50, 1]))
    slope, now = np.polyfit(np.arange(-19.0, 1.0), x[30:50, 2], 1, w=np.sqrt(weight[30:50, 2]))
    assert said["c: slope of 20"] == pytest.approx(slope)
    assert said["c: line of 20"] == pytest.approx(now)
    assert said["a: mean"] == pytest.approx(np.average(x[:50, 0], weights=weight[:50, 0]))
    first = np.average(x[:10, 0], weights=weight[:10, 0])
    assert said["a: newest - first"] == pytest.approx(
        np.average(x[40:50, 0], weights=weight[40:50, 0]) - first
    )


def test_conditions_are_found_and_taken_out() -> None:
    some = fleet(20, conditions=3)
    settings, values = (
        np.vstack([getattr(h, what) for h in some.histories]) for what in ("settings", "values")
    )
    found = Regimes.learn(settings, values)
    assert len(found.centres) == 3
    normal = found.normal(settings, values)
    group = found.group(settings)
    for n in range(3):
        assert np.allclose(normal[group == n].mean(axis=0), 0, atol=1e-9)
        assert np.allclose(normal[group == n].std(axis=0), 1)
    # One condition, settings that only scatter: there are no groups.
    loose = np.random.default_rng(2).normal(size=settings.shape)
    assert len(Regimes.learn(loose, values).centres) == 1
    # A channel that never moves tells nothing.
    still = np.c_[values, np.full(len(values), 7.0)]
    assert Regimes.learn(settings, still).kept.tolist() == [0, 1, 2]


def test_a_condition_that_was_met_once_takes_no_channel_away() -> None:
    rng = np.random.default_rng(4)
    settings, values = np.zeros((400, 1)), rng.normal(5.0, 2.0, (400, 2))
    settings[:200], settings[7], values[7] = 3.0, 10.0, (9.0, 8.0)
    found = Regimes.learn(settings, values)
    assert (len(found.centres), found.kept.tolist()) == (3, [0, 1])
    assert np.allclose(found.normal(settings[7:8], values[7:8]), 0.0)
    assert found.normal(settings, values).std() == pytest.approx(1.0, abs=0.01)


def test_it_foretells_machines_it_has_not_seen_and_knows_how_well(learnt: FleetModel) -> None:
    others = fleet(30, seed=99).histories
    found = back_test(learnt, others, 90.0)
    assert found is not None
    assert found.error < 0.6 * found.mean_life
    assert 0.65 <= found.inside <= 0.95
    near = learnt.remaining(others[0].until(len(others[0].time) - 3))
    assert near.p05 <= near.p10 <= near.p50 <= near.p90 <= near.p95
    assert near.p50 < 15
    new = learnt.remaining(others[0].until(12))
    assert new.p50 > 35
    assert new.beyond
    assert learnt.trained["failed"] == 24
    assert learnt.trained["machines"] == 30
    assert "hum" not in learnt.explained(1)[0][0]


def test_a_machine_that_still_runs_teaches_only_where_it_is_certain() -> None:
    some = fleet(20, censored=20)
    core = models.Core.__new__(models.Core)
    core.cap = 20.0
    for history in some.histories:
        known = core._certain(history)
        assert (known == (history.remaining >= 20.0)).all()


def test_too_few_and_unchanging_are_refused() -> None:
    with pytest.raises(ModelError, match="are needed"):
        train(fleet(12, censored=5), CAP)
    some = fleet(12)
    still = tuple(type(h)(h.unit, h.time, h.settings, np.ones_like(h.values)) for h in some.histories)
    with pytest.raises(ModelError, match="no channel changes"):
        train(Fleet(still, some.channels, some.settings), CAP)


def test_a_model_is_the_same_from_its_file_and_nothing_else_is_read(
    learnt: FleetModel, tmp_path: Path
) -> None:
    shelf = ModelShelf(tmp_path)
    with pytest.raises(ModelError, match="babbitt train"):
        shelf.load("fleet")
    assert shelf.save("fleet", learnt, {}) == 1
    assert shelf.save("fleet", learnt, {"made": 5}) == 2
    shelf.use("fleet", 1)
    again = shelf.load("fleet")
    for h in fleet(5, seed=7).histories:
        assert again.remaining(h.until(30)) == learnt.remaining(h.until(30))
    assert (shelf.names(), shelf.versions("fleet"), shelf.current("fleet")) == (["fleet"], [1, 2], 1)
    with pytest.raises(ModelError, match="no version 9"):
        shelf.use("fleet", 9)
    with pytest.raises(ModelError, match="no name"):
        shelf.save("../x", learnt, {})
    import skops.io

    place = tmp_path / "models" / "fleet" / "2.skops"
    place.write_bytes(place.read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot be read"):
        shelf.load("fleet", 2)
    place.write_bytes(skops.io.dumps({"format": 1, "evil": Path("/etc/passwd")}))
    with pytest.raises(ModelError, match="types that are in no model"):
        shelf.load("fleet", 2)
    with pytest.raises(ModelError, match="the channels"):
        learnt.remaining(type(fleet(1).histories[0])("x", np.ones(9), np.ones((9, 2)), np.ones((9, 2))))


def test_trees_as_arrays_say_what_scikit_learn_says() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(4)
    x = rng.normal(size=(800, 6))
    y = x[:, 0] ** 2 + np.sin(3 * x[:, 1]) + rng.normal(0, 0.1, 800)
    grown = [HistGradientBoostingRegressor(max_iter=30, random_state=n).fit(x[n::2], y[n::2]) for n in (0, 1)]
    trees = Trees.of(grown)
    asked = rng.normal(size=(500, 6))
    assert np.allclose(
        trees.predict(asked), np.mean([one.predict(asked) for one in grown], axis=0), atol=1e-9
    )
    assert set(np.argsort(-trees.gains)[:2].tolist()) == {0, 1}


def test_histories_are_read_from_csv_and_parquet(tmp_path: Path) -> None:
    some = fleet(4, censored=1)
    path = write(some, tmp_path / "f.csv")
    found = read(path, "unit", "time", ("speed", "grade"), "ended")
    assert found.channels == CHANNELS
    assert [h.failed for h in found.histories] == [True, True, True, False]
    assert np.allclose(found.histories[2].values, some.histories[2].values)
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    pq.write_table(pa_csv.read_csv(path), tmp_path / "f.parquet")
    again = read(tmp_path / "f.parquet", "unit", "time", ("speed", "grade"), "ended")
    assert np.allclose(again.histories[0].values, some.histories[0].values)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("unit,cycle,a\n1,1,2\n", "no column time"),
        ("unit,time\n1,1\n", "no column of numbers"),
        ("unit,time,a\n1,1,2\n1,2,3\n", "has 5 records"),
        ("unit,time,a\n" + "".join(f"1,{n},{n}\n" for n in range(9)) + "1,9,\n", "row 10"),
        ("unit,time,a\n" + "".join(f"1,x{n},{n}\n" for n in range(9)), "no number"),
    ],
)
def test_bad_files_are_told(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(ModelError, match=word):
        read(tmp_path / "f.csv", "unit", "time")
    with pytest.raises(ModelError, match="cannot be read"):
        read(tmp_path / "nowhere.csv", "unit", "time")


def test_quantiles_are_conformal_and_allow_for_being_a_sample() -> None:
    errors = np.arange(1.0, 20_000.0)
    for q in (0.05, 0.1, 0.9, 0.95):
        doubt = models.SURE * (q * (1 - q) / (len(errors) / models.ALIKE)) ** 0.5
        assert models.quantile(errors, q) == pytest.approx(20_000 * (q + np.sign(q - 0.5) * doubt), abs=1.0)
    assert models.quantile(np.arange(20.0), 0.95) == 19.0
    assert models.quantile(np.arange(20.0), 0.05) == 0.0
    assert models.quantile(np.empty(0), 0.9) == 0.0
    # Of small samples, how much lies below the quantile of 95 %? At least so much in three of four.
    rng = np.random.default_rng(3)
    held = [models.quantile(np.sort(rng.random(200)), 0.95) >= 0.95 for _ in range(500)]
    assert 0.7 < np.mean(held) < 0.9


def test_of_a_large_fleet_every_nth_record_is_learnt_from(
    learnt: FleetModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = fleet(7, censored=2).histories
    rows, labels = zip(*(learnt.cores[0]._rows(h) for h in some), strict=True)
    x, y = np.vstack(rows), np.concatenate(labels)
    monkeypatch.setattr(models, "ROWS", len(y) // 3)
    each = len(y) // (len(y) // 3)
    found = learnt.cores[0]._thinned(some)
    assert np.array_equal(found[0], x[::each])
    assert np.array_equal(found[1], y[::each])
