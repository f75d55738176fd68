"""Scores of a model on a benchmark, and the averages that are reported."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from xlir_bench.core.mode import RetrievalMode, Setting


@dataclass(frozen=True, slots=True)
class Score:
    """A measure's mean over the queries of one setting.

    Attributes:
        setting: mode and languages.
        measure: ir_measures spelling, "P@10".
        value: mean over the queries for which the measure is defined.
        n_queries: those queries.
        n_undefined: queries of the setting for which the measure is undefined; not in the mean.

    """

    setting: Setting
    measure: str
    value: float
    n_queries: int
    n_undefined: int = 0


def macro(scores: Iterable[Score], mode: RetrievalMode, measure: str) -> float | None:
    """Return the unweighted mean over the settings of a mode, None if no setting has the measure.

    Source: Elmahdy, Lin, Ahmad 2024, section 4 (each setting weighs the same).
    """
    values = [s.value for s in scores if s.setting.mode == mode and s.measure == measure]
    return float(np.mean(values)) if values else None
