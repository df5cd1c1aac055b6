"""Errors of the API as JSON problem details (RFC 9457)."""

from __future__ import annotations

import http
import logging
import math

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


class Refused(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        detail: what was wrong, what is accepted and what was received.
        retry_after: seconds after which to try again.
    """

    def __init__(self, status: int, detail: str, retry_after: float | None = None):
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after

    def response(self) -> JSONResponse:
        """The HTTP response."""
        wait = self.retry_after
        headers = None if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
        title = http.HTTPStatus(self.status).phrase
        problem = Problem(title=title, status=self.status, detail=self.detail)
        return JSONResponse(problem.model_dump(), self.status, headers, MEDIA_TYPE)


class NoImage(Refused):
    """A request that has no image, or one that does not decode."""


async def on_refused(_: Request, error: Refused) -> JSONResponse:
    """Respond to `Refused`."""
    return error.response()


async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    """Respond to an unknown path or method."""
    detail = {
        404: f"Not found: {request.scope['path']}",
        405: f"{request.scope['path']} does not take {request.method}",
    }.get(error.status_code, str(error.detail))
    response = Refused(error.status_code, detail).response()
    response.headers.update(error.headers or {})
    return response


async def on_invalid_parameter(_: Request, error: RequestValidationError) -> JSONResponse:
    """Respond to invalid parameters."""
    parts = [
        f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg']}. Received: {item['input']!r}"
        for item in error.errors()
    ]
    return Refused(422, "; ".join(parts)).response()


async def on_failure(_: Request, error: Exception) -> JSONResponse:
    """Respond to an internal error; the details go to the log only."""
    log.error("a request failed: %s", type(error).__name__)
    return Refused(500, "Internal error; the server's log has the details").response()


HANDLERS = {
    Refused: on_refused,
    HTTPException: on_http_exception,
    RequestValidationError: on_invalid_parameter,
    Exception: on_failure,
}
