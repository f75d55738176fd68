"""``xlir-bench bm25``: the lexical baseline of every benchmark."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.cli.names import chosen_task, settings_of_modes
from xlir_bench.cli.options import ByLanguage, Measures, Modes, OutputFolder, RunFile
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from xlir_bench.adapters.baselines import Baseline

BACKENDS = ("bm25s", "pyserini")


def bm25(  # noqa: PLR0913 - one parameter an option
    *,
    task: Annotated[str | None, Parameter(name=["-t", "--task"])] = None,
    mode: Modes = (),
    merge: Annotated[
        tuple[str, ...],
        Parameter(name="--merge", consume_multiple=True, negative="", show_default=False),
    ] = (),
    k1: Annotated[float, Parameter(name="--k1", validator=Number(gte=0))] = 0.9,
    b: Annotated[float, Parameter(name="--b", validator=Number(gte=0, lte=1))] = 0.4,
    backend: Annotated[str, Parameter(name="--backend")] = "bm25s",
    measures: Measures = (),
    by_language: ByLanguage = False,
    run_file: RunFile = False,
    setup: Annotated[bool, Parameter(name="--setup", negative="", show_default=False)] = False,
    output_folder: OutputFolder = Path("results"),
) -> None:
    """Score BM25 on a benchmark, and keep the results as those of models.

    Each language has an index and an analyzer of its own, which queries in any language go through.
    For the pool of all languages their scores are merged as they are (bm25s/merged-by-score) and by
    reciprocal rank (bm25s/merged-by-rank), and there is one index of all languages
    (bm25s/pooled). bm25s ranks the whole pool, passages that share no term with the query tied at
    0, by id. Anserini never finds those; its results (anserini/...) lack what needs all ranks.

    Parameters
    ----------
    task:
        A benchmark, one mode of it, or the path of a BEIR folder.
    mode:
        Only these modes: mono, cross, multi.
    merge:
        Only these: score, rank, pooled.
    k1:
        Saturation; this and b are Anserini's.
    b:
        Length normalisation.
    backend:
        bm25s (Python), or pyserini: its Anserini, with Lucene's analyzers, in a Java process.
    measures:
        Print these instead of the card's.
    by_language:
        Print one line per setting too.
    run_file:
        Write TREC runs beside the results: the first 1,000 matches of every query.
    setup:
        Fetch what the backend pyserini lacks (Anserini, a Java), say what there is, and stop.
    output_folder:
        Where results go.

    """
    from xlir_bench.bm25.scorer import Merge, Parameters
    from xlir_bench.measures.catalogue import parse_all
    from xlir_bench.readers.read import read

    if setup:
        _set_up()
        return
    if task is None:
        msg = "-t names no task; list them with: xlir-bench tasks"
        raise UsageError(msg)
    names = [x.value for x in Merge]
    for kind, known, given in (("backend", BACKENDS, [backend]), ("merge", names, merge)):
        for name in given:
            if name not in known:
                raise UnknownNameError(name, known, kind=kind)
    parse_all(measures)
    chosen = chosen_task(task, mode)
    is_pool = RetrievalMode.multi in chosen[1]
    ways = [x for x in Merge if (not merge or x in merge) and (is_pool or x is Merge.score)]
    collection, settings = read(chosen[0]), settings_of_modes(chosen)

    from xlir_bench.adapters.baselines import anserini_baselines, bm25s_baselines
    from xlir_bench.adapters.mteb.ranked import keep, report
    from xlir_bench.results.run_file import write_run

    make = bm25s_baselines if backend == "bm25s" else anserini_baselines
    for made in make(collection, settings, ways, Parameters(k1, b)):
        folder = keep(made.ranked, chosen[0], collection, output_folder)
        report(made.ranked, chosen[0], measures, by_language=by_language)
        sys.stdout.write(_told(made))
        for setting, found in made.runs if run_file else ():
            path = folder / f"{chosen[0].name}.runs" / f"run.{setting.subset}.txt"
            write_run(path, found, made.ranked.name.replace("/", "-"))
        sys.stdout.write(f"results: {folder}\n\n")


def _told(made: "Baseline") -> str:
    """Return analyzers and the languages that have each, and how many answers match nothing."""
    by_name: dict[str, list[str]] = {}
    for code, name in made.analyzers.items():
        by_name.setdefault(name, []).append(code)
    listed = "; ".join(f"{' '.join(codes)}: {name}" for name, codes in by_name.items())
    count, total = made.unmatched
    return f"analyzers: {listed}\nanswers without a term of the question: {count:,} of {total:,}\n"


def _set_up() -> None:
    from xlir_bench.adapters.pyserini import set_up

    toolkit = set_up()
    sys.stdout.write(
        f"Anserini {toolkit.anserini}: {toolkit.jar}\nJava {toolkit.java_version}: {toolkit.java}\n"
    )
