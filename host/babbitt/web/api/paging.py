"""Cursors for pages, and ETags."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, TypeVar

import msgspec
from fastapi import Query, Request
from fastapi.responses import Response

from babbitt.web.api.problems import Trouble

T = TypeVar("T")

LIMIT_MAX = 1000

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="At most so many items.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern="^[A-Za-z0-9_-]+$",
        description="`next` of the page before; none: the first page.",
    ),
]


def cursor(*place: str | int) -> str:
    """The cursor of the page after an item at ``place``."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place(text: str | None, kind: type[T]) -> T | None:
    """What :func:`cursor` was given; None for the first page. Raises Trouble for a text it did not make."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise Trouble("impossible-request", "query.cursor: not one this interface gave out") from None


def tagged(request: Request, body: bytes, media_type: str = "application/json") -> Response:
    """The answer with an ETag, or 304 without a body if the asker has it already (RFC 9110)."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
