"""Cases for tests, and what is kept of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.review.cases import Other, Question
from cccd_core.issuance.review.settle import CaseKind
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.content import Content
from cccd_core.templates import Tenprint
from support.dossiers import finger


def question(dossier_id: str = "D1", **changes: Any) -> Question:
    """Whether the person of a dossier, which `hanh` entered, is one of two others."""
    others = (Other("P9", "D0"), Other("P8"))
    asked = Question(CaseKind.POSSIBLE_DUPLICATE, dossier_id, "sha256:a", "P1", others, "hanh")
    return replace(asked, **changes)


def open_case(gallery: Path) -> str:
    """A case about one dossier alone, in the register of this gallery; its id."""
    gallery.mkdir(exist_ok=True)
    asked = question(kind=CaseKind.SAME_FINGER, others=())
    with closing(Cases(gallery / "register.sqlite")) as cases:
        cases.open([asked], datetime(2026, 11, 2, tzinfo=UTC))
    return asked.case_id


def content(dossier_id: str = "D1") -> Content:
    """A dossier as a case keeps it."""
    said = Dossier(
        dossier_id=dossier_id,
        kind="new",
        grounds=None,
        personal_number="001088000001",
        full_name="Nguyễn Văn Hòa",
        birth_date=date(1988, 5, 17),
        sex="M",
        issue_date=date(2026, 11, 1),
        expiry_date=date(2028, 5, 17),
        missing_fingers=frozenset({9}),
    )
    fingers = {position: finger(position, 70, position=position) for position in (2, 7)}
    return Content(said, Tenprint(fingers), b"portrait")
