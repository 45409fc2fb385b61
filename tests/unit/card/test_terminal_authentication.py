"""Terminal authentication, reader against software card: who may read DG3 and DG4, what the card learns, what it
refuses."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cccd_core.card import (
    CardConnection,
    ChipReader,
    CommandApdu,
    MemoryLink,
    ResponseApdu,
    profile,
    terminal_authentication,
)
from cccd_core.card.profile import TerminalTrust
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd import security_infos
from cccd_core.emrtd.cv import CvCertificate, Reference, Right, Role
from cccd_core.emrtd.cv.trust_points import encode_trust_points, parse_trust_points
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import (
    AuthenticationError,
    CardError,
    CertificateError,
    DamagedError,
    FormatError,
    UnavailableError,
)
from cccd_core.pki.cv import CvKey, link, make_request
from cccd_core.signing.chip_keys import ChipKeys
from cccd_core.signing.cv import Terminal
from reference import cv_naive as naive
from support.chip import CAN, MRZ, blank, image, open_channel, personalised, write
from support.quirky import Bare, QuirkyCard, reader_of, selects
from support.terminals import ALL, TODAY, Hierarchy, days, pair

SELECT_DG3 = CommandApdu(0, 0xA4, 0x02, 0x0C, b"\x01\x03")


@pytest.fixture(scope="module")
def country() -> Hierarchy:
    return Hierarchy()


def made(country: Hierarchy, path: Path | None = None, today: dt.date = TODAY, root: CvCertificate | None = None
         ) -> tuple[VirtualCard, dict[ElementaryFile, bytes]]:  # fmt: skip
    """A finished card that trusts the country."""
    certificate = root or country.root()
    return personalised(path, portrait_bytes=400, trust=TerminalTrust(certificate.encoded, today))


def proved(card: VirtualCard, files: dict[ElementaryFile, bytes], access: str = "can") -> ChipReader:
    """A reader in the channel of chip authentication."""
    reader = ChipReader(CardConnection(MemoryLink(card)))
    reader.connection.reset()
    if access == "can":
        reader.open_pace(CAN)
    elif access == "mrz":
        reader.open_pace_mrz(MRZ)
    else:
        reader.open_bac(MRZ)
    reader.chip_authentication(files[ElementaryFile.DG14])
    return reader


def shut(reader: ChipReader, file: ElementaryFile) -> bool:
    """Whether the card keeps a file shut, by SELECT, by short identifier and by identifier in an odd READ BINARY."""
    commands = (
        CommandApdu(0, 0xA4, 0x02, 0x0C, file.fid.to_bytes(2, "big")),
        CommandApdu(0, 0xB0, 0x80 | file.sfi, 0, ne=4),
        CommandApdu(0, 0xB1, file.fid >> 8, file.fid & 0xFF, b"\x54\x01\x00", 20),
        CommandApdu(0, 0xB1, 0, file.sfi, b"\x54\x01\x00", 20),
    )
    answers = {reader.connection.send(command).sw for command in commands}
    assert answers in ({0x6982}, {0x9000}), answers
    return answers == {0x6982}


def prove(reader: ChipReader, files: dict[ElementaryFile, bytes], terminal: Terminal) -> Right:
    return reader.terminal_authentication(files[ElementaryFile.DG14], terminal)


@pytest.mark.parametrize("access", ["can", "mrz", "bac"])
def test_the_protected_groups_open_to_a_terminal_alone(country: Hierarchy, access: str) -> None:
    card, files = made(country)
    reader = proved(card, files, access)
    assert shut(reader, ElementaryFile.DG3)
    assert shut(reader, ElementaryFile.DG4)
    assert reader.read(ElementaryFile.DG2) == files[ElementaryFile.DG2]
    assert prove(reader, files, country.terminal()) == ALL
    for file in (ElementaryFile.DG3, ElementaryFile.DG4, ElementaryFile.DG2):
        assert reader.read(file) == files[file]
    # the right ends with the channel: by a new chip authentication, by a reset, by a command in the clear
    reader.chip_authentication(files[ElementaryFile.DG14])
    assert shut(reader, ElementaryFile.DG3)
    assert prove(reader, files, country.terminal()) == ALL
    assert not shut(reader, ElementaryFile.DG3)
    reader.connection.drop_processors()
    assert reader.connection.send(SELECT_DG3).sw == 0x6982
    assert shut(proved(card, files, access), ElementaryFile.DG3)


def test_neither_can_nor_mrz_alone_opens_them(country: Hierarchy) -> None:
    card, files = made(country)
    for open_ in (lambda r: r.open_pace(CAN), lambda r: r.open_bac(MRZ)):
        reader = ChipReader(CardConnection(MemoryLink(card)))
        reader.connection.reset()
        open_(reader)
        assert shut(reader, ElementaryFile.DG3)
        with pytest.raises(UnavailableError, match="chip authentication"):
            prove(reader, files, country.terminal())
        # nor does the card do any step of it before chip authentication
        for command in (
            CommandApdu(0, 0x22, 0x81, 0xB6, encode(0x83, country.cvca.reference.encoded)),
            CommandApdu(0, 0x2A, 0x00, 0xBE, country.verifier().for_verification),
            CommandApdu(0, 0x22, 0x81, 0xA4, encode(0x83, country.system.reference.encoded)),
            CommandApdu(0, 0x84, 0, 0, ne=8),
            CommandApdu(0, 0x82, 0, 0, bytes(64)),
        ):
            assert reader.connection.send(command).sw == 0x6985
    reader = ChipReader(CardConnection(MemoryLink(card)))
    reader.connection.reset()
    reader.open_plain()
    assert reader.connection.send(CommandApdu(0, 0x22, 0x81, 0xB6, encode(0x83, b"x"))).sw == 0x6982


@pytest.mark.parametrize("root", [Right.READ_DG3, ALL])
@pytest.mark.parametrize("verifier", [Right(0), Right.READ_DG4, ALL])
@pytest.mark.parametrize("system", [Right.READ_DG3, ALL])
def test_rights_are_the_and_along_the_chain(country: Hierarchy, root: Right, verifier: Right, system: Right) -> None:
    card, files = made(country, root=country.root(root))
    reader = proved(card, files)
    terminal = Terminal(
        country.inspector(system), (country.verifier(verifier),), (country.root(root),), country.system.signer
    )
    rights = prove(reader, files, terminal)
    assert rights == root & verifier & system
    assert shut(reader, ElementaryFile.DG3) == (Right.READ_DG3 not in rights)
    assert shut(reader, ElementaryFile.DG4) == (Right.READ_DG4 not in rights)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.BrainpoolP384R1(), ec.SECP521R1()], ids=lambda c: c.name)
def test_other_curves(curve: ec.EllipticCurve) -> None:
    keys = [ec.generate_private_key(curve) for _ in range(3)]
    names = ("VNTESTCVCA00001", "VNTESTDV00001", "VNTESTIS00001")
    country = Hierarchy(*(pair(name, key) for name, key in zip(names, keys, strict=True)))
    card, files = made(country)
    reader = proved(card, files)
    assert prove(reader, files, country.terminal()) == ALL
    assert reader.read(ElementaryFile.DG3) == files[ElementaryFile.DG3]


def test_rsa_through_chained_commands() -> None:
    key = rsa.generate_private_key(65537, 3072)
    country = Hierarchy(*(pair(f"VNRSA{name}00001", key) for name in ("CVCA", "DV", "IS")))
    card, files = made(country)
    reader = proved(card, files)
    assert prove(reader, files, country.terminal()) == ALL
    assert reader.read(ElementaryFile.DG3) == files[ElementaryFile.DG3]


def test_a_channel_that_breaks_is_opened_anew_with_its_rights(country: Hierarchy) -> None:
    card, files = made(country)
    broken: list[bool] = []

    def quirk(command: CommandApdu, usual: Callable[[], ResponseApdu]) -> ResponseApdu | Bare:
        if selects(command, ElementaryFile.DG3) and not broken:
            broken.append(True)
            return Bare(0x6988)
        return usual()

    quirky = QuirkyCard(card, quirk)
    reader = reader_of(quirky)
    reader.open_pace(CAN)
    reader.chip_authentication(files[ElementaryFile.DG14])
    reader.terminal_authentication(files[ElementaryFile.DG14], country.terminal())
    assert reader.read(ElementaryFile.DG3) == files[ElementaryFile.DG3]
    assert broken == [True]
    assert quirky.resets == 2


# ---- step by step: what the card refuses


def dst(reader: ChipReader, reference: Reference) -> int:
    return reader.connection.send(CommandApdu(0, 0x22, 0x81, 0xB6, encode(0x83, reference.encoded))).sw


def give(reader: ChipReader, certificate: CvCertificate) -> int:
    """MSE:Set DST and PSO:Verify Certificate; the first status word that is not 9000."""
    chosen = dst(reader, certificate.body.authority)
    if chosen != 0x9000:
        return chosen
    return reader.connection.send(CommandApdu(0, 0x2A, 0x00, 0xBE, certificate.for_verification)).sw


def choose(reader: ChipReader, reference: Reference) -> int:
    return reader.connection.send(CommandApdu(0, 0x22, 0x81, 0xA4, encode(0x83, reference.encoded))).sw


def challenge(reader: ChipReader) -> bytes:
    return reader.connection.require(CommandApdu(0, 0x84, 0, 0, ne=8), "asking")


def chip_id(reader: ChipReader) -> bytes:
    """What the chip goes by in this session."""
    return b"1234567897" if reader.pace is None else reader.pace.chip_key


def reader_key(reader: ChipReader) -> bytes:
    """Our compressed ephemeral key of chip authentication."""
    assert reader.chip is not None
    return reader.chip.reader_key


def answer(
    reader: ChipReader, country: Hierarchy, nonce: bytes, chip: bytes | None = None, key: bytes | None = None
) -> int:
    signed = (chip or chip_id(reader)) + nonce + (key or reader_key(reader))
    return reader.connection.send(CommandApdu(0, 0x82, 0, 0, country.system.sign(signed))).sw


def ready(country: Hierarchy, card: VirtualCard, files: dict[ElementaryFile, bytes]) -> ChipReader:
    """A reader whose certificates the card has taken."""
    reader = proved(card, files)
    assert give(reader, country.verifier()) == 0x9000
    assert give(reader, country.inspector()) == 0x9000
    assert choose(reader, country.system.reference) == 0x9000
    return reader


def test_a_challenge_serves_once(country: Hierarchy) -> None:
    card, files = made(country)
    reader = ready(country, card, files)
    assert answer(reader, country, bytes(8)) == 0x6985  # none was asked for
    nonce = challenge(reader)
    assert answer(reader, country, bytes(8)) == 0x6300
    assert answer(reader, country, nonce) == 0x6985  # it was used up by the wrong answer
    assert shut(reader, ElementaryFile.DG3)
    nonce = challenge(reader)
    assert challenge(reader) != nonce
    assert answer(reader, country, nonce) == 0x6300
    nonce = challenge(reader)
    assert answer(reader, country, nonce) == 0x9000
    assert answer(reader, country, nonce) == 0x6985
    assert not shut(reader, ElementaryFile.DG3)


def test_a_signature_is_bound_to_chip_and_channel(country: Hierarchy) -> None:
    card, files = made(country)
    reader = ready(country, card, files)
    assert answer(reader, country, challenge(reader), chip=bytes(32)) == 0x6300
    assert answer(reader, country, challenge(reader), key=bytes(32)) == 0x6300
    other = Hierarchy(country.cvca, country.dv)
    assert answer(reader, other, challenge(reader)) == 0x6300
    assert shut(reader, ElementaryFile.DG3)
    assert answer(reader, country, challenge(reader)) == 0x9000
    # a new chip authentication forgets certificates, choice and challenge
    nonce = challenge(reader)
    reader.chip_authentication(files[ElementaryFile.DG14])
    assert answer(reader, country, nonce) == 0x6985
    assert choose(reader, country.system.reference) == 0x6A88
    assert dst(reader, country.dv.reference) == 0x6A88


def test_what_is_signed_is_the_standards(country: Hierarchy) -> None:
    """ID_PICC || r_PICC || Comp(PK_PCD), signed by the slow truth's own ECDSA."""
    secret = 0x1D8F2A
    key = ec.derive_private_key(secret, ec.BrainpoolP256R1())
    own = dataclasses.replace(country, system=pair("VNTESTIS00001", key))
    card, files = made(country)
    for access, number in (("bac", b"1234567897"), ("can", None)):
        reader = proved(card, files, access)
        assert give(reader, own.verifier()) == give(reader, own.inspector()) == 0x9000
        assert choose(reader, own.system.reference) == 0x9000
        assert len(reader_key(reader)) == 32
        signed = (number or chip_id(reader)) + challenge(reader) + reader_key(reader)
        signature = naive.ecdsa_sign("brainpoolP256r1", "sha256", secret, 0xABCDEF123, signed)
        assert reader.connection.send(CommandApdu(0, 0x82, 0, 0, signature)).sw == 0x9000
        assert not shut(reader, ElementaryFile.DG3)


def test_chains_that_are_refused(country: Hierarchy) -> None:
    card, files = made(country)
    stranger = Hierarchy()
    reader = proved(card, files)
    assert dst(reader, Reference.of("VNOTHERCVC00001")) == 0x6A88
    assert dst(reader, country.dv.reference) == 0x6A88  # not yet imported
    assert give(reader, stranger.verifier()) == 0x6300  # the same names, another key
    assert give(reader, country.inspector(by=country.cvca)) == 0x6300  # a terminal right under the CVCA
    assert give(reader, country.inspector()) == 0x6A88  # its document verifier was not given
    verifier = country.verifier()
    tampered = dataclasses.replace(verifier, signature=verifier.signature[:-1] + bytes((verifier.signature[-1] ^ 1,)))
    assert give(reader, tampered) == 0x6300
    assert reader.connection.send(CommandApdu(0, 0x2A, 0x00, 0xBE, verifier.for_verification)).sw == 0x6985
    assert dst(reader, country.cvca.reference) == 0x9000
    assert reader.connection.send(CommandApdu(0, 0x2A, 0x00, 0xBE, b"\x7f\x4e\x00")).sw == 0x6A80
    assert dst(reader, country.cvca.reference) == 0x9000
    assert reader.connection.send(CommandApdu(0, 0x2A, 0x00, 0xAE, verifier.for_verification)).sw == 0x6A86
    assert give(reader, verifier) == 0x9000
    assert give(reader, stranger.inspector()) == 0x6300
    assert choose(reader, country.system.reference) == 0x6A88  # no terminal was imported
    assert choose(reader, country.dv.reference) == 0x6A88  # a document verifier does not read
    assert give(reader, dataclasses.replace(country, system=pair("VNTESTDV00002")).inspector(role=Role.DV_DOMESTIC)
                ) == 0x6300  # fmt: skip
    assert answer(reader, country, challenge(reader)) == 0x6985  # nobody was chosen
    assert shut(reader, ElementaryFile.DG3)
    with pytest.raises(AuthenticationError, match="refuses a certificate") as refused:
        prove(reader, files, stranger.terminal())
    assert refused.value.facts == {"sw": "6300", "holder": "VNTESTDV00001"}


# ---- the day


def test_expired_certificates(country: Hierarchy) -> None:
    card, files = made(country)
    reader = proved(card, files)
    assert give(reader, country.verifier(expiration=-1)) == 0x6300
    assert give(reader, country.verifier(expiration=0)) == 0x9000  # its last day
    assert give(reader, country.inspector(expiration=-1)) == 0x6300
    assert give(reader, country.inspector(expiration=0)) == 0x9000


def test_the_day_moves_on_and_never_back(country: Hierarchy) -> None:
    card, files = made(country)
    reader = proved(card, files)

    def today() -> dt.date:
        assert card.memory.trust is not None
        return card.memory.trust.today

    assert today() == TODAY
    assert give(reader, country.verifier(effective=-10)) == 0x9000
    assert today() == TODAY
    assert give(reader, country.verifier(effective=3)) == 0x9000
    assert today() == days(3)
    assert give(reader, country.verifier(effective=2)) == 0x9000
    assert today() == days(3)
    assert give(reader, country.inspector(effective=7)) == 0x9000  # an official domestic verifier vouches for it
    assert today() == days(7)
    assert give(reader, country.verifier(effective=5, role=Role.DV_FOREIGN)) == 0x9000
    assert give(reader, country.inspector(effective=9)) == 0x9000  # a foreign one does not
    assert today() == days(7)
    assert give(reader, country.verifier(effective=-10, expiration=6)) == 0x6300  # was good when the card was made
    assert today() == days(7)
    tampered = country.verifier(effective=30)
    assert give(reader, dataclasses.replace(tampered, signature=tampered.signature[::-1])) == 0x6300
    assert today() == days(7)


def test_an_expired_trust_point_only_hands_on(country: Hierarchy) -> None:
    newer = pair("VNTESTCVCA00002")
    card, files = made(country, root=country.root(expiration=-1))
    reader = proved(card, files)
    assert give(reader, country.verifier()) == 0x6300
    assert give(reader, country.linked(newer)) == 0x9000
    assert dst(reader, newer.reference) == 0x9000
    assert give(reader, country.verifier(by=newer)) == 0x9000


def trusted(card: VirtualCard) -> list[str]:
    assert card.memory.trust is not None
    return [str(point.holder) for point in card.memory.trust.points]


def test_links_carry_the_trust_on(country: Hierarchy, tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    card, files = made(country, path)
    second, third = pair("VNTESTCVCA00002"), pair("VNTESTCVCA00003")
    to_second = country.linked(second, effective=4)
    to_third = link(second, third, rights=ALL, effective=days(5), expiration=days(900))
    with card:
        reader = proved(card, files)
        assert trusted(card) == ["VNTESTCVCA00001"]
        assert give(reader, country.linked(second, effective=-300, expiration=-200)) == 0x9000  # expired, still a link
        assert trusted(card) == ["VNTESTCVCA00002", "VNTESTCVCA00001"]
    with VirtualCard.open(path) as card:
        reader = proved(card, files)
        assert trusted(card) == ["VNTESTCVCA00002", "VNTESTCVCA00001"]
        assert give(reader, to_second) == 0x9000  # known already: only the day moves
        assert trusted(card) == ["VNTESTCVCA00002", "VNTESTCVCA00001"]
        assert card.memory.trust is not None
        assert card.memory.trust.today == days(4)
        content = reader.connection.send(CommandApdu(0, 0xB0, 0x9C, 0, ne=256)).data
        expected = b"\x42\x0fVNTESTCVCA00002\x42\x0fVNTESTCVCA00001\0\0"
        assert content == expected == encode_trust_points([second.reference, country.cvca.reference])
        # a verifier of the older key is still taken, since that key has not expired
        assert give(reader, country.verifier()) == 0x9000
        assert give(reader, to_third) == 0x9000
        assert trusted(card) == ["VNTESTCVCA00003", "VNTESTCVCA00002"]
        assert give(reader, country.verifier()) == 0x6A88
    with VirtualCard.open(path) as card:
        reader = proved(card, files)
        terminal = Terminal(
            country.inspector(), (country.verifier(by=third), to_second, to_third), (country.root(),),
            country.system.signer,
        )  # fmt: skip
        assert prove(reader, files, terminal) == ALL
        assert reader.read(ElementaryFile.DG3) == files[ElementaryFile.DG3]


def test_a_terminal_brings_the_links_that_a_card_needs(country: Hierarchy) -> None:
    second, third = pair("VNTESTCVCA00002"), pair("VNTESTCVCA00003")
    links = (country.linked(second), link(second, third, rights=ALL, effective=days(0), expiration=days(900)))
    card, files = made(country)
    terminal = Terminal(
        country.inspector(), (country.verifier(by=third), *links), (country.root(),), country.system.signer
    )
    reader = proved(card, files)
    assert prove(reader, files, terminal) == ALL
    assert trusted(card) == ["VNTESTCVCA00003", "VNTESTCVCA00002"]
    with pytest.raises(CertificateError, match="no chain"):
        prove(reader, files, country.terminal())  # the card has forgotten the first key


def test_what_was_learnt_survives_a_tear(country: Hierarchy, tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    card, files = made(country, path)
    with card:
        before = path.stat().st_size
        reader = proved(card, files)
        assert give(reader, country.verifier(effective=3)) == 0x9000
    whole = path.read_bytes()
    kept = set()
    for end in range(before, len(whole) + 1, 7):
        path.write_bytes(whole[:end])
        with VirtualCard.open(path) as again:
            assert again.memory.trust is not None
            kept.add(again.memory.trust.today)
            assert trusted(again) == ["VNTESTCVCA00001"]
    path.write_bytes(whole)
    with VirtualCard.open(path) as again:
        assert again.memory.trust is not None
        kept.add(again.memory.trust.today)
    assert kept == {TODAY, days(3)}
    path.write_bytes(whole[:before] + whole[before + 20 :])
    with pytest.raises(DamagedError):
        VirtualCard.open(path)


# ---- personalisation


def test_fingers_need_somebody_who_may_read_them(country: Hierarchy) -> None:
    keys = ChipKeys.generate()
    files = image(keys, portrait_bytes=300, protected=True)
    card = blank()
    connection, session = open_channel(card)
    write(connection, session, files, keys)
    with pytest.raises(CardError, match="6985"):
        profile.finish(connection)
    trust = TerminalTrust(country.root().encoded, TODAY)
    profile.put_secrets(connection, session, can=CAN, mrz_information=MRZ, trust=trust)  # no chip authentication
    with pytest.raises(CardError, match="6985"):
        profile.finish(connection)
    write(connection, session, files, keys, trust)
    profile.finish(connection)
    write(connection, session, files, keys)  # a second call replaces all of them
    assert card.memory.trust is None


def test_trust_points_that_are_refused(country: Hierarchy) -> None:
    keys = ChipKeys.generate()
    card = blank()
    connection, session = open_channel(card)
    newer: CvKey = pair("VNTESTCVCA00002")
    root = country.root()
    forged = dataclasses.replace(root, signature=root.signature[::-1]).encoded
    for wrong in (b"x", country.verifier().encoded, country.linked(newer).encoded, forged,
                  make_request(newer).encoded, root.encoded + b"\0"):  # fmt: skip
        with pytest.raises(CardError, match="6A80"):
            write(connection, session, {}, keys, TerminalTrust(wrong, TODAY))
    assert card.memory.trust is None
    assert not card.memory.secrets


def test_ef_cvca_is_the_cards_own(country: Hierarchy) -> None:
    card = blank()
    connection, session = open_channel(card)
    keys = ChipKeys.generate()
    write(connection, session, image(keys, portrait_bytes=300), keys, TerminalTrust(country.root().encoded, TODAY))
    control = encode(0x62, encode(0x80, b"\0\x24") + encode(0x82, b"\x01") + encode(0x83, b"\x01\x1c"))
    assert connection.send(CommandApdu(0, 0xE0, 0, 0, control)).sw == 0x6A89
    assert connection.send(CommandApdu(0, 0xA4, 0x02, 0x0C, b"\x01\x1c")).ok
    assert connection.send(CommandApdu(0, 0xD6, 0, 0, b"x")).sw == 0x6981


def test_a_chip_without_terminal_authentication(country: Hierarchy) -> None:
    card, files = personalised(portrait_bytes=300)
    reader = proved(card, files)
    with pytest.raises(UnavailableError, match="names no trust points"):
        prove(reader, files, country.terminal())
    bare = security_infos.SecurityInfos(pace=(security_infos.PaceInfo(),))
    with pytest.raises(UnavailableError, match="does no terminal authentication"):
        terminal_authentication.trust_points(reader.connection, bare)
    assert dst(reader, country.cvca.reference) == 0x6A88


@pytest.mark.parametrize("wrong", [b"", bytes(36), b"\x42\x02VN", b"\x42\x0fVNTESTCVCA00001\x43\0", b"\x42\x0fVNTEST",
                                   b"\x42\x0fVNTESTCVCA00001" * 3])  # fmt: skip
def test_ef_cvca_of_no_possible_form(wrong: bytes) -> None:
    with pytest.raises(FormatError):
        parse_trust_points(wrong)


def test_ef_cvca() -> None:
    names = (Reference.of("VNTESTCVCA00001"), Reference.of("VNA00002"))
    for count in (1, 2):
        content = encode_trust_points(names[:count])
        assert len(content) == 36
        assert parse_trust_points(content) == names[:count]
        assert parse_trust_points(content.rstrip(b"\0")) == names[:count]
