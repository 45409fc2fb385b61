"""Whatever a chip answers, an inspection ends with a result, and never with a verdict that it did not earn."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card import CommandApdu, MemoryLink, ResponseApdu
from cccd_core.emrtd import ElementaryFile
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import CardRemovedError
from cccd_core.inspection import Access, Check, CheckName, Outcome, Verdict, inspect
from cccd_core.inspection.verdict import decide
from support.cards import Country
from support.documents import Document, PlainChip, document
from support.quirky import Answer, Bare, QuirkyCard

FILES = list(ElementaryFile)


@cache
def _country() -> Country:
    return Country.make(Path(tempfile.mkdtemp()) / "pki")


@cache
def _document() -> Document:
    return document(_country())


changes = st.lists(
    st.tuples(st.sampled_from(FILES), st.integers(0, 1 << 16), st.binary(max_size=6)), min_size=1, max_size=6
)


@given(changes)
def test_files_changed_anywhere(rows: list[tuple[ElementaryFile, int, bytes]]) -> None:
    files = dict(_document().files)
    for file, place, patch in rows:
        content = bytearray(files.get(file, encode(file.tag, b"")))
        start = place % (len(content) + 1)
        content[start : start + len(patch)] = patch
        files[file] = bytes(content)
    changed = {file for file, content in files.items() if _document().files.get(file) != content}
    found = inspect(MemoryLink(PlainChip(files)), _country().trust, access=Access())
    json.dumps(found.as_dict())
    assert found.verdict is not Verdict.GENUINE  # a plain chip has no proof
    signed = {file for file in changed if file.data_group is not None and file in _document().files}
    if signed and found.files.get(ElementaryFile.EF_SOD) == _document().files[ElementaryFile.EF_SOD]:
        passive = found.check(CheckName.PASSIVE_AUTHENTICATION)
        assert passive is not None
        assert (signed & found.files.keys() == set()) or passive.outcome is Outcome.FAILED


@settings(max_examples=60)
@given(
    st.dictionaries(st.integers(0, 80), st.one_of(st.binary(max_size=300), st.sampled_from((0x6982, 0x6A82, 0x6700))))
)
def test_answers_changed_inside_the_channel(answers: dict[int, bytes | int]) -> None:
    count = iter(range(1_000_000))

    def quirk(command: CommandApdu, usual: object) -> Answer:
        said = answers.get(next(count))
        if isinstance(said, int):
            return Bare(said)
        return usual() if said is None else ResponseApdu(said, 0x9000)  # type: ignore[operator]

    one = _document()
    card = QuirkyCard(one.card, quirk)
    try:
        found = inspect(MemoryLink(card), _country().trust, access=Access(can=one.can))
    except CardRemovedError:
        return  # it behaved as another card does
    json.dumps(found.as_dict())
    if found.verdict is Verdict.GENUINE:
        for file, content in found.files.items():
            if file not in (ElementaryFile.EF_COM, ElementaryFile.EF_CARDACCESS):
                assert content == one.files[file]


check_outcomes = st.dictionaries(st.sampled_from(CheckName), st.sampled_from(Outcome))


@given(check_outcomes)
def test_a_verdict_is_earned(outcomes: dict[CheckName, Outcome]) -> None:
    verdict, reasons = decide([Check(name, outcome) for name, outcome in outcomes.items()])
    assert bool(reasons) is (verdict is not Verdict.GENUINE)
    held = {name for name, outcome in outcomes.items() if outcome is Outcome.HELD}
    failed = {name for name, outcome in outcomes.items() if outcome is Outcome.FAILED}
    if verdict is Verdict.GENUINE:
        assert {CheckName.EF_SOD_READ, CheckName.PASSIVE_AUTHENTICATION, CheckName.DATA_GROUPS_READ} <= held
        assert held & {CheckName.PACE, CheckName.BAC, CheckName.NO_ACCESS_CONTROL}
        assert held & {CheckName.CHIP_AUTHENTICATION, CheckName.ACTIVE_AUTHENTICATION}
        assert not failed - {
            CheckName.IN_FORCE, CheckName.DECODED, CheckName.CARD_ACCESS_READ, CheckName.EF_COM_READ,
            CheckName.AS_MEANT, CheckName.PACE, CheckName.BAC, CheckName.NO_ACCESS_CONTROL,
        }  # fmt: skip
    if verdict is Verdict.NOT_GENUINE:
        assert failed
