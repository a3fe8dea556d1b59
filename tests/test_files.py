"""Where files are looked for, what is checked before one is handed over, and what is remembered of it."""

import gzip
import hashlib
import json

import pytest

from harness import files
from harness.contract import BadData, File

CONTENT = {"rows.csv": b"1,2\n3,4\n" * 500, "labels.csv": b"0\n1\n" * 40}
CARD = tuple(
    File(name, f"http://127.0.0.1:9/{name}", len(content), hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No folder of the user's: data/ and cache/ under the test's own."""
    monkeypatch.setenv("ERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ERAS_MIRROR", raising=False)


def put(folder, **changed):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (CONTENT | changed).items():
        (folder / name).write_bytes(content)
    return folder


# --------------------------------------------------------------------------------------------------------------- locate


@pytest.mark.parametrize("folder", ["data/my_set", "data/my-set", "cache/data/my_set"])
def test_files_are_found_in_each_place(tmp_path, folder):
    put(tmp_path / folder)
    assert files.locate("my_set", CARD) == {name: tmp_path / folder / name for name in CONTENT}
    assert files.here("my_set", CARD)


def test_several_folders_may_be_named_and_the_first_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_DATA", f"{tmp_path / 'none'}:{tmp_path / 'a'}:{tmp_path / 'b'}")
    put(tmp_path / "b" / "my_set")
    assert files.locate("my_set", CARD)["rows.csv"].parent == tmp_path / "b" / "my_set"
    put(tmp_path / "a" / "my-set")
    assert files.locate("my_set", CARD)["rows.csv"].parent == tmp_path / "a" / "my-set"


def test_what_is_not_here_is_told_with_the_way_to_get_it(tmp_path):
    put(tmp_path / "data" / "my_set")
    (tmp_path / "data" / "my_set" / "labels.csv").unlink()
    with pytest.raises(files.Missing) as told:
        files.locate("my_set", CARD)
    sentence = str(told.value)
    assert sentence.startswith("my_set is not here (labels.csv not found)")
    assert "`eras data get my_set` downloads 0.00416 MB" in sentence and "$ERAS_DATA/my-set/" in sentence
    assert not files.here("my_set", CARD) and isinstance(told.value, BadData)


def test_a_file_of_another_size_is_told(tmp_path):
    folder = put(tmp_path / "data" / "my_set", **{"labels.csv": b"0\n"})
    with pytest.raises(BadData, match=f"{folder}/labels.csv holds 2 bytes, 160 are right"):
        files.locate("my_set", CARD)
    assert files.here("my_set", CARD)  # by name: what is wrong with it is for `locate` to tell


def test_a_file_with_one_other_byte_is_told(tmp_path):
    wrong = b"1" + CONTENT["labels.csv"][1:]
    put(tmp_path / "data" / "my_set", **{"labels.csv": wrong})
    with pytest.raises(BadData, match=f"labels.csv has sha256 {hashlib.sha256(wrong).hexdigest()}"):
        files.locate("my_set", CARD)
    assert files.here("my_set", CARD)  # by name


@pytest.mark.parametrize(
    "packed, sentence",
    [
        (gzip.compress(CONTENT["rows.csv"], mtime=0), None),
        (gzip.compress(CONTENT["rows.csv"][:-1], mtime=0), "holds 3,999 bytes, 4,000 are right"),
        (gzip.compress(CONTENT["rows.csv"] + b"5", mtime=0), "holds more than the 4,000 bytes"),
        (gzip.compress(b"2" + CONTENT["rows.csv"][1:], mtime=0), "has sha256"),
        (gzip.compress(CONTENT["rows.csv"], mtime=0)[:-9], "is cut or damaged"),
        (gzip.compress(bytes(100_000_000), 1, mtime=0), "holds more than the 4,000 bytes"),
    ],
)
def test_a_gzip_copy_counts_by_what_it_holds(tmp_path, packed, sentence):
    folder = put(tmp_path / "data" / "my_set")
    (folder / "rows.csv").unlink()
    (folder / "rows.csv.gz").write_bytes(packed)
    assert files.here("my_set", CARD)
    if sentence is None:
        path = files.locate("my_set", CARD)["rows.csv"]
        assert path == folder / "rows.csv.gz" and files.unpack(path, 4_000) == CONTENT["rows.csv"]
    else:
        with pytest.raises(BadData, match=sentence):
            files.locate("my_set", CARD)


# ----------------------------------------------------------------------------------------------------------------- memo


@pytest.fixture
def hashed(monkeypatch):
    """How many files were read to be verified."""
    names = []
    verify = files._verify
    monkeypatch.setattr(files, "_verify", lambda name, path, file: (names.append(path.name), verify(name, path, file)))
    return names


def test_a_verified_file_is_not_read_again_until_it_is_touched(tmp_path, hashed):
    folder = put(tmp_path / "data" / "my_set")
    for _ in range(3):
        files.locate("my_set", CARD)
    assert hashed == ["rows.csv", "labels.csv"]
    (folder / "labels.csv").write_bytes(b"1" + CONTENT["labels.csv"][1:])  # same size, new time
    with pytest.raises(BadData, match="sha256"):
        files.locate("my_set", CARD)


def test_another_checksum_in_the_card_is_another_question(tmp_path):
    put(tmp_path / "data" / "my_set")
    files.locate("my_set", CARD)
    other = (File("rows.csv", "", 4_000, "0" * 64),)
    with pytest.raises(BadData, match="sha256"):
        files.locate("my_set", other)


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe", b'{"/x": 3}'])
def test_a_damaged_memo_costs_a_hash_and_nothing_else(tmp_path, hashed, damage):
    put(tmp_path / "data" / "my_set")
    files.locate("my_set", CARD)
    memo = tmp_path / "cache" / "data" / "verified.json"
    memo.write_bytes(damage)
    assert files.locate("my_set", CARD)
    assert len(hashed) == 4 and len(json.loads(memo.read_text())) >= 2
    assert [path.name for path in memo.parent.iterdir()] == ["verified.json"]  # no temporary file stays


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch):
    put(tmp_path / "data" / "my_set")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "file"))
    assert files.locate("my_set", CARD)


# ------------------------------------------------------------------------------------------------------------- packaged


def test_packaged_files_are_found_or_told():
    assert files.packaged("sklearn", "datasets/data/iris.csv").is_file()
    with pytest.raises(files.Missing, match="no longer carries it"):
        files.packaged("sklearn", "datasets/data/irises.csv")
    with pytest.raises(files.Missing, match="comes with no_such_package"):
        files.packaged("no_such_package", "x.csv")
