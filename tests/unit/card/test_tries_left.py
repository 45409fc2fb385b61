"""Wherever a card may count the tries that are left (63Cx), the error has the count as a fact, and says it once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cccd_core.card import CardConnection, ChipReader, MemoryLink, profile, status_words
from cccd_core.card.scp03 import open_session
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import AuthenticationError, CardError, CccdError
from support.chip import CAN, MASTER_KEY, MRZ, SERIAL, ScriptedLink, blank, personalised

MSE_SET_AT, GENERAL_AUTHENTICATE, EXTERNAL_AUTHENTICATE = 0x22, 0x86, 0x82


@pytest.fixture(scope="module")
def finished() -> VirtualCard:
    return personalised(portrait_bytes=300)[0]


def _refusing(card: VirtualCard, refusals: dict[int, str], *, chained: bool = False) -> CardConnection:
    """The card, but each command of these instructions is answered by this status alone; of a chain (CLA 10) only with
    `chained`. MSE:Set AT still reaches the card, as a warning does not undo it.
    """
    card.power_on()
    inner = MemoryLink(card)

    def answer(command: bytes) -> bytes:
        refusal = refusals.get(command[1])
        if refusal is None or bool(command[0] & 0x10) != chained:
            return inner.transmit(command)
        if command[1] == MSE_SET_AT:
            inner.transmit(command)
        return bytes.fromhex(refusal)

    return CardConnection(ScriptedLink(answer))


def _refused(error: type[CccdError], act: Callable[[], object]) -> dict[str, object]:
    with pytest.raises(error) as caught:
        act()
    assert type(caught.value) is error
    assert not any(character.isdigit() for character in caught.value.message.replace("SCP03", ""))
    return caught.value.facts


@pytest.mark.parametrize("left", range(16))
def test_the_count_is_a_fact_beside_the_status_word(left: int) -> None:
    sw = 0x63C0 | left
    assert status_words.tries_left(sw) == left
    for error in (status_words.card_error(sw, "trying"), status_words.authentication_error(sw, "wrong")):
        assert error.facts == {"sw": f"{sw:04X}", "tries_left": left}
        assert str(error).count(f"tries_left={left}") == 1
    assert status_words.card_error(sw, "trying").message == "the card refused while trying: verification failed"


@pytest.mark.parametrize("sw", [0x9000, 0x6300, 0x63BF, 0x63D0, 0x6C03, 0x6983])
def test_other_status_words_count_no_tries(sw: int) -> None:
    assert status_words.tries_left(sw) is None
    assert status_words.card_error(sw, "trying").facts == {"sw": f"{sw:04X}"}


def test_pace_refuses_the_password(finished: VirtualCard) -> None:
    reader = ChipReader(_refusing(finished, {GENERAL_AUTHENTICATE: "63C2"}))
    assert _refused(AuthenticationError, lambda: reader.open_pace(CAN)) == {"sw": "63C2", "tries_left": 2}


def test_pace_warns_before_it_asks_and_refuses_without_a_count(finished: VirtualCard) -> None:
    reader = ChipReader(_refusing(finished, {MSE_SET_AT: "63C1", GENERAL_AUTHENTICATE: "6300"}))
    assert _refused(AuthenticationError, lambda: reader.open_pace(CAN)) == {"sw": "6300", "tries_before": 1}


def test_pace_goes_on_after_a_warning(finished: VirtualCard) -> None:
    connection = _refusing(finished, {MSE_SET_AT: "63C1"})
    ChipReader(connection).open_pace(CAN)
    assert connection.protected


def test_pace_with_no_try_left_asks_nothing_more(finished: VirtualCard) -> None:
    connection = _refusing(finished, {MSE_SET_AT: "63C0"})
    facts = _refused(AuthenticationError, lambda: ChipReader(connection).open_pace(CAN))
    assert facts == {"sw": "63C0", "tries_left": 0}
    assert isinstance(connection.link, ScriptedLink)
    assert connection.link.commands[-1][1] == MSE_SET_AT


def test_pace_breaks_off_in_the_middle(finished: VirtualCard) -> None:
    reader = ChipReader(_refusing(finished, {GENERAL_AUTHENTICATE: "63C2"}, chained=True))
    assert _refused(CardError, lambda: reader.open_pace(CAN)) == {"sw": "63C2", "tries_left": 2}


def test_bac_refuses_the_machine_readable_zone(finished: VirtualCard) -> None:
    reader = ChipReader(_refusing(finished, {EXTERNAL_AUTHENTICATE: "63C4"}))
    assert _refused(AuthenticationError, lambda: reader.open_bac(MRZ)) == {"sw": "63C4", "tries_left": 4}


@pytest.mark.parametrize(
    ("sw", "facts"),
    [
        ("63C9", {"sw": "63C9", "tries_left": 9}),
        ("63C0", {"sw": "63C0", "tries_left": 0}),
        ("6300", {"sw": "6300"}),
        ("6982", {"sw": "6982"}),
    ],
)
def test_scp03_refuses_the_keys(sw: str, facts: dict[str, object]) -> None:
    connection = _refusing(blank(), {EXTERNAL_AUTHENTICATE: sw})
    profile.select_applet(connection)
    keys = MASTER_KEY.chooser(SERIAL)
    assert _refused(AuthenticationError, lambda: open_session(connection, keys)) == facts
    assert not connection.protected


@pytest.mark.parametrize("sw", ["63C9", "6983"])
def test_scp03_that_does_not_begin_is_no_proof_of_a_wrong_key(sw: str) -> None:
    connection = _refusing(blank(), {0x50: sw})
    profile.select_applet(connection)
    keys = MASTER_KEY.chooser(SERIAL)
    facts = _refused(CardError, lambda: open_session(connection, keys))
    assert facts == {"sw": sw} | ({"tries_left": 9} if sw == "63C9" else {})


@pytest.mark.parametrize("instruction", [0xA4, 0xB0])
def test_reading_is_refused(instruction: int) -> None:
    def answer(command: bytes) -> bytes:
        return bytes.fromhex("63C3" if command[1] == instruction else "9000")

    reader = ChipReader(CardConnection(ScriptedLink(answer)))
    facts = _refused(CardError, lambda: reader.read(ElementaryFile.EF_CARDACCESS))
    assert facts == {"sw": "63C3", "tries_left": 3}
