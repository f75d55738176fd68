"""One function over many shards; an engine decides where each runs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from xlir_bench.errors import DataError

State = TypeVar("State")
Item = TypeVar("Item")
Result = TypeVar("Result")

Setup = Callable[[str | None], State]
"""Makes what a worker needs for all of its shards, given its device: a loaded encoder, say."""
Work = Callable[[State, Item], Result]


class Engine(Protocol):
    """Applies a function to shards, in any order and any place."""

    @property
    def name(self) -> str:
        """Return "local" or "ray", for provenance."""
        ...

    @property
    def is_here(self) -> bool:
        """Say whether the work is done in this process, so that nothing has to be sent."""
        ...

    def map(
        self, setup: Setup[State], work: Work[State, Item, Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | DataError]]:
        """Yield the position of each item and its result, as they are finished.

        A shard whose data is broken gives its error in place of a result: it must not cost the
        work on the others. Any other error ends the map.
        """
        ...


def attempt(work: Work[State, Item, Result], state: State, item: Item) -> Result | DataError:
    """Return the result of a shard, or what is wrong with its data."""
    try:
        return work(state, item)
    except DataError as error:
        return error
