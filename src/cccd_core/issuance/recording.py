"""A file of steps recorded in the register: each that can be, and of every other one its line and why not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from cccd_core.errors import CccdError
from cccd_core.issuance.register.dossiers import BLOCK, DossierRegister
from cccd_core.issuance.register.records import Move
from cccd_core.progress import Progress

REFUSALS_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not recorded. `dossier_id` is None where the line names none that can be."""

    line: int
    dossier_id: str | None
    error: CccdError


@dataclass(frozen=True, slots=True)
class Recording:
    """What came of a file: how many steps are new in the register, how many were there as they are, how many lines were
    refused, and the first `REFUSALS_KEPT` of these."""

    new: int
    known: int
    refused: int
    refusals: tuple[Refusal, ...]


def record(
    lines: Iterable[tuple[int, Move | CccdError]], register: DossierRegister, *, progress: Progress | None = None
) -> Recording:
    """Records steps in their order, in blocks that are kept one by one; called again it records what is missing.

    `lines`: as `register.step_lines.read` gives them. A step that is refused changes nothing for the others, but for
    those of its dossier that would follow it. Errors of `lines` and of the database end it; what was recorded stays.
    """
    new = known = refused = done = 0
    refusals: list[Refusal] = []
    waiting = iter(lines)
    while part := list(islice(waiting, BLOCK)):
        wrong = [Refusal(line, None, found) for line, found in part if isinstance(found, CccdError)]
        moves = [(line, found) for line, found in part if isinstance(found, Move)]
        if moves:
            added, errors = register.move_each([move for _, move in moves])
            new += added
            known += len(moves) - added - len(errors)
            wrong += [Refusal(moves[place][0], moves[place][1].dossier_id, errors[place]) for place in errors]
        refused += len(wrong)
        refusals += sorted(wrong, key=lambda one: one.line)[: REFUSALS_KEPT - len(refusals)]
        done += len(part)
        if progress is not None:
            progress(done, 0, "record")
    return Recording(new, known, refused, tuple(refusals))
