"""Names of measures, spelled and parsed the ir_measures way, and the functions behind them."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

import ir_measures

from xlir_bench.core.ranking import Ranks
from xlir_bench.errors import UnknownNameError
from xlir_bench.measures import ranking
from xlir_bench.measures.own import OWN, OwnMeasure, PerQuery


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure as it is computed here.

    Attributes:
        name: ir_measures spelling, "P@10".
        per_query: ranks of a setting to (n_queries,) values, NaN where undefined.
        needs_depth: ranks that must be known: a cutoff, or None for the full pool.
        own: what it needs more; None for a measure of trec_eval.

    """

    name: str
    per_query: PerQuery
    needs_depth: int | None
    own: OwnMeasure | None = None

    @property
    def direction(self) -> str:
        """Return "higher" or "lower" for what is better, "-" for a measure that ranks nobody."""
        return "higher" if self.own is None else self.own.direction

    def applies_to(self, ranks: Ranks) -> bool:
        """Say whether a measure can be defined in a setting: those of languages need several."""
        needs_mixture = self.own is not None and self.own.needs_languages
        return not needs_mixture or (ranks.labels is not None and ranks.labels.is_mixed)

    def is_known_for(self, ranks: Ranks) -> bool:
        """Say whether a ranking is deep enough for this measure."""
        if self.own is not None and self.own.needs_top:
            depth = 0 if ranks.top is None else ranks.top.depth
            return depth >= min(self.needs_depth or 1, ranks.n_passages)
        if ranks.is_complete:
            return True
        if self.own is not None and not self.own.has_cutoff:
            return not self.own.needs_every_rank
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
    *(Description(own.spelling, own.meaning, own.direction) for own in OWN.values()),
)
"""What ``parse`` understands, k any whole number from 1."""


def parse(name: str) -> Measure:
    """Return the measure with this name.

    ``rel`` is the lowest grade that counts as relevant in measures of trec_eval: "P(rel=2)@5".

    Raises:
        UnknownNameError: no such measure, or one that cannot be computed from ranks.

    """
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
    own = OWN.get(parsed.NAME or "")
    function = _trec_function(parsed) if own is None else _own_function(own, parsed)
    if function is None:
        raise _unknown(name)
    return Measure(str(parsed), function, parsed.params.get("cutoff"), own)


def parse_all(names: Iterable[str]) -> tuple[Measure, ...]:
    """Return the measures with these names, each once."""
    return tuple({measure.name: measure for measure in map(parse, names)}.values())


def _own_function(own: OwnMeasure, parsed: "ir_measures.Measure") -> PerQuery | None:
    """Return the function of a measure of ours, None if a parameter is missing or odd."""
    params = dict(parsed.params)
    cutoff = params.pop("cutoff", None)
    is_right = (type(cutoff) is int and cutoff >= 1) if own.has_cutoff else cutoff is None
    return own.per_query(cutoff) if is_right and not params else None


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
    trec = ["AP", "RR", "nDCG", f"P@{k}", f"R@{k}", f"nDCG@{k}", f"Success@{k}"]
    known = [*trec, *(own.spelling.replace("@k", f"@{k}") for own in OWN.values())]
    return UnknownNameError(name, known, kind="measure", hint="list them with: xlir-bench measures")
