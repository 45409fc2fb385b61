"""Finite-field Diffie-Hellman groups of PACE and chip authentication, and public keys in them.

Constants: RFC 5114 clauses 2.1 to 2.3, standardised domain parameters 0 to 2 of Doc 9303-11 table 6; the tests check
that p and q are primes and that the generator has order q. A group that is not in this table is never used, whatever
parameters a key spells out.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError

DH_PUBLIC_NUMBER = "1.2.840.10046.2.1"  # X9.42: p, g, q, ...
DH_KEY_AGREEMENT = "1.2.840.113549.1.3.1"  # PKCS #3: p, g
_PARAMETER_BYTES = 257


@dataclass(frozen=True, slots=True)
class DhGroup:
    """The subgroup of prime order q, made by g, of the numbers below the prime p."""

    name: str
    parameter_id: int
    p: int
    q: int
    g: int

    @property
    def size_bytes(self) -> int:
        """Bytes of a number below p."""
        return (self.p.bit_length() + 7) // 8

    def contains(self, y: int) -> bool:
        """Whether y is a public key: in the subgroup, and neither 1 nor p-1. Costs one exponentiation, 1 to 3 ms."""
        return 1 < y < self.p - 1 and pow(y, self.q, self.p) == 1


@dataclass(frozen=True, slots=True)
class DhPublicKey:
    """A public number of a known group."""

    group: DhGroup
    y: int

    def spki(self) -> bytes:
        """The DER SubjectPublicKeyInfo with the parameters of X9.42."""
        group = self.group
        parameters = tlv.sequence(tlv.integer(group.p), tlv.integer(group.g), tlv.integer(group.q))
        algorithm = tlv.sequence(tlv.oid(DH_PUBLIC_NUMBER), parameters)
        return tlv.sequence(algorithm, tlv.bit_string(tlv.integer(self.y)))


GROUPS: tuple[DhGroup, ...] = (
    DhGroup(
        "1024-bit MODP with a subgroup of 160 bits",
        0,
        int(
            "B10B8F96A080E01DDE92DE5EAE5D54EC52C99FBCFB06A3C69A6A9DCA52D23B616073E28675A23D189838EF1E2EE652C0"
            "13ECB4AEA906112324975C3CD49B83BFACCBDD7D90C4BD7098488E9C219A73724EFFD6FAE5644738FAA31A4FF55BCCC0"
            "A151AF5F0DC8B4BD45BF37DF365C1A65E68CFDA76D4DA708DF1FB2BC2E4A4371",
            16,
        ),
        0xF518AA8781A8DF278ABA4E7D64B7CB9D49462353,
        int(
            "A4D1CBD5C3FD34126765A442EFB99905F8104DD258AC507FD6406CFF14266D31266FEA1E5C41564B777E690F5504F213"
            "160217B4B01B886A5E91547F9E2749F4D7FBD7D3B9A92EE1909D0D2263F80A76A6A24C087A091F531DBF0A0169B6A28A"
            "D662A4D18E73AFA32D779D5918D08BC8858F4DCEF97C2A24855E6EEB22B3B2E5",
            16,
        ),
    ),
    DhGroup(
        "2048-bit MODP with a subgroup of 224 bits",
        1,
        int(
            "AD107E1E9123A9D0D660FAA79559C51FA20D64E5683B9FD1B54B1597B61D0A75E6FA141DF95A56DBAF9A3C407BA1DF15"
            "EB3D688A309C180E1DE6B85A1274A0A66D3F8152AD6AC2129037C9EDEFDA4DF8D91E8FEF55B7394B7AD5B7D0B6C12207"
            "C9F98D11ED34DBF6C6BA0B2C8BBC27BE6A00E0A0B9C49708B3BF8A317091883681286130BC8985DB1602E714415D9330"
            "278273C7DE31EFDC7310F7121FD5A07415987D9ADC0A486DCDF93ACC44328387315D75E198C641A480CD86A1B9E587E8"
            "BE60E69CC928B2B9C52172E413042E9B23F10B0E16E79763C9B53DCF4BA80A29E3FB73C16B8E75B97EF363E2FFA31F71"
            "CF9DE5384E71B81C0AC4DFFE0C10E64F",
            16,
        ),
        0x801C0D34C58D93FE997177101F80535A4738CEBCBF389A99B36371EB,
        int(
            "AC4032EF4F2D9AE39DF30B5C8FFDAC506CDEBE7B89998CAF74866A08CFE4FFE3A6824A4E10B9A6F0DD921F01A70C4AFA"
            "AB739D7700C29F52C57DB17C620A8652BE5E9001A8D66AD7C17669101999024AF4D027275AC1348BB8A762D0521BC98A"
            "E247150422EA1ED409939D54DA7460CDB5F6C6B250717CBEF180EB34118E98D119529A45D6F834566E3025E316A330EF"
            "BB77A86F0C1AB15B051AE3D428C8F8ACB70A8137150B8EEB10E183EDD19963DDD9E263E4770589EF6AA21E7F5F2FF381"
            "B539CCE3409D13CD566AFBB48D6C019181E1BCFE94B30269EDFE72FE9B6AA4BD7B5A0F1C71CFFF4C19C418E1F6EC0179"
            "81BC087F2A7065B384B890D3191F2BFA",
            16,
        ),
    ),
    DhGroup(
        "2048-bit MODP with a subgroup of 256 bits",
        2,
        int(
            "87A8E61DB4B6663CFFBBD19C651959998CEEF608660DD0F25D2CEED4435E3B00E00DF8F1D61957D4FAF7DF4561B2AA30"
            "16C3D91134096FAA3BF4296D830E9A7C209E0C6497517ABD5A8A9D306BCF67ED91F9E6725B4758C022E0B1EF4275BF7B"
            "6C5BFC11D45F9088B941F54EB1E59BB8BC39A0BF12307F5C4FDB70C581B23F76B63ACAE1CAA6B7902D52526735488A0E"
            "F13C6D9A51BFA4AB3AD8347796524D8EF6A167B5A41825D967E144E5140564251CCACB83E6B486F6B3CA3F7971506026"
            "C0B857F689962856DED4010ABD0BE621C3A3960A54E710C375F26375D7014103A4B54330C198AF126116D2276E11715F"
            "693877FAD7EF09CADB094AE91E1A1597",
            16,
        ),
        0x8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3,
        int(
            "3FB32C9B73134D0B2E77506660EDBD484CA7B18F21EF205407F4793A1A0BA12510DBC15077BE463FFF4FED4AAC0BB555"
            "BE3A6C1B0C6B47B1BC3773BF7E8C6F62901228F8C28CBB18A55AE31341000A650196F931C77A57F2DDF463E5E9EC144B"
            "777DE62AAAB8A8628AC376D282D6ED3864E67982428EBC831D14348F6F2F9193B5045AF2767164E1DFC967C1FB3F2E55"
            "A4BD1BFFE83B9C80D052B985D182EA0ADB2A3B7313D3FE14C8484B1E052588B9B7D2BBD2DF016199ECD06E1557CD0915"
            "B3353BBB64E0EC377FD028370DF92B52C7891428CDC67EB6184B523D1DB246C32F63078490F00EF8D647D148D4795451"
            "5E2327CFEF98C582664B4C0F6CC41659",
            16,
        ),
    ),
)
_BY_PRIME = {group.p: group for group in GROUPS}


def by_parameter_id(parameter_id: int) -> DhGroup:
    """The group of a number of standardised domain parameters, 0 to 2. FormatError for another number."""
    if not 0 <= parameter_id < len(GROUPS):
        raise FormatError("standardised domain parameters that are no known group", parameter_id=parameter_id)
    return GROUPS[parameter_id]


def is_dh_key(spki: bytes) -> bool:
    """Whether a DER SubjectPublicKeyInfo names a Diffie-Hellman algorithm. FormatError for what has none."""
    return _algorithm(spki)[0] in (DH_PUBLIC_NUMBER, DH_KEY_AGREEMENT)


def parse_spki(spki: bytes) -> DhPublicKey:
    """Reads a DER SubjectPublicKeyInfo of a Diffie-Hellman key (X9.42 or PKCS #3) whose parameters are a known group's.

    FormatError with the offset for anything else, a number outside the subgroup included.
    """
    _, parameters, key = _algorithm(spki)
    group = group_of(parameters)
    if not key.value or key.value[0] != 0:
        raise FormatError("a public key is not whole bytes", offset=key.offset)
    number = tlv.read_one(key.value[1:], tlv.INTEGER, what="public number")
    y = tlv.to_integer(number, maximum_bytes=_PARAMETER_BYTES)
    if not group.contains(y):
        raise FormatError("a public number is not of its group", offset=key.offset, group=group.name)
    return DhPublicKey(group, y)


def group_of(algorithm: tlv.Reader) -> DhGroup:
    """The known group of an AlgorithmIdentifier (its content), every parameter compared; X9.42's factor j and proof of
    origin are passed over. FormatError for another one.
    """
    identifier = tlv.to_oid(algorithm.next(tlv.OID, what="algorithm"))
    found = algorithm.next(tlv.SEQUENCE, what="Diffie-Hellman parameters")
    algorithm.finish("AlgorithmIdentifier")
    parts = found.reader()
    numbers = [tlv.to_integer(parts.next(tlv.INTEGER, what="prime"), maximum_bytes=_PARAMETER_BYTES)]
    numbers.append(tlv.to_integer(parts.next(tlv.INTEGER, what="generator"), maximum_bytes=_PARAMETER_BYTES))
    group = _BY_PRIME.get(numbers[0])
    if group is None:
        raise FormatError("a group that is not known here", offset=found.offset, bits=numbers[0].bit_length())
    wanted = [group.p, group.g]
    if identifier == DH_PUBLIC_NUMBER:
        numbers.append(tlv.to_integer(parts.next(tlv.INTEGER, what="order"), maximum_bytes=_PARAMETER_BYTES))
        wanted.append(group.q)
    elif identifier != DH_KEY_AGREEMENT:
        raise FormatError("parameters of an algorithm that is no Diffie-Hellman", algorithm=identifier)
    if numbers != wanted:
        raise FormatError("parameters differ from those of the group", offset=found.offset, group=group.name)
    return group


def _algorithm(spki: bytes) -> tuple[str, tlv.Reader, tlv.Tlv]:
    whole = tlv.read_one(spki, tlv.SEQUENCE, what="SubjectPublicKeyInfo").reader()
    algorithm = whole.next(tlv.SEQUENCE, what="AlgorithmIdentifier")
    key = whole.next(tlv.BIT_STRING, what="public key")
    whole.finish("SubjectPublicKeyInfo")
    identifier = tlv.to_oid(algorithm.reader().next(tlv.OID, what="algorithm"))
    return identifier, algorithm.reader(), key
