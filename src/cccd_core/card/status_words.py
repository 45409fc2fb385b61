"""What a card's two status bytes mean, in words and as errors (ISO/IEC 7816-4:2020, 5.6, tables 5 and 6; GlobalPlatform
Card Specification 2.3.1, 11.1.3 and the tables of each command).
"""

from __future__ import annotations

from typing import Final

from cccd_core.errors import AuthenticationError, CardError

SUCCESS: Final = 0x9000
MORE_DATA: Final = 0x6100  # SW2: how many bytes GET RESPONSE gives
DATA_MAY_BE_DAMAGED: Final = 0x6281  # a part of what was given
END_OF_FILE: Final = 0x6282  # fewer bytes than Le asked for
DEACTIVATED: Final = 0x6283
AUTHENTICATION_FAILED: Final = 0x6300
TRIES_LEFT: Final = 0x63C0  # low four bits: how many
MEMORY_FAILURE: Final = 0x6581
WRONG_LENGTH: Final = 0x6700
CHANNEL_NOT_SUPPORTED: Final = 0x6881
SECURE_MESSAGING_NOT_SUPPORTED: Final = 0x6882
LAST_OF_CHAIN_EXPECTED: Final = 0x6883
CHAINING_NOT_SUPPORTED: Final = 0x6884
COMMAND_NOT_ALLOWED_FOR_FILE: Final = 0x6981
SECURITY_NOT_SATISFIED: Final = 0x6982
METHOD_BLOCKED: Final = 0x6983
REFERENCE_DATA_NOT_USABLE: Final = 0x6984
CONDITIONS_NOT_SATISFIED: Final = 0x6985
NO_CURRENT_EF: Final = 0x6986
SM_OBJECT_MISSING: Final = 0x6987
SM_OBJECT_INCORRECT: Final = 0x6988
WRONG_DATA: Final = 0x6A80
FUNCTION_NOT_SUPPORTED: Final = 0x6A81
FILE_NOT_FOUND: Final = 0x6A82
NOT_ENOUGH_MEMORY: Final = 0x6A84
INCORRECT_P1_P2: Final = 0x6A86
LC_INCONSISTENT: Final = 0x6A87
REFERENCE_DATA_NOT_FOUND: Final = 0x6A88
FILE_EXISTS: Final = 0x6A89
OFFSET_OUTSIDE_FILE: Final = 0x6B00
WRONG_LE: Final = 0x6C00  # SW2: the right Le
INS_NOT_SUPPORTED: Final = 0x6D00
CLA_NOT_SUPPORTED: Final = 0x6E00
INTERNAL_ERROR: Final = 0x6F00
ALGORITHM_NOT_SUPPORTED: Final = 0x9484  # GlobalPlatform 2.3.1, 11.8.3.2
WRONG_CHECK_VALUE: Final = 0x9485

_MEANINGS: Final = {
    SUCCESS: "success",
    0x6200: "warning, memory unchanged: no information given",
    DATA_MAY_BE_DAMAGED: "part of the returned data may be damaged",
    END_OF_FILE: "end of file before Le bytes",
    DEACTIVATED: "the selected file or application is deactivated or locked",
    0x6284: "control information not formatted as it should be",
    0x6285: "the selected file is in termination state",
    0x6286: "no input data from a sensor on the card",
    0x6287: "at least one of the referenced records is deactivated",
    AUTHENTICATION_FAILED: "authentication failed, or a warning without more information",
    0x6310: "more data available",
    0x6381: "the file is filled up by the last write",
    0x6400: "execution error, memory unchanged: no information given",
    0x6401: "the card needs an immediate response",
    0x6402: "the card wants to be asked for the command that it has prepared",
    0x6481: "sharing of the logical channel is denied",
    0x6482: "opening of the logical channel is denied",
    0x6500: "execution error, memory changed: no information given",
    MEMORY_FAILURE: "memory failure",
    0x6600: "security-related failure: no information given",
    WRONG_LENGTH: "wrong length",
    0x6701: "the command's format does not follow the standard",
    0x6702: "Lc is not what the card expects",
    0x6800: "function of the class byte not supported: no information given",
    CHANNEL_NOT_SUPPORTED: "logical channel not supported",
    SECURE_MESSAGING_NOT_SUPPORTED: "secure messaging not supported",
    LAST_OF_CHAIN_EXPECTED: "last command of the chain expected",
    CHAINING_NOT_SUPPORTED: "command chaining not supported",
    0x6900: "command not allowed: no information given",
    COMMAND_NOT_ALLOWED_FOR_FILE: "command not allowed for this file",
    SECURITY_NOT_SATISFIED: "security status not satisfied",
    METHOD_BLOCKED: "authentication method blocked",
    REFERENCE_DATA_NOT_USABLE: "reference data not usable",
    CONDITIONS_NOT_SATISFIED: "conditions of use not satisfied",
    NO_CURRENT_EF: "no current elementary file",
    SM_OBJECT_MISSING: "secure messaging data object missing",
    SM_OBJECT_INCORRECT: "secure messaging data object incorrect",
    0x6999: "the application could not be selected",  # Java Card: its `select` or the card's state refused
    0x6A00: "wrong parameters P1-P2: no information given",
    WRONG_DATA: "wrong data",
    FUNCTION_NOT_SUPPORTED: "function not supported",
    FILE_NOT_FOUND: "file or application not found",
    0x6A83: "record not found",
    NOT_ENOUGH_MEMORY: "not enough memory in the file",
    0x6A85: "Lc inconsistent with the data objects' structure",
    INCORRECT_P1_P2: "incorrect P1 or P2",
    LC_INCONSISTENT: "Lc inconsistent with P1-P2",
    REFERENCE_DATA_NOT_FOUND: "reference data not found",
    FILE_EXISTS: "file exists already",
    0x6A8A: "application name exists already",
    OFFSET_OUTSIDE_FILE: "offset outside the file",
    INS_NOT_SUPPORTED: "instruction not supported",
    CLA_NOT_SUPPORTED: "class not supported",
    INTERNAL_ERROR: "no precise diagnosis",
    ALGORITHM_NOT_SUPPORTED: "algorithm not supported",
    WRONG_CHECK_VALUE: "invalid key check value",
}
# ISO/IEC 7816-4, table 5: what the first byte alone says, for a second byte that has no words of its own
_CLASSES: Final = {
    0x62: "warning, memory unchanged",
    0x63: "warning, memory changed",
    0x64: "execution error, memory unchanged",
    0x65: "execution error, memory changed",
    0x66: "security-related failure",
    0x67: "wrong length",
    0x68: "function of the class byte not supported",
    0x69: "command not allowed",
    0x6A: "wrong parameters P1-P2",
    0x6B: "wrong parameters P1-P2 or offset outside the file",
    0x6D: "instruction not supported or invalid",
    0x6E: "class not supported",
    0x6F: "no precise diagnosis",
}
_TRIGGERED: Final = range(0x02, 0x81)  # 62xx and 64xx: how many bytes the card wants to be asked for


def meaning(sw: int) -> str:
    """The standard's words for a status word, in short; of one that it does not name, what its first byte says."""
    if sw in _MEANINGS:
        return _MEANINGS[sw]
    first, second = sw >> 8, sw & 0xFF
    if sw & 0xFF00 == MORE_DATA:
        return f"{second or 256} more bytes"
    if tries_left(sw) is not None:
        return "verification failed"
    if sw & 0xFF00 == WRONG_LE:
        return f"wrong Le, {second or 256} would be right"
    if first in (0x62, 0x64) and second in _TRIGGERED:
        return f"{_CLASSES[first]}: the card wants to be asked for {second} bytes"
    if first in _CLASSES:
        return f"{_CLASSES[first]}: unknown detail {second:02X}"
    if first >> 4 == 0x9:
        return f"the card maker's own status {sw:04X}"
    return f"no status word of the standard: {sw:04X}"


def tries_left(sw: int) -> int | None:
    """How often the card may still be asked, 0 to 15, where the status word counts that (63Cx); else None."""
    return sw & 0xF if sw & 0xFFF0 == TRIES_LEFT else None


def refuses_proof(sw: int) -> bool:
    """Whether the card says that what was to prove someone was wrong: 63xx, with or without a count of tries."""
    return sw & 0xFF00 == AUTHENTICATION_FAILED


def is_warning(sw: int) -> bool:
    """Whether the command was carried out all the same: 62xx and 63xx, but for a count of tries."""
    return sw >> 8 in (0x62, 0x63) and tries_left(sw) is None


def not_there(sw: int) -> bool:
    """Whether the card says that it does not have what was asked for."""
    return sw in (FILE_NOT_FOUND, REFERENCE_DATA_NOT_FOUND)


def lacks_rights(sw: int) -> bool:
    """Whether the card has what was asked for and does not give it to whoever asks: 69xx, but for the words about the
    command itself or its protection."""
    about_the_command = (COMMAND_NOT_ALLOWED_FOR_FILE, NO_CURRENT_EF, SM_OBJECT_MISSING, SM_OBJECT_INCORRECT)
    return sw >> 8 == 0x69 and sw not in about_the_command


def refuses_protection(sw: int) -> bool:
    """Whether the card did not accept a command's secure messaging itself."""
    return sw in (SECURE_MESSAGING_NOT_SUPPORTED, SM_OBJECT_MISSING, SM_OBJECT_INCORRECT)


def card_error(sw: int, doing: str) -> CardError:
    """The error for a status word that ends an operation which no layer above gave a meaning of its own.

    Facts: `sw`, and `tries_left` where the card counts them.
    """
    return CardError(f"the card refused while {doing}: {meaning(sw)}", **status_facts(sw))


def authentication_error(sw: int, message: str) -> AuthenticationError:
    """The error for a status word by which the card refuses a key or password. Facts as for `card_error`."""
    return AuthenticationError(message, **status_facts(sw))


def status_facts(sw: int) -> dict[str, str | int]:
    """What an error tells of a status word: `sw`, four hexadecimal digits, and `tries_left` where the card counts."""
    left = tries_left(sw)
    return {"sw": f"{sw:04X}"} if left is None else {"sw": f"{sw:04X}", "tries_left": left}
