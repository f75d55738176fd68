"""The grid over alpha: one model for each share of monolingual batches, all else the same.

Source: Elmahdy, Lin, Ahmad 2024, https://arxiv.org/abs/2408.10536 (grid search over alpha in
[0, 1]; 0.4 to 0.6 was best there).
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sentence_transformers import SentenceTransformer

from xlir_bench.cards.recipe import Recipe
from xlir_bench.errors import TrainError
from xlir_bench.train.evaluator import XLIREvaluator
from xlir_bench.train.run import RECORD, Tell, holds_run, identity_of_recipe, train, write_json

Rows = dict[float, dict[str, float]]
"""Figures of each alpha, named "XLIRMini_multi_AP"."""


def sweep(
    recipe: Recipe, alphas: Sequence[float], tasks: Sequence[str], folder: Path, tell: Tell
) -> Rows:
    """Train and score a model for each alpha; what an earlier sweep has finished is kept.

    Args:
        recipe: of all models; its own alpha does not count.
        alphas: shares of monolingual batches.
        tasks: benchmarks to score.
        folder: ``alpha-0.5/`` and the like hold the models, ``sweep.json`` the figures.
        tell: is given lines of what was done.

    Raises:
        TrainError: a folder holds a model of another recipe.
        StoppedError: the user interrupted a training.

    """
    evaluators = [XLIREvaluator(task) for task in tasks]
    found: Rows = {}
    for alpha in alphas:
        place = folder / f"alpha-{alpha:g}"
        wanted = replace(recipe, alpha=alpha)
        if (place / "modules.json").exists():
            _check_recipe(place, wanted)
        else:
            train(wanted, place, resume=holds_run(place), tell=tell)
        model = SentenceTransformer(str(place))
        found[alpha] = {k: v for score in evaluators for k, v in score(model).items()}
        write_json(folder / "sweep.json", found)
    return found


def _check_recipe(place: Path, recipe: Recipe) -> None:
    record = json.loads((place / RECORD).read_text(encoding="utf-8"))
    if any(record[key] != value for key, value in identity_of_recipe(recipe).items()):
        msg = f"{place} was trained by another recipe or from another base; choose another folder"
        raise TrainError(msg)
