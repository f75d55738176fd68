"""Two models on the same queries: differences, intervals and corrected p-values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.score import Comparison, Difference
from xlir_bench.errors import ResultError
from xlir_bench.evaluate import Readings, per_query
from xlir_bench.measures.catalogue import Measure
from xlir_bench.measures.significance import RESAMPLES, Column, compare, holm

Key = tuple[RetrievalMode, str]


@dataclass(frozen=True, slots=True)
class SettingComparison:
    """One setting of two models.

    Attributes:
        setting: mode and languages.
        first: mean of the first model, over the queries on which both are defined.
        second: mean of the second.
        difference: first minus second, with its interval and raw p-value.
        corrected: p-value by Holm over all settings that were compared.

    """

    setting: Setting
    first: float
    second: float
    difference: Difference
    corrected: float


@dataclass(frozen=True, slots=True)
class Changed:
    """One query of one setting that two models answer differently well."""

    query_id: str
    setting: Setting
    first: float
    second: float

    @property
    def difference(self) -> float:
        """Return first minus second."""
        return self.first - self.second


def compare_models(
    first: Readings,
    second: Readings,
    measures: Sequence[Measure],
    *,
    resamples: int = RESAMPLES,
) -> list[Comparison]:
    """Compare two models' macro averages in every mode and measure that both have.

    A result may have some modes only; those that both have must be of the same settings.

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


def compare_settings(
    first: Readings, second: Readings, measure: Measure, *, resamples: int = RESAMPLES
) -> list[SettingComparison]:
    """Compare two models in every setting that both have, as ``compare_models`` does in modes.

    Raises:
        ResultError: the models were not scored on the same queries.

    """
    both = _by_setting(first, second, measure)
    left = {setting: [a] for setting, (a, _) in both.items()}
    right = {setting: [b] for setting, (_, b) in both.items()}
    found = compare(left, right, first.n_topics, resamples) if both else {}
    corrected = holm([difference.p_value for difference in found.values()])
    return [
        SettingComparison(setting, _macro(left[setting]), _macro(right[setting]), difference, p)
        for (setting, difference), p in zip(found.items(), corrected, strict=True)
    ]


def changed_most(
    first: Readings, second: Readings, measure: Measure, mode: RetrievalMode, k: int
) -> list[Changed]:
    """Return the ``k`` queries of a mode that gain most in the first model, then those that lose.

    Largest change first; equal changes in the order of settings and queries. Queries without a
    change are left out.

    Raises:
        ResultError: the models were not scored on the same queries.

    """
    found = [
        Changed(first.query_ids[row], setting, float(a), float(b))
        for setting, (left, right) in _by_setting(first, second, measure).items()
        if setting.mode is mode
        for row, a, b in zip(first.ranks[setting].queries, left.values, right.values, strict=True)
        if not np.isnan(a) and a != b
    ]
    gains = sorted((c for c in found if c.difference > 0), key=lambda c: -c.difference)
    losses = sorted((c for c in found if c.difference < 0), key=lambda c: c.difference)
    return gains[:k] + losses[:k]


def _by_setting(
    first: Readings, second: Readings, measure: Measure
) -> dict[Setting, tuple[Column, Column]]:
    """Return both models' values in every setting in which some query is defined for both."""
    _check_same_queries(first, second)
    ours, theirs = per_query(first, [measure])[0], per_query(second, [measure])[0]
    pairs = {
        setting: _both(column, theirs[setting, name])
        for (setting, name), column in ours.items()
        if (setting, name) in theirs
    }
    return {s: (a, b) for s, (a, b) in pairs.items() if not np.isnan(a.values).all()}


def same_queries(first: Readings, second: Readings) -> bool:
    """Say whether results are of the same queries, and settings in the modes that both have."""
    left, right = _by_mode(first), _by_mode(second)
    modes = left.keys() & right.keys()
    same = (first.n_topics, first.query_ids) == (second.n_topics, second.query_ids)
    return same and all(
        left[mode] == right[mode]
        and all(
            np.array_equal(first.ranks[setting].queries, second.ranks[setting].queries)
            for setting in left[mode]
        )
        for mode in modes
    )


def _check_same_queries(first: Readings, second: Readings) -> None:
    if not _by_mode(first).keys() & _by_mode(second).keys() or not same_queries(first, second):
        msg = "the two results are not of the same queries: run both models on the same benchmark"
        raise ResultError(msg)


def _by_mode(found: Readings) -> dict[RetrievalMode, set[Setting]]:
    settings: dict[RetrievalMode, set[Setting]] = {}
    for setting in found.ranks:
        settings.setdefault(setting.mode, set()).add(setting)
    return settings


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
