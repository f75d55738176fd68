"""Shards one after the other in this process, or one process for each device of this machine."""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from xlir_bench.engines.base import Item, Result, Setup, State, Work, attempt
from xlir_bench.errors import DataError, EngineError


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """This process, or one worker process for each device.

    Attributes:
        devices: "cuda:0", "cuda:1", ...; with one or none the work stays in this process.

    """

    devices: tuple[str | None, ...] = (None,)
    name: str = "local"

    @property
    def is_here(self) -> bool:
        """Say whether there is one device only."""
        return len(self.devices) == 1

    def map(
        self, setup: Setup[State], work: Work[State, Item, Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | DataError]]:
        """Yield positions and results; see ``Engine``.

        Raises:
            EngineError: a worker died.

        """
        if not items:
            return
        if self.is_here:
            state = setup(self.devices[0])
            for position, item in enumerate(items):
                yield position, attempt(work, state, item)
            return
        yield from self._in_processes(setup, work, items)

    def _in_processes(
        self, setup: Setup[State], work: Work[State, Item, Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | DataError]]:
        # Spawned: a forked child cannot use CUDA, and may inherit a lock that nobody releases.
        context = multiprocessing.get_context("spawn")
        devices = context.SimpleQueue()
        for device in self.devices:
            devices.put(device)
        pool = ProcessPoolExecutor(len(self.devices), context, _prepare, (devices, setup))
        try:
            waiting: dict[Future[Any], int] = {
                pool.submit(_work, work, item): position for position, item in enumerate(items)
            }
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        except BrokenProcessPool as error:
            msg = (
                "a worker process died (out of memory, or its device failed); finished shards are"
                " kept: run the same command again, with fewer devices if it happens again"
            )
            raise EngineError(msg) from error
        finally:
            workers = list((pool._processes or {}).values())  # noqa: SLF001 - public from 3.14 on
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:  # after Ctrl-C, nobody waits an hour for shards at work
                worker.terminate()


_STATE: list[Any] = []
"""What the worker process was set up with; empty everywhere else."""


def _prepare(devices: Any, setup: Setup[Any]) -> None:  # noqa: ANN401 - a queue of multiprocessing
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer, once
    _STATE.append(setup(devices.get()))


def _work(work: Work[Any, Item, Result], item: Item) -> Result | DataError:
    return attempt(work, _STATE[0], item)
