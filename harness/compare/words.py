"""What a comparison found: as plain values, in the terminal, as Markdown for a pull request."""

import math
import statistics
from collections import Counter
from typing import Any

from harness import machine, stats
from harness.compare import gauge
from harness.compare.judge import BAD, BETTER, BROKEN, SMALLER, WORKS, Finding, Judge, short
from harness.screen import duration

QUANTITIES = {"fit": "fit", "answer": "answers", "memory": "memory", "score": "score", "status": "", "call": ""}
GOOD = (gauge.FASTER, SMALLER, BETTER, WORKS)
ORDER = (*BAD, *GOOD, BROKEN, gauge.UNSURE, gauge.SAME)


def outcome(judge: Judge, sides: dict[str, Any], told: list[str], seconds: float) -> dict[str, Any]:
    """All of it as plain values; `exit` is the exit code."""
    found = sorted(judge.findings(), key=lambda f: (ORDER.index(f.word), -abs(f.verdict.change) if f.verdict else 0.0))
    counts = Counter(f.word for f in found)
    worse = sum(counts[word] for word in BAD)
    judged = [f for f in found if f.verdict]
    unsure = sum(f.word == gauge.UNSURE for f in judged) > len(judged) / 2 or counts[BROKEN] == len(found)
    pending = sum(f.word == gauge.UNSURE and f.verdict.pending for f in judged if f.verdict)
    timed = [f.verdict for f in judged if f.verdict and math.isfinite(f.verdict.visible)]
    return {
        "schema": 1,
        "base": sides["base"],
        "head": sides["head"],
        "machine": {name: machine.fingerprint()[name] for name in ("name", "cpu", "cores", "system")},
        "seconds": seconds,
        "cells": len(judge.cases),
        "visible": statistics.median(v.visible for v in timed) if timed else None,
        "overall": _overall(found),
        "counts": {word: counts[word] for word in ORDER if counts[word]},
        "findings": [_plain(f) for f in found],
        "thrown": judge.thrown,
        "left_out": [short(case.what) for case in judge.left_out],
        "told": told,
        "ended": judge.ended,
        "pending": pending,
        "self": all(sides["base"].get(name) == sides["head"].get(name) for name in ("commit", "dirty", "python")),
        "exit": 1 if worse else 2 if unsure or pending or judge.ended else 0,
    }


def _plain(finding: Finding) -> dict[str, Any]:
    verdict = finding.verdict
    found: dict[str, Any] = {"cell": short(finding.what), "what": dict(finding.what), "quantity": finding.quantity}
    found |= {"word": finding.word, "told": finding.told, "base": finding.base, "head": finding.head}
    if verdict:
        ends = {name: getattr(verdict, name) for name in ("change", "low", "high", "visible", "p")}
        found |= {name: value if math.isfinite(value) else None for name, value in ends.items()}
        found |= {"pairs": verdict.pairs, "clock": finding.clock, "logs": finding.logs}
    return found


def _overall(found: list[Finding]) -> dict[str, float] | None:
    """Geometric mean of head / base over all that was timed, with its 95 % interval over these."""
    logs = [math.log1p(f.verdict.change) for f in found if f.verdict and math.isfinite(f.verdict.change)]
    if len(logs) < 3:
        return None
    mean, low, high, _ = stats.winsorised(logs, 0.95)
    return {"ratio": math.exp(mean), "low": math.exp(low), "high": math.exp(high), "timings": len(logs)}


def headline(found: dict[str, Any]) -> str:
    """One sentence."""
    counts = found["counts"]
    if found["self"] and not found["ended"]:
        timed = sum("pairs" in f for f in found["findings"])
        alarms = sum(f["word"] in (*BAD, *GOOD) for f in found["findings"])
        return f"Self-test: {alarms} false alarms in {timed} timings of equal code."
    worse = [f"{counts[word]} {word}" for word in BAD if word in counts]
    if found["ended"]:
        return f"Ended early ({found['ended']}): these are the verdicts so far."
    if worse:
        return f"{found['head']['name']} is worse than {found['base']['name']}: {', '.join(worse)}."
    if counts.keys() <= {BROKEN}:
        return "Nothing could be compared: no cell runs on either side."
    if found["pending"]:
        return f"{found['pending']} seem slower, and the budget was too small to measure them again."
    if found["exit"] == 2:
        return "This machine is too noisy just now to tell."
    better = [f"{counts[word]} {word}" for word in GOOD if word in counts]
    return "Nothing became slower, bigger or worse" + (f"; {', '.join(better)}." if better else ".")


def facts(found: dict[str, Any]) -> list[str]:
    """What was compared, how finely, and what was left out."""
    timed = sum("pairs" in f for f in found["findings"])
    fine = f"; it can see changes of {found['visible']:.1%} and more" if found["visible"] is not None else ""
    about = [
        f"base {found['base']['text']}, head {found['head']['text']}",
        f"{found['cells']} cells, {timed} timings, {duration(found['seconds'])} on {found['machine']['name']}{fine}",
    ]
    if found["thrown"]:
        about.append(f"{found['thrown']} pairs were thrown away: the machine's speed changed within them")
    if found["left_out"]:
        few = ", ".join(found["left_out"][:5]) + (" ..." if len(found["left_out"]) > 5 else "")
        about.append(f"{len(found['left_out'])} cells were left out, the budget is too small for them: {few}")
    return about + found["told"]


def change(finding: dict[str, Any]) -> str:
    """The size of it, with interval: +12 % (99 %: +8 to +16; 20 pairs of cpu seconds)."""
    if finding.get("change") is None:
        return str(finding["told"])
    ends = f"99 %: {100 * finding['low']:+.1f} to {100 * finding['high']:+.1f}"
    sure = "confirmed, " if finding["word"] in (gauge.SLOWER, gauge.FASTER) else ""
    text = f"{100 * finding['change']:+.1f} % ({ends}; {sure}{finding['pairs']} pairs of {finding['clock']} seconds)"
    if finding["word"] == gauge.UNSURE:
        text += f", a change of {finding['visible']:.1%} would have been seen"
    return text + (f"; {finding['told']}" if finding["told"] else "")


def lines(found: dict[str, Any]) -> list[str]:
    """For the terminal: all but what is the same."""
    made = [headline(found), *facts(found), ""]
    for finding in found["findings"]:
        if finding["word"] != gauge.SAME:
            what = " ".join(filter(None, (finding["cell"] + ":", QUANTITIES[finding["quantity"]])))
            made.append(f"{finding['word']:11}  {what} {change(finding)}")
    made.append("   ".join(f"{word} {count}" for word, count in found["counts"].items()) + _overall_words(found))
    return made + ([found["path"]] if found.get("path") else [])


def _overall_words(found: dict[str, Any]) -> str:
    whole = found["overall"]
    return f"   overall x{whole['ratio']:.3f} ({whole['low']:.3f} to {whole['high']:.3f})" if whole else ""


def markdown(found: dict[str, Any]) -> str:
    """For a comment below a pull request."""
    made = [f"### {_safe(headline(found))}", "", *(f"{_safe(fact)}  " for fact in facts(found)), ""]
    told = [f for f in found["findings"] if f["word"] != gauge.SAME]
    if told:
        made += ["| verdict | cell | what | change |", "|---|---|---|---|"]
    for finding in told:
        cells = (finding["word"], finding["cell"], QUANTITIES[finding["quantity"]], change(finding))
        made.append("| " + " | ".join(_safe(cell) for cell in cells) + " |")
    counts = ", ".join(f"{count} {word}" for word, count in found["counts"].items())
    return "\n".join([*made, "", _safe(counts + _overall_words(found)), ""])


def _safe(text: str) -> str:
    """No name of a cell or a branch may become markup."""
    for sign in "\\`*_[]<>|&":
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(sign, "\\" + sign))
    return " ".join(text.split())
