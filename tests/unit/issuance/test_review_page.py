"""The page of a case: what stands on it, what does not, and that nothing from a dossier becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from itertools import permutations

import numpy as np
import pytest

from cccd_core.dedup import LaidFinger
from cccd_core.intake import arrangement
from cccd_core.issuance.dossiers.reasons import ReviewReason
from cccd_core.issuance.register.store import Card, CardStatus
from cccd_core.issuance.review.cases import Case
from cccd_core.issuance.review.drawing import draw, draw_alone
from cccd_core.issuance.review.gathered import Gathered, Side, Source
from cccd_core.issuance.review.laid_words import vietnamese
from cccd_core.issuance.review.page import Asked, render
from cccd_core.issuance.review.settle import Answer, CaseKind, Stage, Standing, Vote
from cccd_core.issuance.runs.evidence import Evidence, FingerEvidence, MatchEvidence, ProblemEvidence, SearchEvidence
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.templates import FingerTemplate, Tenprint, mirrored
from support.dossiers import finger, portrait
from support.reviewing import content, question

NOW = datetime(2026, 11, 2, tzinfo=UTC)
VOID = {"meta", "img", "input", "br"}


class Pages(HTMLParser):
    """Sees that every tag is closed where it should be, and gathers tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


class Pairing:
    """An explainer that pairs the first minutiae one by one, with this score; with another where one is mirrored."""

    def __init__(self, score: float = 70.0, image: FingerTemplate | None = None) -> None:
        self.score, self.image = score, image

    def explain(self, probe: FingerTemplate, candidate: FingerTemplate) -> MatchExplanation:
        both = min(probe.count, candidate.count, 9)
        pairs = np.arange(both, dtype=np.int64)
        inside = [np.arange(one.count) < both + 2 for one in (probe, candidate)]
        score = 65.0 if self.image is not None and probe == self.image else self.score
        return MatchExplanation(pairs, pairs, np.ones(both), inside[0], inside[1], 0.1, (3.0, 4.0), {}, score, score)


def match(dossier: str = "D0", laid: str | None = None) -> MatchEvidence:
    fingers = (FingerEvidence(2, 2, 52.0), FingerEvidence(7, 9, 45.0))
    return MatchEvidence(dossier, "gallery", "review", 41.0, 1e-4, 2, fingers, laid)


def searched(*matches: MatchEvidence) -> SearchEvidence:
    return SearchEvidence("review", "D0", (2,), 41.0, 44.7, 34.7, 1234, 20, ("weak_match",), matches, None, ())


def gathered(**changes: object) -> Gathered:
    asked = question(evidence=Evidence(search=searched(match())))
    mine = replace(content(), portrait=portrait(1, form="JPEG2000"))
    theirs = Tenprint({position: finger(50 + position, position=position) for position in (2, 9)})
    card = Card("D0", "001088000009", CardStatus.VALID, "77AB", date(2026, 1, 2), None)
    sides = (
        Side(0, "P1", "D1", Source.KEPT, mine, mine.tenprint),
        Side(1, "P9", "D0", Source.GONE, fingers=theirs, enrolled=True, cards=(card,)),
        Side(2, "P8", None, Source.UNKNOWN),
    )
    case = Case(asked.case_id, asked, NOW, Standing(Stage.OPEN), 1)
    return replace(Gathered(case, sides), **changes)  # type: ignore[arg-type]


def page(found: Gathered, matcher: Pairing | None = None) -> Pages:
    return Pages(render(found, Asked(matcher or Pairing(), ("--gallery", "my gallery"))))


def test_what_stands_on_it() -> None:
    seen = page(gathered())
    for said in (
        "Nguyễn Văn Hòa", "17/05/1988", "001088000001", "77AB: còn hiệu lực; số 001088000009", "cứ 10.000 lần tra cứu",
        "1.234 người", "9 điểm đặc trưng khớp", "không giữ lời khai và ảnh, chỉ có vân tay và thẻ",
        "1 of 2 answers are in", "--gallery 'my gallery'", "--answer different_people", "there are no fingers to draw",
    ):  # fmt: skip
        assert said in seen.text, said
    names = [tag for tag, _ in seen.tags]
    assert names.count("svg") == 4
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(names)
    (picture, _) = [found["src"] for tag, found in seen.tags if tag == "img"]
    assert (picture or "").startswith("data:image/jpeg;base64,")


def test_it_loads_nothing_and_says_so_to_the_browser() -> None:
    html = render(gathered(), Asked(Pairing(), ()))
    assert "default-src 'none'" in html
    assert set(re.findall(r"https?://[^\"' ]*", html)) <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in html
    assert "@import" not in html


def test_who_cannot_see_it_is_told_what_is_drawn() -> None:
    seen = page(gathered())
    drawings = [found for tag, found in seen.tags if tag == "svg"]
    assert all(one["role"] == "img" and "ngón" in (one["aria-label"] or "") for one in drawings)
    assert all(found["alt"] for tag, found in seen.tags if tag == "img")
    ids = {found["id"] for _, found in seen.tags if found.get("id")}
    goes = [found["href"] for tag, found in seen.tags if tag == "a"]
    assert goes
    assert all((to or "").removeprefix("#") in ids for to in goes)
    assert all(found["scope"] for tag, found in seen.tags if tag == "th")


HOSTILE = "\"><script>alert('x')</script><img src=http://x.example/a onerror=b> & '"


def test_nothing_from_outside_becomes_markup() -> None:
    asked = replace(question(HOSTILE, operator=HOSTILE), evidence=Evidence(search=searched(match(HOSTILE, HOSTILE))))
    said = content()
    fields = ("full_name", "place_of_origin", "father", "operator", "sex", "kind", "grounds", "former_card")
    mine = replace(said, dossier=replace(said.dossier, **dict.fromkeys(fields, HOSTILE)))
    card = Card(HOSTILE, HOSTILE, CardStatus.UNDER_WAY, HOSTILE, date(2026, 1, 2), date(2030, 1, 1))
    vote = Vote("an", False, Answer.REFUSE, HOSTILE, NOW)
    case = Case(asked.case_id, asked, NOW, Standing(Stage.CONFLICT), 2, (vote, vote))
    found = Gathered(
        case,
        (
            Side(0, "P1", HOSTILE, Source.KEPT, mine, mine.tenprint, cards=(card,)),
            Side(1, HOSTILE, HOSTILE, Source.KEPT, mine, mine.tenprint),
        ),
        HOSTILE,
    )
    seen = Pages(render(found, Asked(Pairing(), ("--gallery", HOSTILE))))
    assert "script" not in {tag for tag, _ in seen.tags}
    assert [tag for tag, _ in seen.tags].count("img") == 0, "what is no portrait is not shown"
    assert all("onerror" not in attributes for _, attributes in seen.tags)
    assert seen.text.count("<script>") > 10
    assert "the portrait cannot be shown" in seen.text


def test_no_answer_stands_on_it_before_two_are_in() -> None:
    before = gathered()
    vote = Vote("an.hk", False, Answer.REFUSE, "too smudged", NOW)
    assert "an.hk" not in page(before).text
    both = replace(before.case, standing=Standing(Stage.CONFLICT), votes_in=2, votes=(vote, replace(vote, reason="x")))
    seen = page(replace(before, case=both)).text
    assert "an.hk: " in seen
    assert "--senior" in seen


def test_a_settled_case_is_opened_again_and_answered_no_more() -> None:
    before = gathered()
    seen = page(replace(before, case=replace(before.case, standing=Standing(Stage.SETTLED, Answer.REFUSE)))).text
    assert "cccd review undo" in seen
    assert "cccd review decide" not in seen


@pytest.mark.parametrize("source", [Source.SEALED, Source.NOT_KEPT, Source.CHANGED])
def test_what_is_not_there_is_named(source: Source) -> None:
    before = gathered()
    mine = replace(before.sides[0], source=source, content=None, fingers=None)
    seen = page(replace(before, sides=(mine, *before.sides[1:])))
    said = {
        Source.SEALED: "--review-key",
        Source.NOT_KEPT: "--keep-reviews",
        Source.CHANGED: "not proved to be as it was",
    }
    assert said[source] in seen.text
    assert not [tag for tag, _ in seen.tags if tag in ("img", "svg")]


def test_fields_are_marked_where_both_are_known() -> None:
    before = gathered()
    mine = before.sides[0].content
    assert mine is not None
    theirs = replace(mine, dossier=replace(mine.dossier, full_name="Trần Thị Hoa"))
    seen = page(replace(before, sides=(before.sides[0], replace(before.sides[1], content=theirs)))).text
    assert "≠ khác nhau" in seen
    assert "= giống nhau" in seen
    assert "≠" not in page(before).text


@pytest.mark.parametrize("fingers", [(2, 7), (2,)])
def test_the_fingers_of_one_dossier_that_are_doubted(fingers: tuple[int, ...]) -> None:
    facts = dict(zip(("position", "other_position"), fingers, strict=False))
    doubt = ProblemEvidence("fingers", ReviewReason.SAME_FINGER, {**facts, "score": 99.0})
    asked = question(kind=CaseKind.SAME_FINGER, others=(), evidence=Evidence(doubts=(doubt,)))
    mine = gathered().sides[0]
    seen = page(Gathered(Case(asked.case_id, asked, NOW, Standing(Stage.OPEN)), (mine,)))
    assert [tag for tag, _ in seen.tags].count("svg") == len(fingers)
    assert "ngón trỏ phải" in seen.text


def test_a_person_under_a_card_from_no_dossier_and_no_fingers_in_common() -> None:
    before = gathered()
    asked = replace(before.case.question, evidence=Evidence())
    theirs = replace(before.sides[1], fingers=Tenprint({4: finger(4, position=4)}))
    found = Gathered(replace(before.case, question=asked), (before.sides[0], theirs))
    assert "no pair of fingers" in page(found).text


def test_a_finger_of_unknown_position_is_drawn_where_it_is_the_only_one() -> None:
    before = gathered()
    found = replace(match(), fingers=(FingerEvidence(0, 2, 60.0),))
    asked = replace(before.case.question, evidence=Evidence(search=searched(found)))
    for unplaced, drawn in (((finger(8),), 2), ((finger(8), finger(9)), 0)):
        mine = replace(before.sides[0], unplaced=unplaced)
        case = replace(before.case, question=asked)
        seen = page(Gathered(case, (mine, before.sides[1])))
        assert [tag for tag, _ in seen.tags].count("svg") == drawn


def test_arrangements_are_warned_of_in_both_languages() -> None:
    before = gathered()
    told = "the hands are exchanged; the right thumb given is a mirror image"
    asked = replace(before.case.question, evidence=Evidence(search=searched(match(laid=told))))
    seen = page(replace(before, case=replace(before.case, question=asked))).text
    assert told in seen
    assert "Hai bàn tay bị đổi cho nhau; ngón cái phải đã nộp là ảnh phản chiếu (lật gương)" in seen


def test_every_arrangement_is_said_in_vietnamese() -> None:
    odd = vietnamese("something else")
    for mine in permutations((1, 2, 6, 7), 2):
        for theirs in permutations((1, 2, 6, 7), 2):
            for images in ((False, False), (True, False), (True, True)):
                laid = [LaidFinger(a, b, 60.0, image) for a, b, image in zip(mine, theirs, images, strict=True)]
                said = arrangement(laid)
                assert said is None or (vietnamese(said) != odd and "ngón" in vietnamese(said) + " ngón")
    for strange in (
        "",
        "exchanged: right thumb",
        "exchanged: a and b",
        "the x given is the y on record",
        "the x given ",
    ):
        assert vietnamese(strange) == odd


@pytest.mark.parametrize(("score", "weight"), [(70.0, "speaks for one"), (40.0, "does not decide"), (5.0, "not speak")])
def test_pairs_are_numbered_where_they_speak(score: float, weight: str) -> None:
    made = draw(finger(2), finger(3), Pairing(score), ("a", "b"))
    assert weight in made.weight[1]
    for svg in (made.probe, made.candidate):
        assert sorted(re.findall(r">(\d+)</text>", svg)) == ([] if score < 20 else [str(n) for n in range(1, 10)])


def test_a_mirrored_finger_is_drawn_as_its_image() -> None:
    probe = finger(2)
    made = draw(probe, finger(3), Pairing(1.0, mirrored(probe)), ("a", "b"))
    assert made.mirrored
    assert "mirror image" in made.lines[0][1]
    assert not draw(probe, finger(3), Pairing(1.0), ("a", "b")).mirrored


def test_fingers_without_a_minutia_are_drawn() -> None:
    none = finger(1, 0)
    assert "<svg" in draw_alone(none, "a & b")
    assert "a &amp; b" in draw_alone(none, "a & b")
    assert draw(none, none, Pairing(0.0), ("a", "b")).probe.endswith("</svg>")
