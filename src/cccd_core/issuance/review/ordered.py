"""A duplicate that a search decided, handed to people by order: whoever it was may get a card yet.

The search decides of most duplicates alone. One that was decided wrong has nothing to be opened again; so a case is
opened about it, of the kind that the search opens where it is not sure, and says by whose order. From then on the
dossier is never a duplicate by its score alone: the next run puts it in review, and does what two people settle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cccd_core.errors import ConflictError, FileError
from cccd_core.issuance.access.accounts import name
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.dossiers.check import check_dossier
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.reasons import DuplicateReason
from cccd_core.issuance.register.store import Register
from cccd_core.issuance.review.cases import Case, Other, Question
from cccd_core.issuance.review.kept import KeptDossiers
from cccd_core.issuance.review.settle import CaseKind, why
from cccd_core.issuance.review.store import Cases, order_number
from cccd_core.issuance.runs.content import Content
from cccd_core.issuance.runs.evidence import OrderEvidence, SearchEvidence
from cccd_core.issuance.runs.paths import Paths
from cccd_core.issuance.runs.state import Entry, RunState


@dataclass(frozen=True, slots=True)
class Opened:
    """A case that was opened by order: whom the search called the dossier a duplicate of, by how sure a score, and the
    dossiers of the run that it called duplicates of this one, whose fate hangs on it."""

    case: Case
    of: str
    score: float
    called_its: tuple[str, ...]


def open_by_order(
    dossier_id: str,
    *,
    batch: Path,
    out: Path,
    order: OrderEvidence,
    cases: Cases,
    register: Register,
    kept: KeptDossiers,
    at: datetime,
) -> Opened:
    """Opens a case about a dossier that a search called a duplicate; `out`: the folder of the run that did, `batch`:
    where the dossier is, as it was. Doing it again changes nothing, and the first order stands.

    ConflictError for a dossier that no search of the run called a duplicate, or that the batch does not have as it was;
    ParameterError for a name, an order or a reason that is none; FileError for a folder of no run; errors of `Cases`.
    """
    said = OrderEvidence(order_number(order.order), name(order.by), why(order.reason))
    entry, search, entries = _decided(dossier_id, out)
    content = _read(entry, batch, at)
    people = dict.fromkeys([search.of or "", *(one.dossier for one in search.matches)])
    question = Question(
        CaseKind.POSSIBLE_DUPLICATE,
        dossier_id,
        entry.digest or "",
        _whose(content.dossier, register),
        tuple(_other(called, register) for called in people),
        content.dossier.entered_by,
        replace(entry.evidence, ordered=said),
    )
    kept.put(question.case_id, {0: content})
    case = cases.open_by_order(question, at)
    its = (one.dossier_id for one in entries if one is not entry and dossier_id in _called(one))
    return Opened(case, search.of or "", search.score, tuple(its))


def _decided(dossier_id: str, out: Path) -> tuple[Entry, SearchEvidence, list[Entry]]:
    """A dossier's row in the run and what the search said of it; and all rows of duplicates."""
    path = Paths(out, out).state
    if not path.exists():
        raise FileError("the folder holds no run", path=str(out))
    with closing(RunState(path)) as state:
        entries = [one for one in state.entries() if one.reason is DuplicateReason.DUPLICATE]
    entry = next((one for one in entries if one.dossier_id == dossier_id), None)
    search = None if entry is None else entry.evidence.search
    if entry is None or search is None or search.of is None or entry.digest is None:
        raise ConflictError("no search of this run called the dossier a duplicate", dossier=dossier_id)
    return entry, search, entries


def _called(entry: Entry) -> Iterator[str]:
    """Of whom a dossier was called a duplicate, or found to be alike."""
    search = entry.evidence.search
    if search is not None:
        yield search.of or ""
        yield from (match.dossier for match in search.matches)


def _read(entry: Entry, batch: Path, at: datetime) -> Content:
    policy = CheckPolicy()
    for raw in open_batch(batch, policy).read([entry.dossier_id]):
        found = check_dossier(raw, day=at.date(), policy=policy).sound if raw.digest == entry.digest else None
        if found is not None:
            return Content(found.dossier, found.tenprint, found.portrait.data, unplaced=found.unplaced)
    raise ConflictError("the batch does not have the dossier as it was", dossier=entry.dossier_id, batch=str(batch))


def _whose(dossier: Dossier, register: Register) -> str:
    """The person whose card the dossier's would be."""
    number = dossier.former_number if dossier.anew else dossier.personal_number
    owner = None if dossier.kind == "new" or number is None else register.owner_of(number)
    return owner or register.numbers.person_id(dossier.dossier_id, dossier.personal_number)


def _other(called: str, register: Register) -> Other:
    """Somebody as the evidence names them: by a dossier, or by the gallery's identifier."""
    person = register.person_by(called)
    return Other(called) if person is None else Other(person, called)
