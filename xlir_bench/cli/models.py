"""``xlir-bench models``: who ships with us, as files for other tools."""

import sys
from pathlib import Path

from cyclopts import App
from rich import box
from rich.table import Table

from xlir_bench.cards.load import model_cards
from xlir_bench.cards.model import ModelCard
from xlir_bench.errors import EncoderError, UnknownNameError
from xlir_bench.results.table import show

models = App(name="models", help="List the models that ship, or write one as a plain folder.")


@models.default
def list_models() -> None:
    """List the models that ship and those of the config folder's ``models/``."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("model", "alias", "kind", "licence", "languages", "adapted from"):
        table.add_column(column)
    for card in model_cards().values():
        codes = " ".join(card.languages) or "any"
        table.add_row(
            card.name, card.alias, card.kind, card.license, codes, card.adapted_from or "-"
        )
    show(table)


@models.command
def export(name: str, folder: Path, /) -> None:
    """Write a model that ships as a sentence-transformers folder that loads without xlir-bench.

    Parameters
    ----------
    name:
        Name or alias of the model.
    folder:
        To write; it must not be there yet.

    """
    from xlir_bench.encoders.packed import is_packed, unpack

    card = _card(name)
    if card.folder is None or not is_packed(card.folder):
        msg = f"{card.name} is no packed model: there is nothing to export"
        raise EncoderError(msg)
    unpack(card.folder, folder)
    sys.stdout.write(f"model: {folder}\n")


@models.command
def pack(model: Path, folder: Path, /, *, base: Path | None = None) -> None:
    """Write a sentence-transformers folder in 8 bits, a quarter of its size, to ship in a package.

    With a model card beside it mteb loads it by its name, as an ordinary float32 model.

    Parameters
    ----------
    model:
        Folder with float32 weights.
    folder:
        To write; it must not be there yet.
    base:
        Folder of the model that it was trained from, with the same vocabulary (where ``train``
        cut it, ``training/base.0`` in the model's own). If its weights lie on a 4-bit grid, what
        training changed is stored beside them, more exactly than 8 bits would keep it.

    """
    from xlir_bench.encoders.packed import pack as write

    for place in (model, base):
        if place and not place.is_dir():
            msg = f"there is no model folder {place}"
            raise EncoderError(msg)
    write(model, folder, base)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    sys.stdout.write(f"model: {folder} ({size / 1e6:.1f} MB)\n")


def _card(name: str) -> ModelCard:
    """Return a model's card by its name or alias.

    Raises:
        UnknownNameError: there is none.

    """
    cards = model_cards()
    names = {card.alias: card.name for card in cards.values() if card.alias}
    found = cards.get(names.get(name, name))
    if found is None:
        raise UnknownNameError(name, [*cards, *names], kind="model", hint="xlir-bench models")
    return found
