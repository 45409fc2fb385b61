"""Specimens and real documents as chips: what can be read of them is judged, and no genuine one is accused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.card import MemoryLink
from cccd_core.emrtd import ElementaryFile
from cccd_core.inspection import Access, CheckName, Inspection, Outcome, Verdict, inspect
from cccd_core.pki import TrustStore, VerificationPolicy, material
from support.documents import PlainChip

pytestmark = pytest.mark.vectors
AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
POLICIES = (VerificationPolicy.STRICT, VerificationPolicy.LEGACY)


@pytest.fixture(scope="module")
def trust(vectors: Path) -> TrustStore:
    """The authorities of both published master lists."""
    return material.load(vectors / "master_lists").trust_store(AT)


def look(files: Mapping[ElementaryFile, bytes], trust: TrustStore, policy: VerificationPolicy) -> Inspection:
    return inspect(MemoryLink(PlainChip(files)), trust, access=Access(), policy=policy, at=AT)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize("state", ["AT", "AU", "CN", "DE", "FI", "FR", "GB", "ID", "MY", "NZ", "PH", "RU", "SG", "US"])
def test_no_state_is_accused(state: str, policy: VerificationPolicy, vectors: Path, trust: TrustStore) -> None:
    """Of these chips EF.SOD alone is published: nothing is known against them, and they are not accepted either."""
    ef_sod = (vectors / "real_sod" / f"{state}.bin").read_bytes()
    found = look({ElementaryFile.EF_SOD: ef_sod}, trust, policy)
    assert found.verdict is Verdict.UNDECIDED
    assert found.passive is not None
    assert found.passive.rules[pki.Rule.SIGNATURE] is not pki.Outcome.FAILED or state == "RU"
    signer = found.passive.document_signer
    assert signer is not None
    assert signer.country == state


def test_a_specimen_whose_group_is_its_own_and_one_whose_group_is_not(vectors: Path, trust: TrustStore) -> None:
    case = json.loads((vectors / "bsi_specimen_sod.json").read_text())["cases"][0]
    groups = {ElementaryFile.for_data_group(int(number)): bytes.fromhex(data) for number, data in case["dgs"].items()}
    files = {ElementaryFile.EF_SOD: bytes.fromhex(case["sod"])}
    own = look({**files, ElementaryFile.DG1: groups[ElementaryFile.DG1]}, trust, VerificationPolicy.LEGACY)
    assert own.verdict is Verdict.UNDECIDED
    assert own.fields["DG1.issuing_state"] == "D"
    other = look({**files, ElementaryFile.DG14: groups[ElementaryFile.DG14]}, trust, VerificationPolicy.LEGACY)
    assert other.verdict is Verdict.NOT_GENUINE
    passive = other.check(CheckName.PASSIVE_AUTHENTICATION)
    assert passive is not None
    assert (passive.outcome, "digest" in passive.detail) == (Outcome.FAILED, True)
