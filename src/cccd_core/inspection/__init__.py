"""Any chip, read and judged: is it genuine, unaltered, and in force."""

from cccd_core.inspection.access import Access, Protocol
from cccd_core.inspection.checks import Check, CheckName, Outcome
from cccd_core.inspection.inspecting import inspect
from cccd_core.inspection.reading import FileFound, FileState
from cccd_core.inspection.report import Inspection
from cccd_core.inspection.verdict import Verdict

__all__ = [
    "Access",
    "Check",
    "CheckName",
    "FileFound",
    "FileState",
    "Inspection",
    "Outcome",
    "Protocol",
    "Verdict",
    "inspect",
]
