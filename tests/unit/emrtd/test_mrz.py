"""The machine readable zone of the Vietnamese card, names, truncation, long document numbers."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from cccd_core.emrtd import mrz
from cccd_core.emrtd.names import name_field, split_vietnamese, transliterate
from cccd_core.errors import FormatError, ParameterError
from support import emrtd_samples


def zone(**changes: object) -> mrz.Mrz:
    return mrz.for_card(emrtd_samples.content(**changes))


def test_the_vietnamese_card_line_by_line() -> None:
    first, second, third = zone().lines
    # IDVNM, last nine digits, check digit, twelve digits, <<, check digit over the twelve
    assert first == "IDVNM3030123457079303012345<<7"
    assert mrz.check_digit("303012345") == "7"
    assert mrz.check_digit("079303012345") == "7"
    assert second == "0305015F2805014VNM<<<<<<<<<<<" + second[29]
    assert third == "NGUYEN<<THI<MINH<KHAI<<<<<<<<<"
    assert [len(line) for line in (first, second, third)] == [30, 30, 30]
    # composite: line 1 from 6, line 2 1-7, 9-15, 19-29 (Doc 9303-5 clause 4.2.4)
    assert second[29] == mrz.check_digit(first[5:] + second[:7] + second[8:15] + second[18:29])


def test_a_parsed_card_gives_number_can_and_bac_information() -> None:
    parsed = mrz.parse("\n".join(zone().lines))
    assert parsed == zone()
    assert parsed.personal_number == "079303012345"
    assert mrz.can("079303012345") == "012345"
    assert parsed.information.key_source == "3030123457" + "0305015" + "2805014"
    assert "303012345" not in repr(parsed.information)


def test_a_card_without_expiry() -> None:
    permanent = zone(expiry_date=None)
    assert permanent.expiry_date == "991231"
    assert mrz.parse("".join(permanent.lines)).expiry_date == mrz.NO_EXPIRY


def test_other_documents_have_no_vietnamese_number() -> None:
    assert mrz.parse("".join(mrz.build(zone()))).personal_number
    for changes in ({"optional_data_1": ""}, {"issuing_state": "UTO"}, {"document_number": "303012346"}):
        values = {name: getattr(zone(), name) for name in mrz.Mrz.__dataclass_fields__}
        assert mrz.Mrz(**(values | changes)).personal_number is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Đặng Thị Ưng", "DANG<THI<UNG"),
        ("ĐỖ QUỲNH-ANH", "DO<QUYNH<ANH"),
        ("Nguyễn Văn Ở", "NGUYEN<VAN<O"),
        ("nguyễn\u0301 a", "NGUYEN<A"),
        ("H'Hen Niê", "HHEN<NIE"),
        ("Y Moan Êñuôl", "Y<MOAN<ENUOL"),
        ("Müller", "MUELLER"),
        ("Straße", "STRASSE"),
        ("Łukasz Ørsted Ægir", "LUKASZ<OERSTED<AEGIR"),
        ("  a   b ", "A<B"),
        ("Ləman", "LEMAN"),
        ("Lương\u200bVăn", "LUONGVAN"),
        ("\ufeffLương\u00ad \u200eVăn\u2060\ufe0f", "LUONG<VAN"),
        ("Lương\u00a0Văn\u2009An\u2013Bình", "LUONG<VAN<AN<BINH"),
        ("Ðỗ", "DO"),
        ("\u02bbOkina D\u2032Arc O\u00b4Neil", "OKINA<DARC<ONEIL"),
        ("ŉ ĸ Ŀ ŋ ħ ŧ ı İ ĳ œ þ å", "N<Q<L<N<H<T<I<I<IJ<OE<TH<AA"),
        ("ǆ ǈ Ǌ ȘȚ ĠĢ", "DZ<LJ<NJ<ST<GG"),
    ],
)
def test_transliteration(name: str, expected: str) -> None:
    assert transliterate(name) == expected


@pytest.mark.parametrize(
    ("language", "name", "expected"),
    [
        ("ru", "Наталья Щёголева-Объедкова", "NATALIA<SHCHEGOLEVA<OBIEEDKOVA"),
        ("uk", "Юрій Їжак Згурський Знам'янко", "YURII<YIZHAK<ZHURSKYI<ZNAMIANKO"),
        ("uk", "Ґалаґан Єва Мар’яна", "GALAGAN<YEVA<MARIANA"),
        ("be", "Ёў Геогій", "IOU<HEOHII"),
        ("bg", "Щърбев", "SHTIERBEV"),
        ("sr", "Ђорђевић Жељко Њ Џ Хаџић", "DORDEVIC<ZELJKO<NJ<DZ<HADZIC"),
        ("mk", "Ќосев Ѓорѓи Џемо Цветан Ѕ", "KJOSEV<GJORGJI<DJEMO<CVETAN<DZ"),
    ],
)
def test_cyrillic_by_the_language_that_it_is_in(language: str, name: str, expected: str) -> None:
    assert transliterate(name, language=language) == expected
    with pytest.raises(ParameterError):
        transliterate(name)


@pytest.mark.parametrize(
    ("name", "language"), [("Ивaн", "ru"), ("Nguyễn", "ru"), ("王", "uk"), ("А", "xx"), ("А", "vi")]
)
def test_a_name_is_in_one_script_and_a_known_language(name: str, language: str) -> None:
    with pytest.raises(ParameterError) as caught:
        transliterate(name, language=language)
    assert set(caught.value.facts) <= {"position", "language"}


def test_every_vietnamese_letter_becomes_one_basic_letter() -> None:
    tones = ["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]
    vowels = dict(zip("aăâeêioôơuưy", "AAAEEIOOOUUY", strict=True))
    count = 0
    for vowel, basic in vowels.items():
        for tone in tones:
            for letter in (vowel + tone, (vowel + tone).upper()):
                assert transliterate(letter) == basic
                count += 1
    assert count == 144
    assert transliterate("đĐ") == "DD"


@pytest.mark.parametrize("name", ["Иван", "王", "A1", "A_B", "a\u0000b"])
def test_characters_without_transliteration_are_refused_without_being_shown(name: str) -> None:
    with pytest.raises(ParameterError) as caught:
        transliterate(name)
    assert set(caught.value.facts) == {"position"}


def test_names_without_end_are_refused() -> None:
    assert len(transliterate("Đ" * 1000)) == 1000
    with pytest.raises(ParameterError) as caught:
        transliterate("Đ" * 1001)
    assert caught.value.facts == {"length": 1001, "limit": 1000}


def test_family_name_stands_first() -> None:
    assert split_vietnamese("Nguyễn Thị Minh Khai") == ("NGUYEN", "THI<MINH<KHAI")
    assert split_vietnamese("Siu") == ("SIU", "")
    with pytest.raises(ParameterError):
        split_vietnamese(" - ")


@pytest.mark.parametrize(
    ("primary", "secondary", "width", "expected"),
    [
        ("NGUYEN", "AN", 12, "NGUYEN<<AN<<"),
        ("NGUYEN", "ANBC", 12, "NGUYEN<<ANBC"),
        ("NGUYEN", "ANBCD", 12, "NGUYEN<<ANBC"),
        ("NGUYEN", "AN<BINH", 12, "NGUYEN<<AN<B"),
        ("NGUYEN", "HOANG<THANH", 13, "NGUYEN<<HO<TH"),
        ("TON<NU", "A", 8, "TO<NU<<A"),
        ("ABCDEFGHIJKLMNOP", "Q<R", 12, "ABCDEFG<<Q<R"),
        ("ABCDEFGHIJKLMNOP", "", 12, "ABCDEFGHIJKL"),
        ("A", "B<C<D<E<F<G<H<I", 8, "A<<B<C<D"),
        ("A<B<C<D<E<F<G<H", "I", 8, "A<B<C<<I"),
    ],
)
def test_truncation_ends_in_a_letter_and_keeps_initials(
    primary: str, secondary: str, width: int, expected: str
) -> None:
    assert name_field(primary, secondary, width) == expected


def test_a_long_vietnamese_name_keeps_every_part() -> None:
    third = zone(full_name="Công Tằng Tôn Nữ Hoàng Phương Thảo Nguyên").lines[2]
    assert len(third) == 30
    assert third[-1].isalpha()
    primary, secondary = third.split("<<")
    assert primary == "CONG"
    parts = secondary.split("<")
    assert len(parts) == 7
    for part, whole in zip(parts, ["TANG", "TON", "NU", "HOANG", "PHUONG", "THAO", "NGUYEN"], strict=True):
        assert whole.startswith(part)


def test_td1_document_numbers_above_nine_characters() -> None:
    values = {name: getattr(zone(), name) for name in mrz.Mrz.__dataclass_fields__}
    long = mrz.Mrz(**(values | {"document_number": "D23145890734", "optional_data_1": ""}))
    first = long.lines[0]
    assert first == "IDVNMD23145890<7349<<<<<<<<<<<"  # Doc 9303-5 appendix, note j
    assert mrz.parse("".join(long.lines)) == long
    with pytest.raises(ParameterError):
        mrz.build(mrz.Mrz(**(values | {"document_number": "D" * 25, "optional_data_1": ""})))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"document_code": "IDX"}, "document_code"),
        ({"issuing_state": "vnm"}, "issuing_state"),
        ({"birth_date": "1"}, "birth_date"),
        ({"optional_data_1": "A" * 16}, "optional_data_1"),
        ({"primary_identifier": ""}, "primary_identifier"),
        ({"primary_identifier": "Ngu"}, "name"),
    ],
)
def test_fields_that_do_not_fit_are_named(changes: dict[str, str], field: str) -> None:
    values = {name: getattr(zone(), name) for name in mrz.Mrz.__dataclass_fields__}
    with pytest.raises(ParameterError) as caught:
        mrz.build(mrz.Mrz(**(values | changes)))
    assert caught.value.facts["field"] == field


@pytest.mark.parametrize("text", ["", "A" * 89, "A" * 100_000, "a" * 90, "é" * 90])
def test_texts_that_are_no_zone(text: str) -> None:
    with pytest.raises(FormatError):
        mrz.parse(text)


def test_one_wrong_check_digit_is_named() -> None:
    first, second, third = zone().lines
    for line, position, field in (
        (0, 14, "document_number"),
        (1, 6, "birth_date"),
        (1, 14, "expiry_date"),
        (1, 29, "composite"),
    ):
        lines = [first, second, third]
        changed = str((int(lines[line][position]) + 1) % 10)
        lines[line] = lines[line][:position] + changed + lines[line][position + 1 :]
        parsed = mrz.parse("\n".join(lines))
        assert parsed.odd[0].name == field
        assert parsed.odd[0].error.facts == {"offset": 30 * line + position, "field": field}
        assert {part.name for part in parsed.odd} <= {field, "composite"}
        assert dataclasses.replace(parsed, odd=()) == zone()
        assert parsed.information == zone().information


@pytest.mark.parametrize("number", ["", "12345678901", "1234567890123", "12345678901a", "１２３４５６７８９０１２"])
def test_can_wants_a_personal_number(number: str) -> None:
    with pytest.raises(ParameterError):
        mrz.can(number)


def test_unknown_birth_dates_may_hold_fillers() -> None:
    values = {name: getattr(zone(), name) for name in mrz.Mrz.__dataclass_fields__}
    unknown = mrz.Mrz(**(values | {"birth_date": "03<<<<"}))
    assert mrz.parse("".join(unknown.lines)) == unknown
    assert dt.date(2003, 5, 1).strftime("%y%m%d") == zone().birth_date
