"""A test collection: passages, queries and judgements in one or more languages."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from xlir_bench.core.language import Language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError


@dataclass(frozen=True, slots=True)
class Collection:
    """Passages and queries of all languages of a benchmark; a row is a position in its tuple.

    Passages of one language are consecutive, so that a language's corpus is a slice of rows.

    Attributes:
        name: of the benchmark.
        passages: grouped by language.
        queries: grouped by language.
        qrels: judgements with grade 1 or more, in query order.

    Raises:
        DataError: an empty corpus, a repeated id, languages not grouped, a judgement of a row that
            does not exist.

    """

    name: str
    passages: tuple[Passage, ...]
    queries: tuple[Query, ...]
    qrels: Qrels

    def __post_init__(self) -> None:
        """Check what every reader must guarantee."""
        if not self.passages or not self.queries or not len(self.qrels):
            msg = (
                f"{self.name} is empty: {len(self.passages)} passages, {len(self.queries)} queries,"
                f" {len(self.qrels)} judgements"
            )
            raise DataError(msg)
        check_unique(self.name, "passage", [p.passage_id for p in self.passages])
        check_unique(self.name, "query", [q.query_id for q in self.queries])
        _check_grouped(self.name, [p.language for p in self.passages])
        check_judged(self.name, self.qrels, len(self.queries), len(self.passages))

    @property
    def languages(self) -> tuple[Language, ...]:
        """Return the corpus languages, in row order."""
        return tuple(dict.fromkeys(p.language for p in self.passages))

    def corpus_rows(self, language: Language) -> slice:
        """Return the rows of one language's passages, empty if it has none."""
        rows = [row for row, p in enumerate(self.passages) if p.language == language]
        return slice(rows[0], rows[-1] + 1) if rows else slice(0, 0)

    def query_rows(self, language: Language) -> list[int]:
        """Return the rows of the queries in one language."""
        return [row for row, q in enumerate(self.queries) if q.language == language]

    def restricted_to(self, languages: Iterable[Language]) -> "Collection":
        """Return the collection without the texts of other languages; row numbers change."""
        wanted = set(languages)
        kept_passages = [r for r, p in enumerate(self.passages) if p.language in wanted]
        kept_queries = [r for r, q in enumerate(self.queries) if q.language in wanted]
        new_passage = _new_rows(len(self.passages), kept_passages)
        new_query = _new_rows(len(self.queries), kept_queries)
        query_rows, passage_rows = (
            new_query[self.qrels.query_rows],
            new_passage[self.qrels.passage_rows],
        )
        kept = (query_rows >= 0) & (passage_rows >= 0)
        return Collection(
            self.name,
            tuple(self.passages[r] for r in kept_passages),
            tuple(self.queries[r] for r in kept_queries),
            Qrels(query_rows[kept], passage_rows[kept], self.qrels.grades[kept]),
        )


def topic_numbers(
    topic_ids: Iterable[str],
) -> tuple[tuple[str, ...], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the distinct topics in ascending order, and the position of each one given."""
    given = list(topic_ids)
    distinct = sorted(set(given))
    number = {topic: position for position, topic in enumerate(distinct)}
    return tuple(distinct), np.array([number[topic] for topic in given], dtype=np.int64)


def _new_rows(n: int, kept: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Map old rows to new ones, -1 where a row was dropped."""
    rows = np.full(n, -1, dtype=np.int64)
    rows[kept] = np.arange(len(kept))
    return rows


def check_unique(name: str, kind: str, ids: Sequence[str]) -> None:
    """Raise a DataError if an id is repeated."""
    if len(set(ids)) != len(ids):
        repeated = [key for key, count in Counter(ids).items() if count > 1]
        msg = f"{name} repeats {len(repeated)} {kind} ids, first {repeated[0]!r}"
        raise DataError(msg)


def _check_grouped(name: str, languages: list[Language]) -> None:
    changes = sum(a != b for a, b in pairwise(languages))
    if changes != len(set(languages)) - 1:
        msg = f"{name}: the passages of a language must be consecutive"
        raise DataError(msg)


def check_judged(name: str, qrels: Qrels, n_queries: int, n_passages: int) -> None:
    """Raise a DataError for judgements of what does not exist, of grade 0, or given twice."""
    for kind, rows, n in (
        ("query", qrels.query_rows, n_queries),
        ("passage", qrels.passage_rows, n_passages),
    ):
        bad = rows[(rows < 0) | (rows >= n)]
        if bad.size:
            msg = f"{name} judges a {kind} that does not exist, row {bad[0]} of {n}"
            raise DataError(msg)
    if qrels.grades.min() < 1:
        msg = f"{name} has a judgement of grade {qrels.grades.min()}; keep 1 and above"
        raise DataError(msg)
    pairs = set(zip(qrels.query_rows.tolist(), qrels.passage_rows.tolist(), strict=True))
    if len(pairs) != len(qrels):
        msg = f"{name} judges {len(qrels) - len(pairs)} query-passage pairs twice"
        raise DataError(msg)
