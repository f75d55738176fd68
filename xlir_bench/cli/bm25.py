"""``xlir-bench bm25``: the lexical baseline of every benchmark."""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.cli.names import Chosen, chosen_task, settings_of_modes
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.errors import UnknownNameError

if TYPE_CHECKING:
    from xlir_bench.cards.task import TaskCard

BACKENDS = ("bm25s", "pyserini")
RUN_DEPTH = 1000


def bm25(  # noqa: PLR0913 - one parameter an option
    *,
    task: Annotated[str, Parameter(name=["-t", "--task"])],
    mode: Annotated[
        tuple[str, ...],
        Parameter(name="--mode", consume_multiple=True, negative="", show_default=False),
    ] = (),
    merge: Annotated[
        tuple[str, ...],
        Parameter(name="--merge", consume_multiple=True, negative="", show_default=False),
    ] = (),
    k1: Annotated[float, Parameter(name="--k1", validator=Number(gte=0))] = 0.9,
    b: Annotated[float, Parameter(name="--b", validator=Number(gte=0, lte=1))] = 0.4,
    backend: Annotated[str, Parameter(name="--backend")] = "bm25s",
    measures: Annotated[
        tuple[str, ...],
        Parameter(name="--measures", consume_multiple=True, negative="", show_default=False),
    ] = (),
    by_language: Annotated[
        bool, Parameter(name="--by-language", negative="", show_default=False)
    ] = False,
    run_file: Annotated[
        bool, Parameter(name="--run-file", negative="", show_default=False)
    ] = False,
    output_folder: Annotated[Path, Parameter(name=["-o", "--output-folder"])] = Path("results"),
) -> None:
    """Score BM25 on a benchmark, in full depth, and keep the results as those of models.

    Each language has an index and an analyzer of its own, which queries in any language go through.
    For the pool of all languages their scores are merged as they are (bm25s/merged-by-score) and by
    reciprocal rank (bm25s/merged-by-rank), and there is one index of all languages without stemmers
    (bm25s/pooled). Passages that share no term with the query are tied at 0, by id.

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
        bm25s.
    measures:
        Print these instead of the card's.
    by_language:
        Print one line per setting too.
    run_file:
        Write TREC runs beside the results: the first 1,000 matches of every query.
    output_folder:
        Where results go.

    """
    from xlir_bench.bm25.scorer import Merge, Parameters
    from xlir_bench.measures.catalogue import parse_all
    from xlir_bench.readers.read import read

    if backend not in BACKENDS:
        raise UnknownNameError(backend, BACKENDS, kind="backend")
    names = [x.value for x in Merge]
    for name in merge:
        if name not in names:
            raise UnknownNameError(name, names, kind="merge")
    parse_all(measures)
    chosen = chosen_task(task, mode)
    is_pool = RetrievalMode.multi in chosen[1]
    ways = [x for x in Merge if (not merge or x in merge) and (is_pool or x is Merge.score)]
    collection = read(chosen[0])
    for way in ways:
        made = _Baseline(chosen, way, Parameters(k1, b), collection)
        made.keep(output_folder, measures, by_language=by_language, run_file=run_file)


class _Baseline:
    """One way of BM25 on one benchmark."""

    def __init__(self, chosen: Chosen, way: Any, parameters: Any, collection: Any) -> None:  # noqa: ANN401
        from xlir_bench.bm25.scorer import Scorer

        self.card: TaskCard = chosen[0]
        self.settings = _settings(chosen, is_first=way == "score")
        self.collection = collection
        self.scorer = Scorer(collection, way, parameters)
        self.name = f"bm25s/{'pooled' if way == 'pooled' else f'merged-by-{way}'}"
        self.what: Mapping[str, Any] = {
            "backend": "bm25s",
            "merge": str(way),
            "k1": parameters.k1,
            "b": parameters.b,
            "analyzers": self.scorer.analyzers,
            "versions_bm25": _versions(),
        }

    def keep(
        self, output_folder: Path, measures: tuple[str, ...], *, by_language: bool, run_file: bool
    ) -> None:
        """Rank, write the results and print the figures."""
        from xlir_bench.adapters.mteb.ranked import Ranked, keep, report
        from xlir_bench.results.run_file import write_run
        from xlir_bench.runs import count_scores, search_scores

        table, hits = count_scores(self.collection, self.scorer.scores)
        unmatched = {"unmatched_answers": float((table.similarities == 0).mean())}
        print_of = hashlib.sha256(json.dumps(self.what, sort_keys=True).encode()).hexdigest()
        ranked = Ranked(
            self.name, print_of[:16], self.settings, table, hits, {**self.what, **unmatched}
        )
        folder = keep(ranked, self.card, self.collection, output_folder)
        report(ranked, self.card, measures, by_language=by_language)
        sys.stdout.write(
            f"analyzers: {_told(self.scorer.analyzers)}\n"
            f"answers without a term of the question: {unmatched['unmatched_answers']:.1%} of"
            f" {len(table):,} (tied at 0, by id)\n"
        )
        if run_file:
            for setting in self.settings:
                found = search_scores(self.collection, setting, self.scorer.scores, RUN_DEPTH)
                path = folder / f"{self.card.name}.runs" / f"run.{setting.subset}.txt"
                write_run(path, found, self.name.replace("/", "-"))
        sys.stdout.write(f"results: {folder}\n\n")


def _settings(chosen: Chosen, *, is_first: bool) -> tuple[Setting, ...]:
    """Return all settings, or for a way that differs in the pool of all languages only those."""
    every = settings_of_modes(chosen)
    return tuple(s for s in every if is_first or s.mode is RetrievalMode.multi)


def _told(analyzers: Mapping[str, str]) -> str:
    """Return analyzers and the languages that have each."""
    by_name: dict[str, list[str]] = {}
    for code, name in analyzers.items():
        by_name.setdefault(name, []).append(code)
    return "; ".join(f"{' '.join(codes)}: {name}" for name, codes in by_name.items())


def _versions() -> dict[str, str]:
    from xlir_bench.versions import installed

    return installed(("bm25s", "pystemmer", "regex"))
