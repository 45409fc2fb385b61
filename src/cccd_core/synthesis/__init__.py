"""Synthetic people and fingers: for demonstrations, tests and measurements of scale."""

from cccd_core.synthesis.fingers import FingerParameters, MasterFinger, tenprint
from cccd_core.synthesis.people import Person, people

__all__ = ["FingerParameters", "MasterFinger", "Person", "people", "tenprint"]
