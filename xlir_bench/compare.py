"""Two models on the same queries: differences, intervals and corrected p-values."""

from collections.abc import Sequence

import numpy as np

from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.score import Comparison
from xlir_bench.errors import ResultError
from xlir_bench.evaluate import Readings, per_query
from xlir_bench.measures.catalogue import Measure
from xlir_bench.measures.significance import RESAMPLES, Column, compare, holm

Key = tuple[RetrievalMode, str]


def compare_models(
    first: Readings,
    second: Readings,
    measures: Sequence[Measure],
    *,
    resamples: int = RESAMPLES,
) -> list[Comparison]:
    """Compare two models' macro averages in every mode and measure that both have.

    Averages are over the settings that both were scored in.

    Args:
        first: ranks of the first model.
        second: ranks of the second, of the same settings and queries.
        measures: the rows of the table, over which p-values are corrected.
        resamples: random swaps, and bootstrap resamples.

    Raises:
        ResultError: the models were not scored on the same queries.

    """
    _check_same_queries(first, second)
    ours, theirs = per_query(first, measures)[0], per_query(second, measures)[0]
    groups: dict[Key, list[Setting]] = {}
    for setting, name in ours:
        if (setting, name) in theirs:
            groups.setdefault((setting.mode, name), []).append(setting)
    pairs = {
        key: [_both(ours[x, key[1]], theirs[x, key[1]]) for x in settings]
        for key, settings in groups.items()
    }
    left = {key: [a for a, _ in columns] for key, columns in pairs.items()}
    right = {key: [b for _, b in columns] for key, columns in pairs.items()}
    found = compare(left, right, first.n_topics, resamples) if pairs else {}
    order = [key for m in measures for key in found if key[1] == m.name]
    corrected = holm([found[key].p_value for key in order])
    return [
        Comparison(*key, _macro(left[key]), _macro(right[key]), found[key], p_value)
        for key, p_value in zip(order, corrected, strict=True)
    ]


def _check_same_queries(first: Readings, second: Readings) -> None:
    same = (first.n_topics, first.query_ids) == (second.n_topics, second.query_ids)
    if not same or any(
        not np.array_equal(first.ranks[setting].queries, second.ranks[setting].queries)
        for setting in first.ranks.keys() & second.ranks.keys()
    ):
        msg = "the two results are not of the same queries: run both models on the same benchmark"
        raise ResultError(msg)


def _both(a: Column, b: Column) -> tuple[Column, Column]:
    """Leave out the queries on which one of the models is undefined."""
    undefined = np.isnan(a.values) | np.isnan(b.values)
    return (
        Column(np.where(undefined, np.nan, a.values), a.topics),
        Column(np.where(undefined, np.nan, b.values), b.topics),
    )


def _macro(columns: Sequence[Column]) -> float:
    """Return the mean of the settings' means, settings without a defined query left out."""
    means = [c.values[~np.isnan(c.values)].mean() for c in columns if not np.isnan(c.values).all()]
    return float(np.mean(means)) if means else float("nan")
