"""Shards on a Ray cluster: the one that ``RAY_ADDRESS`` names, or one started on this machine.

Plain actors, one shard a call: an actor holds the loaded encoder, Ray starts it again when its
process or its node is lost, and calls it again with the shard that was lost. Results come back to
this process, which writes them, so that the cluster needs no common disk for them; the corpus files
must lie under the same path on every node.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xlir_bench.engines.base import Item, Result, Setup, State, Work, attempt
from xlir_bench.errors import DataError, EngineError

RETRIES = 3
"""Calls again of a shard whose worker was lost."""


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Workers of a Ray cluster.

    Attributes:
        workers: how many; 0 for one for each GPU of the cluster, or for each CPU without any.
        name: "ray".
        is_here: never.

    """

    workers: int = 0
    name: str = "ray"
    is_here: bool = False

    def map(
        self, setup: Setup[State], work: Work[State, Item, Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | DataError]]:
        """Yield positions and results; see ``Engine``.

        Raises:
            EngineError: Ray is not installed or not reached, or a shard's workers were lost
                again and again.

        """
        if not items:
            return
        ray = _connected()
        n_gpus = int(ray.cluster_resources().get("GPU", 0))
        n_cpus = int(ray.cluster_resources().get("CPU", 1))
        workers = min(self.workers or n_gpus or n_cpus, len(items))
        options = {
            "num_gpus": 1 if n_gpus >= workers else 0,
            "num_cpus": max(1, n_cpus // workers) if workers <= n_cpus else 1,
            "max_restarts": -1,
            "max_task_retries": RETRIES,
        }
        # A large argument of an actor's constructor is dropped once the actor is made, and a lost
        # actor could not be made again; so it comes with every call, as a reference.
        shared = ray.put(setup)
        device = "cuda" if options["num_gpus"] else None
        make = ray.remote(_Worker).options(**options).remote
        actors = [make(device, options["num_cpus"]) for _ in range(workers)]
        try:
            yield from _results(ray, actors, (shared, work), items)
        finally:
            for actor in actors:
                ray.kill(actor)


class _Worker:
    """An actor's process: set up once, then asked for one shard after the other."""

    def __init__(self, device: str | None, threads: int) -> None:
        # Ray leaves it as it is if the driver had set it. torch reads it when the encoder loads it;
        # loading torch here, to tell it, would cost seconds a worker.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._device = device
        self._states: list[Any] = []

    def run(self, setup: Setup[Any], work: Work[Any, Any, Any], item: Any) -> Any:  # noqa: ANN401 - of the caller
        if not self._states:
            self._states.append(setup(self._device))
        return attempt(work, self._states[0], item)


def _results(
    ray: Any,  # noqa: ANN401 - the module, imported late
    actors: Sequence[Any],
    call: tuple[Any, Work[Any, Item, Result]],
    items: Sequence[Item],
) -> Iterator[tuple[int, Result | DataError]]:
    """Keep every actor at work on one shard, and yield what they bring."""
    left = list(enumerate(items))[::-1]
    running: dict[Any, tuple[int, Any]] = {}

    def start(actor: Any) -> None:  # noqa: ANN401 - Ray's handle
        if left:
            position, item = left.pop()
            running[actor.run.remote(*call, item)] = (position, actor)

    for actor in actors:
        start(actor)
    while running:
        (done, *_), _ = ray.wait(list(running), num_returns=1)
        position, actor = running.pop(done)
        try:
            result = ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from error
        except ray.exceptions.RayError as error:
            msg = f"the Ray workers of shard {position + 1} were lost {RETRIES + 1} times: {error}"
            raise EngineError(msg.splitlines()[0]) from error
        start(actor)
        yield position, result


def _connected() -> Any:  # noqa: ANN401 - the module, imported late
    """Return the module ``ray``, connected to a cluster."""
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "--engine ray needs Ray: pip install 'xlir-bench[ray]'"
        raise EngineError(msg) from error
    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = os.environ.get("RAY_ADDRESS", "a cluster on this machine")
            msg = f"cannot reach Ray at {where}: {str(error).splitlines()[0]}"
            raise EngineError(msg) from error
    return ray
