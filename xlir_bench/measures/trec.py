"""Plain qrels and runs, as ir_measures takes them, to the ranks that our measures read.

Order as in trec_eval: float32 score descending, then passage id descending.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ir_measures.util import QrelsConverter, RunConverter
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE, NO_PASSAGE, Top
from xlir_bench.core.ranking import NOT_RETRIEVED, Labels, Ranks, grouped_ranks
from xlir_bench.errors import DataError


@dataclass(frozen=True, slots=True)
class Qrels:
    """Judgements by query and passage, and the languages that their rows name."""

    grades: Mapping[str, Mapping[str, int]]
    languages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """Scores by query and passage, and the languages that their rows name."""

    scores: Mapping[str, Mapping[str, float]]
    languages: Mapping[str, str]


def qrels_of(qrels: Any) -> Qrels:  # noqa: ANN401 - whatever ir_measures takes
    """Return qrels in any of ir_measures' forms: dictionaries, a DataFrame or named tuples."""
    rows = _kept(qrels)
    return Qrels(QrelsConverter(rows).as_dict_of_dict(), _languages(rows))


def run_of(run: Any) -> Run:  # noqa: ANN401 - whatever ir_measures takes
    """Return a run in any of ir_measures' forms."""
    rows = _kept(run)
    return Run(RunConverter(rows).as_dict_of_dict(), _languages(rows))


def _kept(rows: Any) -> Any:  # noqa: ANN401
    """Return rows that can be read twice."""
    return rows if isinstance(rows, dict) or hasattr(rows, "itertuples") else list(rows)


def _languages(rows: Any) -> dict[str, str]:  # noqa: ANN401
    """Return the language of each id that has one, from ``language`` and ``query_language``."""
    if isinstance(rows, dict):
        return {}
    found: dict[str, Any] = {}
    for column, key in (("language", "doc_id"), ("query_language", "query_id")):
        if hasattr(rows, "itertuples"):
            if column in rows.columns:
                found |= dict(zip(rows[key], rows[column], strict=True))
        elif rows and hasattr(rows[0], column):
            found |= {getattr(row, key): getattr(row, column) for row in rows}
    return {key: code for key, code in found.items() if isinstance(code, str) and code}


@dataclass(frozen=True, slots=True)
class Judged:
    """A run and the judgements of its queries."""

    qrels: Qrels
    run: Run

    def ranks(
        self,
        languages: Mapping[str, str],
        topics: Mapping[str, str],
        query_languages: Mapping[str, str] | None = None,
        *,
        depth: int,
        order: Sequence[str] = (),
    ) -> Ranks:
        """Return the ranks of the relevant passages of every query that has some.

        Ranks count positions in ``qrels.grades``. The pool is every passage that the run ranks for
        some query; nMRD takes a query's own ranking, so it wants runs of full depth.

        Args:
            languages: of ids of passages and queries; goes before those of the rows.
            topics: of ids of queries; others are topics of their own.
            query_languages: of ids of queries; goes before ``languages``, where a passage may have
                the same id.
            depth: first passages to keep.
            order: the languages of the pool in the order of the columns; others are not labelled.
                Empty for all that are known, ascending.

        Raises:
            DataError: no query has a relevant passage, or a score is NaN.

        """
        known = {**self.qrels.languages, **self.run.languages, **languages}
        asked = {**known, **(query_languages or {})}
        every = order or sorted({*known.values(), *asked.values()})
        columns = {code: i for i, code in enumerate(every)}
        column = {key: columns.get(code, NO_LANGUAGE) for key, code in known.items()}
        own = [columns.get(asked.get(x, ""), NO_LANGUAGE) for x in self.qrels.grades]
        queries = [
            _query(row, query_id, grades, self.run.scores.get(query_id, {}), column, len(columns))
            for row, (query_id, grades) in enumerate(self.qrels.grades.items())
        ]
        if not any(len(query.ranks) for query in queries):
            msg = "no query of the qrels has a relevant passage"
            raise DataError(msg)
        pool = {passage for query in queries for passage in query.ranked}
        labels = np.array([column.get(p, NO_LANGUAGE) for p in pool], dtype=np.int64)
        ids, counts = list(self.qrels.grades), _count(labels, len(columns))[None, :]
        return _grouped(queries, ids, (own, counts), topics, depth)


@dataclass(frozen=True, slots=True)
class _Query:
    """One query's ranking, seen from its relevant passages."""

    row: int
    ranks: NDArray[np.int64]
    grades: NDArray[np.int64]
    relevant: NDArray[np.int64]
    above: NDArray[np.int64]
    ranked: Sequence[str]
    labels: NDArray[np.int64]


def _query(
    row: int,
    query_id: str,
    judged: Mapping[str, int],
    scores: Mapping[str, float],
    column: Mapping[str, int],
    n_columns: int,
) -> _Query:
    ranked = _ranked(query_id, scores)
    labels = np.array([column.get(p, NO_LANGUAGE) for p in ranked], dtype=np.int64)
    place = {passage: rank for rank, passage in enumerate(ranked, 1)}
    relevant = {passage: grade for passage, grade in judged.items() if grade > 0}
    ranks = np.array([place.get(p, NOT_RETRIEVED) for p in relevant], dtype=np.int64)
    counts = [_count(labels[: rank - 1] if rank else labels[:0], n_columns) for rank in ranks]
    return _Query(
        row=row,
        ranks=ranks,
        grades=np.array(list(relevant.values()), dtype=np.int64),
        relevant=np.array([column.get(p, NO_LANGUAGE) for p in relevant], dtype=np.int64),
        above=np.array(counts).reshape(len(ranks), n_columns),
        ranked=ranked,
        labels=labels,
    )


def _ranked(query_id: str, scores: Mapping[str, float]) -> list[str]:
    """Return passage ids best first."""
    ids = list(scores)
    values = np.array([scores[p] for p in ids], dtype=np.float32)
    if np.isnan(values).any():
        msg = f"the run has a NaN score for query {query_id!r}"
        raise DataError(msg)
    if not ids:
        return []
    order = np.lexsort((np.array([p.encode() for p in ids]), values))[::-1]
    return [ids[i] for i in order]


def _count(labels: NDArray[np.int64], n_columns: int) -> NDArray[np.int64]:
    return np.bincount(labels[labels != NO_LANGUAGE], minlength=n_columns)


def _grouped(
    queries: Sequence[_Query],
    query_ids: Sequence[str],
    languages: tuple[Sequence[int], NDArray[np.int64]],
    topics: Mapping[str, str],
    depth: int,
) -> Ranks:
    """Put the parts of the answered queries together, beside the rankings of all."""
    names = [topics.get(query_id, query_id) for query_id in query_ids]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    topic = np.array([number[name] for name in names], dtype=np.int64)
    own, pool = np.array(languages[0], dtype=np.int64), languages[1]
    answered = [query for query in queries if len(query.ranks)]
    rows = np.array([query.row for query in answered], dtype=np.int64)
    sizes = np.array([len(query.ranked) for query in answered], dtype=np.int64)
    ranks = grouped_ranks(
        np.repeat(rows, [len(query.ranks) for query in answered]),
        np.concatenate([query.ranks for query in answered]),
        np.concatenate([query.grades for query in answered]),
        n_passages=int(sizes.max()),
        n_unanswered=len(query_ids) - len(answered),
        topics=topic,
        labels=Labels(
            own=own[rows],
            relevant=np.concatenate([query.relevant for query in answered]),
            above=np.concatenate([query.above for query in answered]),
            pool=pool,
        ),
    )
    return ranks.with_top(_top(queries, rows, own, topic, depth), sizes)


def _top(
    queries: Sequence[_Query],
    rows: NDArray[np.int64],
    own: NDArray[np.int64],
    topics: NDArray[np.int64],
    depth: int,
) -> Top:
    """Keep the first passages of every query, answered or not: all have parallel ones."""
    numbers: dict[str, int] = {}
    passages = np.full((len(queries), depth), NO_PASSAGE, dtype=np.int64)
    labels = np.full((len(queries), depth), NO_LANGUAGE, dtype=np.int64)
    for i, query in enumerate(queries):
        first = query.ranked[:depth]
        passages[i, : len(first)] = [numbers.setdefault(p, len(numbers)) for p in first]
        labels[i, : len(first)] = query.labels[:depth]
    return Top(rows, passages, labels, topics, own)
