"""Errors of the API as JSON problem details (RFC 9457)."""

from __future__ import annotations

import http
import logging
import math
from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Problem details of a failed request (RFC 9457)."""

    title: str = Field(examples=["Content Too Large"])
    status: int = Field(ge=400, le=599, examples=[413])
    detail: str = Field(examples=["A request has at most 10 MiB. Received: more"])


class Refused(HTTPException):
    """A request that is refused.

    Args:
        status: HTTP status.
        detail: what was wrong, what is accepted and what was received.
        retry_after: seconds after which to try again.
    """

    def __init__(self, status: int, detail: str, retry_after: float | None = None):
        wait = None if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
        super().__init__(status, detail, wait)

    def __str__(self) -> str:
        return self.detail


class NoImage(Refused):
    """A request without an image, or with one that cannot be decoded."""


def _response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    problem = Problem(title=http.HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, headers, MEDIA_TYPE)


async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    """Respond to `Refused`, and to an unknown path or method."""
    detail = {
        404: f"Not found: {request.scope['path']}",
        405: f"{request.scope['path']} does not take {request.method}",
    }.get(error.status_code, str(error.detail))
    return _response(error.status_code, detail, error.headers)


async def on_invalid_parameter(_: Request, error: RequestValidationError) -> JSONResponse:
    """Respond to invalid parameters."""
    parts = [
        f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg'].removeprefix('Value error, ')}. "
        f"Received: {item['input']!r}"
        for item in error.errors()
    ]
    return _response(422, "; ".join(parts))


async def on_failure(_: Request, error: Exception) -> JSONResponse:
    """Respond to an internal error; its details are only in the log."""
    log.error("a request failed: %s", type(error).__name__)
    return _response(500, "Internal error; the server's log has the details")


HANDLERS = {
    HTTPException: on_http_exception,
    RequestValidationError: on_invalid_parameter,
    Exception: on_failure,
}
