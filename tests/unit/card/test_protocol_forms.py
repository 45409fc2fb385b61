"""Forms, parameters and orders that PACE, chip and active authentication leave to the chip."""

from __future__ import annotations

import hashlib
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cccd_core.card import (
    CardConnection,
    ChipReader,
    CommandApdu,
    MemoryLink,
    ResponseApdu,
    active_authentication,
    chip_authentication,
    ec,
    pace,
    pace_suites,
    stored_keys,
)
from cccd_core.card.pace_suites import Mapping, Password, Suite
from cccd_core.card.virtual import VirtualCard, access
from cccd_core.card.virtual import card as virtual_card
from cccd_core.card.virtual.session import CardSession, Refusal
from cccd_core.emrtd import curves, domain_parameters, security_infos, tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.emrtd.security_infos import (
    ActiveAuthenticationInfo,
    ChipAuthenticationInfo,
    PaceDomainParameterInfo,
    PaceInfo,
    SecurityInfos,
)
from cccd_core.errors import AuthenticationError, CardError, FormatError, ParameterError, UnavailableError
from support.chip import CAN, MRZ, ScriptedLink
from support.protocols import DG1, ChangingLink, ca_info, card, pace_info, public_info, reader, stored

BRAINPOOL = tlv.sequence(tlv.oid("0.4.0.127.0.7.1.2"), tlv.integer(13))
GM = "0.4.0.127.0.7.2.2.4.2"


def _access(hexadecimal: str) -> SecurityInfos:
    return security_infos.parse(bytes.fromhex(hexadecimal))


def _opens(infos: SecurityInfos, **options: object) -> ChipReader:
    chip = reader(card(infos, **options))  # type: ignore[arg-type]
    chip.open_pace(CAN)
    assert chip.read(ElementaryFile.DG1) == DG1
    return chip


# ---- PACE: what is chosen


def test_brainpool_of_320_bits() -> None:
    chip = _opens(_access("31143012060A04007F0007020204020402010202010E"))
    assert chip.pace is not None
    assert chip.pace.suite.group.name == "brainpoolP320r1"
    assert chip.pace.suite.key_bits == 256


def test_the_strongest_first() -> None:
    """By cipher, then mapping, then group: whatever the order in the file."""
    infos = _access("31283012060A04007F0007020204020102010202010C3012060A04007F00070202040204020102020110")
    assert pace_suites.choose(infos).name == "generic mapping, brainpoolP384r1, AES-256"
    ways = [
        pace_info(6, 4, 13), pace_info(2, 4, 17), pace_info(2, 4, 13), pace_info(4, 4, 18), pace_info(1, 4, 1),
        pace_info(1, 4, 0), pace_info(6, 3, 18), pace_info(2, 2, 18), pace_info(2, 1, 18),
    ]  # fmt: skip
    expected = [
        (256, Mapping.CHIP_AUTHENTICATION, 13), (256, Mapping.GENERIC, 17), (256, Mapping.GENERIC, 13),
        (256, Mapping.GENERIC, 1), (256, Mapping.GENERIC, 0), (256, Mapping.INTEGRATED, 18),
        (192, Mapping.CHIP_AUTHENTICATION, 18), (128, Mapping.GENERIC, 18), (112, Mapping.GENERIC, 18),
    ]  # fmt: skip
    for order in (ways, ways[::-1], sorted(ways, key=repr)):
        found = pace_suites.suites(SecurityInfos(pace=tuple(order)))
        assert [(s.key_bits, s.mapping, s.group.parameter_id) for s in found] == expected
    _opens(infos)


def test_a_parameter_given_by_domain_parameters() -> None:
    infos = _access("312C300F060A04007F000702020402020201023019060904007F000702020402300C060704007F0007010202010D")
    assert _opens(infos).pace is not None
    curve = curves.by_name("brainpoolP256r1")
    explicit = tlv.sequence(tlv.oid("1.2.840.10045.2.1"), curve.explicit_parameters())
    named = tlv.sequence(tlv.oid("1.2.840.10045.2.1"), tlv.oid(curve.oid))
    for parameter_id, algorithm, number in (
        (None, explicit, None), (None, named, None), (None, BRAINPOOL, 5), (32, explicit, 32), (64, named, None),
        (1000, BRAINPOOL, 1000),
    ):  # fmt: skip
        given = SecurityInfos(
            pace=(PaceInfo(f"{GM}.2", 2, parameter_id),),
            pace_domain_parameters=(PaceDomainParameterInfo(GM, algorithm, number),),
        )
        chip = _opens(given)
        assert chip.pace is not None
        assert chip.pace.suite.group.name == curve.name
    two = (
        PaceDomainParameterInfo(GM, tlv.sequence(tlv.oid("0.4.0.127.0.7.1.2"), tlv.integer(12)), 40),
        PaceDomainParameterInfo(GM, explicit, 41),
    )
    both = SecurityInfos(pace=(PaceInfo(f"{GM}.2", 2, 40), PaceInfo(f"{GM}.4", 2, 41)), pace_domain_parameters=two)
    assert [s.group.name for s in pace_suites.suites(both)] == [curve.name, "secp256r1"]
    _opens(both)


@pytest.mark.parametrize(
    "parameters",
    [
        (),
        (PaceDomainParameterInfo("0.4.0.127.0.7.2.2.4.4", BRAINPOOL),),  # of another mapping
        (PaceDomainParameterInfo(GM, tlv.sequence(tlv.oid("0.4.0.127.0.7.1.2"), tlv.integer(1))),),  # no curve
        (PaceDomainParameterInfo(GM, tlv.sequence(tlv.oid("1.2.840.10045.2.1"), tlv.oid("1.3.132.0.10"))),),
        (PaceDomainParameterInfo(GM, BRAINPOOL, 1), PaceDomainParameterInfo(GM, tlv.sequence(tlv.oid("1.2")), 2)),
    ],
)
def test_domain_parameters_that_do_not_help(parameters: tuple[PaceDomainParameterInfo, ...]) -> None:
    infos = SecurityInfos(pace=(PaceInfo(f"{GM}.2", 2, None),), pace_domain_parameters=parameters)
    assert pace_suites.suites(infos) == ()


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (pace_info(2, 2, 3), "parameter 3"),
        (pace_info(2, 2, 19), "parameter 19"),
        (pace_info(2, 2, 1), "parameter 1"),  # a field's number in a curve's protocol
        (pace_info(1, 2, 13), "parameter 13"),
        (pace_info(4, 2, 10), "parameter 10"),  # P-224 has no integrated mapping
        (pace_info(6, 1, 13), "0.4.0.127.0.7.2.2.4.6.1"),  # chip-authentication mapping is with AES
        (pace_info(5, 2, 13), "0.4.0.127.0.7.2.2.4.5.2"),
        (pace_info(2, 5, 13), "0.4.0.127.0.7.2.2.4.2.5"),
        (PaceInfo(f"{GM}.2", 1, 13), "version 1"),
        (PaceInfo(f"{GM}.2", 2, None), "domain parameters not numbered"),
        (PaceInfo("1.2.3", 2, 13), "1.2.3"),
    ],
)
def test_what_is_not_supported_is_named(info: PaceInfo, said: str) -> None:
    with pytest.raises(UnavailableError) as refused:
        pace_suites.choose(SecurityInfos(pace=(info,)))
    assert said in str(refused.value.facts["offered"])
    assert "320" not in str(refused.value)
    # beside one that is supported it does no harm
    assert pace_suites.choose(SecurityInfos(pace=(info, pace_info(2, 2, 13)))).group.parameter_id == 13
    with pytest.raises(UnavailableError, match="no PACE"):
        pace_suites.choose(SecurityInfos())


# ---- PACE: passwords


@pytest.mark.parametrize("can", ["12345", "1234567", "", "12345a", "１２３４５６", "123 56"])
def test_what_is_no_card_access_number_is_never_sent(can: str) -> None:
    link = ScriptedLink(lambda _: b"\x90\x00")
    with pytest.raises(ParameterError, match="six digits") as refused:
        ChipReader(CardConnection(link)).open_pace(can)
    assert link.commands == []
    assert not can or can not in str(refused.value)
    suite = pace_suites.choose(SecurityInfos(pace=(PaceInfo(),)))
    with pytest.raises(ParameterError):
        pace.open_channel(CardConnection(link), suite, Password.CAN, can)
    assert link.commands == []


@pytest.mark.parametrize(
    ("kind", "text"), [(Password.PIN, "123"), (Password.PIN, "12345x"), (Password.PUK, "1" * 17), (Password.MRZ, CAN)]
)
def test_other_passwords_that_cannot_be(kind: Password, text: str) -> None:
    link = ScriptedLink(lambda _: b"\x90\x00")
    with pytest.raises(ParameterError):
        ChipReader(CardConnection(link)).open_pace_password(kind, text)
    assert link.commands == []


def test_a_password_that_the_card_does_not_have_is_named() -> None:
    chip = reader(card(SecurityInfos(pace=(PaceInfo(),))))
    with pytest.raises(CardError, match="PIN, which it may not have") as refused:
        chip.open_pace_password(Password.PIN, CAN)
    assert refused.value.facts["sw"] == "6A88"


@pytest.mark.parametrize(
    ("sw", "kind", "message", "left"),
    [
        ("63C0", Password.PIN, "suspended the PIN", 0),
        ("63C1", Password.PIN, "its CAN comes first", 1),
        ("6983", Password.PUK, "suspended the PUK", None),
        ("6984", Password.CAN, "suspended the CAN", None),
        ("63C0", Password.CAN, "suspended the CAN", 0),
    ],
)
def test_a_suspended_password_is_not_tried(sw: str, kind: Password, message: str, left: int | None) -> None:
    link = ScriptedLink(lambda _: bytes.fromhex(sw))
    suite = pace_suites.choose(SecurityInfos(pace=(PaceInfo(),)))
    with pytest.raises(AuthenticationError, match=message) as refused:
        pace.open_channel(CardConnection(link), suite, kind, "123456")
    assert refused.value.facts.get("tries_left") == left
    assert len(link.commands) == 1


# ---- PACE: nonce and commands


@pytest.mark.parametrize("size", [16, 32, 48, 64, 128])
@pytest.mark.parametrize("cipher", [1, 2, 3, 4])
def test_nonces_of_any_whole_number_of_blocks(size: int, cipher: int, monkeypatch: pytest.MonkeyPatch) -> None:
    infos = SecurityInfos(pace=(pace_info(2, cipher, 13),))
    if cipher == 1 and size > 64:
        size = 56  # seven blocks of eight
    monkeypatch.setattr(Suite, "nonce_bytes", property(lambda _: size))
    _opens(infos)


@pytest.mark.parametrize("encrypted", [b"", bytes(8), bytes(15), bytes(17), bytes(144), bytes(5000)])
def test_nonces_that_are_none(encrypted: bytes) -> None:
    def answer(_: int, raw: bytes) -> bytes:
        return tlv.encode(0x7C, tlv.encode(0x80, encrypted)) + b"\x90\x00" if raw[:3] == b"\x7c\x12\x80" else raw

    link = ChangingLink(card(SecurityInfos(pace=(PaceInfo(),))), answer=answer)
    with pytest.raises(CardError, match="whole blocks"):
        ChipReader(CardConnection(link)).open_pace(CAN)


def test_a_nonce_too_short_for_integrated_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Suite, "nonce_bytes", property(lambda _: 16))
    with pytest.raises(CardError, match="too short"):
        reader(card(SecurityInfos(pace=(pace_info(4, 4, 13),)))).open_pace(CAN)


def test_an_integrated_mapping_answered_with_nothing() -> None:
    """Some chips leave the empty data object 82 out."""

    def answer(_: int, raw: bytes) -> bytes:
        return b"\x7c\x00\x90\x00" if raw == b"\x7c\x02\x82\x00\x90\x00" else raw

    ChipReader(CardConnection(ChangingLink(card(SecurityInfos(pace=(pace_info(4, 2, 13),))), answer=answer))).open_pace(
        CAN
    )


@pytest.mark.parametrize("sw", ["6A80", "6A88"])
@pytest.mark.parametrize("parameter_id", [13, None])
def test_chips_that_want_the_parameters_in_the_other_form(sw: str, parameter_id: int | None) -> None:
    """Refused with the reference of the domain parameters, taken without; and the other way round."""
    infos = SecurityInfos(
        pace=(PaceInfo(f"{GM}.2", 2, parameter_id),),
        pace_domain_parameters=() if parameter_id else (PaceDomainParameterInfo(GM, BRAINPOOL),),
    )
    refused = parameter_id is not None
    first: list[bytes] = []

    def answer(_: int, raw: bytes) -> bytes:
        if link.commands[-1][:4] != bytes.fromhex("0022C1A4"):
            return raw
        first.append(link.commands[-1])
        has = b"\x84\x01\x0d" in link.commands[-1]
        return bytes.fromhex(sw) if has is refused else raw

    link = ChangingLink(card(infos), answer=answer)
    chip = ChipReader(CardConnection(link))
    chip.open_pace(CAN)
    assert chip.read(ElementaryFile.DG1) == DG1
    assert len(first) == 2


def test_a_reference_is_kept_where_it_is_needed() -> None:
    """Two sets of domain parameters for one protocol: without the reference it would be anybody's guess which."""
    infos = SecurityInfos(pace=(pace_info(2, 2, 13), pace_info(2, 2, 12)))
    suites = pace_suites.suites(infos)
    assert {suite.references for suite in suites} == {(13,), (12,)}
    link = ScriptedLink(lambda _: b"\x6a\x80")
    with pytest.raises(CardError, match="6A80"):
        pace.open_channel(CardConnection(link), suites[0], Password.CAN, CAN)
    assert len(link.commands) == 1
    made = card(infos)
    assert MemoryLink(made).transmit(bytes.fromhex("0022C1A40F800A04007F00070202040202830102")) == b"\x6a\x80"
    for suite in suites:
        pace.open_channel(CardConnection(MemoryLink(made)), suite, Password.CAN, CAN)


# ---- chip authentication


def _dg14(infos: tuple[ChipAuthenticationInfo, ...], *keys: tuple[int, int, int | None]) -> SecurityInfos:
    return SecurityInfos(
        chip_authentication=infos, chip_authentication_public_keys=tuple(public_info(*key) for key in keys)
    )


def _proves(dg14: SecurityInfos, key: bytes) -> None:
    chip = reader(card(SecurityInfos(pace=(PaceInfo(),)), dg14=dg14, ca_key=key))
    chip.open_pace(CAN)
    chip.chip_authentication(chip.read(ElementaryFile.DG14))
    assert chip.read(ElementaryFile.DG1) == DG1


@pytest.mark.parametrize(
    ("info_id", "key_id", "references"),
    [(None, None, (None,)), (None, 1, (None, 1)), (1, None, (1, None)), (1, 1, (1, None)), (0, 0, (0, None))],
)
@pytest.mark.parametrize("cipher", [1, 2])
def test_one_info_and_one_key_belong_together(
    info_id: int | None, key_id: int | None, references: tuple[int | None, ...], cipher: int
) -> None:
    dg14 = _dg14((ca_info(True, cipher, info_id),), (13, 77, key_id))
    assert chip_authentication.choose(dg14).references == references
    _proves(dg14, stored(13, 77))


def test_the_case_of_the_only_key_with_a_number() -> None:
    info = security_infos.parse(bytes.fromhex("3111300F060A04007F00070202030202020101"))
    dg14 = SecurityInfos(
        chip_authentication=info.chip_authentication, chip_authentication_public_keys=(public_info(13, 5, 1),)
    )
    _proves(dg14, stored(13, 5))


def test_an_info_of_another_key_is_not_used() -> None:
    with pytest.raises(UnavailableError) as refused:
        chip_authentication.choose(_dg14((ca_info(True, 2, 2),), (13, 5, 1)))
    assert "0.4.0.127.0.7.2.2.3.2.2" in str(refused.value.facts["offered"])


def test_several_keys_by_number_then_by_strength() -> None:
    infos = (ca_info(True, 2, 1), ca_info(True, 4, 2), ca_info(False, 4, 3))
    dg14 = _dg14(infos, (17, 3, 1), (13, 4, 2), (2, 5, 3))
    found = chip_authentication.suites(dg14)
    assert [(s.key_bits, s.group.parameter_id, s.references) for s in found] == [
        (256, 13, (2,)),
        (256, 2, (3, None)),
        (128, 17, (1,)),
    ]
    _proves(dg14, stored(13, 4))
    without = chip_authentication.suites(_dg14((ca_info(True, 2),), (13, 4, 1), (17, 3, 2)))
    assert [(s.group.parameter_id, s.references) for s in without] == [(17, (2,)), (13, (1,))]


@pytest.mark.parametrize("number", [0, 2, 12, 14])
def test_a_key_without_an_info_goes_with_3des(number: int) -> None:
    dg14 = _dg14((), (number, 99, None))
    suite = chip_authentication.choose(dg14)
    assert suite.key_bits == 112
    assert suite.protocol.endswith(".1")
    _proves(dg14, stored(number, 99))


def test_keys_that_are_no_use_here() -> None:
    odd = public_info(13, 5)
    for spki in (
        b"\x30\x00",
        odd.public_key[:-1] + bytes((odd.public_key[-1] ^ 1,)),
        public_info(1, 9).public_key[:-3],
    ):
        key = security_infos.ChipAuthenticationPublicKeyInfo(spki)
        infos = SecurityInfos(chip_authentication=(ca_info(True, 2),), chip_authentication_public_keys=(key,))
        with pytest.raises(UnavailableError):
            chip_authentication.choose(infos)
        both = SecurityInfos(chip_authentication=(ca_info(True, 2),), chip_authentication_public_keys=(key, odd))
        assert chip_authentication.choose(both).references == (None,)
    with pytest.raises(UnavailableError):  # version 2 is for after terminal authentication
        chip_authentication.choose(_dg14((ChipAuthenticationInfo("0.4.0.127.0.7.2.2.3.2.2", 2),), (13, 5, None)))
    with pytest.raises(UnavailableError):  # a finite field's protocol with a curve's key
        chip_authentication.choose(_dg14((ca_info(False, 2),), (13, 5, None)))


@pytest.mark.parametrize("cipher", [1, 2])
@pytest.mark.parametrize("named", [1, None])
def test_chips_that_want_the_key_named_in_the_other_form(cipher: int, named: int | None) -> None:
    """A chip without a channel of its own: refuses the first form, takes the second."""
    suite = chip_authentication.choose(_dg14((ca_info(True, cipher, named),), (13, 77, 1)))
    assert suite.references == ((1, None) if named else (None, 1))
    asked: list[bytes] = []

    def answer(command: bytes) -> bytes:
        asked.append(command)
        return b"\x6a\x88" if len(asked) == 1 else b"\x90\x00"

    chip_authentication._agree(CardConnection(ScriptedLink(answer)), suite, b"key")
    assert [command[1] for command in asked] == [0x22, 0x22] + ([0x86] if cipher == 2 else [])
    assert [b"\x84\x01\x01" in command for command in asked[:2]] == [named == 1, named is None]


@pytest.mark.parametrize("number", [0, 2, 13, 14])
@pytest.mark.parametrize("sw", ["6A80", "6A81", "6A86", "6A88"])
def test_3des_in_the_other_form(number: int, sw: str) -> None:
    """A chip that has no MSE:Set KAT takes MSE:Set AT and GENERAL AUTHENTICATE (Doc 9303-11, 6.2.4)."""
    dg14 = _dg14((ca_info(number > 2, 1),), (number, 77, None))
    made = card(SecurityInfos(pace=(PaceInfo(),)), dg14=dg14, ca_key=stored(number, 77))
    usual = access.manage_security_environment

    def without_kat(session: CardSession, command: CommandApdu) -> ResponseApdu:
        if (command.p1, command.p2) == chip_authentication.SET_KAT:
            raise Refusal(int(sw, 16))
        return usual(session, command)

    chip = reader(made)
    chip.open_pace(CAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(virtual_card._INTERINDUSTRY, 0x22, without_kat)
        chip.chip_authentication(chip.read(ElementaryFile.DG14))
    assert chip.read(ElementaryFile.DG1) == DG1


@pytest.mark.parametrize("sw", ["6300", "63C2", "6982", "6983", "6988", "6A80"])
def test_a_refused_token_is_a_wrong_password(sw: str) -> None:
    def answer(_: int, raw: bytes) -> bytes:
        return bytes.fromhex(sw) if link.commands[-1][:2] == b"\x00\x86" else raw

    link = ChangingLink(card(SecurityInfos(pace=(PaceInfo(),))), answer=answer)
    with pytest.raises(AuthenticationError, match="does not accept the CAN") as refused:
        ChipReader(CardConnection(link)).open_pace(CAN)
    assert refused.value.facts["sw"] == sw


# ---- active authentication

CURVE = curves.by_name("secp256r1")
ALGORITHMS = {
    "sha1": ("0.4.0.127.0.7.1.1.4.1.1", "1.2.840.10045.4.1"),
    "sha224": ("0.4.0.127.0.7.1.1.4.1.2", "1.2.840.10045.4.3.1"),
    "sha256": ("0.4.0.127.0.7.1.1.4.1.3", "1.2.840.10045.4.3.2"),
    "sha384": ("0.4.0.127.0.7.1.1.4.1.4", "1.2.840.10045.4.3.3"),
    "sha512": ("0.4.0.127.0.7.1.1.4.1.5", "1.2.840.10045.4.3.4"),
}


def _spki(curve: curves.Curve, scalar: int) -> bytes:
    x, y = ec.Secret(curve, scalar).times_generator()
    return EcPublicKey(curve, x, y, False).spki(explicit=True)


def _signer(curve: curves.Curve, scalar: int, hash_name: str, *, der: bool) -> ScriptedLink:
    """A chip that answers nothing but INTERNAL AUTHENTICATE."""

    def answer(command: bytes) -> bytes:
        digest = hashlib.new(hash_name, command[5:13]).digest()
        found = ec.sign(curve, scalar, hash_name, digest)
        if der:
            return encode_dss_signature(found.r, found.s) + b"\x90\x00"
        size = curve.order_bytes
        return found.r.to_bytes(size, "big") + found.s.to_bytes(size, "big") + b"\x90\x00"

    return ScriptedLink(answer)


@pytest.mark.parametrize("der", [False, True])
@pytest.mark.parametrize("name", [curve.name for curve in curves.CURVES])
@pytest.mark.parametrize("turn", [0, 2])
def test_ecdsa_in_every_form(name: str, turn: int, der: bool) -> None:
    """Plain or DER; DG14 names the plain or the other algorithm, or nothing."""
    curve = curves.by_name(name)
    hash_name = list(ALGORITHMS)[(curves.CURVES.index(curve) + turn) % len(ALGORITHMS)]
    key = _spki(curve, 4711)
    for algorithm in ALGORITHMS[hash_name]:
        infos = SecurityInfos(active_authentication=ActiveAuthenticationInfo(algorithm))
        active_authentication.authenticate(CardConnection(_signer(curve, 4711, hash_name, der=der)), key, infos)
        with pytest.raises(AuthenticationError):
            active_authentication.authenticate(CardConnection(_signer(curve, 4712, hash_name, der=der)), key, infos)
    other = "sha512" if hash_name != "sha512" else "sha256"
    infos = SecurityInfos(active_authentication=ActiveAuthenticationInfo(ALGORITHMS[other][0]))
    with pytest.raises(AuthenticationError):  # the hash that DG14 names, and no other
        active_authentication.authenticate(CardConnection(_signer(curve, 4711, hash_name, der=der)), key, infos)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("brainpoolP160r1", {"sha1", "sha224", "sha256"}),
        ("secp192r1", {"sha1", "sha224", "sha256"}),
        ("secp224r1", {"sha1", "sha224", "sha256"}),
        ("secp256r1", {"sha1", "sha224", "sha256"}),
        ("brainpoolP320r1", {"sha1", "sha224", "sha256"}),
        ("secp384r1", {"sha1", "sha224", "sha256", "sha384"}),
        ("brainpoolP512r1", {"sha1", "sha224", "sha256", "sha384", "sha512"}),
        ("secp521r1", {"sha1", "sha224", "sha256", "sha384", "sha512"}),
    ],
)
def test_hashes_where_dg14_names_none(name: str, taken: set[str]) -> None:
    """All that are not longer than the key (Doc 9303-11, 6.1.2.3), SHA-224 and SHA-256 for small keys besides."""
    curve = curves.by_name(name)
    accepted = set()
    for hash_name in ALGORITHMS:
        for infos in (None, SecurityInfos()):
            try:
                active_authentication.authenticate(
                    CardConnection(_signer(curve, 9, hash_name, der=False)), _spki(curve, 9), infos
                )
            except AuthenticationError:
                continue
            accepted.add(hash_name)
    assert accepted == taken


@pytest.mark.parametrize("form", ["unsigned", "zeros", "long length"])
def test_integers_as_some_chips_write_them(form: str) -> None:
    """Without the zero that keeps a number positive, with more of them, with a length in a longer form."""
    for _ in range(8):  # half of all numbers have their first bit set

        def answer(command: bytes) -> bytes:
            found = ec.sign(CURVE, 9, "sha256", hashlib.sha256(command[5:13]).digest())
            size = 32 if form == "unsigned" else 35
            parts = b"".join(tlv.encode(tlv.INTEGER, number.to_bytes(size, "big")) for number in (found.r, found.s))
            head = b"\x30\x81" + bytes((len(parts),)) if form == "long length" else bytes((0x30, len(parts)))
            return head + parts + b"\x90\x00"

        active_authentication.authenticate(CardConnection(ScriptedLink(answer)), _spki(CURVE, 9))
        with pytest.raises(AuthenticationError):
            active_authentication.authenticate(CardConnection(ScriptedLink(answer)), _spki(CURVE, 10))


def test_signatures_that_are_none() -> None:
    key = _spki(CURVE, 9)
    zero = encode_dss_signature(0, 0)
    for signature in (b"", bytes(64), b"\xff" * 64, bytes(63), zero, zero + b"\0", b"\x30\x80", bytes(5000)):
        connection = CardConnection(ScriptedLink(lambda _, answer=signature: answer + b"\x90\x00"))
        with pytest.raises(AuthenticationError):
            active_authentication.authenticate(connection, key)
    infos = SecurityInfos(active_authentication=ActiveAuthenticationInfo("0.4.0.127.0.7.1.1.4.1.6"))  # RIPEMD-160
    with pytest.raises(UnavailableError) as refused:
        active_authentication.authenticate(CardConnection(ScriptedLink(lambda _: b"\x90\x00")), key, infos)
    assert refused.value.facts["algorithm"] == "0.4.0.127.0.7.1.1.4.1.6"


@pytest.mark.parametrize(
    "algorithm", ["0.4.0.127.0.7.1.1.4.1.3", "1.2.840.10045.4.3.2", "0.4.0.127.0.7.1.1.4.1.5", None]
)
@pytest.mark.parametrize("number", [8, 12, 14, 18])
def test_the_card_signs_as_its_dg14_says(number: int, algorithm: str | None) -> None:
    named = ActiveAuthenticationInfo(algorithm) if algorithm else None
    dg14 = SecurityInfos(active_authentication=named)
    curve = domain_parameters.standardised(number)
    assert isinstance(curve, curves.Curve)
    made = card(SecurityInfos(pace=(PaceInfo(),)), dg14=dg14, dg15_key=_spki(curve, 31), aa_key=stored(number, 31))
    chip = reader(made)
    chip.open_pace(CAN)
    chip.active_authentication(chip.read(ElementaryFile.DG15), chip.read(ElementaryFile.DG14))


@pytest.fixture(scope="module")
def rsa_keys() -> dict[int, rsa.RSAPrivateKey]:
    return {bits: rsa.generate_private_key(65537, bits) for bits in (1024, 1280, 2048, 3072, 4096)}


def _public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _rsa_card(key: rsa.RSAPrivateKey, trailer: int) -> VirtualCard:
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return card(
        SecurityInfos(pace=(PaceInfo(),)), dg15_key=_public(key), aa_key=stored_keys.encode(pkcs8, trailer=trailer)
    )


class ShortOnlyLink(ChangingLink):
    """A card that refuses commands of extended length, bare, as it would any other that it does not understand."""

    def transmit(self, command: bytes) -> bytes:
        if len(command) > 5 and command[4] == 0:
            self.commands.append(command)
            return b"\x67\x00"
        answer = super().transmit(command)
        assert len(answer) <= 258
        return answer


@pytest.mark.parametrize("trailer", [0xBC, 0x33, 0x34, 0x35, 0x36, 0x38])
@pytest.mark.parametrize("bits", [1024, 1280, 2048, 3072, 4096])
def test_rsa_of_any_length(rsa_keys: dict[int, rsa.RSAPrivateKey], bits: int, trailer: int) -> None:
    """Above 2048 bits the answer comes in pieces; a card that refuses extended commands is asked by short ones."""
    link = ShortOnlyLink(_rsa_card(rsa_keys[bits], trailer))
    for extended in (False, True):
        chip = ChipReader(CardConnection(link))
        chip.open_pace(CAN)
        chip.connection.extended_length = extended
        chip.active_authentication(chip.read(ElementaryFile.DG15))
        chip.connection.reset()
    assert any(command[1] == 0xC0 for command in link.commands) is (bits > 1700)  # the keys' protection adds its own
    clone = ChipReader(CardConnection(MemoryLink(_rsa_card(rsa_keys[2048 if bits != 2048 else 1024], trailer))))
    clone.open_pace(CAN)
    with pytest.raises(AuthenticationError):
        active_authentication.authenticate(clone.connection, _public(rsa_keys[bits]))


def test_rsa_of_a_chip_that_gives_no_pieces(rsa_keys: dict[int, rsa.RSAPrivateKey]) -> None:
    """6700 to the short command, the whole answer to the extended one."""
    key = rsa_keys[3072]

    def answer(command: bytes) -> bytes:
        if command[4]:
            return b"\x67\x00"
        return _iso9796(key, b"\x6a", 0, b"\x34\xcc", "sha256", command[7:15]) + b"\x90\x00"

    link = ScriptedLink(answer)
    active_authentication.authenticate(CardConnection(link), _public(key))
    assert [command[4] for command in link.commands] == [8, 0]


def test_pieces_of_an_answer(rsa_keys: dict[int, rsa.RSAPrivateKey]) -> None:
    """256 bytes and 6180, then the rest."""
    key = rsa_keys[3072]
    whole: list[bytes] = []

    def answer(command: bytes) -> bytes:
        if command[:4] == bytes.fromhex("00880000"):
            whole.append(_iso9796(key, b"\x6a", 0, b"\xbc", "sha1", command[5:13]))
            return whole[0][:256] + b"\x61\x80"
        assert command == bytes.fromhex("00C0000080")
        return whole[0][256:] + b"\x90\x00"

    active_authentication.authenticate(CardConnection(ScriptedLink(answer)), _public(key))


def _iso9796(key: rsa.RSAPrivateKey, header: bytes, recovered: int, trailer: bytes, name: str, nonce: bytes) -> bytes:
    """A signature with this header, padded where the recovered part is short."""
    numbers = key.private_numbers()
    size = (key.key_size + 7) // 8
    digest_size = hashlib.new(name).digest_size
    room = size - 1 - digest_size - len(trailer)
    added = secrets.token_bytes(recovered if header[0] & 1 else room)
    body = header + added
    if header[0] & 1:
        body = header + b"\xbb" * (room - recovered - 1) + b"\xba" + added
    message = body + hashlib.new(name, added + nonce).digest() + trailer
    assert len(message) == size
    return pow(int.from_bytes(message, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")


@pytest.mark.parametrize(
    ("header", "trailer", "name", "good"),
    [
        ("6A", "BC", "sha1", True),
        ("6B", "34CC", "sha256", True),
        ("4B", "34CC", "sha256", True),
        ("6A", "33CC", "sha1", True),
        ("6A", "38CC", "sha224", True),
        ("6A", "36CC", "sha384", True),
        ("6A", "35CC", "sha512", True),
        ("6A", "34CC", "sha1", False),
        ("6A", "BC", "sha256", False),
        ("6A", "31CC", "sha1", False),
        ("6A", "34CD", "sha256", False),
        ("7A", "34CC", "sha256", False),
        ("01", "34CC", "sha256", False),
    ],
)
def test_trailers_and_headers(
    rsa_keys: dict[int, rsa.RSAPrivateKey], header: str, trailer: str, name: str, good: bool
) -> None:
    key = rsa_keys[1024]
    public = _public(key)
    parts = bytes.fromhex(header), 20, bytes.fromhex(trailer), name

    for smaller in (False, True):

        def answer(command: bytes, smaller: bool = smaller) -> bytes:
            signature = _iso9796(key, *parts, command[5:13])
            number, n = int.from_bytes(signature, "big"), key.public_key().public_numbers().n
            if smaller:
                signature = (n - number).to_bytes(len(signature), "big")
            return signature + b"\x90\x00"

        connection = CardConnection(ScriptedLink(answer))
        if good:
            active_authentication.authenticate(connection, public)
        else:
            with pytest.raises(AuthenticationError):
                active_authentication.authenticate(connection, public)


# ---- stored keys


def test_keys_as_a_chip_stores_them(rsa_keys: dict[int, rsa.RSAPrivateKey]) -> None:
    for bits, key in rsa_keys.items():
        value = stored_keys.encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        found = stored_keys.decode(value)
        assert isinstance(found, stored_keys.RsaKey)
        assert (found.modulus, found.exponent) == (key.private_numbers().public_numbers.n, 65537)
        assert str(found.p) not in repr(found)
        assert len(value) == 6 + bits // 8
        for wrong in (value[:-1], value[:3] + bytes(3) + value[6:], value[:-1] + b"\0"):
            with pytest.raises(FormatError):
                stored_keys.decode(wrong)
    for number in (*range(3), *range(8, 19)):
        parameters = domain_parameters.standardised(number)
        found = stored_keys.decode(stored(number, 5))
        assert found == stored_keys.AgreementKey(parameters, 5)
        for wrong in (stored(number, 0), stored(number, 5) + b"\0", stored(number, 5)[:-1], bytes((number,))):
            with pytest.raises(FormatError):
                stored_keys.decode(wrong)
    for wrong in (b"", b"\x03\x01", b"\x13\x01", b"\x80", b"\x80" + bytes(261)):
        with pytest.raises(FormatError):
            stored_keys.decode(wrong)


def test_keys_of_pkcs8() -> None:
    """Also those that `cryptography` does not read: brainpoolP320r1, and Diffie-Hellman."""
    curve = curves.by_name("brainpoolP320r1")
    algorithm = tlv.sequence(tlv.oid("1.2.840.10045.2.1"), curve.explicit_parameters())
    key = tlv.sequence(tlv.integer(1), tlv.octet_string((77).to_bytes(40, "big")))
    assert stored_keys.encode(tlv.sequence(tlv.integer(0), algorithm, tlv.octet_string(key))) == stored(14, 77)
    group = domain_parameters.standardised(2)
    dh = tlv.sequence(tlv.oid("1.2.840.10046.2.1"), tlv.sequence(*map(tlv.integer, (group.p, group.g, group.q))))  # type: ignore[union-attr]
    assert stored_keys.encode(tlv.sequence(tlv.integer(0), dh, tlv.octet_string(tlv.integer(77)))) == stored(2, 77)
    twisted = tlv.sequence(tlv.oid("1.2.840.10045.2.1"), tlv.oid(curves.by_name("brainpoolP320t1").oid))
    zero = tlv.sequence(tlv.integer(1), tlv.octet_string(bytes(40)))
    for wrong in (
        b"",
        b"no key",
        tlv.sequence(tlv.integer(0), twisted, tlv.octet_string(key)),
        tlv.sequence(tlv.integer(0), algorithm, tlv.octet_string(zero)),
        tlv.sequence(tlv.integer(0), dh, tlv.octet_string(tlv.integer(-5))),
        tlv.sequence(tlv.integer(0), tlv.sequence(tlv.oid("1.3.101.112")), tlv.octet_string(bytes(34))),
    ):
        with pytest.raises(ParameterError):
            stored_keys.encode(wrong)


def test_the_password_of_the_mrz_opens_too() -> None:
    chip = reader(card(SecurityInfos(pace=(pace_info(4, 3, 16),))))
    chip.open_pace_mrz(MRZ)
    assert chip.read(ElementaryFile.DG1) == DG1
