"""Anserini's runs of single indexes as runs of a benchmark's settings."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xlir_bench.adapters.pyserini import Bm25, Toolkit, run_bm25, write_topics
from xlir_bench.bm25.scorer import RRF_K, Merge, Parameters
from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import Setting
from xlir_bench.errors import DataError
from xlir_bench.readers.rankings import RunLines, read_lines
from xlir_bench.runs import Rankings

if TYPE_CHECKING:
    from xlir_bench.core.language import Language

MOST_HITS = 10_000
"""Passages of an index that a query gets: all of it where it is smaller."""


@dataclass(frozen=True, slots=True)
class IndexRun:
    """What all queries found in one index.

    Attributes:
        query_rows: (n,) int64 of the collection.
        passage_rows: (n,) int64 of the collection.
        scores: (n,) float32.
        ranks: (n,) int64 of the passage in this index, from 1.
        is_whole: whether the index gave all that matched.

    """

    query_rows: NDArray[np.int64]
    passage_rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    ranks: NDArray[np.int64]
    is_whole: bool


class AnseriniRuns:
    """All queries of a benchmark in the index of each language, or in one of all.

    Attributes:
        analyzers: by language code, or "all".

    """

    def __init__(
        self,
        toolkit: Toolkit,
        collection: Collection,
        settings: Sequence[Setting],
        parameters: Parameters,
        *,
        is_pooled: bool,
    ) -> None:
        self._collection = collection
        languages: Sequence[Language | None] = [None] if is_pooled else collection.languages
        self.analyzers: dict[str, str] = {}
        self._runs: dict[Language | None, IndexRun] = {}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for x in languages:
                place = folder / (x.code if x else "all")
                place.mkdir()
                # Only who may find something here: a search takes Anserini a few milliseconds.
                asking = {s.query_language for s in settings if x in {None, *s.corpus_languages}}
                queries = [q for q in collection.queries if q.language in asking]
                write_topics(queries, place / "topics.tsv")
                rows = collection.corpus_rows(x) if x else slice(None)
                passages = collection.passages[rows]
                hits = min(len(passages), MOST_HITS)
                bm25 = Bm25(parameters.k1, parameters.b, hits)
                found = run_bm25(toolkit, passages, place / "topics.tsv", x, bm25, place)
                self.analyzers[x.code if x else "all"] = found.analyzer
                lines = read_lines(found.run, collection, None)
                self._runs[x] = _ranked(lines, is_whole=_is_whole(lines, hits, len(passages)))

    def rankings(self, setting: Setting, merge: Merge) -> Rankings:
        """Return the run of one setting.

        Raises:
            DataError: no query of the setting found anything.

        """
        asked = self._collection.query_rows(setting.query_language)
        runs = [self._runs[x] for x in self._runs if x is None or x in setting.corpus_languages]
        parts = [(run, np.flatnonzero(np.isin(run.query_rows, asked))) for run in runs]
        if not sum(len(chosen) for _, chosen in parts):
            msg = f"no query of {setting} shares a term with any passage"
            raise DataError(msg)
        is_rank = merge is Merge.rank
        return Rankings(
            np.concatenate([run.query_rows[chosen] for run, chosen in parts]),
            np.concatenate([run.passage_rows[chosen] for run, chosen in parts]),
            np.concatenate(
                [_by_rank(run.ranks[c]) if is_rank else run.scores[c] for run, c in parts]
            ),
            self._depth(setting, runs),
        )

    def _depth(self, setting: Setting, runs: Sequence[IndexRun]) -> int:
        pool = sum(p.language in setting.corpus_languages for p in self._collection.passages)
        return pool if all(run.is_whole for run in runs) else min(MOST_HITS, pool)


def _by_rank(ranks: NDArray[np.int64]) -> NDArray[np.float32]:
    return (1 / (RRF_K + ranks)).astype(np.float32)


def _is_whole(lines: RunLines, hits: int, n_passages: int) -> bool:
    """Say whether a search gave all that matched: no query was cut off."""
    most = np.bincount(lines.query_rows).max(initial=0)
    return hits == n_passages or int(most) < hits


def _ranked(lines: RunLines, *, is_whole: bool) -> IndexRun:
    """Number the lines of each query, which Anserini writes best first."""
    order = np.argsort(lines.query_rows, kind="stable")
    queries = lines.query_rows[order]
    starts = np.searchsorted(queries, queries)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - starts + 1
    return IndexRun(lines.query_rows, lines.passage_rows, lines.scores, ranks, is_whole)
