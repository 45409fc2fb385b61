"""Files of checked blocks: what is written comes back, nothing altered does, and sizes are never believed."""

from __future__ import annotations

import resource
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.errors import CccdError, DamagedError, DiskFullError, FileError, ParameterError, UnavailableError
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.storage.block_file import BlockFile
from cccd_core.storage.block_layout import BlockKind, Section
from cccd_core.storage.block_writer import BlockWriter
from cccd_core.storage.cipher import Cipher
from support.chaos import run_and_kill

KIND = BlockKind(b"TESTFILE", 3, "file of a test")
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
RUNS = [b"first", b"", b"third" * 50, b"x"]
SECTIONS = [
    Section("numbers", 1000, block_bytes=64),
    Section("none", 0),
    Section("ends", 8 * 5),
    Section("runs", sum(map(len, RUNS)), bounded_by="ends", blocks=len(RUNS)),
]
NUMBERS = bytes(i % 251 for i in range(1000))
CIPHERS = [None, KeyRing(KEY)]


def write(folder: Path, cipher: Cipher | None = None, numbers: bytes = NUMBERS) -> Path:
    with BlockWriter(folder, KIND, b"facts", SECTIONS, cipher) as writer:
        for start in range(0, 1000, 77):
            writer.write(numbers[start : start + 77])
        writer.end_section()
        writer.end_section()
        ends = np.cumsum([0, *map(len, RUNS)]).astype("<i8")
        writer.write(ends.tobytes())
        writer.end_section()
        for run in RUNS:
            writer.write(run)
        writer.end_section()
        name = writer.finish("a-{mark}.file")
    assert writer.mark.startswith(name[2:14])
    return folder / name


def read_all(path: Path, cipher: Cipher | None) -> None:
    """Opens the file and looks at every byte of it; DamagedError for the first that is not as it was."""
    file = BlockFile.open(path, KIND, cipher)
    for name in file.sections:
        for damage in file.damages(name):
            raise DamagedError("damaged", section=damage.section, offset=damage.offset)


@pytest.mark.parametrize("cipher", CIPHERS, ids=["plain", "encrypted"])
def test_what_is_written_comes_back(tmp_path: Path, cipher: KeyRing | None) -> None:
    path = write(tmp_path, cipher)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    file = BlockFile.open(path, KIND, cipher)
    assert file.facts == b"facts"
    assert file.size_bytes == path.stat().st_size
    assert file.whole("numbers").tobytes() == NUMBERS
    assert file.whole("none").tobytes() == b""
    assert not file.whole("numbers").flags.writeable
    assert [bytes(file.block("runs", i)) for i in range(4)] == RUNS
    assert bytes(file.block("numbers", 15)) == NUMBERS[960:]
    for name, block in (("runs", 4), ("numbers", 16), ("numbers", -1), ("none", 0)):
        with pytest.raises(ParameterError):
            file.block(name, block)
    assert (NUMBERS in path.read_bytes()) == (cipher is None)
    read_all(path, cipher)


@pytest.mark.parametrize("cipher", CIPHERS, ids=["plain", "encrypted"])
@pytest.mark.parametrize("row_bytes", [1, 8, 50, 125, 500])  # within a block of 64, over two of them, over many
def test_rows_cost_no_more_than_their_blocks(tmp_path: Path, cipher: KeyRing | None, row_bytes: int) -> None:
    path = write(tmp_path, cipher)
    every = np.frombuffer(NUMBERS, np.uint8).reshape(-1, row_bytes)
    rows = np.array([len(every) - 1, 0, 0, len(every) // 2], np.int64)
    file = BlockFile.open(path, KIND, cipher)
    assert np.array_equal(file.rows("numbers", row_bytes, rows), every[rows])
    assert file.rows("numbers", row_bytes, rows[:0]).shape == (0, row_bytes)
    content = bytearray(path.read_bytes())
    content[file.sections["numbers"].offset + 999] ^= 1
    path.write_bytes(content)
    file = BlockFile.open(path, KIND, cipher)
    assert np.array_equal(file.rows("numbers", row_bytes, rows[1:3]), every[:1].repeat(2, 0))
    with pytest.raises(DamagedError):
        file.rows("numbers", row_bytes, rows)
    with pytest.raises(DamagedError):
        file.whole("numbers")


def test_the_same_makes_the_same_bytes_where_nothing_is_encrypted(tmp_path: Path) -> None:
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append([write(tmp_path / name, cipher) for cipher in CIPHERS])
    assert paths[0][0].name == paths[1][0].name
    assert paths[0][0].read_bytes() == paths[1][0].read_bytes()
    assert paths[0][1].read_bytes()[-300:] != paths[1][1].read_bytes()[-300:]


@cache
def sound(encrypted: bool, folder: Path) -> bytes:
    return write(folder, CIPHERS[encrypted]).read_bytes()


@pytest.mark.parametrize("encrypted", [False, True])
@given(data=st.data())
def test_a_file_altered_at_any_byte_is_damaged(
    encrypted: bool, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "altered"
    folder.mkdir(exist_ok=True)
    good = sound(encrypted, folder)
    at = data.draw(st.integers(0, len(good) - 1) | st.integers(0, 700))
    altered = bytearray(good)
    altered[at] ^= data.draw(st.integers(1, 255))
    path = folder / "altered.file"
    path.write_bytes(altered)
    with pytest.raises((DamagedError, UnavailableError)) as caught:
        read_all(path, CIPHERS[encrypted])
    if isinstance(caught.value, DamagedError):
        assert caught.value.facts["section"]
        assert isinstance(caught.value.facts["offset"], int)
        if at >= 4096:  # where the data begin
            assert caught.value.facts["section"] in {"numbers", "none", "ends", "runs"}
            assert int(caught.value.facts["offset"]) <= at


@pytest.mark.parametrize("encrypted", [False, True])
@given(length=st.integers(0, 4096 * 3 + 300))
def test_a_file_cut_short_or_grown_is_damaged(
    encrypted: bool, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "altered"
    folder.mkdir(exist_ok=True)
    good = sound(encrypted, folder)
    path = folder / "cut.file"
    for data in (good[: min(length, len(good) - 1)], good + bytes(1 + length)):
        path.write_bytes(data)
        with pytest.raises(DamagedError):
            read_all(path, CIPHERS[encrypted])


def test_sizes_are_not_believed(tmp_path: Path) -> None:
    good = write(tmp_path).read_bytes()
    for offset, form in ((12, "<I"), (16, "<I"), (24, "<Q"), (32, "<Q"), (40, "<Q")):
        for value in (2**31, 2**32 - 1, 2**62, 2**64 - 1):
            if value < 1 << 8 * struct.calcsize(form):
                altered = bytearray(good)
                struct.pack_into(form, altered, offset, value)
                path = tmp_path / "large.file"
                path.write_bytes(altered)
                with pytest.raises(DamagedError, match="sizes"):
                    BlockFile.open(path, KIND)


def test_another_kind_or_version_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(DamagedError, match="no file of another test"):
        BlockFile.open(path, BlockKind(b"ANOTHER!", 3, "file of another test"))
    with pytest.raises(DamagedError, match="another version") as caught:
        BlockFile.open(path, BlockKind(KIND.magic, 4, KIND.what))
    assert caught.value.facts["found"] == 3
    for name in ("folder", "gone"):
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(FileError):
            BlockFile.open(tmp_path / name, KIND)


def test_an_encrypted_file_needs_its_key_and_a_plain_one_none(tmp_path: Path) -> None:
    sealed, plain = write(tmp_path, KeyRing(KEY)), write(tmp_path)
    for cipher in (None, KeyRing(OTHER)):
        with pytest.raises(UnavailableError):
            BlockFile.open(sealed, KIND, cipher)
    read_all(sealed, KeyRing(OTHER, [KEY]))
    with pytest.raises(DamagedError, match="not encrypted"):
        BlockFile.open(plain, KIND, KeyRing(KEY))
    read_all(plain, KeyRing(KEY, clear_too=True))
    assert KEY.hex() not in repr(KeyRing(KEY))


def test_blocks_of_an_encrypted_file_cannot_change_places(tmp_path: Path) -> None:
    path = write(tmp_path, KeyRing(KEY), NUMBERS[:64] * 15 + NUMBERS[:40])
    good = path.read_bytes()
    file = BlockFile.open(path, KIND, KeyRing(KEY))
    start = file.sections["numbers"].offset
    assert good[start : start + 64] != good[start + 64 : start + 128]
    altered = good[:start] + good[start + 64 : start + 128] + good[start : start + 64] + good[start + 128 :]
    path.write_bytes(altered)
    damages = list(BlockFile.open(path, KIND, KeyRing(KEY)).damages("numbers"))
    assert [(one.block, one.offset) for one in damages] == [(0, start), (1, start + 64)]


def test_a_section_is_as_large_as_was_planned(tmp_path: Path) -> None:
    def too_much(writer: BlockWriter) -> None:
        writer.write(bytes(1064))

    def too_little(writer: BlockWriter) -> None:
        writer.write(bytes(900))
        writer.end_section()

    for wrong in (too_much, too_little):
        with pytest.raises(ParameterError), BlockWriter(tmp_path, KIND, b"", SECTIONS, None) as writer:
            wrong(writer)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    def work(size: int) -> Callable[[], None]:
        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            with pytest.raises(DiskFullError, match="disk is full"):
                write(tmp_path)

        return limited

    for size in (100, 5000, 9000, 12500):
        assert run_and_kill(work(size), None)
        assert not list(tmp_path.iterdir())


def test_keys_have_32_bytes() -> None:
    for wrong in (b"", bytes(16), bytes(33)):
        with pytest.raises(CccdError):
            KeyRing(wrong)
        with pytest.raises(CccdError):
            KeyRing(KEY, [wrong])
