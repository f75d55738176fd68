"""What was counted, as the same rank table and hits that a corpus in memory gives."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.collection import topic_numbers
from xlir_bench.core.hits import NO_LANGUAGE, NO_PASSAGE, Hits
from xlir_bench.core.judged import Judged
from xlir_bench.core.language import Language
from xlir_bench.core.ranking import RankTable
from xlir_bench.retrieve.running_top import RunningTop
from xlir_bench.stream.count import Asked


def judgement_order(judged: Judged) -> NDArray[np.int64]:
    """Return the judgements in query order: the order of targets and of the rank table's rows."""
    return np.argsort(judged.qrels.query_rows, kind="stable")


def rank_table(
    judged: Judged,
    asked: Asked,
    beaten_by: NDArray[np.int64],
    sizes: Mapping[Language, int],
) -> RankTable:
    """Return the rank table; languages in which nothing is searched have a column of zeros."""
    corpora = judged.languages
    languages = tuple(dict.fromkeys((*corpora, *(q.language for q in judged.queries))))
    column = {language: position for position, language in enumerate(languages)}
    order = judgement_order(judged)
    answered, query_rows = np.unique(judged.qrels.query_rows[order], return_inverse=True)
    queries = [judged.queries[row] for row in answered]
    only = [judged.confined_to[row] for row in answered]
    free = [q for q, x in zip(judged.queries, judged.confined_to, strict=True) if x is None]
    topic_ids, topics = topic_numbers(q.topic_id for q in queries)
    wide = np.zeros((len(beaten_by), len(languages)), dtype=np.int64)
    wide[:, : len(corpora)] = beaten_by
    codes = [name.partition(":")[0] for name in judged.relevant]
    passage_columns = np.array([[x.code for x in languages].index(code) for code in codes])
    query_columns = np.array([column[q.language] for q in queries])
    return RankTable(
        languages=languages,
        n_passages=np.array([sizes.get(x, 0) for x in languages], dtype=np.int64),
        n_queries=np.bincount([column[q.language] for q in free], minlength=len(languages)),
        query_ids=tuple(q.query_id for q in queries),
        topic_ids=topic_ids,
        topics=topics,
        passage_ids=judged.relevant,
        query_rows=query_rows,
        passage_rows=asked.passage_rows,
        query_languages=query_columns[query_rows],
        passage_languages=passage_columns[asked.passage_rows],
        grades=judged.qrels.grades[order],
        similarities=asked.similarities,
        beaten_by=wide,
        confined_to=np.array([NO_LANGUAGE if x is None else column[x] for x in only]),
    )


def first_passages(judged: Judged, top: RunningTop) -> Hits:
    """Return the first passages of all queries in the pool of all languages."""
    corpora = judged.languages
    code_of = {x.code: position for position, x in enumerate(corpora)}
    is_found = np.isfinite(top.similarities)
    names, places = np.unique(top.ids[is_found], return_inverse=True)
    passages = np.full(top.ids.shape, NO_PASSAGE, dtype=np.int64)
    passages[is_found] = places
    ids = [name.decode() for name in names]
    topic_ids, topics = topic_numbers(q.topic_id for q in judged.queries)
    return Hits(
        languages=corpora,
        query_ids=tuple(q.query_id for q in judged.queries),
        topic_ids=topic_ids,
        topics=topics,
        query_languages=np.array(
            [code_of.get(q.language.code, NO_LANGUAGE) for q in judged.queries]
        ),
        passage_ids=tuple(ids),
        passage_languages=np.array([code_of[name.partition(":")[0]] for name in ids]),
        passages=passages,
        similarities=top.similarities,
    )
