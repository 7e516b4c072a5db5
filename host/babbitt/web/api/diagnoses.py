"""What the waveforms of a node told, and the drawings of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from babbitt.errors import UnknownWave
from babbitt.protocol.cause import Examined
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.reader import StoreReader
from babbitt.web.api import models, verdicts
from babbitt.web.api.paging import Cursor, Limit, tagged
from babbitt.web.api.problems import Trouble, answers
from babbitt.web.api.store import NodeName, Site, newest_first, read
from babbitt.web.drawings import NotDrawn, drawing

router = APIRouter(
    prefix="/nodes/{site}/{node}/diagnoses",
    tags=["diagnoses"],
    responses=answers("invalid-request", "impossible-request", "store-unavailable", "unknown-node"),
)
WaveName = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{8}-[0-9]{1,10}-[0-9]{1,5}$",
        description="The waveform: its id without site and node.",
    ),
]


class Svg(Response):
    """A drawing."""

    media_type = "image/svg+xml"


@router.get("", response_model=models.Page[verdicts.Diagnosis])
async def diagnoses(
    request: Request,
    site: Site,
    node: NodeName,
    limit: Limit = 100,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """What the host found in the waveforms of a node, newest waveform first."""
    return await newest_first(
        request, verdicts.Diagnosis, lambda reader, most, after: reader.diagnoses(site, node, most, after),
        lambda one: one.wave, str, limit, cursor_,
    )  # fmt: skip


@router.get("/{wave}/drawing", response_class=Svg, responses=answers("unknown-waveform"))
async def drawn(request: Request, site: Site, node: NodeName, wave: WaveName) -> Response:
    """What was found as a drawing (SVG), made when it is asked for: the spectrum of the envelope with the lines that were looked for,
    the lines of the shaft, the spectrum, and all that was said."""

    def query(reader: StoreReader) -> Examined:
        reader.node(site, node)
        if (one := DiagnosisShelf(reader.path).load(f"{site}/{node}/{wave}")) is None:
            raise UnknownWave(f"there is no examined waveform {site}/{node}/{wave}")
        return one

    one = await read(request, query)
    try:
        svg = await drawing(request.app.state.source().path, one)
    except NotDrawn as error:
        raise Trouble("impossible-request", str(error)) from error
    return tagged(request, svg, Svg.media_type)
