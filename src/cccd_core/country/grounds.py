"""Why a card is issued anew: Law 26/2023/QH15 article 24."""

KINDS = ("new", "exchange", "reissue")
"""Cấp mới, cấp đổi, cấp lại."""

GROUNDS = {
    "exchange": {
        "renewal_age": "the holder has reached 14, 25, 40 or 60",
        "name_or_birth_changed": "family, middle or given name, or the birth date, was changed or corrected",
        "appearance_or_sex_changed": "the face or fingers changed or are added anew, or the sex was redetermined",
        "printed_error": "what is printed on the card is wrong",
        "unit_rearranged": "administrative units were rearranged, and the holder asks for it",
        "number_established_anew": "the personal number was established anew (old_number has the former one)",
        "holder_request": "the holder asks for it",
    },
    "reissue": {
        "lost": "the card is lost",
        "damaged": "the card is damaged and cannot be used",
        "nationality_regained": "the holder is a citizen of Vietnam again",
    },
}
"""The seven grounds of an exchange (clause 1) and those of a reissue (clause 2)."""
