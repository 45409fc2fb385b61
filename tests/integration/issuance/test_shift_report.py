"""The report of a run says first what is to be done, by unit and in words, and shows people only where asked to."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cccd_core.cli.issue import _show
from cccd_core.issuance import Report
from cccd_core.issuance.dossiers.reasons import DuplicateReason, Fault, RegisterReason, ReviewReason
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.units import Unit, national
from support import dossiers
from support.issuing import Office, fingers_of

LATER = {"captured_at": "2026-05-05T08:00:00+07:00"}
NAMES = {"E1": "Trần Thị Lụa", "D3": "Đỗ Văn Sáu", "Z4": "Phan Thị Bảy", "X9": "Võ Văn Chín", "N5": "Hồ Thị Mười"}
CODE_WORDS = {str(word) for kind in (Fault, RegisterReason, ReviewReason, DuplicateReason) for word in kind} - {
    "duplicate", "grounds",
}  # fmt: skip


class Shape(HTMLParser):
    """Which elements there are, and that each that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("circle", "rect", "path"):
            self.open.remove(tag)
        else:
            assert self.open.pop() == tag


@pytest.fixture
def office_with_two_batches(office: Office) -> Office:
    """Cards of N1 and N3; then a batch with a lost card, swapped hands, a duplicate within the batch, a number that
    nobody has, one finger for two positions and a unit that is none."""
    for person in (1, 3):
        office.put(f"N{person}", person, unit="001.07")
    office.issue()
    with closing(DossierRegister(office.gallery / "register.sqlite", due=lambda day: None)) as register:
        ward = Unit("001.07", "ward", "Phường Cửa <b>Nam", "001")
        far = Unit("079.26", "ward", "Phường Bến Thành", "079-2025", begins=date(2025, 7, 1))
        register.put_units([*national(), ward, far])
    second, later = office.batch("second"), {**LATER, "unit": "001.07"}
    fields = dossiers.document(1, kind="reissue", grounds="lost", full_name=NAMES["E1"], **later)
    dossiers.put(second, "E1", fields, fingers=fingers_of(1, again=True))
    given = fingers_of(3, again=True)
    swapped = {"7.fmr": given["2.fmr"], "2.fmr": given["7.fmr"], "6.fmr": given["1.fmr"]}
    dossiers.put(second, "D3", dossiers.document(33, full_name=NAMES["D3"], **later), fingers=swapped, seed=3)
    office.put("N5", 5, batch="second", full_name=NAMES["N5"], unit="Hồ Thị Mười")
    dossiers.put(
        second, "Z4", dossiers.document(44, full_name=NAMES["Z4"], **later), fingers=fingers_of(5, again=True), seed=4
    )
    more = {"full_name": NAMES["X9"], "unit": "079.26", "kind": "exchange", "grounds": "holder_request"}
    office.put("X9", 9, batch="second", **more)
    office.put("R8", 8, batch="second", full_name="Nguyễn Văn Ð", unit="Nguyễn Thị Lộ")
    twice = {**fingers_of(13), "7.fmr": fingers_of(13, again=True)["2.fmr"]}
    dossiers.put(second, "V13", dossiers.document(13, unit="777"), fingers=twice, seed=13)
    return office


def page(report: Report) -> str:
    found = (report.out / "report.html").read_text(encoding="utf-8")
    shape = Shape()
    shape.feed(found)
    assert shape.open == []
    assert "script" not in shape.seen
    return found


def test_it_says_first_what_is_to_be_done(office_with_two_batches: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office = office_with_two_batches
    report = office.issue("second", "second-out")
    said = json.loads((report.out / "report.json").read_text(encoding="utf-8"))
    today = said["today"]
    assert next(iter(said)) == "today"
    (case,) = today["cases"]
    assert (case["dossier"], case["unit"]) == ("V13", {"code": "777", "name": None})
    (card,) = today["cards"]
    assert (card["dossier"], card["replaced_by"], card["unit"]["name"]) == ("N1", "E1", "Phường Cửa <b>Nam, Hà Nội")
    assert card["why"] == {"vi": "mất thẻ", "en": "the card is lost"}
    assert [(one["unit"]["code"], [each["dossier"] for each in one["dossiers"]]) for one in today["back"]] == [
        ("079.26", ["X9"]),
        (None, ["R8"]),
    ]
    assert today["back"][0]["unit"]["name"] == "Phường Bến Thành, Hồ Chí Minh"
    assert {one["dossier"]: one["of"] for one in today["duplicates"]} == {"D3": "N3", "Z4": "N5"}
    swapped = {"vi": "Hai bàn tay bị đổi cho nhau", "en": "the hands are exchanged"}
    assert swapped in next(one["said"] for one in today["duplicates"] if one["dossier"] == "D3")

    found = page(report)
    places = [found.index(f'id="{name}"') for name in ("cases", "cards", "back", "duplicates")]
    assert places == sorted(places)
    assert places[-1] < found.index("What became of the batch")
    for text in (f"cccd review page {case['case']} --gallery", card["card_serial"], "Phường Cửa &lt;b&gt;Nam"):
        assert text in found
    capsys.readouterr()
    _show(report)
    screen = capsys.readouterr().out
    assert screen.startswith("Việc cần làm / to do:")
    assert (
        screen.index(case["case"]) < screen.index(card["card_serial"]) < screen.index("X9") < screen.index("received")
    )
    for text in (found.split("<pre>{")[0], screen, json.dumps(today)):
        assert [word for word in CODE_WORDS if word in text] == []
    for name in (*NAMES.values(), "Nguyễn Thị Lộ"):
        assert name not in found + screen + json.dumps(said, ensure_ascii=False), "nothing of a person unless asked"


def test_people_are_shown_where_that_is_asked_for_and_gone_with_the_next_call(office_with_two_batches: Office) -> None:
    office = office_with_two_batches
    report = office.issue("second", "second-out", show_people=True)
    path = report.out / "report.html"
    assert path.stat().st_mode & 0o777 == 0o600
    found = page(report)
    for name in ("E1", "D3", "Z4", "X9"):
        assert NAMES[name] in found
    assert "Nguyễn Thị Lộ" not in found, "what stands in place of a unit's code is no code"
    assert found.count("data:image/jpeg;base64,") == 3, "both of Z4 and N5; of N3 there is only the gallery's record"
    assert found.count('<svg class="finger"') == 4
    assert "Hồ sơ N3: ngón trỏ" in found
    other = "".join((report.out / name).read_text(encoding="utf-8") for name in ("report.json", "dossiers.jsonl"))
    assert [name for name in NAMES.values() if name in other] == []

    again = page(office.issue("second", "second-out"))
    assert [name for name in NAMES.values() if name in again] == []
    assert "<svg" not in again


def test_a_dossier_that_was_changed_since_is_not_shown(office_with_two_batches: Office) -> None:
    office = office_with_two_batches
    office.issue("second", "second-out")
    path = office.batch("second") / "D3" / "dossier.json"
    path.write_text(path.read_text(encoding="utf-8").replace("Đỗ Văn Sáu", "Đỗ Văn Khác"), encoding="utf-8")
    found = page(office.issue("second", "second-out", show_people=True))
    assert found.count("data:image/jpeg;base64,") == 2
    assert found.count('<svg class="finger"') == 2


def test_nothing_left_is_said(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.put("N1", 1)
    report = office.issue()
    assert "Nothing is left to be done." in page(report)
    _show(report)
    assert "nothing is left to be done" in capsys.readouterr().out


def test_a_batch_that_says_no_units_and_a_dossier_that_left_it(office: Office, tmp_path: Path) -> None:
    office.put("N1", 1)
    office.put("R2", 2, sex="F")
    office.issue()
    (office.batch() / "R2").rename(tmp_path / "R2")
    report = office.issue()
    (told,) = report.today.back
    assert told.unit.code is None
    assert "unit not known" in page(report)
