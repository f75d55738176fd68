"""``xlir-bench compare``: is one model better than another, or only luckier?"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xlir_bench.cli.names import benchmark
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
    from xlir_bench.results.rank_file import read_provenance, read_rank_table
    from xlir_bench.results.table import comparison_table, show

    card = benchmark(task)
    asked = parse_all(measures or card.measures)

    def of(model: str) -> Readings:
        path = find_result(model, f"{card.name}.ranks.parquet", output_folder)
        if read_provenance(path).get("data_sha256") != card.data_sha256:
            msg = f"{path} was computed on other files than the card {card.name} names"
            raise ResultError(msg)
        return readings(read_rank_table(path), card.settings(), hits_beside(path))

    rows = compare_models(of(first), of(second), asked)
    title = f"{first} against {second} on {card.name}"
    show(comparison_table(title, rows, (first, second)))
