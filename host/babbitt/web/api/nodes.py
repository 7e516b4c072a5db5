"""Nodes: who is there, what they measure, how their machines are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from babbitt.prognosis.fleet import foretold
from babbitt.store.reader import StoreReader
from babbitt.web.api import models, verdicts
from babbitt.web.api.paging import Cursor, Limit, cursor, place, tagged
from babbitt.web.api.problems import answers
from babbitt.web.api.store import (
    ChannelName,
    End,
    NodeName,
    OfSite,
    Points,
    Site,
    Start,
    listed,
    one,
    page,
    read,
    span,
)
from babbitt.web.foresight import foreseen

router = APIRouter(
    prefix="/nodes",
    tags=["nodes"],
    responses=answers("invalid-request", "impossible-request", "store-unavailable"),
)
OF_NODE = answers("unknown-node")


@router.get("", response_model=models.Page[models.Node])
async def nodes(
    request: Request,
    site: OfSite = None,
    limit: Limit = 100,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """All nodes ever heard, by site and name."""
    after = place(cursor_, tuple[str, str])
    found = await read(request, lambda reader: reader.nodes(site, after, limit + 1))
    last = found[limit - 1] if len(found) > limit else None
    return page(request, models.Node, found[:limit], cursor(last.site, last.node) if last else None)


@router.get("/{site}/{node}", response_model=models.NodeDetail, responses=OF_NODE)
async def node(request: Request, site: Site, node: NodeName) -> Response:
    """One node, with the birth and the state it sent last, its remaining life by what became of others of its kind, and what its
    newest waveform told."""

    def query(reader: StoreReader) -> models.NodeDetail:
        view = reader.node(site, node)
        found = models.NodeDetail.model_validate(view)
        if (fleet := foretold.of(reader.path, site, node)) is not None:
            found.fleet = verdicts.FleetLife.model_validate(foretold.plain(fleet))
            found.first = foretold.first(view.assessment, fleet)
        for told in reader.diagnoses(site, node):
            found.diagnosis = verdicts.Diagnosis.model_validate(told)
        return found

    return one(request, models.NodeDetail, await read(request, query))


@router.get("/{site}/{node}/channels", response_model=list[models.Channel], responses=OF_NODE)
async def channels(request: Request, site: Site, node: NodeName) -> Response:
    """The channels it announced last, in its order; none before its first birth."""
    return listed(request, models.Channel, await read(request, lambda reader: reader.channels(site, node)))


@router.get("/{site}/{node}/series", response_model=models.Series, responses=answers("unknown-channel"))
async def series(
    request: Request,
    site: Site,
    node: NodeName,
    channel: ChannelName,
    start: Start = None,
    end: End = None,
    points: Points = 1000,
) -> Response:
    """Values of a channel for start <= t <= end. Where there are more than `points`, each slice of time gives its least
    and its greatest value at the times they occurred, so that no peak is lost."""
    since, upto = span(start, end)

    def query(reader: StoreReader) -> dict[str, Any]:
        t, value = reader.series(site, node, channel, since, upto, points)
        unit = next((c.unit for c in reader.channels(site, node) if c.id == channel), "")
        return {"channel": channel, "unit": unit, "t": t.tolist(), "value": value.tolist()}

    return one(request, models.Series, await read(request, query, slow=True))


@router.get("/{site}/{node}/assessments", response_model=list[verdicts.Assessment], responses=OF_NODE)
async def assessments(
    request: Request, site: Site, node: NodeName, start: Start = None, end: End = None, points: Points = 1000
) -> Response:
    """What the host thought for start <= t <= end, ascending; of each slice of time the worst."""
    since, upto = span(start, end)
    found = await read(request, lambda reader: reader.assessments(site, node, since, upto, points), slow=True)
    return listed(request, verdicts.Assessment, found)


@router.get("/{site}/{node}/forecast", response_model=list[models.Foreseen], responses=OF_NODE)
async def forecast(request: Request, site: Site, node: NodeName) -> Response:
    """What each of its temperatures will be in 15, 60 and 120 minutes if nothing new happens; none if it measures none."""
    found = await read(request, lambda reader: foreseen(reader, site, node), slow=True)
    return listed(request, models.Foreseen, found)


@router.get("/{site}/{node}/reported", response_model=models.Reported | None, responses=OF_NODE)
async def reported(request: Request, site: Site, node: NodeName) -> Response:
    """What the node last said about its configuration; null if nothing yet."""
    found = await read(request, lambda reader: reader.reported(site, node))
    return tagged(request, b"null") if found is None else one(request, models.Reported, found)
