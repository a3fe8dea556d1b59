"""Cards are read without importing; names that do not exist come with the nearest ones; costs are compiled alone."""

import sys

import pytest

from harness import catalogue
from harness.catalogue import Mistake
from harness.contract import UNITS, Cost

TECHNIQUES = catalogue.names("technique")


@pytest.mark.parametrize("name", TECHNIQUES)
def test_card_equals_the_imported_one(name):
    found = catalogue.technique(name)
    module = catalogue.load(found.path)
    assert found.card == module.TECHNIQUE
    assert dict(found.defaults) == dict(module.fit.__kwdefaults__ or {})
    assert set(found.card.tasks) <= set(catalogue.names("task"))
    assert 1800 < found.card.year < 2030 and found.card.paper
    assert set(found.card.space) <= set(found.defaults)


@pytest.mark.parametrize("name", catalogue.names("dataset"))
def test_dataset_card_equals_the_imported_one(name):
    found = catalogue.dataset(name)
    assert found.card == catalogue.load(found.path).DATASET
    assert found.card.licence and found.card.source and found.card.anchor_source
    assert all(len(f.sha256) == 64 and f.bytes > 0 for f in found.card.files)


@pytest.mark.parametrize("name", TECHNIQUES)
def test_cost_alone_equals_cost_of_the_module(name):
    found = catalogue.technique(name)
    shape = (28, 28) if found.card.forms else (14,)
    args = (1_000, shape, 10, 100_000 if found.budgeted else None)
    alone = catalogue.cost_of(name)(*args)
    assert isinstance(alone, Cost) and alone == catalogue.load(found.path).cost(*args)
    assert alone.fit >= 0 and alone.answer > 0 and alone.bytes >= 0 and alone.unit in ("flops", "steps")


def test_finding_imports_no_technique_library():
    import subprocess

    code = (
        "import sys; from harness import catalogue as c; [c.technique(n) for n in c.names('technique')];"
        "[c.dataset(n) for n in c.names('dataset')]; [c.cost_of(n) for n in c.names('technique')];"
        "print(*sorted({'torch', 'numpy', 'sklearn', 'lightgbm'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=catalogue.ROOT)
    assert out.stdout.strip() == ""


@pytest.mark.parametrize(
    "kind, name, expected",
    [
        ("technique", "random_forrest", "random_forest"),
        ("technique", "KNN", "knn"),
        ("technique", "selftest.seg", "selftest.segv"),
        ("dataset", "fashon_mnist", "fashion_mnist"),
        ("technique", "./no/such.py", "no such file"),
    ],
)
def test_unknown_names_get_the_nearest(kind, name, expected):
    with pytest.raises(Mistake, match=expected):
        catalogue.find(kind, name)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("def fit(:", "is not Python"),
        ("TECHNIQUE = Technique(title='x', year=int('3'), paper='p', tasks=())", "line 1: a card holds literals"),
        ("TECHNIQUE = Technique(title='x', colour='red')", "line 1"),
        ("x = 1\n", None),
        ("", "neither a function fit"),
        ("def fit(train, run, *, k): ...\n", "needs a default"),
        ("TECHNIQUE = __import__('os').system('echo ran')", "a card holds literals"),
    ],
)
def test_files_that_are_no_techniques(tmp_path, text, expected):
    path = tmp_path / "mine.py"
    path.write_text(text)
    if expected is None:
        assert not catalogue.find("technique", str(path)).has_card
        return
    with pytest.raises(Mistake, match=expected):
        catalogue.find("technique", str(path))


def test_a_changed_file_has_another_hash(tmp_path):
    path, text = tmp_path / "mine.py", "def fit(train, run):\n    return None\n"
    path.write_text(text)
    first = catalogue.code_hash(catalogue.find("technique", str(path)))
    path.write_text(text + "# changed\n")
    catalogue.find.cache_clear()
    catalogue.file_hash.cache_clear()
    assert catalogue.code_hash(catalogue.find("technique", str(path))) != first


def test_a_claim_in_a_card_leaves_the_hash_as_it_is(tmp_path):
    """What it says changes no result; anything else in the file does."""
    card = "TECHNIQUE = Technique(\n    title='t',\n{claims}    year=2020,\n)\n"
    claim = "    claims=(\n        Claim({name!r}),\n    ),\n"
    texts = [card.format(claims=c) for c in ("", claim.format(name="one"), claim.format(name="another"))]
    texts += [texts[1] + "# changed\n", texts[1].replace("Technique(", "Other(")]
    one_line = "TECHNIQUE = Technique(title='t', space={space}, claims=(Claim('one'),))\n"
    texts += [one_line.format(space=space) for space in ("{}", "{'a': 1}")]
    hashes = []
    for k, text in enumerate(texts):
        (tmp_path / f"{k}.py").write_text(text)
        hashes.append(catalogue.file_hash(tmp_path / f"{k}.py"))
    assert hashes[0] == hashes[1] == hashes[2] and len(set(hashes)) == 5


def test_a_technique_that_uses_the_feed_changes_with_it():
    assert any(p.name == "feed.py" for p in catalogue.technique("mlp").ours)
    assert any(p.name == "split.py" for p in catalogue.find("task", "classify").ours)


def test_units_are_closed():
    from harness.contract import Budget

    assert len(UNITS) == 6
    with pytest.raises(ValueError, match="parsecs"):
        Budget("parsecs", 1)
