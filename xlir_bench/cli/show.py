"""``xlir-bench show``: read one query's ranking, language by language."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.cli.names import benchmark, check_data
from xlir_bench.cli.options import OutputFolder
from xlir_bench.core.mode import RetrievalMode, settings_of
from xlir_bench.core.ranking import RankTable


def show(  # noqa: PLR0913 - one parameter an option
    model: str,
    task: str,
    /,
    *,
    query: Annotated[str | None, Parameter(name="--query")] = None,
    top: Annotated[int, Parameter(name="--top", validator=Number(gte=1, lte=100))] = 20,
    worst: Annotated[int, Parameter(name="--worst", validator=Number(gte=1))] = 20,
    output_folder: OutputFolder = Path("results"),
    device: Annotated[str | None, Parameter(name="--device")] = None,
    batch_size: Annotated[int, Parameter(name="--batch-size", validator=Number(gte=1))] = 32,
) -> None:
    """Show a query, its answers in each language with their exact ranks, and the first passages.

    The pool is that of all languages. Reads what an earlier run left, or runs the model first.
    Without --query it lists the queries with the worst average precision.

    Parameters
    ----------
    model:
        As in xlir-bench run.
    task:
        A benchmark: XQuADR, MLQAR, XLIRMini.
    query:
        Id of a query, "de:q001.1".
    top:
        Passages to show, at most 100.
    worst:
        Queries to list without --query.
    output_folder:
        Where results are, and go.
    device:
        cpu, cuda, cuda:1, mps, if the model has to run.
    batch_size:
        Texts a batch, if the model has to run.

    """
    from xlir_bench.errors import ResultError
    from xlir_bench.readers.read import read
    from xlir_bench.results.find import find_result
    from xlir_bench.results.hits_file import hits_beside, hits_path
    from xlir_bench.results.query_view import query_view, worst_queries
    from xlir_bench.results.rank_file import read_rank_table
    from xlir_bench.results.table import show_text

    card = benchmark(task)
    ranks_file = f"{card.name}.ranks.parquet"
    collection = read(card)
    hits_file = hits_path(Path(ranks_file)).name
    path = None
    # A model's folder may have changed since an earlier run: only running it can tell.
    if not Path(model).is_dir() or (Path(model) / hits_file).is_file():
        path = find_result(model, hits_file, output_folder)
    if path is None:
        from xlir_bench.adapters.mteb.front import keep_hits

        path = keep_hits(model, card, output_folder, device, batch_size)
    ranks = path.with_name(ranks_file)
    check_data(ranks, card)
    table, hits = read_rank_table(ranks), hits_beside(ranks)
    if hits is None:
        msg = f"{path} is not of the same run as {ranks_file}; delete both and run again"
        raise ResultError(msg)
    if query is None:
        show_text(worst_queries(collection, _precisions(table), worst))
        return
    for part in query_view(collection, table, hits, query, top):
        show_text(part)


def _precisions(table: RankTable) -> Iterator[tuple[float, str]]:
    """Yield average precision and id of every answered query in the pool of all languages."""
    from xlir_bench.measures.ranking import average_precision

    for setting in settings_of(RetrievalMode.multi, table.languages):
        ranks = table.ranks(setting)
        if len(ranks.queries):
            ids = [table.query_ids[row] for row in ranks.queries]
            yield from zip(average_precision(ranks).tolist(), ids, strict=True)
