"""Readers of formats against other readers of the same bytes, and damaged files against BadData."""

import csv
import gzip
import io
import lzma
import struct
import tarfile
import wave
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness import formats
from harness.contract import BadData

LINES = "5.5, red, x, 07\n-1e3,green,y,\n?, ?,z, 3\n"
COLUMNS = {"number": "", "colour": "green red", "unused": None, "small": ""}


def written(folder, name, content):
    content = content.encode() if isinstance(content, str) else content
    packed = {".gz": gzip.compress, ".xz": lzma.compress}.get("." + name.rsplit(".", 1)[-1], bytes)(content)
    (folder / name).write_bytes(packed)
    return folder / name


# --------------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.xz"])
def test_a_table_is_coded_by_hand(tmp_path, name):
    table = formats.delimited(written(tmp_path, name, LINES), 1000, COLUMNS, 3)
    assert np.array_equal(table, [[5.5, 1, 7], [-1000, 0, np.nan], [np.nan, np.nan, 3]], equal_nan=True)
    assert table.dtype == np.float32


def test_a_large_table_equals_what_pandas_reads(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200_000), "b": rng.integers(0, 9, 200_000), "c": rng.random(200_000)})
    frame["d"] = rng.choice(["one", "two", "three"], 200_000)
    path = written(tmp_path, "a.tsv.gz", frame.to_csv(sep="\t", index=False))
    columns = {"a": "", "b": "", "c": "", "d": ("one", "two", "three")}
    table = formats.delimited(path, 20_000_000, columns, 200_000, separator="\t", skip=1, dtype=np.float64)
    read = pd.read_csv(path, sep="\t")
    assert np.array_equal(table[:, :3], read[["a", "b", "c"]])
    assert (table[:, 3] == read["d"].map({"one": 0, "two": 1, "three": 2})).all()


def test_what_is_too_large_for_the_memory_is_filled_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path))
    path = written(tmp_path, "a.csv", LINES)
    small = formats.delimited(path, 1000, COLUMNS, 3)
    monkeypatch.setattr(formats, "MAPPED", 10)
    large = formats.delimited(path, 1000, COLUMNS, 3)
    assert np.array_equal(small, large, equal_nan=True)
    assert isinstance(large.base, np.memmap) and not isinstance(small.base, np.memmap)
    assert not list((tmp_path / "data").iterdir())  # the file has no name, so nobody need remove it


def test_quotes_blanks_and_own_codings(tmp_path):
    path = written(tmp_path, "a.csv", '1,"a, b"\n2,c\n')
    lengths = {"n": "", "text": lambda found: np.array([len(text) for text in found], dtype=float)}
    assert formats.delimited(path, 100, lengths, 2, quotes=True).tolist() == [[1, 4], [2, 1]]
    path = written(tmp_path, "a.data", "  1   2.5  3\n 4 5 6  \n")
    assert formats.delimited(path, 100, dict.fromkeys("abc", ""), 2, separator=" ").tolist() == [[1, 2.5, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    "content, sentence",
    [
        (LINES + "1,red,x\n", "Expected 4 columns, got 3"),
        (LINES.replace("5.5", "five"), "a.csv after 0 rows: In CSV column #0: Row #1: .* invalid value 'five'"),
        (LINES.replace("red", "blue"), "a.csv, rows from 1: colour is 'blue', a known category is right"),
        (LINES[:-9], "a.csv after 0 rows|holds 2 rows, 3 are right"),
        (LINES + LINES, "more than the 3 rows"),
        ("", "a.csv after 0 rows"),
        (LINES.replace("red", "r\0d"), "a.csv"),
        (LINES.encode() + b"\xff\xfe,green,x,1\n", "a.csv"),
        (LINES + "1" * 2000, "holds more than the 1,000 bytes"),
    ],
)
def test_damaged_tables_are_told(tmp_path, content, sentence):
    with pytest.raises(BadData, match=sentence):
        formats.delimited(written(tmp_path, "a.csv", content), 1000, COLUMNS, 3)


# ------------------------------------------------------------------------------------------------------------- archives

FILES = {"a/one.txt": b"1" * 10, "a/two.txt": b"2" * 20, "b/three.txt": b"3" * 30}


def zipped(path, files, **more):
    with zipfile.ZipFile(path, "w", **more) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def tarred(path, files, kind=tarfile.REGTYPE):
    mode = {"gz": "w:gz", "xz": "w:xz", "tar": "w"}[path.name.rsplit(".", 1)[-1]]
    with tarfile.open(path, mode) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "elsewhere" if kind != tarfile.REGTYPE else ""
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture(params=["a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
def pack(request, tmp_path):
    return lambda files: (zipped if request.param == "a.zip" else tarred)(tmp_path / request.param, files)


def test_members_are_those_that_were_packed(pack):
    path = pack(FILES.items())
    assert formats.members(path, 20_480, set(FILES)) == FILES
    assert formats.members(path, 20_480, lambda name: name.startswith("a/")) == {n: FILES[n] for n in list(FILES)[:2]}
    with pytest.raises(BadData, match="lacks c.txt: 1 members are missing"):
        formats.members(path, 20_480, {"c.txt", "a/one.txt"})


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\..\\x"])
def test_a_name_that_leaves_the_archive_is_refused(pack, name):
    with pytest.raises(BadData, match="leaves the archive"):
        formats.members(pack([("a/one.txt", b"1"), (name, b"x")]), 20_480, {"a/one.txt"})


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice_a_bomb_and_a_cut_archive_are_refused(pack):
    with pytest.raises(BadData, match="holds 'a' twice"):
        formats.members(pack([("a", b"1"), ("a", b"2")]), 20_480, {"a"})
    with pytest.raises(BadData, match="holds more than"):
        formats.members(pack([("a", bytes(50_000_000))]), 20_480, {"a"})
    path = pack(FILES.items())
    content = path.read_bytes()
    path.write_bytes(content[:1600] if path.suffix == ".tar" else content[: len(content) // 2])
    with pytest.raises(BadData, match="cut or damaged|missing"):
        formats.members(path, 20_480, set(FILES))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(BadData, match="holds a link, device or sparse file, 'a'"):
        formats.members(tarred(tmp_path / "a.tar", [("a", b"")], kind), 20_480, {"a"})
    link = zipfile.ZipInfo("a")
    link.external_attr = 0o120777 << 16
    with pytest.raises(BadData, match="holds a link, 'a'"):
        formats.members(zipped(tmp_path / "a.zip", [(link, b"elsewhere")]), 20_480, {"a"})


@pytest.mark.parametrize("size", [1_500_000_000, 10**15])
def test_a_file_of_holes_is_refused(tmp_path, size):
    """240 bytes that say: unpacked I am 1.5 GB, of which nothing is written here."""
    sparse = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(size)}
    info = tarfile.TarInfo("a")
    info.pax_headers = sparse | {"GNU.sparse.numblocks": "1", "GNU.sparse.map": f"{size},0", "GNU.sparse.name": "a"}
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    with pytest.raises(BadData, match="sparse file, 'a'"):
        formats.members(tmp_path / "a.tar", 20_480, {"a"})


def test_an_xz_that_asks_for_much_memory_is_refused(tmp_path):
    content = lzma.compress(b"x" * 100, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}])
    (tmp_path / "a.xz").write_bytes(content)
    with pytest.raises(BadData, match="cut or damaged: Memory usage limit"):
        formats.lines(tmp_path / "a.xz", 1000)
    for damaged in (content[:-1], content + b"x", b""):
        (tmp_path / "a.xz").write_bytes(damaged)
        with pytest.raises(BadData, match="cut or damaged"):
            formats.lines(tmp_path / "a.xz", 1000)


# ------------------------------------------------------------------------------------------- text, pictures and sound


def test_lines_break_at_newlines_alone(tmp_path):
    assert formats.lines(written(tmp_path, "a.txt", "a\x85b\x0cc\r\n\nd"), 100) == ["a\x85b\x0cc\r", "", "d"]
    assert formats.lines(written(tmp_path, "a.txt", b"caf\xe9\n"), 100, "latin-1") == ["café"]
    with pytest.raises(BadData, match="a.txt, byte 3 is not utf-8"):
        formats.lines(written(tmp_path, "a.txt", b"caf\xe9\n"), 100)


@pytest.mark.parametrize("size, dtype", [(256, np.uint8), (257, np.uint16), (65_537, np.int32)])
def test_tokens_take_the_smallest_type(size, dtype):
    vocabulary = [str(i) for i in range(size)]
    found = formats.tokens(["3", str(size - 1), "0"], vocabulary)
    assert found.tolist() == [3, size - 1, 0] and found.dtype == dtype
    with pytest.raises(BadData, match="'x' is none of the"):
        formats.tokens(["x"], vocabulary)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_pictures_equal_what_was_drawn(kind, shape):
    pixels = np.full(shape, 200, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    assert np.abs(formats.picture(buffer.getvalue(), shape, "a").astype(int) - 200).max() <= 2
    with pytest.raises(BadData, match="a is 5 x 7, 9 x 9 pixels are right"):
        formats.picture(buffer.getvalue(), (9, 9), "a")
    for damaged in (buffer.getvalue()[:45], b"GIF89a", b""):
        with pytest.raises(BadData, match="a is not a picture"):
            formats.picture(damaged, shape, "a")


def sound(samples, rate=8000, width=2, channels=1):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def test_sounds_equal_what_was_recorded():
    samples = np.arange(-300, 300, dtype=np.int16)
    assert (formats.wav(sound(samples), 8000, "a") == samples).all()
    for wrong in (sound(samples, rate=16_000), sound(samples, width=1), sound(samples, channels=2)):
        with pytest.raises(BadData, match=r"a has channels, bytes a sample and rate .*, \(1, 2, 8000\) are right"):
            formats.wav(wrong, 8000, "a")
    huge = bytearray(sound(samples))
    huge[40:44] = struct.pack("<I", 0xFFFFFFF0)
    for damaged in (sound(samples)[:-100], bytes(huge), sound(samples)[:20], b""):
        with pytest.raises(BadData, match="a is not a WAV|a holds"):
            formats.wav(damaged, 8000, "a")


def test_a_csv_of_the_standard_library_is_read_alike(tmp_path):
    rows = [[i, i / 7, "left" if i % 2 else "right"] for i in range(1000)]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    table = formats.delimited(
        tmp_path / "a.csv", 10**6, {"i": "", "x": "", "side": "right left"}, 1000, dtype=np.float64
    )
    assert np.allclose(table, [[i, x, side == "left"] for i, x, side in rows], rtol=1e-15)
