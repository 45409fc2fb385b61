"""What a trust store remembers is what it would find anew, at any time and in any order of asking."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from cccd_core import pki
from cccd_core.emrtd import times, tlv
from cccd_core.pki import VerificationPolicy
from support import x509_forms as forms

SECOND = dt.timedelta(seconds=1)
REVOKED = dt.datetime(2026, 10, 10, tzinfo=dt.UTC)
LISTS = [
    (dt.datetime(2026, month, 1, tzinfo=dt.UTC), dt.datetime(2026, month + 2, 1, tzinfo=dt.UTC)) for month in (6, 9)
]
PERIOD = forms.extension("2.5.29.16", tlv.sequence(tlv.encode(0x80, b"20190101000000Z")))
BASE = forms.Base(csca_more=[PERIOD])
CSCA, SIGNER = (pki.parse_certificate(party.certificate) for party in (BASE.csca, BASE.signer))


def crl(this: dt.datetime, following: dt.datetime, rows: bytes) -> pki.RevocationList:
    part = tlv.sequence(
        tlv.integer(1), BASE.csca.algorithm, BASE.csca.name, times.encode(this), times.encode(following), rows
    )
    return pki.parse_crl(tlv.sequence(part, BASE.csca.algorithm, tlv.bit_string(BASE.csca.sign(part))))


ROWS = (b"", tlv.sequence(tlv.sequence(tlv.integer(2), times.encode(REVOKED))))
CRLS = [crl(this, following, rows) for (this, following), rows in zip(LISTS, ROWS, strict=True)]
LIMITS = sorted({forms.SINCE, forms.UNTIL, REVOKED, *(time for pair in LISTS for time in pair)})

moments = st.builds(
    lambda limit, seconds: limit + seconds * SECOND,
    st.sampled_from(LIMITS),
    st.sampled_from([-(10**6), -1, 0, 1, 10**6]),
)
questions = st.lists(
    st.tuples(moments, moments, st.sampled_from([VerificationPolicy.STRICT, VerificationPolicy.LEGACY])), max_size=8
)


@given(questions)
def test_a_store_that_was_asked_before_says_the_same(
    asked: list[tuple[dt.datetime, dt.datetime, VerificationPolicy]],
) -> None:
    store = pki.TrustStore([CSCA], CRLS)
    for at, now, policy in [*asked, *reversed(asked)]:
        found = store.judge(SIGNER, at, now=now, policy=policy)
        assert found == pki.TrustStore([CSCA], CRLS).judge(SIGNER, at, now=now, policy=policy)


def test_the_limits_are_what_they_are() -> None:
    store = pki.TrustStore([CSCA], CRLS)
    for now, accepted in (
        (REVOKED - SECOND, True),
        (REVOKED, False),
        (REVOKED + SECOND, False),
        (REVOKED - SECOND, True),
    ):
        assert store.judge(SIGNER, now).accepted is accepted
    for at, accepted in (
        (forms.SINCE - SECOND, False),
        (forms.SINCE, True),
        (forms.UNTIL, True),
        (forms.UNTIL + SECOND, False),
    ):
        assert store.judge(SIGNER, at, now=REVOKED - SECOND).accepted is accepted
