"""How the endpoints reach the store, and the parameters they share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from babbitt.protocol.limits import T_MAX
from babbitt.store.reader import StoreReader
from babbitt.web.api.models import Page
from babbitt.web.api.paging import cursor, place, tagged
from babbitt.web.api.problems import Trouble
from babbitt.web.source import StoreSource, Unavailable

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")
K = TypeVar("K", int, str)

NAME = "^[a-z0-9-]{1,32}$"
Site = Annotated[str, Path(pattern=NAME, description="The site.")]
NodeName = Annotated[str, Path(pattern=NAME, description="The node.")]
OfSite = Annotated[str | None, Query(pattern=NAME, description="Only of this site.")]
OfNode = Annotated[str | None, Query(pattern=NAME, description="Only of nodes of this name.")]
ChannelName = Annotated[str, Query(pattern="^[a-z0-9_.]{1,32}$", description="Id of the channel.")]
Start = Annotated[
    int | None,
    Query(ge=0, le=T_MAX, description="From this time on (Unix ms); default a day before `end`."),
]
End = Annotated[int | None, Query(ge=0, le=T_MAX, description="Up to this time (Unix ms); default now.")]
Points = Annotated[int, Query(ge=2, le=10_000, description="At most about so many.")]

DAY_MS = 86_400_000


async def read(request: Request, query: Callable[[StoreReader], T], *, slow: bool = False) -> T:
    """What ``query`` gives. Raises Trouble if the store cannot be read, and what the query raises."""
    source: StoreSource = request.app.state.source()
    found = await source.read(query, slow=slow)
    if isinstance(found, Unavailable):
        raise Trouble("store-unavailable", found.reason)
    return found


def span(start: int | None, end: int | None) -> tuple[int, int]:
    """The span of time that is meant. Raises Trouble if it ends before it begins."""
    upto = int(time.time() * 1000) if end is None else end
    since = max(0, upto - DAY_MS) if start is None else start
    if since > upto:
        raise Trouble("impossible-request", f"query.start: {since} is after the end, {upto}")
    return since, upto


def one(request: Request, model: type[BaseModel], view: object) -> Response:
    """A view as JSON, with its ETag."""
    return tagged(request, model.model_validate(view).model_dump_json().encode())


def page(request: Request, model: type[M], views: Sequence[object], following: str | None) -> Response:
    """Views as a page of JSON, with its ETag."""
    found = Page[model](items=[model.model_validate(view) for view in views], next=following)  # type: ignore[valid-type]
    return tagged(request, found.model_dump_json().encode())


async def newest_first(
    request: Request,
    model: type[BaseModel],
    query: Callable[[StoreReader, int, K | None], Sequence[V]],
    key: Callable[[V], K],
    kind: type[K],
    limit: int,
    after: str | None,
) -> Response:
    """A page of what ``query(reader, most, key of the last one before)`` gives in order; the cursor is ``key`` of the last one, a
    ``kind``."""
    begun = place(after, tuple[kind])  # type: ignore[valid-type]
    found = await read(request, lambda reader: query(reader, limit + 1, begun[0] if begun else None))
    following = cursor(key(found[limit - 1])) if len(found) > limit else None
    return page(request, model, found[:limit], following)


def listed(request: Request, model: type[M], views: Sequence[object]) -> Response:
    """Views as a list of JSON, with its ETag."""
    return tagged(
        request,
        b"[" + b",".join(model.model_validate(view).model_dump_json().encode() for view in views) + b"]",
    )
