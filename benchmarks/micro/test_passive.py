"""Passive authentication of P-256 documents of one trusted signer, beside the raw verifications that it needs.

Raw is what no verifier can leave out: one ECDSA verification with a key at hand, one hash of each data group. Both
sides run in turn, block by block, over the same documents; the ratio is of the medians of the blocks, the spread that
of the blocks' own ratios, in seconds of the processor, which other programs do not take. Seed: the documents are
numbered. Correctness beside the speed: every document is accepted, and one with a changed byte is not, or the
benchmark fails."""

from __future__ import annotations

import hashlib
import statistics
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from cccd_core import pki
from cccd_core.emrtd import ber
from cccd_core.emrtd import sod as sods
from cccd_core.signing import SoftwareSigner, sign_data_groups
from support import countries, x509_forms
from support.emrtd_samples import NOW

DOCUMENTS = 40
BLOCKS = 25
SIZES = {2: 16_000, 3: 2_000, 13: 400, 14: 180, 15: 100}


def documents(signer: SoftwareSigner) -> list[tuple[bytes, dict[int, bytes]]]:
    """EF.SOD and data groups, of a card's sizes."""
    made = []
    for number in range(DOCUMENTS):
        groups = {group: hashlib.shake_256(bytes((number, group))).digest(size) for group, size in SIZES.items()}
        groups[1] = x509_forms.dg1(x509_forms.ZONE)
        made.append((sign_data_groups(groups, signer), groups))
    return made


def test_documents_of_one_signer(capsys: pytest.CaptureFixture[str]) -> None:
    country, key = countries.country(), ec.generate_private_key(ec.SECP256R1())
    certificate = country.signer(key)
    trust = pki.TrustStore([country.certificate])
    made = documents(SoftwareSigner.load(countries.pem(key), certificate.der))
    public, scheme = key.public_key(), ec.ECDSA(hashes.SHA256())
    needed = []
    for sod, groups in made:
        info = sods.parse(sod).signed_data.signers[0]
        assert info.signed_attributes_sent is not None
        needed.append((info.signature, ber.to_der(info.signed_attributes_sent), groups))
    raw, whole = [], []
    for _ in range(BLOCKS):
        start = time.process_time()
        for signature, signed, groups in needed:
            public.verify(signature, signed, scheme)
            for content in groups.values():
                hashlib.sha256(content).digest()
        between = time.process_time()
        for sod, groups in made:
            assert pki.passive_authentication(sod, groups, trust, NOW).accepted
        raw.append((between - start) / DOCUMENTS)
        whole.append((time.process_time() - between) / DOCUMENTS)
    sod, groups = made[0]
    assert not pki.judge_document(sod, groups | {2: groups[2][:-1] + b"?"}, trust, NOW).accepted
    ratios = sorted(a / b for a, b in zip(raw, whole, strict=True))
    a, b = statistics.median(raw), statistics.median(whole)
    with capsys.disabled():
        print(
            f"\npassive authentication, {sum(map(len, groups.values())):,} bytes of data groups: {1 / b:,.0f} "
            "documents/s "
            f"beside {1 / a:,.0f}/s raw, {a / b:.0%} (blocks {ratios[0]:.0%} to {ratios[-1]:.0%})"
        )
