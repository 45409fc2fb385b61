"""A case in words, Vietnamese and English, for those who settle it: no code words, no scores without their meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cccd_core.issuance.review.cases import Case
from cccd_core.issuance.review.laid_words import vietnamese
from cccd_core.issuance.review.settle import ANSWERS, Answer, CaseKind, Stage
from cccd_core.issuance.runs.evidence import FingerEvidence, MatchEvidence, ProblemEvidence, SearchEvidence

_KINDS: Final = {
    CaseKind.POSSIBLE_DUPLICATE: "Có thể trùng: vân tay giống người khác nhưng chưa đủ chắc chắn",
    CaseKind.SEVERAL_PEOPLE: "Các ngón tay trong hồ sơ giống của nhiều người khác nhau",
    CaseKind.SAME_FINGER: "Một ngón tay được khai cho hai vị trí",
    CaseKind.FINGER_IN_DOUBT: "Có ngón tay đáng ngờ: hầu như không phải vân tay, hoặc không rõ là ngón nào",
    CaseKind.OWN_RECORD_MISMATCH: "Vân tay không khớp với dữ liệu đã lưu của chính số này",
    CaseKind.TWO_RECORDS: "Vân tay khớp với hai bản ghi: của số này và của một số khác",
    CaseKind.OWN_RECORD_REMOVED: "Dữ liệu vân tay của số này đã được xóa theo lệnh",
    CaseKind.NOT_SEARCHABLE: "Không có ngón tay nào đủ để tra cứu",
}
_ANSWERS: Final = {
    Answer.SAME_PERSON: "cùng một người: không cấp thẻ thứ hai",
    Answer.DIFFERENT_PEOPLE: "hai người khác nhau: tra cứu tiếp, bỏ qua cặp này",
    Answer.ACCEPT: "chấp nhận hồ sơ dù có nghi vấn",
    Answer.CAPTURE_AGAIN: "mời người dân đến thu nhận lại, hồ sơ này kết thúc",
    Answer.REFUSE: "không cấp thẻ cho hồ sơ này",
}
_FINGERS: Final = {
    0: ("ngón không rõ", "a finger of unknown position"),
    **{
        start + place: (f"ngón {finger} {side}", f"the {hand} {name}")
        for start, side, hand in ((1, "phải", "right"), (6, "trái", "left"))
        for place, (finger, name) in enumerate(
            (
                ("cái", "thumb"),
                ("trỏ", "index finger"),
                ("giữa", "middle finger"),
                ("áp út", "ring finger"),
                ("út", "little finger"),
            )
        )
    },
}
_STAGES: Final = {
    Stage.OPEN: ("chờ quyết định", "waits for two people"),
    Stage.CONFLICT: ("hai ý kiến khác nhau, chờ người có thẩm quyền", "two people differ: waits for a senior"),
    Stage.SETTLED: ("đã quyết định", "settled"),
}


def stage(case: Case) -> tuple[str, str]:
    """How far a case is."""
    if case.dossier_ended and not case.settled:
        return (
            "hồ sơ đã rút hoặc đã hủy, không còn gì phải quyết định",
            "the dossier was withdrawn or cancelled: nothing is to be settled",
        )
    return _STAGES[case.standing.stage]


def kind(case: Case) -> tuple[str, str]:
    """What a case is about."""
    found = case.question.kind
    if found is CaseKind.POSSIBLE_DUPLICATE and case.question.evidence.ordered is not None:
        return (
            "Máy kết luận là trùng; có lệnh cho hai người xem lại",
            "called a duplicate, and looked at again by order",
        )
    return _KINDS[found], found.text


def answer(found: Answer) -> tuple[str, str]:
    """What an answer says."""
    return _ANSWERS[found], found.text


def ordered(case: Case) -> Iterator[tuple[str, str]]:
    """By whose order people are asked what a search had decided."""
    said = case.question.evidence.ordered
    if said is not None:
        yield (
            f"Máy đã kết luận là trùng; {said.by} đưa ra xem lại theo lệnh {said.order} ({said.reason})",
            f"the search called it a duplicate; {said.by} has people look again, by order {said.order} ({said.reason})",
        )


def finger(position: int) -> tuple[str, str]:
    """A finger by its position; one of an unknown position for any other."""
    return _FINGERS.get(position, _FINGERS[0])


def doubts(case: Case) -> Iterator[tuple[str, str]]:
    """What is doubted of the dossier's own fingers."""
    for doubt in case.question.evidence.doubts:
        where = [_FINGERS[position] for position in positions(doubt)]
        yield (
            f"Nghi vấn: {', '.join(vi for vi, _ in where) or doubt.field}",
            f"doubt: {doubt.reason.text}: {', '.join(en for _, en in where) or doubt.field}",
        )


def positions(doubt: ProblemEvidence) -> list[int]:
    """The positions that a doubt names."""
    found = [doubt.facts.get(name) for name in ("position", "other_position")]
    return [value for value in found if isinstance(value, int) and value in _FINGERS]


def lines(case: Case) -> Iterator[tuple[str, str]]:
    """All that a case says, line by line; what nobody may see yet is left out."""
    asked = case.question
    yield kind(case)
    yield f"Hồ sơ {asked.dossier_id}", f"dossier {asked.dossier_id}"
    for other in asked.others:
        who = other.dossier_id
        yield (
            (f"Có thể là người của hồ sơ {who}", f"may be the person of dossier {who}")
            if who is not None
            else ("Có thể là một người đã lưu, không rõ hồ sơ", "may be somebody enrolled, by no dossier that is known")
        )
    yield from ordered(case)
    if asked.evidence.search is not None:
        yield from _search(asked.evidence.search)
    yield from doubts(case)
    yield stage(case)
    if case.standing.stage is Stage.OPEN and case.waits:
        yield f"Đã có {case.votes_in} trong 2 ý kiến", f"{case.votes_in} of 2 answers are in"
    yield from votes(case)
    yield from reopenings(case)
    if case.waits:
        for possible in ANSWERS[asked.kind]:
            vi, en = answer(possible)
            yield f"Có thể trả lời {possible}: {vi}", f"may be answered {possible}: {en}"


def votes(case: Case) -> Iterator[tuple[str, str]]:
    """The answers that may be seen, and who gave them."""
    for vote in case.votes:
        vi, en = answer(vote.answer)
        yield f"{vote.adjudicator}: {vi} ({vote.reason})", f"{vote.adjudicator}: {en} ({vote.reason})"


def reopenings(case: Case) -> Iterator[tuple[str, str]]:
    """How often the case was opened again, and what had been answered before."""
    for one in case.reopenings:
        vi, en = answer(one.answer)
        yield (
            f"Mở lại theo lệnh {one.order}; trước đó: {vi} ({one.reason})",
            f"opened again by order {one.order}; before: {en} ({one.reason})",
        )


def _search(search: SearchEvidence) -> Iterator[tuple[str, str]]:
    for match in search.matches:
        yield likeness(match, search)
        for one in match.fingers:
            said = pair(one)
            yield f"  {said[0]}", f"  {said[1]}"
        laid = arrangement(match)
        if laid is not None:
            yield f"  {laid[0]}", f"  {laid[1]}"


def likeness(match: MatchEvidence, search: SearchEvidence) -> tuple[str, str]:
    """Whom a dossier is like, and how often chance alone does that among so many people."""
    often = _often(match)
    people = "1 person" if search.comparisons == 1 else f"{search.comparisons:,} people"
    return (
        f"Giống hồ sơ {match.dossier}: {often[0]}, khi so với {vi_number(search.comparisons)} người",
        f"like dossier {match.dossier}: {often[1]}, among {people}",
    )


def pair(one: FingerEvidence) -> tuple[str, str]:
    """How alike two fingers are."""
    mine, theirs, alike = finger(one.position), finger(one.other), _alike(one.score)
    return f"{mine[0]} với {theirs[0]}: {alike[0]}", f"{mine[1]} with {theirs[1]}: {alike[1]}"


def arrangement(match: MatchEvidence) -> tuple[str, str] | None:
    """Which fingers lie elsewhere, or mirrored; None where each is its own."""
    return None if match.arrangement is None else (vietnamese(match.arrangement), match.arrangement)


def vi_number(number: float) -> str:
    """A whole number as it is written in Vietnamese."""
    return f"{number:,.0f}".replace(",", ".")


def _often(match: MatchEvidence) -> tuple[str, str]:
    """How often chance does this."""
    expected = match.expected_false_matches
    if expected <= 0:
        return "ngẫu nhiên hầu như không bao giờ", "by chance practically never"
    one_in = 1 / expected
    if one_in < 2:
        return "ngẫu nhiên thường cũng như vậy", "chance alone often does this"
    return (
        f"ngẫu nhiên cứ {vi_number(one_in)} lần tra cứu có một lần giống như vậy",
        f"by chance somebody is as alike in one of {one_in:,.0f} searches",
    )


def _alike(score: float) -> tuple[str, str]:
    """A finger's score, which is −10·log10 of the share of different fingers that reach it."""
    one_in = 10 ** (min(score, 70.0) / 10)
    if one_in < 2:
        return "không giống", "not alike"
    return (
        f"cứ {vi_number(one_in)} ngón khác nhau có một ngón giống như vậy",
        f"one of {one_in:,.0f} different fingers is as alike",
    )
