"""Keeps the processes of one training together: all there when it starts, none left behind.

JAX notices only after minutes that a process is gone, or never where it hangs, and says so in the
words of its network library. Here process 0 and each of the others hold a connection, over which
they first agree that they train the same thing, and then say every two seconds that they are
there. Where a connection breaks or falls silent, every process ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from artifacts.files import RunError, first_difference
from artifacts.run_folder import remove_scratch

log = logging.getLogger(__name__)

BEAT = 2.0
"""Seconds between two signs of life."""

SILENCE = 40.0
"""Seconds without one after which a process counts as gone: a machine that is off says nothing."""

PATIENCE = 600.0
"""Seconds that processes wait for each other at the start."""

GONE = 3
"""Exit status of a process that ends because another one did."""


@dataclass
class Peer:
    """Another process, as seen over a connection."""

    process: int
    host: str
    connection: socket.socket
    lines: TextIO = field(init=False)

    def __post_init__(self):
        self.lines = self.connection.makefile("r", encoding="utf-8")

    def __str__(self) -> str:
        return f"process {self.process} ({self.host})"

    def send(self, kind: str, **values: Any) -> None:
        """Send one message; one that is gone is noticed where it is listened to."""
        with contextlib.suppress(OSError):
            self.connection.sendall(json.dumps({"kind": kind} | values).encode() + b"\n")

    def receive(self, timeout: float) -> dict[str, Any] | None:
        """The next message; None where the connection has ended or something else was said."""
        self.connection.settimeout(timeout)
        try:
            message = json.loads(self.lines.readline(1 << 20))
        except TimeoutError:
            raise
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def ended(self) -> bool:
        """Whether the other process has closed the connection; does not wait."""
        timeout = self.connection.gettimeout()
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(timeout)

    def refuse(self, reason: str) -> None:
        """Send a process away that wanted to take part."""
        self.send("refused", reason=reason)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self.lines.close()
        self.connection.close()


class Watch:
    """Looks after the other processes in threads of its own, until `leave`.

    Args:
        peers: for process 0 all others, for those process 0.
        gone: called once, with a sentence, when one of them is gone. Defaults to logging it and
            ending this process, whatever it is doing: it may wait for the lost one for ever.
    """

    def __init__(self, peers: list[Peer], gone: Callable[[str], None] | None = None):
        self._peers = peers
        self._gone = gone or _end_process
        self._over = threading.Event()
        for peer in peers:
            threading.Thread(target=self._listen, args=(peer,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def leave(self, reason: str = "") -> None:
        """End the watch: the training is over, or this process gives up for `reason`."""
        self._over.set()
        for peer in self._peers:
            peer.send("gone", sentence=reason) if reason else peer.send("done")
            with contextlib.suppress(OSError):
                peer.connection.shutdown(socket.SHUT_WR)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            for peer in self._peers:
                peer.send("here")

    def _listen(self, peer: Peer) -> None:
        while True:
            try:
                message = peer.receive(SILENCE)
            except TimeoutError:
                sentence = f"{peer} has not been heard of for {SILENCE:.0f} seconds"
                break
            kind = message and message.get("kind")
            if kind == "done" or self._over.is_set():
                return
            if kind == "gone":
                sentence = str(message.get("sentence"))
                break
            if kind != "here":
                sentence = f"{peer} has ended in the middle of the training"
                break
        if self._over.is_set():
            return
        self._over.set()
        for other in self._peers:
            if other is not peer:
                other.send("gone", sentence=sentence)
        self._gone(sentence)


def _end_process(sentence: str) -> None:
    log.error(
        "%s. So this process ends, too. The same command goes on after the last finished epoch, "
        "also with another number of processes.",
        sentence,
    )
    remove_scratch()
    logging.shutdown()
    os._exit(GONE)


def assemble(
    host: str,
    port: int,
    processes: int,
    process: int,
    about: Mapping[str, Any],
    news: Mapping[str, Any],
    patience: float = PATIENCE,
) -> tuple[list[Peer], Mapping[str, Any]]:
    """Wait until all processes are there.

    Args:
        host: where process 0 runs.
        port: where it listens meanwhile.
        processes: how many there are, with this one.
        process: number of this one, from 0.
        about: JSON values that must be the same everywhere, such as the configuration.
        news: JSON values of process 0 for the others.
        patience: seconds to wait at most.

    Returns:
        The connections for a `Watch`, and the news of process 0.

    Raises:
        RunError: if not all came, or this process does not fit in with the others.
        OSError: if the port is taken.
    """
    if process:
        return _join(host, port, processes, process, about, patience)
    peers: dict[int, Peer] = {}
    try:
        _take_in(peers, port, processes, about, patience)
    except BaseException as error:
        for peer in peers.values():
            peer.refuse(str(error) or "it was stopped before all processes were there")
        raise
    for peer in peers.values():
        peer.send("ready", news=news)
    return list(peers.values()), news


def _take_in(peers: dict[int, Peer], port: int, processes: int, about, patience: float) -> None:
    """Fill `peers`, by number, with all other processes as they come."""
    deadline = time.monotonic() + patience
    log.info("waiting for %d other processes on port %d", processes - 1, port)
    with _server(port) as server:
        while len(peers) < processes - 1 or _leave_out_ended(peers):
            server.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                connection, where = server.accept()
            except TimeoutError:
                missing = sorted(set(range(1, processes)) - set(peers))
                raise RunError(
                    f"within {patience:.0f} seconds not all processes came. "
                    f"Missing: {', '.join(map(str, missing))} of 0 to {processes - 1}"
                ) from None
            peer = Peer(-1, where[0].removeprefix("::ffff:"), connection)
            refusal = _refusal(peer, peers, processes, about)
            if refusal:
                log.warning("refused a process from %s: %s", peer.host, refusal)
                peer.refuse(refusal)
            else:
                peers[peer.process] = peer


def _leave_out_ended(peers: dict[int, Peer]) -> bool:
    """Take those out of `peers` that ended while they waited; whether there were any."""
    ended = [peer for peer in peers.values() if peer.ended()]
    for peer in ended:
        log.warning("%s has ended; waiting for it to come again", peer)
        del peers[peer.process]
        peer.close()
    return bool(ended)


def _refusal(peer: Peer, peers: Mapping[int, Peer], processes: int, about) -> str:
    """Why a process that says hello cannot take part; "" if it can."""
    try:
        hello = peer.receive(timeout=10.0) or {}
    except TimeoutError:
        hello = {}
    number = hello.get("process")
    if hello.get("kind") != "hello" or not isinstance(number, int):
        return "it is no process of a training"
    peer.process = number
    if hello.get("processes") != processes:
        return f"it is one of {hello.get('processes')} processes, process 0 one of {processes}"
    if not 0 < number < processes:
        return f"there is no process {number} of {processes}"
    # One that was ended while it waited may come again.
    if number in peers and not peers[number].ended():
        return f"there is a process {number} already, at {peers[number].host}"
    same = json.loads(json.dumps(about))
    if hello.get("about") != same:
        return "its " + first_difference(same, hello.get("about"))
    return ""


def _join(host: str, port: int, processes: int, process: int, about, patience: float):
    deadline = time.monotonic() + patience
    log.info("waiting for process 0 at %s, port %d", host, port)
    while True:
        try:
            connection = socket.create_connection((host, port), timeout=10.0)
            break
        except socket.gaierror as error:
            raise RunError(f"{host} is not known here: {error.strerror}") from error
        except OSError as error:
            if time.monotonic() > deadline:
                raise RunError(
                    f"for {patience:.0f} seconds process 0 did not answer at {host}, port {port} "
                    f"({error}). Does it run there, and may this machine reach it?"
                ) from error
            time.sleep(0.5)
    leader = Peer(0, host, connection)
    leader.send("hello", process=process, processes=processes, about=about)
    try:
        # Process 0 may have begun to wait only now, and says when it has waited long enough.
        answer = leader.receive(patience + 10.0) or {}
    except TimeoutError:
        answer = {"reason": "it does not say whether all processes are there"}
    if answer.get("kind") == "ready":
        return [leader], answer["news"]
    reason = answer.get("reason", "it ended before all processes were there")
    raise RunError(f"process 0 at {host} did not take this process in: {reason}")


def _server(port: int) -> socket.socket:
    """A listening socket on every address of this machine, as JAX opens its own."""
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
