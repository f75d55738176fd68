"""The LAReQA heat map: how well each query language finds the answers in each other language."""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.ranking import NOT_RETRIEVED, Ranks
from xlir_bench.measures.labels import labels_of


def answer_language_precision(ranks: Ranks) -> NDArray[np.float64]:
    """Return AP for the answers in each language of the pool, the other answers removed.

    A row of the heat map is the mean over the queries of one language. Unlike cross-lingual AP the
    pool holds all languages, so a cell also suffers from wrong passages in every language. Read
    from ranks alone: an answer's rank without the other answers is its rank less theirs above it.

    Returns:
        (n_queries, n_languages) in [0, 1], higher is better; NaN without a relevant passage in the
        language. A passage that is not retrieved counts as never found: needs full depth.

    Source: Roy et al. 2020, LAReQA, the heat maps of mAP by question and answer language,
    https://arxiv.org/abs/2004.05484.

    """
    labels = labels_of(ranks)
    owner, n_queries = ranks.owners, len(ranks.queries)
    position = np.arange(len(owner)) - ranks.starts[owner] + 1
    cells = np.full((n_queries, labels.pool.shape[1]), np.nan)
    for column in range(cells.shape[1]):
        chosen = labels.relevant == column
        so_far = np.concatenate([[0], np.cumsum(chosen)])
        number = so_far[1:] - so_far[ranks.starts[owner]]
        rank = ranks.ranks - (position - number)
        found = chosen & (ranks.ranks != NOT_RETRIEVED)
        precision = np.divide(number, rank, out=np.zeros(len(owner)), where=found)
        n = np.bincount(owner, chosen, minlength=n_queries)
        total = np.bincount(owner, precision, minlength=n_queries)
        np.divide(total, n, out=cells[:, column], where=n > 0)
    return cells
