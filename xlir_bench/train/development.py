"""A small retrieval benchmark of the pairs that a recipe keeps out of training, to choose by.

Benchmarks are for reporting: a learning rate or a share that was chosen on one is fitted to it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from xlir_bench.cards.recipe import PairSource, Recipe
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import Language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError, TrainError
from xlir_bench.train.sources import PairRow, check_there, rows

MOST_TOPICS = 300
"""Pairs that are asked, each in every language: 5,400 texts in nine languages."""


def development(recipe: Recipe, most: int = MOST_TOPICS) -> Collection:
    """Return the validation sources of a recipe as a collection in all of its languages.

    A query's own passage and its translations are relevant. Pairs in the most languages are taken
    first, then in the order of a checksum of their ids.

    Args:
        recipe: with ``[[validation]]`` sources.
        most: pairs to take.

    Raises:
        TrainError: the recipe has no validation sources.
        DataError: a source is missing or malformed, or no pair is in two languages.

    """
    if not recipe.validation:
        msg = f"{recipe.path} has no [[validation]] sources to choose by"
        raise TrainError(msg)
    found: dict[str, dict[Language, PairRow]] = defaultdict(dict)
    for source in recipe.validation:
        check_there(source, [x.code for x in recipe.languages], recipe.path.parent)
        for topic, language, row in _rows(source, recipe):
            found[topic][language] = row
    parallel = [topic for topic, texts in found.items() if len(texts) > 1]
    if not parallel:
        msg = f"the [[validation]] sources of {recipe.path} have no pair in two languages"
        raise DataError(msg)
    parallel.sort(key=lambda topic: (-len(found[topic]), _checksum(topic)))
    chosen = parallel[:most]
    return _collection(
        f"{recipe.name}-development", recipe.languages, {t: found[t] for t in chosen}
    )


def _rows(source: PairSource, recipe: Recipe) -> list[tuple[str, Language, PairRow]]:
    return [
        (f"{source.name}/{row.pair_id}", language, row)
        for language in recipe.languages
        for row in rows(source, language.code, recipe.path.parent)
        if row.query.strip() and row.passage.strip()
    ]


def _checksum(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _collection(
    name: str, languages: Sequence[Language], found: dict[str, dict[Language, PairRow]]
) -> Collection:
    texts = [(x, topic, found[topic][x]) for x in languages for topic in found if x in found[topic]]
    of_topic: dict[str, list[int]] = defaultdict(list)
    for position, (_, topic, _) in enumerate(texts):
        of_topic[topic].append(position)
    judged = [(query, row) for query, (_, topic, _) in enumerate(texts) for row in of_topic[topic]]
    queries, passages = np.array(judged, dtype=np.int64).T
    return Collection(
        name,
        tuple(Passage(f"{x.code}:{topic}", row.passage, x) for x, topic, row in texts),
        tuple(Query(f"{x.code}:{topic}", row.query, x, topic) for x, topic, row in texts),
        Qrels(queries, passages, np.ones(len(judged), dtype=np.int64)),
    )
