"""What each sound dossier claims, and what the register and the orders say of it before any finger is compared."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, replace

from cccd_core.dedup import EnrolledPerson
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.reasons import Failure, RegisterReason
from cccd_core.issuance.register.store import Acceptance, CardStatus, Register
from cccd_core.issuance.runs.content import Content
from cccd_core.issuance.runs.evidence import Evidence
from cccd_core.issuance.runs.orders import Order, Orders
from cccd_core.issuance.runs.replaced import replaced
from cccd_core.issuance.runs.state import DossierState, Entry
from cccd_core.templates import FingerTemplate, Tenprint


@dataclass(frozen=True, slots=True)
class Claim:
    """A dossier that is searched: under which identifier, and what its number says.

    `owner`: whose number it is in the register, where the dossier may have it. `contested`: the reason that holds
    unless the search finds the same person. `own_record`: the gallery entry that its fingers must match. `from_before`:
    it replaces a card that was issued before this register, as it says.
    """

    entry: Entry
    digest: str
    dossier: Dossier = field(repr=False)
    tenprint: Tenprint = field(repr=False)
    unplaced: tuple[FingerTemplate, ...] = field(repr=False)
    person_id: str
    owner: str | None = None
    contested: RegisterReason | None = None
    own_record: str | None = None
    from_before: bool = False

    @property
    def enrolled_as(self) -> str:
        """The person whose card this would be."""
        return self.owner or self.person_id

    @property
    def searchable(self) -> bool:
        """Whether there is any finger."""
        return bool(len(self.tenprint) or self.unplaced)

    def person(self, person_id: str) -> EnrolledPerson:
        """Its fingers under this identifier."""
        return EnrolledPerson(person_id, self.tenprint, self.unplaced)

    def order(self, run: str) -> Order:
        return Order(self.dossier.dossier_id, self.dossier.personal_number, run, self.digest)

    def acceptance(self) -> Acceptance:
        dossier = self.dossier
        return Acceptance(
            dossier_id=dossier.dossier_id,
            number=dossier.personal_number,
            person_id=self.enrolled_as,
            enrolled=self.searchable,
            issue_date=dossier.issue_date,
            expiry_date=dossier.expiry_date,
            replaces=dossier.former_number if dossier.anew else None,
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
            # Said again: the run that proved it may have been lost with its report.
            evidence = Evidence(card_serial=card.serial, replaced=replaced(self.register, dossier))
            return replace(entry, state=DossierState.REJECTED, reason=RegisterReason.ALREADY_ISSUED, evidence=evidence)
        if card is None and (waiting := self._under_way(entry, dossier)) is not None:
            return waiting
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

    def _under_way(self, entry: Entry, dossier: Dossier) -> Entry | None:
        """The entry of a dossier whose number, or the former one that it gives up, has a card under way elsewhere."""
        for number in _numbers(dossier):
            other = self.register.under_way(number)
            if other is None or other.dossier_id == dossier.dossier_id:
                continue
            theirs = self.orders.order(other.dossier_id, other.number)
            if theirs is None or theirs.run != self.run:
                return in_other_run(entry, theirs)
        return None

    def claim(
        self, entry: Entry, content: Content, digest: str, claimed: Container[str], enrolled: Container[str]
    ) -> Claim:
        """The claim of a dossier; `claimed` are the numbers of those before it, `enrolled` is who is in the gallery."""
        dossier = content.dossier
        person_id = self.register.numbers.person_id(dossier.dossier_id, dossier.personal_number)
        claim = Claim(entry, digest, dossier, content.tenprint, content.unplaced, person_id)
        owner, former = self._owners(dossier)
        if owner == person_id:  # this dossier, accepted by a run that was interrupted
            return replace(claim, from_before=dossier.kind != "new")
        contested = self._contested(dossier, owner, former, claimed)
        if dossier.kind == "new":
            return replace(claim, contested=contested)
        holder = former if dossier.anew and former is not None else owner
        if contested is None and holder is None and dossier.former_card is None and dossier.old_number is None:
            contested = RegisterReason.NUMBER_UNKNOWN
        return replace(
            claim,
            owner=holder,
            contested=contested,
            own_record=holder if holder is not None and holder in enrolled else None,
            from_before=holder is None and contested is None,
        )

    def _owners(self, dossier: Dossier) -> tuple[str | None, str | None]:
        """Whose the number is in the register, and whose the former one."""
        former = dossier.former_number
        return (
            self.register.person_of(dossier.personal_number),
            None if former is None else self.register.person_of(former),
        )

    def _contested(
        self, dossier: Dossier, owner: str | None, former: str | None, claimed: Container[str]
    ) -> RegisterReason | None:
        """What stands against a dossier's numbers; `owner` and `former` are whose they are in the register."""
        number, old = dossier.personal_number, dossier.former_number
        if dossier.kind == "new" and owner is not None:
            return RegisterReason.NUMBER_TAKEN
        if dossier.anew and owner is not None and former is not None and owner != former:
            return RegisterReason.NUMBER_TAKEN
        successor = self.register.successor(old) if dossier.anew and old is not None else None
        if self.register.successor(number) is not None or successor not in (None, number):
            return RegisterReason.NUMBER_REPLACED
        if former is not None and former != owner and not dossier.anew:
            return RegisterReason.OLD_NUMBER_TAKEN
        if number in claimed or (old is not None and old in claimed and (dossier.anew or dossier.kind == "new")):
            return RegisterReason.NUMBER_REPEATED
        return RegisterReason.NUMBER_REPEATED if self._made_here(dossier) else None

    def _made_here(self, dossier: Dossier) -> bool:
        """Whether this run makes, or has made, another card of the number or of the former one that is given up."""
        theirs = (
            self.orders.order(card.dossier_id, card.number) for card in self.register.cards_of(*_numbers(dossier))
        )
        return any(one is not None and one.run == self.run and one.dossier_id != dossier.dossier_id for one in theirs)


def in_other_run(entry: Entry, order: Order | None) -> Entry:
    """The entry of a dossier that another run makes, or whose number has a card under way there."""
    evidence = Evidence(run=None if order is None else order.run)
    return replace(entry, state=DossierState.FAILED, reason=Failure.IN_OTHER_RUN, evidence=evidence)


def _numbers(dossier: Dossier) -> list[str]:
    """The numbers that a dossier's card would be the one of: its own, and a former one that it gives up."""
    former = dossier.former_number if dossier.anew else None
    return [dossier.personal_number] if former is None else [dossier.personal_number, former]
