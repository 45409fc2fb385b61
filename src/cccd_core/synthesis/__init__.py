"""Synthetic people and fingers: for demonstrations, tests and measurements of scale."""

from cccd_core.synthesis.enrolments import Enrolments, Mistake, SyntheticRecord, Truth, record_id
from cccd_core.synthesis.fingers import MasterFinger, tenprint, tenprints
from cccd_core.synthesis.parameters import FingerParameters, setting, settings
from cccd_core.synthesis.people import Person, people

__all__ = [
    "Enrolments",
    "FingerParameters",
    "MasterFinger",
    "Mistake",
    "Person",
    "SyntheticRecord",
    "Truth",
    "people",
    "record_id",
    "setting",
    "settings",
    "tenprint",
    "tenprints",
]
