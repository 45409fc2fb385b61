"""What comes in, looked at before it is used: is a template a finger, are a person's fingers different ones.

`examine` looks at one view, `examine_extraction` at an image and what was found in it, `check_tenprint` at a person's
fingers; each names what it doubts.
"""

from cccd_core.intake.findings import Doubt, Finding, Limits
from cccd_core.intake.plausibility import examine, examine_extraction
from cccd_core.intake.tenprint import TenprintCheck, arrangement, check_tenprint, same_fingers, without_flow

__all__ = [
    "Doubt",
    "Finding",
    "Limits",
    "TenprintCheck",
    "arrangement",
    "check_tenprint",
    "examine",
    "examine_extraction",
    "same_fingers",
    "without_flow",
]
