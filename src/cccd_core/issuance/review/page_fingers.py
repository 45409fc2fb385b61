"""The fingers of a case drawn: those of two people, and those of one dossier that are doubted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cccd_core.issuance.review import words
from cccd_core.issuance.review.drawing import Explainer, draw, draw_alone
from cccd_core.issuance.review.gathered import Gathered, Side
from cccd_core.issuance.review.page_parts import called, finger_of, listed, paragraph, text
from cccd_core.issuance.review.page_words import Two
from cccd_core.issuance.runs.evidence import FingerEvidence, MatchEvidence
from cccd_core.templates import FingerTemplate

_DRAWN_MOST = 4  # pairs of fingers of two people


def fingers(found: Gathered, mine: Side, other: Side, matcher: Explainer) -> Iterator[str]:
    """The fingers of two people that were found alike, or that both have."""
    yield f"<h3>{text('Vân tay', 'Fingers')}</h3>"
    match = _match(found, other)
    if match is not None:
        laid = words.arrangement(match)
        if laid is not None:
            yield f'<div class="note warn">{text(laid[0].capitalize(), laid[1])}</div>'
    if mine.fingers is None or other.fingers is None:
        for side in (mine, other):
            if side.fingers is None:
                vi, en = called(side)
                yield paragraph(f"{vi}: không có vân tay để vẽ.", f"{en}: there are no fingers to draw.")
        return
    pairs = [] if match is None else sorted(match.fingers, key=lambda one: -one.score)
    pairs = pairs or [FingerEvidence(place, place, 0.0) for place in mine.fingers if place in other.fingers]
    drawn = [
        (one, first, second)
        for one in pairs
        if (first := mine.finger(one.position)) is not None and (second := other.finger(one.other)) is not None
    ]
    if not drawn:
        yield paragraph("Hai bên không có cặp ngón nào để vẽ.", "They have no pair of fingers that could be drawn.")
    for one, first, second in drawn[:_DRAWN_MOST]:
        labels = (finger_of(one.position, mine), finger_of(one.other, other))
        yield f"<h3>{text(*(words.pair(one) if one.score else labels[0]))}</h3>"
        yield from _pair(first, second, labels, matcher)
    if len(drawn) > _DRAWN_MOST:
        more = len(drawn) - _DRAWN_MOST
        yield paragraph(f"Còn {more} cặp ngón nữa, kém giống hơn.", f"{more} more pairs of fingers are less alike.")
    if drawn:
        yield paragraph(
            "Tròn: điểm cụt; vuông: điểm rẽ nhánh; chéo: loại khác. Có số: khớp; đỏ: ở vùng chung mà không có cặp; "
            "xám: ngoài vùng chung. Ảnh vân tay không được giữ, nên chỉ vẽ điểm đặc trưng.",
            "Circles are ridge endings, squares bifurcations, crosses any other. Numbered ones fit; red ones lie in "
            "the common area without a partner, grey ones outside it. No image of a finger is kept, so minutiae "
            "alone are drawn.",
        )


def _match(found: Gathered, other: Side) -> MatchEvidence | None:
    """What the search, or the comparison with the own record, found alike in somebody."""
    evidence = found.case.question.evidence
    for search in (evidence.search, evidence.own_record):
        for match in () if search is None else search.matches:
            if match.dossier in (other.dossier_id, other.person_id):
                return match
    return None


def own_fingers(found: Gathered, mine: Side, matcher: Explainer) -> Iterator[str]:
    """The fingers of the dossier itself that are doubted, one beside the other where it is about two."""
    for doubt in found.case.question.evidence.doubts:
        places = [one for one in words.positions(doubt) if mine.fingers is not None and one in mine.fingers]
        if mine.fingers is None or not places:
            continue
        labels = [finger_of(place, mine) for place in places]
        yield f"<section><h2>{text('Ngón tay bị nghi vấn', 'The fingers in doubt')}</h2>"
        if len(places) == 2:
            yield from _pair(mine.fingers[places[0]], mine.fingers[places[1]], (labels[0], labels[1]), matcher)
        else:
            yield _side_by_side([draw_alone(mine.fingers[places[0]], " / ".join(labels[0]))], labels)
        yield "</section>"


def _pair(first: FingerTemplate, second: FingerTemplate, labels: tuple[Two, Two], matcher: Explainer) -> Iterator[str]:
    made = draw(first, second, matcher, (" / ".join(labels[0]), " / ".join(labels[1])))
    yield f'<p class="weight" style="border-color:{made.colour}">{text(*made.weight)}</p>'
    yield _side_by_side([made.probe, made.candidate], labels)
    yield listed(made.lines)


def _side_by_side(drawings: Sequence[str], labels: Sequence[Two]) -> str:
    figures = (
        f"<figure>{svg}<figcaption>{text(*label)}</figcaption></figure>"
        for svg, label in zip(drawings, labels, strict=True)
    )
    return f'<div class="pair">{"".join(figures)}</div>'
