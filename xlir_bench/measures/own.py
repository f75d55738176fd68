"""The measures that ir_measures does not have: names, functions and what they need."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.ranking import Ranks
from xlir_bench.measures.above_share import above_lift, above_share
from xlir_bench.measures.completeness import complete, max_rank
from xlir_bench.measures.consistency import rank_consistency
from xlir_bench.measures.fairness import equal_expected_rank
from xlir_bench.measures.language_share import language_lift, language_share
from xlir_bench.measures.own_first import first_passage, own_first
from xlir_bench.measures.rank_distance import normalised_rank_distance, rank_distance
from xlir_bench.measures.target_recall import target_languages_recall

PerQuery = Callable[[Ranks], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class OwnMeasure:
    """One measure of ours.

    Attributes:
        name: "TLR"; the spelling of a measure with a cutoff is "TLR@20".
        function: ranks, and the cutoff if it has one, to (n_queries,) values, NaN where undefined.
        meaning: one line.
        direction: "higher" or "lower" is better, "-" for neither.
        has_cutoff: whether ``function`` takes ``cutoff``.
        needs_every_rank: whether the ranks of all relevant passages must be known.
        needs_languages: whether it needs languages, and a pool of more than one.
        needs_top: whether it needs the first passages themselves, not only the relevant ones.

    """

    name: str
    function: Callable[..., NDArray[np.float64]]
    meaning: str
    direction: str
    has_cutoff: bool = False
    needs_every_rank: bool = False
    needs_languages: bool = False
    needs_top: bool = False

    @property
    def spelling(self) -> str:
        """Return the name as it is listed, "TLR@k"."""
        return f"{self.name}@k" if self.has_cutoff else self.name

    def per_query(self, cutoff: int | None) -> PerQuery:
        """Return the function of ranks alone."""
        return functools.partial(self.function, cutoff=cutoff) if self.has_cutoff else self.function


def _case(own: bool, right: bool, meaning: str) -> OwnMeasure:  # noqa: FBT001 - two by two
    name = f"{'Own' if own else 'Other'}{'Right' if right else 'Wrong'}"
    function = functools.partial(first_passage, own=own, right=right)
    return OwnMeasure(name, function, meaning, "-", needs_languages=True, needs_top=True)


_TABLE = (
    OwnMeasure(
        "MRD", rank_distance, "rank distance of the parallel relevant passages, full depth",
        "lower", needs_every_rank=True,
    ),
    OwnMeasure(
        "nMRD", normalised_rank_distance, "rank distance from 0 (neighbours) to 1 (first and last)",
        "lower", needs_every_rank=True,
    ),
    OwnMeasure(
        "MaxRank", max_rank, "rank at which the last relevant passage is found",
        "lower", needs_every_rank=True,
    ),
    OwnMeasure(
        "Complete", complete, "1 if all relevant passages are among the first k",
        "higher", has_cutoff=True,
    ),
    OwnMeasure(
        "TLR", target_languages_recall, "recall of the relevant passages in other languages",
        "higher", has_cutoff=True, needs_languages=True,
    ),
    OwnMeasure(
        "OwnFirst", own_first, "1 if the first relevant passage is in the query's language",
        "-", needs_languages=True,
    ),
    _case(own=True, right=True, meaning="first passage: own language, relevant"),
    _case(own=True, right=False, meaning="first passage: own language, not relevant"),
    _case(own=False, right=True, meaning="first passage: other language, relevant"),
    _case(own=False, right=False, meaning="first passage: other language, not relevant"),
    OwnMeasure(
        "AboveShare", above_share, "the query's language among what beats a relevant passage",
        "-", needs_every_rank=True, needs_languages=True,
    ),
    OwnMeasure(
        "AboveLift", above_lift, "AboveShare over the language's share of the pool; 1 is no bias",
        "-", needs_every_rank=True, needs_languages=True,
    ),
    OwnMeasure(
        "LangShare", language_share, "the query's language among the first k passages",
        "-", has_cutoff=True, needs_languages=True, needs_top=True,
    ),
    OwnMeasure(
        "LangLift", language_lift, "LangShare over the language's share of the pool; 1 is no bias",
        "-", has_cutoff=True, needs_languages=True, needs_top=True,
    ),
    OwnMeasure(
        "MRC", rank_consistency, "rank correlation of the first k of parallel queries, -1 to 1",
        "higher", has_cutoff=True, needs_languages=True, needs_top=True,
    ),
    OwnMeasure(
        "PEER", equal_expected_rank, "p-value of equal ranks of languages; several passages each",
        "higher", has_cutoff=True, needs_languages=True,
    ),
)  # fmt: skip

OWN: Mapping[str, OwnMeasure] = {measure.name: measure for measure in _TABLE}
"""Every measure of ours by its name without the cutoff."""
