"""A made-up `scale.Exhibit`, and rows that fit it: every frame filled, with the shapes that a real run gives them."""

import math
import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from harness.compare import gauge
from harness.scale import NAMES, ROLES
from tests.rows import MACHINE, make

FAMILY = {"table": "tables", "image": "images", "text": "text", "tokens": "language", "sound": "sound"}
FORMS = (("table", 4), ("image", 2), ("text", 2), ("sound", 1))
DATASETS = tuple(f"{form}_{k}" for form, many in FORMS for k in range(many))
SIZES = (32, 100, 316, 1_000, 3_162, 10_000)
ARMS: tuple[tuple[str, dict[str, Any], int], ...] = (  # technique, keywords, tune
    *((name, {}, 0) for name in ("logistic_regression", "knn", "random_forest", "gradient_boosting", "mlp")),
    *(("lenet", {"width": width}, 0) for width in (8, 16, 32)),
    ("random_forest", {}, 32),
    ("mlp", {}, 32),
)
CURVES = {"traditional": (0.52, 0.17), "small": (1.3, 0.26), "medium": (1.9, 0.33), "large": (2.9, 0.41)}


def family(dataset: str) -> str:
    return FAMILY[dataset.split("_")[0]]


def arm(technique: str, keywords: dict[str, Any], tune: int) -> str:
    """As `analyse` names it."""
    said = ",".join(f"{name}={value}" for name, value in sorted(keywords.items()))
    return (f"{technique}[{said}]" if said else technique) + (f" tuned {tune}" if tune else "")


def rows(datasets: tuple[str, ...] = DATASETS, sizes: tuple[int, ...] = SIZES, seeds: int = 3) -> list[dict[str, Any]]:
    """The full grid of datasets, ARMS, sizes and seeds; a timeout for the largest net at the largest size of one."""
    found = [
        make(technique, dataset, size, seed, keywords=keywords, tune=tune)
        for dataset in datasets
        for technique, keywords, tune in ARMS
        for size in sizes
        for seed in range(seeds)
    ]
    late = {"keywords": {"width": 32}, "status": "timeout", "reason": "longer than 120 s"}
    return found + [make("lenet", datasets[0], 31_623, seed, **late) for seed in range(seeds)]


def made_up(datasets: tuple[str, ...] = DATASETS, sizes: tuple[int, ...] = SIZES) -> SimpleNamespace:
    """Frames with the columns of `scale.exhibit`; plausible, and no measurement."""
    chance = random.Random(0)
    over, thin, lines = _curves(chance, datasets, sizes)
    crossings = _crossings(chance, datasets)
    titles = {
        "scale": f"On {len(datasets)} datasets classic methods lead up to 300 examples, from 3,000 large nets do.",
        "datasets": f"The large net overtakes on 7 of {len(datasets)} datasets.",
        "overtakes": "Most often the large net overtakes logistic regression.",
        "tuning": "Thirty-two trials move skill by +0.012 in the middle of 8 searches.",
        "certainty": "At 10,000 examples the large net wins 21, ties 9 and loses 6 of its comparisons.",
    }
    return SimpleNamespace(
        machine=MACHINE["name"], device="cpu", families=tuple(dict.fromkeys(map(family, datasets))), panel=datasets,
        pooled=over, thin=thin, lines=lines, leads=_leads(), crossings=crossings, matrix=_matrix(crossings),
        orderings=_orderings(), tuning=_tuning(chance, datasets), wins=_wins(over, len(datasets)),
        fits=_fits(datasets, sizes), devices=_devices(), titles=titles,
    )  # fmt: skip


def empty() -> SimpleNamespace:
    """What a small run has: every frame with its columns and no line."""
    whole = vars(made_up())
    frames = {name: value.head(0) for name, value in whole.items() if isinstance(value, pd.DataFrame)}
    return SimpleNamespace(**(whole | frames | {"panel": (), "titles": {}}))


def _skill(role: str, size: int, shift: float = 0.0) -> float:
    scale, exponent = CURVES[role]
    return 1.05 - min(1.0, scale * size**-exponent) - shift


def _curves(
    chance: random.Random, datasets: tuple[str, ...], sizes: tuple[int, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    over, thin, lines = [], [], []
    for role in ROLES:
        for size in sizes:
            middle, half = _skill(role, size), 0.6 / math.sqrt(size) * 0.5
            line = {"role": role, "size": size, "datasets": len(datasets), "seeds": 20 if size <= 316 else 5}
            line |= {"iqm": middle, "low": middle - half, "high": middle + half}
            over.append(line | {"wide_low": middle - 3 * half - 0.03, "wide_high": middle + 3 * half + 0.03})
        for dataset in datasets:
            shift = chance.gauss(0, 0.12)
            for size in sizes:
                about = {
                    "role": role,
                    "family": family(dataset),
                    "dataset": dataset,
                    "dataset_title": dataset,
                    "folds": 5,
                    "size": size,
                }
                thin.append(about | {"skill": _skill(role, size, shift) + chance.gauss(0, 0.3 / math.sqrt(size))})
                cost = (ROLES.index(role) + 1) * size**0.8
                lines.append(about | {"seed": 0, "arm": "lenet", "seconds": cost / 1e4, "extra_mib": cost / 50})
    return pd.DataFrame(over), pd.DataFrame(thin), pd.DataFrame(lines)


def _leads() -> pd.DataFrame:
    found = []
    for role, n, low, high in (("medium", 1_900.0, 900.0, 4_000.0), ("large", 820.0, 420.0, 1_500.0)):
        sentence = f"the {NAMES[role]} overtakes the best classic method at about {n:,.0f} examples"
        found.append(
            {"first": "traditional", "second": role, "size": n, "low": low, "high": high, "sentence": sentence}
        )
    return pd.DataFrame(found)


def _crossings(chance: random.Random, datasets: tuple[str, ...]) -> pd.DataFrame:
    labels = (
        "Logistic regression",
        "k nearest neighbours",
        "Random forest",
        "Gradient boosting",
        "Multilayer perceptron",
    )
    arms = {arm(*one): label for one, label in zip(ARMS, labels, strict=False)} | NAMES
    names, found = list(arms), []
    for dataset in datasets:
        for k, first in enumerate(names):
            for second in names[k + 1 :]:
                outcome = chance.choice(("crossover", "first ahead", "second ahead", "tie", "open", "several"))
                crossed = outcome == "crossover"
                n = 10 ** chance.uniform(2, 3.6) if crossed else math.nan
                line = {"dataset": dataset, "task": "classify", "dataset_title": dataset, "family": family(dataset)}
                line |= {"first": first, "first_label": arms[first], "second": second, "second_label": arms[second]}
                winner = {"crossover": "second", "second ahead": "second", "first ahead": "first"}.get(outcome, "tie")
                line |= {
                    "outcome": outcome,
                    "n": n,
                    "low": n / 2,
                    "high": n * 2,
                    "bracket_low": n / 3,
                    "bracket_high": n * 3,
                }
                found.append(line | {"winner": winner, "largest": 10_000, "seeds": 3})
    return pd.DataFrame(found)


def _matrix(crossings: pd.DataFrame) -> pd.DataFrame:
    names = {"first": "second", "second": "first", "first_label": "second_label", "second_label": "first_label"}
    back = crossings.rename(columns=names)
    back["winner"] = back["winner"].replace({"first": "second", "second": "first"})
    found = []
    keys = ["first", "first_label", "second", "second_label"]
    for key, some in pd.concat([crossings, back]).groupby(keys):
        over = some[(some["outcome"] == "crossover") & (some["winner"] == "second")]
        line = dict(zip(keys, key, strict=True)) | {"datasets": len(some), "crossed": len(over)}
        line |= {
            "share": len(over) / len(some),
            "median_n": over["n"].median(),
            "unit": "examples",
            "ties": (some["winner"] == "tie").mean(),
        }
        found.append(line | {"won": (some["winner"] == "second").mean()})
    return pd.DataFrame(found)


def _orderings() -> pd.DataFrame:
    sentences = ("Classic methods lead", "Slopes of nets are steeper", "The larger net is the better", "Nets overtake")
    verdicts = ("holds", "holds", "cannot tell", "fails")
    found = []
    for number, (sentence, verdict) in enumerate(zip(sentences, verdicts, strict=True), 1):
        for name in ("", "tables", "images", "text", "sound"):
            said = (
                "families: 3 holds"
                if not name
                else "skill, classic less large net: +0.113 (+0.046 to +0.180, 20 seeds)"
            )
            one = verdict if not name or number != 3 else "not measured"
            found.append({"number": number, "sentence": sentence, "family": name, "verdict": one, "evidence": said})
            found[-1]["datasets"] = 2 if name else 0
    return pd.DataFrame(found)


def _tuning(chance: random.Random, datasets: tuple[str, ...]) -> pd.DataFrame:
    found = []
    for dataset in datasets[:2]:
        for size in (316, 3_162):
            for name, label in (
                ("random_forest", "Random forest"),
                ("mlp", "Multilayer perceptron"),
                ("knn", "k nearest neighbours"),
            ):
                start, gain = 0.5 + chance.uniform(0, 0.2), chance.uniform(-0.01, 0.08)
                for k, trials in enumerate((1, 2, 4, 8, 16, 32)):
                    skill = start + gain * (1 - 0.6**k)
                    line = {
                        "family": family(dataset),
                        "dataset": dataset,
                        "dataset_title": dataset,
                        "size": size,
                        "unit": "examples",
                        "arm": name,
                    }
                    line |= {
                        "label": label,
                        "trials": trials,
                        "skill": skill,
                        "low": skill - 0.02,
                        "high": skill + 0.02,
                    }
                    found.append(
                        line | {"seconds": 0.4 * trials, "default": start, "edges": "k" if name == "knn" else ""}
                    )
    return pd.DataFrame(found)


def _wins(over: pd.DataFrame, datasets: int) -> pd.DataFrame:
    found = []
    for (role, size), line in over.groupby(["role", "size"]):
        share = min(1.0, max(0.0, float(line["iqm"].iloc[0])))
        wins, ties = round(3 * datasets * share * 0.7), round(3 * datasets * 0.2)
        about = {"arm": role, "label": NAMES[str(role)], "size": size, "wins": wins, "ties": ties}
        about |= {"losses": 3 * datasets - wins - ties, "datasets": datasets}
        found.append(about | line[["iqm", "low", "high", "wide_low", "wide_high"]].iloc[0].to_dict())
    return pd.DataFrame(found)


def _fits(datasets: tuple[str, ...], sizes: tuple[int, ...]) -> pd.DataFrame:
    found = []
    for k, dataset in enumerate(datasets):
        for name, label in (("random_forest", "Random forest"), ("gradient_boosting", "Gradient boosting")):
            xs = np.geomspace(sizes[-1], 4 * sizes[-1], 9)
            ys = 0.9 - (0.5 if name == "random_forest" else 0.8) * xs**-0.4
            line = {"dataset": dataset, "dataset_title": dataset, "arm": name, "label": label, "model": "pow4"}
            line |= {"residual": 0.002 + k / 1_000, "miss": 0.004 + k / 500, "drawn": k % 3 != 2, "monotone": k != 2}
            found.append(line | {"xs": xs.tolist(), "ys": ys.tolist()})
    return pd.DataFrame(found)


def _devices() -> pd.DataFrame:
    line = {
        "label": "LeNet-5",
        "dataset": "image_0",
        "size": 1_000,
        "seeds": 3,
        "dtype": "float32",
        "quality_cpu": 0.812,
        "quality_cuda": 0.815,
    }
    line |= {"low": -0.004, "high": 0.01, "speed_ratio": 11.5, "memory_cpu": 180.0, "memory_cuda": 260.0}
    return pd.DataFrame([line])


def outcome(hostile=""):
    """An outcome of `eras compare` as it is stored: slower, the same, not to be told; memory; a failure."""
    timed = [(0.12, 0.08, 0.16, gauge.SLOWER), (0.001, -0.01, 0.012, gauge.SAME), (0.04, -0.08, 0.17, gauge.UNSURE)]
    findings = [
        {
            "cell": f"knn{hostile} on digits, n = {100 + k}", "what": {}, "quantity": "fit", "word": word, "told": "",
            "base": 0.1, "head": 0.1, "change": change, "low": low, "high": high, "visible": 0.05, "p": 0.01,
            "pairs": 15, "clock": "cpu", "logs": [0.1] * 15,
        }
        for k, (change, low, high, word) in enumerate(timed)
    ]  # fmt: skip
    other = {"cell": "mlp on digits, n = 100", "what": {}, "base": None, "head": None}
    findings.append(other | {"quantity": "memory", "word": "BIGGER", "told": "+30.0 MiB"})
    findings.append(other | {"quantity": "status", "word": "FAILS", "told": f"head: error: {hostile}"})
    side = {"name": f"main{hostile}", "text": f"main{hostile}", "commit": "", "dirty": False, "python": "python"}
    return {
        "schema": 1, "base": side, "head": side, "machine": {"name": "fake-2c"}, "seconds": 61.0, "cells": 3,
        "visible": 0.04, "overall": {"ratio": 1.02, "low": 0.99, "high": 1.05, "timings": 3},
        "counts": {"SLOWER": 1, "BIGGER": 1, "FAILS": 1, "CANNOT TELL": 1, "SAME": 1}, "findings": findings,
        "thrown": 0, "left_out": [], "told": [], "ended": "", "pending": 0, "self": False, "exit": 1,
    }  # fmt: skip
