"""Status words (ISO/IEC 7816-4:2020, 5.6; GlobalPlatform Card Specification 2.3.1, 11.1.3)."""

from __future__ import annotations

from typing import Final

from cccd_core.errors import CardError

SUCCESS: Final = 0x9000
MORE_DATA: Final = 0x6100  # SW2: how many bytes GET RESPONSE gives
END_OF_FILE: Final = 0x6282  # fewer bytes than Le asked for
AUTHENTICATION_FAILED: Final = 0x6300
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

_MEANINGS: Final = {
    SUCCESS: "success",
    END_OF_FILE: "end of file before Le bytes",
    AUTHENTICATION_FAILED: "authentication failed",
    MEMORY_FAILURE: "memory failure",
    WRONG_LENGTH: "wrong length",
    CHANNEL_NOT_SUPPORTED: "logical channel not supported",
    SECURE_MESSAGING_NOT_SUPPORTED: "secure messaging not supported",
    LAST_OF_CHAIN_EXPECTED: "last command of the chain expected",
    CHAINING_NOT_SUPPORTED: "command chaining not supported",
    COMMAND_NOT_ALLOWED_FOR_FILE: "command not allowed for this file",
    SECURITY_NOT_SATISFIED: "security status not satisfied",
    METHOD_BLOCKED: "authentication method blocked",
    REFERENCE_DATA_NOT_USABLE: "reference data not usable",
    CONDITIONS_NOT_SATISFIED: "conditions of use not satisfied",
    NO_CURRENT_EF: "no current elementary file",
    SM_OBJECT_MISSING: "secure messaging data object missing",
    SM_OBJECT_INCORRECT: "secure messaging data object incorrect",
    WRONG_DATA: "wrong data",
    FUNCTION_NOT_SUPPORTED: "function not supported",
    FILE_NOT_FOUND: "file or application not found",
    NOT_ENOUGH_MEMORY: "not enough memory in the file",
    INCORRECT_P1_P2: "incorrect P1 or P2",
    LC_INCONSISTENT: "Lc inconsistent with P1-P2",
    REFERENCE_DATA_NOT_FOUND: "reference data not found",
    FILE_EXISTS: "file exists already",
    OFFSET_OUTSIDE_FILE: "offset outside the file",
    INS_NOT_SUPPORTED: "instruction not supported",
    CLA_NOT_SUPPORTED: "class not supported",
    INTERNAL_ERROR: "no precise diagnosis",
}


def meaning(sw: int) -> str:
    """The standard's words for a status word, in short."""
    if sw in _MEANINGS:
        return _MEANINGS[sw]
    if sw & 0xFF00 == MORE_DATA:
        return f"{sw & 0xFF or 256} more bytes"
    if sw & 0xFFF0 == 0x63C0:
        return f"verification failed, {sw & 0xF} tries left"
    if sw & 0xFF00 == WRONG_LE:
        return f"wrong Le, {sw & 0xFF or 256} would be right"
    return "unknown status"


def card_error(sw: int, doing: str) -> CardError:
    """The error for a status word that ends an operation which no layer above gave a meaning of its own."""
    return CardError(f"the card refused while {doing}: {meaning(sw)}", sw=f"{sw:04X}")
