"""The profiles of Doc 9303-12 as tables: what a certificate or list of each kind must be, may have, must not have.

Clause 7.1 of the eighth edition, tables 5 and 6 (certificates), 9 and 10 (revocation lists), clauses 9 and 10 (signed
lists), clause 4.1 (periods, algorithms); RFC 5280 where the Doc refers to it. What is *verified* is in `rules`; what is
checked here is how a thing is made. `check` walks these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cccd_core.pki import extensions as x


class Kind(StrEnum):
    """What a file holds."""

    ROOT = "CSCA certificate"
    LINK = "CSCA link certificate"
    DOCUMENT_SIGNER = "document signer certificate"
    LIST_SIGNER = "list signer certificate"
    COMMUNICATION = "communication certificate"
    CERTIFICATE = "certificate"  # which one cannot be told
    REVOCATION_LIST = "revocation list"
    MASTER_LIST = "master list"
    DEVIATION_LIST = "deviation list"


class Severity(StrEnum):
    """What a breach means."""

    BROKEN = "broken"  # the Doc says MUST, SHALL, m or x
    ADVICE = "advice"  # the Doc recommends otherwise, or it harms nobody


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule of the profile: where it is from, what it asks, what its breach means."""

    source: str
    text: str
    severity: Severity = Severity.BROKEN


CERTIFICATES = (Kind.ROOT, Kind.LINK, Kind.DOCUMENT_SIGNER, Kind.LIST_SIGNER, Kind.COMMUNICATION)
AUTHORITIES = frozenset((Kind.ROOT, Kind.LINK))

# presence (m mandatory, o optional, x forbidden) in the order of CERTIFICATES, and criticality (c, n, - for either)
_TABLE_6 = {
    "authority_key_identifier": (x.AUTHORITY_KEY_IDENTIFIER, "ommmm", "n"),
    "subject_key_identifier": (x.SUBJECT_KEY_IDENTIFIER, "mmooo", "n"),
    "key_usage": (x.KEY_USAGE, "mmmmm", "c"),
    "private_key_usage_period": (x.PRIVATE_KEY_USAGE_PERIOD, "mmmoo", "n"),
    "certificate_policies": (x.CERTIFICATE_POLICIES, "ooooo", "n"),
    "policy_mappings": ("2.5.29.33", "xxxxx", "-"),
    "subject_alternative_name": (x.SUBJECT_ALTERNATIVE_NAME, "mmmmm", "n"),
    "issuer_alternative_name": (x.ISSUER_ALTERNATIVE_NAME, "mmmmm", "n"),
    "subject_directory_attributes": ("2.5.29.9", "xxxxx", "-"),
    "basic_constraints": (x.BASIC_CONSTRAINTS, "mmxxx", "c"),
    "name_constraints": ("2.5.29.30", "xxxxx", "-"),
    "policy_constraints": ("2.5.29.36", "xxxxx", "-"),
    "extended_key_usage": (x.EXTENDED_KEY_USAGE, "xxxmm", "c"),
    "crl_distribution_points": (x.CRL_DISTRIBUTION_POINTS, "mmmmo", "n"),
    "inhibit_any_policy": ("2.5.29.54", "xxxxx", "-"),
    "freshest_crl": ("2.5.29.46", "xxxxx", "-"),
    "authority_information_access": ("1.3.6.1.5.5.7.1.1", "ooooo", "n"),
    "subject_information_access": ("1.3.6.1.5.5.7.1.11", "ooooo", "n"),
    "name_change": (x.NAME_CHANGE, "ooxxx", "n"),
    "document_type_list": (x.DOCUMENT_TYPE_LIST, "xxmxx", "n"),
    "netscape_certificate_type": ("2.16.840.1.113730.1.1", "xxxxx", "-"),
}
_TABLE_10 = {
    "authority_key_identifier": (x.AUTHORITY_KEY_IDENTIFIER, "m", "n"),
    "issuer_alternative_name": (x.ISSUER_ALTERNATIVE_NAME, "o", "n"),
    "crl_number": ("2.5.29.20", "m", "n"),
    "delta_crl_indicator": ("2.5.29.27", "x", "-"),
    "issuing_distribution_point": ("2.5.29.28", "x", "-"),
    "freshest_crl": ("2.5.29.46", "x", "-"),
}
_TABLE_10_ENTRIES = {
    "reason_code": ("2.5.29.21", "x", "-"),
    "hold_instruction_code": ("2.5.29.23", "x", "-"),
    "invalidity_date": ("2.5.29.24", "x", "-"),
    "certificate_issuer": ("2.5.29.29", "x", "-"),
}


@dataclass(frozen=True, slots=True)
class Expected:
    """One extension of a kind: its name, OID, presence (m, o, x) and criticality (c, n, -)."""

    name: str
    identifier: str
    presence: str
    criticality: str


def extensions_of(kind: Kind) -> tuple[Expected, ...]:
    """The rows of table 6 for a kind of certificate, or of table 10 for a revocation list."""
    if kind is Kind.REVOCATION_LIST:
        return tuple(Expected(name, *row) for name, row in _TABLE_10.items())
    column = CERTIFICATES.index(kind)
    return tuple(Expected(name, oid, row[column], critical) for name, (oid, row, critical) in _TABLE_6.items())


ENTRY_EXTENSIONS = tuple(Expected(name, *row) for name, row in _TABLE_10_ENTRIES.items())
HARMLESS_ENTRY_EXTENSIONS = frozenset(("reason_code", "invalidity_date"))
"""Forbidden by table 10, taken by the ICAO directory and every reader where they are not critical."""

_D = "Doc 9303-12 "
CLAUSES = {
    "der": Clause(_D + "7; X.690 10", "every part is in DER form"),
    "readable": Clause("RFC 5280 4.1, 5.1; RFC 5652 5", "it can be read"),
    "version": Clause(_D + "table 5, 9", "a certificate is v3, a revocation list v2"),
    "serial_number": Clause(_D + "table 5; RFC 5280 4.1.2.2", "positive, at most 20 bytes, shortest form"),
    "algorithms_agree": Clause("RFC 5280 4.1.1.2, 5.1.1.2", "both signature algorithms are the same"),
    "algorithm": Clause(_D + "4.1.6", "RSA or ECDSA with SHA-224 to SHA-512"),
    "signature": Clause(_D + "6.1; RFC 5280 6.1", "what is signed by itself verifies"),
    "public_key": Clause(_D + "4.1.6", "a key that can be read, on a known curve"),
    "key_length": Clause(_D + "4.1.6", "key lengths that protect against attacks: RSA of 2048 bits, curves of 224, at "
                         "least"),
    "key_strength": Clause(_D + "4.4 (editions before the eighth)", "CSCA: RSA of 3072 bits or curves of 256, at least",
                           Severity.ADVICE),
    "explicit_parameters": Clause(_D + "4.1.6", "curve parameters are explicit, with the cofactor"),
    "uncompressed_point": Clause(_D + "4.1.6", "points are uncompressed"),
    "country": Clause(_D + "7.1.1.1, table 5", "names have a country: two upper case letters, PrintableString"),
    "countries_match": Clause(_D + "table 5", "issuer and subject are of one country"),
    "common_name": Clause(_D + "7.1.1.1", "names have a common name"),
    "name_strings": Clause(_D + "table 5, 9", "serial numbers are PrintableString, other texts that or UTF8String"),
    "time_form": Clause(_D + "table 5, 9", "UTCTime to 2049, GeneralizedTime from 2050; seconds, Zulu"),
    "time_order": Clause("RFC 5280 4.1.2.5", "what begins comes before what ends"),
    "unique_identifiers": Clause(_D + "table 5", "no unique identifiers"),
    "extension_presence": Clause(_D + "table 6, 10", "mandatory extensions are there, forbidden ones are not"),
    "extension_criticality": Clause(_D + "table 6, 10", "extensions are critical or not as the table has it"),
    "extension_default": Clause(_D + "table 5, 9", "default values are not encoded"),
    "extension_twice": Clause("RFC 5280 4.2", "each extension once"),
    "extension_syntax": Clause("RFC 5280 4.2, 5.2", "each extension can be read"),
    "private_extension": Clause(_D + "table 6", "other extensions are not critical"),
    "key_usage_bits": Clause(_D + "table 6", "CSCA: keyCertSign and cRLSign; signers: digitalSignature; nothing else"),
    "key_period": Clause(_D + "table 6; 4.1", "a private key's usage lies inside its certificate's validity"),
    "key_period_length": Clause(_D + "table 1, 4.1.1, 4.1.4", "CSCA keys sign 3 to 5 years, document signers' 3 months",
                                Severity.ADVICE),
    "basic_constraints": Clause(_D + "table 6", "cA is TRUE, the path length 0"),
    "alternative_names": Clause(_D + "7.1.1.2", "a directory name has the country's code of the MRZ as locality"),
    "key_identifiers": Clause(_D + "table 6; RFC 5280 4.2.1.1", "authority key identifiers have a key identifier; a "
                              "root's is its own"),
    "purpose": Clause(_D + "7.1.1.3", "a list signer has its one purpose"),
    "distribution_points": Clause(_D + "table 6", "addresses are ldap, http or https"),
    "document_types": Clause(_D + "7.1.1.6", "document types are one or two printable signs, version 0"),
    "name_change": Clause(_D + "7.1.1.5", "a link between two names says so, with NULL"),
    "next_update": Clause(_D + "table 9", "a revocation list says when the next one comes"),
    "update_interval": Clause(_D + "4.1.5", "a list at least every 90 days, not more often than every 48 hours"),
    "revoked_certificates": Clause(_D + "table 9", "the rows are absent where nothing is revoked"),
    "crl_number": Clause(_D + "table 10", "not negative, at most 20 bytes, shortest form"),
    "entry_extension": Clause(_D + "table 10", "rows have no reason, hold, invalidity date or certificate issuer"),
    "entry_extension_harmless": Clause(_D + "table 10", "rows have no reason or invalidity date", Severity.ADVICE),
    "signed_data_version": Clause(_D + "9, 10; RFC 5652 5.1", "SignedData is of version 3"),
    "content_version": Clause(_D + "9, 10", "the list is of version 0, and not empty"),
    "listed_authorities": Clause(_D + "9", "a master list lists certificates of CSCAs alone"),
    "certificates_inside": Clause(_D + "9, 10", "the signer's certificate and its CSCA's are inside"),
    "lists_inside": Clause(_D + "9, 10", "no revocation lists inside"),
    "one_signer": Clause(_D + "9, 10", "one signer, as recommended", Severity.ADVICE),
    "signer_identifier": Clause(_D + "9, 10", "the signer is named by its key identifier, as recommended",
                                Severity.ADVICE),
    "signer_version": Clause("RFC 5652 5.3", "version 3 with a key identifier, 1 with issuer and serial number"),
    "signed_attributes": Clause(_D + "9, 10", "content type, message digest and signing time are signed"),
    "list_signature": Clause(_D + "9, 10; RFC 5652 5.4", "the signer's signature is right"),
}  # fmt: skip
"""Every rule by its word, which is stable."""
