"""The timeline: every technique by its year, its claims with their verdicts, and what they rest on. Plain values.

Beside it, how much each needed for one fixed quality: of all rows of one dataset the cheapest that reached it, and
where the training was judged on its way (`eras run --offers`), the first point there.
"""

import ast
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness import catalogue, claims, verdicts
from harness.contract import era

NONE = "no claim"
ORDER = ("fail", "refused", "inconclusive", "pass", "not run", NONE)  # what a technique's mark shows first
REACH = 0.9  # the fixed quality: skill, where 1 is the frozen reference of the dataset's card
SHOWN = 3  # samples of a claim

Row = Mapping[str, Any]


def exhibit(rows: Iterable[Row]) -> dict[str, Any]:
    """{"techniques": [...], "headline", "counts", "reach"}: JSON types only, what the page and `--json` show."""
    rows = [row for row in rows if _whole(row)]
    known = {row["id"]: row for row in rows}
    found: dict[str, list[dict[str, Any]]] = {}
    for one in verdicts.verdicts(rows, claims.registered()):
        used = [known[id_] for test in one["tests"] for id_ in test.rows]
        made = verdicts.plain(one) | {"shown": _shown(used), "command": command_of(one["claim"])}
        made |= {"machines": sorted({row["key"]["machine"] for row in used})}
        name = one["tests"][0].test.arms[0].technique if one["technique"] == claims.PLAN else one["technique"]
        found.setdefault(name, []).append(made)
    techniques = [_technique(name, found.get(name, [])) for name in catalogue.names("technique")]
    judged = [one["verdict"] for claims_ in found.values() for one in claims_]
    counts = {word: judged.count(word) for word in ORDER if judged.count(word)}
    return {
        "techniques": sorted(techniques, key=lambda one: (one["year"], one["title"])),
        "counts": counts,
        "headline": headline(counts),
        "reach": reach(rows),
    }


def _whole(row: Row) -> bool:
    """Whether a row has what is read here: files of rows may come from anywhere."""
    try:
        key, made = row["key"], row["provenance"]
        named = all(isinstance(key[name], str) for name in ("technique", "dataset", "machine", "code", "fingerprint"))
        named &= all(isinstance(key[name], int) for name in ("size", "seed", "tune"))
        posed = isinstance(key["keywords"], dict) and isinstance(key["condition"], dict)
        found = {"year", "title", "era"} <= made["technique"].keys() and {"title"} <= made["dataset"].keys()
        parts = all(isinstance(row[name], dict) for name in ("quality", "time", "memory", "work"))
        return named and posed and found and (row["status"] != "ok" or (parts and "metric" in row["quality"]))
    except (KeyError, TypeError, AttributeError):
        return False


def headline(counts: Mapping[str, int]) -> str:
    """
    >>> headline({"fail": 1, "pass": 3, "not run": 2})
    'Of 4 claims of history that were tested here 3 passed and 1 failed; 2 were not run.'
    """
    words = {
        "pass": "passed",
        "fail": "failed",
        "inconclusive": "stayed inconclusive",
        "refused": "could not be judged",
    }
    tested = sum(counts.get(word, 0) for word in words)
    waiting = counts.get("not run", 0)
    if not tested:
        return f"None of {waiting} registered claims of history has been tested with these rows."
    parts = [f"{counts[word]} {said}" for word, said in words.items() if counts.get(word)]
    told = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    rest = f"; {waiting} were not run" if waiting > 1 else "; 1 was not run" if waiting else ""
    if tested == 1:
        return f"The one claim of history that was tested here {told.removeprefix('1 ')}{rest}."
    return f"Of {tested} claims of history that were tested here {told}{rest}."


def _technique(name: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    card = catalogue.technique(name).card
    words = [one["verdict"] for one in found] or [NONE]
    return {
        "name": name,
        "title": card.title,
        "year": card.year,
        "era": era(card.year),
        "paper": card.paper,
        "deviations": deviations(name),
        "verdict": min(words, key=ORDER.index),
        "claims": found,
    }


def deviations(name: str) -> list[str]:
    """The numbered deviations from the paper that a technique's docstring lists."""
    told = ast.get_docstring(ast.parse(catalogue.path_of("technique", name).read_text(encoding="utf-8"))) or ""
    _, found, listed = told.partition("Deviations from the paper")
    points = re.split(r"^\s*\d+\. ", listed, flags=re.MULTILINE)[1:] if found else []
    return [" ".join(point.split()) for point in points]


def _shown(used: Iterable[Row]) -> list[dict[str, Any]]:
    """What rows keep for people to look at, of one seed of each arm: who made it, and the sample."""
    found: dict[str, dict[str, Any]] = {}
    for row in used:
        key = row["key"]
        words = ", ".join(f"{k}={v!r}" for k, v in key["keywords"].items())
        for name, sample in row.get("shown", {}).items():
            by = key["technique"] + (f"[{words}]" if words else "")
            found.setdefault(f"{by} {name}", {"by": by, "on": key["dataset"], "name": name} | sample)
    return list(found.values())[: 2 * SHOWN]


# -------------------------------------------------------------------------------------------- what one quality has cost


def reach(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Seconds and FLOPs of each technique's cheapest way to a skill of REACH, on one dataset.

    The dataset: of those where three techniques, and half of those tried, come there the one with techniques of most
    eras, then with most, then the dearest. None where there is none. Tuned cells are left out: they cost otherwise.
    """
    ways: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        if row["status"] == "ok" and not row["key"]["tune"] and _skill(row) is not None:
            _take(ways.setdefault(row["key"]["dataset"], {}), row)
    costs = {}
    for dataset, techniques in ways.items():
        there = [one for one in techniques.values() if one["seconds"] is not None]
        if len(there) >= max(3, len(techniques) / 2):
            eras = len({one["era"] for one in there})
            costs[dataset] = (eras, len(there), statistics.median(one["seconds"] for one in there))
    if not costs:
        return None
    dataset = max(sorted(costs), key=costs.__getitem__)
    lines = sorted(ways[dataset].values(), key=lambda one: (one["year"] or 0, one["title"]))
    row = next(row for row in rows if row["key"]["dataset"] == dataset and _skill(row) is not None)
    title = row["provenance"]["dataset"]["title"]
    return {"dataset": dataset, "title": title, "skill": REACH, "lines": lines, "score": _target(row)}


def _take(techniques: dict[str, dict[str, Any]], row: Row) -> None:
    """Put a row's points to its technique's, and its costs where they are lower."""
    made, name = row["provenance"]["technique"], row["key"]["technique"]
    about = {"name": name, "title": made["title"], "year": made["year"], "era": made["era"]}
    one = techniques.setdefault(name, about | {"seconds": None, "flops": None, "points": []})
    for point in _points(row):
        one["points"].append([point["flops"], point["skill"]])
        for what in ("seconds", "flops"):
            if point["skill"] >= REACH and point[what] and (one[what] is None or point[what] < one[what]):
                one[what] = point[what]


def _points(row: Row) -> list[dict[str, Any]]:
    """Its end, and where the training was judged on its way: seconds of the fit, its FLOPs, skill."""
    fit, flops, steps = row["time"]["fit"], row["work"]["flops"], row["time"]["steps"]
    found = []
    if not row["key"]["condition"].get("validation"):
        found.append({"seconds": fit, "flops": flops, "skill": _skill(row)})
    for point in row["trajectory"] or ():
        share = point["step"] / steps if steps else None
        skill = _of_score(row, point.get(row["quality"]["metric"]))
        if share and skill is not None:
            found.append({"seconds": point["seconds"], "flops": flops * share if flops else None, "skill": skill})
    return found


def _skill(row: Row) -> float | None:
    return _of_score(row, ((row.get("quality") or {}).get("test") or {}).get((row.get("quality") or {}).get("metric")))


def _of_score(row: Row, score: float | None) -> float | None:
    floor = (row["quality"].get("floor") or {}).get(row["quality"]["metric"])
    anchor = row["provenance"]["dataset"].get("anchor")
    if score is None or floor is None or anchor is None or anchor == floor:
        return None
    return (score - floor) / (anchor - floor)


def _target(row: Row) -> float:
    """The score that a skill of REACH is."""
    floor, anchor = row["quality"]["floor"][row["quality"]["metric"]], row["provenance"]["dataset"]["anchor"]
    return floor + REACH * (anchor - floor)


def command_of(name: str) -> str:
    """The command that runs the cells of a claim, those that are not there yet.

    >>> command_of("D22 ResNet")
    "eras run claims --claim 'D22 ResNet' && eras claims"
    """
    return f"eras run claims --claim '{name}' && eras claims"
