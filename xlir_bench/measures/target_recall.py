"""TLR@k: are the answers in other languages found?"""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE
from xlir_bench.core.ranking import NOT_RETRIEVED, Ranks
from xlir_bench.measures.labels import labels_of


def target_languages_recall(ranks: Ranks, cutoff: int) -> NDArray[np.float64]:
    """Return TLR@k: recall among the first k of the relevant passages in other languages.

    In [0, 1], higher is better. Undefined (NaN) for a query of unknown language, and for one whose
    relevant passages are all in its own language. Relevant passages of unknown language do not
    count. Recall alone: it does not see what the answers in the query's own language lose.

    Source: Target-Languages Recall of Jang et al. 2026, SHIFT, https://arxiv.org/abs/2606.18801.
    """
    labels = labels_of(ranks)
    own = labels.own[ranks.owners]
    other = (labels.relevant != NO_LANGUAGE) & (labels.relevant != own) & (own != NO_LANGUAGE)
    found = other & (ranks.ranks != NOT_RETRIEVED) & (ranks.ranks <= cutoff)
    n_other = np.add.reduceat(other.astype(np.float64), ranks.starts[:-1])
    n_found = np.add.reduceat(found.astype(np.float64), ranks.starts[:-1])
    recall = np.full(len(n_other), np.nan)
    np.divide(n_found, n_other, out=recall, where=n_other > 0)
    return recall
