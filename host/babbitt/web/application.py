"""The FastAPI application around NiceGUI: made once in a process, given the source and health of each server.

``/healthz``, ``/readyz``, ``/metrics`` and what is below ``/api/v1`` answer without NiceGUI; everything else is the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from nicegui import core, ui

from babbitt.vitals import Vitals
from babbitt.web import pages
from babbitt.web.api.application import PREFIX, api
from babbitt.web.metrics import CONTENT_TYPE, exposition
from babbitt.web.source import StoreSource

Health = Callable[[], Awaitable[dict[str, Any]]]

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#17528f"/>'
    '<path d="M4 18h6l3-9 5 15 4-9 2 3h4" fill="none" stroke="#fff" stroke-width="2.6"/></svg>'
)


@dataclass
class _Served:
    app: FastAPI | None = None
    source: StoreSource | None = None
    health: Health | None = None
    vitals: Callable[[], Vitals] | None = None


_served = _Served()


def application(
    source: StoreSource, broker: str, health: Health, vitals: Callable[[], Vitals] | None = None
) -> FastAPI:
    """The application, from now on showing ``source``.

    ``broker`` is where nodes connect, as text, or empty; ``health`` gives the answer of ``/healthz``.
    """
    pages.show(source, broker)
    _served.source = source
    _served.health = health
    _served.vitals = vitals
    if _served.app is None:
        _served.app = _make()
    else:
        # Engine.IO's watch over its sockets belongs to the loop of the server before; let it start anew.
        core.sio.eio.start_service_task = True
    return _served.app


def _source() -> StoreSource:
    assert _served.source is not None
    return _served.source


async def _vitals() -> Vitals | None:
    return None if _served.vitals is None else await asyncio.to_thread(_served.vitals)


def _make() -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        assert _served.health is not None
        return await _served.health()

    @app.get("/metrics")
    async def metrics() -> Response:
        found = await _vitals()
        return Response(exposition(found or Vitals()), 200 if found else 503, media_type=CONTENT_TYPE)

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        found = await _vitals()
        troubles = {"host": "this page is served without a host"} if found is None else found.troubles
        return JSONResponse({"ready": not troubles, "troubles": troubles}, 503 if troubles else 200)

    app.mount(PREFIX, api(_source))
    pages.register()
    ui.run_with(
        app,
        title="Babbitt",
        favicon=FAVICON,
        dark=False,
        language="en-US",
        binding_refresh_interval=None,
        reconnect_timeout=10.0,
        tailwind=False,
        show_welcome_message=False,
    )
    return app
