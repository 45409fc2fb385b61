"""OpenSSL accepts what we sign: certificates, revocation lists, EF.SOD."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cccd_core import pki
from cccd_core.emrtd import ElementaryFile, tlv
from cccd_core.pki import authority, publish
from cccd_core.pki.deviation_list import Description, Deviation, Documents
from cccd_core.signing import Signer, SoftwareSigner
from support import countries, emrtd_samples
from support.patience import PATIENCE_S

KEYS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "brainpoolP256r1": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "brainpoolP384r1": lambda: ec.generate_private_key(ec.BrainpoolP384R1()),
    "brainpoolP512r1": lambda: ec.generate_private_key(ec.BrainpoolP512R1()),
    "RSA-3072": lambda: rsa.generate_private_key(65537, 3072),
}
AT = ("-attime", str(int(emrtd_samples.NOW.timestamp())))


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The real tool; its answer in English, whatever the machine speaks."""
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def pem_of(certificate: bytes, path: Path) -> Path:
    der = path.with_suffix(".der")
    der.write_bytes(certificate)
    assert openssl("x509", "-inform", "DER", "-in", der, "-out", path).returncode == 0
    return path


def verify_with_openssl(sod: bytes, folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    message = folder / "sod.der"
    message.write_bytes(tlv.read_one(sod, 0x77).value)
    return openssl(
        "cms", "-verify", "-binary", "-inform", "DER", "-in", message, "-purpose", "any",
        "-out", folder / "content.der", *options,
    )  # fmt: skip


def signed_by(signer: Signer, **options: object) -> bytes:
    return emrtd_samples.chip_image(signer, **options)[ElementaryFile.EF_SOD]


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("version", [0, 1])
def test_openssl_accepts_signature_and_chain(name: str, version: int, tmp_path: Path) -> None:
    country = countries.country()
    key = KEYS[name]()
    signer = SoftwareSigner.load(countries.pem(key), country.signer(key).der)
    sod = signed_by(signer, sod_version=version, signing_time=emrtd_samples.NOW)
    root = pem_of(country.certificate.der, tmp_path / "csca.pem")
    answer = verify_with_openssl(sod, tmp_path, "-CAfile", root, *AT)
    assert answer.returncode == 0, answer.stderr
    assert "CMS Verification successful" in answer.stderr
    assert (tmp_path / "content.der").read_bytes()[:1] == b"\x30"


def test_openssl_refuses_another_csca_and_a_changed_sod(tmp_path: Path) -> None:
    country, other = countries.country(), countries.country()
    key = KEYS["P-256"]()
    sod = signed_by(SoftwareSigner.load(countries.pem(key), country.signer(key).der))
    root = pem_of(other.certificate.der, tmp_path / "other.pem")
    assert verify_with_openssl(sod, tmp_path, "-CAfile", root, *AT).returncode != 0
    root = pem_of(country.certificate.der, tmp_path / "csca.pem")
    changed = bytearray(sod)
    changed[-1] ^= 1
    assert verify_with_openssl(bytes(changed), tmp_path, "-CAfile", root, *AT).returncode != 0


def test_openssl_accepts_the_signature_with_explicit_curve_parameters(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki")
    assert folder.csca_certificate.public_key.explicit  # type: ignore[union-attr]
    assert folder.document_signer_certificate.public_key.explicit  # type: ignore[union-attr]
    sod = signed_by(folder.document_signer())
    answer = verify_with_openssl(sod, tmp_path, "-noverify")
    assert answer.returncode == 0, answer.stderr


def test_a_made_country_is_what_openssl_expects(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", explicit_curves=False)  # OpenSSL builds no chain of explicit parameters
    root = pem_of(folder.csca_certificate.der, tmp_path / "csca.pem")
    signer = pem_of(folder.document_signer_certificate.der, tmp_path / "ds.pem")
    crl = tmp_path / "crl.pem"
    assert openssl("crl", "-inform", "DER", "-in", folder.path / "csca/crl.der", "-out", crl).returncode == 0
    answer = openssl("verify", "-x509_strict", "-crl_check", "-CRLfile", crl, "-CAfile", root, signer)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "verify OK" in openssl("crl", "-in", crl, "-CAfile", root, "-noout").stderr
    text = openssl("x509", "-in", signer, "-noout", "-text").stdout
    for wanted in ("Private Key Usage Period", "2.23.136.1.1.6.2", "CRL Distribution Points", "DirName:/L=VNM"):
        assert wanted in text
    sod = signed_by(folder.document_signer())
    answer = verify_with_openssl(sod, tmp_path, "-CAfile", root)
    assert answer.returncode == 0, answer.stderr


def test_a_csca_that_was_followed_is_what_openssl_expects(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", explicit_curves=False)
    old = pem_of(folder.csca_certificate.der, tmp_path / "old.pem")
    authority.roll_over(folder.path)
    after = authority.add_signer(folder.path).directory
    link = pem_of((folder.path / "csca-2/link.der").read_bytes(), tmp_path / "link.pem")
    signer = pem_of(after.signers[1].certificate.der, tmp_path / "ds2.pem")
    # Who trusts the old key alone comes by the link to what the new one certified.
    answer = openssl("verify", "-x509_strict", "-CAfile", old, "-untrusted", link, signer)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert openssl("verify", "-x509_strict", "-CAfile", old, signer).returncode != 0
    new = pem_of(after.csca_certificate.der, tmp_path / "new.pem")
    assert openssl("verify", "-x509_strict", "-CAfile", new, signer).returncode == 0
    # A new name on the way: the link itself verifies.
    authority.roll_over(folder.path, new_name="TEST CSCA renamed")
    renamed = pem_of((folder.path / "csca-3/link.der").read_bytes(), tmp_path / "renamed.pem")
    assert openssl("verify", "-CAfile", new, renamed).returncode == 0
    assert "2.23.136.1.1.6.1" in openssl("x509", "-in", renamed, "-noout", "-text").stdout


def test_a_revocation_with_its_reason_is_what_openssl_expects(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", explicit_curves=False)
    serial = folder.signers[0].certificate.serial_number
    since = folder.signers[0].certificate.not_before
    authority.revoke(folder.path, serial, "key_compromise", invalid_since=since)
    root = pem_of(folder.csca_certificate.der, tmp_path / "csca.pem")
    signer = pem_of(folder.signers[0].certificate.der, tmp_path / "ds.pem")
    crl = tmp_path / "crl.pem"
    assert openssl("crl", "-inform", "DER", "-in", folder.path / "csca/crl.der", "-out", crl).returncode == 0
    text = openssl("crl", "-in", crl, "-noout", "-text").stdout
    for wanted in ("Key Compromise", "Invalidity Date", f"{serial:X}", "CRL Number"):
        assert wanted in text
    answer = openssl("verify", "-crl_check", "-CRLfile", crl, "-CAfile", root, signer)
    assert "certificate revoked" in answer.stdout + answer.stderr


@pytest.mark.parametrize("kind", sorted(authority.LIST_SIGNERS))
def test_openssl_accepts_signed_lists(kind: str, tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", explicit_curves=False)
    authority.add_list_signer(folder.path, kind)
    known = [Deviation(Documents("ID"), (Description("chip"),))]
    made = publish.master_list(folder.path) if kind == "master_list" else publish.deviation_list(folder.path, known)
    (tmp_path / "list.der").write_bytes(made)
    root = pem_of(folder.csca_certificate.der, tmp_path / "csca.pem")
    answer = openssl(
        "cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "list.der", "-purpose", "any",
        "-CAfile", root, "-out", tmp_path / "content.der",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert openssl("asn1parse", "-inform", "DER", "-in", tmp_path / "content.der").returncode == 0
