"""Names on the command line to what they stand for."""

from pathlib import Path

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import ResultError, UnknownNameError
from xlir_bench.results.rank_file import read_provenance


def benchmark(name: str) -> TaskCard:
    """Return the card of a benchmark.

    Raises:
        UnknownNameError: there is none of that name.

    """
    cards = task_cards()
    if name not in cards:
        raise UnknownNameError(name, cards, kind="task", hint="list them with: xlir-bench tasks")
    return cards[name]


def check_data(ranks: Path, card: TaskCard) -> None:
    """Raise a ResultError if a rank table is of other files than the card names."""
    if read_provenance(ranks).get("data_sha256") != card.data_sha256:
        msg = f"{ranks} was computed on other files than the card {card.name} names; run again"
        raise ResultError(msg)
