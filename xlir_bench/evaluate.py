"""The only evaluation path: collection + encoder -> rank table -> scores.

``mteb run``, ``xlir-bench run`` and the trainer's evaluation all go through these functions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.collection import Collection, topic_numbers
from xlir_bench.core.hits import NO_LANGUAGE, Hits, Top
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import NOT_COUNTED, Ranks, RankTable
from xlir_bench.core.score import Interval, Score, Scorecard, macro
from xlir_bench.core.text import Passage
from xlir_bench.encoders.base import Encoder, Role, Vectors, comparable
from xlir_bench.measures.catalogue import Measure
from xlir_bench.measures.significance import RESAMPLES, Column, bootstrap
from xlir_bench.retrieve.hits import top_k
from xlir_bench.retrieve.ranks import Shard, Targets, count_beating
from xlir_bench.retrieve.similarity import canonical

HITS_DEPTH = 100
"""First passages of each query that are kept in the pool of all languages."""


class Embedder(Protocol):
    """Gives the vectors of texts, encoding none of them twice."""

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        """Return (n_texts, dim) finite float32."""
        ...


Adjust = Callable[[Vectors, Sequence[str], Role], Vectors]
"""Changes vectors, given the language code of each text and the role of all."""


def embed(
    collection: Collection, encoder: Encoder, embedder: Embedder, adjust: Adjust | None = None
) -> tuple[Vectors, Vectors]:
    """Return the vectors of a collection's queries and passages, ready for a dot product.

    Args:
        collection: the texts.
        encoder: whose vectors they are.
        embedder: that asks it.
        adjust: what is done to the vectors before they are compared.

    Returns:
        (n_queries, dim) and (n_passages, dim) float32.

    Raises:
        EncoderError: the encoder returned unusable vectors.

    """
    queries = embedder.embed(encoder, [q.text for q in collection.queries], Role.query)
    passages = embedder.embed(encoder, [p.text for p in collection.passages], Role.passage)
    if adjust is not None:
        queries = adjust(queries, [q.language.code for q in collection.queries], Role.query)
        passages = adjust(passages, [p.language.code for p in collection.passages], Role.passage)
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


def empty_table(collection: Collection) -> RankTable:
    """Return the rank table of a collection before anything is counted.

    Rows are in query order, whoever fills them in: encoders and runs can be compared.
    """
    languages = tuple(
        dict.fromkeys((*collection.languages, *(q.language for q in collection.queries)))
    )
    column = {language: position for position, language in enumerate(languages)}
    query_columns = np.array([column[q.language] for q in collection.queries])
    passage_columns = np.array([column[p.language] for p in collection.passages])
    qrels = collection.qrels
    order = np.argsort(qrels.query_rows, kind="stable")
    query_rows, passage_rows = qrels.query_rows[order], qrels.passage_rows[order]
    asked, asked_rows = np.unique(query_rows, return_inverse=True)
    answers, answer_rows = np.unique(passage_rows, return_inverse=True)
    topic_ids, topics = topic_numbers(collection.queries[row].topic_id for row in asked)
    return RankTable(
        languages=languages,
        n_passages=np.bincount(passage_columns, minlength=len(languages)),
        n_queries=np.bincount(query_columns, minlength=len(languages)),
        query_ids=tuple(collection.queries[row].query_id for row in asked),
        topic_ids=topic_ids,
        topics=topics,
        passage_ids=tuple(collection.passages[row].passage_id for row in answers),
        query_rows=asked_rows,
        passage_rows=answer_rows,
        query_languages=query_columns[query_rows],
        passage_languages=passage_columns[passage_rows],
        grades=qrels.grades[order],
        similarities=np.full(len(order), -np.inf, dtype=np.float32),
        beaten_by=np.full((len(order), len(languages)), NOT_COUNTED, dtype=np.int64),
    )


def rank(collection: Collection, queries: Vectors, passages: Vectors) -> RankTable:
    """Return the exact, full-depth rank table of a collection.

    O(|queries| |passages| dim) time for all settings together.

    Args:
        collection: what is asked and searched.
        queries: (n_queries, dim) float32 from ``embed``.
        passages: (n_passages, dim) float32 from ``embed``.

    """
    table = empty_table(collection)
    order = np.argsort(collection.qrels.query_rows, kind="stable")
    query_rows = collection.qrels.query_rows[order]
    passage_rows = collection.qrels.passage_rows[order]
    asked = np.unique(query_rows)
    column = {language: position for position, language in enumerate(table.languages)}
    passage_columns = np.array([column[p.language] for p in collection.passages])
    keys = id_order(collection.passages)
    targets = Targets(
        starts=np.searchsorted(query_rows, np.append(asked, asked[-1] + 1)),
        similarities=canonical(queries, passages, query_rows, passage_rows),
        keys=keys[passage_rows],
    )
    vectors = queries if len(asked) == len(queries) else queries[asked]
    shard = Shard(passages, keys, passage_columns)
    counts = count_beating(vectors, shard, targets, len(table.languages))
    return replace(table, similarities=targets.similarities, beaten_by=counts)


def find_hits(collection: Collection, queries: Vectors, passages: Vectors, k: int) -> Hits:
    """Return the ``k`` best passages of every query in the pool of all languages.

    O(|queries| |passages| dim) time, once more; O(|queries| k) memory beside one block.

    Args:
        collection: what is asked and searched.
        queries: (n_queries, dim) float32 from ``embed``.
        passages: (n_passages, dim) float32 from ``embed``.
        k: cutoff; capped at the size of the pool.

    """
    languages = collection.languages
    column = {language: position for position, language in enumerate(languages)}
    best = list(top_k(queries, passages, id_order(collection.passages), k))
    rows = np.stack([found for found, _ in best])
    kept, codes = np.unique(rows, return_inverse=True)
    found = [collection.passages[row] for row in kept]
    topic_ids, topics = topic_numbers(q.topic_id for q in collection.queries)
    return Hits(
        languages=languages,
        query_ids=tuple(q.query_id for q in collection.queries),
        topic_ids=topic_ids,
        topics=topics,
        query_languages=np.array([column.get(q.language, NO_LANGUAGE) for q in collection.queries]),
        passage_ids=tuple(p.passage_id for p in found),
        passage_languages=np.array([column[p.language] for p in found]),
        passages=codes.reshape(rows.shape),
        similarities=np.stack([similarities for _, similarities in best]),
    )


@dataclass(frozen=True, slots=True)
class Readings:
    """The ranks of some settings of one benchmark: all that measures need.

    Attributes:
        ranks: of every setting in which a query has an answer.
        n_topics: of the benchmark, whatever the settings: the same resamples for all of them.
        query_ids: that the rows of ``Ranks.queries`` name; empty if they are not known.

    """

    ranks: Mapping[Setting, Ranks]
    n_topics: int
    query_ids: tuple[str, ...] = ()


def readings(table: RankTable, settings: Iterable[Setting], hits: Hits | None = None) -> Readings:
    """Read the settings that have an answered query from one rank table.

    Args:
        table: of the benchmark.
        settings: any pools of its languages.
        hits: the first passages in the pool of all languages; used for settings with that pool.

    """
    found = {}
    pool = () if hits is None else hits.languages
    whole = None if hits is None else _tops(table, hits)
    for setting in settings:
        ranks = table.ranks(setting)
        if not len(ranks.queries):
            continue
        if whole is not None and set(setting.corpus_languages) == set(pool):
            ranks = ranks.with_top(_top(whole, pool, ranks, setting))
        found[setting] = ranks
    return Readings(found, len(table.topic_ids), table.query_ids)


def _tops(table: RankTable, hits: Hits) -> Top:
    """Return the first passages of all queries of a rank table, none for one without a run."""
    row_of = {query_id: row for row, query_id in enumerate(hits.query_ids)}
    none = len(row_of)
    rows = np.array([row_of.get(query_id, none) for query_id in table.query_ids], dtype=np.int64)
    top = hits.top()
    return replace(top.with_empty_row() if (rows == none).any() else top, rows=rows)


def _top(whole: Top, pool: Sequence[Language], ranks: Ranks, setting: Setting) -> Top:
    """Return the first passages of a setting's queries, languages in the order of its pool."""
    place = [setting.corpus_languages.index(language) for language in pool]
    columns = np.array([*place, NO_LANGUAGE], dtype=np.int64)  # the last for NO_LANGUAGE
    return replace(
        whole,
        rows=whole.rows[ranks.queries],
        languages=columns[whole.languages],
        query_languages=columns[whole.query_languages],
    )


def per_query(
    found: Readings, measures: Iterable[Measure]
) -> tuple[dict[tuple[Setting, str], Column], set[str]]:
    """Return the values of every query of every setting, NaN where a measure is undefined.

    Returns:
        Values by setting and measure, and the names of measures for which a ranking was not deep
        enough. A measure that a setting cannot have, or that is undefined for all of its queries,
        is in neither.

    """
    columns, too_shallow = {}, set()
    asked = list(measures)
    for setting, ranks in found.ranks.items():
        for measure in asked:
            if not measure.applies_to(ranks):
                continue
            if not measure.is_known_for(ranks):
                too_shallow.add(measure.name)
                continue
            values = measure.per_query(ranks)
            if not np.isnan(values).all():
                columns[setting, measure.name] = Column(values, ranks.topics)
    return columns, too_shallow


def scorecard(
    found: Readings, measures: Iterable[Measure], *, resamples: int = RESAMPLES
) -> tuple[Scorecard, set[str]]:
    """Score settings and modes, with 95 % bootstrap intervals over topics.

    O(resamples * topics * settings * measures) time.

    Args:
        found: ranks.
        measures: to compute where they are defined.
        resamples: of the bootstrap; 0 for no intervals.

    Returns:
        The scorecard, and the names of measures that need deeper rankings.

    """
    columns, too_shallow = per_query(found, measures)
    groups: dict[tuple[RetrievalMode, str], list[Setting]] = {}
    for setting, name in columns:
        groups.setdefault((setting.mode, name), []).append(setting)
    intervals = _intervals(columns, groups, found.n_topics, resamples) if resamples else {}
    scores = tuple(
        _score(setting, name, column, intervals.get((setting, name)))
        for (setting, name), column in columns.items()
    )
    figures = []
    for mode, name in groups:
        figure = macro(scores, mode, name)
        if figure is not None:
            figures.append(replace(figure, interval=intervals.get((mode, name))))
    return Scorecard(scores, tuple(figures)), too_shallow


def _intervals(
    columns: Mapping[tuple[Setting, str], Column],
    groups: Mapping[tuple[RetrievalMode, str], Sequence[Setting]],
    n_topics: int,
    resamples: int,
) -> dict[tuple[Setting | RetrievalMode, str], Interval]:
    """Return the intervals of settings and of modes."""
    together = {key: [columns[x, key[1]] for x in settings] for key, settings in groups.items()}
    found: dict[tuple[Setting | RetrievalMode, str], Interval] = {}
    for key, (parts, whole) in bootstrap(together, n_topics, resamples).items():
        found[key] = whole
        found |= {(x, key[1]): part for x, part in zip(groups[key], parts, strict=True)}
    return found


def _score(setting: Setting, name: str, column: Column, interval: Interval | None) -> Score:
    defined = column.values[~np.isnan(column.values)]
    n_undefined = len(column.values) - len(defined)
    return Score(setting, name, float(defined.mean()), len(defined), n_undefined, interval)


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
