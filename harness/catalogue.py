"""Finds techniques, tasks, datasets and plans by file name, and reads their cards with `ast`: importing none of them.

A name with a dot ("selftest.noop") is a folder in harness/; a name that ends in .py is a file of the user's.
"""

import __future__

import ast
import difflib
import hashlib
import importlib.util
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

from harness import contract
from harness.contract import Cost, Dataset, Technique

ROOT = Path(__file__).resolve().parent.parent
SELF = "selftest."  # what only tests the harness is called so, techniques and datasets
FOLDERS = {
    "technique": (ROOT / "baselines", ROOT / "deep_models"),
    "task": (ROOT / "harness" / "tasks",),
    "dataset": (ROOT / "harness" / "datasets",),
    "plan": (ROOT / "harness" / "plans",),
}
CARDS = {"technique": "TECHNIQUE", "dataset": "DATASET"}
KINDS: dict[str, type] = {"technique": Technique, "dataset": Dataset}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "skimage": "scikit-image", "PIL": "pillow"}  # import name -> package name


class Mistake(Exception):
    """A user's mistake: one sentence that says what was wrong, where, and what would be right. Exit code 2."""


@dataclass(frozen=True)
class Found:
    """One technique or dataset as its file tells it.

    imports   names of the modules outside the standard library that the file's top level imports
    lazily    those that it, or a file of ours that it imports, imports anywhere
    ours      files of the harness that it imports, the contract apart: their change changes results
    defaults  {hyperparameter: default}, in the order of `fit`
    budgeted  it learns in steps (`run.steps`), so its cells carry a budget
    has_card  False: a user's file as it stands
    """

    name: str
    path: Path
    card: Any
    imports: tuple[str, ...]
    ours: tuple[Path, ...]
    lazily: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    budgeted: bool = False
    has_card: bool = True


def names(kind: str) -> list[str]:
    """The names of all techniques (tasks, datasets, plans) there are; the self-tests are in no list."""
    return sorted(p.stem for folder in FOLDERS[kind] for p in folder.glob("*.py") if not p.stem.startswith("_"))


def path_of(kind: str, name: str) -> Path:
    """The file of that name. Raises Mistake with the nearest names."""
    if name.endswith(".py") or "/" in name:
        path = Path(name).expanduser().resolve()
        if not path.is_file():
            raise Mistake(f"{kind} {name}: there is no such file")
        if path.suffix != ".py":
            raise Mistake(f"{kind} {name}: a file whose name ends in .py is right")
        if path.stem in names(kind) and path.parent not in FOLDERS[kind]:
            raise Mistake(f"{kind} {name}: rows go by name, and the project has a {path.stem} too; rename the file")
        return path
    if "." in name and kind in ("technique", "dataset"):
        folder, _, stem = name.partition(".")
        candidates = [ROOT / "harness" / folder / f"{stem}.py"]
        known = [f"{folder}.{p.stem}" for p in (ROOT / "harness" / folder).glob("*.py")] or names(kind)
    else:
        candidates = [folder / f"{name}.py" for folder in FOLDERS[kind]]
        known = names(kind)
    for path in candidates:
        if path.is_file() and not path.stem.startswith("_"):
            return path
    near = difflib.get_close_matches(name, known, 3, 0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(sorted(known))}"
    raise Mistake(f"no {kind} is called {name!r}; {hint}")


@cache
def find(kind: str, name: str) -> Found:
    """Read one file. Raises Mistake where it cannot be parsed, or has no readable card."""
    path = path_of(kind, name)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # bad UTF-8, null bytes, nested too deep
        raise Mistake(f"{kind} {name}: {path} is not Python: {error}") from None
    assigned = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    card_name = CARDS.get(kind)
    card: Any = None
    if card_name and card_name in assigned:
        where = f"{path}, line {assigned[card_name].lineno}: {card_name}"
        card = typed(_literal(assigned[card_name], path), KINDS[kind], where)
        for task in card.tasks:
            path_of("task", task)
    elif kind == "technique":
        card = _plain_card(tree, path)
    elif kind == "dataset":
        raise Mistake(f"dataset {name}: {path} has no card; it needs DATASET = Dataset(...)")
    fit = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "fit"), None)
    return Found(
        name=str(path) if name.endswith(".py") or "/" in name else name,
        path=path,
        card=card,
        imports=_imports(tree),
        ours=_ours(tree),
        lazily=_outside(m for t in (tree, *map(_parsed, _ours(tree))) for m in _imported(t)),
        defaults=_defaults(fit, path) if fit else {},
        has_card=card_name in assigned,
        budgeted=any(isinstance(n, ast.Attribute) and n.attr == "steps" for n in ast.walk(tree)),
    )


def technique(name: str) -> Found:
    """A technique by name or file."""
    return find("technique", name)


def dataset(name: str) -> Found:
    """A dataset by name or file."""
    return find("dataset", name)


def _plain_card(tree: ast.Module, path: Path) -> Technique:
    """A file without a card: a function `fit`, or an estimator (fit and predict), taken as it stands."""
    has_fit = any(isinstance(n, ast.FunctionDef) and n.name == "fit" for n in tree.body)
    estimators = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.Assign)]
    if not has_fit and not estimators:
        raise Mistake(
            f"technique {path}: found neither a function fit(train, run) nor an estimator with fit and predict"
        )
    year = time.gmtime().tm_year
    return Technique(title=path.stem, year=year, paper="a file of the user's", tasks=("classify", "regress"))


def typed(made: Any, kind: type, where: str) -> Any:
    """`made`, once it and its fields have the contract's types. Raises Mistake: ("classify") for ("classify",), say."""
    if not isinstance(made, kind):
        raise Mistake(f"{where} is {made!r:.60}; {kind.__name__}(...) is right")
    for asked in fields(kind):
        value = getattr(made, asked.name)
        if not _is_a(value, asked.type):
            right = asked.type.__name__ if type(asked.type) is type else asked.type
            raise Mistake(f"{where}: {asked.name} is {value!r:.60}; {right} is right")
    return made


def _is_a(value: Any, asked: Any) -> bool:
    if get_origin(asked) is UnionType:
        return any(_is_a(value, one) for one in get_args(asked))
    if get_origin(asked) is Callable:
        return callable(value)
    if get_origin(asked) is tuple:
        return isinstance(value, tuple) and all(isinstance(item, get_args(asked)[0]) for item in value)
    if get_origin(asked) is Mapping:
        return isinstance(value, Mapping)
    return isinstance(value, asked) or (asked is float and isinstance(value, int))


def _literal(node: ast.expr, path: Path) -> Any:
    """The value of literals and of calls of contract names; anything else is a Mistake with its line."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Tuple() | ast.List():
            return tuple(_literal(item, path) for item in node.elts)
        case ast.Dict(keys=keys, values=values) if None not in keys:  # None: {**more}
            return {_literal(k, path): _literal(v, path) for k, v in zip(keys, values, strict=True) if k}
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Call(func=ast.Name(id=name)) if name in contract.__dict__:
            made = getattr(contract, name)
            try:
                given = [_literal(a, path) for a in node.args]
                return made(*given, **{k.arg: _literal(k.value, path) for k in node.keywords if k.arg})
            except (TypeError, ValueError) as error:
                raise Mistake(f"{path}, line {node.lineno}: {error}") from None
    raise Mistake(
        f"{path}, line {node.lineno}: a card holds literals and contract names, not {ast.unparse(node)[:60]!r}"
    )


def _defaults(fit: ast.FunctionDef, path: Path) -> dict[str, Any]:
    found = {}
    for argument, default in zip(fit.args.kwonlyargs, fit.args.kw_defaults, strict=True):
        if default is None:
            raise Mistake(f"{path}, line {fit.lineno}: hyperparameter {argument.arg} of fit needs a default")
        found[argument.arg] = _literal(default, path)
    return found


def _imported(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names_ = [f"{node.module}.{alias.name}" for alias in node.names]
            found += names_ if node.module == "harness" else [node.module]
    return found


def _imports(tree: ast.Module) -> tuple[str, ...]:
    """Modules outside the standard library that the top level imports: what a server may import ahead of the fork."""
    top = ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom | ast.Try)], [])
    return _outside(_imported(top))


def _outside(modules: Iterable[str]) -> tuple[str, ...]:
    """Those that neither the standard library has nor we."""
    known = {*sys.stdlib_module_names, "harness"}
    return tuple(sorted({m for m in modules if m.split(".")[0] not in known}))


def _ours(tree: ast.Module) -> tuple[Path, ...]:
    """Files of the harness that a file imports, and what these import in turn; the contract apart."""
    found: dict[Path, None] = {}
    waiting = [tree]
    while waiting:
        modules = {m for m in _imported(waiting.pop()) if m.startswith("harness.") and m != "harness.contract"}
        for path in (ROOT / Path(*m.split(".")).with_suffix(".py") for m in modules):
            if path.is_file() and path not in found:
                found[path] = None
                waiting.append(_parsed(path))
    return tuple(sorted(found))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def cost_of(name: str) -> Any:
    """The technique's `cost` function, compiled alone from its source (it may use builtins, math and Cost), or None."""
    path = path_of("technique", name)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    node = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "cost"), None)
    if node is None:
        return None
    scope: dict[str, Any] = {"math": math, "Cost": Cost}
    lazy = __future__.annotations.compiler_flag  # annotations may name what only the file imports
    exec(compile(ast.Module([node], []), str(path), "exec", lazy, True), scope)
    return scope["cost"]


def public_name(name: str) -> str:
    """A file of the user's is called by its stem in rows; no path of one machine goes into them.

    >>> public_name("/home/me/mine.py"), public_name("knn")
    ('mine', 'knn')
    """
    return name.rsplit("/", 1)[-1].removesuffix(".py")


@cache
def file_hash(path: Path) -> str:
    """First 12 digits of the SHA-256 of a file's bytes, without its card's claims: they change no result."""
    text = path.read_bytes()
    if b"claims=" in text:
        lines = text.splitlines(keepends=True)
        for call in (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)):
            for word in (w for w in call.keywords if w.arg == "claims" and ast.unparse(call.func) == "Technique"):
                first, last = lines[word.lineno - 1], lines[(word.end_lineno or word.lineno) - 1]
                if first[: word.col_offset].strip() == b"" and last[word.end_col_offset :].strip() in (b"", b","):
                    lines[word.lineno - 1 : word.end_lineno] = []  # alone on its lines
        text = b"".join(lines)
    return hashlib.sha256(text).hexdigest()[:12]


@cache
def version(module: str) -> str | None:
    """Installed version of the package that brings `module`; None where it is not installed. Imports nothing."""
    from importlib import metadata

    try:
        return metadata.version(DISTRIBUTIONS.get(module, module))
    except metadata.PackageNotFoundError:
        return None


def libraries(found: Found, lazily: bool = False) -> dict[str, str]:
    """{package: installed version} of what a file imports at its top, or `lazily`, anywhere."""
    shipped = [package] if (package := getattr(found.card, "package", "")) else []
    roots = sorted({m.split(".")[0] for m in (found.lazily if lazily else found.imports)} | set(shipped))
    return {DISTRIBUTIONS.get(r, r): v for r in roots if (v := version(r))}


def code_hash(*found: Found) -> str:
    """One hash over the files of a cell (technique, task, dataset) and the files of ours that they import."""
    files = dict.fromkeys(p for f in found for p in (f.path, *f.ours))
    return hashlib.sha256("".join(file_hash(p) for p in files).encode()).hexdigest()[:12]


def fingerprint(found: Found) -> str:
    """What a dataset's content rests on: checksums, or the library that ships it, and the loader's version."""
    card: Dataset = found.card
    checksums = [f.sha256 for f in card.files] + [card.content] * bool(card.content)
    basis = checksums or sorted(minor(v) for v in libraries(found, lazily=True).values())
    return hashlib.sha256(f"{card.version}{basis}{card.protocol}".encode()).hexdigest()[:12]


def minor(text: str) -> str:
    """
    >>> minor("2.13.0+cpu")
    '2.13'
    """
    return ".".join(text.split("+")[0].split(".")[:2])


def load(path: Path) -> ModuleType:
    """Import one file by path. Only the child that runs a cell calls this for techniques, tasks and datasets."""
    spec = importlib.util.spec_from_file_location(f"eras_{path.parent.name}_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
