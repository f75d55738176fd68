"""Find cards by name; the only module that knows the folders they lie in."""

from collections.abc import Iterator
from pathlib import Path

from xlir_bench.cards.model import ModelCard, read_model_card
from xlir_bench.cards.task import TaskCard, read_task_card
from xlir_bench.errors import CardError
from xlir_bench.paths import config_folder, data_folder


def _cards(kind: str) -> Iterator[Path]:
    """Yield the paths of the package's cards, then of the user's own."""
    for folder in (data_folder(kind), config_folder() / kind):
        if folder.is_dir():
            yield from sorted(folder.glob("*.toml"))


def task_cards() -> dict[str, TaskCard]:
    """Return every task card by name, the package's first.

    Raises:
        CardError: a card is wrong, or two cards have one name.

    """
    cards: dict[str, TaskCard] = {}
    for path in _cards("tasks"):
        card = read_task_card(path)
        if card.name in cards:
            msg = f"{path}: the task {card.name!r} is already defined by {cards[card.name].path}"
            raise CardError(msg)
        cards[card.name] = card
    return cards


def model_cards() -> dict[str, ModelCard]:
    """Return every model card by name, the package's first.

    Raises:
        CardError: a card is wrong, or two cards have one name.

    """
    cards: dict[str, ModelCard] = {}
    for path in _cards("models"):
        card = read_model_card(path)
        if card.name in cards:
            msg = f"{path}: the model {card.name!r} is already defined"
            raise CardError(msg)
        cards[card.name] = card
    return cards
