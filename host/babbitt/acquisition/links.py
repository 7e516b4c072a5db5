"""Which nodes are there, which sleep and which are gone: what they say, what the broker says for them, and events of
every change."""

from __future__ import annotations

from babbitt.store.writer import StoreWriter

AWAITED = 3
"""So many times its announced pause a node that sleeps is waited for."""


class Links:
    """Every method writes; they are called inside a transaction. Times are the host's, in ms."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer
        self._links: dict[int, str] = {}
        self._due: dict[int, int] | None = None  # of nodes that sleep; None: to be read from the store

    def forget(self) -> None:
        """Drop what is remembered: the transaction was rolled back."""
        self._links.clear()
        self._due = None

    def heard(self, node_id: int, link: str, now: int) -> None:
        """A node says that it is there (`online`), that it sleeps (`asleep`), or the broker that it is gone
        (`offline`). Going and coming back are events; the first time it is heard by this host is not, and its sleep is
        not."""
        before = self._links.get(node_id)
        self._links[node_id] = link
        if before != link:
            self._writer.set("nodes", node_id, online=int(link == "online"))
        if link != "asleep" and self._sleepers(now).pop(node_id, None) is not None:
            self._writer.set("nodes", node_id, sleeps=None)
        if before is None or "offline" not in (before, link) or before == link:
            return
        gone = link == "offline"
        text = (
            "The node does not answer any more: power, Wi-Fi, or the broker" if gone else "The node is back"
        )
        self._writer.host_event(node_id, now, "online", before, link, int(gone), text)

    def sleeps(self, node_id: int, every: int, now: int) -> None:
        """A node sleeps and comes back once in ``every`` seconds; it is waited for three times as long. What the
        broker kept is heard again after every break: it says nothing new before the node has been awake."""
        if self._links.get(node_id, "online") != "online":
            return
        self.heard(node_id, "asleep", now)
        self._sleepers(now)[node_id] = now + AWAITED * every * 1000
        self._writer.set("nodes", node_id, sleeps=every)

    def overdue(self, now: int) -> None:
        """Nodes that did not come back from their sleep are lost."""
        for node_id in [key for key, due in self._sleepers(now).items() if due < now]:
            self._links[node_id] = "asleep"
            self.heard(node_id, "offline", now)

    def _sleepers(self, now: int) -> dict[int, int]:
        """Until when (ms) the host waits for the nodes that sleep; a host that starts waits anew."""
        if self._due is None:
            sleepers = self._writer.state.sleepers().items()
            self._due = {node_id: now + AWAITED * every * 1000 for node_id, every in sleepers}
        return self._due
