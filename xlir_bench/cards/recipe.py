"""The training recipe: everything that changes the weights."""

import math
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xlir_bench.cards.toml import Table, read_toml
from xlir_bench.core.language import Language, language
from xlir_bench.errors import CardError, UnknownNameError

FORMATS = ("jsonl", "squad", "triples", "hub")
"""How a source's pairs are read; see ``train.sources``."""
PRECISIONS = ("auto", "bf16", "float32")
SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup", "polynomial")
MOST_REPEATS = 255
COLUMNS = ("id", "query", "passage", "negative")
"""What a hub data set's columns stand for."""


@dataclass(frozen=True, slots=True)
class PairSource:
    """One set of parallel pairs, a file or a hub configuration for each language.

    Attributes:
        name: of the source, part of every pair's identity.
        format: one of ``FORMATS``.
        path: with ``{language}`` ("de") or ``{name}`` ("german"), relative to the recipe, to
            ``XLIR_DATA_DIR``, or absolute; for the format "hub" the data set's name.
        config: of a hub data set, with ``{language}`` or ``{name}``; empty for its only one.
        split: of a hub data set.
        columns: of a hub data set: what it calls ``id``, ``query``, ``passage``, ``negative``.
        document: regular expression whose first group names the document in an id; pairs of one
            document are held out together, and drawn together if the recipe says so. Empty if
            every id is a document of its own.
        license: of the texts, for the model card.
        repeat: how often each of its pairs comes in one pass through all pairs; small sources of
            the right kind deserve more than their size.

    """

    name: str
    format: str
    path: str
    config: str = ""
    split: str = "train"
    columns: dict[str, str] = field(default_factory=dict)
    document: str = ""
    license: str = ""
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How the weights are moved; the defaults are those of arXiv 2408.10536 where it gives them.

    Attributes:
        steps: optimiser steps; 0 for ``epochs``.
        epochs: passes over as many pairs as there are.
        batch_size: pairs a step and device.
        per_document: up to so many pairs of one document come together, each other's hard
            negatives; 1 draws pairs whatever their documents.
        mini_batch_size: pairs encoded at a time by the cached loss; 0 for the plain loss.
        learning_rate: peak of AdamW.
        weight_decay: of AdamW.
        warmup: share of the steps in which the learning rate rises.
        schedule: of transformers, "linear".
        scale: of the cosine similarities, 1 / temperature.
        contrast: weight of InfoNCE beside the teacher's losses below; 0 leaves those alone.
        teacher: weight of a second loss: 1 - cosine of a text's vector with the vector that the
            untouched base gives its English parallel; 0 for none.
        distil: weight of a third: how differently the model and the untouched base see what is
            near a text (``train.losses.distillation_loss``); 0 for none.
        base_share: share of the base's weights in the final ones, which are the mean of both.
        frozen: parts that do not move: "embeddings", "layers:6" (the lower six).
        dropout: in training; None for the base model's own.
        precision: "auto" is bf16 where the device has it, else float32; "bf16" and "float32" force
            it.
        gradient_checkpointing: less memory for more time.
        max_query_tokens: longer queries are cut in training.
        max_passage_tokens: longer passages are cut in training.
        seed: of batches, dropout and new weights.
        evaluate_every: steps between two validation losses and checkpoints; 0 for none.
        patience: validation losses without an improvement until training stops; 0 for never.

    """

    steps: int = 0
    epochs: float = 1.0
    batch_size: int = 100
    per_document: int = 1
    mini_batch_size: int = 0
    learning_rate: float = 3e-5
    weight_decay: float = 0.01
    warmup: float = 0.1
    schedule: str = "linear"
    scale: float = 20.0
    contrast: float = 1.0
    teacher: float = 0.0
    distil: float = 0.0
    base_share: float = 0.0
    frozen: tuple[str, ...] = ()
    dropout: float | None = None
    precision: str = "auto"
    gradient_checkpointing: bool = False
    max_query_tokens: int = 64
    max_passage_tokens: int = 256
    seed: int = 0
    evaluate_every: int = 0
    patience: int = 0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which pieces of the base model's vocabulary are kept; see ``train.vocabulary``.

    Attributes:
        pieces: to keep; 0 for all.
        languages: whose texts they must spell well.

    """

    pieces: int = 0
    languages: tuple[Language, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run as its TOML file describes it.

    Attributes:
        name: of the recipe.
        path: of the file.
        base: hub name or folder of the model to start from.
        languages: of the pairs that are used.
        alpha: share of monolingual batches; 1 is X-X-mono, 0 is X-Y.
        prompts: put before queries and passages; None for the base model's own.
        sources: of training pairs.
        validation: of pairs for the validation loss, all of them in English.
        holdout: share of the training ids that is kept for validation where there is no source.
        optimisation: how the weights are moved.
        vocabulary: what is kept of the base model's.

    """

    name: str
    path: Path
    base: str
    languages: tuple[Language, ...]
    alpha: float
    prompts: tuple[str, str] | None
    sources: tuple[PairSource, ...]
    validation: tuple[PairSource, ...]
    holdout: float
    optimisation: Optimisation
    vocabulary: Vocabulary = Vocabulary()


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in a TOML file.

    Raises:
        CardError: a field is missing, unknown or wrong.

    """
    table = read_toml(path)
    languages = _languages(table, table.strings("languages"))
    prompts = table.table("prompts", {}).rest(str)
    recipe = Recipe(
        name=table.take("name", str),
        path=path,
        base=table.take("base", str),
        languages=languages,
        alpha=_number(table, "alpha", 0.5),
        prompts=_prompts(path, prompts),
        sources=_sources(table, "sources"),
        validation=_sources(table, "validation"),
        holdout=_number(table, "holdout", 0.0),
        optimisation=_optimisation(table.table("optimisation", {})),
        vocabulary=_vocabulary(table.table("vocabulary", {}), languages),
    )
    table.finish()
    _check(recipe)
    return recipe


def _languages(table: Table, codes: tuple[str, ...]) -> tuple[Language, ...]:
    try:
        return tuple(language(code) for code in codes)
    except UnknownNameError as error:
        msg = f"{table.where}: {error}"
        raise CardError(msg) from error


def _vocabulary(table: Table, default: tuple[Language, ...]) -> Vocabulary:
    pieces = table.take("pieces", int, 0)
    codes = table.strings("languages", [language.code for language in default])
    table.finish()
    return Vocabulary(pieces, _languages(table, codes))


_ABSENT = object()


def _number(table: Table, key: str, default: float | None) -> Any:  # noqa: ANN401 - float | None
    """Return a number, whole or not; the default, which may be None, where there is none."""
    value: Any = table.take(key, object, _ABSENT if default is None else default)
    if value is _ABSENT:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        msg = f"{table.where}: {key!r} must be a number, not {value!r}"
        raise CardError(msg)
    return float(value)


def _prompts(path: Path, given: dict[str, str]) -> tuple[str, str] | None:
    if not given:
        return None
    if set(given) != {"query", "passage"}:
        msg = f"{path}: [prompts] must give both 'query' and 'passage'"
        raise CardError(msg)
    return given["query"], given["passage"]


def _sources(table: Table, key: str) -> tuple[PairSource, ...]:
    found = []
    for number, raw in enumerate(table.take(key, list, []), 1):
        if not isinstance(raw, dict):
            msg = f"{table.where}: [[{key}]] must hold tables"
            raise CardError(msg)
        entry = Table(raw, f"{table.where} [[{key}]] {number}")
        found.append(
            PairSource(
                name=entry.take("name", str),
                format=entry.take("format", str, "jsonl"),
                path=entry.take("path", str),
                config=entry.take("config", str, ""),
                split=entry.take("split", str, "train"),
                columns=entry.table("columns", {}).rest(str),
                document=entry.take("document", str, ""),
                license=entry.take("license", str, ""),
                repeat=entry.take("repeat", int, 1),
            )
        )
        entry.finish()
    return tuple(found)


def _optimisation(table: Table) -> Optimisation:
    default = Optimisation()
    given: dict[str, Any] = {}
    for item in fields(Optimisation):
        value = getattr(default, item.name)
        if isinstance(value, tuple):
            given[item.name] = table.strings(item.name, list(value))
        elif value is None or isinstance(value, float):
            given[item.name] = _number(table, item.name, value)
        else:
            given[item.name] = table.take(item.name, type(value), value)
            if isinstance(given[item.name], bool) != isinstance(value, bool):
                msg = f"{table.where}: {item.name!r} must be a whole number"
                raise CardError(msg)
    table.finish()
    return Optimisation(**given)


def _check(recipe: Recipe) -> None:
    """Raise a CardError for values that are of the right type and yet wrong."""
    how = recipe.optimisation
    names = [source.name for source in recipe.sources]
    wrong = {
        "languages": not recipe.languages or len(set(recipe.languages)) < len(recipe.languages),
        "alpha (0 to 1)": not 0 <= recipe.alpha <= 1,
        "sources": not names or len(set(names)) < len(names),
        "holdout (0 to 0.5)": not 0 <= recipe.holdout <= 0.5,
        "optimisation.batch_size (2 or more)": how.batch_size < 2,
        "optimisation.per_document (1 or more)": how.per_document < 1,
        "optimisation.mini_batch_size": how.mini_batch_size < 0,
        "optimisation.steps or epochs": how.steps < 0 or (how.steps == 0 and how.epochs <= 0),
        "optimisation.learning_rate": how.learning_rate <= 0,
        "optimisation.scale": how.scale <= 0,
        "optimisation.contrast": how.contrast < 0,
        "optimisation.contrast (not 1 needs teacher or distil)": how.contrast != 1
        and not (how.teacher or how.distil),
        "optimisation.teacher": how.teacher < 0,
        "optimisation.distil": how.distil < 0,
        "optimisation.base_share (0 to 1)": not 0 <= how.base_share <= 1,
        "optimisation.dropout (0 to less than 1)": how.dropout is not None
        and not 0 <= how.dropout < 1,
        "vocabulary.pieces": recipe.vocabulary.pieces < 0,
        "optimisation.weight_decay": how.weight_decay < 0,
        "optimisation.seed": how.seed < 0,
        "optimisation.evaluate_every": how.evaluate_every < 0,
        "optimisation.patience": how.patience < 0,
        f"optimisation.schedule ({', '.join(SCHEDULES)})": how.schedule not in SCHEDULES,
        "optimisation.warmup (0 to 1)": not 0 <= how.warmup <= 1,
        "optimisation.precision (auto, bf16 or float32)": how.precision not in PRECISIONS,
        "optimisation.max_query_tokens": how.max_query_tokens < 1,
        "optimisation.max_passage_tokens": how.max_passage_tokens < 1,
        "optimisation.patience (it needs evaluate_every)": how.patience > 0 >= how.evaluate_every,
        "languages (cross-lingual batches need two)": recipe.alpha < 1
        and len(recipe.languages) < 2,
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            msg = f"{recipe.path}: wrong value of {what}: empty, repeated or out of range"
            raise CardError(msg)
    _check_sources(recipe)


def _check_sources(recipe: Recipe) -> None:
    for source in (*recipe.sources, *recipe.validation):
        if source.format not in FORMATS:
            msg = f"{recipe.path}: format {source.format!r} is not one of {', '.join(FORMATS)}"
            raise CardError(msg)
        if not 1 <= source.repeat <= MOST_REPEATS:
            msg = f"{recipe.path}: repeat of {source.name!r} must be from 1 to {MOST_REPEATS}"
            raise CardError(msg)
        if not _is_pattern(source.document):
            msg = f"{recipe.path}: document of {source.name!r} is no pattern with a group"
            raise CardError(msg)
        if not _is_template(source):
            msg = f"{recipe.path}: the path or config of {source.name!r} must hold {{language}}"
            raise CardError(msg)
        odd = sorted(set(source.columns) - set(COLUMNS))
        if odd:
            msg = f"{recipe.path}: columns of {source.name!r} has {odd[0]!r}, not {COLUMNS}"
            raise CardError(msg)


def _is_template(source: PairSource) -> bool:
    """Say whether path and config name the language, and nothing else in braces."""
    try:
        filled = [x.format(language="de", name="german") for x in (source.path, source.config)]
    except (KeyError, IndexError, ValueError):
        return False
    return filled != [source.path, source.config]


def _is_pattern(text: str) -> bool:
    try:
        return not text or re.compile(text).groups >= 1
    except re.error:
        return False
