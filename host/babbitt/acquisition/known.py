"""What the ingest remembers of each installation between messages.

Saved at checkpoints. What came after the last one is in the record log, from which :mod:`babbitt.store.recovery`
brings the store up to date before anything is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from babbitt.acquisition.watermark import Track
from babbitt.store.ranges import Ranges
from babbitt.store.tables import Tables
from babbitt.store.timebase import Timebase
from babbitt.store.writer import StoreWriter


@dataclass(slots=True)
class Known:
    """One installation of one node."""

    site: str
    node: str
    install: str
    node_id: int
    id: int
    track: Track
    tables: Tables
    boots: dict[int, Timebase] = field(default_factory=dict)
    stored: dict[int, Ranges] = field(default_factory=dict)
    """The records of each boot that are on disk, or will be with the transaction in hand."""
    grown: set[int] = field(default_factory=set)
    """Boots with new records since the last save."""
    twice: dict[int, int] = field(default_factory=dict)
    """Duplicates by boot since the last save."""
    saved: object = None
    """The watermark as it was saved last."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What the ingest knows it by."""
        return self.site, self.node, self.install

    def timebase(self, writer: StoreWriter, boot: int) -> Timebase:
        """The timebase of a boot, read from the store if it is not at hand."""
        if boot not in self.boots:
            self.boots[boot] = writer.state.timebase(self.id, boot)
        return self.boots[boot]

    def on_disk(self, writer: StoreWriter, boot: int) -> Ranges:
        """Which records of a boot are stored, read from the store if it is not at hand."""
        if boot not in self.stored:
            self.stored[boot] = writer.state.stored(self.id, boot)
        return self.stored[boot]

    def keep(self, boot: int, first: int, last: int) -> None:
        """These records of a boot are in the transaction; none of them was stored before."""
        self.stored[boot].add(first, last)
        self.track.covered(boot, first, last)
        self.grown.add(boot)


def load(writer: StoreWriter, site: str, node: str, install: str) -> Known:
    """Everything about an installation from the store, which enters it if it is new. Inside a transaction."""
    node_id = writer.node(site, node)
    key = writer.install(node_id, install)
    return Known(site, node, install, node_id, key, _track(writer, key), writer.state.tables(key))


def _track(writer: StoreWriter, key: int) -> Track:
    need, mark, newest = writer.state.watermark(key)
    track = Track(need, mark, newest)
    since = need[0] if need else 0
    for boot, first, last in writer.state.covered(key, since):
        track.covered(boot, first, last)
    for boot, end in writer.state.ends(key, since):
        track.ended(boot, end)
    track.advance()
    return track


def save(writer: StoreWriter, known: Known) -> None:
    """Write what changed since the last save. Inside a transaction."""
    for boot in known.grown:
        writer.boot(known.id, boot)
        writer.runs(known.id, boot, known.stored[boot])
    known.grown.clear()
    for boot, count in known.twice.items():
        writer.twice(known.id, boot, count)
    known.twice.clear()
    for boot, base in known.boots.items():
        if base.changed:
            columns = {name: getattr(base, name) for name in ("ref_u", "ref_t", "ref_q", "recv", "clock_bad")}
            writer.save_boot(known.id, boot, columns)
            base.changed = False
    track = known.track
    if known.saved != (track.need, track.mark):
        known.saved = (track.need, track.mark)
        need, mark = track.need or (None, None), track.mark or (None, None)
        writer.set(
            "installs", known.id, need_boot=need[0], need_seq=need[1], mark_boot=mark[0], mark_seq=mark[1]
        )
