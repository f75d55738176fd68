"""One setting of a collection as texts and judgements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import Setting
from xlir_bench.core.text import Passage, Query


@dataclass(frozen=True, slots=True)
class Part:
    """What one setting asks and searches.

    Attributes:
        setting: who searches where.
        queries: with an answer in the pool; the others are not in the setting.
        passages: of the pool.
        judgements: (query id, passage id, grade) of those queries, in query order.

    """

    setting: Setting
    queries: tuple[Query, ...]
    passages: tuple[Passage, ...]
    judgements: tuple[tuple[str, str, int], ...]


def parts(collection: Collection, settings: Sequence[Setting]) -> Iterator[Part]:
    """Yield the settings in which some query has an answer."""
    qrels = collection.qrels
    order = np.argsort(qrels.query_rows, kind="stable")
    rows = np.stack([qrels.query_rows, qrels.passage_rows, qrels.grades], axis=1)[order].tolist()
    for setting in settings:
        pool = set(setting.corpus_languages)
        judged = [
            (q, p, grade)
            for q, p, grade in rows
            if collection.queries[q].language == setting.query_language
            and collection.passages[p].language in pool
        ]
        if judged:
            asked = dict.fromkeys(q for q, _, _ in judged)
            yield Part(
                setting,
                tuple(collection.queries[q] for q in asked),
                tuple(p for p in collection.passages if p.language in pool),
                tuple(
                    (collection.queries[q].query_id, collection.passages[p].passage_id, grade)
                    for q, p, grade in judged
                ),
            )
