"""Intervals and p-values, against scipy, plain loops and numbers worked out by hand."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import astuple
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from xlir_bench.core.score import Interval
from xlir_bench.measures import significance
from xlir_bench.measures.significance import Column, Difference, bootstrap, compare, holm

Array = NDArray[np.float64]


def column(values: object, topics: object = None) -> Column:
    """Return a setting's values, each query a topic of its own unless told."""
    array = np.array(values, dtype=np.float64)
    return Column(array, np.arange(len(array)) if topics is None else np.array(topics))


def interval(columns: Sequence[Column], n_topics: int, resamples: int = 2000) -> Interval:
    return bootstrap({"x": columns}, n_topics, resamples)["x"][1]


def width(found: Interval) -> float:
    return found.high - found.low


def difference(
    first: Sequence[Column], second: Sequence[Column], n_topics: int, resamples: int = 2000
) -> Difference:
    return compare({"x": first}, {"x": second}, n_topics, resamples)["x"]


def draws(n_topics: int, resamples: int) -> Array:
    """Return how often each topic is in each resample."""
    return np.concatenate(list(significance._draws(n_topics, resamples)))


def plain_bootstrap(columns: Sequence[Column], n_topics: int, resamples: int) -> Array:
    """Repeat every query as often as its topic is drawn, average queries, then settings."""
    means = []
    for times in draws(n_topics, resamples).astype(int):
        drawn = [
            [
                value
                for value, topic in zip(x.values, x.topics, strict=True)
                for _ in range(times[topic])
                if not np.isnan(value)
            ]
            for x in columns
        ]
        means.append([sum(x) / len(x) if x else nan for x in drawn])
    return np.array(means)


def middle(resampled: Array) -> tuple[float, float]:
    defined = resampled[~np.isnan(resampled)]
    return tuple(np.percentile(defined, [2.5, 97.5])) if len(defined) else (nan, nan)


def same(expected: object) -> object:
    return pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("n_topics", [1, 7, 100])
def test_a_resample_draws_as_many_topics_as_there_are(n_topics: int) -> None:
    assert (draws(n_topics, 1500).sum(axis=1) == n_topics).all()
    assert len(draws(n_topics, 1500)) == 1500


def test_topics_are_drawn_with_replacement_and_alike() -> None:
    times = draws(50, 8000)
    assert times.mean(axis=0) == pytest.approx([1] * 50, abs=5 * np.sqrt(1 / 8000))
    assert times.var(axis=0) == pytest.approx([1 - 1 / 50] * 50, rel=0.15)


@pytest.mark.parametrize("name", ["normal", "exponential"])
def test_the_interval_of_a_mean_is_that_of_scipy(name: str) -> None:
    rng = np.random.default_rng(1)
    values = getattr(rng, name)(size=40)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=2
    ).confidence_interval
    error = 5 * 0.038 * values.std() / np.sqrt(40) / np.sqrt(2)  # of two ends of 20 000 resamples
    ours = interval([column(values)], 40, 20_000)
    assert astuple(ours) == pytest.approx((theirs.low, theirs.high), abs=error)
    assert 0 < error < width(ours) / 20


@st.composite
def groups(draw: st.DrawFn) -> tuple[list[Column], int]:
    """Draw settings with parallel queries, undefined values and topics without a query."""
    n_topics = draw(st.integers(1, 6))
    value = st.sampled_from([nan, -1.0, 0.0, 0.1, 1 / 3, 1.0])
    rows = st.lists(st.tuples(value, st.integers(0, n_topics - 1)), min_size=1, max_size=8)
    settings = draw(st.lists(rows, min_size=1, max_size=3))
    return [column(*zip(*setting, strict=True)) for setting in settings], n_topics


@given(drawn=groups())
def test_intervals_are_those_of_a_plain_loop(drawn: tuple[list[Column], int]) -> None:
    columns, n_topics = drawn
    slow = plain_bootstrap(columns, n_topics, 50)
    parts, whole = bootstrap({"x": columns}, n_topics, 50)["x"]
    expected = [middle(means) for means in (*slow.T, slow.mean(axis=1))]
    assert np.array([astuple(x) for x in (*parts, whole)]) == same(np.array(expected))


def test_the_interval_of_a_macro_average_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(4)
    easy = rng.normal(size=12)
    columns = [
        column(easy),
        column([*easy[:8], nan, *rng.normal(3, 1, 4)], [*range(8), 9, 9, 10, 10, 11]),
    ]
    slow = plain_bootstrap(columns, 12, 1200)
    assert astuple(interval(columns, 12, 1200)) == same(middle(slow.mean(axis=1)))


@given(
    constant=st.floats(-5, 5),
    defined=st.lists(st.booleans(), min_size=1, max_size=9).filter(any),
)
def test_the_interval_of_a_constant_is_that_constant(constant: float, defined: list[bool]) -> None:
    found = interval([column(np.where(defined, constant, nan))], len(defined), 200)
    assert astuple(found) == pytest.approx((constant, constant), abs=1e-12)


def test_undefined_queries_are_left_out() -> None:
    values, topics = [0.2, nan, 0.9, 0.4, nan], [0, 0, 1, 2, 3]
    without = column([0.2, 0.9, 0.4], [0, 1, 2])
    assert interval([column(values, topics)], 4) == interval([without], 4)


def test_resamples_without_a_defined_query_are_left_out() -> None:
    values = column([1.0, nan, nan, nan])
    assert (draws(4, 300)[:, 0] == 0).any()
    assert astuple(interval([values], 4, 300)) == (1, 1)
    parts, whole = bootstrap({"x": [values, column([0.0] * 4)]}, 4, 300)["x"]
    assert [astuple(part) for part in parts] == [(1, 1), (0, 0)]
    assert astuple(whole) == (0.5, 0.5)


def test_nothing_defined_has_no_interval() -> None:
    assert astuple(interval([column([nan, nan])], 2, 50)) == same((nan, nan))


def test_parallel_queries_are_drawn_together() -> None:
    values = np.random.default_rng(5).normal(size=30)
    once = interval([column(values)], 30)
    together = interval([column(np.tile(values, 4), np.tile(np.arange(30), 4))], 30)
    apart = interval([column(np.tile(values, 4))], 120)
    assert astuple(together) == same(astuple(once))
    assert width(apart) == pytest.approx(width(once) / 2, rel=0.15)


def test_settings_with_parallel_queries_do_not_make_a_macro_average_surer() -> None:
    values = column(np.random.default_rng(6).normal(size=30))
    once, four_times = interval([values], 30), interval([values] * 4, 30)
    assert astuple(four_times) == same(astuple(once))


def test_settings_of_opposite_values_have_a_sure_macro_average() -> None:
    values = np.random.default_rng(7).normal(size=30)
    found = interval([column(values), column(1 - values)], 30)
    assert astuple(found) == pytest.approx((0.5, 0.5), abs=1e-12)


def test_an_interval_does_not_depend_on_other_groups() -> None:
    first, second = (column(np.random.default_rng(i).normal(size=20)) for i in range(2))
    both = bootstrap({"a": [first], "b": [second, first]}, 20, 1500)
    assert both["a"] == bootstrap({"a": [first]}, 20, 1500)["a"]
    assert both["b"] == bootstrap({"b": [second, first]}, 20, 1500)["b"]


def test_the_same_input_has_the_same_intervals() -> None:
    columns = [column(np.random.default_rng(8).normal(size=20))]
    assert interval(columns, 20) == interval(columns, 20)


@pytest.mark.parametrize("resamples", [1, 999, 1000, 1001])
def test_any_number_of_resamples_fills_every_block(resamples: int) -> None:
    found = interval([column([0.0, 1.0, 2.0])], 3, resamples)
    means = draws(3, resamples) @ [0.0, 1.0, 2.0] / 3
    assert astuple(found) == same(middle(means))


def skewed(rng: np.random.Generator) -> tuple[Column, float]:
    return column(rng.beta(2, 5, 25)), 2 / 7


def normal(rng: np.random.Generator) -> tuple[Column, float]:
    return column(rng.normal(0.4, 1, 25)), 0.4


def clustered(rng: np.random.Generator) -> tuple[Column, float]:
    """Return 25 topics of three parallel queries that are alike."""
    values = np.repeat(rng.normal(0.4, 1, 25), 3) + rng.normal(0, 0.3, 75)
    return column(values, np.repeat(np.arange(25), 3)), 0.4


@pytest.mark.parametrize("sample", [normal, skewed, clustered])
def test_a_95_percent_interval_holds_the_true_mean_about_that_often(
    sample: Callable[[np.random.Generator], tuple[Column, float]],
) -> None:
    rng = np.random.default_rng(9)
    samples = dict(enumerate(sample(rng) for _ in range(200)))
    found = bootstrap({i: [values] for i, (values, _) in samples.items()}, 25, 500)
    held = [found[i][1].low <= mean <= found[i][1].high for i, (_, mean) in samples.items()]
    assert 0.88 <= np.mean(held) <= 0.99


def exact_p_value(first: Sequence[Column], second: Sequence[Column], n_topics: int) -> float:
    """Swap the models' values in every subset of topics, and average from scratch."""
    found = []
    for swapped in itertools.product([False, True], repeat=n_topics):
        macro = []
        for a, b in zip(first, second, strict=True):
            swap = np.array(swapped)[a.topics]
            x, y = np.where(swap, b.values, a.values), np.where(swap, a.values, b.values)
            both = ~np.isnan(x) & ~np.isnan(y)
            macro.append(x[both].mean() - y[both].mean())
        found.append(abs(np.mean(macro)))
    return float(np.mean(np.array(found) >= found[0] - 1e-9))


def near(exact: float, resamples: int) -> object:
    """Return what random swaps may give: 5 standard errors, and the 1 that is added."""
    error = 5 * np.sqrt(exact * (1 - exact) / resamples) + 1 / resamples
    return pytest.approx(exact, abs=error)


@pytest.mark.parametrize("effect", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("decimals", [1, 9], ids=["ties", "no-ties"])
def test_a_p_value_is_that_of_scipys_exact_test(effect: float, decimals: int) -> None:
    rng = np.random.default_rng(10)
    first, second = rng.normal(effect, 1, 9).round(decimals), rng.normal(0, 1, 9).round(decimals)
    exact = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    found = difference([column(first)], [column(second)], 9, 5000)
    assert found.p_value == near(exact, 5000)
    assert found.value == pytest.approx(first.mean() - second.mean(), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_p_value_of_macro_averages_is_that_of_all_swaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    topics = [rng.integers(0, 7, n) for n in (5, 9)]
    first = [column(rng.integers(0, 4, len(t)) / 4, t) for t in topics]
    second = [column(rng.integers(0, 3, len(t)) / 4, t) for t in topics]
    first[1].values[2] = second[1].values[6] = nan
    found = difference(first, second, 7, 5000)
    assert found.p_value == near(exact_p_value(first, second, 7), 5000)


def test_a_difference_is_that_of_macro_averages_with_the_interval_of_the_bootstrap() -> None:
    first = [column([0.5, 0.7, 0.9]), column([1.0, 0.0], [0, 2])]
    second = [column([0.4, 0.8, 0.3]), column([0.5, 0.0], [0, 2])]
    found = difference(first, second, 3)
    assert found.value == pytest.approx((0.6 / 3 + 0.5 / 2) / 2, abs=1e-12)
    assert found.n_queries == 5
    apart = [column(a.values - b.values, a.topics) for a, b in zip(first, second, strict=True)]
    assert found.interval == interval(apart, 3)


def test_swapped_models_have_the_opposite_difference_and_the_same_p_value() -> None:
    rng = np.random.default_rng(11)
    first, second = ([column(rng.normal(size=20))] for _ in range(2))
    found, opposite = difference(first, second, 20), difference(second, first, 20)
    assert opposite.value == pytest.approx(-found.value, abs=1e-12)
    assert astuple(opposite.interval) == same((-found.interval.high, -found.interval.low))
    assert opposite.p_value == found.p_value


def test_the_same_input_has_the_same_difference() -> None:
    rng = np.random.default_rng(12)
    first, second = ([column(rng.normal(size=20))] for _ in range(2))
    assert difference(first, second, 20) == difference(first, second, 20)


def test_a_difference_does_not_depend_on_other_groups() -> None:
    rng = np.random.default_rng(13)
    first, second = ({k: [column(rng.normal(size=20))] for k in "abc"} for _ in range(2))
    together = compare(first, second, 20, 1500)
    for key, found in together.items():
        alone = compare({key: first[key]}, {key: second[key]}, 20, 1500)[key]
        assert alone.p_value == found.p_value
        assert alone.interval == found.interval


@pytest.mark.parametrize("resamples", [9, 99, 1500])
def test_a_p_value_is_never_0(resamples: int) -> None:
    better, worse = column([1.0] * 60), column([0.0] * 60)
    assert difference([better], [worse], 60, resamples).p_value == 1 / (1 + resamples)


@given(values=st.lists(st.sampled_from([nan, 0.0, 0.1, 1 / 3]), min_size=1, max_size=9))
def test_equal_models_have_p_value_1(values: list[float]) -> None:
    same_model = [column([*values, 0.5])]
    found = difference(same_model, same_model, len(values) + 1, 1500)
    assert (found.p_value, found.value, astuple(found.interval)) == (1, 0, (0, 0))


def test_one_topic_cannot_tell_models_apart() -> None:
    assert difference([column([1.0])], [column([0.0])], 1).p_value == 1


def test_parallel_queries_are_swapped_together() -> None:
    rng = np.random.default_rng(14)
    first, second = rng.normal(0.9, 1, 12), rng.normal(0, 1, 12)
    topics = np.tile(np.arange(12), 5)
    once = difference([column(first)], [column(second)], 12)
    together = difference(
        [column(np.tile(first, 5), topics)], [column(np.tile(second, 5), topics)], 12
    )
    apart = difference([column(np.tile(first, 5))], [column(np.tile(second, 5))], 60)
    assert together.p_value == once.p_value
    assert apart.p_value < once.p_value / 5


def test_settings_with_parallel_queries_do_not_make_a_difference_surer() -> None:
    rng = np.random.default_rng(15)
    first, second = (column(rng.normal(size=12)) for _ in range(2))
    once, four_times = (difference([first] * n, [second] * n, 12) for n in (1, 4))
    assert four_times.p_value == once.p_value


@pytest.mark.parametrize("undefined", ["first", "second", "both"])
def test_a_query_that_one_model_leaves_undefined_is_left_out(undefined: str) -> None:
    rng = np.random.default_rng(16)
    first, second = rng.normal(0.5, 1, 15), rng.normal(0, 1, 15)
    kept = [*range(3), *range(4, 15)]
    without = difference([column(first[kept], kept)], [column(second[kept], kept)], 15)
    first[3] = 99 if undefined == "second" else nan
    second[3] = -99 if undefined == "first" else nan
    assert difference([column(first)], [column(second)], 15) == without
    assert without.n_queries == 14


def test_models_without_a_common_query_have_no_difference() -> None:
    first, second = column([1.0, nan, 0.5]), column([nan, 0.5, nan])
    other = column([1.0, 0.5, 0.5])
    found = compare({"x": [first], "y": [other]}, {"x": [second], "y": [other]}, 3, 50)
    assert (found["x"].value, found["x"].p_value) == same((nan, nan))
    assert found["x"].n_queries == 0
    assert found["y"].p_value == 1


def test_equal_models_on_average_are_told_apart_by_chance_alone() -> None:
    rng = np.random.default_rng(17)
    topics = np.repeat(np.arange(20), 2)
    first, second = (
        {i: [column(np.repeat(rng.normal(size=20), 2) + rng.normal(0, 0.3, 40), topics)]
         for i in range(400)}
        for _ in range(2)
    )  # fmt: skip
    p_values = np.array([x.p_value for x in compare(first, second, 20, 500).values()])
    shares = [(p_values <= level).mean() for level in (0.05, 0.25, 0.5)]
    assert shares == pytest.approx([0.05, 0.25, 0.5], abs=0.08)
    assert 0.01 <= shares[0] <= 0.1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param([0.01, 0.04, 0.03], [0.03, 0.06, 0.06], id="order-of-the-input"),
        pytest.param([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06], id="never-falls"),
        pytest.param([0.04, 0.01], [0.04, 0.02], id="two"),
        pytest.param([0.02, 0.02], [0.04, 0.04], id="ties"),
        pytest.param([0.5, 0.9, 0.6], [1, 1, 1], id="at-most-1"),
        pytest.param([0.2], [0.2], id="one"),
        pytest.param([nan, 0.01, nan, 0.04], [nan, 0.02, nan, 0.04], id="nan-is-no-comparison"),
        pytest.param([nan], [nan], id="nan-only"),
        pytest.param([], [], id="none"),
    ],
)
def test_p_values_are_corrected_as_holm_did(raw: list[float], expected: list[float]) -> None:
    assert holm(raw) == same(expected)


@given(raw=st.lists(st.floats(0, 1) | st.just(nan), max_size=8), level=st.floats(0.001, 0.999))
def test_holm_rejects_step_by_step(raw: list[float], level: float) -> None:
    """The smallest is held against level / m, the next against level / (m - 1), till one fails."""
    left = sorted((p, i) for i, p in enumerate(raw) if not np.isnan(p))
    rejected = set()
    while left and left[0][0] * len(left) <= level:
        rejected.add(left.pop(0)[1])
    assert {i for i, p in enumerate(holm(raw)) if p <= level} == rejected
