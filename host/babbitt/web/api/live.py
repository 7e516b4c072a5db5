"""The WebSocket: what is new in the store, as it comes.

One task looks at the store once a second for all who listen, and not at all if nobody does. Each listener has a queue
of its own; who does not keep up is told so and closed, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from babbitt.store.fresh import Fresh
from babbitt.store.reader import StoreReader
from babbitt.store.readings import Reading
from babbitt.store.views import EventView, Glance
from babbitt.web.api.store import NAME
from babbitt.web.source import StoreSource, Unavailable

log = logging.getLogger(__name__)

LISTENERS_MAX = 64
QUEUE_MAX = 20_000
"""Messages that wait for one listener; a fleet of ten thousand nodes is told at once when it begins."""
LOOK_S = 1.0
TOO_SLOW, TOO_MANY = 1013, 1013

router = APIRouter()
Encoded = tuple[str, str, bytes]
_encode = msgspec.json.Encoder().encode


@dataclass(eq=False)
class _Listener:
    site: str | None
    node: str | None
    values: bool
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    begun: bool = False

    def wants(self, site: str, node: str) -> bool:
        return self.site in (None, site) and self.node in (None, node)

    def put(self, message: bytes) -> None:
        """Queue a message; a listener whose queue is full gets the end instead."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)


@dataclass(frozen=True, slots=True)
class _Look:
    nodes: list[Glance]
    events: list[EventView]
    readings: list[tuple[str, str, Reading]]
    newest: int


class Hub:
    """Looks at the store and tells all listeners; ``source`` gives what is read from."""

    def __init__(self, source: Callable[[], StoreSource]) -> None:
        self._source = source
        self._listeners: set[_Listener] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, listener: _Listener) -> bool:
        """Begin to tell a listener; False if there are too many."""
        if len(self._listeners) >= LISTENERS_MAX:
            return False
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        return True

    def leave(self, listener: _Listener) -> None:
        """Tell a listener nothing more."""
        self._listeners.discard(listener)

    async def _run(self) -> None:
        known: dict[tuple[str, str], bytes] = {}
        event = -1
        fresh: Fresh | None = None
        trouble = ""
        while self._listeners:
            began = time.monotonic()
            follower = fresh

            def query(reader: StoreReader, after: int = event, follower: Fresh | None = follower) -> Any:
                return _look(reader, after, follower, self._followed())

            found = await self._source().read(query)
            if isinstance(found, Unavailable):
                if found.reason != trouble:
                    self._tell(_encode({"type": "trouble", "reason": found.reason}))
                trouble = found.reason
                known, event, fresh = {}, -1, None
                for one in self._listeners:
                    one.begun = False
            else:
                trouble = ""
                fresh, look = found
                event = look.newest
                known = self._spread(look, known)
            await asyncio.sleep(max(0.05, LOOK_S - (time.monotonic() - began)))

    def _followed(self) -> set[tuple[str, str]]:
        return {(one.site, one.node) for one in self._listeners if one.values and one.site and one.node}

    def _tell(self, message: bytes) -> None:
        for one in self._listeners:
            one.put(message)

    def _spread(self, look: _Look, known: dict[tuple[str, str], bytes]) -> dict[tuple[str, str], bytes]:
        """Tell what changed to those who knew the rest, and everything to those who are new."""
        now = {(one.site, one.node): _encode({"type": "node", **_node(one)}) for one in look.nodes}
        changed = [(key, message) for key, message in now.items() if known.get(key) != message]
        events = [((one.site, one.node), _encode({"type": "event", **_plain(one)})) for one in look.events]
        values = [
            (
                (site, node),
                _encode({"type": "values", "site": site, "node": node, "t": one.t, "values": one.values}),
            )
            for site, node, one in look.readings
        ]
        for one in list(self._listeners):
            told = [*(changed if one.begun else now.items()), *(events if one.begun else [])]
            if not one.begun:
                one.put(_encode({"type": "begin", "t": int(time.time() * 1000), "nodes": len(now)}))
            for key, message in [*told, *(values if one.values else [])]:
                if one.wants(*key):
                    one.put(message)
            one.begun = True
        return now


def _look(
    reader: StoreReader, event: int, fresh: Fresh | None, nodes: set[tuple[str, str]]
) -> tuple[Fresh, _Look]:
    follower = fresh or Fresh(reader.newest_blob())
    newest = reader.newest_event()
    events = reader.events(limit=1000, after=event)[::-1] if event >= 0 and newest > event else []
    return follower, _Look(reader.glance(), events, reader.fresh(follower, nodes), newest)


def _node(one: Glance) -> dict[str, Any]:
    """As a node of the REST interface, without what comes in with every message."""
    return {name: value for name, value in _plain(one).items() if name != "heard"}


def _plain(one: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(one)
    return found


@router.websocket("/live")
async def live(
    socket: WebSocket,
    site: Annotated[str | None, Query(pattern=NAME)] = None,
    node: Annotated[str | None, Query(pattern=NAME)] = None,
    values: bool = False,
) -> None:
    """Messages of type `begin`, `node`, `event`, `values`, `trouble`; see docs/api.md."""
    hub: Hub = socket.app.state.hub
    listener = _Listener(site, node, values)
    await socket.accept()
    if values and not (site and node):
        await socket.close(1008, "values are told of one node: name site and node")
        return
    if not hub.join(listener):
        await socket.close(
            TOO_MANY, "too many live connections: close some, or follow several nodes over one"
        )
        return
    sender = asyncio.ensure_future(_send(socket, listener))
    try:
        while True:  # nothing is expected; a listener that leaves is noticed here
            await socket.receive_text()
    except (WebSocketDisconnect, RuntimeError, KeyError):
        pass
    finally:
        hub.leave(listener)
        sender.cancel()


async def _send(socket: WebSocket, listener: _Listener) -> None:
    while (message := await listener.queue.get()) is not None:
        await socket.send_text(message.decode())
    await socket.close(TOO_SLOW, "too slow: messages were dropped; connect again to begin anew")
