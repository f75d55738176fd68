"""The model card: an encoder that ships with us, or a folder of the user's, under a name."""

from dataclasses import dataclass
from pathlib import Path

from xlir_bench.cards.toml import read_toml
from xlir_bench.core.language import LANGUAGES
from xlir_bench.errors import CardError

KINDS = ("char-ngrams", "sentence-transformers")
"""How a card's model is loaded."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model as its TOML file describes it.

    Attributes:
        name: ``org/name``, as results and leaderboards spell it.
        alias: short name for the command line, empty for none.
        kind: one of ``KINDS``.
        folder: of the sentence-transformers model, packed or not, relative to the card; None for
            other kinds.
        revision: version of a model that has no weights; empty when it comes from the weights.
        license: SPDX or mteb's spelling.
        languages: ISO 639-1 codes, empty for any.
        trained_on: mteb's names of data sets whose training or test data the model has seen.
        adapted_from: mteb's name of the model that it was trained from, empty for none; what that
            one has seen counts too.

    """

    name: str
    alias: str
    kind: str
    folder: Path | None
    revision: str
    license: str
    languages: tuple[str, ...]
    trained_on: tuple[str, ...]
    adapted_from: str


def read_model_card(path: Path) -> ModelCard:
    """Return the model card in a TOML file.

    Raises:
        CardError: a field is missing, unknown or wrong.

    """
    table = read_toml(path)
    folder = table.take("path", str, "")
    card = ModelCard(
        name=table.take("name", str),
        alias=table.take("alias", str, ""),
        kind=table.take("kind", str, "sentence-transformers"),
        folder=(path.parent / Path(folder).expanduser()) if folder else None,
        revision=table.take("revision", str, ""),
        license=table.take("license", str, ""),
        languages=table.strings("languages", []),
        trained_on=table.strings("trained_on", []),
        adapted_from=table.take("adapted_from", str, ""),
    )
    table.finish()
    unknown = [code for code in card.languages if code not in LANGUAGES]
    if unknown:
        msg = f"{path}: unknown language {unknown[0]!r} in 'languages'"
        raise CardError(msg)
    if card.name.count("/") != 1 or not all(card.name.split("/")):
        msg = f"{path}: the name must be 'org/name', not {card.name!r}"
        raise CardError(msg)
    if card.kind not in KINDS:
        msg = f"{path}: kind {card.kind!r} is not one of {', '.join(KINDS)}"
        raise CardError(msg)
    if (card.folder is None) != (card.kind != "sentence-transformers"):
        msg = f"{path}: 'path' belongs to the kind 'sentence-transformers', and only to it"
        raise CardError(msg)
    return card
