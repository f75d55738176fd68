"""``xlir-bench compare``: is one model better than another, or only luckier?"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xlir_bench.cli.names import benchmark, check_data
from xlir_bench.errors import ResultError


def compare(
    first: str,
    second: str,
    /,
    *,
    task: Annotated[str, Parameter(name=["-t", "--task"])],
    measures: Annotated[
        tuple[str, ...],
        Parameter(name="--measures", consume_multiple=True, negative="", show_default=False),
    ] = (),
    output_folder: Annotated[Path, Parameter(name=["-o", "--output-folder"])] = Path("results"),
) -> None:
    """Compare two models' macro averages on the same queries.

    Reads the exact ranks that earlier runs left; nothing is encoded. p-values are of a paired
    randomisation test over topics (parallel queries together), corrected by Holm over the rows of
    the table; * marks those under 0.05.

    Parameters
    ----------
    first:
        Name of a model, an alias, or a folder with results.
    second:
        The model to compare it with.
    task:
        A benchmark: XQuADR, MLQAR, XLIRMini.
    measures:
        Compare these instead of the card's.
    output_folder:
        Where earlier results are.

    """
    from xlir_bench.compare import compare_models
    from xlir_bench.evaluate import Readings, readings
    from xlir_bench.measures.catalogue import parse_all
    from xlir_bench.results.find import find_result
    from xlir_bench.results.hits_file import hits_beside
    from xlir_bench.results.rank_file import read_rank_table
    from xlir_bench.results.table import comparison_table, show

    card = benchmark(task)
    asked = parse_all(measures or card.measures)

    def of(model: str) -> Readings:
        file = f"{card.name}.ranks.parquet"
        path = find_result(model, file, output_folder)
        if path is None:
            msg = (
                f"there is no {file} of {model!r} in {output_folder}; make it with:"
                f" xlir-bench run -m {model} -t {card.name} -o {output_folder}"
            )
            raise ResultError(msg)
        check_data(path, card)
        return readings(read_rank_table(path), card.settings(), hits_beside(path))

    rows = compare_models(of(first), of(second), asked)
    left_out = [m.name for m in asked if m.name not in {row.measure for row in rows}]
    if left_out:
        sys.stderr.write(f"xlir-bench: not known for both models: {', '.join(left_out)}\n")
    if not rows:
        msg = f"no measure is known for both {first} and {second} on {card.name}"
        raise ResultError(msg)
    title = f"{first} against {second} on {card.name}"
    show(comparison_table(title, rows, (first, second)))
