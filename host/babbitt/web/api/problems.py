"""Errors as ``application/problem+json`` (RFC 9457). The ``type`` of a problem leads to its explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from babbitt.errors import BabbittError, MarkRefused, UnknownChannel, UnknownEvent, UnknownNode, UnknownWave

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: HTTP status, its name for people, and what to do."""

    status: int
    title: str
    todo: str


KINDS = {
    "unknown-node": Kind(404, "Unknown node", "GET /nodes lists those the store knows."),
    "unknown-channel": Kind(404, "Unknown channel", "GET /nodes/{site}/{node}/channels lists them."),
    "unknown-waveform": Kind(404, "Unknown waveform", "GET /waves lists those that are kept."),
    "unknown-event": Kind(404, "Unknown event", "GET /events lists those that are kept."),
    "not-found": Kind(404, "Nothing there", "The description of all paths is at openapi.json."),
    "wrong-method": Kind(405, "Wrong method", "The header Allow names those of this path."),
    "foreign-origin": Kind(
        403, "Another page's request", "Only pages of this host write here; programs send no Origin."
    ),
    "invalid-request": Kind(422, "Invalid request", "`errors` says which parameter and why."),
    "impossible-request": Kind(
        400, "Impossible request", "Each parameter is valid, but not together or not here; `detail` says why."
    ),
    "store-unavailable": Kind(
        503, "The store cannot be read now", "`detail` says why; try again in a moment."
    ),
    "too-busy": Kind(503, "Too many live connections", "Close some, or follow several nodes over one."),
    "internal": Kind(500, "A defect of the program", "Please report it with the host's log."),
}


class Fault(BaseModel):
    """What is wrong with one part of a request."""

    where: str = Field(description="The parameter, as `query.limit`.")
    reason: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """A problem (RFC 9457)."""

    type: str = Field(description="The kind of problem: a path that explains it.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, in words.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[Fault] = Field(default=[], description="The parts of the request that are wrong.")


class Explanation(BaseModel):
    """What a kind of problem means and what to do."""

    name: str
    status: int
    title: str
    todo: str


class Trouble(BabbittError):
    """Something an endpoint answers with a problem of the kind ``name``."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name


def of(path: str, name: str, detail: str, errors: list[Fault] | None = None) -> Problem:
    """The problem of a kind for a request of ``path``."""
    kind = KINDS[name]
    return Problem(
        type=f"/api/v1/problems/{name}", title=kind.title, status=kind.status, detail=detail, instance=path,
        errors=errors or [],
    )  # fmt: skip


def explained(name: str) -> Explanation:
    """What a kind of problem means. Raises Trouble if there is none of that name."""
    if (kind := KINDS.get(name)) is None:
        raise Trouble("not-found", f"there is no problem called {name}")
    return Explanation(name=name, status=kind.status, title=kind.title, todo=kind.todo)


def answers(*names: str) -> dict[int | str, dict[str, Any]]:
    """The problems an endpoint may answer with, for OpenAPI."""
    return {
        KINDS[name].status: {
            "description": KINDS[name].title,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for name in names
    }


def _response(request: Request, name: str, detail: str, errors: list[Fault] | None = None) -> JSONResponse:
    found = of(request.url.path, name, detail, errors)
    headers = {"Retry-After": "2"} if found.status == 503 else None
    return JSONResponse(found.model_dump(), found.status, headers, MEDIA_TYPE)


async def _expected(request: Request, error: Exception) -> JSONResponse:
    names: dict[type[Exception], str] = {
        UnknownNode: "unknown-node",
        UnknownChannel: "unknown-channel",
        UnknownWave: "unknown-waveform",
        UnknownEvent: "unknown-event",
        MarkRefused: "impossible-request",
    }
    name = error.name if isinstance(error, Trouble) else names.get(type(error), "store-unavailable")
    return _response(request, name, str(error))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [Fault(where=".".join(map(str, one["loc"])), reason=str(one["msg"])) for one in error.errors()]
    detail = "; ".join(f"{fault.where}: {fault.reason}" for fault in faults)
    return _response(request, "invalid-request", detail, faults)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    name = "wrong-method" if error.status_code == 405 else "not-found"
    response = _response(request, name, f"{request.method} {request.url.path}: {error.detail}")
    response.headers.update(error.headers or {})
    return response


async def _defect(request: Request, error: Exception) -> JSONResponse:
    return _response(request, "internal", f"{type(error).__name__}; the host's log has the rest")


def handle(app: FastAPI) -> None:
    """Have all errors of an application answered as problems."""
    app.add_exception_handler(BabbittError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)
