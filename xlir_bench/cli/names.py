"""Names on the command line to what they stand for."""

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import UnknownNameError


def benchmark(name: str) -> TaskCard:
    """Return the card of a benchmark.

    Raises:
        UnknownNameError: there is none of that name.

    """
    cards = task_cards()
    if name not in cards:
        raise UnknownNameError(name, cards, kind="task", hint="list them with: xlir-bench tasks")
    return cards[name]
