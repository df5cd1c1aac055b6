"""Serve a page that reads the numbers in images, and the same as an API."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import socket
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from number_zoo.files import message
from number_zoo.published import DEFAULT_WEIGHTS, SMALL_WEIGHTS

EXAMPLES = """examples:
  {prog}                                  on http://127.0.0.1:8000
  {prog} --weights reader.onnx runs/my_run
  {prog} --host 0.0.0.0 --port 8080       reachable from other machines
  {prog} --lexicon start_list.txt         reads only the numbers of a list
  {prog} --allow-origin https://example.org
  curl --data-binary @photo.jpg http://127.0.0.1:8000/api/read"""


def parse(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=__doc__,
        epilog=EXAMPLES.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=os.environ.get("PORT", 8000), help="default: $PORT, or 8000")
    add("--weights", nargs="+", metavar="NAME|FILE|RUN", default=[DEFAULT_WEIGHTS, SMALL_WEIGHTS],
        help="published weights, exported .onnx files or, with the training requirements, runs; "
        "the first is the default model of a request "
        f"(default: {DEFAULT_WEIGHTS} {SMALL_WEIGHTS})")  # fmt: skip
    add("--locator", metavar="NAME|FILE|RUN",
        help="locator of all numbers in an image, of the same kinds as --weights (default: the "
        "published one)")  # fmt: skip
    add("--lexicon", type=Path, metavar="FILE",
        help="read only the numbers in this text file, one in each line, unless a request has its "
        "own (default: any number)")  # fmt: skip
    add("--allow-origin", action="append", default=[], metavar="ORIGIN", type=_origin,
        help="allow pages of this origin to use the API, such as https://example.org; may be given "
        'several times; "*" for all (default: only the server itself)')  # fmt: skip
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65535:
        parser.error(f"--port is from 0 to 65535. Received: {options.port}")
    return options


def _origin(text: str) -> str:
    """Check an origin: scheme and host, with a port where it is not the default."""
    if text != "*" and not re.fullmatch(r"https?://[^/?#@\s]+", text):
        raise argparse.ArgumentTypeError(
            f"an origin is a scheme and a host, such as https://example.org. Received: {text}"
        )
    return text


def main(arguments: Sequence[str] | None = None, prog: str = "number-zoo serve") -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments, prog)
    missing = [name for name in ("fastapi", "uvicorn", "python_multipart") if not find_spec(name)]
    if missing:
        install = "pip install 'number-zoo[server]' (in the project's folder: '.[server]')"
        print(f"{prog} needs {', '.join(missing)}: {install}", file=sys.stderr)
        return 2
    # Imported only now, so that --help and wrong options do not wait.
    from number_zoo.lexicon import read_lexicon
    from number_zoo.server.api import make_server
    from number_zoo.server.limits import Limits
    from number_zoo.server.readers import load_readers

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # its warnings quote bodies
    try:
        lexicon = options.lexicon and read_lexicon(options.lexicon)
        readers = load_readers(options.weights, options.locator, lexicon)
        _check_address(options.host, options.port)
    except (ValueError, OSError) as error:
        print(f"{prog}: {message(error)}", file=sys.stderr)
        return 2
    server = make_server(readers, Limits(), options.host, options.port, options.allow_origin)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C stops it as SIGTERM does
        server.run()
    _end_hung_threads(prog)
    return 0


def _check_address(host: str, port: int) -> None:
    """Raise an error that states the correction if the address cannot be used."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            if os.name == "posix":  # on Windows it would allow a port that is in use
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host} port {port}: {error.strerror}. "
            "Name others with --host and --port"
        ) from error


def _end_hung_threads(prog: str) -> None:
    """End the process if the model does not return, since Python would wait for its threads."""
    from number_zoo.server.workers import THREADS

    for thread in threading.enumerate():
        if thread.name.startswith(THREADS):
            thread.join(1)
            if thread.is_alive():
                print(
                    f"{prog}: stopped while the model did not return", file=sys.stderr, flush=True
                )
                os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
