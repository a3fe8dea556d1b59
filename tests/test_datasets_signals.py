"""Images, sound and series against published counts and errors, and other readers; damaged files against BadData."""

import functools
import gzip
import importlib
import io
import lzma
import os
import pickle
import struct
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import wavfile
from scipy.ndimage import distance_transform_edt
from sklearn.datasets import load_digits

from harness import formats
from harness.contract import BadData
from harness.files import locate

needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path))


def module(name):
    return importlib.import_module(f"harness.datasets.{name}")


def paths(name):
    card = module(name).DATASET
    return locate(name, card.files, card.folder)


@functools.cache
def loaded(name):
    return module(name).load(paths(name))


@functools.cache
def content(name, number=0):
    """The unpacked bytes of a file of a dataset, by other means than the loader's."""
    path = list(paths(name).values())[number]
    return {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)(path, "rb").read()


@functools.cache
def unpacked(name, number=0):
    """{member: bytes} of an archive of a dataset, by other means than the loader's."""
    with tarfile.open(list(paths(name).values())[number]) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


def nearest(x, test_x):
    """Row of x next to each row of test_x."""
    x, test_x = (a.reshape(len(a), -1).astype(np.float64) for a in (x, test_x))
    return ((x**2).sum(1) - 2 * test_x @ x.T).argmin(1)


def errors(name):
    """Share of test rows that their nearest neighbour gets wrong."""
    data = loaded(name)
    return (data.y[nearest(data.x, data.test_x)] != data.test_y).mean()


# --------------------------------------------------------------------------------------------------- what was published


@needs_data
@pytest.mark.parametrize(
    "name, counts, test_counts",
    [
        (
            "usps",
            [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644],
            [359, 264, 198, 166, 200, 160, 170, 147, 166, 177],
        ),
        (
            "optdigits",
            [376, 389, 380, 389, 387, 376, 377, 387, 380, 382],
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
        ),
        ("cifar10_jpeg_6k", [500] * 10, [100] * 10),
        ("fsdd_3spk", [135] * 10, [15] * 10),
        ("gun_point", [24, 26], [76, 74]),
        ("italy_power_demand", [34, 33], [513, 516]),
        ("osu_leaf", [34, 29, 33, 53, 36, 15], None),
        ("ecg5000_train500", [292, 177, 10, 19, 2], None),
        ("omniglot_small1", [20] * 136, [20] * 20),
    ],
)
def test_class_counts_are_the_published_ones(name, counts, test_counts):
    data = loaded(name)
    assert np.bincount(data.y).tolist() == counts
    if test_counts:
        assert np.bincount(data.test_y).tolist() == test_counts


@needs_data
@pytest.mark.parametrize(
    "name, error, within",
    [
        ("usps", 0.056, 0.0005),  # published as 5.6 to 5.9 %
        ("optdigits", 0.0200, 0.00005),  # optdigits.names: 98.00 % for one neighbour
        ("gun_point", 0.087, 0.0005),  # UCR archive, Euclidean
        ("italy_power_demand", 0.045, 0.0005),
        ("osu_leaf", 0.479, 0.0005),
    ],
)
def test_the_nearest_neighbour_errs_as_published(name, error, within):
    assert errors(name) == pytest.approx(error, abs=within)


@needs_data
@pytest.mark.parametrize("name, fitted, error", [("exchange_rate", 5_311, 0.081), ("etth1", 8_640, 1.295)])
def test_repeating_the_last_value_errs_as_published(name, fitted, error):
    """Zeng et al. 2022 (2205.13504), "Repeat", 96 steps ahead: mean squared error of standardised series."""
    data = loaded(name)
    mean, std = data.x[:fitted].mean(0), data.x[:fitted].std(0)  # 70 % or 12 months, as published
    z = (np.concatenate([data.x, data.test_x]) - mean) / std
    first, last = len(data.x), len(z) - 96 + 1
    found = np.mean([np.square(z[t : t + 96] - z[t - 1]).mean() for t in range(first, last)])
    assert found == pytest.approx(error, abs=0.001)


@needs_data
def test_omniglot_runs_err_as_published_under_the_modified_hausdorff_distance():
    """38.8 % by the demonstration that comes with the runs (38.75 % here); whole pixels, for speed, make it 39.75 %."""
    data, wrong = loaded("omniglot_small1"), 0
    for run in range(0, 400, 20):
        asked, known = data.test_x[run : run + 20, 0], data.test_x[run, 1:]
        assert (data.test_x[run : run + 20, 1:] == known).all()
        known = [_ink(image) for image in known]
        for image, right in zip(asked, data.test_y[run : run + 20], strict=True):
            points, near = _ink(image)
            wrong += right != np.argmin(
                [max(n[p].mean(), near[p_].mean()) for (p_, n), p in ((k, points) for k in known)]
            )
    assert wrong / 400 == pytest.approx(0.388, abs=0.011)


def _ink(image):
    """The black points, their mean moved to the middle, and how far each point of the plane is from the next."""
    points = np.argwhere(image == 0)
    points = tuple(np.rint(points - points.mean(0)).astype(int).T + 105)
    paper = np.ones((211, 211))
    paper[points] = 0
    return points, distance_transform_edt(paper)


# -------------------------------------------------------------------------------------------- the same by other readers


@needs_data
def test_usps_equals_its_text_within_half_a_step():
    for number, part in enumerate((("x", "y"), ("test_x", "test_y"))):
        x, y = (getattr(loaded("usps"), name) for name in part)
        table = np.array(content("usps", number).split(), dtype=np.float64).reshape(len(x), 257)
        assert (table[:, 0] == y).all()
        assert np.abs(x.reshape(len(x), 256) / 127.5 - 1 - table[:, 1:]).max() < 0.5 / 127.5 + 1e-6
        assert len(np.unique(table[:, 1:])) == 2001  # thousandths: more than 256 greys, so uint8 has to round
        # and to round changes no nearest neighbour's label: 113 errors either way, as the errors above have it


@needs_data
def test_the_test_part_of_optdigits_is_what_scikit_learn_calls_digits():
    x, y = load_digits(return_X_y=True)
    data = loaded("optdigits")
    assert (data.test_x.reshape(-1, 64) == x).all() and (data.test_y == y).all()
    table = pd.read_csv(io.BytesIO(content("optdigits")), header=None).to_numpy()
    assert (data.x.reshape(-1, 64) == table[:, :64]).all() and (data.y == table[:, 64]).all()


@needs_data
def test_etth1_and_exchange_rate_equal_what_pandas_reads():
    data, frame = loaded("etth1"), pd.read_csv(io.BytesIO(content("etth1")), parse_dates=["date"])
    hours = frame["date"].diff().dropna().dt.total_seconds()
    assert len(frame) == 17_420 and (hours == 3600).all()
    values = frame.drop(columns="date").to_numpy(dtype=np.float32)
    assert (data.x == values[:11_520]).all() and (data.test_x == values[11_520:14_400]).all()
    data, frame = loaded("exchange_rate"), pd.read_csv(io.BytesIO(content("exchange_rate")), header=None)
    assert len(frame) == 7_588 and int(0.2 * len(frame)) == len(data.test_x)
    assert (np.concatenate([data.x, data.test_x]) == frame.to_numpy(dtype=np.float32)).all()
    assert loaded("etth1").ordered and data.ordered and data.y is data.test_y is None


@needs_data
def test_short_series_equal_what_pandas_reads():
    for name in ("gun_point", "italy_power_demand", "osu_leaf"):
        for number, part in enumerate((("x", "y"), ("test_x", "test_y"))):
            x, y = (getattr(loaded(name), key) for key in part)
            body = content(name, number).partition(b"@data\n")[2].replace(b":", b",")
            table = pd.read_csv(io.BytesIO(body), header=None).to_numpy()
            assert (x == table[:, :-1].astype(np.float32)).all() and (y == table[:, -1] - 1).all()
            assert np.abs(x.mean(1)).max() < 1e-4 and np.abs(x.std(1, ddof=1) - 1).max() < 1e-4  # the archive's scale
    data, table = (
        loaded("ecg5000_train500"),
        pd.read_csv(io.BytesIO(content("ecg5000_train500")), header=None).to_numpy(),
    )
    assert (data.x == table[:, :-1].astype(np.float32)).all() and (data.y == table[:, -1] - 1).all()


@needs_data
def test_spoken_digits_equal_what_scipy_reads():
    data, found = loaded("fsdd_3spk"), unpacked("fsdd_3spk")
    sounds = {name: wavfile.read(io.BytesIO(wav)) for name, wav in found.items()}
    assert {rate for rate, _ in sounds.values()} == {8000} and len(sounds) == 1500
    rows = {False: [], True: []}
    for digit in range(10):
        for speaker in ("jackson", "nicolas", "theo"):
            for number in range(50):
                rows[number < 5].append((digit, sounds[f"recordings/{digit}_{speaker}_{number}.wav"][1]))
    for x, y, expected in ((data.x, data.y, rows[False]), (data.test_x, data.test_y, rows[True])):
        assert y.tolist() == [digit for digit, _ in expected]
        assert all(
            (row == np.pad(s[:8000], (0, max(0, 8000 - len(s))))).all() for row, (_, s) in zip(x, expected, strict=True)
        )
    longer = [name for name, (_, sound) in sounds.items() if len(sound) > 8000]
    assert sorted(longer) == [f"recordings/{name}.wav" for name in ("5_theo_36", "7_theo_36", "9_theo_16", "9_theo_28")]
    assert max(len(sound) for _, sound in sounds.values()) == 18_262


@needs_data
def test_jpegs_are_in_the_order_of_their_classes():
    data, found = loaded("cifar10_jpeg_6k"), unpacked("cifar10_jpeg_6k")
    classes = sorted({name.split("/")[1] for name in found})
    for x, y, part in ((data.x, data.y, "train"), (data.test_x, data.test_y, "test")):
        names = sorted(name for name in found if name.startswith(part))
        assert [classes[label] for label in y] == [name.split("/")[1] for name in names]
        for row in range(0, len(names), 97):
            assert (np.array(Image.open(io.BytesIO(found[names[row]]))) == x[row]).all()


@needs_data
def test_membranes_are_dark_and_drawn_black():
    data, found = loaded("isbi_em_first15"), unpacked("isbi_em_first15")
    x, y = np.concatenate([data.x, data.test_x]), np.concatenate([data.y, data.test_y])
    for k in range(15):
        assert (np.array(Image.open(io.BytesIO(found[f"image/{k}.png"]))) == x[k]).all()
        assert ((np.array(Image.open(io.BytesIO(found[f"label/{k}.png"]))) == 0) == y[k]).all()
        assert x[k][y[k] == 1].mean() < x[k][y[k] == 0].mean() - 40
    assert (data.x.shape, data.test_x.shape) == ((12, 512, 512), (3, 512, 512))
    assert 0.18 < y.mean() < 0.28  # the smaller part


@needs_data
def test_characters_of_omniglot_stand_together():
    data = loaded("omniglot_small1")
    with zipfile.ZipFile(list(paths("omniglot_small1").values())[0]) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        for row in range(0, len(names), 61):
            assert (np.array(Image.open(archive.open(names[row])).convert("L")) == data.x[row]).all()
    alphabets = [name.split("/")[1] for name in names]
    assert sorted(set(alphabets)) == [
        "Balinese",
        "Early_Aramaic",
        "Greek",
        "Korean",
        "Latin",
    ]  # as its README lists them
    assert len({(data.y[row], name.rpartition("/")[0]) for row, name in enumerate(names)}) == 136
    assert set(np.unique(data.x)) == {0, 255} and (data.x == 0).mean() < 0.1  # little ink


# ----------------------------------------------------------------------------------------------- MNIST, Kuzushiji-MNIST


def idx(values):
    return gzip.compress(struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes(), 1)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    for part, n in (("train", 60_000), ("t10k", 10_000)):
        images = np.arange(n, dtype=np.uint32).repeat(196).view(np.uint8).reshape(n, 28, 28)  # each tells its number
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx((np.arange(n) % 10).astype(np.uint8)))
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["mnist", "kmnist"])
def test_idx_files_are_read_in_their_order(digits, name):
    data = module(name).load(digits)
    for x, y, n in ((data.x, data.y, 60_000), (data.test_x, data.test_y, 10_000)):
        assert x.shape == (n, 28, 28) and (y == np.arange(n) % 10).all()
        assert (x.reshape(n, 784)[:, -4:].copy().view("<u4")[:, 0] == np.arange(n)).all()


@pytest.mark.parametrize("name", ["mnist", "kmnist", "fashion_mnist"])
@pytest.mark.parametrize("file", ["train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_a_label_above_nine_is_told(digits, tmp_path, name, file):
    labels = np.zeros(60_000 if file.startswith("train") else 10_000, dtype=np.uint8)
    labels[1_234] = 10
    (tmp_path / file).write_bytes(idx(labels))
    with pytest.raises(BadData, match=f"{file}, row 1,234 holds 10: a class below 10 is right"):
        module(name).load(digits | {file: tmp_path / file})


# ---------------------------------------------------------------------------------------------------------------- CIFAR


class Python2(pickle._Pickler):
    """Writes bytes and text as Python 2 wrote its strings, so that a batch has the layout of the official files."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def save_string(self, text):
        text = text if isinstance(text, bytes) else text.encode("latin-1")
        short = len(text) < 256
        self.write((b"U" + bytes([len(text)]) if short else b"T" + struct.pack("<i", len(text))) + text)
        self.memoize(text)

    def save_global(self, thing, name=None):
        self.write(f"c{thing.__module__.replace('_core', 'core')}\n{thing.__name__}\n".encode())

    dispatch[bytes] = dispatch[str] = save_string
    dispatch[type] = dispatch[type(len)] = save_global


def batch(x, y, **others):
    """A pickle of rows x (n, 3072) and labels y as they are in the official files."""
    file = io.BytesIO()
    names = [f"thing_s_{k:06}.png" for k in range(len(x))]
    keys = {"batch_label": "testing batch 1 of 1", "labels": list(map(int, y)), "data": x, "filenames": names}
    Python2(file).dump(keys | others)
    return file.getvalue()


ROWS = np.random.default_rng(0).integers(0, 256, (300, 3072), dtype=np.uint8)
LABELS = np.arange(300) % 10


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_batch_equals_what_pickle_reads(order):
    written = batch(np.asarray(ROWS, order=order), LABELS)
    assert (
        written.startswith(b"\x80\x02}q\x00(U\x0bbatch_label") and b"cnumpy.core.multiarray\n_reconstruct\n" in written
    )
    read = pickle.loads(written, encoding="bytes")
    assert list(read) == [b"batch_label", b"labels", b"data", b"filenames"]
    x, y = module("cifar10").batch(written, "data_batch_1", 300)
    assert (x == read[b"data"].reshape(300, 3, 32, 32).transpose(0, 2, 3, 1)).all() and (
        x[7, 0, 1] == ROWS[7, 1::1024]
    ).all()
    assert (y == read[b"labels"]).all() and (x.dtype, y.dtype) == (np.uint8, np.int64)


class Hostile:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize(
    "written, sentence",
    [
        (batch(ROWS, LABELS, more=Hostile(os.system, "touch touched")), "instruction GLOBAL 'posix system'"),
        (pickle.dumps(Hostile(os.system, "touch touched"), 4), "instruction (SHORT_BINUNICODE|FRAME)"),
        (pickle.dumps(Hostile(eval, "open('touched', 'w')"), 0), "instruction GLOBAL '__builtin__ eval'"),
        (batch(ROWS, LABELS)[:500_000], "is cut or damaged"),
        (batch(ROWS, LABELS)[:-1], "is cut or damaged"),
        (b"", "is cut or damaged"),
        (b"\xff" * 1000, "is cut or damaged"),
        (batch(ROWS, LABELS + 1), "300 labels from 0 to 9 are right"),
        (batch(ROWS, LABELS[:-1]), "300 labels from 0 to 9 are right"),
        (batch(ROWS, [*LABELS, 0]), "300 labels from 0 to 9 are right"),
        (batch(ROWS[:299], LABELS), "data of 300 x 3,072 bytes .u1. are right"),
        (batch(ROWS.view(np.int8), LABELS), "data of 300 x 3,072 bytes .u1. are right"),
        (batch(ROWS.reshape(3072, 300), LABELS), "data of 300 x 3,072 bytes .u1. are right"),
        (batch(ROWS, LABELS).replace(b"labels", b"Labels"), "lacks labels or data"),
        (b"\x80\x02" + b"(" * 30_000_000, "lacks labels or data"),
    ],
)
def test_what_is_no_batch_is_told_and_nothing_of_it_runs(tmp_path, monkeypatch, written, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadData, match=sentence):
        module("cifar10").batch(written, "data_batch_1", 300)
    assert not list(tmp_path.iterdir())


def tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, written in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(written)
            archive.addfile(info, io.BytesIO(written))


def test_batches_come_in_their_order_and_none_may_lack(tmp_path, monkeypatch):
    monkeypatch.setattr(module("cifar10"), "BATCH", 50)
    x, y = ROWS, np.arange(300) // 50  # a label a batch
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    batches = {name: batch(x[k * 50 : k * 50 + 50], y[k * 50 : k * 50 + 50]) for k, name in enumerate(names)}
    members = {f"cifar-10-batches-py/{name}": written for name, written in reversed(batches.items())}
    files = {"cifar-10-python.tar.gz": tmp_path / "cifar-10-python.tar.gz"}
    tar(*files.values(), members | {"cifar-10-batches-py/batches.meta": b"(dp1"}, "w:gz")
    data = module("cifar10").load(files)
    assert data.y.tolist() == y[:250].tolist() and data.test_y.tolist() == y[250:].tolist()
    assert (data.x == x[:250].reshape(250, 3, 32, 32).transpose(0, 2, 3, 1)).all()
    assert (data.test_x == x[250:].reshape(50, 3, 32, 32).transpose(0, 2, 3, 1)).all()
    del members["cifar-10-batches-py/data_batch_3"]
    tar(*files.values(), members, "w:gz")
    with pytest.raises(BadData, match="lacks cifar-10-batches-py/data_batch_3"):
        module("cifar10").load(files)


# ------------------------------------------------------------------------------------------------------------ ts format

TS = "# a remark\n@problemName Three\n@classLabel true up down\n@data\n1,-2.5e-1,3:up\n0,0,0:down\n"


def test_a_ts_file_is_read_by_hand(tmp_path):
    (tmp_path / "a.ts").write_text(TS)
    x, y = formats.ts(tmp_path / "a.ts", 1000, 2, 3, ("down", "up"))
    assert x.tolist() == [[1, -0.25, 3], [0, 0, 0]] and y.tolist() == [1, 0]
    assert (x.dtype, y.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize(
    "text, sentence",
    [
        (TS.replace("@data", "@date"), "a.ts holds 0 series after @data, 2 are right"),
        (TS + "1,1,1:up\n", "a.ts holds 3 series after @data, 2 are right"),
        (TS.replace("0,0,0:", "0,0:"), "a.ts, line 6 holds 2 values, 3 are right"),
        (TS.replace("0,0,0:", "0:"), "a.ts, line 6 holds 1 values, 3 are right"),
        (TS.replace("0,0,0:", "0,x,0:"), "a.ts, line 6: .*'x', a number is right"),
        (TS.replace("0,0,0:", "0,,0:"), "a.ts, line 6: .*a number is right"),
        (TS.replace(":down", ":left"), "a.ts, line 6: the label is 'left', one of down, up is right"),
        (TS.replace(":down", ""), "a.ts, line 6"),
        (TS.replace("0,0,0:", "0,nan,0:"), "not finite in float32"),
        (TS.replace("0,0,0:", "0,1e39,0:"), "not finite in float32"),
        (TS.replace("remark", "\udcff"), "byte 4 is not utf-8"),
        (TS * 100, "holds more than the 1,000 bytes"),
    ],
)
def test_damaged_ts_files_are_told(tmp_path, text, sentence):
    (tmp_path / "a.ts").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadData, match=sentence):
        formats.ts(tmp_path / "a.ts", 1000, 2, 3, ("down", "up"))


# ---------------------------------------------------------------------------------------------------------- damage told


def repacked(name, number, change, folder):
    """The files of a dataset, `change` done to the members {name: bytes} of one of its archives."""
    files = paths(name)
    key, path = list(files.items())[number]
    other = folder / key.removesuffix(".xz")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        change(members)
        with zipfile.ZipFile(other, "w") as archive:
            for member, written in members.items():
                archive.writestr(member, written)
    else:
        members = dict(unpacked(name, number))
        change(members)
        tar(other, members)
    return files | {key: other}


@needs_data
@pytest.mark.parametrize(
    "name, number, member, other, sentence",
    [
        ("isbi_em_first15", 0, "label/3.png", "image/3.png", "holds a value other than 0 and 255"),
        ("isbi_em_first15", 0, "label/3.png", None, "lacks label/3.png"),
        ("fsdd_3spk", 0, "recordings/3_theo_7.wav", b"RIFF", "recordings/3_theo_7.wav is not a WAV file"),
        ("fsdd_3spk", 0, "recordings/3_theo_7.wav", None, "lacks recordings/3_theo_7.wav"),
        ("cifar10_jpeg_6k", 0, "test/dog/0007.jpg", b"", "test/dog/0007.jpg is not a picture"),
        ("omniglot_small1", 0, "images_background_small1/Greek/character03/0396_07.png", None, "136 x 20 are right"),
        ("omniglot_small1", 1, "run07/training/class07.png", None, "all_runs.zip, run07"),
        ("omniglot_small1", 1, "run07/class_labels.txt", b"run07/test/item01.png run07/training/class21.png", "run07"),
        ("omniglot_small1", 1, "run07/class_labels.txt", b"\xff\xfe", "all_runs.zip, run07"),
        ("omniglot_small1", 1, "run07/class_labels.txt", "run08/class_labels.txt", "all_runs.zip, run07"),
    ],
)
def test_damaged_members_are_told(tmp_path, name, number, member, other, sentence):
    def change(members):
        if other is None:
            del members[member]
        else:
            members[member] = members[other] if isinstance(other, str) else other

    with pytest.raises(BadData, match=sentence):
        module(name).load(repacked(name, number, change, tmp_path))


@needs_data
@pytest.mark.parametrize(
    "name, old, new, sentence",
    [
        ("usps", b"\n5 -1", b"\n5 -2", "a grey that is not from -1 to 1"),
        ("usps", b"\n5 -1", b"\nx -1", "digit is 'x'"),
        ("optdigits", b"0,1,6,15", b"0,1,6,17", "a count that is not 0, 1, ... 16"),
        ("optdigits", b"0,1,6,15", b"0,1,.5,5", "a count that is not 0, 1, ... 16"),
        ("optdigits", b"0,1,6,15", b"0,1,,615", "a count that is not 0, 1, ... 16"),
        ("etth1", b",5.827000141143799,", b",,", "missing or not finite"),
        ("exchange_rate", b"0.785500", b"inf", "missing or not finite"),
        ("ecg5000_train500", b"-0.11252183", b"nan", "missing or not finite"),
        ("ecg5000_train500", b",1\n", b",6\n", "class is '6'"),
    ],
)
def test_damaged_values_are_told(tmp_path, name, old, new, sentence):
    key = next(iter(paths(name)))
    text = content(name)
    assert old in text
    changed = text.replace(old, new, 1)
    path = tmp_path / key
    path.write_bytes(gzip.compress(changed, 1) if key.endswith(".gz") else changed)
    with pytest.raises(BadData, match=sentence):
        module(name).load(paths(name) | {key: path})


@needs_data
@pytest.mark.parametrize(
    "name",
    ["usps", "optdigits", "etth1", "exchange_rate", "gun_point", "italy_power_demand", "osu_leaf", "ecg5000_train500"],
)
def test_a_row_less_is_told(tmp_path, name):
    key = next(iter(paths(name)))
    text = content(name)
    less = text[: text.rindex(b"\n", 0, -1) + 1]
    (tmp_path / key).write_bytes(gzip.compress(less, 1) if key.endswith(".gz") else less)
    with pytest.raises(BadData, match=f"{key} holds [0-9,]+ (rows|series after @data), [0-9,]+ are right"):
        module(name).load(paths(name) | {key: tmp_path / key})
