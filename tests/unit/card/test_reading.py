"""Chips as they are: a file that a chip refuses costs that file, and a channel that breaks is opened anew."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pytest

from cccd_core.card import CommandApdu, ReadOutcome, ResponseApdu, status_words
from cccd_core.card.reader import NEW_CHANNELS_MAX
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Directory
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import CardError, CardRemovedError, CccdError, SecureMessagingError, UnavailableError
from support.chip import CAN, MRZ, personalised
from support.quirky import READ, READ_ODD, SELECT, Answer, Bare, Quirk, QuirkyCard, is_read, reader_of, selects, status

DG1, DG2, DG3, DG14 = ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG3, ElementaryFile.DG14
ACCESS = ElementaryFile.EF_CARDACCESS
Usual = Callable[[], ResponseApdu]


@cache
def _finished() -> tuple[VirtualCard, dict[ElementaryFile, bytes]]:
    return personalised(portrait_bytes=36_000)


def _chip(quirk: Quirk) -> tuple[QuirkyCard, dict[ElementaryFile, bytes]]:
    card, files = _finished()
    return QuirkyCard(card, quirk), {file: content for file, content in files.items() if file.in_application}


def _answers(sw: int, *, protected: bool) -> Answer:
    return status(sw) if protected else Bare(sw)


def _refusing(file: ElementaryFile, answer: Answer) -> Quirk:
    return lambda command, usual: answer if selects(command, file) else usual()


# ---- one file is refused


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("sw", [0x6982, 0x6985, 0x6983, 0x6984, 0x6900, 0x6999])
def test_a_data_group_that_is_kept_from_this_reader_costs_itself(sw: int, protected: bool) -> None:
    card, files = _chip(_refusing(DG3, _answers(sw, protected=protected)))
    reader = reader_of(card)
    reader.open_pace(CAN)
    reading = reader.try_read(DG3)
    assert (reading.outcome, reading.rights_missing, reading.content) == (ReadOutcome.NOT_READABLE, True, b"")
    assert "not readable with these rights" in str(reading.error)
    assert reading.error is not None
    assert reading.error.facts == {"sw": f"{sw:04X}"}
    for file, content in files.items():
        assert reader.read(file) == content
    with pytest.raises(CardError, match="access needed"):
        reader.read(DG3)
    assert card.resets == (1 if protected else 2)


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("sw", [0x6A82, 0x6A88])
def test_a_file_that_is_not_there(sw: int, protected: bool) -> None:
    card, files = _chip(_refusing(DG3, _answers(sw, protected=protected)))
    reader = reader_of(card)
    reader.open_bac(MRZ)
    assert reader.read_optional(DG3) is None
    assert reader.try_read(DG3).outcome is ReadOutcome.NOT_THERE
    with pytest.raises(CardError, match="not there") as refused:
        reader.read(DG3)
    assert refused.value.facts == {"sw": f"{sw:04X}"}
    assert reader.read(DG1) == files[DG1]


def test_two_data_groups_refused_in_the_clear_cost_two_channels_and_no_other_file() -> None:
    shut = (DG3, ElementaryFile.DG4)
    card, files = _chip(lambda command, usual: Bare(0x6982) if any(selects(command, f) for f in shut) else usual())
    reader = reader_of(card)
    reader.open_pace(CAN)
    order = [shut[0], DG1, shut[1], *files, *shut]
    readings = [reader.try_read(file) for file in order]
    assert [r.outcome for r in readings if r.file in shut] == [ReadOutcome.NOT_READABLE] * 4
    assert all(r.content == files[r.file] for r in readings if r.file not in shut)
    assert card.resets == 3
    assert sum(selects(command, DG3) for command in card.commands) == 1  # what broke a channel is not asked again


def test_a_card_that_breaks_every_channel_is_left_alone() -> None:
    card, _ = _chip(lambda command, usual: Bare(0x6F00) if command.ins == SELECT and command.p1 == 2 else usual())
    reader = reader_of(card)
    with pytest.raises(UnavailableError):
        reader_of(QuirkyCard(_finished()[0], lambda c, u: status(0x6A82) if selects(c, ACCESS) else u())).open_pace(CAN)
    reader.open_bac(MRZ)
    readings = [reader.try_read(file) for file in ElementaryFile if file.in_application]
    assert {reading.outcome for reading in readings} == {ReadOutcome.NOT_READABLE}
    assert all(isinstance(reading.error, CardError | SecureMessagingError) for reading in readings)
    assert card.resets == 1 + NEW_CHANNELS_MAX


def test_a_card_without_ef_com_is_read() -> None:
    card, files = personalised(portrait_bytes=300)
    del card.memory.files[Directory.APPLICATION, ElementaryFile.EF_COM.fid]
    reader = reader_of(card)
    reader.open_pace(CAN)
    assert reader.try_read(ElementaryFile.EF_COM).outcome is ReadOutcome.NOT_THERE
    assert reader.read(ElementaryFile.EF_SOD) == files[ElementaryFile.EF_SOD]


# ---- steps of READ BINARY


def _room(most: int, refusal: Answer) -> Quirk:
    """A chip with room for so many bytes in one answer."""
    return lambda command, usual: refusal if is_read(command) and (command.ne or 0) > most else usual()


@pytest.mark.parametrize("most", [192, 160, 128])
@pytest.mark.parametrize("sw", [0x6700, 0x6B00, 0x6C80, 0x6A86, 0x6A87, 0x6F00, 0x6985, 0x6988])
@pytest.mark.parametrize("access", ["pace", "bac"])
def test_a_channel_lost_to_a_long_answer_is_opened_once_more(most: int, sw: int, access: str) -> None:
    card, files = _chip(_room(most, Bare(sw)))
    reader = reader_of(card)
    if access == "pace":
        reader.open_pace(CAN)
    else:
        reader.open_bac(MRZ)
    for file, content in files.items():
        assert reader.read(file) == content
    assert card.resets == 2


@pytest.mark.parametrize("most", [192, 160, 128])
@pytest.mark.parametrize("sw", [0x6700, 0x6B00, 0x6F00, 0x6A87])
def test_a_long_answer_refused_under_protection_costs_no_channel(most: int, sw: int) -> None:
    card, files = _chip(_room(most, status(sw)))
    reader = reader_of(card)
    reader.open_pace(CAN)
    for file, content in files.items():
        assert reader.read(file) == content
    assert card.resets == 1
    assert max(command.ne or 0 for command in card.commands[-5:]) <= most


@pytest.mark.parametrize("bare", [True, False])
def test_a_chip_that_takes_no_step_at_all_ends_soon(bare: bool) -> None:
    card, _ = _chip(_room(60, _answers(0x6700, protected=not bare)))
    reader = reader_of(card)
    reader.open_pace(CAN)
    with pytest.raises(CardError, match="wrong length"):
        reader.read(DG2)
    assert card.resets == (2 if bare else 1)
    assert sum(is_read(command) for command in card.commands) < 12


def test_the_right_length_is_taken_from_the_card() -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        wrong = is_read(command) and command.ne not in (8, 100)
        return status(0x6C64) if wrong else usual()

    card, files = _chip(quirk)
    reader = reader_of(card)
    reader.open_bac(MRZ)
    assert reader.read(ElementaryFile.EF_SOD) == files[ElementaryFile.EF_SOD]
    assert card.resets == 1


def test_short_answers_are_put_together() -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        answer = usual()
        return ResponseApdu(answer.data[:17], answer.sw) if command.ins == READ else answer

    card, files = _chip(quirk)
    reader = reader_of(card)
    reader.open_pace(CAN)
    assert reader.read(ElementaryFile.EF_SOD) == files[ElementaryFile.EF_SOD]


def test_a_file_shorter_than_it_says_is_damaged() -> None:
    card, _ = personalised(portrait_bytes=300)
    del card.memory.files[Directory.APPLICATION, DG1.fid].content[50:]
    reader = reader_of(card)
    reader.open_pace(CAN)
    reading = reader.try_read(DG1)
    assert reading.outcome is ReadOutcome.DAMAGED
    with pytest.raises(CardError, match="ends before its own length") as short:
        reader.read(DG1)
    assert short.value.facts == {"have": 50, "length": 95}


@pytest.mark.parametrize("sw", [0x6281, 0x6200, 0x6310])
def test_data_with_a_warning_is_given_and_the_warning_named(sw: int) -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        answer = usual()
        return ResponseApdu(answer.data, sw) if is_read(command) and answer.data else answer

    card, files = _chip(quirk)
    reader = reader_of(card)
    reader.open_bac(MRZ)
    reading = reader.try_read(DG1)
    assert (reading.outcome, reading.content) == (ReadOutcome.CONTENT, files[DG1])
    with pytest.raises(CardError, match=status_words.meaning(sw)):
        reader.read(DG1)


# ---- chips that lack a command, or a form of it


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("sw", [0x6D00, 0x6A81, 0x6A86, 0x6700])
def test_files_are_read_by_short_identifier_where_select_is_not_done(sw: int, protected: bool) -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        selects_file = command.ins == SELECT and command.p1 == 0x02
        return _answers(sw, protected=protected) if selects_file else usual()

    card, files = _chip(quirk)
    reader = reader_of(card)
    reader.open_bac(MRZ)
    for file, content in files.items():
        assert reader.read(file) == content
    assert reader.read_optional(DG3) is None
    assert sum(command.ins == SELECT and command.p1 == 0x02 for command in card.commands) == 1
    assert card.resets == (1 if protected else 2)


@pytest.mark.parametrize("sw", [0x6D00, 0x6A81, 0x6E00])
def test_a_chip_without_the_odd_instruction_keeps_what_lies_beyond(sw: int) -> None:
    card, files = _chip(lambda command, usual: status(sw) if command.ins == READ_ODD else usual())
    reader = reader_of(card)
    reader.open_pace(CAN)
    reading = reader.try_read(DG2)
    assert reading.outcome is ReadOutcome.NOT_READABLE
    assert reading.error is not None
    assert reading.error.facts["sw"] == f"{sw:04X}"
    assert reader.read(DG1) == files[DG1]


@pytest.mark.parametrize("sw", [0x6986, 0x6A86])
def test_the_odd_instruction_may_want_the_short_identifier(sw: int) -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        return status(sw) if command.ins == READ_ODD and not command.p2 else usual()

    card, files = _chip(quirk)
    reader = reader_of(card)
    reader.open_pace(CAN)
    assert reader.read(DG2) == files[DG2]
    assert sum(c.ins == READ_ODD and not c.p2 for c in card.commands) == 1


@pytest.mark.parametrize("form", [0x00, 0x04])
def test_the_application_is_selected_in_the_form_that_the_chip_takes(form: int) -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        return status(0x6A86) if command.ins == SELECT and command.p1 == 4 and command.p2 != form else usual()

    card, files = _chip(quirk)
    for access in (lambda r: r.open_pace(CAN), lambda r: r.open_bac(MRZ)):
        reader = reader_of(card)
        access(reader)
        assert reader.read(DG1) == files[DG1]


@pytest.mark.parametrize("sw", [0x6A82, 0x6D00, 0x6A81])
def test_an_application_that_is_current_without_being_selected(sw: int) -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        answer = usual()
        return status(sw) if command.ins == SELECT and command.p1 == 4 else answer

    card, files = _chip(quirk)
    reader = reader_of(card)
    reader.open_bac(MRZ)
    assert reader.read(DG1) == files[DG1]


@pytest.mark.parametrize("sw", [0x6A82, 0x6D00])
def test_no_such_application(sw: int) -> None:
    card, _ = _chip(lambda command, usual: status(sw) if command.ins == SELECT else usual())
    with pytest.raises(UnavailableError if sw == 0x6A82 else CardError):
        reader_of(card).open_bac(MRZ)


@pytest.mark.parametrize("sw", [0x6283, 0x6999, 0x6310, 0x6200, 0x6400])
def test_an_application_that_is_locked_says_so(sw: int) -> None:
    card, _ = _chip(lambda command, usual: status(sw) if command.ins == SELECT and command.p1 == 4 else usual())
    with pytest.raises(CardError) as refused:
        reader_of(card).open_bac(MRZ)
    assert status_words.meaning(sw) in refused.value.message


@pytest.mark.parametrize("sw", [0x6D00, 0x6A82, 0x6982, 0x6A86])
def test_select_mf_refused(sw: int) -> None:
    card, files = _chip(
        lambda command, usual: status(sw) if command.ins == SELECT and command.data == b"\x3f\x00" else usual()
    )
    reader = reader_of(card)
    reader.open_pace(CAN)
    assert reader.read(DG1) == files[DG1]
    assert reader.try_read(ACCESS).outcome is not ReadOutcome.CONTENT  # there is no way back into the master file
    assert reader.read(DG14) == files[DG14]


# ---- extended length


@pytest.mark.parametrize("says", [True, False])
def test_large_steps_are_for_chips_that_say_so(says: bool) -> None:
    card, files = _chip(lambda command, usual: usual())
    reader = reader_of(card, step_bytes=2000)
    if not says:
        card.quirk = lambda command, usual: status(0x6A82) if command.p1 == 0x81 and command.ins == READ else usual()
        card.answer_to_reset = bytes.fromhex("3B80800101")
    reader.open_pace(CAN)
    assert reader.read(DG2) == files[DG2]
    largest = max(command.ne or 0 for command in card.commands if is_read(command))
    assert largest == (2000 if says else 256)  # 256: EF.ATR/INFO is asked for whole, in a short command


def test_the_chips_own_limit_binds() -> None:
    info = bytes.fromhex("7F660802020400" + "02020200")

    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        asks = command.ins == READ and command.p1 == 0x81 and (command.ne or 0) == 256
        return ResponseApdu(info, 0x9000) if asks else usual()

    card, files = _chip(quirk)
    reader = reader_of(card, step_bytes=60_000)
    reader.open_bac(MRZ)
    assert reader.read(DG2) == files[DG2]
    assert 400 < max(command.ne or 0 for command in card.commands if is_read(command)) < 512


def test_a_chip_that_refuses_the_extended_length_it_speaks_of() -> None:
    card, files = _chip(_room(256, Bare(0x6700)))
    reader = reader_of(card, step_bytes=4000)
    reader.open_pace(CAN)
    assert reader.read(DG2) == files[DG2]
    assert card.resets == 2
    assert not reader.connection.extended_length


# ---- channels opened anew


def test_a_broken_channel_is_made_again_with_chip_authentication() -> None:
    card, files = _chip(_refusing(DG3, Bare(0x6982)))
    reader = reader_of(card)
    reader.open_pace(CAN)
    reader.chip_authentication(files[DG14])
    before = sum(command.ins == 0x86 for command in card.commands)
    assert reader.try_read(DG3).rights_missing
    assert reader.read(DG1) == files[DG1]
    after = sum(command.ins == 0x86 for command in card.commands)
    assert after == 2 * before


def test_a_password_that_no_longer_opens_is_not_given_again() -> None:
    card, files = _chip(_refusing(DG3, Bare(0x6982)))
    reader = reader_of(card)
    reader.open_pace(CAN)
    assert reader.read(DG1) == files[DG1]
    reader.try_read(DG3)
    card.quirk = lambda command, usual: status(0x6300) if command.ins == 0x86 and not command.cla & 0x10 else usual()
    for _ in range(3):
        with pytest.raises(CardRemovedError, match="another card"):
            reader.try_read(DG1)
    assert card.resets == 2


def test_nobody_talks_a_reader_into_another_pace_on_a_new_channel() -> None:
    """EF.CardAccess is not signed: what is chosen by it is chosen once."""
    card, _ = _chip(_refusing(DG3, Bare(0x6982)))
    reader = reader_of(card)
    reader.open_pace(CAN)
    assert reader.try_read(DG3).rights_missing
    aes, tdes = bytes.fromhex("0402020201"), bytes.fromhex("0402010201")  # the ends of two PACE protocols

    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        answer = usual()
        return ResponseApdu(answer.data.replace(aes, tdes), answer.sw) if is_read(command) else answer

    card.quirk = quirk
    with pytest.raises(CardRemovedError, match="another card"):
        reader.try_read(DG1)
    assert not reader.connection.protected


def test_another_card_with_the_same_password_is_told_apart() -> None:
    other, _ = personalised(portrait_bytes=300)
    card, files = _chip(_refusing(DG3, Bare(0x6982)))
    reader = reader_of(card)
    reader.open_pace(CAN)
    assert reader.read(ElementaryFile.EF_SOD) == files[ElementaryFile.EF_SOD]
    reader.try_read(DG3)
    other.memory.files[Directory.APPLICATION, ElementaryFile.EF_SOD.fid].content[9] ^= 1
    card.becomes(other)
    with pytest.raises(CardRemovedError, match="another card"):
        reader.try_read(DG1)


# ---- any status word anywhere


STATUS_WORDS = (
    *(0x6100, 0x61FF, 0x6200, 0x6281, 0x6282, 0x6283, 0x6300, 0x63C2, 0x6400, 0x6581, 0x6600, 0x6700, 0x6881),
    *(0x6882, 0x6900, 0x6982, 0x6985, 0x6986, 0x6987, 0x6988, 0x6A80, 0x6A82, 0x6A86, 0x6B00, 0x6C00, 0x6C10),
    *(0x6D00, 0x6E00, 0x6F00, 0x9001, 0x0000, 0xFFFF),
)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("sw", STATUS_WORDS)
def test_any_status_word_at_any_point_costs_at_most_one_file(sw: int, bare: bool) -> None:
    order = [DG1, DG3, ElementaryFile.EF_SOD, ElementaryFile.DG15, ElementaryFile.EF_COM]
    point, passed = 0, True
    while passed:
        breaker = _Breaker(point, _answers(sw, protected=not bare))
        chip, _ = _chip(breaker)
        reader = reader_of(chip)
        reader.open_bac(MRZ)
        breaker.counting = True
        readings = [reader.try_read(file) for file in order]
        lost = [r.file for r in readings if r.outcome is not ReadOutcome.CONTENT and r.file is not DG3]
        assert len(lost) <= 1, (point, [str(r.error) for r in readings])
        assert all(reading.error is not None for reading in readings if not reading.content)
        passed = breaker.count > point
        point += 1
    assert point > 15


@pytest.mark.parametrize("access", ["pace", "bac"])
@pytest.mark.parametrize("sw", STATUS_WORDS)
def test_any_status_word_while_a_chip_is_opened_has_a_name(sw: int, access: str) -> None:
    point, passed, opened = 0, True, 0
    while passed:
        breaker = _Breaker(point, status(sw))
        breaker.counting = True
        chip, files = _chip(breaker)
        reader = reader_of(chip, step_bytes=4000)
        with suppress(CccdError):
            reader.open_pace(CAN) if access == "pace" else reader.open_bac(MRZ)
        breaker.counting = False
        if reader.connection.protected and not reader.connection.dead:
            assert reader.read(DG1) == files[DG1]
            opened += 1
        passed = breaker.count > point
        point += 1
    assert 4 < point < 20
    assert opened >= 1


class _Breaker:
    """Answers the command of a number, counted from when it is told to, with something else."""

    def __init__(self, point: int, answer: Answer) -> None:
        self.point, self.answer, self.count, self.counting = point, answer, 0, False

    def __call__(self, command: CommandApdu, usual: Usual) -> Answer:
        self.count += self.counting
        return self.answer if self.counting and self.count == self.point + 1 else usual()
