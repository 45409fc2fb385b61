"""A gallery at a socket: clients that behave, clients that do not, and a server that is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import stat
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from cccd_core.dedup import open_gallery
from cccd_core.dedup.service.client import Client, outcome_of
from cccd_core.dedup.service.protocol import FRAME_BYTES_MOST, WAIT_MOST_S, Reply, Request, identified_in
from cccd_core.dedup.service.server import Limits, listening
from cccd_core.errors import (
    BusyError,
    CccdError,
    ConflictError,
    FileError,
    FormatError,
    ParameterError,
    UnavailableError,
)
from support.joining import someone
from support.patience import PATIENCE_S, until
from support.served import Process, at_socket, identify, insert, made, service

pytestmark = pytest.mark.jit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "gallery", [someone(f"p{n}", n) for n in range(4)])


def of(reply: Reply) -> str | None:
    found = identified_in(reply)
    assert found is not None, reply
    return found.answers[0].of


def raw(path: Path, *, timeout: float = PATIENCE_S) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    connection.connect(str(path))
    return connection


def line(connection: socket.socket) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        more = connection.recv(1 << 16)
        assert more, data
        data += more
    told: dict[str, Any] = json.loads(data)
    return told


def connections() -> int:
    """How many connections are served in this process."""
    return sum(thread.name.endswith("(_answer_all)") for thread in threading.enumerate())


def ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:  # it ended with something of ours unread
        return True


def test_several_clients_at_a_time(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    wrong: list[object] = []

    def work(number: int) -> None:
        try:
            with Client(path) as client:
                for n in range(3):
                    who = 10 * number + n
                    name = f"A-{who}"
                    outcome_of(client.ask(insert(f"i{who}", someone(name, who, positions=(2, 7)))))
                    if of(client.ask(identify(f"f{who}", someone("x", who, 1, (2, 7))))) != name:
                        wrong.append(who)
        except Exception as error:
            wrong.append(error)

    with at_socket(folder, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert not path.exists()
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".sock")] == []


def test_one_bad_client_stops_nobody(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with at_socket(folder, path, Limits(connections=5)), Client(path) as good:
        assert of(good.ask(identify("1", someone("x", 2, 1)))) == "p2"
        with raw(path) as nonsense:
            nonsense.sendall(b"GET / HTTP/1.1\r\n\r\n\n[1]\n" + b'{"operation":"status"}\n')
            assert [line_["state"] for line_ in lines(nonsense, 5)] == ["refused"] * 4 + ["done"]
        # or it ends with something of ours unread
        with raw(path) as endless, suppress(ConnectionResetError, BrokenPipeError):
            endless.sendall(b"x" * (FRAME_BYTES_MOST + (1 << 17)))
            assert line(endless)["error"]["kind"] == "format"
            assert ended(endless)
        with raw(path) as gone:
            gone.sendall(b'{"operation":"status"}\n{"operation":"sta')
        until(lambda: connections() == 1)  # who left has been noticed
        with ExitStack() as stack:
            others = [stack.enter_context(raw(path)) for _ in range(8)]
            assert [line(one)["error"]["kind"] for one in others[6:]] == ["busy", "busy"]
        assert of(good.ask(identify("2", someone("x", 3, 1)))) == "p3"


def test_who_says_nothing_or_half_of_it_is_left(folder: Path, tmp_path: Path) -> None:
    for number, limits in enumerate((Limits(request_s=0.1), Limits(idle_s=0.1))):
        path = tmp_path / f"s{number}"
        with at_socket(folder, path, limits):
            with raw(path) as slow:
                if limits.request_s < 1:
                    slow.sendall(b"{")
                assert ended(slow)
            with raw(path) as next_one:
                if limits.request_s < 1:
                    next_one.sendall(b"{")
                assert ended(next_one)


def lines(connection: socket.socket, count: int) -> list[dict[str, Any]]:
    data = b""
    while data.count(b"\n") < count:
        more = connection.recv(1 << 16)
        assert more, data
        data += more
    return [json.loads(one) for one in data.splitlines()]


def test_where_nobody_answers(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with pytest.raises(UnavailableError):
        Client(path)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with pytest.raises(UnavailableError):
        Client(path)
    with at_socket(folder, path), Client(path) as client:  # replaced
        assert client.ask(Request("status")).state == "done"
        with pytest.raises(ConflictError):
            outcome_of(client.ask(Request("status", "nobody")))
        with pytest.raises(BusyError), listening(path):
            pass
        with pytest.raises(BusyError), service(folder):
            pass
    assert not path.exists()


def test_a_place_that_is_somebody_else_s_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        theirs.listen(1)
        with pytest.raises(BusyError), listening(path):
            pass
        assert path.exists()
    path.unlink()
    path.write_text("mine")
    with pytest.raises(FileError), listening(path):
        pass
    assert path.read_text() == "mine"
    with pytest.raises(ParameterError), listening(tmp_path / ("a" * 100)):
        pass
    with pytest.raises(FileError), listening(tmp_path / "none" / "s"):
        pass


def test_a_client_that_meets_no_service(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        theirs.listen(4)
        for said, expected in ((b"nonsense\n", FormatError), (b"", FileError), (b"x" * (2 << 20), FormatError)):

            def answer(said: bytes = said) -> None:
                connection, _ = theirs.accept()
                with connection:
                    connection.recv(1 << 16)
                    try:
                        connection.sendall(said)
                    except OSError:
                        return

            thread = threading.Thread(target=answer)
            thread.start()
            with Client(path) as client, pytest.raises(expected):
                client.ask(Request("status"))
            thread.join()


def test_a_signal_ends_it_after_what_is_under_way(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = Process(folder, path)
    with connected_to(server, path) as client:
        assert outcome_of(client.ask(insert("1", someone("A-9", 9)))).state == "done"
        server.end(signal.SIGTERM)
        assert server.wait() == 0
    assert not path.exists()
    with open_gallery(folder) as gallery:
        assert "A-9" in gallery


def next_request(chance: random.Random, number: int, expected: set[str]) -> Request:
    """Somebody comes, or somebody goes."""
    if chance.random() < 0.3 and expected:
        who = chance.choice(sorted(expected))
        expected.remove(who)
        return Request("delete", f"r{number}", who, order=f"order {number}", wait=WAIT_MOST_S)
    expected.add(f"A-{number}")
    return insert(f"r{number}", someone(f"A-{number}", number % 20, positions=(2, 7)))


def again(client: Client, request: Request) -> Reply:
    """The request sent until it was carried out."""
    while (reply := client.ask(request)).again:
        pass
    return reply


def killed(folder: Path, path: Path, kills: int) -> int:
    """Inserts and deletes people while the server is killed at random moments; returns how often it was."""
    chance = random.Random(kills)
    expected = {f"p{n}" for n in range(4)}
    requests: list[Request] = []
    answers: list[Reply] = []
    done = 0
    while done < kills:
        server = Process(folder, path)
        timer = server.kill_after(chance.uniform(0.1, 0.5))
        with suppress(FileError, UnavailableError), connected_to(server, path) as client:
            while True:
                if len(requests) == len(answers):
                    requests.append(next_request(chance, len(requests), expected))
                reply = client.ask(requests[-1])  # perhaps once more
                if reply.state != "failed" or not reply.again:
                    answers.append(outcome_of(reply))
        timer.join()
        done += server.wait() == -signal.SIGKILL
    server = Process(folder, path)
    with connected_to(server, path) as client:
        answers += [outcome_of(again(client, request)) for request in requests[len(answers) :]]
    server.end(signal.SIGTERM)
    assert server.wait() == 0
    with open_gallery(folder) as gallery:
        assert {person.person_id for person in gallery} == expected
        deletions = [request for request in requests if request.operation == "delete"]
        assert [one.order for one in gallery.withdrawals()] == [request.order for request in deletions]
        assert gallery.last_sequence() == 4 + len(requests) - len(deletions)  # nobody twice
    with service(folder) as one:
        for request, before in zip(requests, answers, strict=True):
            assert one.ask(request) == before
        for who in sorted(expected)[:5]:
            assert identified_in(one.ask(Request("identify", f"last {who}".replace(" ", "-"), who, wait=WAIT_MOST_S)))
    return done


def connected_to(server: Process, path: Path) -> Client:
    while True:
        try:
            return Client(path)
        except UnavailableError:
            if os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                raise
            threading.Event().wait(0.002)


def test_killed_at_a_few_moments_it_loses_nothing_and_does_nothing_twice(folder: Path, tmp_path: Path) -> None:
    assert killed(folder, tmp_path / "s", 6) >= 6


@pytest.mark.scale
def test_killed_at_a_hundred_moments(folder: Path, tmp_path: Path) -> None:
    assert killed(folder, tmp_path / "s", 100) >= 100


def test_errors_are_of_one_kind(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with at_socket(folder, path), Client(path) as client:
        for request in (
            Request("insert", "a", "A 1", identify("x", someone("x", 1)).fingers),
            Request("delete", "b", "nobody", order="7", wait=WAIT_MOST_S),
            Request("identify", "c", "nobody", wait=WAIT_MOST_S),
        ):
            with pytest.raises(CccdError):
                outcome_of(client.ask(request))
