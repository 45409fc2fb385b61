"""What is never shown: personal data, templates, images and keys, in the text of any object of any class.

Every class of the package is found and each of its fields filled with something that is recognised. Nobody lists the
classes that are looked at: one that is new, with a field of bytes, of an array, or called like something personal or
secret, fails until its text leaves that field out, or `PUBLIC` says why it may be seen.
"""

from __future__ import annotations

import ast
import dataclasses
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

import cccd_core
from cccd_core import templates
from cccd_core.dedup.gallery.memory import MemoryGallery
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.details import PersonalDetails
from cccd_core.emrtd.dg13 import CitizenFields
from cccd_core.emrtd.dg16 import PersonToNotify
from cccd_core.emrtd.mrz import Mrz
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.synthesis import Person
from cccd_core.templates import FingerTemplate, Tenprint
from support import shown

SOURCE = Path(cccd_core.__file__).parent
ALL = tuple(dict.fromkeys(shown.classes()))
WITH_FIELDS = tuple(cls for cls in ALL if shown.has_fields(cls))

# What these hold of a person is personal wherever else it stands.
_OF_A_PERSON = (Dossier, CardContent, PersonalDetails, CitizenFields, Mrz, Person, PersonToNotify)
_NOT_OF_A_PERSON = {
    "dossier_id", "kind", "grounds", "format", "odd", "others", "issue_date", "expiry_date", "permanent", "fingers",
    "title", "summary", "notes", "recorded", "name", "issuing_state", "document_code", "captured_at", "handled_by",
    "unit",
}  # fmt: skip
PERSONAL = {name for cls in _OF_A_PERSON for name in shown.names_of(cls)} - _NOT_OF_A_PERSON
_SECRET = re.compile(r"(^|_)(secrets?|password|passphrase|pin|puk|can|mrz|private|private_key|seed|salt|wrapped)$")

# Fields of bytes or arrays that may be seen, or whose name alone sounds so, and why.
PUBLIC: Mapping[str, str] = {
    "issuance.receiving.Counter.operator": "an official's name in the system, who answers for what they enter",
    "issuance.register.records.*.operator": "an official's name in the system",
    "issuance.review.cases.Question.operator": "an official's name in the system",
    "issuance.audit.walk.Walk.marks": "digests of a trail's entries",
    "card.*.public_key": "a public key",
    "card.chip_authentication.*.reader_key": "a public key of one session",
    "card.pace.PaceResult.chip_key": "a public key of one session",
    "card.virtual.session.PaceRun.*": "a password's kind, and public points of one session",
    "card.virtual.session.TerminalRun.reader_key": "a public key of one session",
    "card.virtual.session.TerminalRun.challenge": "a nonce that is sent in the clear",
    "card.*.serial": "a card's serial number",
    "card.scp03.CardProof.diversification_data": "what a card says in the clear",
    "*.cvca_certificate": "a certificate",
    "emrtd.*._Algorithm.identifier": "an object identifier",
    "emrtd.cv.*": "certificates of terminals, and requests for them",
    "emrtd.security_infos.*": "what a chip says in the clear, its public keys",
    "emrtd.x509.CertificateParts.*": "a certificate",
    "extraction.quantised.*": "weights of the network that ships",
    "extraction.minutiae.Head.*": "weights of the network that ships",
    "extraction.wsq._Tables.*": "how an image is coded, not the image",
    "dedup.codes.model.CodeModel.*": "weights of the model that ships",
    "intake.flow.FlowWeights.layers": "weights of the model that ships",
    "matching.tables.Tables.*": "constants of the matcher",
    "issuance.production.make.ProduceStage._noted": "a certificate",
    "pki.*": "certificates, lists and keys that are public",
    "signing.chip_keys.ChipKeys.*_public_key": "a public key",
    "signing.ledger.*": "digests of what was signed",
    "storage.*.magic": "how files of a kind begin",
    "storage.log.LogKind.earlier": "how files of a kind began",
    "evaluation.bootstrap.Bounds.det": "error rates",
    "synthesis.*.seed": "the number that synthetic people are drawn from",
    "evaluation.bootstrap.Bounds.seed": "the number that samples are drawn from",
}


def test_the_classes_are_found() -> None:
    assert len(WITH_FIELDS) > 300
    assert {Dossier, CardContent, FingerTemplate, EnrolledPerson} <= set(WITH_FIELDS)
    assert {"full_name", "personal_number", "birth_date", "sex", "telephone", "primary_identifier"} <= PERSONAL


def _sensitive(cls: type) -> set[str]:
    types = shown.types_of(cls)
    return {
        name
        for name in shown.names_of(cls)
        if shown.holds_raw_data(types[name])
        or ((name in PERSONAL or _SECRET.search(name)) and not shown.judged_elsewhere(types[name]))
    }


def _public(path: str) -> str | None:
    return next((one for one in PUBLIC if fnmatch.fnmatchcase(path, one)), None)


def test_no_text_of_an_object_shows_what_is_personal_or_secret() -> None:
    wrong, used = [], set()
    for cls in WITH_FIELDS:
        if OWN_TEXTS.get(shown.path_of(cls), _gallery) is None:
            continue
        for name in _sensitive(cls) & shown.shown_fields(cls):
            path = f"{shown.path_of(cls)}.{name}"
            allowed = _public(path)
            used.add(allowed)
            if allowed is None:
                wrong.append(path)
    assert not wrong, f"shown by repr(): {', '.join(sorted(wrong))}"
    assert set(PUBLIC) == used, f"nothing needs: {set(PUBLIC) - used}"


def test_a_class_that_shows_too_much_would_be_found() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Leaks:
        dossier_id: str
        full_name: str
        data: bytes
        pixels: tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], ...] | None
        card_pin: str
        hidden: bytes = dataclasses.field(repr=False)

    assert _sensitive(Leaks) & shown.shown_fields(Leaks) == {"full_name", "data", "pixels", "card_pin"}


# -- errors and lines of logs


def _told(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of everything personal or secret by its name that goes into an error, a finding or a log."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _TELLS.search(_called(call)):
            for argument in (*call.args, *(each.value for each in call.keywords)):
                yield from ((call.lineno, name) for name in _values_in(argument))


def _values_in(expression: ast.expr) -> Iterator[str]:
    """Names of values that are written out, not only counted, compared or named."""
    if isinstance(expression, ast.Call | ast.Compare):
        if isinstance(expression, ast.Call) and _called(expression) in ("str", "repr", "shown"):
            yield from (name for each in expression.args for name in _values_in(each))
        return
    if isinstance(expression, ast.Subscript):  # what is looked up by it is another value
        yield from _values_in(expression.value)
        return
    if isinstance(expression, ast.Attribute):
        if expression.attr in PERSONAL or _SECRET.search(expression.attr):
            yield expression.attr
        return
    if isinstance(expression, ast.Name):
        if expression.id in PERSONAL or _SECRET.search(expression.id):
            yield expression.id
        return
    for child in ast.iter_child_nodes(expression):
        if isinstance(child, ast.expr):
            yield from _values_in(child)


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


_TELLS = re.compile(
    r"(Error|_error|^with_facts|^(Problem|of|Finding|Notice|debug|info|warning|error|exception|warn|tell))$"
)


def test_no_error_finding_or_log_is_given_a_value_that_is_personal_or_secret() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {name}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line, name in _told(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_such_a_value_would_be_found() -> None:
    wrong = """
raise FormatError("x", name=dossier.full_name)
raise ParameterError(f"the number {person.personal_number} is taken")
logger.debug("opened with %s", str(pin))
error.with_facts(number=old_number, length=len(pin), same=pin == other, said=pin_length)
"""
    assert [name for _, name in _told(ast.parse(wrong))] == ["full_name", "personal_number", "pin", "old_number"]


# -- classes that write their text themselves

SEEDED = 15_321  # a coordinate
SECRET = bytes.fromhex("c0ffee5eed") * 7
_COLUMN = np.full(12, SEEDED)
FINGER = FingerTemplate(
    _COLUMN,
    _COLUMN,
    _COLUMN,
    np.full(12, 1),
    np.full(12, 1),
    width_px=16_000,
    height_px=16_000,
    position=3,
    extended=SECRET,
)


def _gallery() -> MemoryGallery:
    made = MemoryGallery()
    made.add(EnrolledPerson("P-1", Tenprint({3: FINGER})))
    return made


OWN_TEXTS: Mapping[str, Callable[[], object] | None] = {
    "templates.model.FingerTemplate": lambda: FINGER,
    "templates.model.Tenprint": lambda: Tenprint({3: FINGER}),
    "dedup.person.EnrolledPerson": lambda: EnrolledPerson("P-1", Tenprint({3: FINGER}), (FINGER,)),
    "dedup.gallery.memory.MemoryGallery": _gallery,
    "storage.aes_gcm.KeyRing": lambda: KeyRing(SECRET[:32]),
    # These say where something is, or how a thing is called; what each writes stands beside its own tests.
    "dedup.gallery.postgres.PostgresGallery": None,
    "dedup.gallery.sqlite.GalleryStore": None,
    "emrtd.cv.reference.Reference": None,
    "evaluation.labels.LabelFinding": None,
    "intake.findings.Finding": None,
    "personalise.reasons.Reason": None,
    "personalise.session.Session": None,
    "pki.names.Name": None,
    "pki.policy.VerificationPolicy": None,
    "signing.counted.CountedSigner": None,
    "signing.pkcs11.Pkcs11Signer": None,
    "signing.software.SoftwareSigner": None,
    "templates.notices.Notice": None,
    "words.Said": None,
}


def test_every_class_that_writes_its_own_text_is_known() -> None:
    found = set()
    for cls in ALL:
        if not shown.writes_itself(cls):
            continue
        if shown.has_fields(cls):
            try:
                shown.shown_fields(cls)
            except (TypeError, AttributeError):
                found.add(shown.path_of(cls))
        else:
            found.add(shown.path_of(cls))
    assert found <= set(OWN_TEXTS)
    assert {path for path, make in OWN_TEXTS.items() if make is None} <= found


@pytest.mark.parametrize("path", [path for path, make in OWN_TEXTS.items() if make is not None])
def test_own_texts_show_no_data(path: str) -> None:
    make = OWN_TEXTS[path]
    assert make is not None
    text = shown.texts(make())
    for secret in (str(SEEDED), SECRET[:4].hex(), repr(SECRET[:4])[2:-1]):
        assert secret not in text


def test_a_template_says_what_a_maintainer_needs() -> None:
    text = repr(FINGER)
    assert text == "FingerTemplate(position=3, minutiae=12, size=16000x16000 px, resolution=197x197 ppcm)"
    record = repr(templates.read(templates.write(FINGER, "iso-2011")))
    assert "format='iso-2011'" in record
    assert "minutiae=12" in record
