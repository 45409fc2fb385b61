"""The door of this package: one call that reads a chip and judges it."""

from __future__ import annotations

import datetime as dt

from cccd_core.arguments import members, require_type
from cccd_core.card import Link
from cccd_core.card.connection import Trace
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.errors import ParameterError
from cccd_core.inspection.access import Access
from cccd_core.inspection.judging import judge
from cccd_core.inspection.reading import read_chip
from cccd_core.inspection.report import Inspection, report
from cccd_core.pki import Certificate, TrustStore, VerificationPolicy
from cccd_core.pki.policy import require_policy


def inspect(
    link: Link,
    trust: TrustStore,
    *,
    access: Access,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
    at: dt.datetime | None = None,
    more: tuple[Certificate, ...] = (),
    codec: AuthorityCodec = PLAIN,
    trace: Trace | None = None,
) -> Inspection:
    """Reads a chip whole and says of everything what held: access, every file, the proofs that the chip is no copy,
    passive authentication up to an authority in `trust`, and whether its files agree. Whatever could be read is in the
    result, also where the verdict is no.

    `policy` says what happens where a rule of passive authentication does not hold; `more` are certificates from
    elsewhere: a document signer that EF.SOD lacks, links between keys of an authority. `at` (aware) is the time of
    validity, now and here by default; a document's last day is one of its time zone. `codec` is how the authority codes
    its own fields of DG13, in the clear by default. `trace` is told of every command.
    A chip that gives wrong answers is no exception but part of the result. What is no fault of the card comes through:
    TransportError (the reader), CardRemovedError (the card left or was changed), FileError of a software card's file.
    ParameterError, with the `field`, before the card is touched, for an argument of another type and a time without a
    zone. Costs one to five seconds at a contactless
    reader, nearly all of them the chip's.
    """
    require_type(trust, TrustStore, "trust")
    require_type(access, Access, "access")
    require_policy(policy)
    more = members(more, Certificate, "more")
    when = dt.datetime.now().astimezone() if at is None else at
    require_type(when, dt.datetime, "at")
    if when.tzinfo is None:
        raise ParameterError("a time without a time zone", field="at")
    read = read_chip(link, access, trace=trace)
    return report(read, judge(read, trust, when, policy, more, codec), trust.refused)
