"""What the reader of the store hands out: plain frozen values, times in Unix ms, numbers in physical
units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from babbitt.protocol.assessment import Assessment


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as it was last heard.

    ``asset`` and ``kind`` come from its birth (empty strings before the first one). ``online`` is what its
    last `state` said. ``last_t`` is the time of its newest record, ``heard`` the host's time when anything
    last came in; both None if nothing did. ``birth`` and ``state`` are the messages as received (see
    docs/protocol.md), or None. ``assessment`` is the latest one, or None. ``asleep``: it is not online because
    it said that it sleeps, and it is not overdue.
    ``differences``: how often a check of it said something else than the host gets from the same records. ``skew_ms``:
    how far its clock is ahead of the host's, within ``skew_err_ms``; ``drift_ppm``: how much too fast its oscillator runs,
    in parts per million; None where it is not known (yet).
    """

    site: str
    node: str
    asset: str
    kind: str
    online: bool
    last_t: int | None
    heard: int | None
    state: dict[str, Any] | None
    birth: dict[str, Any] | None
    assessment: Assessment | None
    asleep: bool = False
    differences: int = 0
    skew_ms: int | None = None
    skew_err_ms: int | None = None
    drift_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """What changes of a node; the fields are those of :class:`NodeView`."""

    site: str
    node: str
    online: bool
    asleep: bool
    heard: int | None
    last_t: int | None
    assessment: Assessment | None


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a node. ``lo``/``hi`` (range of the sensor) and ``limits`` (of the node's limit
    checks, under ``ll``, ``l``, ``h``, ``hh``, only those that are set) are in ``unit``; ``exp`` is the
    exponent on the wire."""

    id: str
    unit: str
    exp: int
    lo: float
    hi: float
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class EventView:
    """One event, of a node's check (``origin`` 'node') or of the host itself (``origin`` 'host').

    ``id`` grows with arrival. ``t`` is the best known time in ms; ``t_err`` its error bound in ms where the
    node had no clock (None: the node's own clock). ``check`` names the check, or for the host what it is
    about: `assessment`, `late`, `clock`, `gap`, `installation`, `analyser`, `version`, `command`, `waveform`, `recheck`. ``came_from`` and
    ``to`` are the states before and after; ``sev`` 0 information or back to normal, 1 warning, 2 alarm. ``value`` and
    ``limit`` are in ``unit``. ``held_s`` is how long the condition had held. ``text`` is one sentence in
    plain words.
    """

    id: int
    t: int
    t_err: int | None
    site: str
    node: str
    origin: str
    check: str
    channel: str | None
    came_from: str
    to: str
    sev: int
    value: float | None
    limit: float | None
    unit: str
    held_s: int
    evidence: Mapping[str, int] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """The account of one boot of one installation of a node; see :mod:`babbitt.store.ledger`.

    Of the records numbered ``first`` .. ``next`` - 1, ``received`` are on disk, ``discarded`` were thrown
    away by a full spool and said so, ``refused`` were sent but broke the protocol (`babbitt quarantine` has
    them), ``pending`` are announced and still on the node, ``missing`` are none of these. ``duplicates``
    came more than once and were stored once. ``lost_windows`` is how many windows were lost at most
    by an unclean end, or one that was never announced: the one in progress and those the node held back before
    writing them; nobody has heard of their numbers. ``state`` is `complete`, `pending` or `unexplained`;
    ``note`` says what there is to say.
    """

    site: str
    node: str
    install: str
    boot: int
    first: int
    next: int
    received: int
    duplicates: int
    missing: int
    discarded: int
    refused: int
    pending: int
    lost_windows: int
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """A message the host refused: when (host's time, ms), on which topic, why, and its first 200 bytes as
    text (bytes that are no UTF-8 as backslash escapes)."""

    id: int
    t: int
    topic: str
    reason: str
    head: str


@dataclass(frozen=True, slots=True)
class ReportedView:
    """What a node last said about its configuration; ``path`` and ``reason`` are set when ``state`` is
    rejected."""

    t: int
    version: int
    hash: str
    state: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostView:
    """The broker of the host that worked on the store last: its address as ``host:port``, whether it was the host's
    ``own``, and on which address that listened."""

    broker: str
    own: bool
    listen: str


@dataclass(frozen=True, slots=True)
class MarkView:
    """What a person said of an alarm: ``verdict`` is `right`, `wrong`, `unsure` or `new_normal`, of the event ``event`` at
    ``t`` with ``origin``, ``check``, ``channel``, ``to`` and ``sev`` as in :class:`EventView`; `reset` is of no event. ``at``:
    when it was said, ``since``: the time of the node's newest record then (both ms); ``who`` and ``note`` as they gave it."""

    id: int
    site: str
    node: str
    event: int | None
    t: int | None
    origin: str
    check: str
    channel: str | None
    to: str
    sev: int
    verdict: str
    at: int
    since: int
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class AcknowledgedView:
    """That ``who`` has seen the alarm ``event``, which was at ``t``; ``at``: when they said so (both ms), with ``note``."""

    id: int
    site: str
    node: str
    event: int
    t: int
    at: int
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class LifeView:
    """A life of a machine: it is the ``number``-th, began at ``begin`` and ended at ``end`` (ms), None: it goes on. ``failed``:
    a person said that it ended so; else it was repaired or replaced before that."""

    site: str
    node: str
    number: int
    begin: int
    end: int | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many alarms people called right, wrong (the new normal included) or unsure, and how many they said nothing of."""

    right: int = 0
    wrong: int = 0
    unsure: int = 0
    unmarked: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """The alarms of a node: those of the ``host`` and those of the node's own ``checks``. ``hours``: of the days in which the host
    judged it, the first and the last in part; ``moving``: what moves the thresholds of the host, the time (ms) of the event and
    the verdict."""

    site: str
    node: str
    host: Count
    checks: Count
    hours: int
    last_t: int | None
    moving: tuple[tuple[int, str], ...]
