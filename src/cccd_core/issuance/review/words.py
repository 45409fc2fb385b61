"""A case in words, Vietnamese and English, for those who settle it: no code words, no scores without their meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cccd_core.issuance.review.cases import Case
from cccd_core.issuance.review.settle import ANSWERS, Answer, CaseKind, Stage
from cccd_core.issuance.runs.evidence import MatchEvidence, SearchEvidence

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
    return _STAGES[case.standing.stage]


def kind(case: Case) -> tuple[str, str]:
    """What a case is about."""
    found = case.question.kind
    return _KINDS[found], found.text


def answer(found: Answer) -> tuple[str, str]:
    """What an answer says."""
    return _ANSWERS[found], found.text


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
    if asked.evidence.search is not None:
        yield from _search(asked.evidence.search)
    for doubt in asked.evidence.doubts:
        positions = [doubt.facts.get(name) for name in ("position", "other_position")]
        where = [_FINGERS[position] for position in positions if isinstance(position, int) and position in _FINGERS]
        yield (
            f"Nghi vấn: {', '.join(vi for vi, _ in where) or doubt.field}",
            f"doubt: {doubt.reason.text}: {', '.join(en for _, en in where) or doubt.field}",
        )
    yield stage(case)
    if case.standing.stage is Stage.OPEN:
        yield f"Đã có {case.votes_in} trong 2 ý kiến", f"{case.votes_in} of 2 answers are in"
    for vote in case.votes:
        vi, en = answer(vote.answer)
        yield f"{vote.adjudicator}: {vi} ({vote.reason})", f"{vote.adjudicator}: {en} ({vote.reason})"
    for one in case.reopenings:
        vi, en = answer(one.answer)
        yield (
            f"Mở lại theo lệnh {one.order}; trước đó: {vi} ({one.reason})",
            f"opened again by order {one.order}; before: {en} ({one.reason})",
        )
    if not case.settled:
        for possible in ANSWERS[asked.kind]:
            vi, en = answer(possible)
            yield f"Có thể trả lời {possible}: {vi}", f"may be answered {possible}: {en}"


def _search(search: SearchEvidence) -> Iterator[tuple[str, str]]:
    for match in search.matches:
        often, vi_often = _often(match)
        yield (
            f"Giống hồ sơ {match.dossier}: {vi_often}, khi so với {search.comparisons:,} người",
            f"like dossier {match.dossier}: {often}, among {search.comparisons:,} people",
        )
        for one in match.fingers:
            mine, theirs = _FINGERS.get(one.position, _FINGERS[0]), _FINGERS.get(one.other, _FINGERS[0])
            yield (
                f"  {mine[0]} với {theirs[0]}: {_alike(one.score)[0]}",
                f"  {mine[1]} with {theirs[1]}: {_alike(one.score)[1]}",
            )
        if match.arrangement is not None:
            yield "  Ngón tay không đúng vị trí đã khai", f"  {match.arrangement}"


def _often(match: MatchEvidence) -> tuple[str, str]:
    """How often chance does this, English and Vietnamese."""
    expected = match.expected_false_matches
    if expected <= 0:
        return "by chance practically never", "ngẫu nhiên hầu như không bao giờ"
    one_in = 1 / expected
    if one_in < 2:
        return "chance alone often does this", "ngẫu nhiên thường cũng như vậy"
    return (
        f"by chance somebody is as alike in one of {one_in:,.0f} searches",
        f"ngẫu nhiên cứ {one_in:,.0f} lần tra cứu có một lần giống như vậy",
    )


def _alike(score: float) -> tuple[str, str]:
    """A finger's score, which is −10·log10 of the share of different fingers that reach it."""
    one_in = 10 ** (min(score, 70.0) / 10)
    if one_in < 2:
        return "không giống", "not alike"
    return (
        f"cứ {one_in:,.0f} ngón khác nhau có một ngón giống như vậy",
        f"one of {one_in:,.0f} different fingers is as alike",
    )
