"""Processes come together only where they fit, and end where one of them does."""

import json
import socket
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest

from artifacts.files import RunError
from training import watch
from training.watch import Watch, assemble

ABOUT = {"configuration": {"seed": 0, "recipe": {"batch_size": 32}}, "images": {"train": 40}}


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def call(threads, port, processes, process, about=ABOUT, patience=20.0):
    """`assemble` in a thread; process 0 has news."""
    return threads.submit(
        assemble, "127.0.0.1", port, processes, process, about, {"finished": False}, patience
    )


class Told:
    """Takes down what a watch says, and that it says it once."""

    def __init__(self):
        self.sentences, self.event = [], threading.Event()

    def __call__(self, sentence):
        self.sentences.append(sentence)
        self.event.set()

    def sentence(self):
        assert self.event.wait(20)
        (only,) = self.sentences
        return only


def watches(threads, port, processes):
    called = [call(threads, port, processes, process) for process in range(processes)]
    told = [Told() for _ in range(processes)]
    return [Watch(c.result()[0], gone) for c, gone in zip(called, told, strict=True)], told


def test_processes_that_fit_come_together_and_hear_the_news(threads, port):
    followers = [call(threads, port, 3, process) for process in (1, 2)]
    leader = assemble("127.0.0.1", port, 3, 0, ABOUT, {"finished": True})
    assert sorted(peer.process for peer in leader[0]) == [1, 2]
    for follower in followers:
        peers, news = follower.result()
        assert [peer.process for peer in peers] == [0]
        assert news == {"finished": True}


@pytest.mark.parametrize(
    ("processes", "process", "about", "reason"),
    [
        (3, 1, ABOUT, "it is one of 3 processes, process 0 one of 2"),
        (2, 7, ABOUT, "there is no process 7 of 2"),
        (
            2,
            1,
            ABOUT | {"images": {"train": 41}},
            "its images.train is 40 there and 41 here",
        ),
    ],
)
def test_one_that_does_not_fit_is_told_why_and_the_others_go_on(
    threads, port, processes, process, about, reason
):
    leader = call(threads, port, 2, 0)
    with pytest.raises(RunError, match=reason):
        call(threads, port, processes, process, about).result()
    call(threads, port, 2, 1).result()
    assert [peer.process for peer in leader.result()[0]] == [1]


def test_the_same_number_twice_is_refused(threads, port):
    leader = call(threads, port, 3, 0)
    first = call(threads, port, 3, 1)
    second = call(threads, port, 3, 1)
    wait([first, second], return_when=FIRST_COMPLETED)  # the one that is refused
    call(threads, port, 3, 2).result()
    leader.result()
    errors = [error for f in (first, second) if (error := f.exception())]
    assert [str(e) for e in errors] == [
        "process 0 at 127.0.0.1 did not take this process in: "
        "there is a process 1 already, at 127.0.0.1"
    ]


def connect(port, leader):
    """A connection to process 0, which may have yet to listen."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            assert not leader.done()


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b'{"kind": "hello"}\n'])
def test_strangers_are_sent_away(threads, port, words):
    leader = call(threads, port, 2, 0)
    with connect(port, leader) as stranger:
        stranger.sendall(words)
        assert json.loads(stranger.makefile().readline())["kind"] == "refused"
    follower = call(threads, port, 2, 1)
    assert follower.result() and leader.result()


def say_hello(connection, process):
    hello = {"kind": "hello", "process": process, "processes": 3, "about": ABOUT}
    connection.sendall(json.dumps(hello).encode() + b"\n")


def test_one_that_was_ended_while_it_waited_may_come_again(threads, port):
    leader = call(threads, port, 3, 0)
    with connect(port, leader) as lost:
        say_hello(lost, 1)
    followers = [call(threads, port, 3, process) for process in (1, 2)]
    assert all(follower.result() for follower in followers)
    assert sorted(peer.process for peer in leader.result()[0]) == [1, 2]


def test_one_that_was_ended_while_it_waited_does_not_count_as_there(threads, port):
    leader = call(threads, port, 3, 0)
    with connect(port, leader) as lost:
        say_hello(lost, 1)
    with connect(port, leader) as other:  # now both have come, and one of them is gone
        say_hello(other, 2)
        assert call(threads, port, 3, 1).result()
        assert json.loads(other.makefile().readline())["kind"] == "ready"
        assert sorted(peer.process for peer in leader.result()[0]) == [1, 2]


def test_who_does_not_come_is_named(threads, port):
    leader = call(threads, port, 3, 0, patience=2.0)
    with pytest.raises(RunError, match=r"not take this process in: .* Missing: 2 of 0 to 2"):
        call(threads, port, 3, 1).result()
    with pytest.raises(RunError, match="Missing: 2 of 0 to 2"):
        leader.result()


def test_nobody_at_the_address_is_said(port):
    with pytest.raises(RunError, match=rf"did not answer at 127.0.0.1, port {port}"):
        assemble("127.0.0.1", port, 2, 1, ABOUT, {}, patience=0.5)


def test_a_watch_that_is_left_says_nothing(threads, port):
    made, told = watches(threads, port, 3)
    for each in made:
        each.leave()
    assert not any(one.event.wait(0.3) for one in told)


@pytest.mark.parametrize("lost", [0, 2])
def test_a_lost_process_is_told_to_all_others(threads, port, lost):
    made, told = watches(threads, port, 3)
    made[lost]._over.set()  # a process that is killed says nothing more
    for peer in made[lost]._peers:
        peer.connection.shutdown(socket.SHUT_RDWR)
    for process in {0, 1, 2} - {lost}:
        expected = f"process {lost} (127.0.0.1) has ended in the middle of the training"
        assert told[process].sentence() == expected


def test_a_process_that_gives_up_says_why(threads, port):
    made, told = watches(threads, port, 3)
    made[1].leave("process 1 has given up: OSError: disk full")
    assert told[0].sentence() == told[2].sentence() == "process 1 has given up: OSError: disk full"
    assert not told[1].sentences


def test_silence_counts_as_gone(threads, port, monkeypatch):
    monkeypatch.setattr(watch, "BEAT", 60.0)
    monkeypatch.setattr(watch, "SILENCE", 0.5)
    _, told = watches(threads, port, 2)
    assert "has not been heard of for" in told[0].sentence()
