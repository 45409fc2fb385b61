"""The limits and thresholds of the dossier checks, in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from cccd_core.emrtd.content import MAX_FINGER_BYTES
from cccd_core.errors import ParameterError
from cccd_core.intake import Doubt, Limits
from cccd_core.issuance.dossiers.reasons import Severity

USUAL_SEVERITIES: Mapping[Doubt, Severity | None] = {
    Doubt.EMPTY: None,  # counted among the weak fingers
    Doubt.CAPTURE_FAILED: Severity.ERROR,
    Doubt.LOW_QUALITY: Severity.WARNING,
    Doubt.RESOLUTION_UNIT: Severity.ERROR,
    Doubt.IMAGE_SIZE: Severity.WARNING,
    Doubt.PRINT_SIZE: Severity.ERROR,
    Doubt.OUTSIDE_IMAGE: Severity.WARNING,
    Doubt.DENSITY: Severity.ERROR,
    Doubt.RESERVED_TYPES: Severity.ERROR,
    Doubt.REPEATED_MINUTIAE: Severity.ERROR,
    Doubt.IN_LINE: Severity.ERROR,
    Doubt.ON_CURVE: Severity.ERROR,
    Doubt.SPARSE: Severity.REVIEW,
    Doubt.RIDGE_DISTANCE: Severity.REVIEW,
    Doubt.ONE_DIRECTION: Severity.ERROR,
    Doubt.FEW_DIRECTIONS: Severity.ERROR,
    Doubt.HALF_CIRCLE: Severity.ERROR,
    Doubt.TWO_FINGERS: Severity.REVIEW,
    Doubt.OVERLAID: Severity.REVIEW,
    Doubt.SCATTERED: Severity.REVIEW,
    Doubt.NO_FLOW: Severity.WARNING,
    Doubt.SEVERAL_NO_FLOW: Severity.REVIEW,
    Doubt.SAME_FINGER: Severity.REVIEW,
    Doubt.MIRRORED_FINGER: Severity.REVIEW,
    Doubt.POSITION_UNKNOWN: Severity.REVIEW,
    Doubt.IMAGE_DIFFERS: Severity.REVIEW,
}
"""What each doubt about a finger does to its dossier; None: nothing."""


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """What a dossier must have and how large it may be.

    `min_fingers` is 2: two fingers separate people with an equal error rate near 1 % and go on the chip, one does
    not. `min_minutiae` is 8: with fewer no matcher can tell a match from chance. `limits` are those of a plausible
    finger, `severities` what a doubt about one does to its dossier.
    """

    min_fingers: int = 2
    min_minutiae: int = 8
    fingers_from_age: int = 6  # Law 26/2023/QH15 article 23: no biometrics are taken of children under six
    max_age: int = 150
    min_portrait_px: int = 60
    max_portrait_px: int = 8192
    max_portrait_area_px: int = 40_000_000
    max_dossier_bytes: int = 64 << 10
    max_finger_bytes: int = 64 << 10
    max_image_bytes: int = 4 << 20  # of one finger
    max_portrait_bytes: int = 16 << 20
    max_files: int = 64  # in one dossier's folder
    chip_portrait_bytes: int = 24 << 10  # the most that a portrait takes on the chip
    chip_fingers: int = 2  # how many fingers go into DG3
    chip_finger_bytes: int = 20_000  # the most that the image of one takes there; 0: minutiae alone go there
    limits: Limits = field(default_factory=Limits)
    severities: Mapping[Doubt, Severity | None] = field(default_factory=lambda: dict(USUAL_SEVERITIES))

    def __post_init__(self) -> None:
        for name in ("min_fingers", "min_minutiae", "fingers_from_age", "chip_fingers"):
            if getattr(self, name) < 0:
                raise ParameterError("a limit must not be negative", parameter=name)
        if not 0 <= self.chip_finger_bytes <= MAX_FINGER_BYTES - 46:
            raise ParameterError("an image on the chip has more bytes than a card takes", most=MAX_FINGER_BYTES - 46)
        if not 1 <= self.min_fingers <= 10 or not 0 < self.min_portrait_px < self.max_portrait_px:
            raise ParameterError("limits that nothing can meet")
        missing = [str(doubt) for doubt in Doubt if doubt not in self.severities]
        if missing:
            raise ParameterError("a policy says what every doubt does", missing=" ".join(missing))

    @property
    def digest(self) -> str:
        """sha256 over every value."""
        values = asdict(self)
        values["severities"] = sorted((str(doubt), str(severity)) for doubt, severity in self.severities.items())
        text = "\n".join(f"{name}={value!r}" for name, value in sorted(values.items()))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
