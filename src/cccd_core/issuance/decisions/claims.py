"""What each sound dossier claims, and what the register and the orders say of it before any finger is compared."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, replace

from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.reasons import Failure, RegisterReason
from cccd_core.issuance.register.store import Acceptance, CardStatus, Register, new_person_id
from cccd_core.issuance.runs.content import Content
from cccd_core.issuance.runs.evidence import Evidence
from cccd_core.issuance.runs.orders import Order, Orders
from cccd_core.issuance.runs.state import DossierState, Entry
from cccd_core.templates import Tenprint


@dataclass(frozen=True, slots=True)
class Claim:
    """A dossier that is searched: under which identifier, and what its number says.

    `owner`: whose number it is in the register, where the dossier may have it. `contested`: the reason that holds
    unless the search finds the same person. `own_record`: the gallery entry its fingers must match.
    """

    entry: Entry
    digest: str
    dossier: Dossier = field(repr=False)
    tenprint: Tenprint = field(repr=False)
    person_id: str
    owner: str | None = None
    contested: RegisterReason | None = None
    own_record: str | None = None

    @property
    def enrolled_as(self) -> str:
        """The person whose card this would be."""
        return self.owner or self.person_id

    def order(self, run: str) -> Order:
        return Order(self.dossier.dossier_id, self.dossier.personal_number, run, self.digest)

    def acceptance(self) -> Acceptance:
        dossier = self.dossier
        return Acceptance(
            dossier_id=dossier.dossier_id,
            number=dossier.personal_number,
            person_id=self.enrolled_as,
            enrolled=len(self.tenprint) > 0,
            issue_date=dossier.issue_date,
            expiry_date=dossier.expiry_date,
            replaces=_former_number(dossier) if dossier.grounds == "number_established_anew" else None,
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """Reads claims for one run; `lost_run` is a run whose orders this one may take over."""

    register: Register
    orders: Orders
    run: str
    lost_run: str | None

    def settled(self, entry: Entry, dossier: Dossier, digest: str) -> Entry | None:
        """What register and orders alone decide: a dossier that they know already, or whose number is being issued.

        An order of the lost run is taken over here.
        """
        number = dossier.personal_number
        card = self.register.card(dossier.dossier_id, number)
        if card is not None and card.status is not CardStatus.UNDER_WAY:
            evidence = Evidence(card_serial=card.serial)
            return replace(entry, state=DossierState.REJECTED, reason=RegisterReason.ALREADY_ISSUED, evidence=evidence)
        if card is None and (other := self.register.under_way(number)) is not None:
            theirs = self.orders.order(other.dossier_id, number)
            if theirs is not None and theirs.run != self.run:
                return in_other_run(entry, theirs)
        order = self.orders.order(dossier.dossier_id, number)
        if order is None:
            return None
        if order.run not in (self.run, self.lost_run):
            return in_other_run(entry, order)
        if order.digest != digest:
            return replace(entry, state=DossierState.REJECTED, reason=RegisterReason.DOSSIER_CHANGED)
        if order.run != self.run:
            self.orders.take_over(order, self.run)
        return None

    def claim(
        self, entry: Entry, content: Content, digest: str, claimed: Container[str], enrolled: Container[str]
    ) -> Claim:
        """The claim of a dossier; `claimed` are the numbers of those before it, `enrolled` is who is in the gallery."""
        dossier = content.dossier
        number = dossier.personal_number
        person_id = new_person_id(dossier.dossier_id, number)
        claim = Claim(entry, digest, dossier, content.tenprint, person_id)
        owner = self.register.person_of(number)
        if dossier.kind == "new" and owner is not None and owner != person_id:
            return replace(claim, contested=RegisterReason.NUMBER_TAKEN)
        if number in claimed:
            return replace(claim, contested=RegisterReason.NUMBER_REPEATED)
        if dossier.kind == "new":
            return claim
        if owner is None and dossier.grounds == "number_established_anew":
            former = _former_number(dossier)
            owner = None if former is None else self.register.person_of(former)
        own = owner if owner is not None and owner != person_id and owner in enrolled else None
        return replace(claim, owner=owner, own_record=own)


def in_other_run(entry: Entry, order: Order) -> Entry:
    """The entry of a dossier that another run makes."""
    return replace(entry, state=DossierState.FAILED, reason=Failure.IN_OTHER_RUN, evidence=Evidence(run=order.run))


def _former_number(dossier: Dossier) -> str | None:
    """The former personal number that an exchange names."""
    old = dossier.old_number
    return old if old is not None and len(old) == 12 else None
