"""OwnFirst and the two-by-two table of the first passage: right or wrong, own or other language."""

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.hits import NO_LANGUAGE
from xlir_bench.core.ranking import Ranks
from xlir_bench.measures.labels import labels_of, top_of


def own_first(ranks: Ranks) -> NDArray[np.float64]:
    """Return OwnFirst: 1 if the best-ranked relevant passage is in the query's language, else 0.

    In [0, 1], neither high nor low is better as such: without a preference it is the own share of
    the relevant passages (1/11 in XQuAD-R's pool), 1 is own language always first. Undefined (NaN)
    for a query of unknown language, without a relevant passage in its own and in another language,
    with none retrieved, or whose best-ranked one is of unknown language. It sees preference among
    right answers only.

    Source: ours; a language preference rate like that of Jang et al. 2026, MLAIRE,
    https://arxiv.org/abs/2605.07249.
    """
    labels = labels_of(ranks)
    own = labels.own[ranks.owners]
    known = (labels.relevant != NO_LANGUAGE) & (own != NO_LANGUAGE)
    has_own = np.logical_or.reduceat(known & (labels.relevant == own), ranks.starts[:-1])
    has_other = np.logical_or.reduceat(known & (labels.relevant != own), ranks.starts[:-1])
    best = labels.relevant[ranks.starts[:-1]]
    defined = has_own & has_other & ~np.isnan(ranks.first) & (best != NO_LANGUAGE)
    return np.where(defined, best == labels.own, np.nan)


def first_passage(ranks: Ranks, *, own: bool, right: bool) -> NDArray[np.float64]:
    """Return 1 if the first passage is in the own (other) language and right (wrong), else 0.

    The means of the four cases add up to 1: OwnRight and OtherRight to P@1, OwnRight and OwnWrong
    to LangShare@1. Undefined (NaN) for a query, or a first passage, of unknown language. Needs
    labels of the first passages, not of relevant ones only.

    Source: the four-way decomposition of Jang et al. 2026, MLAIRE,
    https://arxiv.org/abs/2605.07249.
    """
    top = top_of(ranks)
    asked, found = top.query_languages[top.rows], top.languages[top.rows, 0]
    known = (asked != NO_LANGUAGE) & (found != NO_LANGUAGE)
    is_case = ((asked == found) == own) & ((ranks.first == 1) == right)
    return np.where(known, is_case, np.nan)
