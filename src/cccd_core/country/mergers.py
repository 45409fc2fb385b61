"""Which of the 63 provinces became which of the 34, with the days.

Sources: Resolution 202/2025/QH15 of 12 June 2025, article 1 (in force on that day; the new provinces work from 1 July
2025); Resolution 175/2024/QH15 (Huế a city under the central government from 1 January 2025). Each of the 23 has the
name of one of its parts. Their codes in the country's list of units (Decision 19/2025/QĐ-TTg) were not verified, and
are not here.
"""

from __future__ import annotations

from datetime import date

MERGED_ON = date(2025, 7, 1)
"""The first day of the 34."""

MERGED = {
    "008": ("002", "008"), "010": ("010", "015"), "019": ("006", "019"), "025": ("017", "025", "026"),
    "027": ("024", "027"), "031": ("030", "031"), "033": ("033", "034"), "037": ("035", "036", "037"),
    "045": ("044", "045"), "048": ("048", "049"), "051": ("051", "062"), "056": ("056", "058"), "064": ("052", "064"),
    "066": ("054", "066"), "068": ("060", "067", "068"), "072": ("072", "080"), "075": ("070", "075"),
    "079": ("074", "077", "079"), "086": ("083", "084", "086"), "087": ("082", "087"), "089": ("089", "091"),
    "092": ("092", "093", "094"), "096": ("095", "096"),
}  # fmt: skip
"""Place code of the province whose name the new one has: those of all its parts."""

LOOKED_UP = frozenset({"008", "010", "019", "025", "027", "031", "033", "037", "045", "048"})
"""The first ten of the resolution's list, whose parts were compared with its text. Of the others the names were, and
that no province but these 23 was merged; which parts went where stands here as it is generally known."""

HUE, HUE_NAME, HUE_ON = "046", "Huế", date(2025, 1, 1)
"""The province that became a city under another name."""
