"""Reading a template: wrappers, detection and every codec by name."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import quopri
import zlib

import numpy as np

from cccd_core import templates
from cccd_core.templates import nist_type9

MODULES = ("cccd_core.templates",)

NAMES = tuple(templates.FORMATS)
DETECT = 0xFF  # as the first byte: more formats than there ever are
SIZE = {"height_px": 480, "width_px": 400}


def example(count: int = 3) -> templates.FingerTemplate:
    """A small template with something in every field."""
    places = np.arange(count, dtype=np.uint16)
    return templates.FingerTemplate(
        places * 7 % 250,
        places * 13 % 240,
        places * 5003,
        (places % 3).astype(np.uint8),
        (places % 101).astype(np.uint8),
        width_px=400,
        height_px=480,
        position=2,
        capture_quality=80,
        extended=bytes.fromhex("00010008010002030102000601ff"),
    )


def _nist() -> bytes:
    """An ANSI/NIST-ITL file with images of types 4 and 14 before minutiae in the legacy form."""
    written = templates.write(example(), "nist-itl-legacy", **SIZE)
    start = written.index(b"9.001:")
    binary = (30).to_bytes(4, "big") + b"\x01\x00\x02" + b"\xff" * 5 + b"\x00\x01\x90\x01\xe0\x01" + bytes(12)
    tagged = b"14.001:90\x1d14.002:00\x1d14.006:400\x1d14.007:480\x1d14.008:1\x1d14.009:500\x1d14.010:500\x1d14.013:2"
    tagged += b"\x1d14.999:\x1c\x1d\x00\x1c"
    first = written[:start].replace(b"1.003:1\x1f1\x1e", b"1.003:1\x1f3\x1e4\x1f01\x1e14\x1f00\x1e")
    return first + binary + tagged + written[start:]


def _niem() -> bytes:
    """An ANSI/NIST-ITL file in NIEM XML: an image, minutiae in the forms of INCITS 378, the extended set and legacy."""
    place = "<PositionHorizontalCoordinateValue>100</PositionHorizontalCoordinateValue>"
    place += "<PositionVerticalCoordinateValue>200</PositionVerticalCoordinateValue>"
    point = place.replace("Position", "ImageLocation").replace("Value", "Measure")
    turn = "<ImageLocationThetaAngleMeasure>30</ImageLocationThetaAngleMeasure>"
    incits = f"<INCITSMinutiaLocation>{place}{turn}</INCITSMinutiaLocation>"
    return (
        "<NISTBiometricInformationExchangePackage><PackageInformationRecord><RecordCategoryCode>1</RecordCategoryCode>"
        "</PackageInformationRecord><PackageFingerprintImageRecord><RecordCategoryCode>14</RecordCategoryCode><a>"
        "<ImageVerticalLineLengthPixelQuantity>480</ImageVerticalLineLengthPixelQuantity><FingerPositionCode>2"
        "</FingerPositionCode></a></PackageFingerprintImageRecord><PackageMinutiaeRecord><INCITSMinutiae>"
        f"<MinutiaeQuantity>1</MinutiaeQuantity><INCITSMinutia>{incits}<INCITSMinutiaCategoryCode>1"
        "</INCITSMinutiaCategoryCode></INCITSMinutia></INCITSMinutiae><ExtendedFeatureSetMinutiae>"
        f"<EFSMinutia>{point}{turn}</EFSMinutia></ExtendedFeatureSetMinutiae><Minutiae><MinutiaeNISTStandard>"
        f"<MinutiaDetail>{place}<PositionThetaAngleMeasure>30</PositionThetaAngleMeasure></MinutiaDetail>"
        "</MinutiaeNISTStandard></Minutiae></PackageMinutiaeRecord></NISTBiometricInformationExchangePackage>"
    ).encode()


def _dump(record: bytes) -> bytes:
    """Words of two bytes, the last byte first, as `hexdump` prints them, with rows left out."""
    rows = [record[place : place + 16] for place in range(0, len(record), 16)]
    lines = [
        f"{16 * place:07x} " + " ".join(row[at : at + 2][::-1].hex() for at in range(0, len(row), 2))
        for place, row in enumerate(rows)
    ]
    return "\n".join([*lines, "*", f"{len(record) + 32:07x}"]).encode()


SEEDS = tuple(
    bytes([first]) + templates.write(example(), name, **SIZE)
    for number, name in enumerate(NAMES)
    for first in (number, DETECT)
) + tuple(
    bytes([DETECT]) + wrapped
    for record in (templates.write(example(), "iso-2005"),)
    for wrapped in (
        base64.b64encode(record),
        record.hex().encode(),
        gzip.compress(record),
        b'{"a":["' + base64.b64encode(record) + b'"]}',
        b"<BIR><BIR><Subtype>Left Thumb</Subtype><BDB>" + base64.b64encode(record) + b"</BDB></BIR></BIR>",
        b"\x03\x0d" + bytes(86) + record + bytes(9),
        record + bytes(5),
        _nist(),
        base64.b64encode(_nist()),
        bytes.fromhex("6215a007800103810207e3a10a3008800101810102830100"),
        _niem(),
        b"finger: 2\ntemplate: " + base64.b64encode(record) + b"\n",
        bytes.fromhex("7f6108020102") + b"\x7f\x60\x00" + record,
        record.hex().encode("utf-16-le"),
        b"TEMPLATE=" + base64.b64encode(record) + b"&b=%3D\n",
        ("byte[] t = {" + ", ".join(f"(byte)0x{byte:02x}" for byte in record) + ", -1, 70};").encode(),
        json.dumps({str(place): byte for place, byte in enumerate(record)}).encode(),
        base64.b64encode(record).replace(b"A", rb"\/", 1) + rb"\n\u003d",
        _dump(record),
        b'<?xml version="1.0" encoding="utf-16"?><a b="' + base64.b64encode(record) + b'"/>' + bytes(9),
        _nist().replace(b"\x1d", b"\x1d\r\n"),
        zlib.compress(record),
        b"begin 644 a\n" + b"".join(binascii.b2a_uu(record[at : at + 45]) for at in range(0, 90, 45)) + b"`\nend\n",
        base64.b32encode(record),
        base64.a85encode(record, adobe=True),
        quopri.encodestring(record, quotetabs=True),
        b":0400000046" + record[1:4].hex().encode() + b"17\n:00000001FF",
        b"S107000046" + record[1:4].hex().encode() + b"13\nS9030000FC",
        repr(record).encode() + b"\n'\\x00' '\\0' \"\\106",
        b"<Buffer " + record.hex(" ").encode() + b">",
        " ".join(map(str, record)).encode(),
        b"a 00\n\n00000000   "
        + record[:16].hex(" ").encode()
        + b"  FMR. 20.\n00000010   "
        + record[16:].hex(" ").encode(),
    )
)


def large() -> list[bytes]:
    """Close to 64 KiB: many small views, few large ones, text, and files of records."""
    inputs = [bytes([DETECT]) + b"16383 100 359 100\n" * 1000, bytes([NAMES.index("xyt")]) + b"\n" * 65535]
    for name in ("iso-2005", "iso-2011", "ansi-2004", "ansi-2009", *nist_type9.STEPS):
        for views, minutiae in (
            ((100, 20), (100, 0), (2, 999)) if name in nist_type9.STEPS else ((176, 50), (176, 0), (40, 255))
        ):
            data = templates.write([example(minutiae)] * views, name)
            inputs.append(bytes([DETECT]) + data)
    return inputs


def target(data: bytes) -> None:
    """The first byte names the format, or asks for detection; the rest is the file."""
    name = NAMES[data[0]] if data and data[0] < len(NAMES) else None
    templates.read(data[1:], format=name, dpi=500, **SIZE)
