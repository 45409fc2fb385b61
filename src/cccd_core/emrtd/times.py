"""UTCTime and GeneralizedTime: every form of them read, the one DER form written.

Imports `tlv` alone, so that certificates, signed messages and lists read a time the same way. ITU-T X.680 clauses 46
and 47 (the forms), X.690 clauses 11.7 and 11.8 (the DER form), RFC 5280 clause 4.1.2.5, RFC 5652 clause 11.3.
"""

from __future__ import annotations

import datetime as dt
import re

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError, ParameterError

_ZONE = r"(?P<zone>Z|[+-]\d{4}|[+-]\d{2}|)"
_UTC = re.compile(r"(?P<date>\d{6})(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?" + _ZONE, re.ASCII)
_GENERALIZED = re.compile(
    r"(?P<date>\d{8})(?P<hour>\d{2})(?:(?P<minute>\d{2})(?P<second>\d{2})?)?(?:[.,](?P<fraction>\d{1,20}))?" + _ZONE,
    re.ASCII,
)


def read(found: tlv.Tlv) -> dt.datetime:
    """The aware time, in UTC, of a UTCTime or GeneralizedTime that was read.

    Seconds may be absent, a fraction of the smallest unit may be there (kept to the microsecond), and the zone may be
    `Z` or an offset; one without a zone counts as UTC. FormatError for anything else, a date that no calendar has
    included.
    """
    if found.tag == tlv.UTC_TIME:
        parts = _match(_UTC, found)
        short = parts["date"]
        date = ("19" if short[:2] >= "50" else "20") + short
        fraction = ""
    else:
        parts = _match(_GENERALIZED, found)
        date, fraction = parts["date"], parts["fraction"]
    unit = _unit(parts)
    try:
        time = dt.datetime(
            int(date[:4]), int(date[4:6]), int(date[6:]),
            int(parts["hour"]), int(parts["minute"] or 0), int(parts["second"] or 0), tzinfo=dt.UTC,
        )  # fmt: skip
        if fraction:
            time += unit * int(fraction) // 10 ** len(fraction)
        return time - _offset(parts["zone"], found)
    except (ValueError, OverflowError):
        raise FormatError("a time that no calendar has", offset=found.offset) from None


def decode(der: bytes) -> dt.datetime:
    """`read` of an encoded Time with nothing behind it."""
    return read(tlv.read_one(der, tlv.UTC_TIME, tlv.GENERALIZED_TIME, what="time"))


def encode(time: dt.datetime) -> bytes:
    """A DER Time: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5652 clause 11.3), whole seconds."""
    if time.tzinfo is None:
        raise ParameterError("a time without a time zone")
    utc = time.astimezone(dt.UTC)
    if 1950 <= utc.year < 2050:
        return tlv.encode(tlv.UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode("ascii"))
    return tlv.encode(tlv.GENERALIZED_TIME, f"{utc.year:04d}{utc:%m%d%H%M%SZ}".encode("ascii"))


def _match(form: re.Pattern[str], found: tlv.Tlv) -> dict[str, str]:
    matched = form.fullmatch(found.value.decode("latin-1")) if len(found.value) <= 48 else None
    if matched is None:
        raise FormatError("a time that cannot be read", offset=found.offset)
    return matched.groupdict(default="")


def _unit(parts: dict[str, str]) -> dt.timedelta:
    """What a fraction is a fraction of."""
    if not parts["minute"]:
        return dt.timedelta(hours=1)
    return dt.timedelta(minutes=1) if not parts["second"] else dt.timedelta(seconds=1)


def _offset(zone: str, found: tlv.Tlv) -> dt.timedelta:
    if zone in ("Z", ""):
        return dt.timedelta()
    hours, minutes = int(zone[1:3]), int(zone[3:] or 0)
    if hours > 14 or minutes > 59:
        raise FormatError("a time with an offset that no zone has", offset=found.offset)
    offset = dt.timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset
