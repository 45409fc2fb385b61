"""Which cards a proved card has replaced, and what is to be done with them."""

from __future__ import annotations

from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.reasons import ToDo
from cccd_core.issuance.register.store import Register
from cccd_core.issuance.runs.evidence import Revocation

_NOT_AT_HAND = frozenset({"lost", "nationality_regained"})
"""The grounds of which nobody hands in the former card."""


def replaced(register: Register, dossier: Dossier) -> tuple[Revocation, ...]:
    """The cards that the card of this dossier has replaced; none before it is proved. The same whenever it is asked."""
    to_do = ToDo.REVOKE if dossier.grounds in _NOT_AT_HAND else ToDo.TAKE_IN
    return tuple(
        Revocation(card.serial, card.dossier_id, dossier.grounds, dossier.dossier_id, to_do)
        for card in register.replaced_by(dossier.dossier_id, dossier.personal_number)
        if card.serial is not None
    )
