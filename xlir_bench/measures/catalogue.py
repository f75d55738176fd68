"""Names of measures, spelled and parsed the ir_measures way, and the functions behind them."""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import ir_measures
import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.ranking import Ranks
from xlir_bench.errors import UnknownNameError
from xlir_bench.measures import language, ranking

PerQuery = Callable[[Ranks], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure as it is computed here.

    Attributes:
        name: ir_measures spelling, "P@10".
        per_query: ranks of a setting to (n_queries,) values, NaN where undefined.
        needs_depth: ranks that must be known: a cutoff, or None for the full pool.
        needs_every_rank: whether a relevant passage without a rank makes it meaningless.

    """

    name: str
    per_query: PerQuery
    needs_depth: int | None
    needs_every_rank: bool = False

    def is_known_for(self, ranks: Ranks) -> bool:
        """Say whether a ranking is deep enough for this measure."""
        if ranks.is_complete:
            return True
        if self.needs_every_rank:
            return False
        if ranks.depth >= ranks.n_passages:
            return True
        return self.needs_depth is not None and self.needs_depth <= ranks.depth


@dataclass(frozen=True, slots=True)
class Description:
    """A line of ``xlir-bench measures``."""

    spelling: str
    meaning: str
    direction: str


DESCRIPTIONS = (
    Description("P@k", "precision: relevant passages among the first k, divided by k", "higher"),
    Description("AP, AP@k", "average precision", "higher"),
    Description("nDCG, nDCG@k", "normalised discounted cumulative gain, linear gain", "higher"),
    Description("R@k", "recall: share of the relevant passages among the first k", "higher"),
    Description("RR, RR@k", "reciprocal rank of the first relevant passage", "higher"),
    Description("Success@k", "1 if a relevant passage is among the first k", "higher"),
    Description("MRD", "rank distance of the parallel relevant passages, full depth", "lower"),
    Description("nMRD", "rank distance from 0 (neighbours) to 1 (first and last)", "lower"),
)
"""What ``parse`` understands, k any whole number from 1."""

_LANGUAGE: dict[str, PerQuery] = {
    "MRD": language.rank_distance,
    "nMRD": language.normalised_rank_distance,
}


def parse(name: str) -> Measure:
    """Return the measure with this name.

    ``rel`` is the lowest grade that counts as relevant: "P(rel=2)@5".

    Raises:
        UnknownNameError: no such measure, or one that cannot be computed from ranks.

    """
    if name in _LANGUAGE:
        return Measure(name, _LANGUAGE[name], needs_depth=None, needs_every_rank=True)
    try:
        parsed = ir_measures.parse_measure(name)
    except (
        NameError,
        SyntaxError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise _unknown(name) from error
    function = _trec_function(parsed)
    if function is None:
        raise _unknown(name)
    return Measure(str(parsed), function, needs_depth=parsed.params.get("cutoff"))


def parse_all(names: Iterable[str]) -> tuple[Measure, ...]:
    """Return the measures with these names, each once."""
    return tuple({measure.name: measure for measure in map(parse, names)}.values())


def _trec_function(parsed: "ir_measures.Measure") -> PerQuery | None:
    """Return the function of a measure, None if it or one of its parameters is not ours."""
    params = dict(parsed.params)
    cutoff, rel = params.pop("cutoff", None), params.pop("rel", 1)
    if params or any(type(x) is not int or x < 1 for x in (1 if cutoff is None else cutoff, rel)):
        return None
    match parsed.NAME:
        case "AP":
            return functools.partial(ranking.average_precision, cutoff=cutoff, rel=rel)
        case "RR":
            return functools.partial(ranking.reciprocal_rank, cutoff=cutoff, rel=rel)
        case "nDCG" if rel == 1:
            return functools.partial(ranking.ndcg, cutoff=cutoff)
        case "P" | "R" | "Success" if cutoff is not None:
            function = {"P": ranking.precision, "R": ranking.recall, "Success": ranking.success}
            return functools.partial(function[parsed.NAME], cutoff=cutoff, rel=rel)
        case _:
            return None


def _unknown(name: str) -> UnknownNameError:
    cutoff = re.search(r"@(\d+)$", name)
    k = cutoff.group(1) if cutoff and int(cutoff.group(1)) else "10"
    known = ["AP", "RR", "nDCG", "MRD", "nMRD", f"P@{k}", f"R@{k}", f"nDCG@{k}", f"Success@{k}"]
    return UnknownNameError(name, known, kind="measure", hint="list them with: xlir-bench measures")
