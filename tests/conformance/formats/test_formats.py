"""Files outlive versions: what every version so far has written is read by this one, every kind of it.

`scripts/make_format_vectors.py` makes a folder for each version. A version that cannot read an earlier one's file must
say in its error which command migrates it, and that is then asserted here in place of the content.
"""

from __future__ import annotations

import hashlib
import importlib
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import cccd_core
from cccd_core import pki
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Directory
from cccd_core.dedup import GalleryStore, WithdrawalKind
from cccd_core.dedup.gallery.folder import database_named
from cccd_core.dedup.index import Shard
from cccd_core.dedup.index.manifest import read_manifest
from cccd_core.dedup.search.join import JoinPlan
from cccd_core.dedup.search.ledger import Ledger as JoinLedger
from cccd_core.dedup.search.task import Rows, Tile, TileResult
from cccd_core.dedup.service.ledger import Ledger as ServiceLedger
from cccd_core.dedup.service.protocol import ToldError
from cccd_core.inspection import CheckName
from cccd_core.issuance.audit.findings import AuditKey
from cccd_core.issuance.audit.sql import SqlStore
from cccd_core.issuance.audit.trail import read
from cccd_core.issuance.audit.verify import verify
from cccd_core.issuance.dossiers.reasons import Fault, Oddity
from cccd_core.issuance.register.numbers import clear_person_id
from cccd_core.issuance.register.store import CardStatus, Register
from cccd_core.issuance.runs.content import ContentStore
from cccd_core.issuance.runs.evidence import Revocation
from cccd_core.issuance.runs.orders import Order, Orders
from cccd_core.issuance.runs.state import DossierState, RunState
from cccd_core.personalise import Journal, Reason, Stage, StepName, Trouble
from cccd_core.signing import ledger

ROOT = Path(__file__).resolve().parents[3]
FORMATS = ROOT / "tests" / "vectors" / "formats"
VERSIONS = sorted(path.name for path in FORMATS.iterdir())
KINDS = {
    "0123456789ABCDEF.card", "audit.der", "audit.jsonl", "audit.sqlite", "checked.sqlite", "gallery.json",
    "gallery.sqlite", "journal",
    "join.ledger", "orders.sqlite", "index.json", "index.shard", "ledger", "pki.json", "register.sqlite", "run.sqlite",
    "service.log",
}  # fmt: skip
DAY = date(2026, 11, 1)
NUMBER = "001088000001"
SERIAL = "0123456789ABCDEF"
RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(params=VERSIONS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of one version's files: opening one may write to it."""
    shutil.copytree(FORMATS / request.param, tmp_path / "files")
    return tmp_path / "files"


def test_the_version_at_hand_has_its_files() -> None:
    assert cccd_core.__version__ in VERSIONS
    for version in VERSIONS:
        assert {path.name for path in (FORMATS / version).iterdir()} == KINDS


def test_the_files_are_what_this_version_writes(tmp_path: Path) -> None:
    """So that no format changes unseen: those files whose bytes depend on nothing else are compared as they are."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        importlib.import_module("make_format_vectors").make(tmp_path)
    finally:
        sys.path.pop(0)
    assert {path.name for path in tmp_path.iterdir()} == KINDS
    for name in ("0123456789ABCDEF.card", "gallery.json", "index.json", "index.shard", "join.ledger", "journal"):
        assert (tmp_path / name).read_bytes() == (FORMATS / cccd_core.__version__ / name).read_bytes(), name


def test_gallery(folder: Path) -> None:
    gallery = GalleryStore(folder / "gallery.sqlite")
    (person,) = gallery
    assert person.person_id == clear_person_id("D1", NUMBER)
    assert list(person.tenprint) == [2, 7]
    assert min(template.count for template in person.tenprint.values()) > 20
    (gone,) = gallery.withdrawals()
    assert (gone.sequence, gone.kind, gone.person_id, gone.order) == (1, WithdrawalKind.REMOVED, "P3", "order 7")
    assert (gone.time, gone.fingers) == (datetime(2026, 11, 1, 5, tzinfo=UTC), 2)


def test_index_of_a_gallery(folder: Path) -> None:
    (folder / "index.json").rename(folder / "manifest.json")
    manifest = read_manifest(folder, None)
    assert manifest is not None
    assert (manifest.gallery, manifest.sequence, manifest.withdrawal, manifest.people) == (RUN, 5, 1, 4)
    (entry,) = manifest.shards
    shard = Shard.open(folder / "index.shard")
    assert (entry.mark, entry.people, entry.dead) == (shard.file.mark, 5, (2,))
    assert shard.sequences.tolist() == [1, 2, 3, 4, 5]
    assert shard.present.tolist() == [0b1000010, 1, 2, 4, 8]
    codes = shard.codes("count")[:, :, 0].tolist()
    assert codes[:2] == [[0, 20, 0, 0, 0, 0, 30, 0, 0, 0], [40] + [0] * 9]
    assert (shard.unplaced.tolist(), shard.unplaced_codes("count").tolist()) == ([0], [[12]])
    block = shard.block(slice(None))
    assert block.labels == ((2, 7, 0), (1,), (2,), (3,), (4,))
    assert block.packed.counts.tolist() == [12, 40, 20, 60, 80, 100, 30]
    assert not list(shard.damages())


def test_ledger_of_a_join(folder: Path) -> None:
    ledger = JoinLedger.open(folder / "join.ledger", JoinPlan, TileResult)
    ledger.close()
    assert (ledger.plan.cascade, ledger.plan.tile_people) == ("codes:keep=0.001>same>any", 16384)
    assert [(side.gallery, side.people) for side in ledger.plan.sides] == [(RUN, 5)]
    ((task, result),) = ledger.done.items()
    assert task == Tile(*[Rows(0, "", "0123", 0, 5)] * 2).id
    (pair,) = result.pairs
    assert (pair.a, pair.b, pair.outcome, pair.score) == (1, 3, "duplicate", 97.5)
    assert [(one.position, one.candidate_position) for one in pair.fingers] == [(2, 7)]
    assert result.glance.finger_pairs == 20


def test_ledger_of_a_service(folder: Path) -> None:
    ledger = ServiceLedger.open(folder, RUN)
    done, failed, under_way = (ledger.get(f"r{number}") for number in (1, 2, 3))
    ledger.close()
    assert done is not None
    assert done.reply().outcome == {"number": 6}
    assert failed is not None
    assert failed.settled is not None
    assert failed.settled.error == ToldError("conflict", "taken", {"reference": "A-9"})
    assert under_way is not None
    assert under_way.settled is None
    assert (under_way.accepted.operation, under_way.accepted.order) == ("delete", "CV 1")


def test_a_database_that_is_named(folder: Path) -> None:
    assert database_named(folder / "gallery.json") == "postgresql://enrolment@db.example:5433/gallery"


def test_register_and_orders(folder: Path) -> None:
    register = Register(folder / "register.sqlite")
    first, second = register.cards()
    assert (first.dossier_id, first.number, first.status) == ("D1", NUMBER, CardStatus.VALID)
    assert (first.serial, first.issue_date, first.expiry_date) == (SERIAL, DAY, None)
    assert (second.status, second.serial, second.expiry_date) == (CardStatus.UNDER_WAY, None, DAY)
    assert register.person_of("001088000002") == "P2"
    assert register.enrolled() == 1
    assert Orders(folder / "orders.sqlite").order("D1", NUMBER) == Order("D1", NUMBER, RUN, "sha256:1")


def test_run(folder: Path) -> None:
    state = RunState(folder / "run.sqlite")
    verified, rejected = state.entries()
    assert (verified.state, verified.card_serial, verified.written) == (DossierState.VERIFIED, SERIAL, True)
    assert (rejected.reason, rejected.warnings) == (Fault.NUMBER_STRUCTURE, (Oddity.TEXT_SPACES,))
    assert rejected.evidence.problems[0].facts == {"length": 5}
    assert state.day == DAY
    assert state.seconds() == {"check": 0.5}
    assert state.revocations() == (Revocation("FEDCBA9876543210", "D1", "card_refused"),)


def test_checked_dossiers(folder: Path) -> None:
    (content,) = ContentStore(folder / "checked.sqlite").read(["D3"])
    assert (content.dossier.full_name, content.dossier.birth_date) == ("Nguyễn Văn Hòa", date(1988, 5, 17))
    assert (list(content.tenprint), content.portrait) == ([2, 7], b"a picture")


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.sqlite"])
def test_audit(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes() if name == "audit.jsonl" else SqlStore(folder / name, make=False)
    key = AuditKey.of_certificate((folder / "audit.der").read_bytes())
    found = verify(data, about=RUN, keys=[key])
    assert (found.sound, found.version, found.entries, found.signed) == (True, 2, 2, 1)
    assert [(one.number, one.entry.dossier, one.entry.what, one.entry.order) for one in read(data)] == [
        (1, "D1", "verified", "order 7"),
        (2, "D2", "rejected", None),
    ]


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    with Journal(folder / "journal") as opened:
        yield opened


def test_journal(journal: Journal) -> None:
    spoiled, verified, aside = journal.cards()
    assert (spoiled.stage, spoiled.reason) == (
        Stage.SPOILED, Reason(Trouble.CARD_REFUSED, StepName.CREATE_FILE, "6985"),
    )  # fmt: skip
    assert (verified.serial, verified.stage, verified.personal_number) == (SERIAL, Stage.VERIFIED, NUMBER)
    assert verified.evidence is not None
    assert verified.evidence.checks == {CheckName.PACE: True}
    assert (aside.stage, aside.reason) == (Stage.SET_ASIDE, Reason(Trouble.NOT_BLANK))


def test_ledger(folder: Path) -> None:
    tally = ledger.read(folder / "ledger")
    assert (tally.used, tally.signatures, tally.unaccounted) == (2, 2, 0)
    assert tally.purposes == {ledger.Purpose.SECURITY_OBJECT: 1, ledger.Purpose.CERTIFICATE: 1}
    first, second = ledger.entries(folder / "ledger")
    assert (first.digest, first.run.hex()) == (hashlib.sha256(b"one").digest(), RUN)
    assert (second.number, second.time.hour) == (1, 5)
    opened = ledger.Ledger.open(folder / "ledger", hashlib.sha256(b"a key").digest())
    assert opened.used == 2
    opened.close()


def test_pki_index(folder: Path, tmp_path: Path) -> None:
    country = pki.init(tmp_path / "country")
    for name in ("csca-2", "ds-2", "mls"):
        shutil.copytree(country.path / name.partition("-")[0].replace("mls", "ds"), country.path / name)
    shutil.copy(folder / "pki.json", country.path / "pki.json")
    loaded = pki.load(country.path)
    assert [one.folder for one in loaded.authorities] == ["csca", "csca-2"]
    assert [(one.limit, one.pkcs11 is None) for one in loaded.signers] == [(1000, True), (None, False)]
    assert [one.lists for one in loaded.list_signers] == ["master_list"]
    assert [(one.serial_number, one.reason) for one in loaded.revoked] == [("5E2A", "superseded")]
    assert (loaded.crl_number, loaded.policy.signature_limit) == (7, 1000)


def test_card(folder: Path) -> None:
    with VirtualCard.open(folder / f"{SERIAL}.card") as card:
        assert (card.serial.hex().upper(), card.life_cycle) == (SERIAL, LifeCycle.LOCKED)
        assert bytes(card.memory.files[Directory.APPLICATION, 0x0101].content) == b"\0\0DG1\0\0\0"
        assert card.memory.secrets == {1: b"000001"}
        assert card.memory.trust is not None
        assert card.memory.trust.today == DAY
        assert [str(point.holder) for point in card.memory.trust.points] == ["VNMADEUP00001"]
        assert card.memory.sequence_counter == 7
