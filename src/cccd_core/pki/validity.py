"""How long the country's certificates must live, computed from the longest document that they prove.

Doc 9303-12 clause 4.1 (table 1: private keys of a CSCA sign 3 to 5 years, of a document signer up to 3 months; a public
key is valid for its key's usage plus the longest document signed with it).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import NoneType

from cccd_core.arguments import require_type
from cccd_core.country.clock import VIETNAM
from cccd_core.country.renewal import longest_validity_years
from cccd_core.errors import FormatError, ParameterError
from cccd_core.plain import JsonObject, decode

CSCA_KEY_YEARS_MAX = 5
SIGNER_KEY_DAYS_MAX = 92
"""Three months, whichever they are."""
CRL_DAYS_MAX = 90
"""A CSCA issues a list at least every 90 days (Doc 9303-12 clause 4.1.5)."""
ROLL_OVER_NOTICE_DAYS = 90
"""A new CSCA key is announced so long before (Doc 9303-12 clause 4.1.4)."""
SIGNER_NOTICE_DAYS = 14
CRL_NOTICE_DAYS = 14
COUNT_NOTICE_PERCENT = 10
"""How much of a signer's count is left when it is warned of."""


@dataclass(frozen=True, slots=True)
class ValidityPolicy:
    """Whole numbers that the country decides once; everything else follows from them.

    `document_years`: the longest document that has an end. `no_expiry_years`: the technical lifetime of a document
    without one ("Không thời hạn", from 58 on): so long after its issue its signature is verified, and no longer
    promised. `margin_days` lies between a document's last day and its signer's, and between a signer's and its CSCA's.
    """

    document_years: int = longest_validity_years()
    no_expiry_years: int = longest_validity_years()
    csca_key_years: int = CSCA_KEY_YEARS_MAX
    signer_key_days: int = 90
    list_signer_years: int = 2
    margin_days: int = 30
    crl_days: int = CRL_DAYS_MAX
    signature_limit: int | None = None
    signing_time: bool = False

    def __post_init__(self) -> None:
        bounds = {
            "document_years": (1, 50), "no_expiry_years": (1, 50), "csca_key_years": (1, CSCA_KEY_YEARS_MAX),
            "signer_key_days": (1, SIGNER_KEY_DAYS_MAX), "list_signer_years": (1, 5), "margin_days": (1, 366),
            "crl_days": (2, CRL_DAYS_MAX), "signature_limit": (1, 1 << 40),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            require_type(value, (int, NoneType) if name == "signature_limit" else int, name)
            if value is not None and not low <= value <= high:
                raise ParameterError("a validity out of its range", parameter=name, value=value, low=low, high=high)

    @classmethod
    def read(cls, data: Mapping[str, object]) -> ValidityPolicy:
        """From JSON. FormatError."""
        try:
            return decode(cls, data)
        except (ValueError, ParameterError):
            raise FormatError("a validity policy that cannot be read") from None

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return asdict(self)

    @property
    def longest_years(self) -> int:
        """The most years for which a signature on a document must stand."""
        return max(self.document_years, self.no_expiry_years)

    def signer_key_until(self, start: dt.datetime) -> dt.datetime:
        """Until when a document signer's key signs that begins at `start`."""
        return start + dt.timedelta(days=self.signer_key_days)

    def signer_until(self, key_until: dt.datetime) -> dt.datetime:
        """Until when a document signer's certificate is valid: the last document of its key, and the margin."""
        return add_years(key_until, self.longest_years) + dt.timedelta(days=self.margin_days)

    def csca_key_until(self, start: dt.datetime) -> dt.datetime:
        """Until when a CSCA's key signs that begins at `start`."""
        return add_years(start, self.csca_key_years)

    def csca_until(self, key_until: dt.datetime) -> dt.datetime:
        """Until when a CSCA certificate is valid: the last signer that its key certifies, and the margin."""
        return self.signer_until(self.signer_key_until(key_until)) + dt.timedelta(days=self.margin_days)

    def document_until(self, issue_date: dt.date, expiry_date: dt.date | None) -> dt.datetime:
        """Until when the signature on a document must stand: the end of its last day in Vietnam, or of its technical
        lifetime where it has no end."""
        last = expiry_date or add_years(dt.datetime(*issue_date.timetuple()[:3]), self.no_expiry_years).date()
        return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), VIETNAM)


def add_years(start: dt.datetime, years: int) -> dt.datetime:
    """The same day and time so many years later; for 29 February the 28th where there is none."""
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return start.replace(year=start.year + years, day=28)
