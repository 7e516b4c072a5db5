"""The re-run of the checks of all nodes, fed from the record log.

Nodes that send more than two records a second are left out: a node of ours sends one a second at most. State is kept in
the store once a minute and at the end: after a crash the records between are a gap, and checks are compared again when
their state is known (:mod:`babbitt.detection.watch`).
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from babbitt.detection.recheck import Recheck, Row, Said, Verdict
from babbitt.store import log
from babbitt.store.state import State
from babbitt.store.writer import StoreWriter

logger = logging.getLogger(__name__)

SAVE_S = 60.0
FAST = 10
FAST_MS = 500
FEW = 32


class Rechecks:
    """``ticks`` is a clock in seconds that never goes back."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._nodes: dict[int, Recheck] = {}
        self._node_of: dict[int, int] = {}
        self._unsaved: set[int] = set()
        self._saved_at = ticks()

    def forget(self) -> None:
        """What is in memory may be ahead of the store: read it again."""
        self._nodes.clear()
        self._unsaved.clear()

    def take(self, state: State, sections: Sequence[log.Section]) -> list[tuple[int, Verdict]]:
        """Judge the records of a slice of the log again; gives the differences by installation key. Raises sqlite3.Error."""
        records: dict[int, list[Row | Said]] = {}
        fast: set[int] = set()
        for install, mine in _by_install(sections):
            if mine["v"].shape[1] and len(mine) > FAST and int(np.ptp(mine["u"])) < FAST_MS * (len(mine) - 1):
                fast.add(install)
            elif found := self._records(state, install, mine):
                records.setdefault(install, []).extend(found)
        verdicts: list[tuple[int, Verdict]] = []
        for install in {**records, **dict.fromkeys(fast)}:
            node_id = self._node(state, install)
            recheck = self._nodes.get(node_id)
            if recheck is None:
                recheck = self._nodes[node_id] = self._load(state, node_id)
            if install in fast:
                recheck.missed()
                continue
            self._unsaved.add(node_id)
            try:
                found_ = recheck.feed(sorted(records[install], key=lambda one: one.place))
            except Exception:  # a defect of ours, or of the node's code on data it never meets there
                logger.exception("the checks of node %d cannot be judged again and begin anew", node_id)
                self._nodes[node_id] = Recheck(differences=recheck.differences)
                continue
            verdicts += [(install, one) for one in found_]
        return verdicts

    def save(self, writer: StoreWriter, ending: bool = False) -> None:
        """Write the states, if it is time to or with ``ending``, a few at a time. Raises StoreError."""
        if not ending and self._ticks() - self._saved_at < SAVE_S:
            return
        due = list(self._unsaved)
        for first in range(0, len(due), FEW):
            with writer.transaction():
                for node_id in due[first : first + FEW]:
                    recheck = self._nodes[node_id]
                    writer.analyser(node_id, {"recheck": recheck.dump(), "differences": recheck.differences})
        self._unsaved.clear()
        self._saved_at = self._ticks()

    def _load(self, state: State, node_id: int) -> Recheck:
        saved, differences = state.recheck(node_id)
        if saved is None:
            return Recheck()
        try:
            return Recheck.load(
                saved, lambda install, boot, seq, width: state.meanings(install).find(boot, seq, width)
            )
        except ValueError as error:
            logger.warning("the checks of node %d are judged again from anew: %s", node_id, error)
            return Recheck(differences=differences)

    def _node(self, state: State, install: int) -> int:
        if install not in self._node_of:
            self._node_of[install] = state.whose(install)[0]
        return self._node_of[install]

    @staticmethod
    def _records(state: State, install: int, section: log.Section) -> list[Row | Said]:
        tables, width = state.meanings(install), section["v"].shape[1]
        found: list[Row | Said] = []
        columns = [section[name].tolist() for name in ("kind", "boot", "seq", "t", "u", "recipe", "v")]
        for kind, boot, seq, t, u, recipe, raw in zip(*columns, strict=True):
            place = install, boot, seq
            if kind == log.ROW:
                table = tables.find(boot, seq, width)
                if table is not None and table.checks:
                    values = [None if value == log.NULL else value for value in raw]
                    found.append(Row(place, t, u, recipe, values, table))
                continue
            row = state.said(place)
            if row is not None:
                found.append(Said(place, row[0], (row[1], row[2])))
        return found


def _by_install(sections: Sequence[log.Section]) -> Iterator[tuple[int, log.Section]]:
    """The records of a slice, one width and one installation after the other."""
    for width in {section["v"].shape[1] for section in sections}:
        all_ = np.concatenate([section for section in sections if section["v"].shape[1] == width])
        all_ = all_[np.argsort(all_["install"], kind="stable")]
        edges = [0, *(np.flatnonzero(np.diff(all_["install"])) + 1).tolist(), len(all_)]
        for first, end in itertools.pairwise(edges):
            if end > first:
                yield int(all_["install"][first]), all_[first:end]
