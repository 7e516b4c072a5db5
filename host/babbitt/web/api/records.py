"""What happened and what is kept: events, ledger, quarantine, waveforms, a channel of the whole fleet."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from babbitt.prognosis.fleet.jobs import Jobs
from babbitt.store.reader import StoreReader
from babbitt.store.waves import Wave, WaveShelf
from babbitt.web.api import models
from babbitt.web.api.paging import Cursor, Limit, cursor, place
from babbitt.web.api.problems import answers
from babbitt.web.api.store import (
    ChannelName,
    End,
    NodeName,
    OfNode,
    OfSite,
    Site,
    Start,
    listed,
    one,
    page,
    read,
    span,
)

router = APIRouter(
    tags=["records"], responses=answers("invalid-request", "impossible-request", "store-unavailable")
)
At = Annotated[Cursor, Query(alias="cursor")]


@router.get("/events", response_model=models.Page[models.Event])
async def events(
    request: Request,
    site: OfSite = None,
    node: OfNode = None,
    severity: Annotated[int, Query(ge=0, le=2, description="Only those at least so severe.")] = 0,
    limit: Limit = 100,
    cursor_: At = None,
) -> Response:
    """Events of nodes and of the host, newest first."""
    before = place(cursor_, tuple[int, int])
    found = await read(
        request, lambda reader: reader.events(site, node, limit + 1, before=before, severity=severity)
    )
    last = found[limit - 1] if len(found) > limit else None
    return page(request, models.Event, found[:limit], cursor(last.t, last.id) if last else None)


@router.get("/ledger", response_model=models.Page[models.Account])
async def ledger(
    request: Request, site: OfSite = None, node: OfNode = None, limit: Limit = 100, cursor_: At = None
) -> Response:
    """The account of every boot of every node: what was received, what is missing and why."""
    after = place(cursor_, tuple[str, str, str, int])
    rows = await read(request, lambda reader: reader.ledger(), slow=True)
    found = [
        row
        for row in rows
        if site in (None, row.site) and node in (None, row.node)
        and (after is None or (row.site, row.node, row.install, row.boot) > after)
    ]  # fmt: skip
    found.sort(key=lambda row: (row.site, row.node, row.install, row.boot))
    last = found[limit - 1] if len(found) > limit else None
    following = cursor(last.site, last.node, last.install, last.boot) if last else None
    return page(request, models.Account, found[:limit], following)


@router.get("/quarantine", response_model=models.Page[models.Refused])
async def quarantine(request: Request, limit: Limit = 100, cursor_: At = None) -> Response:
    """Messages the host refused, newest first; the last thousand are kept."""
    before = place(cursor_, tuple[int])
    rows = await read(request, lambda reader: reader.quarantine(1000))
    found = [row for row in rows if before is None or row.id < before[0]]
    last = found[limit - 1] if len(found) > limit else None
    return page(request, models.Refused, found[:limit], cursor(last.id) if last else None)


@router.get("/overview", response_model=list[models.Span])
async def overview(request: Request, channel: ChannelName, start: Start = None, end: End = None) -> Response:
    """One channel of all nodes that have it: the latest, the least and the greatest value, from whole hours."""
    since, upto = span(start, end)
    found = await read(request, lambda reader: reader.overview(channel, since, upto), slow=True)
    return listed(request, models.Span, found)


@router.get("/waves", response_model=models.Page[models.Waveform])
async def waves(
    request: Request, site: OfSite = None, node: OfNode = None, limit: Limit = 100, cursor_: At = None
) -> Response:
    """Waveforms that were taken, newest first."""
    before = place(cursor_, tuple[int, str])
    views = await read(request, lambda reader: WaveShelf(reader.path).views(site, node), slow=True)
    views.sort(key=lambda view: (view.received, view.id), reverse=True)
    found = [view for view in views if before is None or (view.received, view.id) < before]
    last = found[limit - 1] if len(found) > limit else None
    return page(request, models.Waveform, found[:limit], cursor(last.received, last.id) if last else None)


@router.get("/training", response_model=list[models.Training])
async def training(request: Request) -> Response:
    """Trainings of models by the host, newest first, and how far they are."""
    found = await read(request, lambda reader: Jobs(reader.path).all(), slow=True)
    names = ("id", "state", "made", "began", "ended", "what", "done", "of", "text", "version")
    rows = [
        {"name": job.lesson.name, "file": job.lesson.file, **{name: getattr(job, name) for name in names}}
        for job in found
    ]
    return listed(request, models.Training, rows)


@router.get(
    "/waves/{site}/{node}/{wave}", response_model=models.Samples, responses=answers("unknown-waveform")
)
async def wave(
    request: Request,
    site: Site,
    node: NodeName,
    wave: Annotated[
        str, Path(pattern="^[0-9a-f]{8}-[0-9]{1,10}-[0-9]{1,5}$", description="The rest of its id.")
    ],
) -> Response:
    """The samples of a waveform."""

    def query(reader: StoreReader) -> Wave:
        return WaveShelf(reader.path).load(f"{site}/{node}/{wave}")

    found = await read(request, query, slow=True)
    said: dict[str, Any] = {
        "wave": found.view,
        "unit": found.unit,
        "time_s": found.time_s.tolist(),
        "window": found.window.tolist(),
        "axes": {axis: found.g[:, n].tolist() for n, axis in enumerate(found.view.axes)},
    }
    return one(request, models.Samples, said)
