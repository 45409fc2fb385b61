"""From a batch of dossiers to proved cards: where the biometric and the card side meet.

`issue` is the main job, with `Means` to do it; `open_batch` and `check_batch` look at a batch alone; `json_schema` says
what a dossier is. Names are loaded when they are first used, so that looking at a batch needs no card side.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cccd_core.issuance.dossiers.batch import open_batch
    from cccd_core.issuance.dossiers.check import BatchCheck, check_batch, check_dossier
    from cccd_core.issuance.dossiers.policy import CheckPolicy
    from cccd_core.issuance.dossiers.raw import Batch
    from cccd_core.issuance.dossiers.schema import json_schema
    from cccd_core.issuance.issuing import issue
    from cccd_core.issuance.means import Means
    from cccd_core.issuance.register.store import Register
    from cccd_core.issuance.reports.figures import Report

_HOMES = {
    "Batch": "dossiers.raw",
    "BatchCheck": "dossiers.check",
    "CheckPolicy": "dossiers.policy",
    "Means": "means",
    "Register": "register.store",
    "Report": "reports.figures",
    "check_batch": "dossiers.check",
    "check_dossier": "dossiers.check",
    "issue": "issuing",
    "json_schema": "dossiers.schema",
    "open_batch": "dossiers.batch",
}

__all__ = [
    "Batch",
    "BatchCheck",
    "CheckPolicy",
    "Means",
    "Register",
    "Report",
    "check_batch",
    "check_dossier",
    "issue",
    "json_schema",
    "open_batch",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"cccd_core.issuance.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
