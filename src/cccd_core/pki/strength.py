"""What is strong enough, and the one place where a signature is verified by the rules.

Every hash, key and signature of a document, a certificate, a revocation list or a master list is asked about here.
Doc 9303-12 clause 4.4: SHA-224 to SHA-512; key sizes are a State's own choice there, so the floor of `key_strength` is
what that clause's first editions asked of a document signer (RSA 2048, curves of 224 bits), that of
`authority_key_strength` what they asked of a CSCA (3072, 256)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, UnknownKey
from cccd_core.errors import FormatError, VerificationError
from cccd_core.pki.report import Judgement
from cccd_core.pki.rules import Rule
from cccd_core.pki.signatures import PublicKey, SignatureScheme, fits, parse_scheme, verify

STRONG_HASHES: Final = frozenset(("sha224", "sha256", "sha384", "sha512"))
MIN_RSA_BITS: Final = 2048
MIN_CURVE_BITS: Final = 224
MIN_AUTHORITY_RSA_BITS: Final = 3072
MIN_AUTHORITY_CURVE_BITS: Final = 256
_FLOOR_RSA_BITS: Final = 1024
_FLOOR_CURVE_BITS: Final = 160


def judge_hash(judgement: Judgement, hash_name: str, about: str) -> None:
    """The one rule for hash algorithms, wherever one is used."""
    if hash_name in STRONG_HASHES:
        judgement.held(Rule.HASH_STRENGTH, about)
    else:
        judgement.failed(Rule.HASH_STRENGTH, about, "a hash that is too weak", algorithm=hash_name)


def judge_scheme(judgement: Judgement, scheme: SignatureScheme, about: str) -> None:
    """The hashes of a signature."""
    judge_hash(judgement, scheme.hash_name, about)
    if scheme.pss is not None and scheme.pss.mask_hash != scheme.hash_name:
        judge_hash(judgement, scheme.pss.mask_hash, about)


def judge_key(judgement: Judgement, key: PublicKey, about: str, *, authority: bool = False) -> None:
    """The size of a key that signed."""
    if isinstance(key, UnknownKey):
        judgement.failed(Rule.ALGORITHM, about, key.why.message, **key.why.facts)
        return
    elliptic = isinstance(key, EcPublicKey)
    bits = key.curve.bits if isinstance(key, EcPublicKey) else key.modulus.bit_length()
    if bits < (_FLOOR_CURVE_BITS if elliptic else _FLOOR_RSA_BITS):
        judgement.failed(Rule.ALGORITHM, about, "a key without any strength", key=key.name)
    least = MIN_CURVE_BITS if elliptic else MIN_RSA_BITS
    judgement.require(Rule.KEY_STRENGTH, bits >= least, about, "a key that is too short", key=key.name)
    if authority:
        least = MIN_AUTHORITY_CURVE_BITS if elliptic else MIN_AUTHORITY_RSA_BITS
        judgement.require(Rule.AUTHORITY_KEY_STRENGTH, bits >= least, about, "a short key for a CSCA", key=key.name)


def judge_signature(
    judgement: Judgement,
    rule: Rule,
    key: PublicKey,
    algorithm: bytes,
    signature: bytes,
    data: bytes,
    about: str,
    *,
    digest: str | None = None,
) -> SignatureScheme | None:
    """Whether `signature` over `data` is the key's, by `rule`; the key's own restriction and the strength of the hashes
    with it. `digest` is the hash that a CMS signer names. The scheme of a right signature, None without one. An
    algorithm or key that is not known here shows nothing for or against the signature: `algorithm` refuses it, and
    `rule` is not checked."""
    scheme = None
    try:
        scheme = _scheme(algorithm, digest)
        verify(scheme, key, signature, data)
    except FormatError as error:
        judgement.failed(Rule.ALGORITHM, about, error.message, **error.facts)
        if scheme is None or isinstance(key, UnknownKey) or fits(scheme, key):
            judgement.unknown(rule, about, "its algorithm or key is not known here")  # `algorithm` refuses
        else:
            judgement.failed(rule, about, "a signature of another kind of key")
        return None
    except VerificationError as error:
        judgement.failed(rule, about, error.message)
        return None
    judgement.held(Rule.ALGORITHM, about)
    if isinstance(key, RsaPublicKey) and key.pss_only:
        judgement.require(
            Rule.KEY_RESTRICTION, permits(key, scheme), about, "the key's identifier allows another way of signing",
            scheme=scheme.name,
        )  # fmt: skip
    judge_scheme(judgement, scheme, about)
    judgement.held(rule, about, scheme.name)
    return scheme


@lru_cache(maxsize=64)
def _scheme(algorithm: bytes, digest: str | None) -> SignatureScheme:
    return parse_scheme(algorithm, digest=digest)


def permits(key: RsaPublicKey, scheme: SignatureScheme) -> bool:
    """Whether a key's own identifier lets it sign so (RFC 4055 clauses 1.2 and 3.3): id-RSASSA-PSS signs PSS alone, and
    where it has parameters with its hash, its mask and at least its salt."""
    if not key.pss_only:
        return True
    used, asked = scheme.pss, key.pss
    if used is None or asked is None:
        return used is not None
    same = (used.hash_name, used.mask_hash) == (asked.hash_name, asked.mask_hash)
    return same and used.salt_bytes >= asked.salt_bytes
