"""Writes one small file of every kind that outlives a version, as this version writes it, into tests/vectors/formats/.

`python scripts/make_format_vectors.py` makes a folder named after the version; one that is there is never made anew: a
later version must read what this one wrote (tests/conformance/formats). What is in the files is made up.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from numpy.typing import NDArray

import cccd_core
from cccd_core import synthesis
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Directory, Trust
from cccd_core.dedup import EnrolledPerson, GalleryStore, MemoryGallery
from cccd_core.dedup.decision import FingerComparison
from cccd_core.dedup.gallery.folder import DATABASE_FILE, database_file
from cccd_core.dedup.index import Column, update
from cccd_core.dedup.search.join import JoinPlan, JoinSide
from cccd_core.dedup.search.ledger import Ledger as JoinLedger
from cccd_core.dedup.search.plan import Piece
from cccd_core.dedup.search.task import PairFound, Rows, StageWork, Tile, TileResult
from cccd_core.dedup.service.ledger import Accepted, Settled
from cccd_core.dedup.service.ledger import Ledger as ServiceLedger
from cccd_core.dedup.service.protocol import Operation, ToldError
from cccd_core.emrtd.curves import by_name
from cccd_core.emrtd.cv import Authorization, CvBody, CvPublicKey, Reference, Right, Role, TerminalAlgorithm
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.inspection import CheckName
from cccd_core.issuance.audit import entry as told
from cccd_core.issuance.audit.sql import SqlStore
from cccd_core.issuance.audit.stores import FileStore, TrailStore
from cccd_core.issuance.audit.trail import RunTrail
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.reasons import Fault, Oddity
from cccd_core.issuance.register.numbers import clear_person_id
from cccd_core.issuance.register.store import Acceptance, Register
from cccd_core.issuance.runs.content import Content, ContentStore
from cccd_core.issuance.runs.evidence import Evidence, ProblemEvidence, Revocation
from cccd_core.issuance.runs.orders import Order, Orders
from cccd_core.issuance.runs.state import DossierState, Entry, RunState
from cccd_core.matching import Matcher, PreparedGallery
from cccd_core.personalise import CardEvidence, Journal, Reason, SpoiledCard, StepName, Trouble
from cccd_core.personalise.records import Bind, Locked, Reached, Renew, SetAside, Spoiled, Verified, Written
from cccd_core.pki import TEST_CARD_MASTER_KEY, ValidityPolicy, issue
from cccd_core.pki.directory import FORMAT_VERSION, write_index
from cccd_core.signing.ledger import Ledger, Purpose
from cccd_core.signing.software import SoftwareSigner
from cccd_core.templates import FingerTemplate, Tenprint

FORMATS = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "formats"
DAY = date(2026, 11, 1)
NUMBER = "001088000001"
SERIAL = "0123456789ABCDEF"
RUN = "0123456789abcdef0123456789abcdef"


def main() -> int:
    """Makes the folder of this version; returns the exit code."""
    folder = FORMATS / cccd_core.__version__
    if folder.exists():
        print(f"{folder} is there already and stays as it is", file=sys.stderr)
        return 1
    folder.mkdir(parents=True)
    make(folder)
    for path in sorted(folder.iterdir()):
        path.chmod(0o644)
        print(f"{path.relative_to(FORMATS)}: {path.stat().st_size} bytes")
    return 0


def make(folder: Path) -> None:
    """One file of every kind in this folder."""
    fingers = synthesis.tenprint(seed=1, person=0, positions=(2, 7))
    person = clear_person_id("D1", NUMBER)

    gallery = GalleryStore(folder / "gallery.sqlite", clock=lambda: datetime(2026, 11, 1, 5, tzinfo=UTC))
    gallery.add_many([EnrolledPerson(person, fingers), EnrolledPerson("P3", fingers)])
    gallery.remove("P3", order="order 7")
    gallery.close()
    (folder / DATABASE_FILE).write_bytes(database_file("postgresql://enrolment@db.example:5433/gallery"))

    register = Register(folder / "register.sqlite")
    register.accept(
        [Acceptance("D1", NUMBER, person, True, DAY, None), Acceptance("D2", "001088000002", "P2", False, DAY, DAY)]
    )
    register.verify("D1", NUMBER, SERIAL)
    orders = Orders(folder / "orders.sqlite")
    orders.place([Order("D1", NUMBER, RUN, "sha256:1")])
    orders.close()

    state = RunState(folder / "run.sqlite")
    state.begin(day=DAY, register_id=register.register_id, facts={"reader": "memory"})
    state.add(["D1", "D2"])
    problem = ProblemEvidence("personal_number", Fault.NUMBER_STRUCTURE, {"length": 5})
    state.record(
        [
            Entry("D1", DossierState.VERIFIED, None, "sha256:1", SERIAL, written=True, searched=True),
            Entry("D2", DossierState.REJECTED, Fault.NUMBER_STRUCTURE, warnings=(Oddity.TEXT_SPACES,),
                  evidence=Evidence(problems=(problem,))),
        ],
        {"check": 0.5},
    )  # fmt: skip
    state.revoke([Revocation("FEDCBA9876543210", "D1", "card_refused")])
    state.close()
    register.close()

    content = ContentStore(folder / "checked.sqlite")
    dossier = Dossier("D3", "new", None, "001088000003", "Nguyễn Văn Hòa", date(1988, 5, 17), "M", DAY, None)
    content.put([Content(dossier, fingers, b"a picture")])
    content.close()

    make_audit(folder / "audit.jsonl", FileStore(folder / "audit.jsonl"))
    table = SqlStore(folder / "audit.sqlite")
    make_audit(folder / "audit.sqlite", table)
    table.close()

    make_gallery_index(folder)
    make_join_ledger(folder / "join.ledger")
    make_service_ledger(folder)
    make_card(folder / f"{SERIAL}.card")
    make_journal(folder / "journal")
    make_ledger(folder / "ledger")
    make_index(folder / "pki.json")


def make_audit(path: Path, store: TrailStore) -> None:
    """Two entries, one of them in a block that is signed by a key of number 7, whose certificate is kept beside."""
    actor = told.Actor("factory-1", told.Role.FACTORY)
    signer = audit_signer()
    trail = RunTrail(store, RUN, clock=lambda: datetime(2026, 11, 1, 5, tzinfo=UTC), signer=lambda: signer)
    trail.append([told.Entry(told.Kind.DOSSIER, "verified", actor, "D1", SERIAL, "order 7")])
    trail.seal()
    trail.append([told.Entry(told.Kind.DOSSIER, "rejected", actor, "D2", reason="number_structure")])
    path.with_name("audit.der").write_bytes(signer.certificate_der)


def audit_signer() -> SoftwareSigner:
    """A key that anybody can compute."""
    key = ec.derive_private_key(7, ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bare = SoftwareSigner(key, b"")
    authority = issue.Authority(
        issue.name({"C": "VN", "CN": "TEST Audit Signer"}), issue.key_identifier(spki), bare.algorithm, bare.sign
    )
    start = datetime(2026, 1, 1, tzinfo=UTC)
    validity = issue.Validity(start, start + timedelta(days=800), start + timedelta(days=700))
    return SoftwareSigner(key, issue.audit_certificate(authority, spki, 7, validity))


class OneCode:
    """A code of one byte: how many minutiae there are."""

    digest = "sha256:" + hashlib.sha256(b"one code").hexdigest()
    columns = (Column("count", 1),)

    def encode(
        self,
        templates: Sequence[FingerTemplate],
        *,
        prepared: Mapping[str, PreparedGallery] | None = None,  # noqa: ARG002
        threads: int = 1,  # noqa: ARG002
    ) -> dict[str, NDArray[np.uint8]]:
        """uint8[n, 1]."""
        return {"count": np.array([[template.count] for template in templates], np.uint8)}


def made_up_finger(count: int) -> FingerTemplate:
    """A finger of so many minutiae on a grid."""
    number = np.arange(count, dtype=np.uint16)
    place = 100 + 23 * (number % 8), 100 + 29 * (number // 8)
    bytes_ = number.astype(np.uint8)
    return FingerTemplate(*place, number * 777, bytes_ % 3, bytes_, 400, 400)


def make_gallery_index(folder: Path) -> None:
    """The index of five people, one with a finger of unknown position, of whom one was withdrawn since."""
    gallery = MemoryGallery(clock=lambda: datetime(2026, 11, 1, 5, tzinfo=UTC))
    gallery._id = RUN
    gallery.add(EnrolledPerson("P1", Tenprint({2: made_up_finger(20), 7: made_up_finger(30)}), (made_up_finger(12),)))
    gallery.add_many(EnrolledPerson(f"P{n}", Tenprint({n - 1: made_up_finger(20 * n)})) for n in range(2, 6))
    with TemporaryDirectory() as place:
        update(gallery, Path(place), Matcher(), OneCode())
        gallery.remove("P2", order="order 7")
        update(gallery, Path(place), Matcher(), OneCode())
        (shard,) = Path(place).rglob("*.shard")
        shutil.move(shard, folder / "index.shard")
        shutil.move(Path(place) / "index" / "manifest.json", folder / "index.json")


def make_join_ledger(path: Path) -> None:
    """The ledger of a join of five people in one tile, which found one pair."""
    side = JoinSide(RUN, 5, 5, 1)
    plan = JoinPlan(
        "codes:keep=0.001>same>any", "sha256:1", "sha256:2", "sha256:3", "sha256:4", (side,),
        (Piece(0, "index.shard", "0123", 5),), 16384,
    )  # fmt: skip
    ledger: JoinLedger[JoinPlan, TileResult] = JoinLedger.create(path, plan)
    work = StageWork(10, 20, 0.5)
    pair = PairFound(1, 3, "duplicate", 97.5, True, (FingerComparison(2, 7, 55.5),))
    rows = Rows(0, "index.shard", "0123", 0, 5)
    ledger.add(Tile(rows, rows).id, TileResult((pair,), work, work, work, work, work))
    ledger.close()


def make_service_ledger(folder: Path) -> None:
    """The ledger of a service that settled one request, failed one, and has one under way."""
    ledger = ServiceLedger.open(folder, RUN)
    digest = hashlib.sha256(b"sent").digest()
    operations: tuple[Operation, ...] = ("insert", "identify", "delete")
    for number, operation in enumerate(operations, start=1):
        ledger.accept(
            Accepted(f"r{number}", operation, digest, "A-9", "CV 1" if number == 3 else None, 1), durable=True
        )
    ledger.settle("r1", Settled("done", {"number": 6}), durable=True)
    ledger.settle("r2", Settled("failed", None, ToldError("conflict", "taken", {"reference": "A-9"})), durable=True)
    ledger.close()


def make_ledger(path: Path) -> None:
    """The ledger of a key that signed twice; the rest of its block was given back."""
    ledger = Ledger.open(path, hashlib.sha256(b"a key").digest())
    at = datetime(2026, 11, 1, 5, tzinfo=UTC)
    ledger.record(hashlib.sha256(b"one").digest(), Purpose.SECURITY_OBJECT, run=bytes.fromhex(RUN), at=at)
    ledger.record(hashlib.sha256(b"two").digest(), Purpose.CERTIFICATE, at=at)
    ledger.close()


def make_index(path: Path) -> None:
    """The index of a PKI folder with two keys of everything, one of them in a token, and a revocation."""
    token = {"module": "/usr/lib/m.so", "token": "t", "key": "k"}
    index = {
        "format": "cccd-pki", "version": FORMAT_VERSION, "test": True, "country": "VNM",
        "made": "2026-11-01T00:00:00+00:00", "policy": ValidityPolicy(signature_limit=1000).as_dict(),
        "authorities": [{"folder": "csca"}, {"folder": "csca-2"}],
        "document_signers": [{"folder": "ds", "limit": 1000}, {"folder": "ds-2", "pkcs11": token}],
        "list_signers": [{"folder": "mls", "lists": "master_list"}],
        "revoked": [{"serial_number": "5E2A", "at": "2026-11-01T05:00:00+00:00", "reason": "superseded"}],
        "crl_number": 7,
    }  # fmt: skip
    write_index(path.parent, index)


def make_card(path: Path) -> None:
    """A locked card with one small file, a secret, a CVCA that it trusts and a used counter."""
    with VirtualCard.create(path, serial=bytes.fromhex(SERIAL), master_key=CardMasterKey(TEST_CARD_MASTER_KEY)) as card:
        card.memory.create_file(Directory.APPLICATION, 0x0101, 1, 8)
        card.memory.write(Directory.APPLICATION, 0x0101, 2, b"DG1")
        card.memory.store_secrets({1: b"000001"}, made_up_trust())
        card.memory.set_counters(sequence=7)
        card.memory.set_life_cycle(LifeCycle.LOCKED)


def made_up_trust() -> Trust:
    """A CVCA whose key is the curve's own generator: whoever can multiply by one has it."""
    curve = by_name("brainpoolP256r1")
    key = EcPublicKey(curve, curve.gx, curve.gy, explicit=True)
    public = CvPublicKey.of(TerminalAlgorithm.ECDSA_SHA256, key, domain_parameters=True)
    name = Reference.of("VNMADEUP00001")
    rights = Authorization(Role.CVCA, Right.READ_DG3 | Right.READ_DG4)
    return Trust(DAY, (CvBody(name, public, name, rights, DAY, date(2029, 10, 31)),))


def make_journal(path: Path) -> None:
    """A journal of one card that was verified and one that was spoiled."""
    digests = {"EF_SOD": "00" * 32}
    refused = Reason(Trouble.CARD_REFUSED, StepName.CREATE_FILE, "6985")
    evidence = CardEvidence(
        spoiled=(SpoiledCard("FEDCBA9876543210", refused, False),), reader="memory", checks={CheckName.PACE: True}
    )
    with Journal(path) as journal:
        for record in (
            Bind("FEDCBA9876543210", "D1", NUMBER, digests),
            Spoiled("FEDCBA9876543210", refused),
            Bind(SERIAL, "D1", NUMBER, digests),
            Reached(SERIAL, "EF_SOD", 100, False),
            Renew(SERIAL, digests, True),
            Reached(SERIAL, "EF_SOD", 200, True),
            Written(SERIAL),
            Locked(SERIAL),
            Verified(SERIAL, evidence),
            SetAside("00000000000000AA", Reason(Trouble.NOT_BLANK)),
        ):
            journal.append(record)


if __name__ == "__main__":
    sys.exit(main())
