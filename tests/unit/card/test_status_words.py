"""Every status word has words: the standard's own, or what its first byte says."""

from __future__ import annotations

import pytest

from cccd_core.card import CardConnection, CommandApdu, status_words
from cccd_core.card.secure_messaging import AesCipher, BareStatusError, SecureMessaging
from support.chip import ScriptedLink

# ISO/IEC 7816-4:2020, table 6, and GlobalPlatform 2.3.1; a word that must stand in the answer
NAMED = {
    0x6200: "unchanged", 0x6202: "2 bytes", 0x6280: "128 bytes", 0x6281: "may be damaged", 0x6282: "end of file",
    0x6283: "deactivated or locked", 0x6284: "control information", 0x6285: "termination", 0x6286: "sensor",
    0x6287: "deactivated", 0x6300: "authentication failed", 0x6310: "more data available", 0x6381: "filled up",
    0x63C0: "verification failed", 0x6400: "memory unchanged", 0x6401: "immediate response", 0x6481: "channel",
    0x6500: "memory changed", 0x6581: "memory failure", 0x6600: "security-related", 0x6700: "wrong length",
    0x6800: "class byte", 0x6881: "logical channel", 0x6882: "secure messaging", 0x6883: "last command",
    0x6884: "chaining", 0x6900: "not allowed", 0x6981: "this file", 0x6982: "security status", 0x6983: "blocked",
    0x6984: "not usable", 0x6985: "conditions", 0x6986: "no current", 0x6987: "missing", 0x6988: "incorrect",
    0x6999: "could not be selected", 0x6A00: "P1-P2", 0x6A80: "wrong data", 0x6A81: "not supported",
    0x6A82: "not found", 0x6A83: "record", 0x6A84: "not enough memory", 0x6A85: "structure", 0x6A86: "P1 or P2",
    0x6A87: "Lc", 0x6A88: "not found", 0x6A89: "exists", 0x6A8A: "exists", 0x6B00: "offset", 0x6C17: "23 would be",
    0x6D00: "instruction", 0x6E00: "class", 0x6F00: "no precise", 0x9000: "success", 0x9484: "algorithm",
    0x9485: "check value",
}  # fmt: skip


@pytest.mark.parametrize("sw", NAMED)
def test_the_standards_words(sw: int) -> None:
    assert NAMED[sw] in status_words.meaning(sw)
    assert "unknown" not in status_words.meaning(sw)


def test_no_status_word_is_without_words_and_every_class_is_named() -> None:
    words = {sw: status_words.meaning(sw) for sw in range(0x10000)}
    assert all(words.values())
    for first, said in ((0x62, "warning"), (0x64, "execution error"), (0x69, "not allowed"), (0x6A, "P1-P2")):
        assert all(
            said in words[first << 8 | second]
            or first << 8 | second in NAMED
            or first << 8 | second in (0x6402, 0x6482)
            for second in range(0x100)
        )
    assert words[0x6E42] == "class not supported: unknown detail 42"
    assert words[0x1234] == "no status word of the standard: 1234"


@pytest.mark.parametrize(
    ("sw", "there", "rights", "protection"),
    [
        (0x6A82, False, False, False), (0x6A88, False, False, False), (0x6982, True, True, False),
        (0x6985, True, True, False), (0x6983, True, True, False), (0x6987, True, False, True),
        (0x6988, True, False, True), (0x6882, True, False, True), (0x6986, True, False, False),
        (0x6981, True, False, False), (0x6B00, True, False, False), (0x9000, True, False, False),
    ],
)  # fmt: skip
def test_what_a_status_word_is_about(sw: int, there: bool, rights: bool, protection: bool) -> None:
    assert status_words.not_there(sw) is not there
    assert status_words.lacks_rights(sw) is rights
    assert status_words.refuses_protection(sw) is protection


def test_warnings() -> None:
    warnings = {sw for sw in range(0x10000) if status_words.is_warning(sw)}
    assert warnings == set(range(0x6200, 0x6400)) - set(range(0x63C0, 0x63D0))


@pytest.mark.parametrize(
    ("sw", "said"), [(0x6A82, "is not there"), (0x6982, "access needed"), (0x6988, "data object incorrect")]
)
def test_a_bare_status_word_under_secure_messaging_is_named(sw: int, said: str) -> None:
    connection = CardConnection(ScriptedLink(lambda _: sw.to_bytes(2, "big")))
    connection.push(SecureMessaging(AesCipher(bytes(16), bytes(16))))
    with pytest.raises(BareStatusError, match=said) as lost:
        connection.send(CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x03"))
    assert (lost.value.sw, lost.value.facts["sw"]) == (sw, f"{sw:04X}")
    assert connection.dead
