"""Vectors and collections of the size and shape of real ones."""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query

XQUAD = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]


def vectors(n: int, dim: int = 384, seed: int = 0) -> NDArray[np.float32]:
    """Return unit vectors around a common direction: cosines near 0.8, as real encoders give."""
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(99).standard_normal(dim)
    common /= np.linalg.norm(common)
    out = np.empty((n, dim), dtype=np.float32)
    for first in range(0, n, 65536):
        part = rng.standard_normal((min(65536, n - first), dim)) / np.sqrt(dim)
        part = 0.5 * part + common
        out[first : first + 65536] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return out


def xquad_sized(n_questions: int = 1190, n_passages: int = 1183) -> Collection:
    """Return a parallel collection of XQuAD-R's size without texts."""
    languages = [language(code) for code in XQUAD]
    passages = [Passage(f"{x.code}:{i:05d}", "", x) for x in languages for i in range(n_passages)]
    queries = [Query(f"{x.code}:{i}", "", x, str(i)) for x in languages for i in range(n_questions)]
    topics = np.random.default_rng(1).integers(0, n_passages, n_questions)
    topic = np.tile(np.arange(n_questions), len(languages))
    query_rows = np.repeat(np.arange(len(queries)), len(languages))
    passage_rows = (topics[topic][:, None] + np.arange(len(languages)) * n_passages).ravel()
    qrels = Qrels(query_rows, passage_rows, np.ones(len(query_rows), dtype=np.int64))
    return Collection("synthetic", tuple(passages), tuple(queries), qrels)
