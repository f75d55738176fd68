"""LangShare@k: how much of the first page is in the query's language?"""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE
from xlir_bench.core.ranking import Ranks
from xlir_bench.measures.above_share import lift
from xlir_bench.measures.labels import labels_of, top_of


def language_share(ranks: Ranks, cutoff: int) -> NDArray[np.float64]:
    """Return LangShare@k: the share of the first k passages in the query's language.

    In [0, 1], neither high nor low is better as such: a user who reads one language wants 1, one
    who reads all wants the pool's share. Needs languages, no judgements. Passages of unknown
    language do not count. Undefined (NaN) for a query of unknown language, with no labelled
    passage among its first k, or whose pool has one language.

    Source: ours; LangShare@1 is the language preference of the first passage.
    """
    top = top_of(ranks)
    own = top.query_languages[top.rows]
    languages = top.languages[top.rows, :cutoff]
    n_labelled = (languages != NO_LANGUAGE).sum(axis=1).astype(np.float64)
    n_own = (languages == own[:, None]).sum(axis=1)
    share = np.full(len(own), np.nan)
    defined = (own != NO_LANGUAGE) & (n_labelled > 0) & labels_of(ranks).is_mixed
    np.divide(n_own, n_labelled, out=share, where=defined)
    return share


def language_lift(ranks: Ranks, cutoff: int) -> NDArray[np.float64]:
    """Return LangLift@k: LangShare@k divided by the share of the query's language in the pool.

    At least 0; 1 is no bias. Undefined (NaN) where LangShare@k is, or without passages in the
    query's language in the pool.
    """
    labels = labels_of(ranks)
    return lift(language_share(ranks, cutoff), labels.pool, labels.own)
