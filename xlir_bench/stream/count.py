"""The second reading of a corpus: read, encode, count, drop."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.judged import CorpusFile, byte_ids
from xlir_bench.encoders.base import Encoder, Role, Similarity, Vectors, checked_vectors, comparable
from xlir_bench.readers.corpus import Chunk, read_chunks
from xlir_bench.retrieve.ranks import Shard, Targets, count_beating
from xlir_bench.retrieve.running_top import RunningTop

T = TypeVar("T")
AHEAD = 4
"""Chunks that are read while one is encoded."""

Adjust = Callable[[Vectors, Sequence[str], Role], Vectors]


@dataclass(frozen=True, slots=True)
class Asked:
    """What every shard is counted against; the same for all of them, and sent to workers once.

    Attributes:
        queries: (n_queries, dim) float32 that rank by their dot product.
        starts: (n_queries + 1,) int64; query i owns the targets ``starts[i]:starts[i + 1]``.
        passage_rows: (n_targets,) int64 into ``relevant``.
        similarities: (n_targets,) float32 of query and relevant passage.
        ids: (n_relevant,) bytes, rising.
        relevant: (n_relevant, dim) float32 of the relevant passages: none is encoded twice.
        depth: best passages of each query to keep; 0 for none.

    """

    queries: Vectors
    starts: NDArray[np.int64]
    passage_rows: NDArray[np.int64]
    similarities: Vectors
    ids: NDArray[np.bytes_]
    relevant: Vectors
    depth: int

    def targets(self) -> Targets:
        """Return the targets; relevant passage i has the key 2i + 1, see ``keys``."""
        return Targets(self.starts, self.similarities, 2 * self.passage_rows + 1)

    def keys(self, ids: NDArray[np.bytes_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where ids stand in the order of the relevant ones.

        Exact ties are decided by id. Comparing with the relevant ids is all that is needed, so the
        order of a whole corpus' ids never has to be known: an id between the relevant ones i - 1
        and i gets 2i, the relevant one i itself 2i + 1. O(n log n_relevant).

        Returns:
            (n,) int64 keys, and (n,) int64 rows of ``relevant``, -1 for others.

        """
        place = np.searchsorted(self.ids, ids)
        is_relevant = self.ids[np.minimum(place, len(self.ids) - 1)] == ids
        return 2 * place + is_relevant, np.where(is_relevant, place, -1)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker keeps from shard to shard.

    Attributes:
        encoder: of the passages.
        adjust: what is done to vectors before they are compared.
        asked: queries and targets.
        tell: is told how many passages more are counted.

    """

    encoder: Encoder
    adjust: Adjust | None
    asked: Asked
    tell: Callable[[int], object] | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What one shard contributes.

    Attributes:
        counts: (n_targets,) int64 passages of the shard that rank before each target.
        n_passages: of the shard.
        top_ids: (n_queries, depth) bytes, best first.
        top_similarities: (n_queries, depth) float32.

    """

    counts: NDArray[np.int64]
    n_passages: int
    top_ids: NDArray[np.bytes_]
    top_similarities: Vectors


def count_shard(worker: Worker, shard: CorpusFile) -> Counted:
    """Return what a shard contributes to ranks and to first passages.

    Reading, encoding and counting overlap: each has a thread of its own. O(chunk) memory beside
    the queries, whatever the length of the shard.

    Raises:
        DataError: the shard is broken.
        EncoderError: the encoder returned unusable vectors.

    """
    asked = worker.asked
    counts = np.zeros(len(asked.similarities), dtype=np.int64)
    top = RunningTop(len(asked.queries), asked.depth)
    n_passages = 0
    pending: Future[None] | None = None
    with ThreadPoolExecutor(1) as counting:
        for chunk in read_ahead(read_chunks(shard)):
            ids = byte_ids(chunk.ids)
            keys, rows = asked.keys(ids)
            vectors = _vectors(worker, chunk, rows, shard.language.code)
            if pending is not None:
                pending.result()  # at most one chunk waits: memory stays bounded
            pending = counting.submit(_count, asked, vectors, ids, keys, counts, top)
            n_passages += len(ids)
            if worker.tell is not None:
                worker.tell(len(ids))
        if pending is not None:
            pending.result()
    return Counted(counts, n_passages, top.ids, top.similarities)


def _count(
    asked: Asked,
    vectors: Vectors,
    ids: NDArray[np.bytes_],
    keys: NDArray[np.int64],
    counts: NDArray[np.int64],
    top: RunningTop,
) -> None:
    shard = Shard(vectors, keys, np.zeros(len(ids), dtype=np.int64))
    counts += count_beating(asked.queries, shard, asked.targets(), 1)[:, 0]
    if asked.depth:
        top.add_vectors(asked.queries, vectors, ids)


def _vectors(worker: Worker, chunk: Chunk, rows: NDArray[np.int64], code: str) -> Vectors:
    """Return the vectors of a chunk, longest texts encoded first; relevant ones are known."""
    vectors = np.empty((len(rows), worker.asked.relevant.shape[1]), dtype=np.float32)
    known = rows >= 0
    vectors[known] = worker.asked.relevant[rows[known]]
    new = sorted(np.flatnonzero(~known), key=lambda i: -len(chunk.texts[i]))
    if new:
        texts = [chunk.texts[i] for i in new]
        vectors[new] = passage_vectors(worker.encoder, worker.adjust, texts, [code] * len(texts))
    return vectors


def passage_vectors(
    encoder: Encoder, adjust: Adjust | None, texts: Sequence[str], codes: Sequence[str]
) -> Vectors:
    """Return (n_texts, dim) float32 that rank by their dot product with a query.

    Raises:
        EncoderError: the encoder returned unusable vectors.

    """
    found = checked_vectors(encoder.encode(texts, Role.passage), texts, encoder.name)
    if adjust is not None:
        found = adjust(found, codes, Role.passage)
    return comparable(found, Role.passage, Similarity(encoder.similarity))


def read_ahead(items: Iterator[T], ahead: int = AHEAD) -> Iterator[T]:
    """Yield items, none of them None, that a thread takes ``ahead`` of their use."""
    with ThreadPoolExecutor(1) as reader:
        waiting = deque(reader.submit(next, items, None) for _ in range(ahead))
        while (item := waiting.popleft().result()) is not None:
            waiting.append(reader.submit(next, items, None))
            yield item
