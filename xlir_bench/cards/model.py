"""The model card: an encoder that ships with us, or a folder of the user's, under a name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlir_bench.cards.toml import read_toml
from xlir_bench.core.language import LANGUAGES
from xlir_bench.errors import CardError

KINDS = ("char-ngrams", "sentence-transformers", "python")
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
        encoder: "module:name" of a class or function whose result has ``encode(list of texts)``,
            returning (n_texts, dim) floats; empty for other kinds.
        arguments: of that class or function, by name.
        n_parameters: of a model whose weights cannot be counted, None if unknown.
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
    encoder: str
    arguments: dict[str, Any]
    n_parameters: int | None
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
    n_parameters = table.take("n_parameters", int, -1)
    card = ModelCard(
        name=table.take("name", str),
        alias=table.take("alias", str, ""),
        kind=table.take("kind", str, "sentence-transformers"),
        folder=(path.parent / Path(folder).expanduser()) if folder else None,
        encoder=table.take("encoder", str, ""),
        arguments=table.take("arguments", dict, {}),
        n_parameters=None if n_parameters < 0 else n_parameters,
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
    if bool(card.encoder) != (card.kind == "python") or card.encoder.count(":") > 1:
        msg = f"{path}: 'encoder' is 'module:name' and belongs to the kind 'python', only to it"
        raise CardError(msg)
    if card.encoder and not (card.revision and all(card.encoder.partition(":"))):
        msg = f"{path}: a model of the kind 'python' needs encoder = 'module:name' and a revision"
        raise CardError(msg)
    return card
