"""Waveforms: parts put together, kept on disk, missing ones asked for, and the node told to forget what is safe.

A part is acknowledged to the broker without being on disk: the node keeps a waveform until it is told
``done``, and tells in its state which it keeps. So whatever gets lost in between, here or on the way, is asked
for again: after IDLE_S without a part, then after twice as long each time.

Commands need a number above the last one the node has taken. The node tells it in its state and in every
ack; when somebody else was faster, the next number is tried.
"""

from __future__ import annotations

import logging
import secrets
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from babbitt.errors import StoreError
from babbitt.protocol.limits import SEQ_MAX, WAVES_KEPT
from babbitt.protocol.messages import Ack, Command, State, Topic, WaveInfo, decode_kind
from babbitt.protocol.waves import Chunk
from babbitt.store.waves import WaveShelf, WaveView

log = logging.getLogger(__name__)

IDLE_S = 10.0
LONGEST_S = 600.0
ANSWER_S = 10.0
TRIES = 3
"""So often a waveform whose samples do not fit its CRC is asked for as a whole."""
OPEN_MAX = 64
"""Waveforms that are put together at the same time, 100 kB each at most; a further one waits its turn."""
KEPT_MAX = 2 * WAVES_KEPT
"""Waveforms of a node that are looked after, between two of its states."""
OWN = "host-"
"""The ids of the host's own commands begin so."""


@dataclass(slots=True)
class _Open:
    """A waveform that is on its way."""

    parts: int
    heard: float
    wait: float = IDLE_S
    damaged: int = 0
    bodies: dict[int, bytes] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """The first part that is not there."""
        return next((n for n in range(self.parts) if n not in self.bodies), self.parts)


@dataclass(slots=True)
class _Node:
    """What is known of a node that takes commands."""

    install: str
    boot: int
    n: int
    kept: dict[str, int] = field(default_factory=dict)
    open: dict[str, _Open] = field(default_factory=dict)
    asked: str = ""
    asked_wave: str = ""
    asked_at: float = float("-inf")


class Waves:
    """Puts waveforms together and keeps them in ``shelf``. ``send(site, node, command)`` sends a command.

    To be called from one thread. ``fresh`` collects what came to the disk, for the caller to tell of."""

    def __init__(
        self,
        shelf: WaveShelf,
        send: Callable[[str, str, Command], None],
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf = shelf
        self._send = send
        self._clock = clock
        self._ticks = ticks
        self._nodes: dict[tuple[str, str], _Node] = {}
        self.fresh: list[WaveView] = []

    def state(self, topic: Topic, state: State) -> None:
        """A node tells which waveforms it keeps, and the number of its last command."""
        key = (topic.site, topic.node)
        if not state.online or state.cmd is None or state.waves is None:
            self._nodes.pop(key, None)
            return
        node = self._nodes.get(key)
        if node is None or (node.install, node.boot) != (state.i, state.boot):
            before = node.open if node is not None and node.install == state.i else {}
            node = self._nodes[key] = _Node(state.i, state.boot, state.cmd, open=before)
        node.n = max(node.n, state.cmd)
        node.kept = dict(state.waves.kept)
        node.open = {wave: one for wave, one in node.open.items() if wave in node.kept}
        for wave, parts in node.kept.items():
            if wave not in node.open and not self._shelf.has(*key, node.install, wave) and self._room():
                node.open[wave] = _Open(parts, self._ticks())

    def ack(self, topic: Topic, ack: Ack) -> None:
        """A node answers a command, ours or another one's."""
        node = self._nodes.get((topic.site, topic.node))
        if node is None or (node.install, node.boot) != (ack.i, ack.boot):
            return
        if ack.id != node.asked:
            node.n = max(node.n, ack.n)
            return
        node.n = ack.n  # the newest there is; a wrong number that was believed before ends here
        node.asked, node.asked_at = "", float("-inf")
        if ack.state == "done" or ack.error == "not_available":
            if node.asked_wave not in node.open:
                node.kept.pop(node.asked_wave, None)
        elif ack.error != "replayed":
            log.warning("%s/%s refused a command about %s: %s", *topic[:2], node.asked_wave, ack.reason)
            node.kept.pop(node.asked_wave, None)  # until its next state tells of it again

    def chunk(self, topic: Topic, chunk: Chunk) -> None:
        """A part came."""
        key = (topic.site, topic.node)
        node = self._nodes.get(key)
        if node is None or node.install != chunk.i or self._shelf.has(*key, chunk.i, chunk.id):
            return  # the next state will tell of it
        if chunk.id not in node.kept and len(node.kept) >= KEPT_MAX:
            return  # more than a node keeps: its next state tells which there are
        node.kept.setdefault(chunk.id, chunk.parts)
        one = node.open.get(chunk.id)
        if one is None or one.parts != chunk.parts:
            if one is None and not self._room():
                return
            one = node.open[chunk.id] = _Open(chunk.parts, self._ticks())
        one.heard, one.wait = self._ticks(), IDLE_S
        one.bodies[chunk.part] = chunk.body
        if one.missing == one.parts:
            self._whole(topic, node, chunk.id, one)

    def tick(self) -> None:
        """Send what is due: one command at a time to each node."""
        now = self._ticks()
        for (site, name), node in self._nodes.items():
            if now - node.asked_at < ANSWER_S:
                continue
            safe = [
                w for w in node.kept if w not in node.open and self._shelf.has(site, name, node.install, w)
            ]
            late = [w for w, one in node.open.items() if now - one.heard >= one.wait]
            if safe:
                self._ask(site, name, node, safe[0], done=True)
            elif late:
                one = node.open[late[0]]
                one.heard, one.wait = now, min(LONGEST_S, max(IDLE_S, one.wait * 2))
                self._ask(site, name, node, late[0], part=one.missing)

    def _room(self) -> bool:
        return sum(len(node.open) for node in self._nodes.values()) < OPEN_MAX

    def _ask(
        self, site: str, name: str, node: _Node, wave: str, part: int | None = None, done: bool = False
    ) -> None:
        node.asked, node.asked_wave, node.asked_at = OWN + secrets.token_hex(4), wave, self._ticks()
        command = Command(
            node.install,
            node.boot,
            min(SEQ_MAX, node.n + 1),
            node.asked,
            "wave",
            wave=wave,
            part=part,
            done=done,
        )
        self._send(site, name, command)

    def _whole(self, topic: Topic, node: _Node, wave: str, one: _Open) -> None:
        """Every part is there: keep it, or ask for it again if it is not what was taken."""
        info = decode_kind("wave", one.bodies[0])
        assert isinstance(info, WaveInfo)
        samples = b"".join(one.bodies[n] for n in range(1, one.parts))
        if len(samples) != info.bytes or zlib.crc32(samples) != info.crc:
            one.damaged += 1
            one.bodies.clear()
            log.warning("the samples of %s of %s/%s do not fit its CRC", wave, topic.site, topic.node)
            one.wait = 0.0 if one.damaged < TRIES else LONGEST_S
            return
        try:
            view = self._shelf.save(topic.site, topic.node, info, samples, int(self._clock() * 1000))
        except StoreError as error:
            log.error("%s; it stays on the node", error)
            one.bodies.clear()
            one.wait = LONGEST_S  # a full disk is not emptied by sending it all again
            return
        del node.open[wave]
        self.fresh.append(view)
        self._shelf.prune(int(self._clock() * 1000))
