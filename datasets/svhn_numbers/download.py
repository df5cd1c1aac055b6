"""Download the official archives: resumed after an interruption, checked against their SHA-256.

    python -m datasets.svhn_numbers.download --data-dir DIR --splits train test

TFDS's own downloader starts a file again from nothing when the connection breaks; `extra` is
2 GB from one university server, so here the part that has arrived is kept and continued.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import requests
from tqdm import tqdm

log = logging.getLogger(__name__)

SPLITS = ("train", "test", "extra")
_CHECKSUMS = Path(__file__).with_name("checksums.tsv")
_CHUNK = 1 << 20
_NET_CHUNK = 1 << 16  # what a broken connection loses at most


class DownloadError(OSError):
    """A download that did not succeed; the message says whether it can be continued."""


@dataclasses.dataclass(frozen=True)
class Remote:
    """A file on the net: its `url`, `size` in bytes, hexadecimal `sha256` and file `name`."""

    url: str
    size: int
    sha256: str
    name: str


def official_archives() -> dict[str, Remote]:
    """The archives of train, test and extra, from `checksums.tsv`."""
    with _CHECKSUMS.open(newline="") as file:
        found = [
            Remote(url, int(size), *rest) for url, size, *rest in csv.reader(file, "excel-tab")
        ]
    return {remote.name.partition(".")[0]: remote for remote in found}


def fetch(remote: Remote, folder: Path, *, attempts: int = 5, pause: float = 2.0) -> Path:
    """Download a file, or what is missing of it, unless it is there already.

    What has arrived lies in `NAME.part` and is continued by the next call; `NAME` appears when
    it is whole and its checksum is right.

    Args:
        remote: what to download.
        folder: where to; made if absent.
        attempts: connections in a row that may bring nothing before this gives up.
        pause: seconds before the second connection; doubled each time.

    Returns:
        Path of the file.

    Raises:
        DownloadError: if the server cannot be reached, gives something else, or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, part = folder / remote.name, folder / f"{remote.name}.part"
    if path.exists():
        verify(path, remote)
        return path
    have = part.stat().st_size if part.exists() else 0
    if have > remote.size:
        part.unlink()
        have = 0
    free = shutil.disk_usage(folder).free
    if free < remote.size - have:
        raise DownloadError(
            f"{remote.name} takes {remote.size - have:,} more bytes and {folder} has {free:,} free"
        )
    log.info("Downloading %s (%s bytes, %s here) to %s", remote.url, remote.size, have, folder)
    idle = 0
    with tqdm(total=remote.size, initial=have, unit="B", unit_scale=True, desc=remote.name) as bar:
        while have < remote.size:
            problem = _continue(remote, part, have, bar)
            arrived = part.stat().st_size if part.exists() else 0
            idle = 0 if arrived > have else idle + 1
            have = arrived
            if have < remote.size and idle >= attempts:
                raise DownloadError(
                    f"{remote.url}: {problem}; {have:,} of {remote.size:,} bytes are in {part} "
                    "and the next try goes on from there"
                )
            if have < remote.size:
                log.warning("%s: %s; trying again at byte %d", remote.url, problem, have)
                time.sleep(pause * 2**idle)
    try:
        verify(part, remote)
    except DownloadError:
        part.unlink()
        raise
    part.replace(path)
    return path


def _continue(remote: Remote, part: Path, have: int, bar: tqdm) -> str:
    """Append to `part` what one connection brings; return why the connection ended."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(remote.url, headers=headers, stream=True, timeout=60) as response:
            if response.status_code not in (200, 206):
                return f"the server answered {response.status_code} {response.reason}"
            if response.status_code == 206:
                start = response.headers.get("Content-Range", "").removeprefix("bytes ")
                if not start.startswith(f"{have}-"):
                    return f"asked to go on at byte {have}, the server sent {start or 'no range'}"
            elif have:  # the server knows no ranges
                have = 0
                bar.reset(total=remote.size)
            with part.open("ab" if have else "wb") as file:
                for chunk in response.iter_content(_NET_CHUNK):
                    have += len(chunk)
                    if have > remote.size:
                        file.truncate(0)
                        raise DownloadError(
                            f"{remote.url} is longer than the official {remote.size:,} bytes"
                        )
                    file.write(chunk)
                    bar.update(len(chunk))
    except requests.RequestException as error:
        return f"the connection broke ({type(error).__name__})"
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{part} cannot be written: {error.strerror or error}") from error
    return "the connection ended early"


def verify(path: Path, remote: Remote) -> None:
    """Check a file's size and SHA-256.

    Raises:
        DownloadError: if it is not the official file.
    """
    size = path.stat().st_size
    digest = hashlib.sha256()
    if size == remote.size:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    if size != remote.size or digest.hexdigest() != remote.sha256:
        received = digest.hexdigest() if size == remote.size else f"{size:,} bytes"
        raise DownloadError(
            f"{path} is not the official file; expected {remote.size:,} bytes with SHA-256 "
            f"{remote.sha256}. Received: {received}"
        )


def check_copy(path: Path, remote: Remote) -> None:
    """Look at an archive the user already has: warn if it is another, refuse it if damaged.

    Raises:
        DownloadError: if it has the official size and another checksum.
    """
    if not path.is_file() or path.name != remote.name:
        return
    if path.stat().st_size != remote.size:
        log.warning("%s is not the official archive (its size differs); taken as it is", path)
    else:
        verify(path, remote)


def main(arguments: Sequence[str] | None = None) -> None:
    """Download the archives of the chosen splits."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="folder for the archives")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS))
    chosen = parser.parse_args(arguments)
    archives = official_archives()
    sizes = ", ".join(f"{split} {archives[split].size / 1e6:,.0f} MB" for split in chosen.splits)
    print(f"SVHN (for non-commercial use only): {sizes}, into {chosen.data_dir}")
    for split in chosen.splits:
        print(fetch(archives[split], chosen.data_dir))


if __name__ == "__main__":
    main()
