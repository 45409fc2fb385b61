"""The stages of a search as one printed string: what stands in manifests, results and on the command line.

    same>any                    exhaustive: everyone is compared; the truth that every faster way is measured against
    codes:keep=0.001>same>any   first the finger codes, which keep about so large a share of the people, and a first
                                look at whom they leave (`search.glance`); then the rest

A stage only removes people, so that the bound of false matches holds whatever stands before. What a first stage may
lose is its measured miss rate, which goes into every result beside the string.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from cccd_core.errors import ParameterError

EXHAUSTIVE_TEXT: Final = "same>any"
_CODES = re.compile(r"codes:keep=(\d{1,3}(?:\.\d{1,20})?(?:e-?\d{1,2})?)")
LEAST_KEPT: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Cascade:
    """The stages: `keep`, the share of people whom the codes keep (None: there is no such stage); whether fingers are
    compared across positions as well (`any`). Fingers of the same position always are.

    ParameterError for a share outside 1e-7 to 1 (1 is no stage).
    """

    keep: float | None = None
    any_position: bool = True

    def __post_init__(self) -> None:
        if self.keep is not None and not (math.isfinite(self.keep) and LEAST_KEPT <= self.keep < 1):
            raise ParameterError("a first stage keeps a share of the people below 1", least=LEAST_KEPT)

    @classmethod
    def parse(cls, text: str) -> Cascade:
        """The cascade of a printed string. ParameterError for what is none; `needs` says what one looks like."""
        *first, last = text.split(">") if text.endswith("same") else text.removesuffix(">any").split(">")
        found = _CODES.fullmatch(first[0]) if first else None
        if last != "same" or len(first) > 1 or (first and found is None):
            raise ParameterError(
                "not a cascade", cascade=text[:80], needs="same>any, codes:keep=0.001>same>any, or either without any"
            )
        return cls(None if found is None else float(found[1]), text.endswith(">any"))

    def __str__(self) -> str:
        first = "" if self.keep is None else f"codes:keep={self.keep:.12g}>"
        return first + ("same>any" if self.any_position else "same")

    @property
    def exhaustive(self) -> bool:
        """Whether everyone is compared."""
        return self.keep is None
