"""What a run starts from: the base cut to its vocabulary, the teacher, and the weights to keep."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from tqdm import tqdm

from xlir_bench.cards.recipe import Recipe
from xlir_bench.errors import TrainError
from xlir_bench.train.sources import rows
from xlir_bench.train.vocabulary import choose_pieces, prune

BASE = "base"
"""Folder of a base whose vocabulary was cut."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a run starts from.

    Attributes:
        model: to train.
        teacher: the untouched base, None if the recipe asks for none.
        weights: copies of the model's, by name, to be averaged with the trained ones; empty if
            the recipe takes nothing of them.

    """

    model: SentenceTransformer
    teacher: SentenceTransformer | None
    weights: Mapping[str, Tensor]


def process_number() -> int:
    """Return the number of this process in a run of torchrun or accelerate, 0 outside of one."""
    return int(os.environ.get("RANK", "0"))


def load_model(base: str) -> SentenceTransformer:
    """Return a model of the hub or of a folder.

    Raises:
        TrainError: it cannot be loaded.

    """
    local = Path(base).expanduser()
    if base.startswith((".", "/", "~")) and not local.is_dir():
        msg = f"there is no folder {base} to start from"
        raise TrainError(msg)
    try:
        return SentenceTransformer(str(local) if local.is_dir() else base)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        msg = f"cannot load the base model {base!r}: {reason}; give a folder with --base"
        raise TrainError(msg) from error


def start_from(recipe: Recipe, folder: Path, tell: Callable[[str], object]) -> Start:
    """Return what a recipe starts from.

    Args:
        recipe: with base and vocabulary.
        folder: of unfinished work; a base with fewer pieces is kept there.
        tell: is given a line if the vocabulary is cut, and one if there is a teacher.

    Raises:
        TrainError: the base cannot be loaded, or its vocabulary not be cut.

    """
    how = recipe.optimisation
    model = load_model(recipe.base)
    teacher, needs_teacher = None, bool(how.teacher or how.distil)
    before = model.tokenizer.vocab_size if recipe.vocabulary.pieces else 0
    if before > recipe.vocabulary.pieces:  # else there is nothing to cut, or it was cut before
        model = _cut(model, recipe, folder)
        tell(f"vocabulary: {model.tokenizer.vocab_size:,} of {before:,} pieces")
        teacher = load_model(recipe.base) if needs_teacher else None
    elif needs_teacher:
        teacher = model
    if needs_teacher:
        tell("teacher: the base reads the English texts, unless it has before")
    weights = {n: p.detach().clone() for n, p in model.named_parameters()} if how.base_share else {}
    return Start(model, teacher, weights)


def average(model: SentenceTransformer, weights: Mapping[str, Tensor], share: float) -> None:
    """Move a model's weights towards others of the same names, in place.

    Source: Wortsman et al. 2022, Robust fine-tuning of zero-shot models (WiSE-FT),
    https://arxiv.org/abs/2109.01903.

    Args:
        model: that was trained.
        weights: by parameter name; those it started from.
        share: of the latter in the mean, 0 to 1.

    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.lerp_(weights[name].to(parameter), share)


def _cut(model: SentenceTransformer, recipe: Recipe, folder: Path) -> SentenceTransformer:
    """Return the base with fewer pieces, made once in a run's folder by each process."""
    number = process_number()
    place = folder / f"{BASE}.{number}"
    if (place / "modules.json").is_file():
        return load_model(str(place))
    wanted = recipe.vocabulary
    texts = {x.code: _texts(recipe, x.code) for x in wanted.languages}
    languages = tqdm(wanted.languages, "Choosing pieces", unit="language", disable=number > 0)
    kept = choose_pieces(model, languages, texts, wanted.pieces)
    return prune(model, kept, place)


def _texts(recipe: Recipe, code: str) -> Iterator[str]:
    """Yield the texts of a recipe's sources in one language."""
    for source in recipe.sources:
        for row in rows(source, code, recipe.path.parent):
            yield from (row.query, row.passage)
