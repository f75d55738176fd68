"""How sure a figure is: bootstrap intervals, a paired randomisation test, Holm's correction.

Parallel queries are one draw: what is resampled, or swapped between two models, are topics. Every
setting of a benchmark uses the same draws, so that macro averages and differences keep the
correlation between their settings. O(resamples * topics * figures) time, as matrix products;
memory O(resamples * settings of one group).
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.score import Difference, Interval

K = TypeVar("K", bound=Hashable)
Floats = NDArray[np.float64]

RESAMPLES = 10_000
SEED = 20240810
LEVEL = 0.95
_BLOCK = 1000
"""Resamples drawn at a time."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one measure in one setting.

    Attributes:
        values: (n_queries,) float64, NaN where undefined.
        topics: (n_queries,) int64 from 0, equal for parallel queries.

    """

    values: Floats
    topics: NDArray[np.int64]

    def by_topic(self, n_topics: int) -> tuple[Floats, Floats]:
        """Return (n_topics,) sums and numbers of the defined values."""
        defined = ~np.isnan(self.values)
        topics = self.topics[defined]
        sums = np.bincount(topics, self.values[defined], minlength=n_topics)
        return sums.astype(np.float64), np.bincount(topics, minlength=n_topics).astype(np.float64)


def bootstrap(
    groups: Mapping[K, Sequence[Column]], n_topics: int, resamples: int = RESAMPLES
) -> dict[K, tuple[list[Interval], Interval]]:
    """Return percentile intervals of each setting's mean and of each group's macro average.

    Resamples in which no query of a setting is defined are left out.

    Args:
        groups: settings that are averaged together.
        n_topics: of the benchmark, the same for every group.
        resamples: draws of ``n_topics`` topics with replacement.

    Returns:
        For each group the intervals of its settings, and that of their unweighted mean.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile
    method), with topics as the unit (cluster bootstrap).

    """
    sums = {key: _matrices(columns, n_topics) for key, columns in groups.items()}
    means = {key: np.empty((resamples, len(columns))) for key, columns in groups.items()}
    first = 0
    for weights in _draws(n_topics, resamples):
        for key, (values, counts, of_column) in sums.items():
            drawn = (weights @ counts)[:, of_column]
            with np.errstate(invalid="ignore"):  # 0 / 0: a resample without a defined query
                means[key][first : first + len(weights)] = (weights @ values) / drawn
        first += len(weights)
    return {key: _intervals(found) for key, found in means.items()}


def _matrices(columns: Sequence[Column], n_topics: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return sums by topic, the distinct counts by topic, and which of them each column has."""
    pairs = [column.by_topic(n_topics) for column in columns]
    values = np.stack([sums for sums, _ in pairs], axis=1)
    distinct: dict[bytes, int] = {}
    of_column = [distinct.setdefault(counts.tobytes(), len(distinct)) for _, counts in pairs]
    counts = np.stack([np.frombuffer(raw) for raw in distinct], axis=1)
    return values, counts, np.array(of_column, dtype=np.int64)


def _draws(n_topics: int, resamples: int) -> Iterator[Floats]:
    """Yield blocks of (n, n_topics): how often each topic is drawn in each resample."""
    rng = np.random.default_rng(SEED)
    for first in range(0, resamples, _BLOCK):
        n = min(_BLOCK, resamples - first)
        drawn = rng.integers(0, n_topics, (n, n_topics)) + np.arange(n)[:, None] * n_topics
        counts = np.bincount(drawn.ravel(), minlength=n * n_topics)
        yield counts.reshape(n, n_topics).astype(np.float64)


def _intervals(means: Floats) -> tuple[list[Interval], Interval]:
    with np.errstate(invalid="ignore"):
        together = means.mean(axis=1)
    return [_interval(column) for column in means.T], _interval(together)


def _interval(resampled: Floats) -> Interval:
    """Return the middle 95 %; NaN if no resample has a mean."""
    defined = resampled[~np.isnan(resampled)]
    if not len(defined):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def compare(
    first: Mapping[K, Sequence[Column]],
    second: Mapping[K, Sequence[Column]],
    n_topics: int,
    resamples: int = RESAMPLES,
) -> dict[K, Difference]:
    """Compare two models' macro averages on the queries on which both are defined.

    The null hypothesis swaps the two models' values of a topic, of all its parallel queries at
    once. The p-value is two-sided and never 0: (1 + as extreme swaps) / (1 + swaps).

    Args:
        first: by group, one column for each setting; the same queries in the same order as in
            ``second``.
        second: the other model's.
        n_topics: of the benchmark.
        resamples: random swaps, and bootstrap resamples of the interval.

    Source: Smucker, Allan, Carterette 2007, section 3.1, https://doi.org/10.1145/1321440.1321528.

    """
    differences = {key: _differences(columns, second[key]) for key, columns in first.items()}
    intervals = bootstrap(differences, n_topics, resamples)
    parts = {key: _contributions(columns, n_topics) for key, columns in differences.items()}
    p_values = _swap(np.stack(list(parts.values()), axis=1), resamples)
    return {
        key: Difference(
            value=float(parts[key].sum()),
            interval=intervals[key][1],
            p_value=float(p_value),
            n_queries=int(sum((~np.isnan(c.values)).sum() for c in columns)),
        )
        for (key, columns), p_value in zip(differences.items(), p_values, strict=True)
    }


def p_values(
    first: Mapping[K, Sequence[Column]],
    second: Mapping[K, Sequence[Column]],
    n_topics: int,
    resamples: int = RESAMPLES,
) -> dict[K, float]:
    """Return only the p-values of ``compare``, without its bootstrap."""
    parts = {
        key: _contributions(_differences(columns, second[key]), n_topics)
        for key, columns in first.items()
    }
    if not parts:
        return {}
    found = _swap(np.stack(list(parts.values()), axis=1), resamples)
    return dict(zip(parts, map(float, found), strict=True))


def _differences(first: Sequence[Column], second: Sequence[Column]) -> list[Column]:
    """Subtract; settings without a query on which both are defined are left out."""
    found = [Column(a.values - b.values, a.topics) for a, b in zip(first, second, strict=True)]
    return [c for c in found if not np.isnan(c.values).all()] or found


def _contributions(columns: Sequence[Column], n_topics: int) -> Floats:
    """Return what each topic adds to the macro average; settings without a query are left out."""
    pairs = [column.by_topic(n_topics) for column in columns]
    shares = [sums / counts.sum() for sums, counts in pairs if counts.sum()]
    return np.mean(shares, axis=0) if shares else np.full(n_topics, np.nan)


def _swap(parts: Floats, resamples: int) -> Floats:
    """Return the p-value of each column of (n_topics, n) contributions to a difference."""
    rng = np.random.default_rng(SEED)
    observed = np.abs(parts.sum(axis=0))
    # Sums of the same numbers in another order differ in the last digits; they are equal.
    limit = observed - 1e-9 * np.abs(parts).sum(axis=0)
    extreme = np.zeros(parts.shape[1])
    for first in range(0, resamples, _BLOCK):
        n = min(_BLOCK, resamples - first)
        signs = rng.integers(0, 2, (n, len(parts))) * 2.0 - 1
        extreme += (np.abs(signs @ parts) >= limit).sum(axis=0)
    return np.where(np.isnan(observed), np.nan, (1 + extreme) / (1 + resamples))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for the number of comparisons in a table; NaN stays NaN.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure (step-down).
    """
    raw = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(raw))
    order = tested[np.argsort(raw[tested], kind="stable")]
    corrected = np.full(len(raw), np.nan)
    scaled = raw[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return [float(p) for p in corrected]
