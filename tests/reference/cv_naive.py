"""CV certificates the slow way, straight from BSI TR-03110-3 (appendices C and D), TR-03111 (4.2.1, 5.2.1) RFC 8017:
own TLV, own curve arithmetic, own RSA. Shares no line with the library.
"""

from __future__ import annotations

import hashlib
import math

# p, a, b, G, n of the curves used in tests (SEC 2, RFC 5639)
CURVES = {
    "secp256r1": (
        0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
        -3,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        (
            0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        ),
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    "brainpoolP256r1": (
        0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377,
        0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9,
        0x26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6,
        (
            0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262,
            0x547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997,
        ),
        0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7,
    ),
}
HASHES = {"1": "sha1", "2": "sha224", "3": "sha256", "4": "sha384", "5": "sha512"}
ID_TA = "0.4.0.127.0.7.2.2.2"


def tlv(tag: int, *values: bytes) -> bytes:
    value = b"".join(values)
    head = number(tag)
    if len(value) < 128:
        return head + bytes([len(value)]) + value
    size = number(len(value))
    return head + bytes([0x80 + len(size)]) + size + value


def oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    body = [40 * first + second]
    for arc in rest:
        digits = [arc % 128]
        while arc >= 128:
            arc //= 128
            digits.insert(0, arc % 128 + 128)
        body += digits
    return tlv(0x06, bytes(body))


def number(value: int) -> bytes:
    return bytes.fromhex(f"{value:0{2 * math.ceil(max(1, value.bit_length()) / 8)}x}")


def date(yymmdd: str) -> bytes:
    return bytes(int(digit) for digit in yymmdd)


def chat(bits: int) -> bytes:
    return tlv(0x7F4C, oid("0.4.0.127.0.7.3.1.2.1"), tlv(0x53, bytes([bits])))


def ec_key(algorithm: str, curve: str, point: tuple[int, int], *, parameters: bool) -> bytes:
    p, a, b, generator, n = CURVES[curve]
    size = math.ceil(p.bit_length() / 8)

    def encoded(one: tuple[int, int]) -> bytes:
        return b"\x04" + one[0].to_bytes(size, "big") + one[1].to_bytes(size, "big")

    domain = [tlv(0x81, number(p)), tlv(0x82, number(a % p)), tlv(0x83, number(b)),
              tlv(0x84, encoded(generator)), tlv(0x85, number(n))]  # fmt: skip
    return tlv(
        0x7F49, oid(f"{ID_TA}.{algorithm}"), *(domain if parameters else []), tlv(0x86, encoded(point)),
        *([tlv(0x87, b"\x01")] if parameters else []),
    )  # fmt: skip


def rsa_key(algorithm: str, modulus: int, exponent: int) -> bytes:
    return tlv(0x7F49, oid(f"{ID_TA}.{algorithm}"), tlv(0x81, number(modulus)), tlv(0x82, number(exponent)))


def body(authority: str, key: bytes, holder: str, bits: int, effective: str, expiration: str) -> bytes:
    return tlv(
        0x7F4E, tlv(0x5F29, b"\0"), tlv(0x42, authority.encode("latin-1")), key, tlv(0x5F20, holder.encode("latin-1")),
        chat(bits), tlv(0x5F25, date(effective)), tlv(0x5F24, date(expiration)),
    )  # fmt: skip


def certificate(signed: bytes, signature: bytes) -> bytes:
    return tlv(0x7F21, signed, tlv(0x5F37, signature))


def _add(curve: str, left: tuple[int, int] | None, right: tuple[int, int] | None) -> tuple[int, int] | None:
    p, a = CURVES[curve][:2]
    if left is None or right is None:
        return left or right
    if left[0] == right[0]:
        if (left[1] + right[1]) % p == 0:
            return None
        slope = (3 * left[0] ** 2 + a) * pow(2 * left[1], -1, p)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, p)
    x = (slope * slope - left[0] - right[0]) % p
    return x, (slope * (left[0] - x) - left[1]) % p


def multiply(curve: str, scalar: int, point: tuple[int, int] | None = None) -> tuple[int, int]:
    total: tuple[int, int] | None = None
    step: tuple[int, int] | None = point or CURVES[curve][3]
    while scalar:
        if scalar & 1:
            total = _add(curve, total, step)
        step = _add(curve, step, step)
        scalar >>= 1
    assert total is not None
    return total


def _hashed(hash_name: str, data: bytes, n: int) -> int:
    digest = hashlib.new(hash_name, data).digest()
    extra = 8 * len(digest) - n.bit_length()
    value = int.from_bytes(digest, "big")
    return value >> extra if extra > 0 else value


def ecdsa_sign(curve: str, hash_name: str, secret: int, nonce: int, data: bytes) -> bytes:
    """A plain signature, r and s as long as the order (TR-03111 5.2.1)."""
    n = CURVES[curve][4]
    size = math.ceil(n.bit_length() / 8)
    r = multiply(curve, nonce)[0] % n
    s = pow(nonce, -1, n) * (_hashed(hash_name, data, n) + r * secret) % n
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def ecdsa_verify(curve: str, hash_name: str, point: tuple[int, int], signature: bytes, data: bytes) -> bool:
    n = CURVES[curve][4]
    size = math.ceil(n.bit_length() / 8)
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    if not (0 < r < n and 0 < s < n):
        return False
    w = pow(s, -1, n)
    found = _add(curve, multiply(curve, _hashed(hash_name, data, n) * w % n), multiply(curve, r * w % n, point))
    return found is not None and found[0] % n == r


def _mgf1(hash_name: str, seed: bytes, length: int) -> bytes:
    stream, counter = b"", 0
    while len(stream) < length:
        stream += hashlib.new(hash_name, seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return stream[:length]


def pss_sign(modulus: int, private: int, hash_name: str, salt: bytes, data: bytes) -> bytes:
    """RSASSA-PSS, RFC 8017 8.1.1 and 9.1.1."""
    bits = modulus.bit_length() - 1
    size = math.ceil(bits / 8)
    digest = hashlib.new(hash_name, bytes(8) + hashlib.new(hash_name, data).digest() + salt).digest()
    block = bytes(size - len(salt) - len(digest) - 2) + b"\x01" + salt
    mask = _mgf1(hash_name, digest, len(block))
    masked = bytearray(x ^ y for x, y in zip(block, mask, strict=True))
    masked[0] &= 0xFF >> (8 * size - bits)
    message = int.from_bytes(bytes(masked) + digest + b"\xbc", "big")
    return pow(message, private, modulus).to_bytes(math.ceil(modulus.bit_length() / 8), "big")
