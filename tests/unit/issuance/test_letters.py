"""Letters that are printed like others never reach a chip."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.emrtd.names import transliterate
from cccd_core.issuance.dossiers.letters import odd_sign

TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
VOWELS = "aăâeêioôơuưy"


def test_every_vietnamese_letter_is_one() -> None:
    letters = [unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES]
    text = "".join([*letters, *"bcdđghklmnpqrstvx"])
    for each in (text, text.upper()):
        assert odd_sign(unicodedata.normalize("NFC", each), name=True) is None


@pytest.mark.parametrize(
    "name",
    [
        "H'Hen Niê", "Y Ƀhiăt Ƀuôn Yă", "K’Brěo", "Rơ Châm H'Phik", "Siu Bl\u00eb\u0306", "Đặng Thị Ê\u0306",
        "Jörg Müller-Lüdenscheidt",
        "Åse Bjørnsdóttir", "Łukasz Żółć", "Nguyễn T. An",
    ],
)  # fmt: skip
def test_names_that_people_have(name: str) -> None:
    assert odd_sign(unicodedata.normalize("NFC", name), name=True) is None


@pytest.mark.parametrize(
    "text",
    [
        "12/4 Hàng Bông, P.5; TP. Hồ Chí Minh",
        "Nốt ruồi 0,5 cm – trên mắt phải (cách 1½ cm)",
        "Số 7 “A” & B…",
        "m² 25 °C",
    ],
)
def test_texts_that_cards_have(text: str) -> None:
    assert odd_sign(text, name=False) is None


@pytest.mark.parametrize(
    ("sign", "meant"),
    [
        ("Ð", "U+0110"), ("ð", "U+0111"), ("Ɖ", "U+0110"), ("ɖ", "U+0111"), ("ı", "U+0069"), ("ĸ", "U+006B"),
        ("Ａ", "U+0041"), ("ﬁ", "U+0066 U+0069"), ("𝐀", "U+0041"), ("ª", "U+0061"), ("Ĳ", "U+0049 U+004A"),
        ("ŉ", "U+02BC U+006E"), ("ﾠ", "U+1160"), ("А", None), ("Ν", None),
        ("ᴀ", None), ("ꓮ", None), ("ʼ", None), ("ا", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [True, False])
def test_letters_that_are_printed_like_others(sign: str, meant: str | None, name: bool) -> None:
    found = odd_sign(f"Lê {sign}n", name=name)
    assert found is not None
    assert (found["position"], found["character"], found.get("meant")) == (3, f"U+{ord(sign):04X}", meant)


@pytest.mark.parametrize("digit", ["７", "٧", "७", "𝟕"])
def test_digits_of_other_scripts(digit: str) -> None:
    found = odd_sign(f"Số {digit}", name=False)
    assert found is not None
    assert (found["position"], found["meant"]) == (3, "U+0037")
    assert odd_sign("Số 7", name=False) is None


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("D\u0335iện", 1), ("D\u0336", 1), ("\u0301an", 0), ("- \u0301", 2), ("n\u0303\u0301\u0309\u0302", 3),
        ("a\u20dd", 1), ("a\u034f", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [True, False])
def test_marks_that_make_another_letter_or_stand_alone(text: str, position: int, name: bool) -> None:
    found = odd_sign(unicodedata.normalize("NFC", text), name=name)
    assert found is not None
    assert found["position"] == position


@given(
    st.text(st.one_of(st.sampled_from("aăâĐđ ê\u0306\u0323'Ƀ"), st.characters(max_codepoint=0x24F), st.characters()))
)
def test_what_is_taken_is_printed_one_way(text: str) -> None:
    """No two letters that are taken are the same but for how they are encoded, and each has its letters in the MRZ."""
    text = unicodedata.normalize("NFC", text)
    if odd_sign(text, name=True) is None:
        letters = [sign for sign in text if sign.isalpha()]
        assert all(unicodedata.normalize("NFKC", sign) == sign for sign in letters)
        assert bool(transliterate(text)) == bool(letters)
        assert all("LATIN" in unicodedata.name(sign) for sign in letters)
