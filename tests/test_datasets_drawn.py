"""Generated pictures and sounds against closed forms, other libraries' answers and frozen draws."""

import hashlib
import io
import os
import tarfile
import wave
from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageFont
from scipy import ndimage
from scipy.spatial import ConvexHull
from sklearn.neighbors import KNeighborsClassifier

from harness.contract import BadData
from harness.datasets import glyphs, shapes, spoken_strings, tones
from harness.files import locate, packaged
from harness.selftest import letters, sums, words

ARCHIVE = "fsdd-3spk.tar.xz"
needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")


def rng(seed=0):
    return np.random.default_rng(seed)


# ----------------------------------------------------------------------------------------- what is drawn stays the same


@pytest.mark.parametrize("module", [glyphs, shapes, tones], ids=lambda module: module.__name__.split(".")[-1])
def test_rows_are_a_prefix_of_more_rows_and_the_test_is_the_same_for_every_seed(module, monkeypatch):
    card = replace(module.DATASET, test=100)
    monkeypatch.setattr(module, "DATASET", card)  # fewer test rows, for time
    few, many, other = module.load(70, 3), module.load(1_100, 3), module.load(70, 4)
    assert few.x.shape == (70, *card.shape) and few.x.dtype == (np.int16 if card.form == "sound" else np.uint8)
    assert few.y.dtype == (np.uint8 if card.tasks == ("segment",) else np.int64)
    assert len(few.test_x) == len(few.test_y) == card.test and few.protocol == card.protocol == "generated"
    np.testing.assert_array_equal(few.x, many.x[:70])
    np.testing.assert_array_equal(few.y, many.y[:70])
    np.testing.assert_array_equal(few.test_x, other.test_x)
    np.testing.assert_array_equal(few.test_y, other.test_y)
    assert (few.x != other.x).mean() > 0.5 and (few.y != other.y).any()
    assert not np.array_equal(few.x, few.test_x[:70])
    assert len(np.unique(many.x.reshape(1_100, -1), axis=0)) == 1_100


@pytest.mark.parametrize("module", [glyphs, tones])
def test_every_prefix_holds_the_classes_as_often(module):
    data = module.load(2_500, 1)
    for size in (data.classes, 10 * data.classes, 2_500):
        counts = np.bincount(data.y[:size], minlength=data.classes)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(data.test_y)) <= 1
    assert (data.y[: data.classes] != data.y[data.classes : 2 * data.classes]).any()  # each round is shuffled


# A change of recipe must raise `version`. Greys and samples may differ in the last digit between machines: so sums.
FROZEN: dict = {
    ("glyphs", "train"): ("e65420ac075937a7", [57.49, 64.941, 36.603, 165.476, 40.272, 52.777]),
    ("glyphs", "test"): ("465bf617d009ee5d", [35.593, 73.462, 68.009, 72.584, 69.786, 60.393]),
    ("shapes", "train"): ([206916, 15374, 14881, 24973], [103.392, 152.007, 191.462, 78.517, 177.387, 153.097]),
    ("shapes", "test"): ([205293, 18478, 22410, 15963], [92.902, 97.069, 178.347, 127.018, 134.931, 98.411]),
    ("tones", "train"): ("f7bd65e0356fa884", [7556.047, 5754.015, 11837.739, 4570.889, 8670.452, 8604.826]),
    ("tones", "test"): ("952e41a117c231bc", [8460.998, 6054.753, 7569.856, 7078.852, 11310.065, 9339.11]),
    "spoken_strings": [1107.49, 824.81, 915.35, 583.26, 653.71, 618.44],
}


@pytest.mark.parametrize("name", ["glyphs", "shapes", "tones"])
def test_the_recipe_is_the_frozen_one(name):
    module = {"glyphs": glyphs, "shapes": shapes, "tones": tones}[name]
    data = module.load(64, 0)
    assert module.DATASET.version == 1 and len(data.test_x) == len(data.test_y) == module.DATASET.test
    for part, (x, y) in {"train": (data.x, data.y), "test": (data.test_x[:64], data.test_y[:64])}.items():
        labels, levels = FROZEN[name, part]
        rows = np.abs(x.reshape(64, -1).astype(np.float64)).mean(1)[:6]
        if name == "shapes":  # a pixel on an edge may fall to either side
            assert np.bincount(y.ravel(), minlength=4) == pytest.approx(labels, abs=5)
        else:
            assert hashlib.sha256(y.astype("<i8").tobytes()).hexdigest()[:16] == labels
        assert rows == pytest.approx(levels, rel=2e-3)


# --------------------------------------------------------------------------------------------------------------- glyphs


def plain(which, turn=0.0):
    """A recipe without chance: nothing but a turn, by so many degrees."""
    n, c, s = len(which), np.cos(np.radians(turn)), np.sin(np.radians(turn))
    warp = np.zeros((n, 2, len(glyphs.NODES) ** 2 + 3), np.float32)
    warp[:, 0, -3:], warp[:, 1, -3:] = (c, -s, 0), (s, c, 0)
    one = np.ones(n, np.float32)
    return glyphs.Recipe(np.asarray(which), warp, 0 * one, one, 0 * one, np.zeros(n, np.int32))


def test_an_undistorted_glyph_is_the_mask_shrunk_and_a_turned_one_is_turned():
    fonts = ("cmr10.ttf", "DejaVuSerif.ttf")
    which = np.arange(2 * len(glyphs.CHARACTERS))
    masks = np.concatenate([glyphs._masks(font, 56) for font in fonts])
    shrunk = masks.reshape(-1, 28, 2, 28, 2).mean((2, 4))
    upright = glyphs.render(plain(which), fonts, 28, np, "cpu")
    assert np.abs(upright - shrunk).max() <= 0.51
    turned = glyphs.render(plain(which, 90), fonts, 28, np, "cpu").astype(int)
    assert np.abs(turned - np.rot90(upright, axes=(1, 2))).max() <= 1
    assert upright[:, :3].max() == upright[:, :, :3].max() == 0  # MNIST's margin of 4 pixels, less rounding
    longer = np.maximum((upright > 0).any(2).sum(1), (upright > 0).any(1).sum(1))
    assert longer.max() == np.median(longer) == 20 and longer.min() >= 18  # a thin tip may fade below one grey level


def test_warped_glyphs_are_what_scipy_samples():
    recipe = glyphs.recipes(np.arange(47), 1, rng())._replace(
        ground=np.zeros(47, np.float32), contrast=np.ones(47, np.float32), noise=np.zeros(47, np.float32)
    )
    ours = glyphs.render(recipe, ("cmss10.ttf",), 28, np, "cpu")
    masks = glyphs._masks("cmss10.ttf", 56)
    for picture, which, warp in zip(ours, recipe.which, recipe.warp, strict=True):
        x, y = 56 * (warp.astype(np.float64) @ glyphs._basis(28)) + 27.5
        right = ndimage.map_coordinates(masks[which].astype(np.float64), [y, x], order=1, mode="nearest")
        assert np.abs(picture.ravel() - right).max() <= 1


def test_the_elastic_field_is_simards():
    n = 4_000
    ours = 29 * glyphs.ELASTIC * rng().standard_normal((n, 100)) @ glyphs._basis(29)[:100].astype(np.float64)
    theirs = 34 * ndimage.gaussian_filter(rng(1).uniform(-1, 1, (1_000, 1_000)), 4, mode="wrap")
    assert ours.std(0) == pytest.approx(np.full(29 * 29, theirs.std()), rel=0.08)
    field = ours.reshape(n, 29, 29)
    for apart in (2, 4, 8):
        like = np.mean(theirs[:, apart:] * theirs[:, :-apart]) / theirs.var()
        assert np.mean(field[:, 5:24, apart:] * field[:, 5:24, :-apart]) / ours.var() == pytest.approx(like, abs=0.05)


def test_rotation_shear_and_scale_stay_in_their_ranges():
    matrices = glyphs.recipes(np.zeros(5_000, int), 16, rng()).warp[:, :, -3:-1].astype(np.float64)
    area = np.linalg.det(matrices)  # 1 / (wide * high): shear and rotation keep it
    assert 1 / 1.15**2 - 1e-6 <= area.min() < 0.78 and 1.35 < area.max() <= 1 / 0.85**2 + 1e-6
    turn = np.degrees(np.arctan(matrices[:, 1, 0] / matrices[:, 0, 0]))  # of the horizontal, stretched by up to 15/85
    assert 14 < np.abs(turn).max() < np.degrees(np.arctan(np.tan(np.radians(15)) * 1.15 / 0.85)) + 1e-6
    assert abs(turn.mean()) < 0.5


def test_the_noise_is_white_and_nearly_normal():
    white = glyphs.white(rng().integers(-(2**31), 2**31, 2_000, dtype=np.int32), 784, np).astype(np.float64)
    assert abs(white.mean()) < 0.004 and white.std() == pytest.approx(1, abs=0.003)
    assert (white**4).mean() == pytest.approx(3 - 0.3, abs=0.03)  # four uniforms: excess kurtosis -1.2 / 4
    for a, b in ((white[:, 1:], white[:, :-1]), (white[:, 28:], white[:, :-28]), (white[1:], white[:-1])):
        assert abs((a * b).mean()) < 0.004


def test_torch_draws_what_numpy_draws():
    import torch

    recipe = glyphs.recipes(np.arange(470) % 47, len(glyphs.TRAIN), rng())
    ours = glyphs.render(recipe, tuple(glyphs.TRAIN), 28, np, "cpu").astype(int)
    other = glyphs.render(recipe, tuple(glyphs.TRAIN), 28, torch, "cpu")
    assert other.dtype == torch.uint8
    assert (np.abs(ours - other.numpy()) <= 1).mean() >= 0.999


def test_a_finer_picture_shows_the_same():
    labels = np.arange(47)
    recipe = glyphs.recipes(labels, 5, rng())._replace(noise=np.zeros(47, np.float32))
    coarse, fine = (glyphs.render(recipe, tuple(glyphs.TEST), size, np, "cpu") for size in (28, 112))
    small = fine.reshape(47, 28, 4, 28, 4).mean((2, 4))
    assert fine.shape == (47, 112, 112) and np.abs(coarse - small).mean() < 4
    assert np.corrcoef(coarse.ravel(), small.ravel())[0, 1] > 0.98
    assert glyphs.draw(labels, tuple(glyphs.TEST), rng(), 64).shape == (47, 64, 64)


def test_both_cases_of_the_letters_that_emnist_merges_are_drawn_and_of_no_others():
    labels = np.repeat(np.arange(47), 40)
    drawn = glyphs.recipes(labels, 16, rng()).which % len(glyphs.CHARACTERS)
    for label, name in enumerate(glyphs.CLASSES):
        found = {glyphs.CHARACTERS[place] for place in drawn[labels == label]}
        assert found == ({name, name.lower()} if name in "CIJKLMOPSUVWXYZ" else {name})
    assert len(set(glyphs.CHARACTERS)) == 62


def families(fonts):
    """The names that the fonts themselves give to their families, less style."""
    paths = [packaged("matplotlib", f"mpl-data/fonts/ttf/{font}") for font in fonts]
    return {ImageFont.truetype(str(path)).getname()[0] for path in paths}


def test_no_family_of_fonts_is_in_training_and_test(monkeypatch):
    assert families(glyphs.TRAIN) == {"DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "STIXGeneral"}
    assert all(name.lower().startswith("cm") for name in families(glyphs.TEST))
    asked = []
    monkeypatch.setattr(glyphs, "packaged", lambda package, path: asked.append(path) or packaged(package, path))
    for purpose, fonts in (("train", glyphs.TRAIN), ("test", glyphs.TEST)):
        asked.clear()
        glyphs._fixed.cache_clear()
        glyphs._rows(purpose, tuple(fonts), 47, 0, "cpu")
        assert {path.rsplit("/")[-1] for path in asked} == set(fonts)


def test_another_font_file_is_refused(tmp_path, monkeypatch):
    font = tmp_path / "cmr10.ttf"
    font.write_bytes(packaged("matplotlib", "mpl-data/fonts/ttf/cmr10.ttf").read_bytes() + b"\0")
    monkeypatch.setattr(glyphs, "packaged", lambda *_: font)
    with pytest.raises(BadData, match=r"cmr10.ttf .* matplotlib 3\.11"):
        glyphs._masks("cmr10.ttf", 56)


def test_neighbours_tell_something_of_unseen_fonts_but_far_from_all():
    data = glyphs.load(3_000, 0)
    flat = data.x.reshape(3_000, -1)
    nearest = KNeighborsClassifier(1).fit(flat[:2_000], data.y[:2_000])
    seen, unseen = (
        nearest.score(x.reshape(1_000, -1), y)
        for x, y in ((data.x[2_000:], data.y[2_000:]), (data.test_x[:1_000], data.test_y[:1_000]))
    )
    assert 3 / 47 < unseen < seen < 0.99


# --------------------------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(("kind", "reach"), [(1, 1), (2, np.sqrt(np.pi / 2)), (3, 2 * np.sqrt(np.pi / 27**0.5))])
def test_a_shape_has_its_area_and_reaches_as_far_as_it_must(kind, reach):
    edge, radius, middle = 1_000, 0.2, np.array([0.03, -0.05])
    for turn in (0.0, 0.7):
        far = shapes.distance(np.array([kind]), middle[None], np.array([radius]), np.array([turn]), edge)
        y, x = np.divmod(np.flatnonzero(far < 0), edge)
        at = (np.stack([x, y]) + 0.5) / edge - 0.5 - middle[:, None]
        assert len(x) / edge**2 == pytest.approx(np.pi * radius**2, rel=0.01)
        assert at.mean(1) == pytest.approx([0, 0], abs=0.001)
        assert np.hypot(*at).max() == pytest.approx(radius * reach, rel=0.02)


PIXELS = np.indices((64, 64)).reshape(2, -1)


def test_kinds_objects_and_pictures_agree():
    pictures, kinds, objects = shapes.draw(300, rng(), 64)
    assert pictures.shape == kinds.shape == objects.shape == (300, 64, 64)
    assert np.array_equal(kinds == 0, objects == 0) and set(np.unique(objects)) == {0, 1, 2, 3, 4}
    gaps, rims, inks = [], [], []
    for picture, kind, thing in zip(pictures.astype(float), kinds, objects, strict=True):
        inner = {n: ndimage.binary_erosion(thing == n, np.ones((3, 3)), 3) for n in np.unique(thing) if n}
        assert all(len(np.unique(kind[thing == n])) == 1 for n in inner)
        levels = [picture[mask].mean() for mask in inner.values() if mask.sum() > 100]
        gaps += [max(levels) - min(levels)] if len(levels) > 1 else []
        top = thing == max(inner)  # painted last, so whole, and each kind is convex
        if top.sum() > 150:
            sides = ConvexHull(np.argwhere(top)).equations
            assert top.ravel()[(sides[:, :2] @ PIXELS + sides[:, 2:]).max(0) < -1e-6].all()
            rims.append(picture[inner[max(inner)]].mean() - picture[top & ~ndimage.binary_erosion(top)].mean())
            inks.append(picture[inner[max(inner)]].std())
    assert np.max(gaps) < 8  # one grey in a scene: what is left is noise of .05 * 255 over 100 pixels
    assert np.min(rims) > 0 and 15 < np.mean(rims) < 40  # .15 of 255, blended over pixels that are partly covered
    assert np.mean(inks) == pytest.approx(0.05 * 255, abs=1)


def test_one_to_four_objects_of_each_kind_as_often_and_the_ground_in_between():
    _, kinds, objects = shapes.draw(2_000, rng(1), 64)
    tops = objects.max((1, 2))
    assert np.bincount(tops, minlength=5)[1:] / 2_000 == pytest.approx([0.25] * 4, abs=0.06)
    shares = np.bincount(kinds.ravel(), minlength=4) / kinds.size
    assert shares[1:] == pytest.approx([shares[1:].mean()] * 3, rel=0.08) and 0.7 < shares[0] < 0.85


def test_no_grey_tells_objects_from_the_ground():
    data = shapes.load(500, 0)
    inside = (data.y > 0).ravel()
    counts = [np.bincount(data.x.ravel()[part], minlength=256) / part.sum() for part in (inside, ~inside)]
    assert np.minimum(*counts).sum() > 0.7  # overlap of the two histograms; 0: a threshold would do


# ---------------------------------------------------------------------------------------------------------------- tones


def peak(waves, samples=4_000):
    """(n,) hertz of the strongest frequency."""
    spectrum = np.abs(np.fft.rfft(waves * np.hanning(samples), 16 * samples))
    return spectrum.argmax(1) * tones.RATE / (16 * samples)


def test_the_clean_tone_has_the_pitch_of_its_label():
    labels = np.arange(600) % 12
    waves, hertz = tones.clean(labels, rng())
    measured = peak(waves)
    semitones = 12 * np.log2(measured / 261.6256)  # from middle C
    np.testing.assert_array_equal(np.rint(semitones) % 12, labels)
    assert np.abs(semitones - np.rint(semitones)).max() < 0.23
    assert np.abs(1_200 * np.log2(measured / hertz)).max() < 8
    assert set(np.rint(semitones) // 12) == {-1, 0, 1}


def test_no_harmonic_comes_back_from_above_half_the_rate():
    waves, hertz = tones.clean(np.full(200, 11), rng())
    high = hertz > 900
    spectrum = np.abs(np.fft.rfft(waves[high] * np.hanning(4_000)))  # 2 hertz a bin
    for line, pitch in zip(spectrum, hertz[high], strict=True):
        bins = np.arange(len(line))
        near = np.abs(bins[:, None] * 2 - pitch * np.arange(1, 5)).min(1) < 60
        assert line[~near].max() < 0.02 * line.max()
    assert high.sum() > 40


def test_noise_is_0_to_20_decibels_below_the_tone():
    waves, _ = tones.clean(np.arange(480) % 12, rng())
    heard = tones.noisy(waves, rng(1)).astype(np.float64)
    assert np.abs(heard).max(1) == pytest.approx(np.full(480, 30_000), abs=1)
    scale = (heard * waves).sum(1) / (waves**2).sum(1)  # least squares: noise and wave are uncorrelated
    rest = heard - scale[:, None] * waves
    decibels = 10 * np.log10((scale**2) * (waves**2).mean(1) / (rest**2).mean(1))
    assert -0.7 < decibels.min() < 1 and 19 < decibels.max() < 20.7
    assert decibels.mean() == pytest.approx(10, abs=1)
    following = (rest[:, 1:] * rest[:, :-1]).mean(1) / (rest**2).mean(1)
    assert abs(following.mean()) < 0.01


def test_picking_the_strongest_frequency_names_most_tones_but_not_all():
    data = tones.load(480, 0)
    named = np.rint(12 * np.log2(peak(data.x) / 261.6256)) % 12
    assert 0.8 < (named == data.y).mean() < 0.9999


# ------------------------------------------------------------------------------------------------------- spoken strings


def sound(samples, rate=8_000):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.asarray(samples, "<i2").tobytes())
    return stream.getvalue()


def length(digit, take):
    """Samples of a made recording: 100 more for each digit, 50 more for a test recording."""
    return 900 + 100 * digit + 50 * (take < 5)


def archive(path, changed=()):
    """An archive as the real one, of steps of one level, so that a string can be read by the lengths of its steps."""
    with tarfile.open(path, "w:xz", preset=0) as tar:
        for digit in range(10):
            for speaker, level in (("jackson", 9_000), ("nicolas", 700), ("theo", -60)):
                for take in range(50):
                    name = f"recordings/{digit}_{speaker}_{take}.wav"
                    content = dict(changed).get(name, sound(np.full(length(digit, take), level)))
                    if content is not None:
                        member = tarfile.TarInfo(name)
                        member.size = len(content)
                        tar.addfile(member, io.BytesIO(content))
    return {ARCHIVE: path}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return archive(tmp_path_factory.mktemp("fsdd") / ARCHIVE)


def steps(row):
    """Lengths of the parts of a row at the recordings' level, noise averaged away."""
    loud = np.abs(ndimage.uniform_filter1d(row.astype(np.float64), 31)) > spoken_strings.LEVEL / 2
    edges = np.flatnonzero(np.diff(loud.astype(int), prepend=0, append=0))
    return edges[1::2] - edges[::2]


def read(rows):
    """The text that the lengths tell, and whether each step is a test recording."""
    texts, tests = [], []
    for row in rows:
        found = np.rint((steps(row) - 900) / 50).astype(int)
        texts.append("".join(str(place // 2) for place in found))
        tests += [bool(place % 2) for place in found]
    return texts, tests


def test_a_string_says_its_text_with_test_recordings_in_the_test_alone(made):
    data = spoken_strings.load(made, 150, 0)
    assert data.x.shape == (150, 40_000) and data.x.dtype == np.int16 and data.test_x.shape == (500, 40_000)
    assert data.y.dtype == data.test_y.dtype == np.dtypes.StringDType()
    for x, y, is_test in ((data.x, data.y, False), (data.test_x[:150], data.test_y[:150], True)):
        texts, tests = read(x)
        right = [told == text for told, text in zip(texts, y, strict=True)]
        assert np.mean(right) > 0.9  # pauses shorter than the average hide a border
        assert np.mean([test == is_test for test in tests]) > 0.97
    sizes = np.bincount([len(text) for text in data.test_y])
    assert set(np.flatnonzero(sizes)) == {3, 4, 5, 6, 7} and sizes[3:].min() > 60
    digits = np.bincount([int(digit) for text in data.test_y for digit in text])
    assert len(digits) == 10 and digits.min() > 0.75 * digits.mean()


def test_strings_are_a_prefix_of_more_strings_and_the_test_is_the_same_for_every_seed(made, monkeypatch):
    monkeypatch.setattr(spoken_strings, "DATASET", replace(spoken_strings.DATASET, test=50))
    few, many, other = (spoken_strings.load(made, size, seed) for size, seed in ((5, 1), (20, 1), (5, 2)))
    np.testing.assert_array_equal(few.x, many.x[:5])
    assert list(few.y) == list(many.y[:5]) != list(other.y)
    np.testing.assert_array_equal(few.test_x, other.test_x)
    assert list(few.test_y) == list(other.test_y) and list(few.y) != list(few.test_y[:5])


def test_pauses_are_drawn_and_a_string_has_one_speaker():
    takes = [[[np.full(1_000, 1 + speaker, np.float32)] for _ in range(10)] for speaker in range(3)]
    for seed in range(50):
        digits, said = spoken_strings.say(takes, rng(seed))
        assert len(set(said[said != 0])) == 1
        assert 3 <= len(digits) <= 7 and 1_000 * len(digits) == (said != 0).sum()
        assert (said == 0).sum() < spoken_strings.PAUSE * (len(digits) + 1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "lacks recordings/4_theo_7.wav"),
        (sound(np.zeros(2_000)), "silent"),
        (sound(np.full(700, 50)), "700 samples"),
        (sound(np.full(2_000, 50), rate=16_000), "16000"),
        (sound(np.full(2_000, 50))[:900], "4_theo_7"),
        (b"RIFF", "4_theo_7"),
    ],
    ids=["missing", "silent", "short", "rate", "cut", "garbage"],
)
def test_a_damaged_recording_is_told(tmp_path, content, sentence):
    files = archive(tmp_path / ARCHIVE, {"recordings/4_theo_7.wav": content})
    with pytest.raises(BadData, match=sentence):
        spoken_strings.load(files, 2, 0)


def test_a_cut_archive_is_told(tmp_path, made):
    cut = tmp_path / ARCHIVE
    cut.write_bytes(made[ARCHIVE].read_bytes()[:-3_000])
    with pytest.raises(BadData, match="cut or damaged"):
        spoken_strings.load({ARCHIVE: cut}, 2, 0)


@needs_data
def test_the_real_recordings(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path))
    card = spoken_strings.DATASET
    found = locate("spoken_strings", card.files, card.folder)
    takes = spoken_strings.recordings(found[ARCHIVE])
    assert [[len(digit) for digit in speaker] for speaker in takes] == [[50] * 10] * 3
    sizes = np.array([len(take) for speaker in takes for digit in speaker for take in digit])
    assert sizes.min() == 1_149 and sizes.max() == 8_000 and (sizes == 8_000).sum() == 4 and sizes.mean() < 3_400
    assert takes[0][6][15].size == 7_038  # 6_jackson_15.wav, read with the module wave
    assert all(np.sqrt((t.astype(float) ** 2).mean()) == pytest.approx(2_000) for s in takes for d in s for t in d)
    data = spoken_strings.load(found, 6, 0)
    assert list(data.y[:5]) == ["1291611", "388573", "5610315", "1400", "28940"]
    assert np.abs(data.x.astype(float)).mean(1) == pytest.approx(FROZEN["spoken_strings"], rel=2e-3)


# ----------------------------------------------------------------------------------------------------- of smoke tests


def test_letters_follow_their_rule_and_its_ceiling_is_the_entropy():
    data = letters.load(60_000, 1)
    steps = np.bincount((np.diff(data.x.astype(int)) % 6), minlength=6) / (len(data.x) - 1)
    p = np.array([0.2 / 6, 0.8 + 0.2 / 6, *[0.2 / 6] * 4])
    assert steps == pytest.approx(p, abs=0.01)
    assert letters.DATASET.ceiling == letters.DATASET.anchor == pytest.approx(-(p * np.log(p)).sum(), abs=5e-5)
    few = letters.load(500, 1)
    assert (few.x == data.x[:500]).all() and (few.test_x == letters.load(9, 2).test_x).all()


def test_sums_are_of_the_two_marked_numbers():
    data = sums.load(300, 1)
    marked = data.x[:, :, 1]
    assert (marked[:, :4].sum(1) == 1).all() and (marked[:, 4:].sum(1) == 1).all() and set(np.unique(marked)) == {0, 1}
    assert data.y == pytest.approx((data.x[:, :, 0] * marked).sum(1)) and len(data.test_x) == 64
    few = sums.load(70, 1)
    assert (few.x == data.x[:70]).all() and (few.test_x == sums.load(9, 2).test_x).all()


def test_words_have_one_translation_each_in_the_same_order():
    data = words.load(300, 1)
    found = {pair for x, y in zip(data.x, data.y, strict=True) for pair in zip(x.split(), y.split(), strict=True)}
    assert found == set(zip(words.OURS.tolist(), words.THEIRS.tolist(), strict=True))
    assert {len(x.split()) for x in data.x} == {2, 3, 4} and len(data.test_x) == 64
    few = words.load(70, 1)
    assert (few.x == data.x[:70]).all() and (few.test_x == words.load(9, 2).test_x).all()
