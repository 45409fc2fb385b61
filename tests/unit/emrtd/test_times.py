"""Every form of a time is read by one reader; what no calendar has is refused."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.emrtd import times, tlv
from cccd_core.errors import FormatError
from cccd_core.pki import parse_certificate
from support import x509_forms as forms

UTC, GENERALIZED = tlv.UTC_TIME, tlv.GENERALIZED_TIME


@pytest.mark.parametrize(
    ("tag", "text", "time"),
    [
        (UTC, "250101000000Z", (2025, 1, 1)),
        (UTC, "2501010000Z", (2025, 1, 1)),
        (UTC, "491231235959Z", (2049, 12, 31, 23, 59, 59)),
        (UTC, "500101000000Z", (1950, 1, 1)),
        (UTC, "2501010000+0700", (2024, 12, 31, 17)),
        (UTC, "250101000000-0330", (2025, 1, 1, 3, 30)),
        (UTC, "250101000000+07", (2024, 12, 31, 17)),
        (UTC, "250101000000", (2025, 1, 1)),
        (UTC, "240229120000Z", (2024, 2, 29, 12)),
        (GENERALIZED, "20250101000000Z", (2025, 1, 1)),
        (GENERALIZED, "20250101000000.123Z", (2025, 1, 1, 0, 0, 0, 123000)),
        (GENERALIZED, "20250101000000,5Z", (2025, 1, 1, 0, 0, 0, 500000)),
        (GENERALIZED, "20250101000000.0000009Z", (2025, 1, 1)),
        (GENERALIZED, "202501010000Z", (2025, 1, 1)),
        (GENERALIZED, "202501010000.5Z", (2025, 1, 1, 0, 0, 30)),
        (GENERALIZED, "2025010112Z", (2025, 1, 1, 12)),
        (GENERALIZED, "2025010112.25Z", (2025, 1, 1, 12, 15)),
        (GENERALIZED, "20250101000000+0700", (2024, 12, 31, 17)),
        (GENERALIZED, "20250101000000.5-1130", (2025, 1, 1, 11, 30, 0, 500000)),
        (GENERALIZED, "20250101000000", (2025, 1, 1)),
        (GENERALIZED, "99991231235959Z", (9999, 12, 31, 23, 59, 59)),
        (GENERALIZED, "19491231235959Z", (1949, 12, 31, 23, 59, 59)),
    ],
)
def test_forms(tag: int, text: str, time: tuple[int, ...]) -> None:
    der = tlv.encode(tag, text.encode())
    right = dt.datetime(*time, tzinfo=dt.UTC)
    assert times.decode(der) == right
    # and so in a certificate
    base = forms.Base()
    certificate = forms.certificate(base.signer, base.csca, [], since=der)
    assert parse_certificate(certificate).not_before == right


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (UTC, ""),
        (UTC, "20250101000000Z"),
        (UTC, "250101000000.5Z"),
        (UTC, "250101Z"),
        (UTC, "25010100000Z"),
        (UTC, "251301000000Z"),
        (UTC, "250230000000Z"),
        (UTC, "250101240000Z"),
        (UTC, "250101006000Z"),
        (UTC, "250101000060Z"),
        (UTC, "250101000000+1500"),
        (UTC, "250101000000+0760"),
        (UTC, "250101000000+0700Z"),
        (UTC, "250101000000z"),
        (UTC, "2501010000 0Z"),
        (UTC, "250101000000Z "),
        (UTC, "-50101000000Z"),
        (UTC, "²50101000000Z"),
        (GENERALIZED, "250101000000Z"),
        (GENERALIZED, "20250101Z"),
        (GENERALIZED, "00000101000000Z"),
        (GENERALIZED, "00010101000000+0100"),
        (GENERALIZED, "99991231235959-0100"),
        (GENERALIZED, "20250101000000.Z"),
        (GENERALIZED, "20250101000000." + "1" * 21 + "Z"),
        (GENERALIZED, "2" * 60),
        (GENERALIZED, "20250229000000Z"),
    ],
)
def test_refused(tag: int, text: str) -> None:
    with pytest.raises(FormatError):
        times.decode(tlv.encode(tag, text.encode("latin-1")))


@given(st.datetimes(min_value=dt.datetime(1, 1, 2), timezones=st.just(dt.UTC)))
def test_what_is_written_comes_back(time: dt.datetime) -> None:
    whole = time.replace(microsecond=0)
    assert times.decode(times.encode(time)) == whole


@given(
    st.sampled_from([UTC, GENERALIZED]),
    st.one_of(st.binary(max_size=40), st.from_regex(r"\A[0-9]{6,14}[.,Z+\-0-9]{0,8}\Z").map(str.encode)),
)
def test_bytes_are_a_time_or_a_format_error(tag: int, text: bytes) -> None:
    try:
        found = times.decode(tlv.encode(tag, text))
    except FormatError:
        return
    assert found.tzinfo is dt.UTC
