"""Models that search for themselves: their ranking, as deep as it goes.

BM25, late interaction, sparse encoders and encoders with a similarity of their own rank the whole
pool and give their first 1,000. A cross-encoder can't rank a pool; it re-ranks the first 100 of the
lexical floor.
"""

import functools
from collections.abc import Mapping
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

from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import Setting
from xlir_bench.core.ranking import NOT_RETRIEVED, Ranks, grouped_ranks
from xlir_bench.encoders import char_ngrams
from xlir_bench.encoders.base import Vectors
from xlir_bench.errors import EncoderError
from xlir_bench.evaluate import search

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
    return _ranks(floor.collection, data, run, depth, model.mteb_model_meta.name), run


def _ranks(
    collection: Collection, data: Mapping[str, Any], run: Run, depth: int, name: str
) -> Ranks:
    """Rank as trec_eval does: float32 score descending, then passage id descending."""
    row_of = {q.query_id: row for row, q in enumerate(collection.queries)}
    rows, ranks, grades = [], [], []
    for query_id, judged in data["relevant_docs"].items():
        found = run.get(query_id, {})
        scores = np.array(list(found.values()), dtype=np.float32)
        if np.isnan(scores).any():
            msg = f"{name} returned a NaN score for query {query_id!r}"
            raise EncoderError(msg)
        ids = np.array([passage_id.encode() for passage_id in found] or [b""])[: len(found)]
        order = np.lexsort((ids, scores))[::-1]
        position = {ids[i].decode(): rank for rank, i in enumerate(order, 1)}
        for passage_id, grade in judged.items():
            rows.append(row_of[query_id])
            ranks.append(position.get(passage_id, NOT_RETRIEVED))
            grades.append(grade)
    queries = sum(q.language == collection.queries[rows[0]].language for q in collection.queries)
    return grouped_ranks(
        np.array(rows),
        np.array(ranks),
        np.array(grades),
        n_passages=len(data["corpus"]),
        n_unanswered=queries - len(data["relevant_docs"]),
        depth=depth,
    )
