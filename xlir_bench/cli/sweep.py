"""``xlir-bench sweep``: what alpha does, on your base and your pairs."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.cli.names import benchmark
from xlir_bench.cli.train import training_packages
from xlir_bench.errors import ResultError, UsageError


def sweep(
    *,
    recipe: Annotated[str, Parameter(name=["-r", "--recipe"])],
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    alpha: Annotated[
        tuple[float, ...],
        Parameter(
            name="--alpha", consume_multiple=True, negative="", validator=Number(gte=0, lte=1)
        ),
    ] = (0.0, 0.25, 0.5, 0.75, 1.0),
    tasks: Annotated[
        tuple[str, ...], Parameter(name=["-t", "--tasks"], consume_multiple=True, negative="")
    ] = ("XLIRMini",),
    base: Annotated[str | None, Parameter(name="--base")] = None,
) -> None:
    """Train a model for each alpha and compare mono, cross and multi AP and MRD.

    Writes OUT/alpha-0.5/ and the like, OUT/sweep.json and OUT/<task>.html with the plot. The same
    command goes on where an earlier one stopped.

    Parameters
    ----------
    recipe:
        Name of a recipe that ships, or the path of a .toml file.
    output:
        Folder of the models and figures.
    alpha:
        Shares of monolingual batches: 1 is X-X-mono, 0 is X-Y.
    tasks:
        Benchmarks to score.
    base:
        Folder or hub name to start from instead of the recipe's base.

    """
    from xlir_bench.cards.load import find_recipe
    from xlir_bench.results.alpha_plot import alpha_table, write_alpha_plot
    from xlir_bench.results.table import show

    if len(set(alpha)) != len(alpha) or not alpha:
        msg = "--alpha must name one or more different numbers from 0 to 1"
        raise UsageError(msg)
    for task in tasks:
        benchmark(task)
    found = find_recipe(recipe)
    with training_packages():
        from xlir_bench.train.sweep import sweep as run
    wanted = replace(found, base=base or found.base)
    rows = run(wanted, alpha, tasks, output, lambda line: sys.stdout.write(f"{line}\n"))
    for task in tasks:
        show(alpha_table(rows, task))
        try:
            write_alpha_plot(rows, task, output / f"{task}.html")
        except ResultError as error:
            sys.stderr.write(f"xlir-bench: {error}\n")
