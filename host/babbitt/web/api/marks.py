"""What people say of alarms and of the lives of machines, and what follows: all that can be written here."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from babbitt.detection.precision import Judgement, judged
from babbitt.store import marking
from babbitt.store.reader import StoreReader
from babbitt.store.views import AcknowledgedView
from babbitt.web.api import models
from babbitt.web.api.paging import Cursor, Limit
from babbitt.web.api.problems import Trouble, answers
from babbitt.web.api.store import NodeName, OfNode, OfSite, Site, listed, newest_first, one, read

router = APIRouter(
    tags=["marks"], responses=answers("invalid-request", "impossible-request", "store-unavailable")
)


@router.get("/marks", response_model=models.Page[models.Mark])
async def marks(
    request: Request,
    site: OfSite = None,
    node: OfNode = None,
    limit: Limit = 100,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """What people said of alarms, newest first: of each alarm what was said last."""
    return await newest_first(
        request, models.Mark, lambda reader, most, before: reader.marks(site, node, most, before),
        lambda one: one.id, int, limit, cursor_,
    )  # fmt: skip


@router.get("/precision", response_model=models.Judgement)
async def precision(request: Request, site: OfSite = None, node: OfNode = None) -> Response:
    """By the word of people: how many alarms were right, false alarms a machine and month, how the thresholds follow."""
    return one(
        request, models.Judgement, await read(request, lambda reader: judged(reader, site, node), slow=True)
    )


@router.post(
    "/nodes/{site}/{node}/marks",
    status_code=201,
    response_model=models.Judged,
    responses=answers("foreign-origin", "unknown-node", "invalid-request"),
)
async def mark(request: Request, site: Site, node: NodeName, said: models.NewMark) -> Response:
    """Say whether an alarm was right. Nothing is overwritten: what is said last of an alarm counts."""
    _same_origin(request)

    def check(reader: StoreReader) -> None:
        reader.node(site, node)
        if (said.event is None) != (said.verdict == "reset"):
            raise Trouble("impossible-request", "body.event: all verdicts but `reset` are of an event")
        if said.event is not None:
            found = reader.event(said.event)
            if (found.site, found.node) != (site, node):
                raise Trouble(
                    "impossible-request", f"body.event: {said.event} is of {found.site}/{found.node}"
                )

    def follows(reader: StoreReader) -> Judgement:
        return judged(reader, site, node)

    await read(request, check)
    folder, now = request.app.state.source().path, int(time.time() * 1000)
    if said.event is None:
        await asyncio.to_thread(marking.reset, folder, site, node, now, said.who, said.note)
    else:
        await asyncio.to_thread(marking.mark, folder, said.event, said.verdict, now, said.who, said.note)
    found = (await read(request, follows, slow=True)).nodes[0]
    body = models.Judged.model_validate(found).model_dump_json()
    return Response(body, 201, media_type="application/json")


@router.get("/acknowledgements", response_model=models.Page[models.Acknowledgement])
async def acknowledgements(
    request: Request,
    site: OfSite = None,
    node: OfNode = None,
    limit: Limit = 100,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """Which alarms people have seen, the last first."""
    return await newest_first(
        request, models.Acknowledgement, lambda reader, most, before: reader.acknowledged(site, node, most, before),
        lambda one: one.id, int, limit, cursor_,
    )  # fmt: skip


@router.post(
    "/nodes/{site}/{node}/acknowledgements",
    status_code=201,
    response_model=models.Acknowledgement,
    responses=answers("foreign-origin", "unknown-node", "invalid-request"),
)
async def acknowledge(
    request: Request, site: Site, node: NodeName, said: models.NewAcknowledgement
) -> Response:
    """Say that you have seen an alarm. The first one counts, and stays; no threshold moves and no alarm ends by it."""
    _same_origin(request)

    def check(reader: StoreReader) -> None:
        reader.node(site, node)
        found = reader.event(said.event)
        if (found.site, found.node) != (site, node):
            raise Trouble("impossible-request", f"body.event: {said.event} is of {found.site}/{found.node}")

    def kept(reader: StoreReader) -> AcknowledgedView:
        return next(one for one in reader.acknowledged(site, node) if one.event == said.event)

    await read(request, check)
    folder, now = request.app.state.source().path, int(time.time() * 1000)
    await asyncio.to_thread(marking.acknowledge, folder, [said.event], now, said.who, said.note)
    body = models.Acknowledgement.model_validate(await read(request, kept)).model_dump_json()
    return Response(body, 201, media_type="application/json")


@router.get("/lives", response_model=list[models.Life])
async def lives(request: Request, site: OfSite = None, node: OfNode = None) -> Response:
    """The lives of machines, by the word of people, by site, node and time; none before the first hour is rolled up."""
    return listed(
        request, models.Life, await read(request, lambda reader: reader.lives(site, node), slow=True)
    )


@router.post(
    "/nodes/{site}/{node}/lives",
    status_code=201,
    response_model=list[models.Life],
    responses=answers("foreign-origin", "unknown-node", "invalid-request"),
)
async def turn(request: Request, site: Site, node: NodeName, said: models.NewTurn) -> Response:
    """Say that a machine failed, or was repaired or replaced. Nothing is overwritten: of a time what is said last counts."""
    _same_origin(request)
    await read(request, lambda reader: reader.node(site, node))
    folder, now = request.app.state.source().path, int(time.time() * 1000)
    await asyncio.to_thread(marking.turn, folder, site, node, said.what, said.t, now, said.who, said.note)
    found = await read(request, lambda reader: reader.lives(site, node), slow=True)
    body = b",".join(models.Life.model_validate(one).model_dump_json().encode() for one in found)
    return Response(b"[" + body + b"]", 201, media_type="application/json")


def _same_origin(request: Request) -> None:
    """A page of somewhere else, open in the same browser, must not write here. Raises Trouble."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Trouble("foreign-origin", f"a page of {origin[:100]} asked for this")
