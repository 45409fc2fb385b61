"""Why a card was not used, or a job ended without a card: words that the journal keeps and reports count.

Nothing is parsed out of a reason: what it is about stands in fields of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cccd_core.inspection import CheckName
from cccd_core.plain import Json, encode_record

_STATUS_WORD: Final = re.compile(r"[0-9A-F]{4}")
_KIND: Final = re.compile(r"[a-z_]{1,40}")


class Trouble(StrEnum):
    """What went wrong, in one stable word."""

    # the job waits
    NO_CARD = "no_card"
    CARD_NOT_PRESENTED = "card_not_presented"
    CARD_KEEPS_LEAVING = "card_keeps_leaving"
    OTHER_CARDS_PRESENTED = "other_cards_presented"
    STOPPED = "stopped"
    # the card is no good
    NOT_BLANK = "not_blank"
    UNLOCKED_AGAIN = "unlocked_again"  # it was locked and no longer says so
    KEY_REFUSED = "key_refused"
    LEAVES_AT_THE_SAME_STEP = "leaves_at_the_same_step"
    CARD_REFUSED = "card_refused"  # it answered a step with an error
    CARD_FILE_DAMAGED = "card_file_damaged"
    VERIFICATION_FAILED = "verification_failed"
    LOST = "lost"  # somebody's word: it is not there any more, or was destroyed
    # the job cannot be
    JOB_HAS_ANOTHER_NUMBER = "job_has_another_number"
    NUMBER_HAS_ANOTHER_CARD = "number_has_another_card"
    UNDER_WAY_ON_ANOTHER_LANE = "under_way_on_another_lane"
    IMAGE_UNSOUND = "image_unsound"  # no reader would accept it


class StepName(StrEnum):
    """What was being done with a card."""

    TAKE = "take"
    OPEN_CHANNEL = "open_channel"
    PUT_KEYS = "put_keys"
    CREATE_FILE = "create_file"
    WRITE_BINARY = "write_binary"
    STORE_SECRETS = "store_secrets"
    OPEN_DOOR = "open_door"
    LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Reason:
    """A trouble and its circumstances.

    `step`: at what. `sw`: the card's status word, four upper-case hexadecimal digits. `check`: the check that failed.
    `error`: the kind of the error (`CccdError.kind`) where that is all there is to say.
    """

    trouble: Trouble
    step: StepName | None = None
    sw: str | None = None
    check: CheckName | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        """ValueError for a status word or an error's kind of another form."""
        for text, form in ((self.sw, _STATUS_WORD), (self.error, _KIND)):
            if text is not None and not form.fullmatch(text):
                raise ValueError("not a reason")

    def __str__(self) -> str:
        """Compact, for tables and logs: `card_refused:create_file:6985`."""
        return ":".join(part for part in (self.trouble, self.step, self.sw, self.check, self.error) if part)

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: the fields that say something."""
        return encode_record(self)
