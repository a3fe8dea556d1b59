"""One side of `eras compare`: measures cells of this tree, under this interpreter, as it is told.

    python -P -m harness.side FOLDER        FOLDER: for what the cells keep

Requests and answers are JSON lines. Both sides of a comparison speak through this file, each its own revision's, so
what it understands may grow but never change:

    {"cells": [arguments of `eras plan`]}                -> {"cells": [{"name", "what", "files"}, ...], "told": []}
    {"measure": number in that list, "seed", "timeout"}  -> {"row": {...}}, or {"changed": a file of it that was}
    {"renew": true}                                      -> {}, after the processes that cells are forked from ended
"""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from harness import catalogue, cli, commands, data, isolate, machine, plan, row, run
from harness.contract import Cell
from harness.screen import Screen


def main(folder: str) -> None:
    """Serve until input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anything prints is not an answer
    slot, enforced_by = isolate.Slot(), machine.limits()["memory"]
    cells: list[Cell] = []
    preload: tuple[str, ...] = ()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "cells" in asked:
                cells, told = _planned(asked["cells"])
                # One server for all: cells in rotation would each wait for one of their own to import its libraries.
                preload = tuple(sorted({module for cell in cells for module in run.preload(cell)}))
                answer: dict[str, Any] = {"cells": [_told(cell) for cell in cells], "told": told}
            elif "measure" in asked:
                cell = dataclasses.replace(cells[asked["measure"]], seed=asked["seed"])
                answer = {"row": _measured(slot, cell, preload, Path(folder), asked["timeout"], enforced_by)}
                if changed := plan.changed(cell):
                    answer = {"changed": changed}
            else:
                slot.close()
                answer = {}
        except (catalogue.Mistake, OSError) as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    slot.close()


def _planned(arguments: list[str]) -> tuple[list[Cell], list[str]]:
    args = cli.parser().parse_args(["plan", *arguments])
    data.brought(args, Screen(quiet=True))
    cells, _, told, _ = commands.cells_of(args)
    alone = [cell for cell in cells if not cell.tune and not cell.needs]
    if len(alone) < len(cells):
        told = (*told, f"{len(cells) - len(alone)} cells that are tuned or need others' rows are left out")
    return alone, list(told)


def _told(cell: Cell) -> dict[str, Any]:
    key = plan.identity(plan.key(cell))
    files = {str(path) for found in plan.files(cell) for path in (found.path, *found.ours)}
    return {"name": json.dumps(key, sort_keys=True), "what": key | {"seed": cell.seed}, "files": sorted(files)}


def _measured(
    slot: isolate.Slot, cell: Cell, preload: tuple[str, ...], folder: Path, timeout: float, enforced_by: str
) -> dict[str, Any]:
    """The cell's row."""
    limit = int(run.SHARE * machine.memory_available())
    slot.start(cell, preload, run.request(cell, folder / "blobs", {}, 0), timeout, limit)
    outcome = None
    while outcome is None:
        outcome = slot.watch(run.LOOK)
    return row.of_outcome(cell, outcome, "compare", timeout=timeout, limit=limit, enforced_by=enforced_by)


if __name__ == "__main__":
    main(sys.argv[1])
