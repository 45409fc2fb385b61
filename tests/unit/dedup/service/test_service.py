"""Requests are carried out once, in their order, and searches see the gallery as it is."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cccd_core.dedup import Cascade, EnrolledPerson, MemoryGallery, open_gallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.codes.screen import People
from cccd_core.dedup.codes.sift import Crowd
from cccd_core.dedup.gallery.folder import alone_with
from cccd_core.dedup.index import Index, Shard, ShardEntry, update
from cccd_core.dedup.index import opened as opening
from cccd_core.dedup.index.updating import open_shard
from cccd_core.dedup.lookup import Lookup
from cccd_core.dedup.search.recent import Recent
from cccd_core.dedup.service import service as module
from cccd_core.dedup.service.ledger import LEDGER_FILE, Accepted, Ledger, Settled
from cccd_core.dedup.service.protocol import WAIT_MOST_S, Reply, Request, identified_in, sent
from cccd_core.dedup.service.service import Service
from cccd_core.errors import FileError
from cccd_core.intake.sent import sent_person
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.storage.cipher import Cipher
from support.joining import MATCHER, PARAMETERS, population, someone, swapped, unplaced
from support.patience import PATIENCE_S, until
from support.served import fingers_of, identify, insert, made, service
from support.small_index import make_small

pytestmark = pytest.mark.jit
CASCADES = ["same>any", "codes:keep=0.5>same>any"]


def candidates(reply: Reply) -> list[str]:
    found = identified_in(reply)
    assert found is not None, reply
    return [match.person_id for match in found.answers[0].candidates]


def outcome(reply: Reply) -> Any:
    assert reply.state == "done", reply
    return reply.outcome


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "gallery", [someone(f"p{n}", n) for n in range(6)])


@pytest.fixture
def served(folder: Path) -> Iterator[Service]:
    with service(folder) as one:
        yield one


def test_who_is_inserted_is_found_and_who_is_deleted_is_not(served: Service) -> None:
    probe = someone("x", 20, impression=2)
    assert candidates(served.ask(identify("1", probe))) == []
    assert outcome(served.ask(insert("2", someone("A-20", 20)))) == {"fingers": 4}
    assert candidates(served.ask(identify("3", probe))) == ["A-20"]
    assert candidates(served.ask(Request("identify", "4", "A-20", wait=WAIT_MOST_S))) == []
    assert candidates(
        served.ask(Request("identify", "5", "A-20", fingers_of(someone("x", 3, 1)), wait=WAIT_MOST_S))
    ) == ["p3"]
    assert outcome(served.ask(Request("delete", "6", "A-20", order="CV 1", wait=WAIT_MOST_S)))["withdrawal"] == 1
    assert candidates(served.ask(identify("7", probe))) == []
    assert candidates(served.ask(identify("1", probe))) == []  # as it was answered


def test_a_request_sent_again_is_the_same_request(served: Service, folder: Path) -> None:
    one = insert("r", someone("A-9", 9))
    first = served.ask(one)
    assert outcome(served.ask(Request("delete", "d", "A-9", order="1", wait=WAIT_MOST_S)))
    assert served.ask(one) == first  # a late repetition brings nobody back
    with open_gallery(folder) as gallery:
        assert "A-9" not in gallery
        assert gallery.last_sequence() == 7
    other = served.ask(insert("r", someone("A-9", 10)))
    assert other.state == "refused"
    assert other.error is not None
    assert other.error.kind == "conflict"
    assert served.ask(replace(one, id="new")).state == "done"  # as a request of its own it does
    known, taken = served.ask(replace(one, id="newer")), served.ask(insert("newest", someone("A-9", 11)))
    assert known.state == "done"
    assert taken.state == "failed"
    assert taken.error is not None
    assert (taken.error.kind, taken.again) == ("conflict", False)


def test_it_may_be_asked_later(served: Service) -> None:
    assert served.ask(insert("r", someone("A-9", 9), wait=0)).state in ("accepted", "done")
    assert outcome(served.ask(Request("status", "r", wait=WAIT_MOST_S))) == {"fingers": 4}
    assert served.ask(Request("status", "nobody")).state == "unknown"
    told = outcome(served.ask(Request("status")))
    assert (told["people"], told["people_in_index"], told["waiting"], told["answers_kept"]) == (7, 6, 0, 1)


def test_what_others_do_to_the_gallery_is_seen(served: Service, folder: Path) -> None:
    with open_gallery(folder) as gallery:
        gallery.add(someone("late", 30))
        assert candidates(served.ask(identify("1", someone("x", 30, 1)))) == ["late"]
        gallery.rename("late", "later", order="1")
        assert candidates(served.ask(identify("2", someone("x", 30, 1)))) == ["later"]
        gallery.replace(someone("later", 31), order="2")
        gallery.replace(someone("p2", 32), order="3")
        assert candidates(served.ask(identify("3", someone("x", 30, 1)))) == []
        assert candidates(served.ask(identify("4", someone("x", 31, 1)))) == ["later"]
        assert candidates(served.ask(identify("5", someone("x", 2, 1)))) == []
        assert candidates(served.ask(identify("6", someone("x", 32, 1)))) == ["p2"]
        gallery.remove("p2", order="4")
        update(gallery, folder, MATCHER, FingerCoder.shipped())
        assert candidates(served.ask(identify("7", someone("x", 32, 1)))) == []
        assert candidates(served.ask(identify("8", someone("x", 5, 1)))) == ["p5"]


@pytest.mark.parametrize("cascade", CASCADES)
def test_answers_are_those_of_a_search(tmp_path: Path, cascade: str) -> None:
    """People partly in the index, partly beside it, and one whom nobody is: bit for bit."""
    folder = made(tmp_path / "g", population()[:20])
    given = [someone("x", 1, 7), swapped("x", 7), unplaced("x", 6), someone("x", 90), someone("x", 24, 2)]
    with service(folder, cascade=cascade) as one, open_gallery(folder) as gallery:
        gallery.add_many(population()[20:])
        told = [identified_in(one.ask(identify(f"{n}", person))) for n, person in enumerate(given)]
        lookup = Lookup.over(
            gallery, folder, MATCHER, FingerCoder.shipped(), PARAMETERS, Cascade.parse(cascade), threads=1
        )
        for found, person in zip(told, given, strict=True):
            expected = lookup.search([sent_back(person)])
            assert found is not None
            assert found.answers == expected.answers
            assert (found.people, found.duplicate_score) == (26, expected.duplicate_score)


@pytest.mark.parametrize("cascade", CASCADES)
def test_who_is_withdrawn_vanishes_and_no_file_is_opened(
    tmp_path: Path, cascade: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are those of a search that opens the index anew, bit for bit."""
    make_small(monkeypatch)  # so that there are many shards
    folder = made(tmp_path / "g", population())
    given = [someone("x", n, 7) for n in (8, 10, 6, 22)]
    opened: list[Path] = []
    laid_out: list[Crowd] = []
    with service(folder, cascade=cascade) as one, open_gallery(folder) as gallery:
        before = [identified_in(one.ask(identify(f"0 {n}", person))) for n, person in enumerate(given)]
        assert [found.answers[0].of for found in before if found] == ["p008", "p010", "p006", "p022"]
        real, laying = open_shard, Crowd.of

        def counted(home: Path, entry: ShardEntry, cipher: Cipher | None) -> Shard:
            opened.append(home / entry.file)
            return real(home, entry, cipher)

        def of(*people: People) -> Crowd:
            laid_out.append(laying(*people))
            return laid_out[-1]

        monkeypatch.setattr(opening, "open_shard", counted)
        monkeypatch.setattr(Crowd, "of", of)
        changes: list[Callable[[], object]] = [
            lambda: outcome(one.ask(Request("delete", "d1", "p006", order="1", wait=WAIT_MOST_S))),
            lambda: gallery.remove("p008", order="2"),  # by another process
            lambda: gallery.replace(someone("p010", 40), order="3"),
            lambda: gallery.rename("p022", "p22", order="4"),
            lambda: [gallery.remove(f"p{n:03}", order="5") for n in (0, 21, 23)],
        ]
        for turn, change in enumerate(changes, start=1):
            change()
            told = [identified_in(one.ask(identify(f"{turn} {n}", person))) for n, person in enumerate(given)]
            assert opened == []
            assert laid_out == []
            lookup = Lookup.over(
                gallery, folder, MATCHER, FingerCoder.shipped(), PARAMETERS, Cascade.parse(cascade), threads=1
            )
            assert len(opened) > 2
            for found, person in zip(told, given, strict=True):
                assert found is not None
                assert found.answers == lookup.search([sent_back(person)]).answers
            opened.clear()
            laid_out.clear()
        assert [found.answers[0].of for found in told if found] == [None, None, None, "p22"]


def sent_back(person: EnrolledPerson) -> EnrolledPerson:
    return sent_person("x", identify("x", person))


def test_many_come_and_the_index_takes_them_in(tmp_path: Path) -> None:
    folder = made(tmp_path / "g")
    with service(folder, recent_most=4) as one:
        for n in range(12):
            outcome(one.ask(insert(f"i{n}", someone(f"A-{n}", n, positions=(2, 7)))))
            assert candidates(one.ask(identify(f"f{n}", someone("x", n, 1, (2, 7))))) == [f"A-{n}"]
        numbers = itertools.count(12)

        def taken_in() -> bool:
            number = next(numbers)
            one.ask(identify(f"f{number}", someone("x", number % 12, 1, (2, 7))))
            return int(outcome(one.ask(Request("status")))["people_in_index"]) >= 6

        until(taken_in)
        told = outcome(one.ask(Request("status")))
        assert told["people_in_index"] + told["people_beside_index"] == 12
        assert candidates(one.ask(identify("last", someone("x", 0, 2, (2, 7))))) == ["A-0"]


def test_changes_run_alone_and_in_order(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, log = threading.Event(), list[str]()
    real = Service._carried_out

    def carried_out(self: Service, job: Any) -> Any:
        log.append(job.entry.accepted.id)
        if job.entry.accepted.id == "first":
            assert gate.wait(PATIENCE_S)
        return real(self, job)

    monkeypatch.setattr(Service, "_carried_out", carried_out)
    served.ask(insert("first", someone("A-1", 41), wait=0))
    served.ask(identify("second", someone("x", 41, 1), wait=0))
    while not log:
        threading.Event().wait(0.001)
    assert log == ["first"]
    assert outcome(served.ask(Request("status")))["waiting"] == 1
    gate.set()
    assert candidates(served.ask(Request("status", "second", wait=WAIT_MOST_S))) == ["A-1"]


def test_too_many_requests_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PENDING_MOST", 2)
    gate = threading.Event()
    with service(folder, workers=1) as one:
        monkeypatch.setattr(Service, "_carried_out", lambda *_: Settled("done", gate.wait(PATIENCE_S)))
        replies = [one.ask(identify(f"{n}", someone("x", 1), wait=0)) for n in range(8)]
        gate.set()
    states = [reply.state for reply in replies]
    assert 2 <= states.count("accepted") <= 3
    assert states.count("refused") == 8 - states.count("accepted")


def test_a_gallery_that_others_change_says_so_and_it_may_be_asked_again(served: Service, folder: Path) -> None:
    request = Request("delete", "d", "p1", order="1", wait=WAIT_MOST_S)
    with alone_with(folder):
        reply = served.ask(request)
    assert (reply.state, reply.again) == ("failed", True)
    assert outcome(served.ask(request))["fingers"] == 4


def test_what_an_interruption_left_open_is_settled_by_the_gallery(folder: Path) -> None:
    with service(folder) as one, open_gallery(folder) as gallery:
        marks = {
            "in": (insert("in", someone("A-1", 41)), True),
            "not": (insert("not", someone("A-2", 42)), True),
            "other": (insert("other", someone("p1", 43)), True),
            "gone": (Request("delete", "gone", "p2", order="7"), False),
            "here": (Request("delete", "here", "p3", order="8"), False),
            "asked": (identify("asked", someone("x", 1)), False),
        }
        for id_, (request, _) in marks.items():
            person = sent_back_as(request) if request.fingers else None
            digest = one._digest(request.operation, request.reference, request.order, person)
            one._ledger.accept(
                Accepted(id_, request.operation, digest, request.reference, request.order, 0), durable=True
            )
        gallery.add(someone("A-1", 41))
        gallery.remove("p2", order="7")
        gallery.remove("p3", order="another")
        gallery.add(someone("p3", 3))
    with service(folder) as one:
        states = {id_: one.ask(Request("status", id_)) for id_ in marks}
        assert {id_ for id_, reply in states.items() if reply.state == "done"} == {"in", "gone"}
        assert all(reply.again for reply in states.values() if reply.state == "failed")
        assert outcome(one.ask(replace(marks["not"][0], wait=WAIT_MOST_S))) == {"fingers": 4}
        assert outcome(one.ask(replace(marks["in"][0], wait=WAIT_MOST_S))) == {"fingers": 4}
        assert one.ask(replace(marks["other"][0], wait=WAIT_MOST_S)).state == "failed"


def sent_back_as(request: Request) -> EnrolledPerson:
    return sent_person(request.reference or "-", request)


def test_what_waits_when_it_ends_is_to_be_asked_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate = threading.Event(), threading.Event()
    real = Service._carried_out

    def carried_out(self: Service, job: Any) -> Any:
        begun.set()
        assert gate.wait(PATIENCE_S)
        return real(self, job)

    def released() -> None:
        while not one._ending:
            threading.Event().wait(0.001)
        gate.set()

    monkeypatch.setattr(Service, "_carried_out", carried_out)
    with service(folder, workers=1) as one:
        one.ask(insert("first", someone("A-1", 41), wait=0))
        assert begun.wait(PATIENCE_S)
        one.ask(insert("second", someone("A-2", 42), wait=0))
        threading.Thread(target=released).start()
    with service(folder) as one:
        assert one.ask(Request("status", "first")).state == "done"
        second = one.ask(Request("status", "second"))
        assert (second.state, second.again) == ("failed", True)
        assert outcome(one.ask(insert("second", someone("A-2", 42)))) == {"fingers": 4}


def test_a_ledger_that_cannot_be_written_ends_the_service(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service(folder) as one:

        def settle(*_: Any, **__: Any) -> None:
            raise FileError("the disk does not obey")

        monkeypatch.setattr(Ledger, "settle", settle)
        assert one.ask(insert("r", someone("A-1", 41))).state == "accepted"
        assert one.failed is not None
        assert one.ask(insert("s", someone("A-2", 42))).state == "refused"
        monkeypatch.undo()
    with service(folder) as one:  # the gallery knows
        assert one.ask(Request("status", "r")).state == "done"


def test_a_mistake_of_the_program_costs_one_request(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as wrong:
        wrong.setattr(Service, "_identified", lambda *_: 1 // 0)
        reply = served.ask(identify("1", someone("x", 1)))
    assert reply.state == "failed"
    assert reply.error is not None
    assert reply.error.facts["of"] == "ZeroDivisionError"
    assert candidates(served.ask(identify("2", someone("x", 1, 1)))) == ["p1"]


def test_a_finger_that_is_none_is_refused(served: Service) -> None:
    reply = served.ask(Request("insert", "r", "A-1", sent([(2, b"no template")])))
    assert reply.state == "refused"
    assert reply.error is not None
    assert reply.error.facts["file"] == "finger 1"
    assert served.ask(Request("status", "r")).state == "unknown"


def test_nothing_of_a_finger_is_in_the_ledger(folder: Path) -> None:
    ring = KeyRing(bytes(32))
    person = someone("A-9", 9)
    sealed = made(folder.parent / "sealed", cipher=ring)
    with service(sealed, cipher=ring) as one:
        assert candidates(one.ask(identify("0", person))) == []
        outcome(one.ask(insert("1", person)))
        assert candidates(one.ask(identify("2", someone("x", 9, 1)))) == ["A-9"]
    kept = (sealed / LEDGER_FILE).read_bytes()
    for finger in person.tenprint.values():
        assert finger.x_px.tobytes()[:16] not in kept
    for one_ in fingers_of(person):
        assert one_.bytes_of()[30:60] not in kept
        assert one_.data[40:60].encode() not in kept
    with service(sealed, cipher=ring) as one:
        assert outcome(one.ask(insert("1", person))) == {"fingers": 4}


def test_people_beside_the_index_are_packed_few_times(tmp_path: Path) -> None:
    gallery = MemoryGallery()
    index = Index.open(tmp_path, gallery, MATCHER, FingerCoder.shipped())
    packed = 0

    class Counting:
        prepare = MATCHER.prepare

        def pack(self, fingers: Any) -> Any:
            nonlocal packed
            packed += len(fingers)
            return MATCHER.pack(fingers)

    recent = Recent(Counting(), 0)  # type: ignore[arg-type]
    people = [EnrolledPerson(f"A-{n}", someone("x", n % 4, positions=(2,)).tenprint) for n in range(130)]
    for n, person in enumerate(people, start=1):
        gallery.add(person)
        recent = recent.followed(gallery, index.awaited(n), set())
    assert len(recent) == 130
    assert packed <= 7 * 130
    assert len(recent.parts) <= 5
    names = [name for block in recent.blocks(gallery, {"A-3"}) for name in block.person_ids]
    assert sorted(names) == sorted(f"A-{n}" for n in range(130) if n != 3)
    before = packed
    gallery.remove("A-64", order="1")
    recent = recent.followed(gallery, index.awaited(130), {65})
    assert len(recent) == 129
    assert packed - before <= 64
