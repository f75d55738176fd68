"""``xlir-bench train``: a recipe, a base model and pairs to a sentence-transformers model."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.errors import StoppedError, TrainError


@contextmanager
def training_packages() -> Iterator[None]:
    """Turn a package that is missing into one line that says how to get it.

    Raises:
        TrainError: the block could not import something.

    """
    try:
        yield
    except ImportError as error:
        msg = f"training needs more packages ({error.name}): pip install 'xlir-bench[train]'"
        raise TrainError(msg) from error


def train(
    *,
    recipe: Annotated[str, Parameter(name=["-r", "--recipe"])],
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    base: Annotated[str | None, Parameter(name="--base")] = None,
    alpha: Annotated[
        float | None, Parameter(name="--alpha", validator=Number(gte=0, lte=1))
    ] = None,
    evaluate: Annotated[str | None, Parameter(name="--evaluate")] = None,
    resume: Annotated[bool, Parameter(name="--resume", negative="", show_default=False)] = False,
) -> None:
    """Fine-tune a model with hybrid batches: monolingual and cross-lingual ones, mixed.

    Everything that changes the weights is in the recipe. Writes an ordinary sentence-transformers
    folder with a model card and training.json; OUT/training holds checkpoints and TensorBoard logs.
    Ctrl-C saves a checkpoint, and --resume goes on from there to the same weights. On several GPUs:
    torchrun --nproc-per-node 2 $(which xlir-bench) train ...

    Parameters
    ----------
    recipe:
        Name of a recipe that ships, or the path of a .toml file.
    output:
        Folder of the model.
    base:
        Folder or hub name to start from instead of the recipe's base.
    alpha:
        Share of monolingual batches instead of the recipe's: 1 is X-X-mono, 0 is X-Y.
    evaluate:
        A benchmark (XLIRMini) to score at every validation, beside the loss.
    resume:
        Go on with a run that was stopped.

    """
    from xlir_bench.cards.load import find_recipe

    found = find_recipe(recipe)
    found = replace(
        found,
        base=base or found.base,
        alpha=found.alpha if alpha is None else alpha,
    )
    with training_packages():
        from xlir_bench.train import evaluator as evaluators
        from xlir_bench.train import run
    evaluator = evaluators.XLIREvaluator(evaluate) if evaluate else None
    try:
        run.train(
            found,
            output,
            resume=resume,
            evaluator=evaluator,
            tell=lambda line: sys.stdout.write(f"{line}\n"),
        )
    except KeyboardInterrupt as error:
        if not run.holds_run(output):
            raise  # before the first step there is nothing to resume
        msg = f"interrupted; go on from the last checkpoint in {output} with --resume"
        raise StoppedError(msg) from error
