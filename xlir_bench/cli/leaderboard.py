"""``xlir-bench leaderboard``: tables and pages of many models, and whether they still hold."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.cli.names import benchmark
from xlir_bench.cli.options import Modes
from xlir_bench.core.mode import RetrievalMode, retrieval_mode
from xlir_bench.errors import UsageError
from xlir_bench.paths import data_folder, written_whole

Format = Literal["md", "csv", "latex", "html", "json"]


def leaderboard(  # noqa: PLR0913 - one parameter an option
    *,
    tasks: Annotated[
        tuple[str, ...],
        Parameter(name=["-t", "--task"], consume_multiple=True, negative="", show_default=False),
    ] = (),
    mode: Modes = (),
    measure: Annotated[
        tuple[str, ...],
        Parameter(
            name=["--measure", "--measures"],
            consume_multiple=True,
            negative="",
            show_default=False,
        ),
    ] = (),
    sort: Annotated[str, Parameter(name="--sort", show_default=False)] = "",
    output_format: Annotated[Format, Parameter(name=["-f", "--format"])] = "md",
    results: Annotated[
        tuple[Path, ...],
        Parameter(name="--results", consume_multiple=True, negative="", show_default=False),
    ] = (),
    shipped: Annotated[bool, Parameter(name="--shipped", show_default=False)] = True,
    texts: Annotated[
        tuple[str, ...],
        Parameter(name="--texts", consume_multiple=True, negative="", show_default=False),
    ] = (),
    output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None,
    check: Annotated[bool, Parameter(name="--check", negative="", show_default=False)] = False,
) -> None:
    """Print the table of a benchmark, or write it to a file or a page.

    Every figure is computed from the exact ranks that runs have left; nothing is encoded. A figure
    is bold only if a paired randomisation test over topics says that its model is better than every
    other one of the table, = marks those it cannot tell from the best. Results of other data or
    other measures than the card's are refused with the reason.

    Parameters
    ----------
    tasks:
        Benchmarks: XQuADR, MLQAR, XLIRMini (default: all that have results).
    mode:
        Columns of these modes only: mono, cross, multi.
    measure:
        Columns of these measures (default: AP, P@1, P@10, MRD and TLR@20).
    sort:
        Column to sort by: "multi/AP", "multi/MRD" (default: the benchmark's main score).
    output_format:
        md, csv (long, full precision), latex (booktabs), json, or html: a page in one file that
        needs no network, with tables, plots and, with --texts, the ranked passages.
    results:
        Folders with results of xlir-bench run or mteb run, shown beside those that ship.
    shipped:
        --no-shipped leaves out the results that ship.
    texts:
        Benchmarks whose queries and first passages the page shows; they are copied into it. Needs
        the hits files that runs leave beside their ranks.
    output:
        File to write (default: standard output).
    check:
        Instead of printing, recompute every figure of the results from their rank tables, and every
        table and page that ships; exit with status 1 and one line if something does not match.

    """
    cards = [benchmark(name) for name in dict.fromkeys(tasks)]
    modes = [retrieval_mode(name) for name in dict.fromkeys(mode)]
    shown = [benchmark(name) for name in dict.fromkeys(texts)]
    if shown and output_format != "html":
        msg = "--texts puts texts on a page: it needs --format html"
        raise UsageError(msg)
    if not results and not shipped:
        msg = "--no-shipped leaves nothing to show: name folders with --results"
        raise UsageError(msg)
    roots = [*([data_folder("leaderboards") / "results"] if shipped else []), *results]
    if check:
        from xlir_bench.cli.leaderboard_check import check_all

        check_all(cards, roots, shipped=shipped)
        return
    text = _text(cards, roots, modes, measure, sort, output_format, shown)
    if output is None:
        sys.stdout.write(text)
        return
    with written_whole(output) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _text(  # noqa: PLR0913, PLR0917 - what the command was asked
    cards: Sequence[TaskCard],
    roots: Sequence[Path],
    modes: Sequence[RetrievalMode],
    measures: Sequence[str],
    sort: str,
    output_format: Format,
    texts: Sequence[TaskCard],
) -> str:
    from xlir_bench.leaderboard.board import MEASURES, Choice
    from xlir_bench.leaderboard.render import boards_of, rendered

    choice = Choice(modes, measures or MEASURES, sort)
    boards = boards_of(
        cards or list(task_cards().values()),
        roots,
        choice,
        lambda line: sys.stderr.write(f"xlir-bench: {line}\n"),
    )
    return rendered(boards, output_format, texts)
