"""Tasks on texts, streams, series, pictures by pixel and words: judges against libraries, closed forms, brute force."""

import math
from collections import Counter

import numpy as np
import pytest
import scipy.stats
from sklearn import metrics

from harness.contract import BadData, Data
from harness.tasks import embed, fill_blank, forecast, next_token, one_shot, segment, tag, translate

RNG = np.random.default_rng(0)


def texts(found):
    return np.array(found, dtype=np.dtypes.StringDType())


# ---------------------------------------------------------------------------------------------------------- next_token


def stream(n=5000, test=3000, classes=7, **changes):
    tokens = RNG.integers(0, classes, n + test).astype(np.uint8)
    return Data(
        **({"x": tokens[:n], "y": None, "classes": classes, "test_x": tokens[n:], "protocol": "official"} | changes)
    )


def bigrams(classes=7):
    """Chances that depend on the last token alone, so that windows make no difference."""
    table = RNG.dirichlet(np.ones(classes), classes)
    return table, lambda passage: table[passage]


@pytest.mark.parametrize("window, context", [(1024, 512), (64, 0), (7, 6), (5000, 10), (2999, 2998)])
def test_every_token_but_the_first_is_judged_once_however_windows_are_cut(window, context):
    data, (table, answer) = stream(), bigrams()
    scores = next_token.pose(data, 1000, 0, {}, window=window, context=context).judge(answer, "test")
    p = table[data.test_x[:-1]]
    loss = metrics.log_loss(data.test_x[1:], p, labels=range(7))
    assert scores["loss"] == pytest.approx(loss)
    assert scores["perplexity"] == pytest.approx(math.exp(loss)) and scores["bits"] == pytest.approx(loss / math.log(2))
    assert scores["accuracy"] == pytest.approx((p.argmax(1) == data.test_x[1:]).mean())


@pytest.mark.parametrize("length", [2, 513, 1024, 1025, 1026, 1537, 1538, 3000])
def test_judged_places_have_their_context(length):
    """Certain and right where 512 tokens were read, or all from the beginning; else certain and wrong."""
    data = stream(test=length)
    asked = []

    def answer(passage):
        start = 512 * len(asked)
        asked.append(passage)
        truth = np.append(data.test_x, 0)[start + 1 : start + 1 + len(passage)].astype(int)
        early = (np.arange(len(passage)) < 511) & (start > 0)
        return np.eye(7)[np.where(early, (truth + 1) % 7, truth)]

    assert next_token.pose(data, 100, 0, {}).judge(answer, "test")["loss"] == 0
    assert max(map(len, asked)) <= 1024 and all(len(passage) > 512 for passage in asked[1:])


def test_a_uniform_answer_has_the_perplexity_of_the_vocabulary():
    data = stream(classes=32)
    scores = next_token.pose(data, 1000, 0, {}).judge(lambda q: np.full((len(q), 32), np.float32(1 / 32)), "test")
    assert scores["perplexity"] == pytest.approx(32) and scores["bits"] == pytest.approx(5)


def test_the_floor_of_a_stream_is_the_shares_of_its_tokens_plus_one():
    problem = next_token.pose(stream(classes=9, x=np.tile(np.array([0, 0, 1], np.uint8), 100)), 300, 0, {})
    expected = np.array([201, 101, 1, 1, 1, 1, 1, 1, 1]) / 309
    np.testing.assert_allclose(problem.floor(problem.sample), np.tile(expected, (len(problem.sample), 1)))
    assert math.isfinite(problem.judge(problem.floor, "test")["loss"])


def test_a_stretch_is_held_out_after_what_is_learned():
    data = stream(n=1000, protocol="generated")
    problem = next_token.pose(data, 500, 0, {}, validation=0.2)
    asked = []
    problem.judge(lambda q: (asked.append(q), np.full((len(q), 7), 1 / 7))[1], "valid")
    assert (problem.train.x == data.x[:400]).all() and (np.concatenate(asked) == data.x[400:499]).all()
    assert next_token.pose(data, 500, 0, {}).judge(problem.floor, "valid") == {}
    assert (problem.train.classes, problem.train.y, problem.unit) == (7, None, "token")


def test_a_token_without_any_chance_makes_the_loss_infinite():
    data = stream(test_x=np.array([0, 1, 2], np.uint8))
    scores = next_token.pose(data, 100, 0, {}).judge(lambda q: np.eye(7)[np.zeros(len(q), int)], "test")
    assert scores["loss"] == scores["perplexity"] == math.inf


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda q: np.full((len(q) - 1, 7), 1 / 7), "answered 98 of 99 questions"),
        (lambda q: np.full((len(q), 6), 1 / 6), r"\(99, 7\) are right"),
        (lambda q: np.ones((len(q), 7), int), "floats"),
        (lambda q: np.full((len(q), 7), 0.2), "at place 0 they sum to 1.4"),
        (lambda q: np.where(np.arange(len(q))[:, None] == 5, np.nan, np.full(7, 1 / 7)), "at place 5 they sum to nan"),
        (lambda q: np.tile([1.5, -0.5, 0, 0, 0, 0, 0], (len(q), 1)), "the least is -0.5"),
        (lambda q: np.tile([np.inf, 0, 0, 0, 0, 0, 0], (len(q), 1)), "sum to inf"),
    ],
)
def test_answers_that_are_no_probabilities_are_told(answer, sentence):
    with pytest.raises(ValueError, match=sentence):
        next_token.pose(stream(test=100), 100, 0, {}).judge(answer, "test")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"x": np.full(500, 7, np.uint8)}, "training token 0 is 7: a number from 0 to 6"),
        ({"test_x": np.array([0, 3, 9], np.uint8)}, "test token 2 is 9"),
        ({"test_x": np.array([0], np.uint8)}, "the test part has 1 tokens"),
        ({"test_x": np.zeros(9)}, "type float64"),
        ({"x": np.zeros((500, 2), np.uint8)}, "training tokens have shape"),
    ],
)
def test_streams_that_cannot_be_posed_are_told(changes, sentence):
    with pytest.raises(BadData, match=sentence):
        next_token.pose(stream(**changes), 100, 0, {})


def test_windows_that_cannot_be_cut_are_told():
    with pytest.raises(ValueError, match="context is 64, window 64"):
        next_token.pose(stream(), 100, 0, {}, window=64, context=64)


# ---------------------------------------------------------------------------------------------------------- fill_blank


def hidden(data, reach=16, split="test", **more):
    """The questions of a judge, and the truth of each, which no question shows."""
    asked = []
    problem = fill_blank.pose(data, 1000, 0, {}, reach=reach, **more)
    problem.judge(lambda q: (asked.append(q), problem.floor(q))[1], split)
    tokens = data.test_x if split == "test" else data.x[800:1000]
    places = np.arange(reach, len(tokens) - reach, 2 * reach + 1)
    return asked[0], tokens[places], places, tokens


@pytest.mark.parametrize("reach, classes", [(16, 7), (1, 7), (100, 7), (3, 255), (3, 256), (3, 70_000)])
def test_a_blank_hides_its_token_and_no_question_shows_that_of_another(reach, classes):
    tokens = np.arange(5_000) % min(classes, 4_000)  # of many classes each comes once in a test part of 3,000
    data = stream(x=tokens[:2_000].astype(np.int32), test_x=tokens[2_000:].astype(np.int32), classes=classes)
    questions, truth, places, _ = hidden(data, reach)
    assert questions.shape == (3_000 // (2 * reach + 1), 2 * reach + 1) and (questions[:, reach] == classes).all()
    for question, place in zip(questions.astype(int), places, strict=True):
        expected = data.test_x[place - reach : place + reach + 1].copy()
        expected[reach] = classes
        np.testing.assert_array_equal(question, expected)
    if classes > 5_000:
        assert not set(truth.tolist()) & set(questions.ravel().tolist())


def test_blanks_are_judged_as_scikit_learn_does():
    data = stream()
    _, truth, _, _ = hidden(data)
    p = RNG.dirichlet(np.ones(7), len(truth))
    scores = fill_blank.pose(data, 1000, 0, {}).judge(lambda q: p, "test")
    loss = metrics.log_loss(truth, p, labels=range(7))
    assert scores["loss"] == pytest.approx(loss) and scores["bits"] == pytest.approx(loss / math.log(2))
    assert scores["perplexity"] == pytest.approx(math.exp(loss))
    assert scores["accuracy"] == metrics.accuracy_score(truth, p.argmax(1))
    certain = fill_blank.pose(data, 1000, 0, {}).judge(lambda q: np.eye(7)[(truth.astype(int) + 1) % 7], "test")
    assert certain["loss"] == certain["perplexity"] == math.inf and certain["accuracy"] == 0


def test_blanks_of_a_held_out_stretch():
    data = stream(n=1_000)
    questions, truth, places, tokens = hidden(data, 3, "valid", validation=0.2)
    problem = fill_blank.pose(data, 1000, 0, {}, validation=0.2, reach=3)
    assert (problem.train.x == data.x[:800]).all() and problem.train.y is None and problem.unit == "blank"
    assert len(questions) == 200 // 7 and (tokens[places] == truth).all()
    assert problem.judge(lambda q: np.eye(7)[truth.astype(int)], "valid")["accuracy"] == 1
    few = fill_blank.pose(data, 100, 0, {}, validation=0.2)  # 20 tokens hold no blank with 16 on each side
    assert few.judge(few.floor, "valid") == fill_blank.pose(data, 100, 0, {}).judge(few.floor, "valid") == {}


def test_the_floor_of_a_blank_is_the_shares_of_the_tokens_plus_one():
    problem = fill_blank.pose(stream(classes=9, x=np.tile(np.array([0, 0, 1], np.uint8), 100)), 300, 0, {})
    expected = np.array([201, 101, 1, 1, 1, 1, 1, 1, 1]) / 309
    np.testing.assert_allclose(problem.floor(problem.sample), np.tile(expected, (len(problem.sample), 1)))


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda q: np.full((len(q) - 1, 7), 1 / 7), "answered 2 of 3 questions"),
        (lambda q: np.full((len(q), 8), 1 / 8), r"\(3, 7\) are right"),
        (lambda q: np.ones((len(q), 7), int), "type int64: floats"),
        (lambda q: np.full((len(q), 7), 0.2), "at blank 0 they sum to 1.4"),
        (lambda q: np.where(np.arange(len(q))[:, None] == 2, np.nan, np.full(7, 1 / 7)), "at blank 2 they sum to nan"),
        (lambda q: np.tile([1.5, -0.5, 0, 0, 0, 0, 0], (len(q), 1)), "the least is -0.5"),
    ],
)
def test_what_is_no_chance_of_a_blank_is_told(answer, sentence):
    with pytest.raises(ValueError, match=sentence):
        fill_blank.pose(stream(test=100), 100, 0, {}).judge(answer, "test")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"x": np.full(500, 7, np.uint8)}, "training token 0 is 7: a number from 0 to 6"),
        ({"test_x": np.full(40, 9, np.uint8)}, "test token 0 is 9"),
        ({"test_x": np.zeros(32, np.uint8)}, "the test part has 32 tokens: 33, a blank and 16 on each side"),
        ({"test_x": np.zeros(50)}, "type float64"),
    ],
)
def test_streams_without_room_for_a_blank_are_told(changes, sentence):
    with pytest.raises(BadData, match=sentence):
        fill_blank.pose(stream(**changes), 100, 0, {})
    with pytest.raises(ValueError, match="reach is 0"):
        fill_blank.pose(stream(), 100, 0, {}, reach=0)


# ----------------------------------------------------------------------------------------------------------- translate


def pairs(n=60, **changes):
    x, y = texts([f"wort {i} da" for i in range(n)]), texts([f"word {i} there" for i in range(n)])
    return Data(**({"x": x, "y": y, "classes": 0} | changes))


def sentence(words="abcde"):
    return " ".join(RNG.choice(list(words), RNG.integers(6, 14)))


def bleu(answers, truth):
    """Papineni et al. 2002 on words: geometric mean of clipped 1- to 4-gram precisions, times the brevity penalty."""
    logs = []
    for n in range(1, 5):
        hits = total = 0
        for a, t in zip(answers, truth, strict=True):
            ours, theirs = (Counter(tuple(w[i : i + n]) for i in range(len(w) - n + 1)) for w in (a.split(), t.split()))
            hits, total = hits + (ours & theirs).total(), total + ours.total()
        logs.append(math.log(hits / total))
    lengths = [sum(len(text.split()) for text in side) for side in (answers, truth)]
    return 100 * math.exp(np.mean(logs) + min(0, 1 - lengths[1] / lengths[0]))


def chrf(answers, truth):
    """Popovic 2015: F with recall weighing twice, of precision and recall of character 1- to 6-grams without blanks."""
    rates = []
    for n in range(1, 7):
        hits = ours = theirs = 0
        for a, t in zip(answers, truth, strict=True):
            a, t = a.replace(" ", ""), t.replace(" ", "")
            one, two = (Counter(s[i : i + n] for i in range(len(s) - n + 1)) for s in (a, t))
            hits, ours, theirs = hits + (one & two).total(), ours + one.total(), theirs + two.total()
        rates.append((hits / ours, hits / theirs))
    precision, recall = np.mean(rates, axis=0)
    return 100 * 5 * precision * recall / (4 * precision + recall)


def levenshtein(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i, j in np.ndindex(len(a), len(b)):
        changed = table[i, j] + (a[i] != b[j])
        table[i + 1, j + 1] = min(table[i, j + 1] + 1, table[i + 1, j] + 1, changed)
    return table[-1, -1]


def test_bleu_chrf_and_exact_as_defined():
    truth = [sentence() for _ in range(50)]
    answers = [text if RNG.random() < 0.3 else sentence() for text in truth]
    got = translate.scores(answers, truth)
    assert got["bleu"] == pytest.approx(bleu(answers, truth)) and 0 < got["bleu"] < 100
    assert got["chrf"] == pytest.approx(chrf(answers, truth))
    assert got["exact"] == np.mean([a == t for a, t in zip(answers, truth, strict=True)])
    short = [" ".join(text.split()[:-1]) for text in truth]
    assert translate.scores(short, truth)["bleu"] == pytest.approx(bleu(short, truth))
    assert translate.scores(truth, truth) == pytest.approx({"bleu": 100, "chrf": 100, "exact": 1, "symbol_error": 0})


def test_bleu_parts_signs_from_words():
    """Tokenised, four of five words are right, and three pairs, two triples, one four: (4/5 3/4 2/3 1/2) ** (1/4)."""
    assert translate.scores(["a b c d."], ["a b c d!"])["bleu"] == pytest.approx(100 * 0.2**0.25)


@pytest.mark.parametrize("letters, most", [("ab", 12), ("abcdefgh", 90), ("äß", 70)])
def test_distance_is_levenshteins(letters, most):
    for _ in range(60):
        a, b = ("".join(RNG.choice(list(letters), RNG.integers(0, most))) for _ in range(2))
        assert translate.distance(a, b) == levenshtein(a, b)
    assert translate.distance("", "abc") == translate.distance("abc", "") == 3
    assert translate.distance("kitten", "sitting") == 3


def test_symbol_error_counts_letters_of_the_truth():
    assert translate.scores(["12", "9"], ["123", "456"])["symbol_error"] == pytest.approx(4 / 6)
    assert translate.scores(["123456789"], ["123"])["symbol_error"] == 2


def test_bleu_of_the_shortest_and_the_longest_quarter():
    """Of questions in a mixed order long ones are answered wrongly, short ones rightly, the others half and half."""
    truth = [sentence() for _ in range(42)]
    lengths = RNG.permutation(np.arange(42))
    asked = texts(["wort " * (n + 1) for n in lengths.tolist()])
    wrong = [t if n < 11 else sentence("abxyz" if n < 32 else "fgh") for n, t in zip(lengths, truth, strict=True)]
    data = pairs(x=texts(["a b"] * 60), protocol="official", test_x=asked, test_y=texts(truth))
    got = translate.pose(data, 40, 0, {}).judge(lambda q: wrong, "test")
    short, long = ([i for i in range(42) if keep(lengths[i])] for keep in (lambda n: n < 11, lambda n: n >= 31))
    of = {name: ([wrong[i] for i in rows], [truth[i] for i in rows]) for name, rows in (("s", short), ("l", long))}
    assert got["bleu_short"] == pytest.approx(100) == pytest.approx(bleu(*of["s"]))
    assert got["bleu_long"] == pytest.approx(translate.scores(*of["l"])["bleu"]) and got["bleu_long"] < 20
    assert got["bleu_fall"] == pytest.approx(got["bleu_short"] - got["bleu_long"])
    assert got["bleu"] == pytest.approx(translate.scores(wrong, truth)["bleu"])


def test_the_floor_is_the_commonest_target():
    y = texts(["dog"] * 25 + ["cat"] * 35)
    problem = translate.pose(pairs(y=y), 48, 0, {})
    assert problem.floor(problem.sample) == ["cat"] * len(problem.sample)
    assert problem.judge(problem.floor, "test")["exact"] == pytest.approx(7 / 12, abs=0.3)


def test_pairs_stay_together_and_parts_apart():
    problem = translate.pose(pairs(), 40, 1, {}, validation=0.25)
    right = {f"wort {i} da": f"word {i} there" for i in range(60)}
    seen = set(problem.train.x)
    assert all(right[x] == y for x, y in zip(problem.train.x, problem.train.y, strict=True)) and len(seen) == 30
    for part, n in (("valid", 10), ("test", 12)):
        asked = []
        scores = problem.judge(lambda q, asked=asked: (asked.extend(q), [right[text] for text in q])[1], part)
        assert scores["exact"] == 1 and len(asked) == n and not seen & set(asked)
        seen |= set(asked)
    assert set(translate.pose(pairs(), 20, 1, {}).train.x) <= set(translate.pose(pairs(), 40, 1, {}).train.x)


def test_sounds_are_translated_too():
    sounds = RNG.integers(-9, 9, (60, 30)).astype(np.int16)
    problem = translate.pose(pairs(x=sounds), 40, 0, {})
    assert problem.train.x.shape == (40, 30) and problem.train.x.dtype == np.int16
    scores = problem.judge(lambda q: ["word"] * len(q), "test")
    assert scores["exact"] == 0 and "bleu_long" not in scores


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda q: ["a"] * 11, "answered 11 of 12"),
        (lambda q: [*["a"] * 4, None, *["a"] * 7], "answer 4 is None, of type NoneType: a text"),
        (lambda q: np.zeros(12), "answer 0 is .*float64"),
    ],
)
def test_wrong_translations_are_told(answer, sentence):
    with pytest.raises(ValueError, match=sentence):
        translate.pose(pairs(), 40, 0, {}).judge(answer, "test")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"y": np.arange(60)}, "types .* and int64"),
        ({"x": np.zeros((60, 9), np.float32)}, "types float32"),
        ({"y": texts(["a"] * 59)}, r"targets \(59,\)"),
        ({"protocol": "official", "test_x": texts(["a"]), "test_y": np.array([1])}, "test pairs have types"),
    ],
)
def test_pairs_that_cannot_be_posed_are_told(changes, sentence):
    with pytest.raises(BadData, match=sentence):
        translate.pose(pairs(**changes), 20, 0, {})


# ----------------------------------------------------------------------------------------------------------------- tag


def is_chunk(tags, i, j, kind):
    """The definition, span by span: a beginning, then I- of the same kind, and none of it after the end."""
    follows = i > 0 and tags[i - 1][1:] == f"-{kind}"
    begins = tags[i] == f"B-{kind}" or (tags[i] == f"I-{kind}" and not follows)
    goes_on = all(t == f"I-{kind}" for t in tags[i + 1 : j])
    return begins and goes_on and (j == len(tags) or tags[j] != f"I-{kind}")


def spans(tags):
    every = ((i, j, kind) for i in range(len(tags)) for j in range(i + 1, len(tags) + 1) for kind in ("NP", "VP"))
    return {span for span in every if is_chunk(tags, *span)}


def test_chunks_are_the_spans_of_the_definition():
    for _ in range(300):
        tags = list(RNG.choice(["O", "B-NP", "I-NP", "B-VP", "I-VP"], RNG.integers(1, 9)))
        assert set(tag.chunks(tags)) == spans(tags)


def test_chunks_by_hand():
    assert tag.chunks(["B-NP", "I-NP", "O", "I-VP", "I-NP", "B-NP"]) == [
        (0, 2, "NP"),
        (3, 4, "VP"),
        (4, 5, "NP"),
        (5, 6, "NP"),
    ]
    assert tag.chunks(["O", "X"]) == []


def test_f1_counts_whole_chunks():
    truth = [["B-NP", "I-NP", "O", "B-VP"], ["B-NP", "O"]]
    told = [["B-NP", "I-NP", "O", "B-NP"], ["B-NP", "I-NP"]]  # of 3 told and 3 real chunks one is the same
    got = tag.scores(told, truth)
    assert got == pytest.approx({"accuracy": 4 / 6, "precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3})
    assert tag.scores([["O"] * 4, ["O"] * 2], truth)["f1"] == 0


def test_f1_of_random_tags_by_sets_of_spans():
    def some(lengths):
        return [list(RNG.choice(["O", "B-NP", "I-NP"], n, p=[0.2, 0.4, 0.4])) for n in lengths]

    lengths = RNG.integers(1, 12, 80)
    told, truth = some(lengths), some(lengths)
    ours, real = ({(n, *span) for n, tags in enumerate(side) for span in spans(tags)} for side in (told, truth))
    got = tag.scores(told, truth)
    precision, recall = len(ours & real) / len(ours), len(ours & real) / len(real)
    assert got["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    flat = [sum(side, []) for side in (truth, told)]
    assert got["accuracy"] == pytest.approx(metrics.accuracy_score(*flat))


def test_tags_without_chunks_have_no_f1():
    assert tag.scores([["NOUN", "VERB"]], [["NOUN", "NOUN"]]) == {"accuracy": 0.5}


def tagged(**changes):
    words, tags = texts(["the dog runs"] * 30 + ["go"] * 30), texts(["B-NP I-NP B-VP"] * 30 + ["B-VP"] * 30)
    return Data(**({"x": words, "y": tags, "classes": 3} | changes))


def test_the_floor_of_tags_is_the_commonest():
    problem = tag.pose(tagged(), 48, 0, {}, validation=0.25)
    assert problem.floor(texts(["a b c", "d"])) == ["B-VP B-VP B-VP", "B-VP"]
    assert 0.3 < problem.judge(problem.floor, "test")["accuracy"] < 0.8
    assert problem.judge(lambda q: ["B-NP I-NP B-VP" if " " in text else "B-VP" for text in q])["f1"] == 1


def test_wrong_tags_are_told():
    judge = tag.pose(tagged(), 48, 0, {}).judge
    with pytest.raises(ValueError, match="answered 1 of 12"):
        judge(lambda q: ["O"], "test")
    with pytest.raises(ValueError, match="answer 0 is 'O O': . tags, one for each word"):
        judge(lambda q: ["O O"] * len(q), "test")
    with pytest.raises(BadData, match="training text 30 has 1 words and 2 tags"):
        tag.pose(tagged(y=texts(["B-NP I-NP B-VP"] * 30 + ["B-VP O"] * 30)), 48, 0, {})
    with pytest.raises(BadData, match="StringDType"):
        tag.pose(tagged(y=np.arange(60)), 48, 0, {})


# ------------------------------------------------------------------------------------------------------------- segment


def pictures(**changes):
    x = RNG.integers(0, 256, (40, 6, 5)).astype(np.uint8)
    return Data(**({"x": x, "y": x % 4, "classes": 4} | changes))


def test_segment_scores_agree_with_scikit_learn():
    y, answers = RNG.integers(0, 3, (9, 6, 5)), RNG.integers(0, 4, (9, 6, 5))
    got = segment.scores(answers, y.astype(np.uint8), 6)
    assert got["accuracy"] == pytest.approx(metrics.accuracy_score(y.ravel(), answers.ravel()))
    assert got["pixel_error"] == pytest.approx(1 - got["accuracy"])
    assert got["iou"] == pytest.approx(metrics.jaccard_score(y.ravel(), answers.ravel(), average="macro"))
    assert segment.scores(y, y.astype(np.uint8), 6)["iou"] == 1


def test_segment_floor_labels_and_parts():
    y = (RNG.random((40, 6, 5)) < 0.2).astype(np.uint8)
    problem = segment.pose(pictures(y=y), 30, 0, {})
    assert (problem.floor(problem.sample) == 0).all()
    assert problem.judge(problem.floor, "test")["accuracy"] == pytest.approx(0.8, abs=0.1)
    problem = segment.pose(pictures(), 30, 0, {}, validation=0.2)
    assert (problem.train.x % 4 == problem.train.y).all() and len(problem.train.x) == 24
    assert all(problem.judge(lambda q: q % 4, part)["iou"] == 1 for part in ("valid", "test"))
    colour = RNG.integers(0, 9, (40, 6, 5, 3)).astype(np.uint8)
    problem = segment.pose(pictures(x=colour), 30, 0, {})
    assert problem.floor(problem.sample).shape == (4, 6, 5)


def test_wrong_segments_are_told():
    judge = segment.pose(pictures(), 30, 0, {}).judge
    for answer, sentence in (
        (lambda q: q[:-1] % 4, "answered 7 of 8"),
        (lambda q: q[:, :-1] % 4, r"\(8, 5, 5\)"),
        (lambda q: q / 300, "type float64"),
        (lambda q: q % 4 + 1, "from 1 to 4: 0 to 3"),
        (lambda q: (q % 4).astype(int) - 1, "from -1 to 2"),
    ):
        with pytest.raises(ValueError, match=sentence):
            judge(answer, "test")
    with pytest.raises(BadData, match="pixel is of class 3, and there are 3"):
        segment.pose(pictures(y=np.full((40, 6, 5), 3, np.uint8), classes=3), 30, 0, {})
    with pytest.raises(BadData, match="uint8"):
        segment.pose(pictures(y=np.zeros((40, 6, 4), np.uint8)), 30, 0, {})


# ------------------------------------------------------------------------------------------------------------ forecast


def series(rows=600, test=300, columns=3, **changes):
    x = (5 + RNG.normal(size=(rows + test, columns)).cumsum(axis=0)).astype(np.float32)
    return Data(
        **(
            {"x": x[:rows], "y": None, "classes": 0, "test_x": x[rows:], "protocol": "official", "ordered": True}
            | changes
        )
    )


def test_windows_are_standardised_by_what_was_learned_from():
    data = series()
    problem = forecast.pose(data, 400, 0, {}, horizon=20, context=50)
    mean, std = data.x[-400:].astype(float).mean(0), data.x[-400:].astype(float).std(0)
    whole = (np.concatenate([data.x, data.test_x]) - mean) / std
    np.testing.assert_allclose(problem.train.x, whole[200:600], rtol=1e-4, atol=1e-4)
    assert problem.train.x.dtype == np.float32 and (problem.train.y, problem.train.horizon) == (None, 20)
    asked, errors = [], []
    scores = problem.judge(lambda q: (asked.append(q), np.repeat(q[:, -1:], 20, axis=1))[1], "test")
    assert asked[0].shape == (281, 50, 3)  # 300 - 20 + 1 windows
    for i in range(281):
        at = 600 + i
        np.testing.assert_allclose(asked[0][i], whole[at - 50 : at], rtol=1e-4, atol=1e-4)
        errors.append(whole[at : at + 20] - whole[at - 1])
    assert scores["mse"] == pytest.approx((np.array(errors) ** 2).mean(), rel=1e-4)
    assert scores["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)


def test_the_floor_of_a_series_is_the_mean_of_what_was_learned_from():
    data = series()
    problem = forecast.pose(data, 600, 0, {}, horizon=1, context=7)
    x, test = data.x.astype(float), data.test_x.astype(float)
    expected = (((test - x.mean(0)) / x.std(0)) ** 2).mean()
    assert problem.judge(problem.floor, "test")["mse"] == pytest.approx(expected, rel=1e-4)


def test_validation_is_the_latest_part_and_its_context_lies_before():
    data = series()
    problem = forecast.pose(data, 200, 0, {}, horizon=10, context=150, validation=0.25)
    asked = []
    problem.judge(lambda q: (asked.append(q), np.zeros((len(q), 10, 3)))[1], "valid")
    mean, std = data.x[400:550].astype(float).mean(0), data.x[400:550].astype(float).std(0)
    np.testing.assert_allclose(problem.train.x, (data.x[400:550] - mean) / std, rtol=1e-3, atol=1e-4)
    assert asked[0].shape == (41, 150, 3)  # from rows 550 to 590, ten rows each
    np.testing.assert_allclose(asked[0][0], (data.x[400:550] - mean) / std, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(asked[0][-1], (data.x[440:590] - mean) / std, rtol=1e-3, atol=1e-4)
    assert forecast.pose(data, 200, 0, {}, horizon=10, context=20).judge(problem.floor, "valid") == {}


def test_many_windows_are_thinned_evenly_from_first_to_last():
    line = np.arange(9000, dtype=np.float32)[:, None]
    problem = forecast.pose(series(x=line[:1000], test_x=line[1000:]), 1000, 0, {}, horizon=5, context=3)
    asked = []
    problem.judge(lambda q: (asked.append(q), np.zeros((len(q), 5, 1)))[1], "test")
    began = np.round(asked[0][:, -1, 0] * line[:1000].std() + line[:1000].mean()) + 1
    assert len(began) == 2000 and (began[0], began[-1]) == (1000, 8995)
    assert set(np.diff(began)) <= {3, 4, 5}


def test_a_constant_column_and_an_answer_in_place():
    data = series()
    data.x[:, 1] = data.test_x[:, 1] = 4
    problem = forecast.pose(data, 400, 0, {}, horizon=20, context=50)
    assert (problem.train.x[:, 1] == 0).all()

    def spoil(q):
        last = np.repeat(q[:, -1:], 20, axis=1)
        q[:] = 0
        return last

    assert problem.judge(spoil, "test") == problem.judge(spoil, "test") != problem.judge(problem.floor, "test")
    assert problem.train.x.base is None and problem.sample.base is None


@pytest.mark.parametrize(
    "changes, condition, sentence",
    [
        ({"ordered": False}, {}, "ordered rows"),
        ({"test_x": np.zeros((300, 2), np.float32)}, {}, "series of 3 and 2 columns"),
        ({"test_x": np.full((300, 3), np.nan)}, {}, "the test part .* finite"),
        ({}, {"context": 601}, "600 rows lie before the test part, fewer than the 601"),
        ({}, {"horizon": 301}, "the test part has 300 rows, fewer than the 301"),
        ({}, {"validation": 0.1, "horizon": 41}, "the validation part has 40 rows"),
    ],
)
def test_series_that_cannot_be_posed_are_told(changes, condition, sentence):
    with pytest.raises(BadData, match=sentence):
        forecast.pose(series(**changes), 400, 0, {}, **condition)


def test_wrong_forecasts_are_told():
    judge = forecast.pose(series(), 400, 0, {}, horizon=20, context=50).judge
    for answer, sentence in (
        (lambda q: np.zeros((280, 20, 3)), "answered 280 of 281"),
        (lambda q: np.zeros((281, 20)), r"\(281, 20, 3\) is right"),
        (lambda q: np.where(np.arange(281)[:, None, None] == 9, np.nan, np.zeros((281, 20, 3))), "first at question 9"),
    ):
        with pytest.raises(ValueError, match=sentence):
            judge(answer, "test")


# ------------------------------------------------------------------------------------------------------------ one_shot


def drawings(kinds=30, each=6, k=5, m=200, **changes):
    """Kind c is the number c in every pixel of the first row; the rest is noise that tells pictures apart."""

    def drawn(y):
        x = RNG.integers(0, 256, (*np.shape(y), 4, 4)).astype(np.uint8)
        x[..., 0, :] = np.asarray(y)[..., None]
        return x

    y = np.repeat(np.arange(kinds), each)
    others = np.array([RNG.permutation(np.arange(100, 150))[:k] for _ in range(m)])
    place = RNG.integers(0, k, m)
    asked = np.column_stack([others[np.arange(m), place], others])
    data = {"x": drawn(y), "y": y, "classes": kinds, "test_x": drawn(asked), "test_y": place, "protocol": "official"}
    return Data(**(data | changes))


def alike(q):
    return -np.abs(q[:, 1:, 0, 0].astype(float) - q[:, :1, 0, 0])


def test_one_shot_scores():
    problem = one_shot.pose(drawings(), 100, 0, {}, validation=0.5)
    assert problem.judge(alike, "test")["accuracy"] == problem.judge(alike, "valid")["accuracy"] == 1
    assert problem.judge(lambda q: -alike(q), "test")["accuracy"] == 0
    assert problem.judge(problem.floor, "test")["accuracy"] == pytest.approx(0.2, abs=0.1)
    assert len(problem.train.x) == 50 and (problem.train.x[:, 0, 0] == problem.train.y).all()


def test_questions_of_validation_hold_two_alike_and_one_of_each_other_kind():
    data = drawings()
    problem = one_shot.pose(data, 160, 3, {}, validation=0.5)
    asked = []
    problem.judge(lambda q: (asked.append(q), alike(q))[1], "valid")
    train = {picture.tobytes() for picture in problem.train.x}
    places = []
    for question in asked[0]:
        kinds = question[:, 0, 0]
        assert (kinds[1:] == kinds[0]).sum() == 1 and len(set(kinds[1:])) == 5
        assert len({picture.tobytes() for picture in question}) == 6
        assert not train & {picture.tobytes() for picture in question}
        places.append(int((kinds[1:] == kinds[0]).argmax()))
    assert len(set(asked[0][:, 0, 0, 0].tolist())) == len(asked[0]) > 15 and len(set(places)) == 5


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"test_y": np.full(200, 5)}, "test answers go from 5 to 5: 0 to 4"),
        ({"test_x": np.zeros((200, 6, 4, 3), np.uint8)}, "the same pictures are right"),
        ({"test_y": np.zeros(199, int)}, r"answers \(199,\)"),
    ],
)
def test_one_shot_data_that_cannot_be_posed_are_told(changes, sentence):
    with pytest.raises(BadData, match=sentence):
        one_shot.pose(drawings(**changes), 100, 0, {})


def test_one_shot_mistakes_are_told():
    with pytest.raises(BadData, match="2 pictures of"):
        one_shot.pose(drawings(), 20, 0, {}, validation=0.1)
    judge = one_shot.pose(drawings(), 100, 0, {}).judge
    assert judge(alike, "valid") == {}
    for answer, sentence in (
        (lambda q: alike(q)[1:], "answered 199 of 200"),
        (lambda q: alike(q)[:, :-1], r"\(200, 5\) is right"),
        (lambda q: alike(q) * np.nan, "first at question 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            judge(answer, "test")


# --------------------------------------------------------------------------------------------------------------- embed

WORDS = [f"w{i}" for i in range(30)]


def corpus(asked, answers, **changes):
    x = RNG.integers(0, 30, 500).astype(np.uint8)
    data = {"x": x, "y": None, "classes": 30, "test_x": asked, "test_y": answers, "vocabulary": tuple(WORDS)}
    return Data(**(data | {"protocol": "official"} | changes))


def analogies(m=300, words=WORDS):
    picked = np.array([RNG.permutation(words)[:4] for _ in range(m)])
    sections = RNG.choice(["plural", "capital"], m)
    return texts(np.column_stack([picked[:, :3], sections]).tolist()), texts(picked[:, 3].tolist())


def vectors_of(dimension=4, unknown=()):
    table = {word: RNG.normal(size=dimension) * (word not in unknown) for word in WORDS}
    return table, lambda q: np.array([table[word] for word in q])


def test_analogies_by_brute_force():
    asked, answers = analogies()
    table, answer = vectors_of(unknown=("w3", "w7"))
    unit = {word: v / (np.linalg.norm(v) or 1) for word, v in table.items()}
    right = []
    for (a, b, c, _), d in zip(asked.tolist(), answers.tolist(), strict=True):
        near = {w: v @ (unit[b] - unit[a] + unit[c]) for w, v in unit.items() if w not in (a, b, c)}
        known = not {"w3", "w7"} & {a, b, c, d}
        right.append(known and max(near, key=near.get) == d)
    got = embed.pose(corpus(asked, answers), 100, 0, {}).judge(answer, "test")
    assert got["accuracy"] == pytest.approx(np.mean(right)) and 0 < got["accuracy"] < 0.5
    for section in ("plural", "capital"):
        assert got["accuracy_by_section"][section] == pytest.approx(np.mean(np.array(right)[asked[:, 3] == section]))


def test_a_planted_analogy_is_found():
    """Entity e in form f lies at e + f: every analogy holds exactly."""
    entity, form = RNG.normal(size=(5, 20)), RNG.normal(size=(6, 20))
    asked = texts([[f"w{6 * i}", f"w{6 * i + 1}", f"w{6 * j}", "s"] for i in range(5) for j in range(5) if i != j])
    answers = texts([f"w{6 * j + 1}" for i in range(5) for j in range(5) if i != j])
    problem = embed.pose(corpus(asked, answers), 100, 0, {})
    got = problem.judge(lambda q: np.array([entity[int(w[1:]) // 6] + form[int(w[1:]) % 6] for w in q]), "test")
    assert got == {"accuracy": 1, "known": 1, "accuracy_by_section": {"s": 1}}


@pytest.mark.parametrize("rounded", [2, 0])
def test_similarity_agrees_with_scipy(rounded):
    asked = texts([list(RNG.permutation(WORDS)[:2]) for _ in range(100)])
    human = np.round(RNG.random(100) * 10, rounded)
    table, answer = vectors_of()
    cosines = [table[a] @ table[b] / (np.linalg.norm(table[a]) * np.linalg.norm(table[b])) for a, b in asked.tolist()]
    got = embed.pose(corpus(asked, human), 100, 0, {}).judge(answer, "test")
    assert got["spearman"] == pytest.approx(scipy.stats.spearmanr(cosines, human).statistic)
    assert embed.pose(corpus(asked, human), 100, 0, {}).judge(lambda q: np.zeros((len(q), 2)), "test") == {
        "spearman": 0.0,
        "known": 0.0,
    }


def test_words_are_asked_once_each_and_never_their_sections():
    asked, answers = analogies(20, WORDS[:9])
    problem = embed.pose(corpus(asked, answers), 100, 0, {})
    seen = []
    problem.judge(lambda q: (seen.extend(q), np.ones((len(q), 2)))[1], "test")
    assert seen == sorted({*asked[:, :3].ravel().tolist(), *answers.tolist()})
    assert problem.train.y.tolist() == WORDS and len(problem.train.x) == 100 and problem.train.classes == 30
    first = problem.floor(problem.sample)
    assert (first == problem.floor(problem.sample)).all() and len(np.unique(first)) == first.size
    assert (problem.floor(problem.sample[::-1])[::-1] == first).all()


def test_data_that_bring_no_text_are_posed_with_none():
    asked, answers = analogies(20)
    problem = embed.pose(corpus(asked, answers, x=np.empty(0, np.uint8), classes=0, vocabulary=()), 0, 0, {})
    assert problem.train.x.size == 0 and 0 <= problem.judge(problem.floor, "test")["accuracy"] < 0.5


def test_wrong_vectors_and_words_are_told():
    asked, answers = analogies(20, WORDS[:9])
    judge = embed.pose(corpus(asked, answers), 100, 0, {}).judge
    assert judge(lambda q: np.ones((len(q), 2)), "valid") == {}
    for answer, sentence in (
        (lambda q: np.ones((len(q) - 1, 2)), "answered 8 of 9"),
        (lambda q: np.ones(len(q)), r"shape \(9,\)"),
        (lambda q: np.full((len(q), 2), np.inf), "first at question 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            judge(answer, "test")
    with pytest.raises(ValueError, match="validation is 0.2"):
        embed.pose(corpus(asked, answers), 100, 0, {}, validation=0.2)
    with pytest.raises(BadData, match="the vocabulary has 2 words, the tokens 30"):
        embed.pose(corpus(asked, answers, vocabulary=("a", "b")), 100, 0, {})
    with pytest.raises(BadData, match="StringDType"):
        embed.pose(corpus(asked[:, :3], answers), 100, 0, {})


# ---------------------------------------------------------------------------------------------------------------- all


PROBLEMS = {
    "next_token": lambda: next_token.pose(stream(), 100, 0, {}),
    "fill_blank": lambda: fill_blank.pose(stream(), 100, 0, {}),
    "translate": lambda: translate.pose(pairs(), 40, 0, {}),
    "tag": lambda: tag.pose(tagged(), 40, 0, {}),
    "segment": lambda: segment.pose(pictures(), 20, 0, {}),
    "forecast": lambda: forecast.pose(series(), 400, 0, {}, horizon=9, context=20),
    "one_shot": lambda: one_shot.pose(drawings(), 100, 0, {}),
    "embed": lambda: embed.pose(corpus(*analogies()), 100, 0, {}),
}


@pytest.mark.parametrize("task", PROBLEMS)
def test_a_question_can_be_counted_cut_and_repeated(task):
    """The harness takes one question, or a thousand by repeating, for the latency."""
    problem = PROBLEMS[task]()
    asked = []
    problem.judge(lambda q: (asked.append(q), problem.floor(q))[1], "test")
    for question in (asked[0], problem.sample):
        few = question[:1]
        assert len(few) == 1 and len(problem.floor(few)) == 1
        many = question.take([i % len(question) for i in range(1000)], axis=0)
        assert len(problem.floor(many)) == 1000


@pytest.mark.parametrize("task", PROBLEMS)
def test_another_split_is_told(task):
    problem = PROBLEMS[task]()
    with pytest.raises(ValueError, match="neither 'valid' nor 'test'"):
        problem.judge(problem.floor, "train")


@pytest.mark.parametrize("task", PROBLEMS)
def test_what_fit_is_lent_shares_no_memory_with_the_data(task):
    problem = PROBLEMS[task]()
    for array in (problem.train.x, problem.train.y, problem.sample):
        assert array is None or array.base is None
