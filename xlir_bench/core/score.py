"""Scores of a model on a benchmark, and the averages that are reported."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from xlir_bench.core.mode import RetrievalMode, Setting


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval, from ``low`` to ``high``."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """A measure's mean over the queries of one setting.

    Attributes:
        setting: mode and languages.
        measure: ir_measures spelling, "P@10".
        value: mean over the queries for which the measure is defined.
        n_queries: those queries.
        n_undefined: queries of the setting for which the measure is undefined; not in the mean.
        interval: of the mean, None if it was not computed.

    """

    setting: Setting
    measure: str
    value: float
    n_queries: int
    n_undefined: int = 0
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """The unweighted mean of a measure over the settings of a mode.

    Attributes:
        mode: what is searched.
        measure: ir_measures spelling.
        value: macro average.
        n_undefined: queries of those settings for which the measure is undefined.
        interval: of the average, None if it was not computed.

    """

    mode: RetrievalMode
    measure: str
    value: float
    n_undefined: int = 0
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Every score of a model on a benchmark.

    Attributes:
        scores: one for each setting and measure.
        figures: one for each mode and measure.

    """

    scores: tuple[Score, ...]
    figures: tuple[Figure, ...]

    def figure(self, mode: RetrievalMode, measure: str) -> Figure | None:
        """Return one macro average, None if no setting of the mode has the measure."""
        found = (f for f in self.figures if f.mode is mode and f.measure == measure)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger a macro average of the first model is than that of the second.

    Attributes:
        value: first minus second.
        interval: bootstrap interval of it.
        p_value: two-sided, of the paired randomisation test.
        n_queries: on which both are defined.

    """

    value: float
    interval: Interval
    p_value: float
    n_queries: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One macro average of two models.

    Attributes:
        mode: what is searched.
        measure: ir_measures spelling.
        first: value of the first model, on the queries on which both are defined.
        second: value of the second.
        difference: first minus second, with its interval and raw p-value.
        corrected: p-value by Holm over all rows of the table.

    """

    mode: RetrievalMode
    measure: str
    first: float
    second: float
    difference: Difference
    corrected: float


def macro(scores: Iterable[Score], mode: RetrievalMode, measure: str) -> Figure | None:
    """Return the unweighted mean over the settings of a mode, None if no setting has the measure.

    Source: Elmahdy, Lin, Ahmad 2024, section 4 (each setting weighs the same).
    """
    found = [s for s in scores if s.setting.mode == mode and s.measure == measure]
    if not found:
        return None
    n_undefined = sum(s.n_undefined for s in found)
    return Figure(mode, measure, float(np.mean([s.value for s in found])), n_undefined)


def macro_figures(scores: Sequence[Score], measures: Iterable[str]) -> list[Figure]:
    """Return the macro averages of every mode and measure that some setting has."""
    modes = dict.fromkeys(score.setting.mode for score in scores)
    found = (macro(scores, mode, measure) for measure in measures for mode in modes)
    return [figure for figure in found if figure is not None]
