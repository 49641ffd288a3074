"""Where the members of an ensemble are computed: one interface for a laptop and a cluster."""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol, TypeVar

from ..quantities.refusal import BadInput, RunFailed

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Seconds between two looks at whether to stop.
_LOOK = 0.2

#: One thread for each worker: members are independent, so they share the processors better than their loops do.
_ALONE = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


class Executor(Protocol):
    """Computes `task(item)` for every item somewhere.

    A task and its items can be pickled; a task may keep what it prepared for the next item of the same worker.
    """

    def map(
        self, task: Callable[[Item], Result], items: Sequence[Item], stop: Callable[[], bool]
    ) -> Generator[tuple[Item, Result], None, None]:
        """Each item with its result as it is done, in any order.

        Ends early once `stop` answers yes. Closing the generator cancels what is in flight. What a task raises
        is raised here; RunFailed where a worker was lost.
        """
        ...


@dataclass(frozen=True)
class Serial:
    """One item after the other in this process."""

    def map(self, task, items, stop):
        """See `Executor.map`; whether to stop is asked between items."""
        for item in items:
            if stop():
                return
            yield item, task(item)


@dataclass(frozen=True)
class LocalProcesses:
    """So many fresh processes on this machine, each with one thread. A process starts once and serves many items.

    Raises BadInput for less than one worker.
    """

    workers: int

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise BadInput(f"--workers: {self.workers} came, a whole number from 1 on is allowed; give 1 or more")

    def map(self, task, items, stop):
        """See `Executor.map`; stops within a fraction of a second and drops what is in flight."""
        waiting, pool = deque(items), []
        try:
            with _surroundings_of_workers():
                for _ in range(min(self.workers, len(waiting))):
                    pool.append(_Worker(task))
            for worker in pool:
                worker.give(waiting.popleft())
            yield from _as_done(pool, waiting, stop)
        finally:
            for worker in pool:
                worker.end()


def _as_done(pool: list["_Worker"], waiting: deque, stop: Callable[[], bool]):
    from multiprocessing.connection import wait

    while busy := {worker.connection: worker for worker in pool if worker.busy}:
        if stop():
            return
        for connection in wait(list(busy), timeout=_LOOK):
            worker = busy[connection]
            done = worker.take()
            if waiting:
                worker.give(waiting.popleft())  # before the caller writes, so that no worker waits for a disk
            yield done


class _Worker:
    """A process at the other end of a pipe; it ends when the pipe or the process that made it does."""

    def __init__(self, task) -> None:
        from multiprocessing import get_context

        context = get_context("spawn")
        self.connection, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, task), daemon=True)
        self.process.start()
        there.close()
        self.item, self.busy = None, False

    def give(self, item) -> None:
        self.item, self.busy = item, True
        try:
            self.connection.send(item)
        except OSError:
            pass  # it died before it was asked; `take` says so

    def take(self):
        """The item and its result; raises what the task raised."""
        try:
            fine, result = self.connection.recv()
        except (EOFError, OSError):
            self.process.join(5)
            raise RunFailed(
                f"a worker was lost at {self.item} (exit status {self.process.exitcode}), as happens when memory runs "
                "out; what is done is kept, go on with --resume and fewer --workers"
            ) from None
        self.busy = False
        if not fine:
            raise result
        return self.item, result

    def end(self) -> None:
        self.connection.close()
        self.process.kill()  # it writes no files of its own, so there is nothing to be gentle with
        self.process.join()


def _serve(connection, task) -> None:
    """The life of a worker: read an item, answer with its result, until nobody asks any more."""
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; one of them decides
    parent = parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (True, task(item))
        except Exception as error:
            known = isinstance(error, BadInput | RunFailed | MemoryError | OSError)
            answer = (False, error if known else RunFailed(f"{item}: {type(error).__name__}: {error}"))
        connection.send(answer)


@contextmanager
def _surroundings_of_workers() -> Iterator[None]:
    """What new processes inherit: one thread each, deaf to Ctrl-C, and no main module.

    A fresh process would import the main module once more, that is run a person's script again.
    """
    before, main = {name: os.environ.get(name) for name in _ALONE}, sys.modules["__main__"]
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
    os.environ.update(_ALONE)
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if in_main_thread:
            signal.signal(signal.SIGINT, handler)


def fitting_workers(wanted: int | None, needed: int, available: int) -> tuple[int, str]:
    """How many workers to start, and a sentence where that is fewer than wanted.

    wanted: None for one on each processor. needed, available: bytes of memory of one worker and of the machine.
    """
    asked = _processors() if wanted is None else wanted
    room = max(1, available // needed)
    if asked <= room:
        return asked, ""
    return room, (
        f"{room} of {asked} workers: each needs {needed / 1e9:.1f} GB of memory and {available / 1e9:.1f} GB is there"
    )


def _processors() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
