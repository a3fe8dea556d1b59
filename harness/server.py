"""The process that cells are forked from: it imports what they need, once, and computes nothing.

    python -m harness.server '{"preload": ["numpy", ...], "parent": pid}'

Requests come as JSON lines on standard input, one cell at a time; events go out as JSON lines on the original standard
output; standard output and error of the cell go to standard error. Computing anything here would start threads, and a
child forked from a threaded server hangs in OpenMP. Whatever a cell leaves running is killed before its exit is told.
When the parent dies, input ends (and SIGTERM comes): everything below is killed, then this process ends too.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from typing import Any

from harness import tree


def main(argument: str) -> None:
    """Serve until input ends."""
    settings = json.loads(argument)
    signal.signal(signal.SIGTERM, lambda *_: _leave())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tree.prctl(tree.PR_SET_PDEATHSIG, signal.SIGTERM)
    tree.prctl(tree.PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != settings["parent"]:
        return  # the parent died before the line above could guard against it
    events = os.dup(1)
    os.dup2(2, 1)
    started = time.perf_counter()
    torch_too = (
        ["torch._dynamo"] if "torch" in settings["preload"] else []
    )  # its optimisers import it: 1 s in every fit
    for module in ["harness.worker", "threadpoolctl", *settings["preload"], *torch_too]:
        try:
            importlib.import_module(module)
        except BaseException:  # raised again, by name, in the cell that needs it; a module may even call sys.exit
            traceback.print_exc()
    gc.collect()
    gc.freeze()
    threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else None
    _say(events, ready=True, seconds=time.perf_counter() - started, threads=threads)
    _serve(events)


def _serve(events: int) -> None:
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    pending, child, nonce = b"", 0, ""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            if child and (status := _reaped(child)) is not None:
                child = 0
                left = tree.end(os.getpid())
                _reap_all()
                _say(events, nonce=nonce, exit=os.waitstatus_to_exitcode(status), left=left)
        if 0 in ready:
            got = os.read(0, 1 << 16)
            if not got:
                _leave()
            *lines, pending = (pending + got).split(b"\n")
            for line in lines:
                request = json.loads(line)
                if request.get("kill"):
                    if child:
                        os.kill(child, signal.SIGKILL)
                    tree.end(os.getpid())
                else:
                    nonce, child = request["nonce"], _fork(request, events)


def _reaped(child: int) -> int | None:
    """Exit status of the cell once it has ended. Orphans it left are reaped on the way, while it lives too."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                found = status
    return found


def _reap_all() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _leave() -> None:
    tree.end(os.getpid())
    os._exit(0)


def _say(events: int, **event: Any) -> None:
    line = json.dumps(event).encode() + b"\n"
    while line:
        line = line[os.write(events, line) :]


def _fork(request: dict[str, Any], events: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        tree.prctl(tree.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _confine(request)
        from harness import worker

        cell = os.getpid()  # a fork made inside `fit` that comes back here is not the cell, and has nothing to tell
        nonce = request["nonce"]  # what else is written to the pipe of events is not heard
        worker.run_cell(request, lambda **event: _say(events, nonce=nonce, **event) if os.getpid() == cell else None)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _confine(request: dict[str, Any]) -> None:
    """Take the cell's cores and threads, and be the first that a group or a machine out of memory ends."""
    if request["cores"]:
        os.sched_setaffinity(0, request["cores"])
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("900")
    threads = str(request["cell"]["threads"])
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads))
    if not request["grouped"] and request["cell"]["device"] == "cpu":
        # Virtual, not resident: thread stacks count. It stops one huge allocation at once; polling does the rest.
        bound = tree.status().get("VmData", 0) + request["limit"] + (64 << 20) * request["cell"]["threads"]
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1])
