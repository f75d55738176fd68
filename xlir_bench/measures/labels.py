"""What the language measures ask of ranks beside the ranks themselves."""

from xlir_bench.core.hits import Top
from xlir_bench.core.ranking import Labels, Ranks


def labels_of(ranks: Ranks) -> Labels:
    """Return the languages of ranks; whoever calls a language measure has made sure of them.

    Raises:
        ValueError: the ranks have no languages.

    """
    if ranks.labels is None:
        msg = "this measure needs the languages of queries and passages"
        raise ValueError(msg)
    return ranks.labels


def top_of(ranks: Ranks) -> Top:
    """Return the first passages of the queries.

    Raises:
        ValueError: they were not kept.

    """
    if ranks.top is None:
        msg = "this measure needs the first passages of every query"
        raise ValueError(msg)
    return ranks.top
