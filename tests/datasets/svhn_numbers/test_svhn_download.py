"""Downloading from a server on this machine that misbehaves in every way servers do."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from datasets.svhn_numbers import download
from datasets.svhn_numbers.download import DownloadError, Remote, fetch, official_archives

CONTENT = bytes(range(256)) * 4096 * 3
CUT = 20 << 16


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; `server.mode` says how badly, `server.ranges` what was asked for."""

    def do_GET(self):
        mode, asked = self.server.mode, self.headers.get("Range")
        self.server.ranges.append(asked)
        content = CONTENT + b"more" if mode == "longer" else CONTENT
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if mode == "refuses":
            self.send_error(503)
            return
        if mode == "no ranges":
            start = 0
        self.send_response(206 if start else 200)
        if start:
            shown = 7 if mode == "another range" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = mode in ("cuts", "another range", "no ranges") and len(self.server.ranges) == 1
        self.wfile.write(
            content[start : start + CUT] if cut or mode == "always cuts" else content[start:]
        )

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.mode, httpd.ranges = "well", []
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    httpd.remote = Remote(
        f"http://127.0.0.1:{httpd.server_port}/train.tar.gz",
        len(CONTENT),
        hashlib.sha256(CONTENT).hexdigest(),
        "train.tar.gz",
    )
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_file_arrives_whole_and_is_not_fetched_twice(server, tmp_path):
    path = fetch(server.remote, tmp_path / "new", pause=0)
    assert path.read_bytes() == CONTENT and names(path.parent) == ["train.tar.gz"]
    fetch(server.remote, path.parent, pause=0)
    assert len(server.ranges) == 1


@pytest.mark.parametrize("mode", ["cuts", "always cuts"])
def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path, mode):
    server.mode = mode
    assert fetch(server.remote, tmp_path, pause=0).read_bytes() == CONTENT
    assert server.ranges[:2] == [None, f"bytes={CUT}-"]


def test_an_interrupted_download_goes_on_in_the_next_call(server, tmp_path, monkeypatch):
    server.mode = "cuts"

    def interrupt(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download.time, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(server.remote, tmp_path)
    assert names(tmp_path) == ["train.tar.gz.part"]
    assert fetch(server.remote, tmp_path, pause=0).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={CUT}-"]


def test_a_server_without_ranges_starts_again(server, tmp_path):
    server.mode = "no ranges"
    assert fetch(server.remote, tmp_path, pause=0).read_bytes() == CONTENT


def test_another_range_than_asked_for_is_not_taken(server, tmp_path):
    server.mode = "another range"
    with pytest.raises(DownloadError, match=f"asked to go on at byte {CUT}"):
        fetch(server.remote, tmp_path, attempts=2, pause=0)
    assert (tmp_path / "train.tar.gz.part").stat().st_size == CUT


def test_a_server_that_refuses_is_given_up_on(server, tmp_path):
    server.mode = "refuses"
    with pytest.raises(DownloadError, match="answered 503"):
        fetch(server.remote, tmp_path, attempts=3, pause=0)
    assert len(server.ranges) == 3


def test_no_server_is_a_clear_error(tmp_path):
    remote = Remote("http://127.0.0.1:9/x", 10, "", "x")
    with pytest.raises(DownloadError, match="the connection broke"):
        fetch(remote, tmp_path, attempts=1, pause=0)


def test_a_wrong_checksum_leaves_no_file(server, tmp_path):
    wrong = Remote(server.remote.url, len(CONTENT), "0" * 64, "train.tar.gz")
    with pytest.raises(DownloadError, match="not the official file") as caught:
        fetch(wrong, tmp_path, pause=0)
    assert server.remote.sha256 in str(caught.value)
    assert names(tmp_path) == []


def test_a_longer_file_is_stopped(server, tmp_path):
    server.mode = "longer"
    with pytest.raises(DownloadError, match="is longer than the official"):
        fetch(server.remote, tmp_path, pause=0)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) == 0


def test_a_disk_that_is_too_small_is_said_first(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage(1000))
    with pytest.raises(DownloadError, match="1,000 free"):
        fetch(server.remote, tmp_path)
    assert server.ranges == []


def test_a_disk_that_fills_up_keeps_what_has_arrived(server, tmp_path, monkeypatch):
    class Full(type(tmp_path)):
        def open(self, mode="r", *rest, **options):
            file = super().open(mode, *rest, **options)
            if "b" in mode and "r" not in mode:
                write = file.write

                class Filling:
                    def __enter__(self):
                        return self

                    def __exit__(self, *_):
                        file.close()

                    def write(self, data):
                        if file.tell() + len(data) > 2 << 20:
                            raise OSError(errno.ENOSPC, "No space left on device")
                        return write(data)

                return Filling()
            return file

    with pytest.raises(DownloadError, match="No space left on device"):
        fetch(server.remote, Full(tmp_path), pause=0)
    assert 0 < (tmp_path / "train.tar.gz.part").stat().st_size < len(CONTENT)
    assert fetch(server.remote, tmp_path, pause=0).read_bytes() == CONTENT
    assert len(server.ranges) == 2 and server.ranges[1] is not None


def test_the_official_archives_are_those_published():
    archives = official_archives()
    assert {name: remote.size for name, remote in archives.items()} == {
        "train": 404141560,
        "test": 276555967,
        "extra": 1955489752,
    }
    assert all(len(remote.sha256) == 64 for remote in archives.values())
    assert archives["test"].url == "http://ufldl.stanford.edu/housenumbers/test.tar.gz"


def test_the_command_names_what_it_costs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(download, "fetch", lambda remote, folder: folder / remote.name)
    download.main(["--data-dir", str(tmp_path), "--splits", "train", "test"])
    assert "train 404 MB, test 277 MB" in capsys.readouterr().out


def test_a_damaged_copy_of_an_official_archive_is_refused(server, tmp_path):
    copy = tmp_path / "train.tar.gz"
    copy.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(DownloadError, match="not the official file"):
        download.check_copy(copy, server.remote)
