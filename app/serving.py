"""The application on uvicorn, whose connections here have a time limit on every step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.limits import Limits
from app.problems import Refused
from app.readers import ModelReader
from app.server import create_app

STOP_SECONDS = 30
"""How long requests in hand may take to finish when the server is stopped."""


def make_server(
    readers: Mapping[str, ModelReader], limits: Limits, host: str, port: int
) -> uvicorn.Server:
    """A server that is ready to `run()`.

    Args:
        readers: what `app.readers.load_readers` gives.
        limits: how much it takes on.
        host: address to listen on.
        port: port to listen on; 0 for any that is free.
    """
    config = uvicorn.Config(
        create_app(readers, limits),
        host=host,
        port=port,
        http=patient_protocol(limits),
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return uvicorn.Server(config)


def patient_protocol(limits: Limits) -> type[H11Protocol]:
    """uvicorn's HTTP protocol, within limits.

    uvicorn ends connections that idle between requests. This one also ends those that take too
    long to send a request's head (`idle_seconds`), or to send all of it and take the answer
    (`request_seconds`), and those beyond the largest number of connections.
    """

    class Patient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None
        _timed: Any = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            if len(self.connections) >= limits.connections:
                transport.abort()
                return
            super().connection_made(transport)
            self._give(limits.idle_seconds)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.transport is None:  # one too many: it was never made
                return
            self._stop()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport is not None:
                super().data_received(data)

        def handle_events(self) -> None:
            super().handle_events()
            if self.cycle is not self._timed and not self.transport.is_closing():
                self._timed = self.cycle
                self._give(limits.request_seconds)

        def send_400_response(self, msg: str) -> None:
            """Answer what is no HTTP as all else is answered; uvicorn would with plain text."""
            answer = Refused(400, msg).response()
            headers = [*answer.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=answer.body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
            self.transport.close()

        def on_response_complete(self) -> None:
            # Whoever still sends the body of a request that is answered keeps the time it had.
            if self.conn.their_state is h11.DONE:
                self._give(limits.idle_seconds)
            super().on_response_complete()

        def _give(self, seconds: float) -> None:
            self._stop()
            self._timer = self.loop.call_later(seconds, self.transport.abort)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()

    return Patient
