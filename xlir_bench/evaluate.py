"""The only evaluation path: collection + encoder -> rank table -> scores.

``mteb run``, ``xlir-bench run`` and the trainer's evaluation all go through these functions.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import Setting
from xlir_bench.core.ranking import Ranks, RankTable
from xlir_bench.core.score import Score
from xlir_bench.core.text import Passage
from xlir_bench.encoders.base import Encoder, Role, Vectors, comparable
from xlir_bench.measures.catalogue import Measure
from xlir_bench.retrieve.hits import top_k
from xlir_bench.retrieve.ranks import Shard, Targets, count_beating
from xlir_bench.retrieve.similarity import canonical


class Embedder(Protocol):
    """Gives the vectors of texts, encoding none of them twice."""

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        """Return (n_texts, dim) finite float32."""
        ...


def embed(collection: Collection, encoder: Encoder, embedder: Embedder) -> tuple[Vectors, Vectors]:
    """Return the vectors of a collection's queries and passages, ready for a dot product.

    Returns:
        (n_queries, dim) and (n_passages, dim) float32.

    Raises:
        EncoderError: the encoder returned unusable vectors.

    """
    queries = embedder.embed(encoder, [q.text for q in collection.queries], Role.query)
    passages = embedder.embed(encoder, [p.text for p in collection.passages], Role.passage)
    return (
        comparable(queries, Role.query, encoder.similarity),
        comparable(passages, Role.passage, encoder.similarity),
    )


def id_order(passages: Sequence[Passage]) -> NDArray[np.int64]:
    """Return (n_passages,) positions of the ids in ascending order, as bytes (trec_eval)."""
    ids = np.array([p.passage_id.encode() for p in passages])
    keys = np.empty(len(ids), dtype=np.int64)
    keys[np.argsort(ids, kind="stable")] = np.arange(len(ids))
    return keys


def rank(collection: Collection, queries: Vectors, passages: Vectors) -> RankTable:
    """Return the exact, full-depth rank table of a collection.

    O(|queries| |passages| dim) time for all settings together.

    Args:
        collection: what is asked and searched.
        queries: (n_queries, dim) float32 from ``embed``.
        passages: (n_passages, dim) float32 from ``embed``.

    """
    corpus_languages = collection.languages
    languages = tuple(dict.fromkeys((*corpus_languages, *(q.language for q in collection.queries))))
    column = {language: position for position, language in enumerate(languages)}
    query_columns = np.array([column[q.language] for q in collection.queries])
    passage_columns = np.array([column[p.language] for p in collection.passages])

    qrels = collection.qrels
    order = np.argsort(qrels.query_rows, kind="stable")
    query_rows, passage_rows = qrels.query_rows[order], qrels.passage_rows[order]
    asked, asked_rows = np.unique(query_rows, return_inverse=True)
    answers, answer_rows = np.unique(passage_rows, return_inverse=True)
    keys = id_order(collection.passages)
    targets = Targets(
        starts=np.searchsorted(query_rows, np.append(asked, asked[-1] + 1)),
        similarities=canonical(queries, passages, query_rows, passage_rows),
        keys=keys[passage_rows],
    )
    vectors = queries if len(asked) == len(queries) else queries[asked]
    return RankTable(
        languages=languages,
        n_passages=np.bincount(passage_columns, minlength=len(languages)),
        n_queries=np.bincount(query_columns, minlength=len(languages)),
        query_ids=tuple(collection.queries[row].query_id for row in asked),
        passage_ids=tuple(collection.passages[row].passage_id for row in answers),
        query_rows=asked_rows,
        passage_rows=answer_rows,
        query_languages=query_columns[query_rows],
        passage_languages=passage_columns[passage_rows],
        grades=qrels.grades[order],
        similarities=targets.similarities,
        beaten_by=count_beating(
            vectors, Shard(passages, keys, passage_columns), targets, len(languages)
        ),
    )


def score(
    ranks: Ranks, setting: Setting, measures: Iterable[Measure]
) -> tuple[list[Score], list[str]]:
    """Score the ranks of one setting.

    Returns:
        The scores, and the names of measures that need a deeper ranking than there is. A measure
        that is undefined for every query of the setting is in neither.

    """
    scores, too_shallow = [], []
    for measure in measures:
        if not measure.is_known_for(ranks):
            too_shallow.append(measure.name)
            continue
        values = measure.per_query(ranks)
        defined = values[~np.isnan(values)]
        if defined.size:
            missing = len(values) - len(defined)
            mean = float(defined.mean())
            scores.append(Score(setting, measure.name, mean, len(defined), missing))
    return scores, too_shallow


def score_table(
    table: RankTable, settings: Iterable[Setting], measures: Sequence[Measure]
) -> list[Score]:
    """Score every setting that has an answered query, from one rank table."""
    scores: list[Score] = []
    for setting in settings:
        ranks = table.ranks(setting)
        if len(ranks.queries):
            scores += score(ranks, setting, measures)[0]
    return scores


def search(
    collection: Collection, setting: Setting, queries: Vectors, passages: Vectors, k: int
) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Yield (query id, the k best (passage id, similarity) pairs) of a setting, best first.

    Args:
        collection: what is asked and searched.
        setting: who searches where.
        queries: (n_queries, dim) float32 from ``embed``.
        passages: (n_passages, dim) float32 from ``embed``.
        k: cutoff; capped at the size of the pool.

    """
    pool = set(setting.corpus_languages)
    found = [row for row, p in enumerate(collection.passages) if p.language in pool]
    passage_rows = np.array(found, dtype=np.int64)
    query_rows = np.array(collection.query_rows(setting.query_language), dtype=np.int64)
    if not len(passage_rows) or not len(query_rows):
        return
    keys = id_order(collection.passages)[passage_rows]
    hits = top_k(queries[query_rows], passages[passage_rows], keys, k)
    for query_row, (rows, similarities) in zip(query_rows, hits, strict=True):
        ids = [collection.passages[r].passage_id for r in passage_rows[rows]]
        yield (
            collection.queries[query_row].query_id,
            list(zip(ids, similarities.tolist(), strict=True)),
        )
