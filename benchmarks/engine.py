"""Ranks and all measures of XQuAD-R's 132 settings against one bare product, same threads."""

import statistics
import time

import numpy as np
from synthetic import vectors, xquad_sized

from xlir_bench.core.mode import RetrievalMode, settings_of
from xlir_bench.evaluate import rank, readings, scorecard
from xlir_bench.measures.catalogue import parse_all

MEASURES = ["AP", "P@1", "P@5", "P@10", "R@1", "R@10", "R@100", "nDCG@10", "RR", "MRD", "nMRD"]
ROUNDS = 5


def bare(queries: np.ndarray, passages: np.ndarray) -> float:
    """Time every product of a query and a passage, in blocks that are thrown away."""
    start = time.perf_counter()
    for first in range(0, len(queries), 1024):
        queries[first : first + 1024] @ passages.T
    return time.perf_counter() - start


def main() -> None:
    """Print the ratio of each of a few interleaved rounds."""
    collection = xquad_sized()
    queries = vectors(len(collection.queries), seed=1)
    passages = vectors(len(collection.passages), seed=2)
    modes = (RetrievalMode.mono, RetrievalMode.cross, RetrievalMode.multi)
    settings = [s for mode in modes for s in settings_of(mode, collection.languages)]
    measures = parse_all(MEASURES)
    rank(collection, queries, passages)  # compiles
    ratios = []
    for _ in range(ROUNDS):
        product = bare(queries, passages)
        start = time.perf_counter()
        table = rank(collection, queries, passages)
        ranked = time.perf_counter()
        scores = scorecard(readings(table, settings), measures, resamples=0)[0].scores
        scored = time.perf_counter()
        ratios.append((scored - start) / product)
        print(
            f"bare product {product:.2f} s, ranks {ranked - start:.2f} s,"
            f" {len(scores):,} scores of {len(settings)} settings {scored - ranked:.2f} s,"
            f" ratio {ratios[-1]:.2f}"
        )
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
