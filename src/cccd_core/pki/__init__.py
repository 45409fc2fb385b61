"""Certificates, revocation lists, master lists, path validation, passive authentication, and a test country's PKI."""

from cccd_core.pki.certificates import Certificate, RevocationList, parse_certificate, parse_crl
from cccd_core.pki.directory import PkiDirectory, load
from cccd_core.pki.local_country import TEST_CARD_MASTER_KEY, init
from cccd_core.pki.master_list import MasterList, load_master_list, parse_master_list
from cccd_core.pki.passive import PassiveResult, passive_authentication
from cccd_core.pki.trust import TrustPath, TrustStore
from cccd_core.signing.keys import load_public_key

__all__ = [
    "TEST_CARD_MASTER_KEY",
    "Certificate",
    "MasterList",
    "PassiveResult",
    "PkiDirectory",
    "RevocationList",
    "TrustPath",
    "TrustStore",
    "init",
    "load",
    "load_master_list",
    "load_public_key",
    "parse_certificate",
    "parse_crl",
    "parse_master_list",
    "passive_authentication",
]
