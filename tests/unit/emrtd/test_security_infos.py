"""SecurityInfos in every form that chips give them; domain parameters mapped to known ones alone; EF.CardSecurity."""

from __future__ import annotations

import pytest

from cccd_core.emrtd import card_security, curves, dh_groups, domain_parameters, security_infos, tlv
from cccd_core.emrtd.security_infos import (
    ActiveAuthenticationInfo,
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKeyInfo,
    PaceDomainParameterInfo,
    PaceInfo,
    SecurityInfos,
    TerminalAuthenticationInfo,
)
from cccd_core.errors import FormatError
from unit.emrtd.test_curves import probable_prime

GM = "0.4.0.127.0.7.2.2.4.2"


def _infos(hexadecimal: str) -> SecurityInfos:
    return security_infos.parse(bytes.fromhex(hexadecimal))


def test_every_kind_goes_round() -> None:
    infos = SecurityInfos(
        pace=(PaceInfo(), PaceInfo(f"{GM}.4", 2, None), PaceInfo(f"{GM}.1", 2, 300)),
        chip_authentication=(ChipAuthenticationInfo(key_id=7),),
        chip_authentication_public_keys=(ChipAuthenticationPublicKeyInfo(tlv.sequence(tlv.integer(1)), 7),),
        active_authentication=ActiveAuthenticationInfo(),
        others=(("1.2.3", tlv.sequence(tlv.oid("1.2.3"))),),
        pace_domain_parameters=(PaceDomainParameterInfo(GM, tlv.sequence(tlv.oid("1.2")), 300),),
        terminal_authentication=(
            TerminalAuthenticationInfo(),
            TerminalAuthenticationInfo(1, 0x011C, 0x1C),
            TerminalAuthenticationInfo(2, 0x011C),
        ),
    )
    again = security_infos.parse(infos.encode())
    assert again.encode() == infos.encode()
    for kind in SecurityInfos.__slots__:
        left, right = getattr(again, kind), getattr(infos, kind)
        assert left == right or sorted(map(repr, left)) == sorted(map(repr, right)), kind


def test_a_parameter_in_a_domain_parameter_info() -> None:
    infos = _infos("312C300F060A04007F000702020402020201023019060904007F000702020402300C060704007F0007010202010D")
    assert infos.pace == (PaceInfo(f"{GM}.2", 2, None),)
    (parameters,) = infos.pace_domain_parameters
    assert (parameters.protocol, parameters.parameter_id) == (GM, None)
    assert domain_parameters.parse(parameters.algorithm) is curves.by_name("brainpoolP256r1")


def test_the_card_access_of_a_vietnamese_card() -> None:
    """The file of `vn_cccd_layout.json`: terminal authentication, chip authentication and PACE."""
    infos = SecurityInfos(
        pace=(PaceInfo(),),
        chip_authentication=(ChipAuthenticationInfo(),),
        terminal_authentication=(TerminalAuthenticationInfo(),),
    )
    assert security_infos.parse(infos.encode()) == infos
    assert infos.terminal_authentication[0].ef_cvca is None


ODD = {
    "no sequence": (tlv.integer(1), None),
    "no protocol": (tlv.sequence(tlv.integer(1)), None),
    "PACE without a version": (tlv.sequence(tlv.oid(f"{GM}.2")), f"{GM}.2"),
    "PACE with more than it has": (tlv.sequence(tlv.oid(f"{GM}.2"), *[tlv.integer(2)] * 3), f"{GM}.2"),
    "a negative parameter": (tlv.sequence(tlv.oid(f"{GM}.2"), tlv.integer(2), tlv.integer(-1)), f"{GM}.2"),
    "an endless parameter": (tlv.sequence(tlv.oid(f"{GM}.2"), tlv.integer(2), tlv.integer(1 << 62)), f"{GM}.2"),
    "a key that is none": (tlv.sequence(tlv.oid(security_infos.ID_PK_ECDH), tlv.integer(2)), security_infos.ID_PK_ECDH),
    "a long file": (
        tlv.sequence(
            tlv.oid(security_infos.ID_TA), tlv.integer(1), tlv.sequence(tlv.octet_string(b"\x01\x1c\x00"))
        ),
        security_infos.ID_TA,
    ),
    "a second, different active authentication": (
        tlv.sequence(tlv.oid(security_infos.ID_ACTIVE_AUTHENTICATION), tlv.integer(1), tlv.oid("1.2.3")),
        security_infos.ID_ACTIVE_AUTHENTICATION,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_one_odd_info_costs_itself(name: str) -> None:
    odd, protocol = ODD[name]
    good = SecurityInfos(pace=(PaceInfo(),), active_authentication=ActiveAuthenticationInfo()).encode()[2:]
    infos = security_infos.parse(tlv.encode(tlv.SET, good + odd))
    assert infos.pace == (PaceInfo(),)
    assert infos.active_authentication == ActiveAuthenticationInfo()
    (found,) = infos.odd
    assert (found.name, found.raw) == (protocol or "SecurityInfo", odd)
    assert isinstance(found.error, FormatError)
    assert found.raw.hex() not in repr(found)


def test_other_versions_are_read() -> None:
    der = tlv.sequence(tlv.oid(security_infos.ID_ACTIVE_AUTHENTICATION), tlv.integer(0), tlv.oid("1.2.3"))
    infos = security_infos.parse(tlv.encode(tlv.SET, der * 2))  # said twice, and the same
    assert infos.active_authentication == ActiveAuthenticationInfo("1.2.3", 0)
    assert infos.odd == ()


def test_what_is_no_security_infos() -> None:
    one = security_infos.for_card_access(chip_authentication=False).encode()[2:]
    with pytest.raises(FormatError, match="too much"):
        security_infos.parse(tlv.encode(tlv.SET, one * 129))
    assert len(security_infos.parse(tlv.encode(tlv.SET, one * 128)).pace) == 128
    for data in (b"", b"\x30\x00", b"\x31\x02\x30\x01", tlv.encode(0x6E, b""), tlv.encode(tlv.SET, b"") + b"\0"):
        with pytest.raises(FormatError):
            security_infos.parse(data)
    with pytest.raises(FormatError):
        security_infos.for_dg14(ca_public_key=b"key", active_authentication=False)


@pytest.mark.parametrize("group", dh_groups.GROUPS, ids=lambda group: str(group.parameter_id))
def test_the_numbers_are_those_of_a_group(group: dh_groups.DhGroup) -> None:
    assert probable_prime(group.p)
    assert probable_prime(group.q)
    assert (group.p - 1) % group.q == 0
    assert group.g != 1
    assert pow(group.g, group.q, group.p) == 1
    assert (group.p.bit_length(), group.q.bit_length()) == ((1024, 160), (2048, 224), (2048, 256))[group.parameter_id]
    assert group.contains(pow(group.g, 12345, group.p))
    outsider = next(y for y in range(2, 100) if pow(y, group.q, group.p) != 1)
    for number in (0, 1, group.p - 1, group.p, group.p + group.g, outsider, -group.g):
        assert not group.contains(number)


def test_diffie_hellman_keys() -> None:
    group = dh_groups.GROUPS[2]
    key = dh_groups.DhPublicKey(group, pow(group.g, 99, group.p))
    assert dh_groups.is_dh_key(key.spki())
    assert dh_groups.parse_spki(key.spki()) == key
    public = tlv.bit_string(tlv.integer(key.y))
    p, g, q = map(tlv.integer, (group.p, group.g, group.q))
    x942, pkcs3 = tlv.oid(dh_groups.DH_PUBLIC_NUMBER), tlv.oid(dh_groups.DH_KEY_AGREEMENT)
    for good in (
        tlv.sequence(x942, tlv.sequence(p, g, q, tlv.integer(2))),
        tlv.sequence(pkcs3, tlv.sequence(p, g)),
        tlv.sequence(pkcs3, tlv.sequence(p, g, tlv.integer(256))),
    ):
        assert dh_groups.parse_spki(tlv.sequence(good, public)) == key
        assert domain_parameters.parse(good) is group
    for bad in (
        tlv.sequence(x942, tlv.sequence(p, tlv.integer(2), q)),
        tlv.sequence(x942, tlv.sequence(p, g, tlv.integer(group.q + 2))),
        tlv.sequence(x942, tlv.sequence(p, g)),
        tlv.sequence(pkcs3, tlv.sequence(tlv.integer(group.p + 2), g)),
        tlv.sequence(pkcs3, tlv.sequence(p, tlv.integer(group.p - 1))),
        tlv.sequence(tlv.oid("1.2.3"), tlv.sequence(p, g)),
    ):
        with pytest.raises(FormatError):
            dh_groups.parse_spki(tlv.sequence(bad, public))
        with pytest.raises(FormatError):
            domain_parameters.parse(bad)
    for y in (0, 1, group.p - 1, group.p, 2):
        with pytest.raises(FormatError):
            dh_groups.parse_spki(dh_groups.DhPublicKey(group, y).spki())


def test_domain_parameters_of_curves() -> None:
    standard = tlv.oid("0.4.0.127.0.7.1.2")
    for number, name in curves.STANDARDISED.items():
        assert domain_parameters.parse(tlv.sequence(standard, tlv.integer(number))).name == name
    assert domain_parameters.parse(tlv.sequence(standard, tlv.integer(1))) is dh_groups.GROUPS[1]
    ec = tlv.oid("1.2.840.10045.2.1")
    for curve in (curves.by_name("brainpoolP320r1"), curves.by_name("secp521r1")):
        assert domain_parameters.parse(tlv.sequence(ec, tlv.oid(curve.oid))) is curve
        assert domain_parameters.parse(tlv.sequence(ec, curve.explicit_parameters())) is curve
        forged = bytearray(curve.explicit_parameters())
        forged[-10] ^= 1  # another order
        with pytest.raises(FormatError):
            domain_parameters.parse(tlv.sequence(ec, bytes(forged)))
    for bad in (
        tlv.sequence(standard, tlv.integer(3)),
        tlv.sequence(standard, tlv.integer(19)),
        tlv.sequence(standard, tlv.integer(-1)),
        tlv.sequence(ec, tlv.oid("1.2.3.4")),
        tlv.sequence(ec, tlv.sequence(tlv.integer(1))),
        tlv.sequence(tlv.oid("1.2.840.113549.1.1.1"), tlv.NULL_VALUE),
        tlv.sequence(),
        b"",
    ):
        with pytest.raises(FormatError):
            domain_parameters.parse(bad)


def _message(kind: str, content: bytes) -> bytes:
    """A signed message without a signer that could be checked: reading does not verify."""
    encapsulated = tlv.sequence(tlv.oid(kind), tlv.encode(0xA0, tlv.octet_string(content)))
    empty = tlv.encode(tlv.SET, b"")
    signed = tlv.sequence(tlv.integer(3), empty, encapsulated, empty)
    return tlv.sequence(tlv.oid("1.2.840.113549.1.7.2"), tlv.encode(0xA0, signed))


def test_card_security() -> None:
    infos = security_infos.for_card_access()
    found = card_security.parse(_message(card_security.ID_SECURITY_OBJECT, infos.encode()))
    assert found.security_infos == infos
    assert found.signed_data.content == infos.encode()
    for bad in (_message("2.23.136.1.1.1", infos.encode()), _message(card_security.ID_SECURITY_OBJECT, b"\x30\x00")):
        with pytest.raises(FormatError):
            card_security.parse(bad)
