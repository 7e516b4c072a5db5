"""The host as one thing that can be started and stopped: broker, receiver, ingest, analysis.

It knows nothing of the page or the command line; they read the store.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import msgspec

from babbitt.acquisition.address import BrokerAddress, split_address
from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.acquisition.ingest import Ingest
from babbitt.acquisition.presence import Presence
from babbitt.acquisition.receiver import Receiver
from babbitt.acquisition.waves import Waves
from babbitt.errors import StoreError
from babbitt.examiner import Examiner
from babbitt.pipeline import Pipeline
from babbitt.prognosis.fleet.forecaster import Forecaster
from babbitt.prognosis.fleet.trainer import Trainer
from babbitt.settings import MachinePart, RetentionPart, RoomPart
from babbitt.store.checkpoint import Checkpointer
from babbitt.store.child import Child
from babbitt.store.lock import BACKUP, StoreLock, held
from babbitt.store.reader import StoreReader
from babbitt.store.upkeep import Upkeep
from babbitt.store.waves import WaveShelf
from babbitt.store.writer import StoreWriter
from babbitt.vitals import Histogram, Vitals

DISK_LOW = 256 * 2**20
"""Below so many bytes of room the host is not ready."""
STUCK_S = 120.0
LIVE_BLOBS = 256
"""So many of the newest blobs of the record log stay for those who look on."""


class Host:
    """A host with its store in the folder ``store_path``.

    ``broker`` is the address of a broker that runs already (text: see ``BrokerAddress.parse``); without it an embedded one is started that
    listens on ``broker_listen`` (``"address:port"``, port 0 for a free one). ``accept_simulated`` takes
    simulated time for real time. ``kinds`` replaces the analysers (see :class:`babbitt.pipeline.Pipeline`),
    ``clock`` the host's clock (seconds); ``analysis`` False: nothing is judged; ``retention`` says how long what is kept;
    ``rooms``, ``machines``: what the settings say of cold rooms and machines;
    ``apart``: the analysis is a process of its own (with the analysers there are, not ``kinds``).
    ``start`` raises BrokerError or StoreError; ``with Host(...)`` starts and stops it.
    """

    def __init__(
        self,
        store_path: Path | str,
        broker: BrokerAddress | str | None = None,
        broker_listen: str = "127.0.0.1:1883",
        *,
        accept_simulated: bool = False,
        kinds: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        analysis: bool = True,
        retention: RetentionPart | None = None,
        apart: bool = False,
        rooms: Mapping[str, RoomPart] | None = None,
        costs: Mapping[str, tuple[float, float]] | None = None,
        machines: Mapping[str, MachinePart] | None = None,
    ) -> None:
        self.store_path = Path(store_path)
        self._given = BrokerAddress.parse(broker) if isinstance(broker, str) else broker
        self._listen = split_address(broker_listen)
        self._simulated = accept_simulated
        self._kinds = kinds
        self._clock = clock
        self._analysis = analysis
        self._apart = apart
        self._rooms, self._machines = dict(rooms or {}), dict(machines or {})
        self._costs = dict(costs or {})
        self._retention = (retention or RetentionPart()).as_days()
        self.broker: EmbeddedBroker | None = None
        self._commits = Histogram()
        self._parts: list[Callable[[], None]] = []

    def start(self) -> None:
        """Start everything; what was started is stopped again if something cannot be."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self._parts.append(StoreLock(self.store_path).close)
        self._writer = StoreWriter(self.store_path)
        self._parts.append(self._writer.close)
        self._writer.nobody_online()
        self._writer.retention(self._retention, int(self._clock() * 1000))
        if self._given is None:
            self.broker = EmbeddedBroker(*self._listen)
            self.broker.start()
            self._parts.append(self.broker.stop)
        if self._given is None:
            host, port = self._listen[0], self.broker.port if self.broker else 0
            self.address = host, port
            broker = BrokerAddress({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)
        else:
            broker = self._given
            self.address = broker.host, broker.port
        with self._writer.transaction():
            self._writer.meta(
                "host",
                json.dumps({"broker": str(broker), "own": self._given is None, "listen": self._listen[0]}),
            )
        name = f"babbitt-{self._writer.id}"
        self._receiver = receiver = Receiver(broker, name)
        presence = Presence(broker, name, self._clock, lambda: receiver.listening)
        receiver.listens = presence.again
        self.ingest = Ingest(
            self._writer,
            receiver,
            receiver.commit,
            seen=presence.seen,
            waves=Waves(WaveShelf(self.store_path), receiver.command, self._clock),
            simulated=self._simulated,
            clock=self._clock,
            passed=self._passed,
            observe=self._commits.observe,
        )
        self.pipeline = Pipeline(
            self._writer, self.ingest.committed, self._kinds, rooms=self._rooms, machines=self._machines
        )
        self.reader = StoreReader(self.store_path)
        self._parts.append(self.reader.close)
        self.keeper = Child("keeper", "babbitt.store.keeper", str(self.store_path))
        self.keeper.start()
        self._parts.append(self.keeper.stop)
        checkpoints = Checkpointer(self.store_path)
        checkpoints.start()
        self._parts.append(checkpoints.stop)
        upkeep = Upkeep(self._writer, WaveShelf(self.store_path), self._retention, self._clock)
        upkeep.start()
        self._parts.append(upkeep.stop)
        self.trainer = Trainer(self.store_path)
        self.trainer.start()
        self._parts.append(self.trainer.stop)
        self.forecaster = Forecaster(self.reader, self._costs)
        self.forecaster.start()
        self._parts.append(self.forecaster.stop)
        self.examiner = Examiner(self.store_path, {name: one.facts for name, one in self._machines.items()})
        if self._analysis:
            self.examiner.start()
            self._parts.append(self.examiner.stop)
        self.analysis: Child | None = None
        if self._analysis and self._apart:
            said = [msgspec.json.encode(some).decode() for some in (self._rooms, self._machines)]
            self.analysis = Child("analysis", "babbitt.analysis", str(self.store_path), *said)
            self.analysis.start()
            self._parts.append(self.analysis.stop)
        elif self._analysis:
            self.pipeline.start()
            self._parts.append(self.pipeline.stop)
        receiver.start()
        self._parts.append(receiver.stop)
        self.ingest.start()
        self._parts.append(self.ingest.stop)
        self._parts.append(presence.stop)
        # Those heard last come first: a host serves so many sites and no more.
        newest = sorted(self.reader.nodes(), key=lambda view: view.heard or 0, reverse=True)
        presence.start(list(dict.fromkeys(view.site for view in newest)))

    def _passed(self) -> int:
        """The key up to which nobody needs the record log any more."""
        if held(self.store_path, BACKUP):
            return 0  # a copy is being made, and what it has of the history may be older
        kept = self.reader.keeper_position()
        if self._analysis:
            kept = min(kept, self.reader.analysed() if self._apart else self.pipeline.passed)
        return kept - LIVE_BLOBS

    def vitals(self) -> Vitals:
        """How the host is, now; for any thread."""
        ingest, receiver = self.ingest, self._receiver
        found = Vitals(
            ingest.messages, ingest.groups, ingest.stored, ingest.duplicates, ingest.quarantined, receiver.waiting,
            receiver.connections, self.keeper.restarts, self.broker.restarts if self.broker else 0,
            examined=self.examiner.done, unexamined=self.examiner.failed, commits=self._commits,
        )  # fmt: skip
        try:
            found.nodes, found.nodes_online, found.unkept, said = self.reader.counts()
            if said:
                found.troubles["history"] = said
            never = self.reader.never_came()
            found.lost, found.discarded, found.refused = (
                never.get(why, 0) for why in ("lost", "discarded", "refused")
            )
            found.disk_free = shutil.disk_usage(self.store_path).free
        except (StoreError, OSError) as error:
            found.troubles["store"] = str(error)
        if not ingest.store_ok:
            found.troubles["store"] = "the store cannot be written; see the host's log"
        elif 0 < found.disk_free < DISK_LOW:
            found.troubles["disk"] = f"only {found.disk_free // 2**20} MB are left on the disk of the store"
        if not receiver.listening:
            found.troubles["broker"] = f"no connection to the broker: {receiver.trouble}"
        if self.analysis is not None:
            found.analysis_restarts = self.analysis.restarts
            if self.analysis.pid is None:
                found.troubles["analysis"] = "the analysis does not run; it is started again"
        if self.keeper.pid is None:
            found.troubles["keeper"] = "the keeper does not run; it is started again"
        return found

    def stuck(self) -> str:
        """What has not gone on for STUCK_S; empty if all does."""
        silent = time.monotonic() - self.ingest.beat
        return f"the ingest has not gone on for {silent:.0f} s" if silent > STUCK_S else ""

    def stop(self) -> None:
        """Stop everything in order. Safe to call twice."""
        while self._parts:
            self._parts.pop()()

    def listening(self, seconds: float) -> bool:
        """Wait until what nodes send reaches the host; False if the broker has not let it in within ``seconds``."""
        end = time.monotonic() + seconds
        while not self._receiver.listening:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def wait(self, stop: threading.Event, look: Callable[[str], None] = lambda stuck: None) -> None:
        """Block until ``stop`` is set; short waits, so that Ctrl-C is heard on every system. After each ``look`` is told
        what is :meth:`stuck`."""
        while not stop.wait(0.2):
            look(self.stuck())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
