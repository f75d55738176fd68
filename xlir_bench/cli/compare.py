"""``xlir-bench compare``: is one model better than another, or only luckier?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.cards.task import TaskCard
from xlir_bench.cli.names import benchmark, check_data
from xlir_bench.cli.options import Measures, OutputFolder
from xlir_bench.errors import ResultError, UsageError
from xlir_bench.paths import written_whole
from xlir_bench.results.table import (
    changed_table,
    comparison_table,
    pair_difference_table,
    short_names,
    show,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlir_bench.compare import Changed, SettingComparison
    from xlir_bench.evaluate import Readings


def compare(  # noqa: PLR0913 - one parameter an option
    first: str,
    second: str,
    /,
    *,
    task: Annotated[str, Parameter(name=["-t", "--task"])],
    measures: Measures = (),
    queries: Annotated[int, Parameter(name="--queries", validator=Number(gte=0))] = 5,
    page: Annotated[Path | None, Parameter(name="--page")] = None,
    texts: Annotated[bool, Parameter(name="--texts", negative="", show_default=False)] = False,
    output_folder: OutputFolder = Path("results"),
) -> None:
    """Compare two models on the same queries: by mode, by language pair, query by query.

    Reads the exact ranks that earlier runs left; nothing is encoded. p-values are of a paired
    randomisation test over topics (parallel queries together), corrected by Holm over the rows of
    the first table, and over all settings for the language pairs; * marks those under 0.05.

    Parameters
    ----------
    first:
        Name of a model, an alias, or a folder with results.
    second:
        The model to compare it with.
    task:
        A benchmark: XQuADR, MLQAR, XLIRMini.
    measures:
        Compare these instead of the card's; language pairs and queries are compared by the first of
        them, or by the card's main measure.
    queries:
        List so many queries that the first model answers better, and so many that it answers worse.
    page:
        Write it all as a page too, one HTML file that needs no network.
    texts:
        Show the texts of the listed queries on the page.
    output_folder:
        Where earlier results are.

    """
    from xlir_bench.compare import changed_most, compare_models, compare_settings
    from xlir_bench.core.mode import RetrievalMode
    from xlir_bench.measures.catalogue import parse, parse_all

    if texts and page is None:
        msg = "--texts shows texts on a page: it needs --page FILE"
        raise UsageError(msg)
    card = benchmark(task)
    asked = parse_all(measures or card.measures)
    (left, first), (right, second) = (
        _readings(model, card, output_folder) for model in (first, second)
    )
    rows = compare_models(left, right, asked)
    left_out = [m.name for m in asked if m.name not in {row.measure for row in rows}]
    if left_out:
        sys.stderr.write(f"xlir-bench: not known for both models: {', '.join(left_out)}\n")
    if not rows:
        msg = f"no measure is known for both {first} and {second} on {card.name}"
        raise ResultError(msg)
    measure = asked[0] if measures else parse(card.main_measure)
    settings = compare_settings(left, right, measure)
    mode = RetrievalMode.multi if RetrievalMode.multi in card.modes else card.modes[0]
    changed = changed_most(left, right, measure, mode, queries)
    names = first, second
    show(comparison_table(f"{first} against {second} on {card.name}", rows, names))
    _show_pairs(card, settings, measure.name)
    _show_changed(changed, names, measure.name, mode.value)
    if page is not None:
        from xlir_bench.leaderboard.compare_page import compare_page
        from xlir_bench.readers.read import read

        text = compare_page(
            short_names(names), card, rows, measure.name, settings, changed,
            collection=read(card) if texts else None,
        )  # fmt: skip
        _write(text, page)


def _write(text: str, page: Path) -> None:
    with written_whole(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    sys.stdout.write(f"page: {page}\n")


def _readings(model: str, card: TaskCard, output_folder: Path) -> "tuple[Readings, str]":
    """Return the ranks that an earlier run has left, and the name of the model that they are of.

    Raises:
        ResultError: there is none, or it is of other data.

    """
    from xlir_bench.evaluate import readings
    from xlir_bench.results.find import find_result
    from xlir_bench.results.hits_file import hits_beside
    from xlir_bench.results.rank_file import read_provenance, read_rank_table

    file = f"{card.name}.ranks.parquet"
    path = find_result(model, file, output_folder)
    if path is None:
        msg = (
            f"there is no {file} of {model!r} in {output_folder}; make it with:"
            f" xlir-bench run -m {model} -t {card.name} -o {output_folder}"
        )
        raise ResultError(msg)
    check_data(path, card)
    name = model
    if not Path(model).is_dir():  # a variant's results may stand in for the model's
        name = str(read_provenance(path)["model"])
        name = name if "/" in model else name.rpartition("/")[2]
    return readings(read_rank_table(path), card.settings(), hits_beside(path)), name


def _show_pairs(card: TaskCard, settings: "Sequence[SettingComparison]", measure: str) -> None:
    """Print the differences by query language and corpus."""
    rows: dict[str, dict[str, tuple[float, bool]]] = {}
    for found in settings:
        codes = [x.code for x in found.setting.corpus_languages]
        column = codes[0] if len(codes) == 1 else "all"
        row = rows.setdefault(found.setting.query_language.code, {})
        row[column] = (found.difference.value, found.corrected < 0.05)
    if rows:
        title = f"difference of {measure} by query language (rows) and corpus (columns)"
        codes = [x.code for x in card.languages]
        used = [x for x in (*codes, "all") if any(x in row for row in rows.values())]
        show(pair_difference_table(title, rows, used))
        n = len(settings)
        sys.stdout.write(f"* p < 0.05, Holm over {n} settings; 'all' is the pool of multi\n\n")


def _show_changed(
    changed: "Sequence[Changed]", names: tuple[str, str], measure: str, mode: str
) -> None:
    if changed:
        title = f"queries that changed most: {measure} in {mode}"
        rows = [(c.query_id, str(c.setting), c.first, c.second) for c in changed]
        show(changed_table(title, rows, short_names(names), measure))
        sys.stdout.write("read one with: xlir-bench show MODEL TASK --query ID\n\n")
