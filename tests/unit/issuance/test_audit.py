"""The audit trail as it is written: chained, signed in blocks, anchored, whole after every interruption."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cccd_core.errors import DamagedError, DiskFullError, FormatError, ParameterError, SigningError
from cccd_core.issuance.audit import anchors, chain
from cccd_core.issuance.audit import trail as trails_module
from cccd_core.issuance.audit.chain import Code
from cccd_core.issuance.audit.entry import Actor, Entry, Kind, Role, named
from cccd_core.issuance.audit.findings import Verification, Wrong
from cccd_core.issuance.audit.stores import FileStore
from cccd_core.issuance.audit.trail import RunTrail, Trail, last_statement, read
from cccd_core.issuance.audit.verify import verify
from cccd_core.signing.signer import Signer
from support import trails
from support.chaos import computing_s, run_and_kill

EARLIER = Path(__file__).resolve().parents[2] / "vectors" / "audit_v1.jsonl"
EARLIER_RUN = "0123456789abcdef0123456789abcdef"


def opened(path: Path, about: str = "run-1", signer: Signer | None = None) -> RunTrail:
    return RunTrail(FileStore(path), about, clock=trails.Ticking(), signer=lambda: signer or trails.signer())


def looked_at(path: Path, **more: object) -> Verification:
    return verify(path.read_bytes(), keys=[trails.key()], **more)  # type: ignore[arg-type]  # as verify has them


# -- what stands in it


def test_what_was_told_stands_there_once(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    order = Entry(Kind.DOSSIER, "verified", trails.FACTORY, "D1", "AA", order="118/QĐ", reason=None)
    opened(path).tell([order])
    trail = opened(path)
    other = Actor("somebody else", Role.OPERATOR)
    trail.tell([replace(order, actor=other), trails.entry(2)])
    trail.tell([order])
    trail.tell([replace(order, what="failed")])
    assert trail.seal() is not None
    told = list(read(path.read_bytes()))
    assert [(one.number, one.entry.dossier, one.entry.what) for one in told] == [
        (1, "D1", "verified"),
        (2, "D00002", "verified"),
        (3, "D1", "failed"),
    ]
    assert told[0].entry == order
    assert told[0].at == datetime(2026, 11, 1, 5, 0, 1, tzinfo=UTC)
    found = looked_at(path, about="run-1")
    assert (found.sound, found.entries, found.signed, found.unsigned) == (True, 3, 3, 0)


@pytest.mark.parametrize(
    "wrong", [{"what": ""}, {"what": "x" * 129}, {"dossier": "a\nb"}, {"reason": "\u202e"}, {"order": "\ud800"}]
)
def test_an_entry_is_printable_text(wrong: dict[str, str]) -> None:
    with pytest.raises(ParameterError) as caught:
        Entry(**{"kind": Kind.SEARCH, "what": "searched", **wrong})  # type: ignore[arg-type]  # as Entry has them
    assert caught.value.facts["field"] in wrong


def test_a_person_of_any_identifier_is_told_of() -> None:
    people = [named(person) for person in ("P\u202e2", "\U0010fffe" * 64, "Đ" * 64)]
    told = [Entry(Kind.READING, "shown", person=person) for person in people]
    assert [one.person for one in told[::2]] == ["P\\u202e2", "Đ" * 64]
    assert len(str(told[1].person)) == 128
    assert [named(person) for person in people] == people


def test_a_block_is_signed_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trails_module, "BLOCK_ENTRIES", 3)
    path = tmp_path / "audit.jsonl"
    trail = opened(path)
    for number in range(1, 8):
        trail.append([trails.entry(number)])
    found = looked_at(path)
    assert (found.blocks, found.signed, found.entries) == (2, 6, 7)
    last = trail.seal()
    assert last is not None
    assert trail.seal() == last, "nothing is signed twice"
    assert (looked_at(path).blocks, looked_at(path).unsigned) == (3, 0)


def test_a_trail_without_a_key_is_chained_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    trail = Trail(FileStore(path), "run-1")
    trail.append([trails.entry(1)])
    assert trail.seal() is None
    found = verify(path.read_bytes())
    assert (found.sound, found.keys_given, found.unsigned) == (True, False, 1)
    assert opened(path).seal() is not None, "a key that is there later signs for it"


def test_a_key_that_fails_loses_no_entry(tmp_path: Path) -> None:
    class Fails:
        certificate_der = trails.signer().certificate_der
        algorithm = trails.signer().algorithm

        def sign(self, data: bytes) -> bytes:
            raise SigningError("the token did not sign", length=len(data))

    path = tmp_path / "audit.jsonl"
    trail = opened(path, signer=Fails())
    trail.append([trails.entry(1)])
    with pytest.raises(SigningError):
        trail.seal()
    trail.append([trails.entry(2)])
    assert opened(path).seal() is not None
    assert (looked_at(path).sound, looked_at(path).signed) == (True, 2)


def test_a_clock_that_is_set_back_is_recorded_and_hides_no_order(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    times = iter([datetime(2026, 11, 1, hour, tzinfo=UTC) for hour in (9, 10, 8, 9)])
    trail = Trail(FileStore(path), "run-1", clock=lambda: next(times))
    for number in range(1, 5):
        trail.append([trails.entry(number)])
    found = verify(path.read_bytes())
    assert found.sound
    assert found.back == {3: 7200.0}
    assert [one.number for one in read(path.read_bytes())] == [1, 2, 3, 4]


# -- interruptions


def test_a_torn_last_line_is_cut_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    trail = opened(path)
    trail.tell(map(trails.entry, (1, 2)))
    trail.seal()
    begun = path.read_bytes()
    trail.tell([trails.entry(3)])
    trail.seal()
    whole = path.read_bytes()
    for cut in range(len(begun) + 1, len(whole), 41):
        path.write_bytes(whole[:cut])
        if not whole[:cut].endswith(b"\n"):
            assert verify(whole[:cut]).torn
        again = opened(path)
        again.tell(map(trails.entry, (1, 2, 3)))
        again.seal()
        found = looked_at(path, about="run-1")
        assert (found.sound, found.torn, found.entries, found.unsigned) == (True, False, 3, 0)


def test_killed_at_any_moment_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    path, said = tmp_path / "audit.jsonl", tmp_path / "acknowledged"

    def work() -> None:
        trail = opened(path)
        with said.open("ab", buffering=0) as acknowledged:
            for number in range(trail.entries + 1, 61):
                trail.tell([trails.entry(number)])
                acknowledged.write(b"%d\n" % number)
                if number % 7 == 0:
                    trail.seal()
        trail.seal()

    trails.signer()  # made once, before the children
    whole = computing_s(work)
    path.unlink()
    said.unlink()
    moments = [whole * part / 6 for part in range(1, 6)]
    for moment in moments:
        run_and_kill(work, moment)
        told = list(read(path.read_bytes())) if path.exists() else []
        known = said.read_bytes().split() if said.exists() else []
        assert len(told) >= len(set(known))
        assert verify(path.read_bytes() if path.exists() else b"x\n").findings == () or not path.exists()
    run_and_kill(work, None)
    found = looked_at(path)
    assert (found.findings, found.entries, found.unsigned, found.torn) == ((), 60, 0, False)


def test_a_full_disk_leaves_what_was_acknowledged_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    trail = opened(path)
    trail.append([trails.entry(1)])
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 200, hard))
    try:
        with pytest.raises(DiskFullError):
            trail.append(map(trails.entry, range(2, 9)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    trail.append([trails.entry(2)])
    trail.seal()
    assert (looked_at(path).sound, looked_at(path).entries) == (True, 2)


# -- what is noticed


def test_an_altered_trail_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    trail = opened(path)
    trail.append(map(trails.entry, (1, 2, 3)))
    path.write_bytes(path.read_bytes().replace(b"D00002", b"D00009"))
    with pytest.raises(DamagedError) as caught:
        opened(path)
    assert caught.value.facts["entry"] == 2
    with pytest.raises(DamagedError):
        opened(tmp_path / "audit.jsonl", "run-2")


def _blocks(other: bytes) -> list[bytes]:
    return [line for line in other.split(b"\n") if b'"statement"' in line]


def test_another_key_is_noticed() -> None:
    store = trails.trail((2, 2), signed_by=5)
    found = verify(store.data, keys=[trails.key()])
    assert (found.findings[0].what, found.findings[0].number, found.signed) == (Wrong.OTHER_KEY, 1, 0)
    assert verify(store.data, keys=[trails.key(), trails.key(5)]).sound


def test_a_block_of_another_trail_is_noticed() -> None:
    one, other = trails.trail((2, 2)), trails.trail((2, 2))
    mixed = one.data.replace(_blocks(one.data)[0], _blocks(other.data)[0])
    found = verify(mixed, keys=[trails.key()])
    assert found.findings[0].number == 1


def test_two_trails_that_were_exchanged_are_noticed(tmp_path: Path) -> None:
    one, other = trails.trail((3,), about="run-1"), trails.trail((3,), about="run-2")
    assert verify(other.data, about="run-1", keys=[trails.key()]).findings[0].what is Wrong.OTHER_TRAIL
    known = last_statement(one.data)
    assert known is not None
    found = verify(other.data, keys=[trails.key()], anchors=[known])
    assert [one.what for one in found.findings] == [Wrong.NO_ANCHOR]


def test_an_older_copy_is_noticed_by_an_anchor(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    places = tmp_path / "anchors.jsonl"
    trail = opened(path)
    for number in (1, 2):
        trail.append([trails.entry(number)])
        statement = trail.seal()
        assert statement is not None
        anchors.add(places, statement)
        anchors.add(places, statement)
        if number == 1:
            older = path.read_bytes()
    known = anchors.read(places)
    assert [one.entries for one in known] == [1, 2]
    assert looked_at(path, anchors=known).anchored == 2
    found = verify(older, keys=[trails.key()], anchors=known)
    assert verify(older, keys=[trails.key()]).sound
    assert [(one.what, one.number) for one in found.findings] == [(Wrong.CUT_OFF, 2)]
    found = verify(older, codes=[Code.parse(statement.code)])
    assert [(one.what, one.number) for one in found.findings] == [(Wrong.CUT_OFF, 2)]


def test_a_forged_anchor_is_named() -> None:
    store = trails.trail((2,))
    known = last_statement(store.data)
    assert known is not None
    forged = replace(known, entries=9)
    found = verify(store.data, keys=[trails.key()], anchors=[forged])
    assert [one.what for one in found.findings] == [Wrong.ANCHOR_NOT_SIGNED_SO]


def test_whoever_has_the_key_and_writes_anew_is_told_by_an_anchor() -> None:
    store = trails.trail((3,))
    known = last_statement(store.data)
    assert known is not None
    anew = trails.MemoryStore()
    trail = Trail(anew, "run-1", clock=trails.Ticking(), signer=trails.signer)
    trail.append([trails.entry(1), trails.entry(7), trails.entry(3)])
    sealed = trail.seal()
    assert sealed is not None
    same_name = replace(known, trail=sealed.trail)
    found = verify(anew.data, anchors=[same_name])
    assert [(one.what, one.number) for one in found.findings] == [(Wrong.REWRITTEN, 3)]


def test_a_code_survives_being_copied_by_hand() -> None:
    store = trails.trail((3,))
    code = verify(store.data).code
    assert code is not None
    by_hand = code[:11] + code[11:].lower().replace("0", "o").replace("1", "l").replace("-", " ")
    assert verify(store.data, codes=[Code.parse(by_hand)]).anchored == 3
    for wrong in ("", "abc", code[:-1], code[:-1] + "!", code.replace("3", "x", 1)):
        if wrong != code:
            with pytest.raises(FormatError):
                Code.parse(wrong)
    other = code[:-1] + ("0" if code[-1] != "0" else "2")
    assert verify(store.data, codes=[Code.parse(other)]).findings[0].what is Wrong.REWRITTEN


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"{}\n", b"[" * 9999 + b"\n", b"\xff\xfe\n", b'{"format":"cccd-audit"}\n']
)
def test_what_is_no_trail_is_called_so(data: bytes) -> None:
    assert verify(data, keys=[trails.key()]).findings[0].what is Wrong.NOT_A_TRAIL


def test_a_file_of_anchors_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    statement = last_statement(trails.trail((1,)).data)
    assert statement is not None
    path.write_bytes(chain.encode(statement.as_dict()) + b"\n" + b"{}\n")
    with pytest.raises(FormatError) as caught:
        anchors.read(path)
    assert caught.value.facts["line"] == 2
    with pytest.raises(FormatError):
        anchors.add(path, statement)


# -- version 1


def test_a_trail_of_version_1_is_verified_and_read() -> None:
    data = EARLIER.read_bytes()
    found = verify(data, about=EARLIER_RUN)
    assert (found.sound, found.version, found.entries) == (True, 1, 2)
    assert [(one.number, one.entry.dossier, one.entry.reason) for one in read(data)] == [
        (1, "D1", None),
        (2, "D2", "number_structure"),
    ]
    lines = data.splitlines(keepends=True)
    for changed, number in (
        ([lines[1]], 1), ([lines[1], lines[0]], 1), ([lines[0], lines[0]], 2),
        ([lines[0].replace(b'"D1"', b'"D7"'), lines[1]], 1), ([lines[0], b"{}\n"], 2),
    ):  # fmt: skip
        assert verify(b"".join(changed), about=EARLIER_RUN).findings[0].number == number
    assert not verify(data, about="another run").sound


def test_a_run_that_goes_on_from_version_1_begins_a_trail_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(EARLIER.read_bytes())
    trail = opened(path, EARLIER_RUN)
    known = Entry(Kind.DOSSIER, "verified", trails.FACTORY, "D1", "0123456789ABCDEF")
    trail.tell([known])
    assert path.read_bytes() == EARLIER.read_bytes(), "nothing new, nothing touched"
    trail.tell([known, trails.entry(3)])
    trail.seal()
    assert (tmp_path / "audit.v1.jsonl").read_bytes() == EARLIER.read_bytes()
    head = json.loads(path.read_bytes().split(b"\n")[0])
    last = json.loads(EARLIER.read_bytes().splitlines()[-1])
    assert head["continues"] == {"entries": 2, "head": last["hash"]}
    assert [one.entry.dossier for one in read(path.read_bytes())] == ["D00003"]
    again = opened(path, EARLIER_RUN)
    again.tell([known, trails.entry(3)])
    assert looked_at(path, about=EARLIER_RUN).entries == 1


def test_interrupted_between_the_two_files_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "audit.v1.jsonl").write_bytes(EARLIER.read_bytes())
    path = tmp_path / "audit.jsonl"
    opened(path, EARLIER_RUN).tell([trails.entry(3)])
    assert json.loads(path.read_bytes().split(b"\n")[0])["continues"]["entries"] == 2


def test_a_store_in_memory_is_a_store_like_any(tmp_path: Path) -> None:
    store = trails.MemoryStore(list(EARLIER.read_bytes().splitlines()))
    trail = RunTrail(store, EARLIER_RUN, signer=trails.signer)
    trail.append([trails.entry(3)])
    trail.seal()
    assert len(store.before) == 2
    assert verify(store.data, keys=[trails.key()]).sound
