"""What comes in, looked at before it is used: is a template a finger, are a person's fingers different ones.

`examine` looks at one view, `check_tenprint` at a person's fingers; both name what they doubt.
"""

from cccd_core.intake.findings import Doubt, Finding, Limits
from cccd_core.intake.plausibility import examine
from cccd_core.intake.tenprint import TenprintCheck, arrangement, check_tenprint, same_fingers, without_flow

__all__ = [
    "Doubt",
    "Finding",
    "Limits",
    "TenprintCheck",
    "arrangement",
    "check_tenprint",
    "examine",
    "same_fingers",
    "without_flow",
]
