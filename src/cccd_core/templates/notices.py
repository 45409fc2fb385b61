"""What a reader found odd about a file and read all the same: nothing of it touches a minutia's place, direction or
existence, or it would have refused.
"""

from __future__ import annotations

from cccd_core.words import Said, Word


class Remark(Word):
    """The stable words for what was odd."""

    PADDED = "padded", "bytes follow the record"
    LENGTH_OFF = "length_off", "the stated length is not where the finger views end"
    EXTENDED_CUT = "extended_cut", "the extended data are cut short or claim more than is there"
    HEADER_2007 = "header_2007", "the header is that of the draft of ANSI/INCITS 378 of 2007"
    CERTIFICATION_FLAG = "certification_flag", "the certification flag is neither 0 nor 1"
    RESERVED_TYPE = "reserved_type", "minutiae of the reserved type 3 are taken as of no known type"
    RESOLUTION_GIVEN = "resolution_given", "the caller's resolution (`dpi`, `--dpi`) stands in place of the stated one"
    CONTENTS_OFF = (
        "contents_off",
        "the file's list of its records, or a group's count of its templates, is not what it holds",
    )
    NOT_READ = "not_read", "the file holds more than minutiae, which is not read"
    DIRECTION_UNKNOWN = "direction_unknown", "minutiae whose direction the file calls unknown are taken as they stand"
    CODING_OFF = "coding_off", "the text is in another coding than its declaration says"
    LINE_ENDS = "line_ends", "line ends stand behind the separators, and are taken out"
    UNWRAPPED = "unwrapped", "the record came in a wrapper"
    POSITION_DIFFERS = "position_differs", "the wrapper names another finger than the record"
    SUBTYPE_UNKNOWN = "subtype_unknown", "neither the wrapper's subtype nor the record names a finger"
    FINGERS_DIFFER = "fingers_differ", "the forms of a record's minutiae, or its image, name different fingers"


class Notice(Said[Remark]):
    """One oddity, with its facts."""

    __slots__ = ()
