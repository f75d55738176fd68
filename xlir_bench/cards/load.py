"""Find cards by name; the only module that knows the folders they lie in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from xlir_bench.cards.model import ModelCard, read_model_card
from xlir_bench.cards.recipe import Recipe, read_recipe
from xlir_bench.cards.task import TaskCard, read_task_card
from xlir_bench.errors import CardError, UnknownNameError
from xlir_bench.paths import config_folder, data_folder

OnError = Callable[[CardError], None]

C = TypeVar("C", TaskCard, ModelCard)


def _cards(kind: str) -> Iterator[Path]:
    """Yield the paths of the package's cards, then of the user's own."""
    for folder in (data_folder(kind), config_folder() / kind):
        if folder.is_dir():
            yield from sorted(folder.glob("*.toml"))


def task_cards(on_error: OnError | None = None) -> dict[str, TaskCard]:
    """Return every task card by name, the package's first.

    Args:
        on_error: is told of a wrong card, which is then left out.

    Raises:
        CardError: without ``on_error``: a card is wrong, or two cards have one name.

    """
    return _by_name("tasks", read_task_card, on_error)


def model_cards(on_error: OnError | None = None) -> dict[str, ModelCard]:
    """Return every model card by name, the package's first; as ``task_cards``."""
    return _by_name("models", read_model_card, on_error)


def find_recipe(name: str) -> Recipe:
    """Return a recipe by the path of its file, or by the name of one that ships or is the user's.

    Raises:
        UnknownNameError: there is none.
        CardError: it is wrong.

    """
    if name.endswith(".toml"):
        return read_recipe(Path(name))
    known = {path.stem: path for path in _cards("models/recipes")}
    if name not in known:
        raise UnknownNameError(name, known, kind="recipe", hint="or give the path of a .toml file")
    return read_recipe(known[name])


def _by_name(kind: str, read: Callable[[Path], C], on_error: OnError | None) -> dict[str, C]:
    cards: dict[str, C] = {}
    defined: dict[str, Path] = {}
    for path in _cards(kind):
        try:
            card = read(path)
            _check_new(kind.removesuffix("s"), card.name, path, defined)
        except CardError as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            cards[card.name] = card
            defined[card.name] = path
    return cards


def _check_new(kind: str, name: str, path: Path, defined: dict[str, Path]) -> None:
    if name in defined:
        msg = f"{path}: the {kind} {name!r} is already defined by {defined[name]}"
        raise CardError(msg)
