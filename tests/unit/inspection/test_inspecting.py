"""Documents as they come to a counter, genuine and not: the verdict, the reasons, and what could be read anyway."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cccd_core.card import CommandApdu, MemoryLink, ResponseApdu, profile
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd import ElementaryFile, com, dg1, dg13, mrz, security_infos, tlv
from cccd_core.emrtd.mrz import MrzInformation, for_card
from cccd_core.errors import CardRemovedError, ParameterError, TransportError
from cccd_core.inspection import (
    Access,
    CheckName,
    FileState,
    Inspection,
    Outcome,
    Protocol,
    Verdict,
    fields,
    inspect,
)
from cccd_core.inspection.fields import decode
from cccd_core.inspection.judging import expiry_date, shows_forgery
from cccd_core.pki import Rule, TrustStore, VerificationPolicy
from support import cards
from support.cards import Country
from support.chip import MASTER_KEY
from support.documents import Document, PlainChip, dg14_without_pace, document
from support.protocols import pace_info, public_info, signed_card_security, stored
from support.quirky import Answer, Bare, Quirk, QuirkyCard, selects, status

COM, SOD, ACCESS = ElementaryFile.EF_COM, ElementaryFile.EF_SOD, ElementaryFile.EF_CARDACCESS
DG1, DG2, DG3, DG13, DG14 = (ElementaryFile.for_data_group(number) for number in (1, 2, 3, 13, 14))
Usual = Callable[[], ResponseApdu]


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return Country.make(tmp_path_factory.mktemp("country") / "pki")


def look(
    one: Document, country: Country, *, access: Access | None = None, quirk: Quirk | None = None, at: str | None = None
) -> Inspection:
    card: VirtualCard = one.card if quirk is None else QuirkyCard(one.card, quirk)
    when = None if at is None else dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    usual = Access(can=one.can, terminal=country.terminal)
    return inspect(MemoryLink(card), country.trust, access=access or usual, at=when)


def outcomes(found: Inspection) -> dict[CheckName, Outcome]:
    return {check.name: check.outcome for check in found.checks}


def without_certificates(ef_sod: bytes) -> bytes:
    """EF.SOD without its [0] certificates."""
    content = tlv.read_one(ef_sod, SOD.tag).reader().next(tlv.SEQUENCE).reader()
    kind = content.next(tlv.OID)
    signed = content.next(0xA0).reader().next(tlv.SEQUENCE)
    kept = b"".join(tlv.encode(part.tag, part.value) for part in signed.reader() if part.tag != 0xA0)
    inner = tlv.sequence(tlv.encode(kind.tag, kind.value), tlv.encode(0xA0, tlv.sequence(kept)))
    return tlv.encode(SOD.tag, inner)


def refusing(file: ElementaryFile, answer: Answer) -> Quirk:
    return lambda command, usual: answer if selects(command, file) else usual()


def test_a_genuine_document(country: Country) -> None:
    one = document(country)
    found = look(one, country)
    assert (found.verdict, found.reasons, found.expired, found.protocol) == (Verdict.GENUINE, (), False, Protocol.PACE)
    assert set(outcomes(found).values()) == {Outcome.HELD}
    assert found.files == one.files
    assert {file.state for file in found.found.values()} == {FileState.READ}
    assert found.fields["DG13.full_name"] == cards.content(1).full_name
    assert found.odd == {}
    json.dumps(found.as_dict())
    told = json.dumps(found.as_dict(personal=False))
    for personal in (cards.content(1).full_name, cards.content(1).personal_number, one.can, "NGUYEN"):
        assert personal not in told
        assert personal not in repr(found)


def test_without_ef_com(country: Country) -> None:
    """LDS 1.8 drops it; EF.SOD is what counts (Doc 9303-10 clause 4.6.1)."""
    one = document(country)
    one.remove(COM)
    found = look(one, country)
    assert (found.verdict, found.reasons) == (Verdict.GENUINE, ())
    assert outcomes(found)[CheckName.EF_COM_READ] is Outcome.ABSENT
    assert outcomes(found)[CheckName.CHIP_AUTHENTICATION] is Outcome.HELD
    assert found.found[COM].state is FileState.ABSENT
    assert found.files == one.files


@pytest.mark.parametrize("answer", [status(0x6982), Bare(0x6982), status(0x6985)])
def test_fingers_that_stay_shut_cost_nothing_else(country: Country, answer: Answer) -> None:
    one = document(country)
    found = look(one, country, quirk=refusing(DG3, answer))
    assert (found.verdict, found.reasons) == (Verdict.GENUINE, ())
    assert found.found[DG3].state is FileState.SHUT
    assert "not readable with these rights" in found.found[DG3].detail
    assert {f: c for f, c in one.files.items() if f is not DG3} == found.files
    groups = found.check(CheckName.DATA_GROUPS_READ)
    assert groups is not None
    assert (groups.outcome, groups.detail) == (Outcome.HELD, "DG3: not readable with these rights")


@pytest.mark.parametrize(
    ("answer", "state"),
    [(status(0x6982), FileState.SHUT), (status(0x6A82), FileState.ABSENT), (status(0x6F00), FileState.DAMAGED)],
)
def test_another_signed_group_that_is_not_read_leaves_it_open(
    country: Country, answer: Answer, state: FileState
) -> None:
    found = look(document(country), country, quirk=refusing(DG2, answer))
    assert found.verdict is Verdict.UNDECIDED
    assert found.found[DG2].state is state
    assert "DG2" in found.reasons[0]
    assert found.fields["DG13.full_name"] == cards.content(1).full_name


def test_a_chip_that_does_basic_access_control_alone(country: Country) -> None:
    first = document(country)
    one = document(country, groups={14: dg14_without_pace(first.files[DG14])}, without=(15,))
    one.remove(ACCESS)
    found = look(one, country, access=Access(mrz=one.mrz))
    # the keys in the borrowed DG14 are another chip's, so all that counts here is the way in
    assert (found.protocol, outcomes(found)[CheckName.BAC]) == (Protocol.BAC, Outcome.HELD)
    assert CheckName.PACE not in outcomes(found)
    assert found.files == {f: c for f, c in one.files.items() if f is not DG3}
    shut = look(one, country)
    assert (shut.verdict, shut.protocol) == (Verdict.UNDECIDED, None)
    assert "MRZ" in shut.reasons[0]


def test_pace_that_is_not_supported_here_falls_back_to_bac(country: Country) -> None:
    one = document(country)
    unknown = security_infos.SecurityInfos(pace=(security_infos.PaceInfo(protocol="0.4.0.127.0.7.2.2.4.9.9"),))
    one.put(ACCESS, unknown.encode())
    found = look(one, country, access=Access(mrz=one.mrz))
    assert found.protocol is Protocol.BAC
    assert look(one, country, access=Access(can=one.can, mrz=one.mrz)).protocol is Protocol.BAC


def test_a_card_access_that_is_gone_is_a_contradiction(country: Country) -> None:
    """Whoever hides PACE talks a reader into basic access control: DG14 is signed, and says that the chip does PACE."""
    one = document(country)
    one.remove(ACCESS)
    found = look(one, country, access=Access(mrz=one.mrz))
    assert found.protocol is Protocol.BAC
    assert found.verdict is Verdict.NOT_GENUINE
    assert outcomes(found)[CheckName.ACCESS_AGREES] is Outcome.FAILED


def test_a_card_access_that_offers_more_than_is_signed_is_a_contradiction(country: Country) -> None:
    one = document(country)
    both = security_infos.parse(one.files[ACCESS]).pace
    weaker = security_infos.PaceInfo(protocol="0.4.0.127.0.7.2.2.4.2.1")
    one.put(ACCESS, security_infos.SecurityInfos(pace=(*both, weaker)).encode())
    found = look(one, country)
    assert found.verdict is Verdict.NOT_GENUINE
    assert outcomes(found)[CheckName.ACCESS_AGREES] is Outcome.FAILED


def test_a_copy_is_found_out_and_read_to_its_end(country: Country) -> None:
    one = document(country, keys_of_another=True)
    found = look(one, country)
    assert found.verdict is Verdict.NOT_GENUINE
    said = outcomes(found)
    assert said[CheckName.CHIP_AUTHENTICATION] is said[CheckName.ACTIVE_AUTHENTICATION] is Outcome.FAILED
    assert said[CheckName.PASSIVE_AUTHENTICATION] is Outcome.HELD
    assert said[CheckName.TERMINAL_AUTHENTICATION] is Outcome.UNTOLD
    assert found.files == {f: c for f, c in one.files.items() if f is not DG3}


def test_chip_authentication_mapping_is_a_proof_where_a_state_signed_its_key(
    country: Country, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """PACE-CAM (Doc 9303-11 clause 4.4.3.5): DG14 and DG15 are not there, and nothing else proves the chip."""
    way = pace_info(6, 2, 13)
    infos = security_infos.SecurityInfos(pace=(way,), chip_authentication_public_keys=(public_info(13, 77),))
    access = security_infos.SecurityInfos(pace=(way,)).encode()
    security = signed_card_security(infos, country.signer)

    def made(signed: bytes | None, number: int = 77) -> Inspection:
        key = stored(13, number)
        return look(document(country, without=(14, 15), access=access, security=signed, ca_key=key), country)

    found = made(security)
    assert (found.verdict, found.reasons) == (Verdict.GENUINE, ())
    assert outcomes(found)[CheckName.CHIP_MAPPING] is Outcome.HELD
    assert found.files[ElementaryFile.EF_CARDSECURITY] == security
    copy = made(security, 78)
    assert (copy.verdict, outcomes(copy)[CheckName.CHIP_MAPPING]) == (Verdict.NOT_GENUINE, Outcome.FAILED)
    nothing = made(None)
    assert (nothing.verdict, outcomes(nothing)[CheckName.CHIP_MAPPING]) == (Verdict.UNDECIDED, Outcome.UNTOLD)
    elsewhere = Country.make(tmp_path_factory.mktemp("elsewhere") / "pki")
    foreign = made(signed_card_security(infos, elsewhere.signer))
    assert (foreign.verdict, outcomes(foreign)[CheckName.CHIP_MAPPING]) == (Verdict.UNDECIDED, Outcome.UNTOLD)
    changed = made(security.replace(infos.encode()[-8:], bytes(8)))
    assert changed.verdict is Verdict.NOT_GENUINE


def test_a_mapping_counts_for_the_channel_on_which_it_was_shown(country: Country) -> None:
    """Somebody's own genuine chip shows its key, then the channel breaks, and a copy of another document answers."""
    way = pace_info(6, 2, 13)
    infos = security_infos.SecurityInfos(pace=(way,), chip_authentication_public_keys=(public_info(13, 77),))
    access = security_infos.SecurityInfos(pace=(way,)).encode()
    security = signed_card_security(infos, country.signer)
    own = document(country, without=(14, 15), access=access, security=security, ca_key=stored(13, 77))
    copy = document(country, 2, without=(14, 15), access=access, ca_key=stored(13, 78))
    copy.card.memory.secrets[profile.DGI_CAN] = own.can.encode()

    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        if selects(command, COM) and card.resets == 1:
            card.becomes(copy.card)
            return Bare(0x6988)
        return usual()

    card = QuirkyCard(own.card, quirk)
    found = inspect(MemoryLink(card), country.trust, access=Access(can=own.can))
    assert found.fields["DG13.full_name"] == cards.content(2).full_name
    assert (found.verdict, outcomes(found)[CheckName.CHIP_MAPPING]) == (Verdict.NOT_GENUINE, Outcome.FAILED)
    # the same chip, whose channel broke: it shows its key again
    broken = QuirkyCard(own.card, lambda c, usual: Bare(0x6988) if selects(c, COM) and broken.resets == 1 else usual())
    found = inspect(MemoryLink(broken), country.trust, access=Access(can=own.can))
    assert outcomes(found)[CheckName.CHIP_MAPPING] is Outcome.HELD
    assert broken.resets == 2


def test_a_chip_without_a_proof_may_be_a_copy(country: Country) -> None:
    found = look(document(country, without=(14, 15)), country)
    assert found.verdict is Verdict.UNDECIDED
    assert "no copy" in found.reasons[0]
    said = outcomes(found)
    assert said[CheckName.CHIP_AUTHENTICATION] is said[CheckName.ACTIVE_AUTHENTICATION] is Outcome.ABSENT


def test_a_proof_that_is_refused_is_none_given(country: Country) -> None:
    """A chip that answers 6D00 to both proofs proves nothing, and nothing against itself."""

    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        return status(0x6D00) if command.ins in (0x88, 0x86) and command.cla & 0x10 == 0 and made["it"] else usual()

    made = {"it": False}

    def watching(command: CommandApdu, usual: Usual) -> Answer:
        made["it"] = made["it"] or selects(command, COM)  # from here on the channel is open
        return quirk(command, usual)

    found = look(document(country), country, quirk=watching)
    assert found.verdict is Verdict.UNDECIDED
    assert outcomes(found)[CheckName.ACTIVE_AUTHENTICATION] is Outcome.FAILED


@pytest.mark.parametrize("file", [DG1, DG2, DG3, DG13])
def test_a_changed_data_group(country: Country, file: ElementaryFile) -> None:
    one = document(country)
    content = bytearray(one.files[file])
    content[-1] ^= 1
    one.put(file, bytes(content))
    found = look(one, country)
    assert found.verdict is Verdict.NOT_GENUINE
    assert outcomes(found)[CheckName.PASSIVE_AUTHENTICATION] is Outcome.FAILED
    assert found.files == one.files


def test_a_changed_ef_com(country: Country) -> None:
    one = document(country)
    one.put(COM, com.build((1, 2, 13)))
    found = look(one, country)
    assert found.verdict is Verdict.NOT_GENUINE
    assert outcomes(found)[CheckName.COM_AGREES] is Outcome.FAILED
    assert found.files.keys() == one.files.keys(), "what EF.SOD signs is read, whatever EF.COM says"


def test_another_state_s_document_is_not_decided_and_not_accused(country: Country, tmp_path_factory: object) -> None:
    one = document(country)
    found = inspect(MemoryLink(one.card), TrustStore(()), access=Access(can=one.can))
    assert found.verdict is Verdict.UNDECIDED
    assert outcomes(found)[CheckName.PASSIVE_AUTHENTICATION] is Outcome.UNTOLD
    assert found.fields["DG13.full_name"] == cards.content(1).full_name


def test_without_ef_sod_everything_else_is_shown(country: Country) -> None:
    one = document(country)
    one.remove(SOD)
    found = look(one, country)
    assert found.verdict is Verdict.UNDECIDED
    assert outcomes(found)[CheckName.EF_SOD_READ] is Outcome.ABSENT
    assert found.files == one.files
    one.remove(COM)
    found = look(one, country)
    assert found.files == one.files, "all sixteen are tried"
    assert found.verdict is Verdict.UNDECIDED


def test_an_ef_sod_that_is_none(country: Country) -> None:
    one = document(country)
    one.put(SOD, bytes.fromhex("77023000"))
    found = look(one, country)
    assert found.verdict is Verdict.UNDECIDED
    assert found.fields["DG13.full_name"] == cards.content(1).full_name


def test_files_that_cannot_be_read_contradict_nothing(country: Country) -> None:
    """EF.COM that is none; a DG14 that is none, and that a State signed so: its mistake, and no sign of a copy."""
    one = document(country)
    one.put(COM, bytes.fromhex("6003020100"))
    found = look(one, country)
    assert (found.verdict, outcomes(found)[CheckName.COM_AGREES]) == (Verdict.UNDECIDED, Outcome.FAILED)
    found = look(document(country, groups={14: bytes.fromhex("6E03020100")}), country)
    assert found.verdict is Verdict.UNDECIDED
    assert outcomes(found)[CheckName.CHIP_AUTHENTICATION] is Outcome.FAILED


def test_a_chip_without_access_control(country: Country) -> None:
    one = document(country, without=(14, 15))
    found = inspect(MemoryLink(PlainChip(one.files)), country.trust, access=Access())
    assert found.protocol is Protocol.NONE
    assert found.files == one.files
    assert found.verdict is Verdict.UNDECIDED
    assert all("no copy" in reason for reason in found.reasons)


def test_a_wrong_password_is_given_once(country: Country) -> None:
    one = document(country)
    failures = one.card.memory.access_failures
    found = look(one, country, access=Access(can=f"{(int(one.can) + 1) % 1_000_000:06d}"))
    assert found.verdict is Verdict.UNDECIDED
    assert found.protocol is None
    assert "does not accept the CAN" in found.reasons[0]
    assert one.card.memory.access_failures == failures + 1
    wrong = MrzInformation("000000000", one.mrz.birth_date, one.mrz.expiry_date)
    found = look(one, country, access=Access(mrz=wrong))
    assert found.verdict is Verdict.UNDECIDED
    assert one.card.memory.access_failures == failures + 2, "PACE, and no second try by basic access control"


def test_a_wrong_can_is_followed_by_nothing_and_the_report_says_so(country: Country) -> None:
    one = document(country)
    failures = one.card.memory.access_failures
    wrong = f"{(int(one.can) + 1) % 1_000_000:06d}"
    found = look(one, country, access=Access(can=wrong, mrz=one.mrz))
    assert (found.verdict, found.protocol) == (Verdict.UNDECIDED, None)
    assert "does not accept the CAN; the MRZ was not tried" in found.reasons[0]
    assert one.card.memory.access_failures == failures + 1
    found = look(one, country, access=Access(can=wrong))
    assert "MRZ" not in found.reasons[0]
    assert look(one, country, access=Access(can=one.can, mrz=one.mrz)).protocol is Protocol.PACE


def test_a_blank_chip_and_another_kind_of_card_are_called_so(country: Country) -> None:
    blank = VirtualCard.create(None, master_key=MASTER_KEY, wait=lambda _: None)
    one = document(country)

    def reason(card: VirtualCard, access: Access) -> str:
        found = inspect(MemoryLink(card), country.trust, access=access)
        assert (found.verdict, found.protocol) == (Verdict.UNDECIDED, None)
        return found.reasons[0]

    for access in (Access(can=one.can), Access(mrz=one.mrz), Access(can=one.can, mrz=one.mrz)):
        said = reason(blank, access)
        assert "the card is blank" in said
        assert "tried='EF.CardAccess, selecting the eMRTD application" in said
        other = QuirkyCard(one.card, lambda command, usual: status(0x6A82))
        said = reason(other, access)
        assert "no EF.CardAccess" in said
        assert "no eMRTD application on this card: it is blank or another kind of card" in said
        garbage = QuirkyCard(one.card, lambda command, usual: status(0x6F00))
        said = reason(garbage, access)
        assert "EF.CardAccess cannot be read" in said
        assert "selecting the eMRTD application" in said
        assert "MRZ" not in said
    only_basic = document(country, without=(14, 15))
    only_basic.remove(ACCESS)
    said = reason(only_basic.card, Access(can=one.can))
    assert "the card has no EF.CardAccess, so no PACE (needs='its MRZ, for BAC'" in said


def test_what_a_caller_hands_in_is_looked_at_before_the_first_command(country: Country) -> None:
    class Untouched(MemoryLink):
        def transmit(self, command: bytes) -> bytes:
            raise AssertionError("the card was touched")

    link, access = Untouched(document(country).card), Access(can="123456")
    right: dict[str, object] = {"access": access, "policy": VerificationPolicy.STRICT, "at": None, "more": ()}
    wrong: dict[str, tuple[object, ...]] = {
        "policy": ("strict", None), "access": ("123456", None), "more": (b"der", [b"der"], 5), "at": ("2026-11-01", 5),
        "trust": ((), None, [b"der"]),
    }  # fmt: skip
    for field, values in wrong.items():
        for value in values:
            given = {"trust": country.trust, **right, field: value}
            with pytest.raises(ParameterError) as refused:
                inspect(link, given.pop("trust"), **given)  # type: ignore[arg-type]
            assert refused.value.facts["field"] == field
    with pytest.raises(ParameterError) as refused:
        inspect(link, country.trust, access=access, at=dt.datetime(2026, 11, 1))
    assert refused.value.facts["field"] == "at"
    for field, value in (("can", 123456), ("can", b"123456"), ("mrz", "IDVNM"), ("terminal", "out/is")):
        with pytest.raises(ParameterError) as refused:
            Access(**{field: value})  # type: ignore[arg-type]
        assert refused.value.facts["field"] == field
        assert "123456" not in str(refused.value)
    for field in ("can", "mrz"):
        with pytest.raises(ParameterError) as refused:
            Access.typed(**{field: 123456})  # type: ignore[arg-type]
        assert refused.value.facts["field"] == field


def test_useless_trust_is_in_the_report(country: Country) -> None:
    one = document(country)
    trust = TrustStore([country.directory.document_signer_certificate])
    found = inspect(MemoryLink(one.card), trust, access=Access(can=one.can))
    assert found.verdict is Verdict.UNDECIDED
    assert [error.message for error in found.left_out] == ["the certificate's key may not sign certificates"]
    assert found.as_dict()["left_out"] == [error.as_dict() for error in found.left_out]


def test_tries_that_a_card_counts_are_told(country: Country) -> None:
    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        return status(0x63C2) if command.ins == 0x86 and command.cla == 0 else usual()

    found = look(document(country), country, quirk=quirk)
    assert "tries_left=2" in found.reasons[0]


def test_a_password_that_the_card_has_blocked(country: Country) -> None:
    found = look(document(country), country, quirk=lambda c, usual: status(0x6983) if c.ins == 0x22 else usual())
    assert "suspended the CAN" in found.reasons[0]


def test_a_card_changed_between_two_commands(country: Country) -> None:
    one, other = document(country), document(country, 2)

    def quirk(command: CommandApdu, usual: Usual) -> Answer:
        if selects(command, DG13) and not card.resets > 1:
            card.becomes(other.card)
            return Bare(0x6988)
        return usual()

    card = QuirkyCard(one.card, quirk)
    with pytest.raises(CardRemovedError, match="another card"):
        inspect(MemoryLink(card), country.trust, access=Access(can=one.can))


def test_a_card_pulled_and_a_reader_that_stalls_come_through(country: Country) -> None:
    class Failing(MemoryLink):
        def __init__(self, card: VirtualCard, error: TransportError) -> None:
            super().__init__(card)
            self.error, self.left = error, 20

        def transmit(self, command: bytes) -> bytes:
            self.left -= 1
            if not self.left:
                raise self.error
            return super().transmit(command)

    for error in (CardRemovedError("the card left"), TransportError("the reader does not answer")):
        one = document(country)
        with pytest.raises(type(error)) as caught:
            inspect(Failing(one.card, error), country.trust, access=Access(can=one.can))
        assert caught.value is error


def test_the_last_day_counts(country: Country) -> None:
    one = document(country)  # its DG13 says 2040-01-01
    assert look(one, country, at="2040-01-01").expired is False
    found = look(one, country, at="2040-01-02")
    assert (found.expired, found.verdict) == (True, Verdict.GENUINE)
    assert outcomes(found)[CheckName.IN_FORCE] is Outcome.FAILED


def test_two_files_that_tell_different_things_are_for_people_to_look_at(country: Country) -> None:
    other = dg13.build(dg13.of_content(cards.content(2)))
    found = look(document(country, groups={13: other}), country)
    assert found.verdict is Verdict.UNDECIDED
    assert "personal_number" in found.reasons[0]
    assert outcomes(found)[CheckName.FIELDS_AGREE] is Outcome.FAILED


@pytest.mark.parametrize("missing", [(1,), (2,), (1, 2)])
def test_what_every_document_has_must_be_signed(country: Country, missing: tuple[int, ...]) -> None:
    found = look(document(country, without=(*missing, *([13] if 1 in missing else []))), country)
    assert found.verdict is Verdict.UNDECIDED
    assert outcomes(found)[CheckName.MANDATORY_SIGNED] is Outcome.FAILED
    assert "does not sign what every document has" in found.reasons[0]
    assert outcomes(look(document(country), country))[CheckName.MANDATORY_SIGNED] is Outcome.HELD


def zone_of(number: int, **changes: str) -> bytes:
    return dg1.build(replace(for_card(cards.content(number)), **changes))


@pytest.mark.parametrize(
    ("primary", "secondary", "agree"),
    [
        ("NGUYEN", "VAN<HOA", True),
        ("NGUYEN<VAN", "HOA", True),  # where a name is parted is the issuer's choice
        ("NGUYEN", "VAN<BINH", False),
        ("NGUYEN", "VAN", False),
        ("TRAN", "VAN<HOA", False),
    ],
)
def test_one_name_in_both_files(country: Country, primary: str, secondary: str, agree: bool) -> None:
    content = replace(cards.content(1), full_name="Nguyễn Văn Hòa")
    groups = {1: zone_of(1, primary_identifier=primary, secondary_identifier=secondary)}
    groups[13] = dg13.build(dg13.of_content(content))
    found = look(document(country, groups=groups), country)
    assert outcomes(found)[CheckName.FIELDS_AGREE] is (Outcome.HELD if agree else Outcome.FAILED)
    assert found.verdict is (Verdict.GENUINE if agree else Verdict.UNDECIDED)


def test_a_name_that_the_zone_has_no_room_for(country: Country) -> None:
    content = replace(cards.content(1), full_name="Nguyễn Hoàng Phương Khánh Nguyên Trường Thượng")
    groups = {1: dg1.build(for_card(content)), 13: dg13.build(dg13.of_content(content))}
    found = look(document(country, groups=groups), country)
    assert outcomes(found)[CheckName.FIELDS_AGREE] is Outcome.HELD


@pytest.mark.parametrize("date", ["301399", "<<<<<<", "3905<<"])
def test_an_end_that_cannot_be_read_is_not_no_end(country: Country, date: str) -> None:
    text = "".join(for_card(cards.content(1)).lines)
    digit = mrz.check_digit(date)
    changed = tlv.encode(0x61, tlv.encode(0x5F1F, (text[:38] + date + digit + text[45:]).encode()))
    found = look(document(country, groups={1: changed}, without=(13,)), country)
    assert (found.expired, outcomes(found)[CheckName.IN_FORCE]) == (None, Outcome.UNTOLD)
    without_end = look(document(country, groups={1: zone_of(1, expiry_date="991231")}, without=(13,)), country)
    assert (without_end.expired, outcomes(without_end)[CheckName.IN_FORCE]) == (False, Outcome.HELD)


def test_each_file_is_read_once(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked of it; DG13 as the authority codes it."""
    codec = cards.Sealed()
    read: list[tuple[str, object]] = []

    def counted(module: Any, kind: str) -> None:
        parse = module.parse

        def parsed(data: bytes, **more: Any) -> Any:
            read.append((kind, more.get("codec")))
            return parse(data, **more)

        monkeypatch.setattr(module, "parse", parsed)

    one = document(country)
    counted(fields.dg1, "DG1")
    counted(fields.dg13, "DG13")
    found = inspect(MemoryLink(one.card), country.trust, access=Access(can=one.can), codec=codec)
    assert read == [("DG1", None), ("DG13", codec)]
    assert outcomes(found)[CheckName.FIELDS_AGREE] is Outcome.HELD


def test_where_a_document_says_when_it_ends(country: Country) -> None:
    one = document(country)
    assert expiry_date(decode(one.files)) == dt.date(2040, 1, 1)
    assert expiry_date(decode({DG1: one.files[DG1]})) == dt.date(2040, 1, 1)
    assert expiry_date(decode({})) is None
    assert expiry_date(decode({DG1: b"\x61\x00"})) is None
    assert expiry_date(decode({DG13: b"\x6d\x00", DG1: one.files[DG1]})) == dt.date(2040, 1, 1)


@pytest.mark.parametrize("can", ["", "12345", "1234567", "12345a", "１２３４５６", "12 456"])
def test_a_can_of_another_form_is_never_sent(can: str) -> None:
    with pytest.raises(ParameterError) as refused:
        Access(can=can)
    assert refused.value.facts["field"] == "can"
    assert not can or can not in str(refused.value)


def test_what_people_type() -> None:
    assert Access.typed(can=" 123 456\n").can == "123456"
    lines = "idvnm0990000017001099000001<<8\n9905016m3905014vnm<<<<<<<<<<<2\nnguyen<<van<a<<<<<<<<<<<<<<<<<\n"
    assert Access.typed(mrz=lines).mrz == MrzInformation("099000001", "990501", "390501")
    with pytest.raises(ParameterError, match="typed wrongly") as refused:
        Access.typed(mrz=lines.replace("3905014", "3905013"))
    assert refused.value.facts["field"] == "expiry_date"
    assert "NGUYEN" not in str(refused.value)


def test_a_policy_decides_and_the_report_has_every_rule(country: Country) -> None:
    one = document(country)
    found = look(one, country)
    assert found.passive is not None
    assert set(found.passive.rules) == set(Rule)
    assert found.passive.accepted
    insist = VerificationPolicy.STRICT.with_(fresh_list="refuse")
    late = dt.datetime(2039, 1, 1, tzinfo=dt.UTC)  # the list is long out of date, the signer's certificate is not
    access = Access(can=one.can)
    found = inspect(MemoryLink(one.card), country.trust, access=access, at=late)
    assert found.verdict is Verdict.GENUINE
    passive = found.check(CheckName.PASSIVE_AUTHENTICATION)
    assert passive is not None
    assert "fresh_list" in passive.detail
    found = inspect(MemoryLink(one.card), country.trust, access=access, at=late, policy=insist)
    assert found.verdict is Verdict.UNDECIDED
    assert "fresh_list" in found.reasons[0]


def test_a_signer_that_ef_sod_lacks_comes_from_elsewhere(country: Country) -> None:
    one = document(country)
    one.put(SOD, without_certificates(one.files[SOD]))
    assert look(one, country).verdict is Verdict.UNDECIDED
    signer = country.directory.document_signer_certificate
    found = inspect(MemoryLink(one.card), country.trust, access=Access(can=one.can), more=(signer,))
    assert (found.verdict, found.reasons) == (Verdict.GENUINE, ())


def test_what_counts_against_a_document_and_what_does_not() -> None:
    against = {rule for rule in Rule if shows_forgery(rule)}
    assert {Rule.SIGNATURE, Rule.DIGEST, Rule.REVOCATION, Rule.ISSUING_STATE, Rule.OTHER_ROLE} <= against
    open_ones = {Rule.ISSUER, Rule.DOCUMENT_SIGNER, Rule.HASH_STRENGTH, Rule.KEY_STRENGTH, Rule.FRESH_LIST}
    assert not against & (open_ones | {Rule.SIGNER_VALIDITY, Rule.ALGORITHM, Rule.SIGNING_TIME})


def test_a_zone_with_an_odd_field_opens_a_chip_all_the_same() -> None:
    lines = ["IDVNM0990000017001099000001<<8", "9905016M3905014VNM<<<<<<<<<<<2", "NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"]
    right = Access.typed(mrz="\n".join(lines)).mrz
    for line, place, sign in ((1, 29, "3"), (1, 7, "X"), (2, 3, "0"), (1, 16, "0")):
        odd = [*lines]
        odd[line] = odd[line][:place] + sign + odd[line][place + 1 :]
        assert Access.typed(mrz="\n".join(odd)).mrz == right
    for line, place in ((0, 14), (1, 6), (1, 14)):  # a digit over what the key is made of: typed wrongly
        wrong = [*lines]
        wrong[line] = wrong[line][:place] + "0" + wrong[line][place + 1 :]
        with pytest.raises(ParameterError, match="typed wrongly"):
            Access.typed(mrz="\n".join(wrong))


def test_a_signature_of_an_unknown_algorithm_shows_nothing_against_the_document(country: Country) -> None:
    one = document(country)
    before, after = (tlv.oid(f"1.2.840.10045.4.3.{last}") for last in (2, 9))
    head, _, tail = one.files[SOD].rpartition(before)  # of the signer, behind its certificate
    changed = {**one.files, SOD: head + after + tail}
    found = inspect(MemoryLink(PlainChip(changed)), country.trust, access=Access())
    assert found.verdict is Verdict.UNDECIDED
    assert outcomes(found)[CheckName.PASSIVE_AUTHENTICATION] is Outcome.UNTOLD
    assert any("not known here: 1.2.840.10045.4.3.9" in reason for reason in found.reasons)
    forged = {**changed, DG1: one.files[DG1][:-1] + b"0"}
    found = inspect(MemoryLink(PlainChip(forged)), country.trust, access=Access())
    assert found.verdict is Verdict.NOT_GENUINE
