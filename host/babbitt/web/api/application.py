"""The FastAPI application of the interface."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from pydantic.json_schema import models_json_schema

from babbitt.web.api import diagnoses, live, marks, nodes, problems, records
from babbitt.web.api.store import listed, one
from babbitt.web.source import StoreSource

PREFIX = "/api/v1"
DESCRIPTION = """What Babbitt knows, for programs. Times are Unix milliseconds UTC, values are in the unit that is named
beside them; `x-unit` in a schema names the unit of a number. Nothing can be changed here but what is said of alarms and lives.

Lists come in pages: `next` of an answer is the `cursor` of the next request. Every answer has an `ETag`; asked again with
`If-None-Match` it is 304 if nothing has changed. Errors are `application/problem+json` (RFC 9457). What is new comes over the
WebSocket `live` (docs/api.md)."""


def api(source: Callable[[], StoreSource]) -> FastAPI:
    """The application, to be mounted at ``/api/v1``; ``source`` gives what it reads from."""
    app = FastAPI(
        title="Babbitt", version=version("babbitt"), description=DESCRIPTION, docs_url=None, redoc_url=None,
        responses=problems.answers("internal"),
    )  # fmt: skip
    app.state.source = source
    app.state.hub = live.Hub(source)
    problems.handle(app)
    app.include_router(nodes.router)
    app.include_router(diagnoses.router)
    app.include_router(records.router)
    app.include_router(marks.router)
    app.include_router(live.router)

    @app.get("/problems", response_model=list[problems.Explanation], tags=["problems"])
    async def explain(request: Request) -> Response:
        """All kinds of problems, and what to do about each."""
        return listed(request, problems.Explanation, [problems.explained(name) for name in problems.KINDS])

    @app.get(
        "/problems/{name}",
        response_model=problems.Explanation,
        tags=["problems"],
        responses=problems.answers("not-found"),
    )
    async def explain_one(request: Request, name: str) -> Response:
        """What a kind of problem means: the page its `type` leads to."""
        return one(request, problems.Explanation, problems.explained(name))

    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The description, with the schema of problems, and without FastAPI's own for invalid requests."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes,
            servers=[{"url": PREFIX}],
        )  # fmt: skip
        _, extra = models_json_schema(
            [(problems.Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        schemas = found["components"]["schemas"]
        schemas.update(extra["$defs"])
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for path in found["paths"].values():
            for method, operation in path.items():
                answers = operation["responses"]
                if "application/json" in answers.get("422", {}).get("content", {}):
                    del answers["422"]
                if method != "get":
                    continue
                answers["200"]["headers"] = {
                    "ETag": {"schema": {"type": "string"}, "description": "Of this answer."}
                }
                answers["304"] = {"description": "Nothing has changed since the answer with that ETag."}
        app.openapi_schema = found
    return app.openapi_schema
