"""The server: `POST /api/read`, `GET /api/models`, `/healthz` and the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Query, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from number_zoo.server import uploads
from number_zoo.server.answers import Answer, Health, Models
from number_zoo.server.headers import SecurityHeaders
from number_zoo.server.limits import Limits
from number_zoo.server.parameters import Parameters
from number_zoo.server.problems import HANDLERS, MEDIA_TYPE, NoImage, Problem, Refused
from number_zoo.server.readers import ModelReader
from number_zoo.server.service import Service

PAGE = Path(__file__).parent / "static"

STOP_SECONDS = 30
"""Seconds that requests in progress have to finish when the server is stopped."""

_BINARY = {"type": "string", "format": "binary"}
_NOT_EMPTY = _BINARY | {"minLength": 1}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "One image as the body, several as files of a form, or JSON with base64: "
        f"{uploads.ACCEPTED}, detected by content",
        "content": {
            "application/octet-stream": {"schema": _NOT_EMPTY},
            "image/*": {"schema": _NOT_EMPTY},
            "application/json": {"schema": uploads.JsonBody.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {
                        "image": {"type": "array", "minItems": 1, "items": _BINARY},
                        "lexicon": _BINARY
                        | {"description": "The only numbers to read: a text with one in each line"},
                    },
                }
            },
        },
    }
}
_REFUSALS = {
    400: "No image, or a malformed form",
    408: "The request took too long to arrive",
    413: "Too many bytes, images or pixels",
    415: "Not an image of an accepted format",
    422: "An invalid parameter, malformed JSON, or a damaged image",
    503: "Busy: try again after `Retry-After` seconds",
}


def create_app(
    readers: Mapping[str, ModelReader],
    limits: Limits | None = None,
    origins: Sequence[str] = (),
) -> ASGIApp:
    """The server as an ASGI application.

    Args:
        readers: as `readers.load_readers` returns them.
        limits: how much is accepted. Defaults to `Limits()`.
        origins: origins whose pages may use the API, such as `https://example.org`; "*" for all.
    """
    service = Service(readers, limits or Limits())
    api = FastAPI(
        title="number zoo",
        description="Reads the numbers in images.",
        version="1",
        docs_url=None,  # FastAPI's pages load scripts from another host
        redoc_url=None,
        lifespan=service.running,
        redirect_slashes=False,  # to what SecurityHeaders takes away again
        exception_handlers=HANDLERS,
    )

    @api.post(
        "/api/read",
        response_model=Answer,
        openapi_extra=_BODY,
        responses={status: _described(text) for status, text in _REFUSALS.items()},
        summary="Read the number in one image or several",
    )
    async def read(request: Request, asked: Annotated[Parameters, Query()]) -> Answer:
        try:
            return await service.answer(request, asked)
        except Refused as error:
            raise _with_example(error, request) from None

    @api.get("/api/models", summary="The models that read")
    async def list_models() -> Models:
        return Models(models=[reader.description for reader in readers.values()])

    @api.head("/healthz", include_in_schema=False)
    @api.get(
        "/healthz",
        responses={503: _described("The model does not return")},
        summary="Whether the server is healthy",
    )
    async def health() -> Health:
        if service.workers.stuck:
            raise Refused(503, "The model does not return")
        return Health(status="ok", waiting=service.workers.jobs, requests=service.used["requests"])

    @api.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    api.mount("/static", StaticFiles(directory=PAGE))
    cross_origin = CORSMiddleware(
        api,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["Retry-After"],
    )
    return SecurityHeaders(cross_origin)


def make_server(
    readers: Mapping[str, ModelReader],
    limits: Limits,
    host: str,
    port: int,
    origins: Sequence[str] = (),
) -> uvicorn.Server:
    """A server, ready to `run()`.

    Args:
        readers, limits, origins: as for `create_app`.
        host: address to listen on.
        port: port to listen on; 0 for any free one.
    """
    config = uvicorn.Config(
        create_app(readers, limits, origins),
        host=host,
        port=port,
        http="h11",
        ws="none",
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return uvicorn.Server(config)


def _described(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}


def _with_example(error: Refused, request: Request) -> Refused:
    """Add a correct command to the error of a request without an image."""
    kind = request.headers.get("content-type", "").lower()
    changed = kind.startswith("application/x-www-form-urlencoded")
    if not isinstance(error, NoImage) or (error.status_code == 422 and not changed):
        return error
    how, option = "as the body", "--data-binary @photo.jpg"
    if kind.startswith("multipart/"):
        how, option = "as a field of the form", "-F image=@photo.jpg"
    url = f"{request.scope['scheme']}://{request.headers.get('host')}{request.scope['path']}"
    url = shlex.quote(f"{url}?{request.url.query}" if request.url.query else url)
    why = "A URL-encoded form, such as of curl -d, changes the bytes of a file. " if changed else ""
    cure = f"Send the bytes of the file {how}, for example: curl {option} {url}"
    return Refused(error.status_code, f"{error.detail}. {why}{cure}")
