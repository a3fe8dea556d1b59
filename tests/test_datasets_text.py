"""The text datasets against their documented counts, plain readings of the same files and published figures; damage."""

import gzip
import importlib
import io
import lzma
import os
import re
import tarfile
import zipfile
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from harness.contract import BadData
from harness.files import Missing, locate
from harness.split import drawn, folds

needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")

DOCUMENTED = {  # x, test_x, different values of y or of tokens: as the sources of the data count them
    "tinyshakespeare": (1_003_854, 111_540, 65),
    "ptb": (929_589, 82_430, 10_000),
    "ag_news_test": (7_600, 0, 4),
    "sst2": (6_920, 1_821, 2),
    "sst5": (8_544, 2_210, 5),
    "trec": (5_452, 500, 6),
    "subj": (10_000, 0, 2),
    "reuters_r8": (5_485, 2_189, 8),
    "babi_en": (20_000, 20_000, 58),
    "multi30k_de_en": (29_000, 1_000, 0),
    "word_pairs": (0, 19_544, 0),
    "word_similarity": (0, 353, 0),
    "rg65": (0, 65, 0),
    "conll2000": (8_936, 2_012, 23),
}
CLASSES = {  # documented rows of each class, training and test part
    "ag_news_test": ([1900] * 4, None),
    "sst2": ([3310, 3610], [912, 909]),
    "sst5": ([1092, 2218, 1624, 2322, 1288], [279, 633, 389, 510, 399]),
    "trec": ([1162, 1250, 86, 1223, 835, 896], [138, 94, 9, 65, 81, 113]),
    "subj": ([5000, 5000], None),
    "reuters_r8": ([1596, 253, 2840, 41, 190, 206, 108, 251], [696, 121, 1083, 10, 81, 87, 36, 75]),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))


def module(name):
    return importlib.import_module(f"harness.datasets.{name}")


@cache
def located(name):
    """{file: path} of the real files, read only."""
    card = module(name).DATASET
    return locate(name, card.files, card.folder)


@cache
def loaded(name):
    return module(name).load(located(name)) if module(name).DATASET.files else module(name).load()


def plain(path):
    """What a file holds, unpacked by the standard library."""
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    return unpack(path.read_bytes())


def written(folder, contents):
    """{name: path} of files made of {name: content}; texts as UTF-8."""
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return {name: folder / name for name in contents}


def tarred(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


# --------------------------------------------------------------------------------------------------------------- counts


@needs_data
@pytest.mark.parametrize("name", DOCUMENTED)
def test_counts_are_the_documented_ones_and_the_card_s(name):
    card, data = module(name).DATASET, loaded(name)
    rows, test, kinds = DOCUMENTED[name]
    assert (len(data.x), 0 if data.test_x is None else len(data.test_x), data.classes) == (rows, test, kinds)
    assert (card.rows, card.test) == ((rows, test) if card.protocol == "official" else (rows * 4 // 5, rows // 5))
    assert (data.classes, data.protocol, data.ceiling) == (card.classes, card.protocol, card.ceiling)
    if card.form == "text":
        assert data.x.dtype.kind == "T"
        words = np.median([text.count(" ") + text.count("\n") + 1 for text in data.x])
        assert abs(words - card.shape[0]) <= 2
    elif rows:
        assert data.x.dtype == data.test_x.dtype == (np.uint8 if kinds <= 256 else np.uint16)
        assert len(data.vocabulary) == kinds == len(np.unique(data.x)) and list(data.vocabulary) == sorted(
            data.vocabulary
        )


@needs_data
@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_its_documented_rows(name):
    data = loaded(name)
    train, test = CLASSES[name]
    assert data.y.dtype == np.int64 and np.bincount(data.y).tolist() == train
    assert data.test_y is None if test is None else np.bincount(data.test_y).tolist() == test


@needs_data
@pytest.mark.parametrize("name", ["sst2", "sst5", "trec", "subj"])
def test_every_label_and_sentence_is_the_file_s(name):
    data, encoding = loaded(name), "utf-8" if name.startswith("sst") else "latin-1"
    parts = [(data.x, data.y), (data.test_x, data.test_y)]
    for path, (x, y) in zip(located(name).values(), parts, strict=False):
        read = plain(path).decode(encoding)
        assert "".join(f"{c} {text}\n" for c, text in zip(y, x, strict=True)) == re.sub(
            r"(?m)(?<=^\d ) +| +$", "", read
        )


@needs_data
def test_the_texts_of_r8_are_the_file_s():
    data, names = loaded("reuters_r8"), ["acq", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade"]
    for path, x, y in zip(located("reuters_r8").values(), (data.x, data.test_x), (data.y, data.test_y), strict=True):
        rows = [f"{names[c]}\t{text} " for c, text in zip(y, x, strict=True)]
        assert "\n".join(rows).encode() == plain(path)


@needs_data
def test_numbers_of_characters_spell_the_plays():
    data = loaded("tinyshakespeare")
    told = "".join(np.array(data.vocabulary)[np.concatenate([data.x, data.test_x])])
    assert told.encode() == plain(located("tinyshakespeare")["input.txt"])


@needs_data
def test_numbers_of_words_spell_the_treebank():
    data = loaded("ptb")
    for path, tokens in zip(located("ptb").values(), (data.x, data.test_x), strict=True):
        told = " ".join(np.array(data.vocabulary)[tokens])
        assert told.replace("<eos>", "\n").split() == plain(path).decode().split()
        assert told.count("<eos>") == plain(path).count(b"\n") and told.endswith("<eos>")


# ---------------------------------------------------------------------------------------------------- published figures


def kneser_ney(train, test, classes, order):
    """Nats a token of an interpolated Kneser-Ney model with one discount an order, test text behind training."""
    words = np.concatenate([train, test]).astype(np.int64)
    learned = np.arange(len(words)) < len(train)
    grams = [np.zeros(len(words), np.int64)]  # grams[k][i]: number of the k tokens that end at i
    for k in range(1, order + 1):
        longer = np.roll(grams[-1], 1) * classes + words
        longer[: k - 1] = -1 - np.arange(k - 1)  # the first ones have no k tokens
        grams.append(np.unique(longer, return_inverse=True)[1])
    p = np.full(len(test), 1 / classes)
    for k in range(1, order + 1):
        use = learned & (np.arange(len(words)) >= min(k, order - 1))
        counted = use if k == order else np.flatnonzero(use)[np.unique(grams[k + 1][use], return_index=True)[1]]
        counts = np.bincount(grams[k][counted], minlength=len(words))  # below the highest order: of different pasts
        kinds, at = np.unique(grams[k][use], return_index=True)
        past = np.roll(grams[k - 1], 1)[use][at]
        total = np.bincount(past, counts[kinds], minlength=len(words))
        followers = np.bincount(past, minlength=len(words))
        once, twice = ((counts[kinds] == c).sum() for c in (1, 2))
        discount = once / (once + 2 * twice)
        gram, past = grams[k][~learned], np.roll(grams[k - 1], 1)[~learned]
        seen = np.maximum(total[past], 1)
        mixed = (np.maximum(counts[gram] - discount, 0) + discount * followers[past] * p) / seen
        p = np.where(total[past] > 0, mixed, p)
    return -np.log(p).mean()


@pytest.mark.parametrize(
    "name, order, loss, within",
    [
        pytest.param("tinyshakespeare", 6, 1.558, 0.001, marks=needs_data),
        pytest.param("ptb", 5, np.log(141.2), 3 / 141.2, marks=needs_data),  # Mikolov et al. 2011
        ("source_code", 6, 1.446, 0.001),
    ],
)
def test_kneser_ney_reaches_its_known_loss(name, order, loss, within):
    data = loaded(name)
    assert kneser_ney(data.x, data.test_x, data.classes, order) == pytest.approx(loss, abs=within)
    assert module(name).DATASET.anchor == pytest.approx(loss, abs=1e-4)


def bayes():
    return make_pipeline(CountVectorizer(token_pattern=r"\S+"), MultinomialNB())


def support():
    return make_pipeline(TfidfVectorizer(), LinearSVC())


@needs_data
@pytest.mark.parametrize(
    "name, model, accuracy, within",
    [
        ("sst2", bayes, 0.818, 0.01),  # Socher et al. 2013
        ("sst5", bayes, 0.410, 0.015),  # Socher et al. 2013
        ("trec", support, 0.874, 0.01),  # Zhang and Lee 2003
        ("subj", bayes, 0.936, 0.015),  # Wang and Manning 2012, with bigrams
        ("reuters_r8", support, 0.970, 0.01),  # Cardoso-Cachopo 2007
        ("ag_news_test", support, 0.877, 0.01),  # the card's anchor, five folds
    ],
)
def test_a_classical_model_reaches_its_published_accuracy(name, model, accuracy, within):
    data = loaded(name)
    train, test = (data.x, data.y), (data.test_x, data.test_y)
    if data.protocol == "folds":
        train, test = ((data.x[rows], data.y[rows]) for rows in folds(data.y, data.classes, 0))
    fitted = model().fit(train[0].tolist(), train[1])
    assert fitted.score(test[0].tolist(), test[1]) == pytest.approx(accuracy, abs=within)


# ----------------------------------------------------------------------------------------------- bAbI, chunks, captions


@needs_data
def test_babi_answers_are_the_file_s_and_task_1_can_be_reasoned_out():
    data, answers = loaded("babi_en"), {"train": [], "test": []}
    with tarfile.open(located("babi_en")["babi-en.tar.xz"]) as archive:
        names = sorted(archive.getnames(), key=lambda name: int(re.search(r"qa(\d+)", name)[1]))
        for name in names:
            content = archive.extractfile(name).read().decode()
            answers["test" if "_test" in name else "train"] += re.findall(r"\?[ ]*\t([^\t\n]+)", content)
    kinds = sorted(set(answers["train"] + answers["test"]))
    assert [kinds[c] for c in data.y] == answers["train"] and [kinds[c] for c in data.test_y] == answers["test"]
    for text, c in zip(data.x[:1000].tolist(), data.y[:1000], strict=True):
        *story, question = text.split("\n")
        who = re.fullmatch(r"Where is (\w+)\?", question)[1]
        assert [line for line in story if line.startswith(who)][-1].endswith(f" the {kinds[c]}.")
    assert data.x[1] == (
        "Mary moved to the bathroom.\nJohn went to the hallway.\nDaniel went back to the hallway.\n"
        "Sandra moved to the garden.\nWhere is Daniel?"
    )


@needs_data
def test_babi_questions_of_one_story_are_learned_from_or_held_out_together():
    data, stories = loaded("babi_en"), []
    with tarfile.open(located("babi_en")["babi-en.tar.xz"]) as archive:
        names = [name for name in archive.getnames() if name.endswith("_train.txt")]
        for name in sorted(names, key=lambda name: int(re.search(r"qa(\d+)", name)[1])):
            content = archive.extractfile(name).read().decode()
            for story in re.split(r"^1 ", content, flags=re.MULTILINE)[1:]:
                stories.append(story.count("\t") // 2)  # answer and facts, each behind a tab
    assert len(stories) == 6_267 and sum(stories) == 20_000
    assert np.array_equal(data.groups, np.repeat(np.arange(6_267), stories)) and data.groups.dtype == np.int64
    for size, seed in ((20_000, 0), (3_000, 1)):
        taken = drawn(data, size, seed, validation=0.2)
        assert not set(data.groups[taken.learn]) & set(data.groups[taken.hold])
        assert len(taken.hold) == pytest.approx(size / 5, abs=10) and len(taken.learn) + len(taken.hold) == size


@needs_data
def test_conll_has_its_published_words_and_chunks_and_the_words_of_its_file():
    data = loaded("conll2000")
    for part, x, y, words, chunks in (  # Tjong Kim Sang and Buchholz 2000, table 1
        ("train", data.x, data.y, 211_727, 106_978),
        ("test", data.test_x, data.test_y, 47_377, 23_852),
    ):
        tags = [text.split(" ") for text in y]
        assert [len(t) for t in tags] == [len(text.split(" ")) for text in x]
        assert sum(map(len, tags)) == words and sum(tag.startswith("B-") for t in tags for tag in t) == chunks
        with zipfile.ZipFile(located("conll2000")["conll2000.zip"]) as archive:
            columns = archive.read(f"conll2000/{part}.txt").decode().split()
        assert " ".join(x).split() == columns[::3] and " ".join(y).split() == columns[2::3]


@needs_data
def test_captions_are_aligned_and_as_long_as_known():
    data = loaded("multi30k_de_en")
    assert (data.x[0], data.y[0]) == (
        "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
        "Two young, White males are outside near many bushes.",
    )
    for x, y in ((data.x, data.y), (data.test_x, data.test_y)):
        lengths = [[len(text) for text in part] for part in (x, y)]
        assert np.corrcoef(lengths)[0, 1] > 0.85 > abs(np.corrcoef(lengths[0], lengths[1][1:] + lengths[1][:1])[0, 1])
    for texts, mean, repeated in ((data.x, 12.4, 7_855), (data.y, 13.0, 5_917)):  # of another way to cut words
        words = [re.findall(r"\w+|[^\w\s]", text.lower()) for text in texts]
        assert np.mean([len(w) for w in words]) == pytest.approx(mean, abs=0.3)
        counts = Counter(word for w in words for word in w)
        assert sum(count >= 2 for count in counts.values()) == pytest.approx(repeated, rel=0.01)


# ---------------------------------------------------------------------------------------------------------------- words


@needs_data
def test_analogies_have_their_sections():
    data = loaded("word_pairs")
    sections = Counter(data.test_x[:, 3].tolist())
    assert list(sections.values()) == [506, 4524, 866, 2467, 506, 992, 812, 1332, 1122, 1056, 1599, 1560, 1332, 870]
    asked = {tuple(question): answer for question, answer in zip(data.test_x.tolist(), data.test_y, strict=True)}
    assert asked["Athens", "Greece", "Baghdad", "capital-common-countries"] == "Iraq"
    assert asked["king", "queen", "man", "family"] == "woman"
    assert (data.x.shape, data.y) == ((0,), None)


@needs_data
def test_two_judgements_of_the_same_words_agree():
    judged = []
    for name in ("word_similarity", "rg65"):
        data = loaded(name)
        assert data.test_y.dtype == np.float64
        pairs = [frozenset(word.lower() for word in pair) for pair in data.test_x.tolist()]
        judged.append(dict(zip(pairs, data.test_y, strict=True)))
    wide, narrow = judged
    both = sorted(wide.keys() & narrow.keys(), key=sorted)
    assert len(both) == 30  # those of Miller and Charles 1991, which WordSim-353 took over
    assert spearmanr([wide[pair] for pair in both], [narrow[pair] for pair in both])[0] > 0.9
    assert (wide[frozenset({"tiger"})], narrow[frozenset({"gem", "jewel"})]) == (10.0, 3.94)


# ------------------------------------------------------------------------------------------------------------ AG's news


@pytest.mark.parametrize("name", ["ag_news", "ag_news_test"])
@pytest.mark.parametrize(
    "raw, text",
    [
        ("It #39;s late", "It's late"),
        ("In  quot;helping them, quot; he", 'In "helping them," he'),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("the first\\launch  date\\", "the first launch date"),
        ("for  #36;10 million", "for $10 million"),
        ("salt; race; it; &#151;", "salt; race; it; \u2014"),
    ],
)
def test_entities_and_line_breaks_of_ag_are_resolved(name, raw, text):
    assert module(name).readable(raw) == text


def test_a_row_of_ag_is_read_by_hand(tmp_path):
    paths = written(tmp_path, {"train.csv": '"3","A ""B"", C","first\\second"\n"1","War","is over #39;t"\n'})
    x, y = module("ag_news").articles(paths["train.csv"], 1000, 2)
    assert x.tolist() == ['A "B", C first second', "War is over't"] and y.tolist() == [2, 0]


@needs_data
def test_the_whole_of_ag_ends_in_the_published_test_part(tmp_path, monkeypatch):
    path = located("ag_news_test")["test.csv"]
    whole, alone = module("ag_news"), loaded("ag_news_test")
    monkeypatch.setattr(whole, "DATASET", replace(whole.DATASET, rows=2))
    made = written(tmp_path, {"train.csv": '"2","Goal","They won."\n"4","Chip","It computes."\n'})
    data = whole.load(made | {"test.csv": path})
    assert (data.x.tolist(), data.y.tolist()) == (["Goal They won.", "Chip It computes."], [1, 3])
    assert (data.test_x == alone.x).all() and (data.test_y == alone.y).all()


# -------------------------------------------------------------------------------------- WikiText-2, IMDB: files we made


def test_wikitext_is_numbered_by_hand(tmp_path, monkeypatch):
    wikitext = module("wikitext2")
    monkeypatch.setattr(wikitext, "DATASET", replace(wikitext.DATASET, rows=12, test=4, classes=7))
    files = written(tmp_path, {"train.txt": " \n = A <unk> = \n \n the é @-@ the \n", "test.txt": " the <unk> é \n"})
    data = wikitext.load(files)
    assert data.vocabulary == ("<eos>", "<unk>", "=", "@-@", "A", "the", "é")
    assert data.x.tolist() == [0, 2, 4, 1, 2, 0, 0, 5, 6, 3, 5, 0] and data.test_x.tolist() == [5, 1, 6, 0]


REVIEWS = {
    f"aclImdb/{part}/{kind}/{number}_{stars}.txt": f"{part} {kind} {number}<br />é".encode()
    for part in ("test", "train")
    for kind, stars in (("pos", 9), ("neg", 2))
    for number in (2, 0, 1)
}
OTHERS = {"aclImdb/README": b"-", "aclImdb/train/unsup/0_0.txt": b"?", "aclImdb/train/urls_neg.txt": b"http"}


def test_imdb_takes_the_reviews_that_have_a_class(tmp_path):
    data = module("imdb").reviews(tarred(tmp_path / "aclImdb_v1.tar.gz", OTHERS | REVIEWS), 3)
    for part, x, y in (("train", data.x, data.y), ("test", data.test_x, data.test_y)):
        assert x.tolist() == [f"{part} {kind} {number}<br />é" for kind in ("neg", "pos") for number in (0, 1, 2)]
        assert y.tolist() == [0, 0, 0, 1, 1, 1] and y.dtype == np.int64


def test_damaged_imdb_archives_are_told(tmp_path):
    imdb, path = module("imdb"), tmp_path / "aclImdb_v1.tar.gz"
    tarred(path, dict(list(REVIEWS.items())[1:]))
    with pytest.raises(BadData, match="holds 2 reviews in test/pos, 3 are right"):
        imdb.reviews(path, 3)
    with pytest.raises(BadData, match="holds 3 reviews in train/neg, 12,500 are right"):
        imdb.load({path.name: path})
    tarred(path, REVIEWS | {"aclImdb/train/neg/1_2.txt": b"caf\xe9"})
    with pytest.raises(BadData, match="aclImdb/train/neg/1_2.txt, byte 3 is not UTF-8"):
        imdb.reviews(path, 3)


# ---------------------------------------------------------------------------------------------------------- source code


def test_source_code_is_the_modules_of_mpmath():
    data, folder = loaded("source_code"), Path(mpmath.__file__).parent
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    text = b"".join((folder / name).read_bytes() for name in names if not name.startswith("tests"))
    assert "".join(np.array(data.vocabulary)[np.concatenate([data.x, data.test_x])]).encode() == text
    card = module("source_code").DATASET
    assert (len(data.x), len(data.test_x), data.classes) == (card.rows, card.test, card.classes)
    assert len(data.test_x) == len(text) // 10 and data.x.dtype == np.uint8


@pytest.mark.parametrize("text, told", [("__version__ = '1.4.0'\n", "1.4.0"), ("# bare\n", "another")])
def test_another_version_of_mpmath_is_told(tmp_path, monkeypatch, text, told):
    (tmp_path / "__init__.py").write_text(text)
    monkeypatch.setattr(module("source_code"), "packaged", lambda package, name: tmp_path / name)
    with pytest.raises(Missing, match=f"the text of mpmath 1.3.0, installed is {told} "):
        module("source_code").load()


# --------------------------------------------------------------------------------------------------------------- damage


def babi(change=lambda content: content):
    """An archive of 20 tasks with 1,000 questions each, task 3 of the training part changed."""
    story = "".join(f"1 It is {i % 58}.\n2 What is it? \t{i % 58}\t1\n" for i in range(1000)).encode()
    names = [f"en/qa{task}_a-b_{part}.txt" for task in range(1, 21) for part in ("train", "test")]
    return {name: change(story) if name == "en/qa3_a-b_train.txt" else story for name in names}


def test_a_made_babi_is_read(tmp_path):
    path = tarred(tmp_path / "babi-en.tar.gz", babi())
    data = module("babi_en").load({"babi-en.tar.xz": path})
    assert (data.x[1001], len(data.x), len(data.test_x)) == ("It is 1.\nWhat is it?", 20_000, 20_000)
    assert (data.groups == np.arange(20_000)).all()


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda c: c.replace(b"2 What", b"3 What", 1), r"_train.txt, line 2: '3 What.*: 1 or 2, a blank, a sentence"),
        (lambda c: c.replace(b"\t0\t1\n", b"\n", 1), "qa3_a-b_train.txt holds 999 questions, 1,000 are right"),
        (lambda c: c.replace(b"\t7\t", b"\tseven\t", 1), "holds 59 different answers, 58 are right"),
        (lambda c: c.replace(b"It is 5.", b"It is 5" + b"5" * 300, 1), "line 11: '1 It is 55"),
        (lambda c: b"", "line 1: '': 1 or 1, a blank, a sentence are right"),
    ],
)
def test_damaged_stories_are_told(tmp_path, change, sentence):
    path = tarred(tmp_path / "babi-en.tar.gz", babi(change))
    with pytest.raises(BadData, match=sentence):
        module("babi_en").load({"babi-en.tar.xz": path})


def test_a_missing_task_is_told(tmp_path):
    members = babi()
    del members["en/qa20_a-b_test.txt"]
    path = tarred(tmp_path / "babi-en.tar.gz", members)
    with pytest.raises(BadData, match=r"there are 0 files en/qa20_\*_test.txt, one is right"):
        module("babi_en").load({"babi-en.tar.xz": path})


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("tinyshakespeare", "First Citizen", "input.txt holds 13 characters, 10 different ones: 1,115,394 and 65 are"),
        ("ptb", "a b\n", "ptb.train.txt holds 3 words, 929,589 are right"),
        ("wikitext2", " \n", "train.txt holds 1 words, 2,088,628 are right"),
        ("ag_news", '"1","a","b"\n', "train.csv holds 1 rows, 120,000 are right"),
        ("ag_news_test", '"5","a","b"\n', "test.csv, row 1: .*: 1, 2, 3 or 4, title, description are right"),
        ("ag_news_test", '"1","a"\n', "test.csv, row 1: "),
        ("ag_news_test", '"1","a","b\n', "test.csv after 0 rows: unexpected end of data"),
        ("ag_news_test", '"1","a","b"x\n', "test.csv after 0 rows: ',' expected after"),
        ("ag_news_test", f'"1","a","&#{"9" * 5000};"\n', "test.csv after 0 rows: Exceeds the limit"),
        ("ag_news_test", b'"1","a","\xff"\n', "test.csv, byte 9 is not utf-8"),
        ("sst2", "2 fine\n", "stsa.binary.train, line 1: '2 fine': 0 to 1, a blank, a sentence are right"),
        ("sst2", "1 fine\n0  \n", "stsa.binary.train, line 2: '0  '"),
        ("sst2", "1 fine\n", "stsa.binary.train holds 1 rows, 6,920 are right"),
        ("sst5", "01 fine\n", "stsa.fine.train, line 1: '01 fine': 0 to 4, a blank"),
        ("sst5", b"1 caf\xe9\n", "stsa.fine.train, byte 5 is not utf-8"),
        ("trec", "6 Who ?\n", "TREC.train.all, line 1: '6 Who .*': 0 to 5, a blank, a question are right"),
        ("trec", b"1 caf\xe9 ?\n", "TREC.train.all holds 1 rows, 5,452 are right"),
        ("subj", "", "subj.all holds 0 rows, 10,000 are right"),
        ("subj", "fine\n", "subj.all, line 1: 'fine'"),
        ("reuters_r8", "acq texts\n", "r8-train.txt, line 1: 'acq texts': one of acq, crude, earn"),
        ("reuters_r8", "acq\ttexts", "r8-train.txt holds 1 rows, 5,485 are right"),
        ("word_pairs", "a b c d\n", "questions-words.txt, line 1: 'a b c d': ': section' or four words are right"),
        ("word_pairs", ": one\na b c d\na b  d\n", "questions-words.txt, line 3: 'a b  d'"),
        ("word_pairs", ": one\na b c d\n", "questions-words.txt holds 1 analogies, 19,544 are right"),
        ("word_similarity", "love\tsex\r\n", "ALL.txt, line 1: .*: word, tab, word, tab, number are right"),
        ("word_similarity", "love\tsex\tnan\r\n", "ALL.txt, line 1: .*: two words, 0 to 10 are right"),
        ("word_similarity", "love\tsex\t6.77\r\n", "ALL.txt holds 1 pairs, 353 are right"),
        ("rg65", "gem\tjewel\t3.94\ngem\t\t4\n", "EN-RG-65.txt, line 2: .*: two words, 0 to 4 are right"),
        ("rg65", "gem\tjewel\t4.5\n", "EN-RG-65.txt, line 1: .*: two words, 0 to 4 are right"),
        ("multi30k_de_en", gzip.compress(b"Ein Mann.\n", mtime=0), "train.de.gz holds 1 lines, 29,000 are right"),
        ("multi30k_de_en", gzip.compress(b"M\xfctze\n", mtime=0), "train.de.gz, byte 1 is not utf-8"),
    ],
)
def test_damaged_files_are_told(tmp_path, name, content, sentence):
    files = {}
    for file in module(name).DATASET.files:
        files |= written(tmp_path, {file.name: content})
    with pytest.raises(BadData, match=sentence):
        module(name).load(files)


@needs_data
@pytest.mark.parametrize(
    "name, old, new", [("ptb", b" the ", b" thx "), ("tinyshakespeare", b"Citizen", b"Cit\xffzen")]
)
def test_one_strange_word_or_character_is_told(tmp_path, name, old, new):
    files = located(name)
    first = next(iter(files))
    damaged = written(tmp_path, {first: plain(files[first]).replace(old, new, 1)})
    with pytest.raises(BadData, match="10,001 different words|66 different ones"):
        module(name).load(files | damaged)


def test_a_test_word_that_was_never_learned_is_told(tmp_path, monkeypatch):
    ptb = module("ptb")
    monkeypatch.setattr(ptb, "DATASET", replace(ptb.DATASET, rows=3, test=2, classes=3))
    files = written(tmp_path, {"ptb.train.txt": "a b\n", "ptb.test.txt": "c\n"})
    with pytest.raises(BadData, match="'c' is none of the 3 words of the vocabulary"):
        ptb.load(files)


@pytest.mark.parametrize(
    "train, sentence",
    [
        (
            "the DT B-NP\npound NN\n\n",
            "conll2000/train.txt, sentence 1: 'pound NN': word, part of speech, tag are right",
        ),
        ("the DT B-NP\n\n\nis VBZ B-VP\n\n", "conll2000/train.txt, sentence 2: ''"),
        ("the DT B-NP\n\nis VBZ B-VP\n\n", "conll2000/train.txt holds 2 sentences, 8,936 are right"),
        ("the DT B-NP\n\n" * 8_936, "there are 1 different tags, 23 are right"),
    ],
)
def test_damaged_chunks_are_told(tmp_path, train, sentence):
    path = tmp_path / "conll2000.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conll2000/train.txt", train)
        archive.writestr("conll2000/test.txt", "the DT B-NP\n\n" * 2_012)
    with pytest.raises(BadData, match=sentence):
        module("conll2000").load({path.name: path})
