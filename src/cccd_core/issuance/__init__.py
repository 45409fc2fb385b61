"""Dossiers, register, decisions, batches, progress, audit: where the biometric and the card side meet.

`issue` is the main job; `open_batch` and `check_batch` look at a batch alone; `json_schema` says what a dossier is.
Names are loaded when they are first used, so that looking at a batch needs no card side.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cccd_core.issuance.batch import Batch, open_batch
    from cccd_core.issuance.check import BatchCheck, check_batch, check_dossier
    from cccd_core.issuance.limits import CheckPolicy
    from cccd_core.issuance.pipeline import issue
    from cccd_core.issuance.register import Register
    from cccd_core.issuance.report import Report
    from cccd_core.issuance.schema import json_schema

_HOMES = {
    "Batch": "batch",
    "BatchCheck": "check",
    "CheckPolicy": "limits",
    "Register": "register",
    "Report": "report",
    "check_batch": "check",
    "check_dossier": "check",
    "issue": "pipeline",
    "json_schema": "schema",
    "open_batch": "batch",
}

__all__ = [
    "Batch",
    "BatchCheck",
    "CheckPolicy",
    "Register",
    "Report",
    "check_batch",
    "check_dossier",
    "issue",
    "json_schema",
    "open_batch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"cccd_core.issuance.{_HOMES[name]}"), name)
