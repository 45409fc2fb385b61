"""What a dossier may say: every field once, from which come the JSON Schema of `dossier.json`, the columns of a Parquet
batch, the reader's checks and the reference page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cccd_core.country.grounds import GROUNDS as GROUNDS
from cccd_core.country.grounds import KINDS as KINDS
from cccd_core.issuance.dossiers import reasons
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.plain import Json, JsonObject
from cccd_core.templates import FORMATS, POSITIONS

FieldType: TypeAlias = Literal["text", "name", "word", "date", "time", "number", "fingers", "templates"]

ANEW = "number_established_anew"
FORMER_CARDS = ("cmnd", "cccd", "can_cuoc")

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
FINGER_NAMES = {position: name for position, name in POSITIONS.items() if position}
"""ISO/IEC 19794 finger positions."""

FINGER_SUFFIXES = ("fmr", "xyt", "ist", "iso", "ansi", "bin")
IMAGE_SUFFIXES = ("wsq", "png", "jp2", "tif", "bmp", "jpg")
PORTRAIT_SUFFIXES = ("jp2", "jpg", "jpeg", "png")
MISSING = ("amputated", "not_capturable")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a dossier."""

    name: str
    type: FieldType
    says: str
    required: bool = False
    max_length: int = 0
    values: tuple[str, ...] = ()
    example: Json = None


FIELDS = (
    Field("dossier_id", "word", "The dossier's id. In a folder the folder's name is the id, and this, where given, "
          "must be the same; in a Parquet file it is required.", max_length=64, example="HN-2026-000123"),
    Field("kind", "word", "new (cấp mới): the person's first card, and the default; exchange (cấp đổi); "
          "reissue (cấp lại). An exchange or reissue replaces the card of the same number.",
          values=KINDS, example="new"),
    Field("grounds", "word", "Why a card is exchanged or issued again; required for these kinds and for no other. "
          + " ".join(f"{kind}: {'; '.join(f'{word} ({says})' for word, says in words.items())}."
                     for kind, words in GROUNDS.items()),
          values=tuple(word for words in GROUNDS.values() for word in words), example=None),
    Field("personal_number", "number", "The personal number, 12 digits as text: place code of the birth's registration "
          "(one of the 63 provinces, or a country's from 101 to 399), century-and-sex digit (0 and 1 for men and women "
          "born in the 1900s, 2 and 3 in the 2000s, ...), two digits of the birth year, six random digits.",
          required=True, example="001302123456"),
    Field("full_name", "name", "Family, middle and given name in Vietnamese letters, Unicode normal form C.",
          required=True, max_length=120, example="Nguyễn Thị Minh Anh"),
    Field("birth_date", "date", "The birth date.", required=True, example="2002-05-17"),
    Field("sex", "word", "M (Nam) or F (Nữ).", required=True, values=("M", "F"), example="F"),
    Field("nationality", "word", "Three-letter code of ICAO Doc 9303-3. The card is issued to citizens, so VNM is the "
          "default and the one value.", values=("VNM",), example="VNM"),
    Field("ethnicity", "text", "Dân tộc: the ethnic group.", max_length=60, example="Kinh"),
    Field("religion", "text", "Tôn giáo: the religion.", max_length=60, example="Không"),
    Field("place_of_origin", "text", "Quê quán: commune, province.", max_length=200, example="Điện Bàn, Quảng Nam"),
    Field("place_of_residence", "text", "Nơi thường trú: the place of permanent residence.", max_length=200,
          example="12 Hàng Bông, Hoàn Kiếm, Hà Nội"),
    Field("marks", "text", "Đặc điểm nhận dạng: identifying marks.", max_length=200,
          example="Nốt ruồi cách 1 cm trên đuôi mắt trái"),
    Field("father", "name", "The father's full name.", max_length=120, example="Nguyễn Văn Hòa"),
    Field("mother", "name", "The mother's full name.", max_length=120, example="Trần Thị Lan"),
    Field("spouse", "name", "The spouse's full name.", max_length=120, example=None),
    Field("old_number", "word", "A former number: the 9 digits of a CMND, or 12 of a CMND, CCCD or former personal "
          "number.", max_length=12, example="012345678"),
    Field("former_card", "word", "Of an exchange or reissue: what was the card that it replaces, where that was issued "
          "before this register: cmnd (chứng minh nhân dân), cccd (thẻ căn cước công dân), can_cuoc (thẻ căn cước). "
          "Without it, or an old number from before, a number that the register does not know is an error.",
          values=FORMER_CARDS, example=None),
    Field("issue_date", "date", "The date of issue; by default the day on which the batch is first run.",
          example="2026-03-02"),
    Field("expiry_date", "date", "The last day of validity. By default what the renewal ages "
          "give: valid to the age of 14, 25, 40 or 60; a card issued in the two years before one of them to the next; "
          "none from 58 on.", example="2042-05-17"),
    Field("unit", "word", "Code of the unit that enrolled the person.", max_length=64, example="HN-HK-01"),
    Field("operator", "word", "Who entered the dossier, by the name that they have where cases in review are settled: "
          "they do not settle one of this dossier.", max_length=64, example="hanh.hk01"),
    Field("captured_at", "time", "When the dossier was captured, RFC 3339; without a zone Vietnam's time "
          "(+07:00). Of two dossiers of one person "
          "the one captured first is the original; those without a time come last, and the id decides between equals.",
          example="2026-02-27T09:14:00+07:00"),
    Field("templates", "templates", "What the template files and images of this dossier do not say themselves. For "
          "images: the resolution (dpi). For NIST .xyt: the "
          "resolution (dpi) and the height in pixels of the images that they were made from, and the width where it is "
          "known. For the card formats of ISO/IEC 19794-2:2005, which have no magic: `format`: "
          "iso-2005-card or iso-2005-compact.", example={"dpi": 500, "height_px": 560}),
    Field("fingers", "fingers", "Notes on single fingers, by ISO position ('1' to '10'): `missing` (amputated or "
          "not_capturable) with a `note`; `format`, `dpi`, `height_px`, `width_px` where they differ from those under "
          "`templates`.", example={"9": {"missing": "amputated", "note": "tai nạn lao động"}}),
)  # fmt: skip

BY_NAME = {entry.name: entry for entry in FIELDS}
REQUIRED = tuple(entry.name for entry in FIELDS if entry.required)

NOTE_LENGTH = 200
IMAGE_LIMITS = {"dpi": (100, 4000), "height_px": (16, 16383), "width_px": (16, 16383)}
_FILE_FACTS: JsonObject = {
    "format": {
        "type": ["string", "null"],
        "maxLength": NOTE_LENGTH,
        "description": f"Name of the template format: {', '.join(FORMATS)}.",
    },
    **{
        name: {"type": ["integer", "null"], "minimum": least, "maximum": most}
        for name, (least, most) in IMAGE_LIMITS.items()
    },
}


def _rule(entry: Field) -> dict[str, Json]:
    rule: dict[str, Json]
    match entry.type:
        case "text" | "name":
            rule = {"type": ["string", "null"] if not entry.required else "string", "maxLength": entry.max_length}
            if entry.required:
                rule["minLength"] = 1
        case "word":
            if entry.values:
                values: list[str | None] = list(entry.values)
                rule = {"enum": values if entry.required else [*values, None]}
            elif entry.name == "dossier_id":
                rule = {"type": ["string", "null"], "pattern": ID_PATTERN}
            elif entry.name == "old_number":
                rule = {"type": ["string", "null"], "pattern": "^([0-9]{9}|[0-9]{12})?$"}
            else:
                rule = {"type": ["string", "null"], "maxLength": entry.max_length}
        case "number":
            rule = {"type": "string", "pattern": "^[0-9]{12}$"}
        case "date":
            rule = {"type": "string" if entry.required else ["string", "null"], "format": "date"}
        case "time":
            rule = {"type": ["string", "null"], "format": "date-time"}
        case "templates":
            rule = {"type": ["object", "null"], "properties": _FILE_FACTS}
        case "fingers":
            finger: JsonObject = {
                "type": ["object", "null"],
                "properties": {
                    "missing": {"enum": [*MISSING, None], "description": "Why the finger has no template."},
                    "note": {
                        "type": ["string", "null"],
                        "maxLength": NOTE_LENGTH,
                        "description": "The reason in words.",
                    },
                    **_FILE_FACTS,
                },
            }
            rule = {"type": ["object", "null"], "patternProperties": {"^([1-9]|10)$": finger}}
    rule["description"] = entry.says
    if entry.example is not None:
        rule["examples"] = [entry.example]
    return rule


def layout(policy: CheckPolicy | None = None) -> dict[str, str]:
    """The layout of a batch and the rules that no JSON Schema can say, in words."""
    policy = policy or CheckPolicy()
    return {
        "folder": "BATCH/<dossier id>/dossier.json, BATCH/<dossier id>/fingers/<ISO position 1-10, or 0>.<suffix>, "
        "BATCH/<dossier id>/portrait.<jp2|jpg|png>",
        "fingers": f"One file a finger, in any template format ({', '.join(FORMATS)}); the format is read "
        "from the bytes, except that NIST .xyt text ends in .xyt; usual suffixes: "
        f"{', '.join(FINGER_SUFFIXES)}. A file has one view (of several the first is used) and at most "
        f"{policy.max_finger_bytes} bytes; an ANSI/NIST-ITL file, which may hold images beside its minutiae and come "
        f"in gzip, {policy.max_image_bytes}.",
        "unknown positions": "Fingers whose position nobody knows are 0.<suffix>, 0-1.<suffix>, 0-2.<suffix>, ...; of "
        "one name before the dot a template and an image are of one finger. They are searched against every finger "
        "of everyone and kept in the gallery, and never go on the chip; what a template says of its own position "
        f"does not count. Where fewer than {policy.min_fingers} fingers of known position remain the dossier goes to "
        "review. A person has at most ten fingers, those noted as missing among them.",
        "images": f"An image of one finger ({', '.join(IMAGE_SUFFIXES)}; told by its bytes; or the print in "
        "an ANSI/NIST-ITL file without minutiae), of at most "
        f"{policy.max_image_bytes} bytes, may stand in place of its template or beside it, under the same position. "
        "Its resolution is read from it, or given as `dpi` in the dossier. Where there is no template one is "
        "extracted; of both the template is searched with. On the chip goes the image, where the finger is one of "
        f"those chosen: as it came, or as JPEG 2000 of at most {policy.chip_finger_bytes} bytes; minutiae where that "
        "would harm the ridges. Elsewhere images are kept where `cccd issue --keep-images` asks for it, encrypted.",
        "enough fingers": f"At least {policy.min_fingers} fingers with at least {policy.min_minutiae} minutiae each. "
        "Where fingers noted as missing leave fewer, those that are left; a person with none left goes to review. "
        f"A child under {policy.fingers_from_age} needs none.",
        "portrait": f"One JPEG 2000, JPEG or PNG image, {policy.min_portrait_px} to {policy.max_portrait_px} pixels on "
        f"each side and {policy.max_portrait_area_px} in all, at most {policy.max_portrait_bytes} bytes. What is too "
        "large for the chip, lies on its side by its EXIF, or is a PNG, is scaled down, put upright and coded as JPEG "
        "2000, on white where it is transparent.",
        "parquet": "One row a dossier: a column for each field (dossier_id is required; text, or date and timestamp "
        "columns; templates and fingers as JSON text or structs), finger_1 ... finger_10 and "
        "finger_image_1 ... finger_image_10 (binary, null where there is none), unplaced and unplaced_images (lists of "
        "binary: fingers of unknown position; at one place of both lists they are of one finger, null in the one that "
        "lacks it) and portrait (binary).",
        "unknown fields": "Named as a warning and ignored; so are unknown files.",
        "beside the fingers": "Images that are named after no position, notes, backups, hidden and system files and "
        "folders in `fingers` are passed over, each named as a warning; a note in which a template stands is a finger. "
        "Two files of one position are an error where both may be templates, two images where there is no template, "
        "and so is a folder in which there are files and none is either.",
        "empty": "An empty text and null mean the same as an absent field.",
    }


def json_schema(policy: CheckPolicy | None = None) -> dict[str, Json]:
    """The JSON Schema (2020-12) of `dossier.json`, with the layout of a batch and the reason words beside it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dossier.json",
        "description": "One person's dossier as an enrolment system hands it over. Required: "
        + ", ".join(REQUIRED)
        + "; everything else is optional.",
        "type": "object",
        "properties": {entry.name: _rule(entry) for entry in FIELDS},
        "required": list(REQUIRED),
        "additionalProperties": True,
        "examples": [example()],
        "x-layout": layout(policy),
        "x-parquet-columns": parquet_columns(),
        "x-finger-positions": {str(position): name for position, name in FINGER_NAMES.items()},
        "x-reasons": {fault: fault.text for fault in reasons.Fault},
        "x-warnings": {oddity: oddity.text for oddity in reasons.Oddity},
    }


def example() -> dict[str, Json]:
    """A dossier that has every field but those of an exchange."""
    return {entry.name: entry.example for entry in FIELDS if entry.example is not None}


def parquet_columns() -> dict[str, str]:
    """Column name to its type, for a Parquet batch."""
    kinds = {
        "date": "date32 or text YYYY-MM-DD",
        "time": "timestamp with zone, or text",
        "templates": "struct or JSON text",
        "fingers": "JSON text, struct or map",
    }
    columns = {entry.name: kinds.get(entry.type, "text") for entry in FIELDS}
    columns["dossier_id"] += ", required"
    for name in REQUIRED:
        columns[name] += ", required"
    for position in FINGER_NAMES:
        columns[f"finger_{position}"] = "binary: the template file"
    for position in FINGER_NAMES:
        columns[f"finger_image_{position}"] = "binary: the image file of the finger"
    columns["unplaced"] = "list of binary: template files of fingers of unknown position"
    columns["unplaced_images"] = "list of binary: image files of fingers of unknown position"
    columns["portrait"] = "binary: the image file"
    return columns
