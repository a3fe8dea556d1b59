"""The timeline: every technique by its year, its claims with their verdicts, and what they rest on. Plain values.

Beside it, how much each needed for one fixed quality: of all rows of one dataset the cheapest that reached it, and
where the training was judged on its way (`eras run --offers`), the first point there.
"""

import ast
import re
import shlex
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness import catalogue, claims, verdicts
from harness.contract import SHOWN, STATUSES, Claim, era

NONE = "no claim"
ORDER = ("fail", "refused", "inconclusive", "pass", "not run", NONE)  # what a technique's mark shows first
REACH = 0.9  # the fixed quality: skill, where 1 is the frozen reference of the dataset's card
SAMPLES = 6  # of a claim

Row = Mapping[str, Any]


def exhibit(rows: Iterable[Row]) -> dict[str, Any]:
    """{"techniques": [...], "headline", "counts", "reach"}: JSON types only, what the page and `--json` show."""
    rows = [row for row in rows if _whole(row)]
    known = {row["id"]: row for row in rows}
    found: dict[str, list[dict[str, Any]]] = {}
    registered = claims.registered()
    by_name = {claim.name: claim for _, claim in registered}
    for one in verdicts.verdicts(rows, registered):
        used = [known[id_] for test in one["tests"] for id_ in test.rows]
        made = verdicts.plain(one) | {"shown": _shown(used), "command": command_of(by_name[one["claim"]])}
        made |= {"machines": sorted({row["key"]["machine"] for row in used})}
        name = one["tests"][0].test.arms[0].technique if one["technique"] == claims.PLAN else one["technique"]
        found.setdefault(name, []).append(made)
    techniques = [_technique(name, found.get(name, [])) for name in catalogue.names("technique")]
    judged = [one["verdict"] for claims_ in found.values() for one in claims_]
    counts = {word: judged.count(word) for word in ORDER if judged.count(word)}
    few = sum(one["verdict"] == "pass" and one["few"] > 0 for claims_ in found.values() for one in claims_)
    return {
        "techniques": sorted(techniques, key=lambda one: (one["year"], one["title"])),
        "counts": counts,
        "headline": headline(counts, few),
        "reach": reach(rows),
    }


def _whole(row: Any) -> bool:
    """Whether a row has what is read here, in its types: files of rows may come from anywhere."""
    try:
        key, made = row["key"], row["provenance"]
        named = ("technique", "dataset", "task", "machine", "device", "dtype", "code", "fingerprint")
        budget = key["budget"]
        return (
            all(isinstance(key[name], str) for name in named)
            and all(isinstance(key[name], int) for name in ("size", "seed", "tune", "threads"))
            and all(isinstance(key[name], dict) for name in ("keywords", "condition", "libraries"))
            and (
                budget is None or (isinstance(budget["unit"], str) and _number(budget["amount"]) and "bytes" in budget)
            )
            and isinstance(row["id"], str)
            and row["status"] in STATUSES
            and isinstance(made.get("started", ""), str | None)
            and isinstance(made["technique"]["title"], str)
            and isinstance(made["technique"]["year"], int)
            and 0 < made["technique"]["year"] < 3000
            and isinstance(made["technique"]["era"], str | None)
            and isinstance(made["dataset"]["title"], str)
            and (row["status"] != "ok" or _measured(row))
        )
    except (KeyError, TypeError, AttributeError):
        return False


def _measured(row: Row) -> bool:
    """The sections of a row that ended well."""
    quality, time, told, shown = row["quality"], row["time"], row.get("told", {}), row.get("shown", {})
    metric = quality["metric"]
    flops, anchor = row["work"].get("flops"), row["provenance"]["dataset"].get("anchor")
    return (
        _number(quality["test"][metric])
        and _number(quality["floor"][metric])
        and (anchor is None or _number(anchor))
        and _number(time["fit"])
        and time["fit"] > 0
        and _number(time.get("wall") or 0)
        and (flops is None or (_number(flops) and flops >= 0))
        and isinstance(row["memory"], dict)
        and all(one is None or _number(one) for one in (row["memory"].get("parameters"), time.get("steps")))
        and isinstance(row.get("search"), dict | None)
        and all(_number(value) for value in told.values())
        and all(isinstance(sample, dict) for sample in shown.values())
        and isinstance(row.get("trajectory", []), list)
        and all(_number(point["step"]) and _number(point["seconds"]) for point in row.get("trajectory", []))
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e30  # of NaN that is not so


def headline(counts: Mapping[str, int], few: int = 0) -> str:
    """few: of those that passed, how many with fewer than five seeds.

    >>> headline({"fail": 1, "pass": 3, "not run": 2}, 2)
    'Of 4 claims of history that were tested here 3 passed (2 of them with few seeds) and 1 failed; 2 lack rows.'
    """
    words = {
        "pass": "passed" + (f" ({few} of them with few seeds)" if few else ""),
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
    rest = f"; {waiting} lack rows" if waiting > 1 else "; 1 lacks rows" if waiting else ""
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
    """What rows keep for people to look at, of one seed of each arm: who made it, and the sample, bounded."""
    found: dict[str, dict[str, Any]] = {}
    for row in used:
        key = row["key"]
        words = ", ".join(f"{k}={v!r}" for k, v in key["keywords"].items())
        by = _cut(key["technique"] + (f"[{words}]" if words else ""), 200)
        for name, sample in row.get("shown", {}).items():
            about = {"by": by, "on": key["dataset"], "name": _cut(name, 200)}
            if isinstance(sample.get("text"), str):
                sample = {"text": _cut(sample["text"], SHOWN)}
            found.setdefault(f"{by} {name}", sample | about)
    return list(found.values())[:SAMPLES]


def _cut(text: str, most: int) -> str:
    """What can be written to a page: so many letters, and none that UTF-8 has not."""
    return text[:most].encode("utf-8", "replace").decode()


# -------------------------------------------------------------------------------------------- what one quality has cost


def reach(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Seconds and FLOPs of each technique's cheapest way to a skill of REACH, on one dataset.

    With default settings, on the machine and device that have most rows; of each size and point of training the mean
    skill over its seeds has to come there, and the middle of their seconds counts. The dataset: of those where three
    techniques, and half of those tried, come there the one with techniques of most eras, then with most, then the
    dearest. None where there is none.
    """
    able = [row for row in rows if row["status"] == "ok" and not row["key"]["tune"] and not row["key"]["keywords"]]
    able = [row for row in able if not set(row["key"]["condition"]) - {"validation"} and _skill(row) is not None]
    places = Counter(verdicts.means_of(row) for row in able)
    if not places:
        return None
    (place, _), *_ = places.most_common(1)
    able = _newest(row for row in able if verdicts.means_of(row) == place)
    ways: dict[str, dict[str, list[Row]]] = {}
    for row in able:
        ways.setdefault(row["key"]["dataset"], {}).setdefault(row["key"]["technique"], []).append(row)
    found = {
        dataset: [way for some in techniques.values() if (way := _way(some))["points"]]
        for dataset, techniques in ways.items()
    }
    costs = {}
    for dataset, lines in found.items():
        there = [one for one in lines if one["seconds"] is not None]
        if len(there) >= max(3, len(lines) / 2):
            eras = len({one["era"] for one in there})
            costs[dataset] = (eras, len(there), statistics.median(one["seconds"] for one in there))
    if not costs:
        return None
    dataset = max(sorted(costs), key=costs.__getitem__)
    lines = sorted(found[dataset], key=lambda one: (one["year"], one["title"]))
    row = next(iter(ways[dataset].values()))[0]
    title = row["provenance"]["dataset"]["title"]
    about = {"machine": place[0], "device": place[1], "score": _target(row)}
    return {"dataset": dataset, "title": title, "skill": REACH, "lines": lines} | about


def _newest(rows: Iterable[Row]) -> list[Row]:
    """Of each cell the newest row: files of techniques change, and an older row is no further seed."""
    found = {}
    for row in sorted(rows, key=verdicts.began):
        key = row["key"]
        found[repr([key[name] for name in ("technique", "dataset", "size", "seed", "budget", "condition")])] = row
    return list(found.values())


def _way(rows: Sequence[Row]) -> dict[str, Any]:
    """One technique on one dataset: every point (FLOPs, mean skill), and the lowest costs of those that came there."""
    made, name = rows[0]["provenance"]["technique"], rows[0]["key"]["technique"]
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        for point in _points(row):
            grouped.setdefault(repr([row["key"]["size"], row["key"]["budget"], point["step"]]), []).append(point)
    one: dict[str, Any] = {"name": name, "title": made["title"], "year": made["year"], "era": made["era"]}
    one |= {"seconds": None, "flops": None, "points": []}
    for seeds in grouped.values():
        skill, flops = statistics.mean(seed["skill"] for seed in seeds), seeds[0]["flops"]
        one["points"].append([flops, skill])
        now = {"seconds": statistics.median(seed["seconds"] for seed in seeds), "flops": flops}
        for what, value in now.items():
            if skill >= REACH and value and (one[what] is None or value < one[what]):
                one[what] = value
    return one


def _points(row: Row) -> list[dict[str, Any]]:
    """Its end, and where the training was judged on its way: step, seconds of the fit, its FLOPs, skill.

    What held rows out for that is judged on those, and its end is of fewer rows than its size.
    """
    fit, flops, steps = row["time"]["fit"], row["work"].get("flops"), row["time"].get("steps")
    found = []
    if not row["key"]["condition"].get("validation"):
        found.append({"step": None, "seconds": fit, "flops": flops, "skill": _skill(row)})
    for point in row.get("trajectory") or ():
        share = point["step"] / steps if steps else None
        skill = _of_score(row, point.get(row["quality"]["metric"]))
        if share and skill is not None:
            work = flops * share if flops else None
            found.append({"step": point["step"], "seconds": point["seconds"], "flops": work, "skill": skill})
    return found


def _skill(row: Row) -> float | None:
    return _of_score(row, row["quality"]["test"].get(row["quality"]["metric"]))


def _of_score(row: Row, score: Any) -> float | None:
    floor, anchor = row["quality"]["floor"][row["quality"]["metric"]], row["provenance"]["dataset"].get("anchor")
    if not _number(score) or anchor is None or anchor == floor:
        return None
    return (score - floor) / (anchor - floor)


def _target(row: Row) -> float:
    """The score that a skill of REACH is; where splits differ a little, that of the first row."""
    floor, anchor = row["quality"]["floor"][row["quality"]["metric"]], row["provenance"]["dataset"]["anchor"]
    return floor + REACH * (anchor - floor)


def command_of(claim: Claim) -> str:
    """The command that runs the cells of a claim, those that are not there yet."""
    device = " --device cuda" if claim.gpu else ""
    return f"eras run claims --claim {shlex.quote(claim.name)}{device} && eras claims"
