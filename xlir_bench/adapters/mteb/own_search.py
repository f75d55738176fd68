"""Models that search for themselves: their ranking, as deep as it goes.

BM25, late interaction, sparse encoders and encoders with a similarity of their own rank the whole
pool and give their first 1,000. A cross-encoder can't rank a pool; it re-ranks the first 100 of the
lexical floor.
"""

import functools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from datasets import Dataset
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.models_protocols import (
    CrossEncoderProtocol,
    EncoderProtocol,
    SearchProtocol,
)
from mteb.models.search_wrappers import SearchCrossEncoderWrapper, SearchEncoderWrapper

from xlir_bench.core.collection import Collection, topic_numbers
from xlir_bench.core.mode import Setting
from xlir_bench.core.ranking import Ranks
from xlir_bench.encoders import char_ngrams
from xlir_bench.encoders.base import Vectors
from xlir_bench.errors import EncoderError
from xlir_bench.evaluate import HITS_DEPTH, search
from xlir_bench.measures.trec import Judged, Qrels
from xlir_bench.measures.trec import Run as PlainRun

DEPTH = 1000
RERANK_DEPTH = 100

Run = dict[str, dict[str, float]]


SPLIT_PARTS = ("corpus", "queries", "relevant_docs", "top_ranked")
"""What mteb expects of a split's data."""


def split_part(collection: Collection, setting: Setting, part: str) -> Any:
    """Return one setting's part in mteb's form: a data set, or a dictionary of judgements."""
    pool = set(setting.corpus_languages)
    if part == "corpus":
        passages = [p for p in collection.passages if p.language in pool]
        ids, texts = [p.passage_id for p in passages], [p.text for p in passages]
        return Dataset.from_dict({"id": ids, "text": texts})
    if part == "top_ranked":
        return None
    judged = _judgements(collection, setting)
    if part == "relevant_docs":
        return judged
    queries = [q for q in collection.queries if q.query_id in judged]
    ids, texts = [q.query_id for q in queries], [q.text for q in queries]
    return Dataset.from_dict({"id": ids, "text": texts})


def _judgements(collection: Collection, setting: Setting) -> dict[str, dict[str, int]]:
    pool, qrels = set(setting.corpus_languages), collection.qrels
    judged: dict[str, dict[str, int]] = {}
    for q, p, grade in zip(qrels.query_rows, qrels.passage_rows, qrels.grades, strict=True):
        query, passage = collection.queries[q], collection.passages[p]
        if query.language == setting.query_language and passage.language in pool:
            judged.setdefault(query.query_id, {})[passage.passage_id] = int(grade)
    return judged


class LexicalFloor:
    """The candidates of cross-encoders; a collection's texts are encoded once, when asked for."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    @functools.cached_property
    def _vectors(self) -> tuple[Vectors, Vectors]:
        return (
            char_ngrams.encode([q.text for q in self.collection.queries]),
            char_ngrams.encode([p.text for p in self.collection.passages]),
        )

    def candidates(self, setting: Setting) -> dict[str, list[str]]:
        """Return the ids of the first passages of every query of a setting, best first."""
        hits = search(self.collection, setting, *self._vectors, RERANK_DEPTH)
        return {query: [passage for passage, _ in best] for query, best in hits}


def own_ranks(
    model: Any,
    floor: LexicalFloor,
    setting: Setting,
    data: Mapping[str, Any],
    metadata: TaskMetadata,
    encode_kwargs: dict[str, Any],
) -> tuple[Ranks, Run]:
    """Return the ranks of the relevant passages in a model's own ranking, and that ranking.

    Raises:
        EncoderError: the model is none of mteb's kinds, or returned a NaN score.

    """
    top_ranked = None
    if isinstance(model, SearchProtocol):
        searcher = model
    elif isinstance(model, CrossEncoderProtocol):
        searcher = SearchCrossEncoderWrapper(model)
        top_ranked = floor.candidates(setting)
    elif isinstance(model, EncoderProtocol):
        searcher = SearchEncoderWrapper(model)
    else:
        msg = f"{type(model).__name__} is neither an encoder, a cross-encoder nor a search model"
        raise EncoderError(msg)
    shared: dict[str, Any] = {
        "task_metadata": metadata,
        "hf_split": metadata.eval_splits[0],
        "hf_subset": setting.subset,
        "encode_kwargs": encode_kwargs,
        "num_proc": None,
    }
    searcher.index(data["corpus"], **shared)
    depth = min(DEPTH, len(data["corpus"])) if top_ranked is None else RERANK_DEPTH
    run: Run = searcher.search(data["queries"], top_k=depth, top_ranked=top_ranked, **shared)
    bad = [query for query, found in run.items() if any(map(math.isnan, found.values()))]
    if bad:
        msg = f"{model.mteb_model_meta.name} returned a NaN score for query {bad[0]!r}"
        raise EncoderError(msg)
    return _ranks(floor.collection, setting, data["relevant_docs"], run, depth), run


def _ranks(
    collection: Collection,
    setting: Setting,
    judged: Mapping[str, Mapping[str, int]],
    run: Run,
    depth: int,
) -> Ranks:
    """Read a model's own ranking as any other run of plain scores."""
    counts = Counter(p.language for p in collection.passages)
    languages = {p.passage_id: p.language.code for p in collection.passages}
    languages |= {q.query_id: q.language.code for q in collection.queries}
    topics = topic_numbers(q.topic_id for q in collection.queries)[1]
    topic_of = {q.query_id: t for q, t in zip(collection.queries, topics, strict=True)}
    found = Judged(Qrels(judged, {}), PlainRun(run, {})).ranks(
        languages, {}, depth=HITS_DEPTH, order=[x.code for x in setting.corpus_languages]
    )
    ids, pool = list(judged), np.array([[counts[x] for x in setting.corpus_languages]])
    queries = sum(q.language == setting.query_language for q in collection.queries)
    return replace(
        found,
        n_passages=int(pool.sum()),
        n_unanswered=queries - len(judged),
        depth=depth,
        topics=np.array([topic_of[ids[row]] for row in found.queries]),
        labels=found.labels and replace(found.labels, pool=pool),
        pool_sizes=None,
    )
