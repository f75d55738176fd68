"""BM25 on a benchmark, by bm25s or by Anserini, as results that can be kept."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlir_bench.adapters.mteb.ranked import Ranked
from xlir_bench.adapters.pyserini import find_toolkit
from xlir_bench.adapters.pyserini_runs import AnseriniRuns
from xlir_bench.bm25.scorer import Merge, Parameters, Scorer
from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import NOT_RETRIEVED
from xlir_bench.runs import Found, best_of, count_scores, read_runs, search_scores
from xlir_bench.versions import installed

RUN_DEPTH = 1000


@dataclass(frozen=True, slots=True)
class Baseline:
    """One way of BM25 on one benchmark.

    Attributes:
        ranked: to keep.
        analyzers: by language code, or "all" for one index.
        unmatched: answers that share no term with their question, of how many.
        runs: each setting's first passages that match, of every query.

    """

    ranked: Ranked
    analyzers: Mapping[str, str]
    unmatched: tuple[int, int]
    runs: Iterator[tuple[Setting, Iterator[Found]]]


def bm25s_baselines(
    collection: Collection,
    settings: Sequence[Setting],
    ways: Sequence[Merge],
    parameters: Parameters,
) -> Iterator[Baseline]:
    """Yield BM25 by bm25s: every passage of a pool is ranked, those that do not match by id."""
    for way in ways:
        scorer = Scorer(collection, way, parameters)
        table, hits = count_scores(collection, scorer.scores)
        what = _what("bm25s", way, parameters, scorer.analyzers)
        what["versions_bm25"] = installed(("bm25s", "pystemmer", "regex"))
        chosen, n_unmatched = _settings(settings, way), int((table.similarities == 0).sum())
        yield Baseline(
            Ranked(_name("bm25s", way), _revision(what), chosen, table, hits, what),
            scorer.analyzers,
            (n_unmatched, len(table)),
            ((s, search_scores(collection, s, scorer.scores, RUN_DEPTH)) for s in chosen),
        )


def anserini_baselines(
    collection: Collection,
    settings: Sequence[Setting],
    ways: Sequence[Merge],
    parameters: Parameters,
) -> Iterator[Baseline]:
    """Yield BM25 by Anserini: passages that do not match are not found.

    Raises:
        UsageError: Anserini or a Java that runs it is missing.
        DataError: Anserini failed.

    """
    toolkit = find_toolkit()
    indexed: dict[bool, AnseriniRuns] = {}
    for way in ways:
        is_pooled = way is Merge.pooled
        if is_pooled not in indexed:
            indexed[is_pooled] = AnseriniRuns(
                toolkit, collection, settings, parameters, is_pooled=is_pooled
            )
        runs = indexed[is_pooled]
        chosen = _settings(settings, way)
        found = {s: runs.rankings(s, way) for s in chosen}
        table, hits = read_runs(collection, found)
        what = _what("anserini", way, parameters, runs.analyzers)
        what |= {"anserini": toolkit.anserini, "java": toolkit.java_version}
        depths = {"depths": {} if table.run is None else dict(table.run.depths)}
        ranks = [table.ranks(s).ranks for s in chosen]
        yield Baseline(
            Ranked(_name("anserini", way), _revision(what), chosen, table, hits, what | depths),
            runs.analyzers,
            (sum(int((r == NOT_RETRIEVED).sum()) for r in ranks), sum(map(len, ranks))),
            ((s, best_of(collection, found[s], RUN_DEPTH)) for s in chosen),
        )


def _settings(settings: Sequence[Setting], way: Merge) -> tuple[Setting, ...]:
    """Return all settings, or for a way that differs in the pool of all languages only those."""
    is_first = way is Merge.score
    return tuple(s for s in settings if is_first or s.mode is RetrievalMode.multi)


def _name(backend: str, way: Merge) -> str:
    return f"{backend}/{'pooled' if way is Merge.pooled else f'merged-by-{way}'}"


def _what(
    backend: str, way: Merge, parameters: Parameters, analyzers: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "backend": backend,
        "merge": way.value,
        "k1": parameters.k1,
        "b": parameters.b,
        "analyzers": dict(analyzers),
    }


def _revision(what: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
