"""AboveShare: in which language are the passages that push a right answer down?"""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE
from xlir_bench.core.ranking import Ranks
from xlir_bench.measures.labels import labels_of


def above_shares(ranks: Ranks) -> NDArray[np.float64]:
    """Return the language mix of the passages that rank before a query's relevant passages.

    A passage that ranks before several of them counts for each. Relevant passages count too, the
    table being read straight from the exact counts: the better a system, the more of what ranks
    before its answers is answers (a perfect ranking, own answer first, has an AboveLift of 2.02 on
    XQuAD-R).

    Returns:
        (n_queries, n_languages) shares that add up to 1 over the languages of the pool. NaN for a
        query before whose relevant passages nothing ranks, with one that is not retrieved (needs
        full depth), or whose pool has one language.

    """
    labels = labels_of(ranks)
    above = np.add.reduceat(labels.above, ranks.starts[:-1], axis=0).astype(np.float64)
    total = above.sum(axis=1)
    shares = np.full(above.shape, np.nan)
    defined = (total > 0) & labels.is_mixed & ~np.isnan(ranks.last)
    np.divide(above, total[:, None], out=shares, where=defined[:, None])
    return shares


def above_share(ranks: Ranks) -> NDArray[np.float64]:
    """Return AboveShare: the query's language among the passages that beat a right answer.

    In [0, 1]; without bias it is that language's share of the pool. Bias without a cutoff, read
    from full-depth ranks. Undefined (NaN) where ``above_shares`` is, and for a query of unknown
    language. It says who stands in the way, not how often: read it beside AP.

    Source: ours, from the counts of the rank table.
    """
    labels = labels_of(ranks)
    shares = above_shares(ranks)[np.arange(len(labels.own)), labels.own]
    return np.where(labels.own != NO_LANGUAGE, shares, np.nan)


def above_lift(ranks: Ranks) -> NDArray[np.float64]:
    """Return AboveLift: AboveShare divided by the share of the query's language in the pool.

    At least 0; 1 is no bias, 2 twice as many passages of the own language in the way as there
    would be by chance. Undefined (NaN) where AboveShare is, or without such passages in the pool.
    """
    labels = labels_of(ranks)
    return lift(above_share(ranks), labels.pool, labels.own)


def lift(
    shares: NDArray[np.float64], pool: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Divide shares by the share of a language in the pool.

    Args:
        shares: (n_queries,) of each query's column.
        pool: (n_queries or 1, n_languages) passages.
        columns: (n_queries,) language of each query.

    """
    sizes = np.broadcast_to(pool, (len(shares), pool.shape[1]))
    own = sizes[np.arange(len(shares)), columns]
    ratio = np.full(len(shares), np.nan)
    np.divide(shares * sizes.sum(axis=1), own, out=ratio, where=own > 0)
    return ratio
