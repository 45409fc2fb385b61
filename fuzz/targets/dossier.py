"""dossier.json: from bytes to a dossier and its problems."""

from __future__ import annotations

import json
from datetime import date

from cccd_core.issuance.dossiers import schema
from cccd_core.issuance.dossiers.dossier import DossierParser, decode
from cccd_core.issuance.dossiers.policy import CheckPolicy

MODULES = ("cccd_core.issuance",)
DAY = date(2026, 11, 1)
POLICY = CheckPolicy()

_EXCHANGE = {
    "personal_number": "079302123456",
    "full_name": "Trần Thị Bình",
    "birth_date": "2002-02-28",
    "sex": "F",
    "kind": "exchange",
    "grounds": "number_established_anew",
    "old_number": "079302123455",
    "fingers": {"1": {"missing": "amputated", "note": "x"}, "10": {"dpi": 500, "height_px": 400, "format": "xyt"}},
}
SEEDS = (
    json.dumps(schema.example(), ensure_ascii=False).encode(),
    json.dumps(schema.example()).encode(),
    json.dumps(_EXCHANGE).encode(),
    b'{"sex": 1, "fingers": {"2": null}, "templates": [], "unit": {}}',
)


def large() -> list[bytes]:
    """Close to 64 KiB: deep, wide, long."""
    return [
        b"[" * 65000,
        b'{"a":' * 13000,
        json.dumps({str(number): 0 for number in range(5000)}).encode(),
        json.dumps({"full_name": "̀" * 10000}).encode(),
        json.dumps({"fingers": {str(number): {"dpi": number} for number in range(2000)}}).encode(),
    ]


def target(data: bytes) -> None:
    """Whatever is wrong is a problem with a word, or DossierError for what is no JSON object."""
    document = decode(data)
    parser = DossierParser("D1", document, today=DAY, policy=POLICY)
    dossier = parser.parse()
    if dossier is None and not any(problem.severity == "error" for problem in parser.problems):
        raise AssertionError("no dossier, and nothing wrong with it")
    json.dumps([problem.as_dict() for problem in parser.problems]).encode()
