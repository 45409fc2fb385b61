"""Certificates, revocation lists, master lists, path validation, passive authentication, and a test country's PKI."""

from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.crl import RevocationList, parse_crl
from cccd_core.pki.directory import PkiDirectory, load
from cccd_core.pki.local_country import TEST_CARD_MASTER_KEY, init
from cccd_core.pki.master_list import MasterList, load_master_list, parse_master_list, verify_master_list
from cccd_core.pki.material import Material
from cccd_core.pki.messages import SignatureReport, judge_message
from cccd_core.pki.outlook import Notice, outlook
from cccd_core.pki.passive import DocumentReport, judge_document, passive_authentication
from cccd_core.pki.path import Role
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.report import Finding, Outcome, Report
from cccd_core.pki.revocation import RevocationStatus
from cccd_core.pki.rules import RULES, Action, Rule
from cccd_core.pki.signers import DirectorySigners, DocumentSigners, OneSigner
from cccd_core.pki.trust import PathReport, TrustPath, TrustStore
from cccd_core.pki.turn import SignerTooShortError
from cccd_core.pki.validity import ValidityPolicy
from cccd_core.signing.keys import load_public_key

__all__ = [
    "RULES",
    "TEST_CARD_MASTER_KEY",
    "Action",
    "Certificate",
    "DirectorySigners",
    "DocumentReport",
    "DocumentSigners",
    "Finding",
    "MasterList",
    "Material",
    "Notice",
    "OneSigner",
    "Outcome",
    "PathReport",
    "PkiDirectory",
    "Report",
    "RevocationList",
    "RevocationStatus",
    "Role",
    "Rule",
    "SignatureReport",
    "SignerTooShortError",
    "TrustPath",
    "TrustStore",
    "ValidityPolicy",
    "VerificationPolicy",
    "init",
    "judge_document",
    "judge_message",
    "load",
    "load_master_list",
    "load_public_key",
    "outlook",
    "parse_certificate",
    "parse_crl",
    "parse_master_list",
    "passive_authentication",
    "verify_master_list",
]
