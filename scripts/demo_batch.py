"""Makes the demonstration's batch: sound dossiers, planted duplicates and planted faults. What was planted stands in a
file of its own, outside the batch, that `cccd issue` never sees.
"""

from __future__ import annotations

import io
import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image, ImageDraw, ImageFilter

from cccd_core import synthesis
from cccd_core.country.clock import VIETNAM
from cccd_core.extraction import ImageReader
from cccd_core.synthesis import Person
from cccd_core.templates import FingerTemplate, load, write

SEED = 2026
POSITIONS = (1, 2, 3, 6, 7, 8)
FORMATS = ("iso-2005", "iso-2011", "ansi-2004", "ansi-2009", "iso-2005-card", "xyt")
SUFFIXES = {"xyt": "xyt", "iso-2005-card": "fmc"}
REAL_POSITIONS = {"4": 2, "5": 3, "6": 7, "7": 8}  # the labels of fcj2020 are no ISO positions: four fingers stand in
_DUPLICATES = 10
FIRST_CAPTURE = datetime(2026, 3, 2, 7, 30, tzinfo=VIETNAM)


@dataclass(frozen=True)
class ImageFile:
    """A finger as a scanner's file, handed in as it is."""

    path: Path

    def template(self) -> FingerTemplate:
        """Its minutiae."""
        return ImageReader.shared().read(self.path.read_bytes()).template


Finger: TypeAlias = FingerTemplate | ImageFile
Fingers: TypeAlias = Mapping[int, Finger]  # by position


@dataclass(frozen=True)
class Prints:
    """Where fingers come from: `people` of them, `take(person, impression)` the fingers of one."""

    people: int
    take: Callable[[int, int], Fingers]
    formats: tuple[str, ...]


def synthetic_prints(people: int) -> Prints:
    """Fingers made by the library's synthesis, handed in in every format."""
    return Prints(people, lambda i, n: synthesis.tenprint(SEED, i, impression=n, positions=POSITIONS), FORMATS)


def real_prints(folder: Path) -> Prints:
    """The real prints of fcj2020, templates (fcj2020/fjfx) or images: 50 people, four fingers each; impression n is the
    n-th there is of each finger."""
    found: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
    places = (folder / "fcj2020" / "fjfx", "*.fmr"), (folder / "fcj2020", "*.png")
    paths = next((inside for place, kind in places if (inside := sorted(place.glob(kind)))), [])
    for path in paths:
        person, _, label = path.stem.partition("_")[0].partition("-")
        found[person][REAL_POSITIONS[label]].append(path)
    if not found:
        raise SystemExit(f"no prints in {folder / 'fcj2020'}: neither fjfx/*.fmr nor *.png")
    names = sorted(found)

    def finger(path: Path) -> Finger:
        return ImageFile(path) if path.suffix == ".png" else load(path).view

    def take(person: int, impression: int) -> Fingers:
        fingers = found[names[person]]
        return {position: finger(each[impression]) for position, each in sorted(fingers.items())}

    return Prints(len(names), take, ("iso-2005",))


@dataclass
class _Maker:
    batch: Path
    prints: Prints
    made: int = 0

    def put(self, dossier_id: str, person: Person, fingers: Fingers, minute: int, **changes: Any) -> Path:
        """Writes one dossier; `changes` replace fields."""
        folder = self.batch / dossier_id
        (folder / "fingers").mkdir(parents=True)
        form = self.prints.formats[self.made % len(self.prints.formats)]
        fields = _fields(person, minute)
        if form == "xyt":
            first = next(finger for finger in fingers.values() if isinstance(finger, FingerTemplate))
            fields["templates"] = {"dpi": 500, "height_px": first.height_px, "width_px": first.width_px}
        elif form == "iso-2005-card":
            fields["templates"] = {"format": form}
        fields.update(changes)
        (folder / "dossier.json").write_text(json.dumps(fields, ensure_ascii=False, indent=1), encoding="utf-8")
        for position, finger in fingers.items():
            if isinstance(finger, ImageFile):
                (folder / "fingers" / f"{position}.png").write_bytes(finger.path.read_bytes())
            else:
                (folder / "fingers" / f"{position}.{SUFFIXES.get(form, 'fmr')}").write_bytes(write(finger, form))
        kind, suffix = (("JPEG2000", "jp2"), ("JPEG", "jpg"), ("PNG", "png"))[self.made % 3]
        (folder / f"portrait.{suffix}").write_bytes(portrait(person, kind))
        self.made += 1
        return folder


def _fields(person: Person, minute: int) -> dict[str, Any]:
    return {
        "kind": "new",
        "personal_number": person.personal_number,
        "full_name": person.full_name,
        "birth_date": person.birth_date.isoformat(),
        "sex": person.sex,
        "ethnicity": person.ethnicity,
        "religion": person.religion,
        "place_of_origin": person.place_of_origin,
        "place_of_residence": person.place_of_residence,
        "marks": person.marks,
        "father": person.father,
        "mother": person.mother,
        "spouse": person.spouse,
        "old_number": person.old_number,
        "unit": f"U{minute % 7:02d}",
        "captured_at": (FIRST_CAPTURE + timedelta(minutes=minute)).isoformat(),
    }


def make(batch: Path, plan: Path, prints: Prints) -> dict[str, Any]:
    """Writes the batch and what was planted in it; returns the latter."""
    people, shuffle = _people(prints), random.Random(SEED)
    ids = [f"D{number:04d}" for number in shuffle.sample(range(1000, 10000), len(people))]
    maker = _Maker(batch, prints)
    last = prints.people - 1
    planted: dict[str, Any] = {
        "people": prints.people, "duplicates": {}, "rejected": {}, "review": {ids[last]: "same_finger"},
        "loses_the_card": ids[0], "erased": ids[1],
    }  # fmt: skip
    for i in range(last):
        maker.put(ids[i], people[i], prints.take(i, 0), minute=3 * i)
    twice = {**prints.take(last, 0), 3: prints.take(last, 1)[2]}  # one finger, captured again for its neighbour
    maker.put(ids[last], people[last], twice, minute=3 * last)
    doubled = shuffle.sample(range(2, last), _DUPLICATES)
    for k, original in enumerate(doubled):
        i = prints.people + k
        planted["duplicates"][ids[i]] = ids[original]
        maker.put(ids[i], people[i], prints.take(original, 1), minute=3 * (prints.people + k))
    for k, fault in enumerate(FAULTS):
        i = prints.people + _DUPLICATES + k
        planted["rejected"][ids[i]] = fault(maker, ids[i], people[i], prints.take(k, 2))
    plan.write_text(json.dumps(planted, indent=1), encoding="utf-8")
    return planted


def make_reissue(batch: Path, prints: Prints) -> str:
    """Writes a batch of one dossier, in which the first person asks for a card in the place of a lost one; returns the
    dossier's id."""
    dossier_id = "R0001"
    maker = _Maker(batch, prints)
    maker.put(dossier_id, _people(prints)[0], prints.take(0, 1), _LATE, kind="reissue", grounds="lost")
    return dossier_id


def make_fingers(folder: Path, prints: Prints, person: int) -> None:
    """Writes another impression of a person's fingers, as they are handed to a search."""
    folder.mkdir()
    for position, finger in prints.take(person, 1).items():
        if isinstance(finger, ImageFile):
            (folder / f"{position}.png").write_bytes(finger.path.read_bytes())
        else:
            (folder / f"{position}.fmr").write_bytes(write(finger, "iso-2005"))


def _people(prints: Prints) -> list[Person]:
    needed = prints.people + _DUPLICATES + len(FAULTS)
    people = synthesis.people(SEED, 2 * needed)
    # Nobody under six: they need no fingers, and nothing could be planted with theirs.
    return [person for person in people if person.birth_date.year <= 2018][:needed]


Fault = Callable[[_Maker, str, Person, Fingers], str]
_LATE = 5000  # minutes


def _changed(reason: str, **how: Callable[[Person], Any]) -> Fault:
    def plant(maker: _Maker, dossier_id: str, person: Person, fingers: Fingers) -> str:
        changes = {name: change(person) for name, change in how.items()}
        maker.put(dossier_id, person, fingers, _LATE, **changes)
        return reason

    return plant


def _few_fingers(maker: _Maker, dossier_id: str, person: Person, fingers: Fingers) -> str:
    maker.put(dossier_id, person, dict(list(fingers.items())[:1]), _LATE)
    return "too_few_fingers"


def _torn_finger(maker: _Maker, dossier_id: str, person: Person, fingers: Fingers) -> str:
    folder = maker.put(dossier_id, person, fingers, _LATE)
    victim = sorted((folder / "fingers").iterdir())[0]
    victim.write_bytes(b"\x00" + victim.read_bytes()[:37])
    return "unreadable_finger"


def _poor_fingers(maker: _Maker, dossier_id: str, person: Person, fingers: Fingers) -> str:
    from cccd_core.templates import strongest

    poor = {
        position: strongest(finger.template() if isinstance(finger, ImageFile) else finger, 5)
        for position, finger in fingers.items()
    }
    maker.put(dossier_id, person, poor, _LATE)
    return "poor_finger"


def _torn_portrait(maker: _Maker, dossier_id: str, person: Person, fingers: Fingers) -> str:
    folder = maker.put(dossier_id, person, fingers, _LATE)
    picture = next(folder.glob("portrait.*"))
    picture.write_bytes(picture.read_bytes()[:600])
    return "portrait_unreadable"


def _no_portrait(maker: _Maker, dossier_id: str, person: Person, fingers: Fingers) -> str:
    folder = maker.put(dossier_id, person, fingers, _LATE)
    next(folder.glob("portrait.*")).unlink()
    return "portrait_missing"


def _other_sex(person: Person) -> str:
    number = person.personal_number
    return number[:3] + str(int(number[3]) ^ 1) + number[4:]


def _other_year(person: Person) -> str:
    number = person.personal_number
    return f"{number[:4]}{(int(number[4:6]) + 1) % 100:02d}{number[6:]}"


FAULTS: tuple[Fault, ...] = (
    _changed("number_structure", personal_number=lambda person: person.personal_number[:-1]),
    _changed("number_structure", personal_number=lambda person: "003" + person.personal_number[3:]),
    _changed("number_sex", personal_number=_other_sex),
    _changed("number_birth_year", personal_number=_other_year),
    _changed("date_value", birth_date=lambda person: f"{person.birth_date.year}-02-30"),
    _few_fingers,
    _torn_finger,
    _poor_fingers,
    _torn_portrait,
    _no_portrait,
)


def portrait(person: Person, form: str) -> bytes:
    """A drawn face, 300 x 400 pixels; nobody's."""
    draw_from = random.Random(person.personal_number)
    back = draw_from.randint(200, 235)
    image = Image.new("RGB", (300, 400), (back, back + 5, back + 15))
    pen = ImageDraw.Draw(image)
    skin = tuple(draw_from.randint(low, low + 30) for low in (205, 165, 130))
    hair = tuple(draw_from.randint(15, 60) for _ in range(3))
    shirt = tuple(draw_from.randint(60, 230) for _ in range(3))
    width, height = draw_from.randint(58, 72), draw_from.randint(84, 98)
    pen.ellipse((30, 320, 270, 520), fill=shirt)
    pen.rectangle((128, 250, 172, 345), fill=skin)
    long_hair = person.sex == "F"
    pen.ellipse((150 - width - 14, 78, 150 + width + 14, 330 if long_hair else 235), fill=hair)
    pen.ellipse((150 - width, 190 - height, 150 + width, 190 + height), fill=skin)
    pen.chord((150 - width, 92, 150 + width, 210), 180, 360, fill=hair)
    for side in (-1, 1):
        x = 150 + side * (width // 2 - 2)
        pen.ellipse((x - 11, 178, x + 11, 192), fill=(245, 245, 245))
        pen.ellipse((x - 5, 180, x + 5, 190), fill=(40, 25, 20))
        pen.arc((x - 16, 162, x + 16, 186), 200, 340, fill=hair, width=4)
    pen.arc((138, 195, 162, 222), 20, 160, fill=(150, 110, 90), width=3)
    pen.arc((126, 222, 174, 248), 15, 165, fill=(150, 70, 70), width=5)
    image = image.filter(ImageFilter.GaussianBlur(1.2))
    out = io.BytesIO()
    if form == "JPEG2000":
        image.save(out, form, irreversible=True, quality_mode="rates", quality_layers=[24])
    else:
        image.save(out, form)
    return out.getvalue()
