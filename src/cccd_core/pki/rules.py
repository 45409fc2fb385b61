"""The rules by which a certificate, a key, a list, an algorithm and a document are judged: one table.

Each rule has a stable word, the clause it comes from, what is checked, and what happens under the two named policies
where it does not hold. The code that checks is in `strength`, `path`, `revocation` and `passive`; nothing there
decides what happens. Clause numbers are those of Doc 9303 seventh edition, as everywhere in this package. Imports
nothing of `pki`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cccd_core.errors import CccdError, CertificateError, FormatError, VerificationError


class Action(StrEnum):
    """What happens where a rule does not hold."""

    REFUSE = "refuse"
    FLAG = "flag"  # accepted, and said
    IGNORE = "ignore"  # not looked at, and said


class Rule(StrEnum):
    """A rule's word: stored, reported, and given to `VerificationPolicy.with_`. The table below says what each
    means."""

    # what EF.SOD (or a signed list) is
    SECURITY_OBJECT = "security_object"
    DOCUMENT_SIGNER = "document_signer"
    SIGNER_IDENTIFIER = "signer_identifier"
    CONTENT_TYPE = "content_type"
    SIGNED_ATTRIBUTES = "signed_attributes"
    MESSAGE_DIGEST = "message_digest"
    SIGNATURE = "signature"
    ATTRIBUTES_AS_SENT = "attributes_as_sent"
    # strength
    ALGORITHM = "algorithm"
    HASH_STRENGTH = "hash_strength"
    HASHES_AGREE = "hashes_agree"
    KEY_STRENGTH = "key_strength"
    AUTHORITY_KEY_STRENGTH = "authority_key_strength"
    KEY_RESTRICTION = "key_restriction"
    # the path
    ISSUER = "issuer"
    CERTIFICATE_SIGNATURE = "certificate_signature"
    SIGNER_VALIDITY = "signer_validity"
    AUTHORITY_VALIDITY = "authority_validity"
    SIGNER_ISSUED_IN_KEY_PERIOD = "signer_issued_in_key_period"
    CRITICAL_EXTENSIONS = "critical_extensions"
    SIGNER_NO_AUTHORITY = "signer_no_authority"
    SIGNER_KEY_USAGE = "signer_key_usage"
    SIGNER_KEY_USAGE_STATED = "signer_key_usage_stated"
    OTHER_ROLE = "other_role"
    LIST_SIGNER_PURPOSE = "list_signer_purpose"
    FOREIGN_PURPOSE = "foreign_purpose"
    AUTHORITY = "authority"
    AUTHORITY_STATED = "authority_stated"
    AUTHORITY_KEY_USAGE = "authority_key_usage"
    AUTHORITY_KEY_USAGE_STATED = "authority_key_usage_stated"
    PATH_LENGTH = "path_length"
    LINK_CERTIFICATE = "link_certificate"
    COUNTRY = "country"
    # revocation
    REVOCATION = "revocation"
    AUTHORITY_REVOCATION = "authority_revocation"
    FRESH_LIST = "fresh_list"
    LIST_SIGNATURE = "list_signature"
    LIST_KEY_USAGE = "list_key_usage"
    # time of signing
    SIGNING_TIME = "signing_time"
    SIGNING_TIME_IN_VALIDITY = "signing_time_in_validity"
    PRIVATE_KEY_USAGE_PERIOD = "private_key_usage_period"
    # this document
    DATA_GROUPS = "data_groups"
    DIGEST = "digest"
    ISSUING_STATE = "issuing_state"
    DOCUMENT_TYPE = "document_type"


@dataclass(frozen=True, slots=True)
class Definition:
    """One row: the rule's topic (the fact `check` of an error; several rules share one), its clause, what is checked,
    the action under the policies `strict` and `legacy`, whether another action may be chosen, and the kind of its
    error."""

    check: str
    clause: str
    text: str
    strict: Action
    legacy: Action
    fixed: bool = False
    error: type[CccdError] = CertificateError


_R, _F = Action.REFUSE, Action.FLAG


def _fixed(check: str, clause: str, text: str, error: type[CccdError] = VerificationError) -> Definition:
    """A rule without which nothing is proved: no policy changes it."""
    return Definition(check, clause, text, _R, _R, fixed=True, error=error)


def _signed(check: str, clause: str, text: str, strict: Action, legacy: Action) -> Definition:
    return Definition(check, clause, text, strict, legacy, error=VerificationError)


RULES: Final = MappingProxyType({
    Rule.SECURITY_OBJECT: _fixed(
        "security_object", "Doc 9303-10 4.6.2", "EF.SOD is a signed LDSSecurityObject", FormatError
    ),
    Rule.DOCUMENT_SIGNER: _fixed(
        "document_signer", "RFC 5652 5.3", "the signer's certificate is there, and can be read", CertificateError
    ),
    Rule.SIGNER_IDENTIFIER: _signed(
        "document_signer", "RFC 5652 5.3, 10.2.4",
        "the signer is named by the issuer and serial number, or the key identifier, that its certificate states",
        _F, _F,
    ),
    Rule.CONTENT_TYPE: _fixed("content_type", "RFC 5652 5.3, 11.1", "the signed content type is the content's"),
    Rule.SIGNED_ATTRIBUTES: _fixed(
        "signed_attributes", "RFC 5652 5.3", "there are signed attributes, each at most once"
    ),
    Rule.MESSAGE_DIGEST: _fixed("message_digest", "RFC 5652 5.4, 11.2", "the signed digest is the content's"),
    Rule.SIGNATURE: _fixed("signature", "RFC 5652 5.6; Doc 9303-11 5.1", "the signature is the signer's"),
    Rule.ATTRIBUTES_AS_SENT: _signed(
        "signed_attributes", "RFC 5652 5.4",
        "the signature is over the DER encoding of the attributes, not over another order",
        _R, _F,
    ),
    Rule.ALGORITHM: _fixed(
        "algorithm", "Doc 9303-12 4.4",
        "each algorithm is known, fits its key and is not MD2 or MD5; RSA is of 1024 bits "
        "or more, a curve of 160 or more"
    ),
    Rule.HASH_STRENGTH: _signed(
        "strength", "Doc 9303-12 4.4",
        "every hash (data groups, message digest, signatures of document, certificates and lists) "
        "is SHA-224, SHA-256, SHA-384 or SHA-512", _R, _F,
    ),
    Rule.HASHES_AGREE: _signed(
        "strength", "RFC 5652 5.3; RFC 5754 3", "the signature's hash is the one that the signer names", _F, _F
    ),
    Rule.KEY_STRENGTH: _signed(
        "strength", "Doc 9303-12 4.4", "every key is RSA of 2048 bits or more, or on a curve of 224 bits or more",
        _R, _F,
    ),
    Rule.AUTHORITY_KEY_STRENGTH: Definition(
        "strength", "Doc 9303-12 4.4", "a CSCA's key is RSA of 3072 bits or more, or on a curve of 256 bits or more",
        _F, _F,
    ),
    Rule.KEY_RESTRICTION: _signed(
        "usage", "RFC 4055 1.2, 3.3", "a key for RSASSA-PSS alone signs PSS, with the hash, mask and least salt it "
        "names", _R, _R
    ),
    Rule.ISSUER: _fixed(
        "issuer", "Doc 9303-12 5; RFC 5280 6.1.3 (a)(4)",
        "a trusted CSCA of this name, or of this key, issued the signer",
        CertificateError,
    ),
    Rule.CERTIFICATE_SIGNATURE: _fixed(
        "signature", "RFC 5280 6.1.3 (a)(1)", "each certificate is signed by the key of the one above it",
        CertificateError
    ),
    Rule.SIGNER_VALIDITY: Definition(
        "validity", "RFC 5280 6.1.3 (a)(2); Doc 9303-12 5",
        "the signer is valid at the signing time, or now where none is stated",
        _R, _R,
    ),
    Rule.AUTHORITY_VALIDITY: Definition(
        "validity", "RFC 5280 6.1.3 (a)(2); Doc 9303-12 5", "each CSCA of the path is valid at that time", _R, _R
    ),
    Rule.SIGNER_ISSUED_IN_KEY_PERIOD: Definition(
        "key_period", "Doc 9303-12 7.1",
        "each certificate's validity begins inside its issuer's private key usage period", _R, _F
    ),
    Rule.CRITICAL_EXTENSIONS: Definition(
        "extensions", "RFC 5280 4.2", "no certificate of the path has a critical extension that is unknown or "
        "unreadable", _R, _R
    ),
    Rule.SIGNER_NO_AUTHORITY: Definition("usage", "Doc 9303-12 7.1", "the signer is no certificate authority", _R, _R),
    Rule.SIGNER_KEY_USAGE: Definition(
        "usage", "RFC 5280 4.2.1.3; Doc 9303-12 7.1", "the signer's key usage, where stated, has digitalSignature",
        _R, _R,
    ),
    Rule.SIGNER_KEY_USAGE_STATED: Definition("usage", "Doc 9303-12 7.1", "the signer states a key usage", _R, _F),
    Rule.OTHER_ROLE: Definition(
        "usage", "Doc 9303-12 7.1; RFC 5280 4.2.1.12",
        "no certificate of the path carries the purpose of another ICAO role (master "
        "list, deviation list, LDS2, bar code, SPOC), critical or not", _R, _R,
    ),
    Rule.LIST_SIGNER_PURPOSE: Definition(
        "usage", "Doc 9303-12 7.1", "who signs a master list has the purpose 2.23.136.1.1.3, a deviation list "
        "2.23.136.1.1.8",
        _R, _R,
    ),
    Rule.FOREIGN_PURPOSE: Definition(
        "usage", "RFC 5280 4.2.1.12; Doc 9303-12 7.1", "a document signer has no extended key usage, or any purpose",
        _R, _F,
    ),
    Rule.AUTHORITY: Definition(
        "usage", "RFC 5280 4.2.1.9, 6.1.4 (k)",
        "no CSCA of the path, the trusted one included, says CA:FALSE; one between says CA:TRUE", _R, _R,
        fixed=True
    ),
    Rule.AUTHORITY_STATED: Definition(
        "usage", "RFC 5280 4.2.1.9; Doc 9303-12 7.1", "each CSCA of the path has basicConstraints", _R, _F
    ),
    Rule.AUTHORITY_KEY_USAGE: Definition(
        "usage", "RFC 5280 4.2.1.3, 6.1.4 (n)", "each CSCA's key usage, where stated, has keyCertSign", _R, _R,
        fixed=True
    ),
    Rule.AUTHORITY_KEY_USAGE_STATED: Definition("usage", "Doc 9303-12 7.1", "each CSCA states a key usage", _F, _F),
    Rule.PATH_LENGTH: Definition(
        "path_length", "RFC 5280 4.2.1.9, 6.1.4 (l, m)",
        "no CSCA has more authorities below it than its path length allows; links "
        "between keys of one CSCA do not count", _R, _R,
    ),
    Rule.LINK_CERTIFICATE: Definition(
        "link", "Doc 9303-12 4.2, 7.1",
        "a certificate between signer and trusted CSCA is a link: of one name, or with the name "
        "change extension, and of one country", _R, _R,
    ),
    Rule.COUNTRY: Definition(
        "country", "Doc 9303-12 7.1", "every certificate of the path names one country, whatever its letter case",
        _R, _R,
    ),
    Rule.REVOCATION: Definition(
        "revocation", "RFC 5280 6.3.3; Doc 9303-12 7.2", "no revocation list that speaks of the signer names it", _R, _R
    ),
    Rule.AUTHORITY_REVOCATION: Definition(
        "revocation", "Doc 9303-12 4.3; RFC 5280 6.3.3", "no revocation list names a CSCA of the path", _R, _R
    ),
    Rule.LIST_SIGNATURE: _fixed(
        "issuer", "RFC 5280 6.3.3 (f, g)", "each revocation list is signed by the key of a trusted CSCA",
        CertificateError
    ),
    Rule.LIST_KEY_USAGE: Definition(
        "usage", "RFC 5280 4.2.1.3, 6.3.3 (f)",
        "the key usage of who signs a revocation list, where stated, has cRLSign", _R, _R,
        fixed=True,
    ),
    Rule.FRESH_LIST: Definition(
        "fresh_list", "RFC 5280 5.1.2.5, 6.3.3",
        "the revocation list that the answer rests on is in force (refuse: there must be one, too)", _F, _F
    ),
    Rule.SIGNING_TIME: _signed(
        "signing_time", "RFC 5652 11.3; Doc 9303-10 4.6.2", "the signing time, where stated, is not in the future",
        _R, _R,
    ),
    Rule.SIGNING_TIME_IN_VALIDITY: _signed(
        "signing_time", "Doc 9303-10 4.6.2", "the signing time lies within the signer's validity", _R, _R
    ),
    Rule.PRIVATE_KEY_USAGE_PERIOD: _signed(
        "key_period", "Doc 9303-12 7.1", "the signing time lies within the signer's private key usage period", _R, _F
    ),
    Rule.DATA_GROUPS: _fixed(
        "data_groups", "Doc 9303-10 4.6.2", "a data group was read, and EF.SOD lists each that was"
    ),
    Rule.DIGEST: _fixed("digest", "Doc 9303-11 5.1", "each data group is the one that was signed"),
    Rule.ISSUING_STATE: _signed(
        "issuing_state", "Doc 9303-11 5.1; Doc 9303-12 7.1; Doc 9303-3 5",
        "DG1's issuing State is the country of the trusted CSCA",
        _R, _R,
    ),
    Rule.DOCUMENT_TYPE: _signed(
        "document_type", "Doc 9303-12 7.1",
        "DG1's document code is in the signer's document type list, where it has one; a letter "
        "alone stands for all codes that begin with it", _R, _F,
    ),
})  # fmt: skip
