"""Rankings made elsewhere as a rank table and hits: what ``evaluate`` makes of vectors.

Order as in trec_eval: float32 score descending, then passage id descending.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.collection import Collection, topic_numbers
from xlir_bench.core.hits import NO_LANGUAGE, NO_PASSAGE, Hits
from xlir_bench.core.language import Language
from xlir_bench.core.mode import Setting
from xlir_bench.core.ranking import NOT_COUNTED, RankTable, RunRanks
from xlir_bench.core.text import Query
from xlir_bench.evaluate import HITS_DEPTH, empty_table, id_order


@dataclass(frozen=True, slots=True)
class Rankings:
    """The run of one setting.

    Attributes:
        query_rows: (n,) int64 rows of the collection's queries.
        passage_rows: (n,) int64 rows of its passages; a query ranks each once.
        scores: (n,) float32, higher is better.
        depth: ranks that the run holds of every query; the size of the pool if what it does not
            hold would never be found.

    """

    query_rows: NDArray[np.int64]
    passage_rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    depth: int


@dataclass(frozen=True, slots=True)
class _Ranked:
    """One query's passages, best first."""

    query_row: int
    passages: NDArray[np.int64]
    scores: NDArray[np.float32]


def _ranked(found: Rankings, keys: NDArray[np.int64]) -> Iterator[_Ranked]:
    """Yield the ranking of every query that has one."""
    order = np.lexsort((-keys[found.passage_rows], -found.scores, found.query_rows))
    queries, starts = np.unique(found.query_rows[order], return_index=True)
    for query, rows in zip(queries.tolist(), np.split(order, starts[1:]), strict=True):
        yield _Ranked(query, found.passage_rows[rows], found.scores[rows])


def read_runs(
    collection: Collection, runs: Mapping[Setting, Rankings]
) -> tuple[RankTable, Hits | None]:
    """Return what runs of single settings tell: ranks of the answers, and first passages.

    Args:
        collection: what was asked and searched.
        runs: by setting, of the modes mono, cross and multi.

    Returns:
        The rank table, readable for these settings alone, and the hits in the pool of all
        languages; None without a run in that pool.

    """
    reading = _Reading(collection)
    for setting, found in runs.items():
        reading.add(setting, found)
    return reading.table(), reading.hits()


Found = tuple[str, list[tuple[str, float]]]
"""A query's id and its passages' ids and scores, best first."""

ScoreFunction = Callable[[int, Sequence[Language]], NDArray[np.float32]]
"""A row of a query and a pool, in row order, to the scores, 0 or more, of its passages."""


def count_scores(collection: Collection, scores: ScoreFunction) -> tuple[RankTable, Hits]:
    """Return the exact, full-depth rank table and the hits of a system that scores every passage.

    O(|queries| |passages|) time and O(|passages|) memory beside the results.

    Args:
        collection: what was asked and searched.
        scores: of one query at a time; those of one passage must not depend on the pool.

    """
    table = empty_table(collection)
    keys = id_order(collection.passages)
    languages = collection.languages
    starts = [collection.corpus_rows(x).start for x in languages]
    columns = [table.languages.index(x) for x in languages]
    order = np.argsort(collection.qrels.query_rows, kind="stable")
    judged = collection.qrels.query_rows[order], collection.qrels.passage_rows[order]
    depth = min(HITS_DEPTH, len(keys))
    first = np.empty((len(collection.queries), depth), dtype=np.int64)
    best = np.empty(first.shape, dtype=np.float32)
    table.beaten_by[:] = 0
    for row in range(len(collection.queries)):
        found = scores(row, languages)
        places = trec_places(found, keys)
        first[row] = first_places(places, depth)
        best[row] = found[first[row]]
        of_query = slice(*np.searchsorted(judged[0], [row, row + 1]))
        answers = judged[1][of_query]
        beats = places > places[answers, None]
        table.beaten_by[of_query, columns] = np.add.reduceat(beats, starts, axis=1, dtype=np.int64)
        table.similarities[of_query] = found[answers]
    return table, hits_of(collection, collection.queries, first, best)


def search_scores(
    collection: Collection, setting: Setting, scores: ScoreFunction, k: int
) -> Iterator[Found]:
    """Yield (query id, the k best (passage id, score) pairs with a score) of a setting."""
    pool = [x for x in collection.languages if x in setting.corpus_languages]
    rows = np.concatenate(
        [np.arange(len(collection.passages))[collection.corpus_rows(x)] for x in pool]
    )
    keys = id_order(collection.passages)[rows]
    for query_row in collection.query_rows(setting.query_language):
        found = scores(query_row, pool)
        first = first_places(trec_places(found, keys), min(k, len(rows)))
        yield (
            collection.queries[query_row].query_id,
            [
                (collection.passages[rows[i]].passage_id, float(found[i]))
                for i in first
                if found[i] > 0
            ],
        )


def best_of(collection: Collection, found: Rankings, k: int) -> Iterator[Found]:
    """Yield (query id, the k best (passage id, score) pairs) of a run."""
    for ranked in _ranked(found, id_order(collection.passages)):
        ids = [collection.passages[row].passage_id for row in ranked.passages[:k]]
        scores = ranked.scores[:k].tolist()
        query_id = collection.queries[ranked.query_row].query_id
        yield query_id, list(zip(ids, scores, strict=True))


def trec_places(scores: NDArray[np.float32], keys: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return (n,) whole numbers that order scores, 0 or more, as trec_eval: larger is better.

    A float32 of 0 or more is ordered as its bits are; the id's position goes below them.
    """
    bits = (scores + np.float32(0)).view(np.uint32).astype(np.uint64)  # + 0: no -0
    return (bits << np.uint64(32)) | keys.astype(np.uint64)


def first_places(places: NDArray[np.uint64], k: int) -> NDArray[np.int64]:
    """Return the (k,) positions of the largest, best first."""
    best = np.argpartition(places, len(places) - k)[len(places) - k :]
    return best[np.argsort(places[best])[::-1]]


class _Reading:
    """A rank table and first passages while runs are added."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.counts = empty_table(collection)
        self.within = np.full(len(self.counts), NOT_COUNTED, dtype=np.int64)
        self.depths: dict[str, int] = {}
        self.keys = id_order(collection.passages)
        column = {x: position for position, x in enumerate(self.counts.languages)}
        self.labels = np.array([column[p.language] for p in collection.passages])
        self.first: dict[int, _Ranked] = {}
        order = np.argsort(collection.qrels.query_rows, kind="stable")
        self.judged_queries = collection.qrels.query_rows[order]
        self.judged_passages = collection.qrels.passage_rows[order]

    def add(self, setting: Setting, found: Rankings) -> None:
        """Count what stands before the answers of one setting."""
        is_pool = len(setting.corpus_languages) > 1
        self.depths[str(setting)] = found.depth
        for ranked in _ranked(found, self.keys):
            self._count(ranked, is_pool=is_pool)
            if is_pool:
                kept = slice(HITS_DEPTH)
                self.first[ranked.query_row] = _Ranked(
                    ranked.query_row, ranked.passages[kept].copy(), ranked.scores[kept].copy()
                )

    def table(self) -> RankTable:
        """Return the ranks that the runs tell."""
        return replace(self.counts, run=RunRanks(self.depths, self.within))

    def _count(self, ranked: _Ranked, *, is_pool: bool) -> None:
        start, end = np.searchsorted(self.judged_queries, [ranked.query_row, ranked.query_row + 1])
        by_passage = np.argsort(ranked.passages)
        wanted = self.judged_passages[start:end]
        places = np.searchsorted(ranked.passages, wanted, sorter=by_passage)
        places = by_passage[np.minimum(places, len(by_passage) - 1)]
        is_there = ranked.passages[places] == wanted
        rows, places = start + np.flatnonzero(is_there), places[is_there]
        self.counts.similarities[rows] = ranked.scores[places]
        if not is_pool:
            self.within[rows] = places
            return
        labels = self.labels[ranked.passages]
        for row, place in zip(rows, places, strict=True):
            self.counts.beaten_by[row] = np.bincount(
                labels[:place], minlength=len(self.counts.languages)
            )

    def hits(self) -> Hits | None:
        """Return the first passages of the queries that have some."""
        if not self.first:
            return None
        asked = sorted(self.first)
        queries = [self.collection.queries[row] for row in asked]
        width = max(len(ranked.passages) for ranked in self.first.values())
        rows = np.full((len(asked), width), NO_PASSAGE, dtype=np.int64)
        similarities = np.full(rows.shape, -np.inf, dtype=np.float32)
        for row, query_row in enumerate(asked):
            ranked = self.first[query_row]
            rows[row, : len(ranked.passages)] = ranked.passages
            similarities[row, : len(ranked.scores)] = ranked.scores
        return hits_of(self.collection, queries, rows, similarities)


def hits_of(
    collection: Collection,
    queries: Sequence[Query],
    rows: NDArray[np.int64],
    similarities: NDArray[np.float32],
) -> Hits:
    """Return rankings in the pool of all languages as hits.

    Args:
        collection: of the passages.
        queries: whose rankings they are.
        rows: (n_queries, k) int64 rows of passages, best first, ``NO_PASSAGE`` past the end.
        similarities: (n_queries, k) float32.

    """
    is_there = rows != NO_PASSAGE
    kept, codes = np.unique(rows[is_there], return_inverse=True)
    passages = np.full(rows.shape, NO_PASSAGE, dtype=np.int64)
    passages[is_there] = codes
    found = [collection.passages[row] for row in kept]
    column = {language: position for position, language in enumerate(collection.languages)}
    topic_ids, topics = topic_numbers(q.topic_id for q in queries)
    return Hits(
        languages=collection.languages,
        query_ids=tuple(q.query_id for q in queries),
        topic_ids=topic_ids,
        topics=topics,
        query_languages=np.array([column.get(q.language, NO_LANGUAGE) for q in queries]),
        passage_ids=tuple(p.passage_id for p in found),
        passage_languages=np.array([column[p.language] for p in found]),
        passages=passages,
        similarities=similarities,
    )
