"""The stable words for what makes a template doubtful as a finger, and the limits behind them.

A word never changes its meaning; new ones may be added. docs/explanation/intake.md lists them with what they find.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.errors import ParameterError
from cccd_core.words import Said, Word


class Doubt(Word):
    """Why a template, or a person's fingers together, are not believed."""

    EMPTY = "empty", "there are no minutiae"
    CAPTURE_FAILED = "capture_failed", "the record says that the capture failed"
    LOW_QUALITY = "low_quality", "the record gives its capture a quality below the least that is asked for"
    RESOLUTION_UNIT = "resolution_unit", "the resolution reads like another unit (dots an inch, pixels a metre)"
    IMAGE_SIZE = "image_size", "the image is no size of a print: too small for a finger, or larger than any"
    PRINT_SIZE = "print_size", "the minutiae lie in a larger or smaller place than a finger's"
    OUTSIDE_IMAGE = "outside_image", "minutiae lie outside the image that the record states"
    DENSITY = "density", "minutiae lie closer than ridges do"
    RESERVED_TYPES = "reserved_types", "minutiae of a type that no edition knows"
    REPEATED_MINUTIAE = "repeated_minutiae", "minutiae stand at one place again and again"
    IN_LINE = "in_line", "the minutiae lie on one line"
    ON_CURVE = "on_curve", "the minutiae lie on two or three lines, on a circle or on another such curve"
    SPARSE = "sparse", "minutiae lie further apart than on any finger: a resolution in another unit"
    RIDGE_DISTANCE = (
        "ridge_distance",
        "the ridges of the image lie closer or further apart than a finger's: it has another resolution than stated",
    )
    ONE_DIRECTION = "one_direction", "most minutiae point one way, or the opposite one"
    FEW_DIRECTIONS = "few_directions", "nearly all minutiae point along two directions, or along four that lie apart"
    HALF_CIRCLE = "half_circle", "all directions are below 180 degrees: another form of the file's angles"
    TWO_FINGERS = "two_fingers", "the minutiae lie as those of two fingers beside each other"
    OVERLAID = "overlaid", "the minutiae lie as those of two fingers over each other"
    SCATTERED = "scattered", "the minutiae lie as chance would have it, and as no finger's do"
    NO_FLOW = "no_flow", "the minutiae hardly follow a finger's ridges"
    SEVERAL_NO_FLOW = "several_no_flow", "several fingers hardly follow ridges or are scattered"
    SAME_FINGER = "same_finger", "two positions hold the same finger"
    MIRRORED_FINGER = "mirrored_finger", "two positions hold a finger and its mirror image"
    POSITION_UNKNOWN = "position_unknown", "the positions of so many fingers are not known that the others are too few"
    IMAGE_DIFFERS = "image_differs", "a template and the image beside it are not of one finger"


class Finding(Said[Doubt]):
    """One doubt, with its facts."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still believed of a finger. Sizes in millimetres.

    * `min_quality`: the least capture quality that a record may report, of 100.
    * `min_print_mm`, `max_print_mm`: how far the minutiae of one finger reach; of a thumb rolled from nail to nail too.
    * `min_image_mm`, `max_image_mm`: the image of one finger; slaps of four are wider, and none.
    * `least_apart_mm`, `share_apart`: at most this share of minutiae is nearer to another than half a ridge's width.
    * `least_per_mm2`, `whole_mm`: so many minutiae a square millimetre, at the least, has the place of a print that
      reaches so far; a smaller one, of which less was seen or found, may have fewer in proportion.
    * `least_ridge_mm`, `most_ridge_mm`: from ridge to ridge in an image, the median of its parts. The least leaves room
      for children of six, whose ridges lie two thirds as far apart as their parents'.
    * `off_curve_mm`: so far, at the least, the median minutia lies from the best curve of the third degree.
    * `one_direction`, `few_directions`: at most this share of 12 or more minutiae has one direction or the opposite
      one; two such, or four that lie apart. Of fewer minutiae all but one, or all.
    * `beside_mm`, `beside`: from this width on, how much a print may look like two fingers (`intake.layout`).
    * `repeated`: at most so many minutiae share a place with another.
    * `half_circle`: from so many minutiae on, directions that are all below 180 degrees are no chance.
    * `flow`, `scattered`: the least judgement of `intake.flow`, and the one below which nothing speaks for a finger. A
      person has ten fingers: what one real print in a thousand looks like is no reason to hold one person in a hundred.
    * `overlaid`, `overlaid_from`: the least judgement of the other judge, for so many minutiae or more.
    * `same_finger`: the calibrated score from which two positions hold one finger. Above what decides between people,
      since a person's fingers are more alike than two people's: docs/explanation/intake.md.
    * `mirrored_finger`: the same where one of them is mirrored. Higher, since the twin fingers of two hands are alike
      in the mirror.
    * `same_image`: the calibrated score that a template and the image beside it come to at the least: one stranger's
      finger in a thousand would. What two extractors find in one image scores far above.
    """

    min_quality: int = 2
    min_print_mm: float = 2.5
    max_print_mm: float = 45.0
    min_image_mm: float = 5.0
    max_image_mm: float = 60.0
    least_apart_mm: float = 0.2
    share_apart: float = 0.35
    least_per_mm2: float = 0.113
    whole_mm: float = 22.0
    least_ridge_mm: float = 0.25
    most_ridge_mm: float = 0.64
    off_curve_mm: float = 0.1
    one_direction: float = 0.6
    few_directions: float = 0.9
    beside_mm: float = 18.0
    beside: float = 0.0
    repeated: int = 3
    half_circle: int = 20
    flow: float = 0.75
    scattered: float = -1.0
    overlaid: float = -2.5
    overlaid_from: int = 40
    same_finger: float = 60.0
    mirrored_finger: float = 80.0
    same_image: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.min_print_mm < self.max_print_mm or not 0 < self.min_image_mm < self.max_image_mm:
            raise ParameterError("limits that nothing can meet")
        if not 0 < self.least_ridge_mm < self.most_ridge_mm:
            raise ParameterError("limits that nothing can meet")
        if self.repeated < 1 or self.half_circle < 2 or not 0 <= self.min_quality <= 100:
            raise ParameterError("a limit is out of its range")


DEFAULT_LIMITS = Limits()
