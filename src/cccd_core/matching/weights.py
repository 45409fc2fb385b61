"""The learned part of the matcher: three linear scores and two exit levels."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from cccd_core.errors import FormatError
from cccd_core.storage import whole_file

FORMAT = "cccd-matching-weights-1"
SHIPPED = "data/weights.json"
BYTES_MAX = 1 << 20

# What the kernels measure of a pair, by the names and in the order of `enum Feature` in
# native/kernels/matching/matching.hpp, and what it is: after relaxation, after the rigid check, after the elastic one.
FEATURE_NAMES = {
    "mean_similarity": "mean similarity of the candidates",
    "rms_similarity": "root mean square similarity of the candidates",
    "mutual_by_size": "mutual candidates by size",
    "principal_eigenvalue": "principal eigenvalue",
    "root_support": "root of the support in all",
    "root_largest_support": "root of the largest support",
    "fewer_minutiae": "fewer minutiae",
    "log_fewer_minutiae": "log of fewer minutiae",
    "log_more_effective": "log of the greater effective count of minutiae, in halves",
    "first_support": "support of the first placement",
    "best_support": "support of the best supported placement",
    "rigid_agreement": "its agreement",
    "rigid_agreement_by_size": "its agreement by size",
    "rigid_pairs": "its pairs",
    "final_pairs": "pairs",
    "paired_worth": "share of the common area paired, by worth",
    "close_worth": "closeness by worth and area",
    "close_alike": "closeness and similarity by area",
    "pair_similarity": "mean similarity of the pairs",
    "pair_distance": "mean distance of the pairs",
    "pair_turn": "mean turn of the pairs",
    "paired_quality": "quality paired over quality in the common area",
    "consistent_pairs": "consistency and pairs over area",
    "root_consistency": "root of the consistency",
    "consistency_by_neighbours": "consistency by neighbours",
    "root_common_minutiae": "root of the minutiae in the common area",
    "pair_spread": "spread of the pairs",
    "close_alike_worth": "closeness and similarity by worth and area",
    "unpaired_worth": "unpaired in the common area, by worth",
    "best_agreement": "agreement of the best placement",
    "best_agreement_by_size": "agreement of the best placement by size",
}
FEATURES = tuple(FEATURE_NAMES.values())
FIRST, SECOND = (list(FEATURE_NAMES).index(name) for name in ("first_support", "final_pairs"))
ALL = len(FEATURES)


@dataclass(frozen=True, slots=True)
class Weights:
    """Bias and weight of each feature for the score after relaxation, after the rigid check and in the end.

    `first` (1 + 9 numbers) and `second` (1 + 14) decide who ends early: below `first_exit`, below `second_exit`;
    `final` has 1 + 31. `sets` names the data that they were trained on. FormatError for anything else.
    """

    first: tuple[float, ...]
    second: tuple[float, ...]
    final: tuple[float, ...]
    first_exit: float
    second_exit: float
    sets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, values, count in (
            ("first", self.first, 1 + FIRST),
            ("second", self.second, 1 + SECOND),
            ("final", self.final, 1 + ALL),
            ("exits", (self.first_exit, self.second_exit), 2),
        ):
            if len(values) != count or not all(math.isfinite(value) and abs(value) < 1e6 for value in values):
                raise FormatError("matching weights of the wrong number or size", name=name, count=len(values))

    @staticmethod
    def shipped() -> Weights:
        """The weights of the default parameters. Read once."""
        return _shipped()

    @staticmethod
    def from_file(path: Path) -> Weights:
        """Reads a file that `as_dict` was written to as JSON. FileError, FormatError."""
        data = whole_file.read(path, "file of matching weights", most=BYTES_MAX)
        try:
            return Weights.from_json(data)
        except FormatError as error:
            error.with_facts(path=str(path))
            raise

    @staticmethod
    def from_json(data: bytes) -> Weights:
        """Reads JSON. FormatError."""
        if len(data) > BYTES_MAX:
            raise FormatError("too long for matching weights", most=BYTES_MAX)
        try:
            record = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise FormatError("matching weights that are not JSON") from error
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise FormatError("not matching weights", expected=FORMAT)
        try:
            return Weights(
                tuple(float(value) for value in record["first"]),
                tuple(float(value) for value in record["second"]),
                tuple(float(value) for value in record["final"]),
                float(record["first_exit"]),
                float(record["second_exit"]),
                tuple(str(name) for name in record["sets"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise FormatError("matching weights with missing or wrong fields", field=str(error)) from error

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data, `from_json` reads it back."""
        return {
            "format": FORMAT,
            "sets": list(self.sets),
            "features": list(FEATURES),
            "first_exit": self.first_exit,
            "second_exit": self.second_exit,
            "first": list(self.first),
            "second": list(self.second),
            "final": list(self.final),
        }

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of everything in it."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def numbers(self) -> tuple[float, ...]:
        """In the order of the kernels."""
        return (*self.first, *self.second, *self.final, self.first_exit, self.second_exit)


@cache
def _shipped() -> Weights:
    return Weights.from_json(files("cccd_core.matching").joinpath(SHIPPED).read_bytes())
