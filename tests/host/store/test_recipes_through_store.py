"""Products and the store: the recipe of a record reaches the judge, sisters are asked for the same recipe, a backtest knows it too."""

from __future__ import annotations

import threading

import numpy as np
from feeding import T0, Feed, birth, rows

from babbitt.detection.baseline import LEARN
from babbitt.detection.peers import Peers
from babbitt.pipeline import Pipeline
from babbitt.protocol.assessment import Point
from babbitt.store.readings import by_install, readings
from babbitt.store.state import State

CHANNELS = [
    {"id": "vib.x.rms", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000},
    {"id": "vib.x.peak", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000},
]
RUNS = ((1, 0.2), (2, 0.7), (1, 0.2), (2, 0.7))
EACH = LEARN + 20


def made(seed: int) -> list[list[int]]:
    """Rows of a machine that makes two products in turn: recipe, rms, peak."""
    rng = np.random.default_rng(seed)
    found = []
    for recipe, level in RUNS:
        level_g = level * np.exp(rng.normal(0.0, 0.03, EACH))
        found += [[recipe, int(rms * 1e6), int(3.2 * rms * 1e6)] for rms in level_g]
    return found


def put(feed: Feed, node: str, step: int, seed: int) -> None:
    whole, feed.node = made(seed), node
    feed.put(("birth", birth(channels=CHANNELS, checks=[])))
    for first in range(0, len(whole), 20):
        some = whole[first : first + 20]
        message = rows(first, [one[1:] for one in some], step=step)
        for row, (recipe, *_) in zip(message["rows"], some, strict=True):
            row[2] = recipe
        feed.put(("data", message))


def analyse(feed: Feed) -> None:
    pipeline, state = Pipeline(feed.writer, threading.Event(), slot_ms=1), State.open(feed.folder)
    while pipeline.step(state):
        pass
    pipeline._save()
    state.close()


def test_two_products_in_turn_are_no_fault_and_each_assessment_says_which(feed: Feed) -> None:
    put(feed, "press", 10_000, 1)
    analyse(feed)
    found = feed.reader.assessments("hall", "press", 0, 2 * T0, 10**9)
    assert {one.level for one in found} == {"learning", "normal"}
    assert found[-1].point == Point(2)
    assert {one.point for one in found[3 * EACH :]} == {None, Point(2)}
    assert {one.level for one in found[2 * EACH :]} == {"normal"}  # both are known by then


def test_several_records_a_second_are_not_averaged_over_a_change_of_recipe(feed: Feed) -> None:
    put(feed, "press", 40, 2)
    state = State.open(feed.folder)
    _, sections = state.scan(0, 10**6)
    state.refresh()
    (some,) = by_install(sections)
    found = [one for one in readings(some, state.meanings(some.install_id)) if one is not None]
    state.close()
    level = dict(RUNS)
    assert 13 <= len(found) <= 13 + len(RUNS) - 1  # 12.8 s, and one more where a change falls into a second
    for one in found:
        rms = one.values["vib.x.rms"]
        assert rms is not None
        assert np.isclose(rms, level[one.recipe], rtol=0.1)


def test_sisters_are_those_that_make_the_same(feed: Feed) -> None:
    for n, node in enumerate(("a", "b", "c", "d")):
        put(feed, node, 10_000, n)
    analyse(feed)
    state, peers = State.open(feed.folder), Peers()
    try:
        install = feed.writer.conn.execute(
            "SELECT i.id FROM installs i JOIN nodes n ON n.id=i.node_id WHERE n.node='d'"
        ).fetchone()[0]
        key = state.whose(install)[0]
        state.refresh()
        table = state.meanings(install).find(1, 0, 2)
        assert table is not None
        quiet, loud = (peers.of(state, key, "hall", table, Point(recipe)) for recipe in (1, 2))
        assert quiet is not None
        assert loud is not None
        assert quiet.count == loud.count == 3
        assert np.isclose(quiet.level_g, 0.2, rtol=0.05)
        assert np.isclose(loud.level_g, 0.7, rtol=0.05)
        assert peers.of(state, key, "hall", table, Point(3)) is None
        assert peers.of(state, key, "hall", table, Point(1, 1480.0)) is None
    finally:
        state.close()


def test_a_backtest_reads_the_recipes(feed: Feed) -> None:
    put(feed, "press", 10_000, 1)
    read = list(feed.reader.replay("hall", "press", T0, T0 + 10**9))
    assert [recipe for _, _, recipe in read] == [one[0] for one in made(1)]
