"""A file of HIGGS' shape, 11 million rows of 28 numbers: seconds and memory to load it, first and later, by two ways.

    python -m benchmarks.large FOLDER     (8.5 GB of disk; minutes; prints one JSON object)

The rows repeat: 100,000 are drawn and written in the published format (25 characters a number), 110 times over.
"""

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROWS, BLOCK, COLUMNS = 11_000_000, 100_000, 28
FLOAT32 = ROWS * COLUMNS * 4


def write(folder: Path) -> None:
    """HIGGS.csv.gz without a header, and own.csv with one."""
    import numpy as np

    rng = np.random.default_rng(0)
    table = np.hstack([rng.integers(0, 2, (BLOCK, 1)), rng.normal(size=(BLOCK, COLUMNS))])
    block = "".join(",".join(f"{value:.18e}" for value in row) + "\n" for row in table).encode()
    packed = gzip.compress(block, 1)
    with (folder / "HIGGS.csv.gz").open("wb") as stream:
        for _ in range(ROWS // BLOCK):
            stream.write(packed)  # members of a gzip file follow each other
    with (folder / "own.csv").open("wb") as stream:
        stream.write((",".join(["label", *(f"f{i}" for i in range(COLUMNS))]) + "\n").encode())
        for _ in range(ROWS // BLOCK):
            stream.write(block)


def dataset(folder: Path) -> dict[str, float]:
    """The dataset higgs: parsed, kept, mapped, and posed at two sizes."""
    from harness import files
    from harness.datasets import higgs
    from harness.tasks import classify

    seconds, kept = {}, folder / "kept"
    higgs.UNPACKED = (folder / "own.csv").stat().st_size  # a few more minus signs than in the published file
    started = time.perf_counter()
    if not kept.is_dir():
        files.keep(kept, higgs.collisions(folder / "HIGGS.csv.gz", ROWS - 500_000, 500_000))
    data = files.kept(kept)
    seconds["load"] = time.perf_counter() - started
    for size in (1_000, 1_000_000):
        started = time.perf_counter()
        classify.pose(data, size, 0, {})
        seconds[f"pose {size}"] = time.perf_counter() - started
    started = time.perf_counter()
    total = float(data.x.sum(dtype="float64"))  # every byte is read
    seconds["read all"] = time.perf_counter() - started
    assert total == total
    return {name: round(value, 2) for name, value in seconds.items()} | _peaks()


def own(folder: Path) -> dict[str, float]:
    """The same rows as a file of the user's."""
    request = {"path": str(folder / "own.csv"), "target": "label", "group": None, "time": None, "task": None}
    request |= {"text": None, "drop": [], "write": True}
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "harness.own", json.dumps(request)], stdout=subprocess.PIPE)
    assert child.stdout
    told = json.loads(child.stdout.read().splitlines()[-1])
    _, _, used = os.wait4(child.pid, 0)
    assert told["rows"] == ROWS, told
    return {"load": round(time.perf_counter() - started, 2), "resident": used.ru_maxrss * 1024}


def _peaks() -> dict[str, float]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"resident": int(status["VmHWM"].split()[0]) * 1024}


def main(folder: Path) -> None:
    """Each way in a process of its own, the dataset's twice."""
    if not (folder / "own.csv").is_file():
        write(folder)
    os.environ["ERAS_CACHE"] = str(folder / "cache")
    found = {}
    for name, way in (("higgs", "dataset"), ("higgs again", "dataset"), ("own", "own"), ("own again", "own")):
        command = [sys.executable, "-m", "benchmarks.large", str(folder), way]
        found[name] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        found[name]["resident / float32 size"] = round(found[name]["resident"] / FLOAT32, 2)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        print(json.dumps({"dataset": dataset, "own": own}[sys.argv[2]](Path(sys.argv[1]))))
