"""Made-up rows for tests, in the form the store yields. Same arguments, same row; every one says that it is fake."""

import hashlib
import json
import math
import random
from typing import Any

TECHNIQUES = {  # name: (title, year, error left at n = 1, exponent, fit seconds at n = 1,000, exponent, MiB there)
    "logistic_regression": ("Logistic regression", 1958, 0.55, 0.18, 0.02, 0.9, 5),
    "knn": ("k nearest neighbours", 1967, 0.95, 0.28, 0.001, 1.0, 20),
    "random_forest": ("Random forest", 2001, 1.4, 0.36, 0.25, 1.1, 60),
    "gradient_boosting": ("Gradient boosting", 2001, 2.4, 0.44, 0.4, 0.7, 40),
    "mlp": ("Multilayer perceptron", 1986, 1.9, 0.40, 1.5, 0.6, 90),
    "lenet": ("LeNet-5", 1998, 3.2, 0.50, 6.0, 0.8, 150),
}
DATASETS = {  # name: (title, metric, higher is better, floor, anchor, form, protocol, rows, test)
    "digits": ("Digits", "accuracy", True, 0.1, 0.98, "image", "folds", 1437, 360),
    "fashion_mnist": ("Fashion-MNIST", "accuracy", True, 0.1, 0.897, "image", "official", 60000, 10000),
    "adult": ("Adult", "accuracy", True, 0.7607, 0.873, "table", "official", 32561, 16281),
    "friedman1": ("Friedman 1", "rmse", False, 4.9, 1.3, "table", "generated", 1000000, 10000),
}
MACHINE: dict[str, Any] = {
    "name": "fake-2c-8g-000000", "cpu": "Fake CPU", "cores": 2, "memory": 8_000_000_000, "gpu": None, "system": "Linux",
}  # fmt: skip


def make(
    technique: str = "knn",
    dataset: str = "digits",
    size: int = 100,
    seed: int = 0,
    score: float | None = None,
    status: str = "ok",
    reason: str = "",
    device: str = "cpu",
    machine: str = MACHINE["name"],
    fit: float | None = None,
    extra: int | None = None,
    **key: Any,
) -> dict[str, Any]:
    """One row. `score`: of the dataset's metric on test; `key`: keywords=, condition=, threads=, tune=, code= ..."""
    title, year, scale, exponent, seconds, growth, mib = TECHNIQUES.get(technique, (technique, 2020, 1, 0.3, 1, 1, 50))
    name, metric, higher, floor, anchor, form, protocol, rows, test = DATASETS.get(
        dataset, (dataset, "accuracy", True, 0.5, 0.9, _form(dataset), "folds", 1000, 200)
    )
    given = "".join(str(key.get(name) or "") for name in ("keywords", "tune"))
    chance = random.Random(f"{technique} {dataset} {size} {seed}{given}")
    if score is None:
        left = min(1.0, scale * size**-exponent) + chance.gauss(0, 0.25 / math.sqrt(size))
        score = floor + (anchor - floor) * (1 - left)
    full_key = {
        "technique": technique, "keywords": {}, "condition": {}, "dataset": dataset,
        "task": "classify" if higher else "regress",
        "fingerprint": "fake", "size": size, "seed": seed, "device": device, "threads": 2, "dtype": "float32",
        "budget": None, "tune": 0, "needs": {}, "code": "fake", "libraries": {}, "machine": machine,
    } | key  # fmt: skip
    ok = status == "ok"
    fit = seconds * (size / 1000) ** growth * chance.uniform(0.9, 1.1) if fit is None else fit
    extra = int(mib * 2**20 * (size / 1000) ** 0.8) if extra is None else extra
    phase = {"peak": extra + 2**27, "baseline": 2**27, "extra": extra}
    speed = 2e6 / (1 + fit)
    return {
        "schema": 1,
        "id": hashlib.sha256(json.dumps(full_key, sort_keys=True).encode()).hexdigest()[:20],
        "key": full_key,
        "status": status,
        "reason": reason,
        "stderr": "",
        "provenance": {
            "run": "fake", "commit": "fake000", "dirty": False, "started": f"2026-11-21T08:{seed:02}:00Z",
            "eras": "0.1.0", "python": "3.11.7", "versions": {"scikit-learn": "1.9.1"},
            "technique": {"title": title, "year": year, "paper": "A fake row of a test, no measurement", "era": None},
            "dataset": {
                "title": name, "year": 1998, "licence": "CC BY 4.0", "source": "https://example.org/fake",
                "form": form, "shape": [8, 8] if form == "image" else [10], "classes": 10 if higher else 0,
                "rows": rows, "test": test,
                "metric": metric, "higher_is_better": higher, "protocol": protocol,
                "anchor": anchor, "anchor_source": "fake",
            },
            "machine": MACHINE | {"name": machine}, "gpu_flags": None,
        },
        "quality": {
            "metric": metric, "higher_is_better": higher, "test": {metric: score} if ok else None, "valid": {},
            "floor": {metric: floor}, "ceiling": None,
        },
        "trajectory": [],
        "notes": [],
        "time": {
            "import": 0.5, "load": 0.1, "fit": fit, "fit_cpu": fit, "first_step": None, "steps": 0,
            "answer": test / speed, "answer_cpu": test / speed, "answers": test, "throughput": speed,
            "latency_1": 2e-4, "latency_1000": 1000 / speed, "raw": {}, "total": fit + 1,
        } if ok else None,
        "memory": {"load": phase, "fit": phase, "answer": phase, "anonymous": extra, "tree": None, "cuda": None,
                   "parameters": 1000, "train": size * 256, "limit": 4e9, "enforced_by": "cgroup2"} if ok else None,
        "work": {"flops": 1e6 * size, "provenance": "analytic"} if ok else None,
        "energy": {"joules": None, "source": None},
        "why": {"energy.joules": "a fake row"} if ok else {"*": reason},
    }  # fmt: skip


def _form(dataset: str) -> str:
    """ "image_3" is an image dataset; what names no form is a table."""
    form = dataset.split("_")[0]
    return form if form in ("image", "text", "tokens", "sound", "series") else "table"


def many(
    techniques: tuple[str, ...] = tuple(TECHNIQUES),
    datasets: tuple[str, ...] = tuple(DATASETS),
    sizes: tuple[int, ...] = (32, 100, 316, 1000),
    seeds: int = 5,
    **given: Any,
) -> list[dict[str, Any]]:
    """The full grid of `make`."""
    return [make(t, d, n, s, **given) for d in datasets for t in techniques for n in sizes for s in range(seeds)]


def of_rung(
    technique: str,
    ladder: str,
    decade: int,
    seed: int,
    score: float | None = None,
    dataset: str = "image_0",
    net: bool = False,
    refused: str = "",
    field: tuple[str, ...] = ("knn", "mlp"),
    **account: Any,
) -> dict[str, Any]:
    """A row of the decades' plan: a tuned cell of that rung, or one that the plan refused. field: who enters it."""
    budget = {"unit": "flops", "amount": float(decade), "bytes": decade}
    how = {"status": "skipped", "reason": refused} if refused else {"score": score}
    row = make(technique, dataset, 100, seed, budget=budget, tune=0 if refused else 4, **how)
    told = {"rungs": [f"{ladder} {decade}"], "binding": "bytes" if refused else "rows", "bytes": 10, "fits": 5}
    told |= {"flops": 5.0 * decade, "rows": 100, "refused": refused, "period": 86_400.0, "reading": "fixed"}
    row["provenance"]["account"] = told | {"field": list(field)} | account
    if not refused:
        row["time"]["steps"], row["search"] = 7 if net else None, {"seconds": 2.0, "best": {"lr": 0.01}}
    return row
