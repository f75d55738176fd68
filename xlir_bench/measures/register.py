"""Our measures as measures of ir_measures, computed on plain qrels and runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import ir_measures
import numpy as np
from ir_measures import measures, providers

from xlir_bench.core.ranking import Labels, Ranks
from xlir_bench.errors import DataError
from xlir_bench.measures.own import OWN, OwnMeasure
from xlir_bench.measures.trec import Judged, qrels_of, run_of

PROVIDER = "xlir_bench"
_HIDDEN = ("languages", "topics", "query_languages")
"""Parameters that are data, not part of a measure's name."""


class DefinedMean(measures.base.Agg):
    """The mean over the queries for which a measure is defined.

    Attributes:
        n_defined: queries in the mean.
        n_undefined: queries that are left out of it.

    """

    def __init__(self) -> None:
        self.total = 0.0
        self.n_defined = 0
        self.n_undefined = 0

    def add(self, value: float) -> None:
        """Take one query's value."""
        if np.isnan(value):
            self.n_undefined += 1
        else:
            self.total += value
            self.n_defined += 1

    def result(self) -> float:
        """Return the mean, NaN if no query is defined."""
        return self.total / self.n_defined if self.n_defined else float("nan")


class LanguageMeasure(ir_measures.Measure):
    """Base of our measures: undefined queries are NaN and not part of the mean.

    ``languages`` maps ids of passages and queries to languages, ``topics`` ids of queries to what
    parallel queries share, ``query_languages`` ids of queries where a passage has the same id:
    ``TLR(languages=mapping)@20``. Columns ``language`` and
    ``query_language`` of the qrels or the run do the same.
    """

    DEFAULT = float("nan")
    own: OwnMeasure

    def aggregator(self) -> DefinedMean:
        """Return a mean that leaves NaN out."""
        return DefinedMean()

    def __repr__(self) -> str:
        """Spell the measure without its data, "TLR@20"."""
        cutoff = self.params.get("cutoff")
        return self.own.name if cutoff is None else f"{self.own.name}@{cutoff}"


def _measure(own: OwnMeasure) -> LanguageMeasure:
    params = {name: measures.ParamInfo(dtype=Mapping, desc=name) for name in _HIDDEN}
    if own.has_cutoff:
        params["cutoff"] = measures.ParamInfo(dtype=int, required=True, desc="ranking cutoff")
    fields = {
        "__name__": own.name,
        "__doc__": own.meaning,
        "NAME": own.name,
        "PRETTY_NAME": own.spelling,
        "SHORT_DESC": own.meaning,
        "SUPPORTED_PARAMS": params,
        "own": own,
    }
    made: LanguageMeasure = type(own.name, (LanguageMeasure,), fields)()
    return made


class LanguageProvider(providers.Provider):
    """Computes our measures from qrels, a run and languages."""

    NAME = PROVIDER

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        own = [measures.registry[name] for name in OWN]
        self.SUPPORTED_MEASURES = [
            m(cutoff=providers.base.Any(required=True)) if m.own.has_cutoff else m for m in own
        ]

    def _evaluator(self, asked: Any, qrels: Any) -> "LanguageEvaluator":  # noqa: ANN401
        return LanguageEvaluator(list(asked), qrels)


class LanguageEvaluator(providers.Evaluator):
    """Our measures on one set of judgements; every query is scored, undefined ones as NaN."""

    def __init__(self, asked: list[LanguageMeasure], qrels: Any) -> None:  # noqa: ANN401
        self.qrels = qrels_of(qrels)
        self.asked = asked
        super().__init__(asked, set(self.qrels.grades))

    def _iter_calc(self, run: Any) -> Iterator[ir_measures.Metric]:  # noqa: ANN401
        judged = Judged(self.qrels, run_of(run))
        made: dict[tuple[int, ...], Ranks] = {}
        depth = self._depth()
        for measure in self.asked:
            data = [measure.params.get(name) or {} for name in _HIDDEN]
            key = tuple(id(measure.params.get(name)) for name in _HIDDEN)
            if key not in made:
                made[key] = judged.ranks(*data, depth=depth)
            labels = made[key].labels
            if labels is not None and not labels.pool.shape[1]:
                _check_languages(measure, labels)
            values = measure.own.per_query(measure.params.get("cutoff"))(made[key])
            if labels is not None and np.isnan(values).all():
                _check_languages(measure, labels)
            by_query = dict(zip(made[key].queries.tolist(), values.tolist(), strict=True))
            for row, query_id in enumerate(self.qrels.grades):
                value = by_query.get(row, float("nan"))
                yield ir_measures.Metric(query_id=query_id, measure=measure, value=value)

    def _depth(self) -> int:
        """Return how many first passages some measure needs.

        Raises:
            DataError: a cutoff below 1.

        """
        for measure in self.asked:
            if measure.params.get("cutoff", 1) < 1:
                msg = f"{measure}: the cutoff must be 1 or more"
                raise DataError(msg)
        needed = [m.params.get("cutoff") or 1 for m in self.asked if m.own.needs_top]
        return max(needed, default=1)


def _check_languages(measure: LanguageMeasure, labels: Labels) -> None:
    """Raise a DataError if a measure is undefined everywhere because languages are not known."""
    if not measure.own.needs_languages:
        return
    is_known = {"passage": labels.pool.any(), "query": (labels.own >= 0).any()}
    for what, known in is_known.items():
        if not known:
            msg = (
                f"{measure} needs languages, and that of no {what} is known: give"
                f" {measure.own.name}(languages={{id: language}}) or a column; on the command line"
                " --languages, --language-pattern or --query-language"
            )
            raise DataError(msg)


def register() -> None:
    """Make ir_measures know our measures; a second call changes nothing."""
    if PROVIDER in providers.registry:
        return
    for own in OWN.values():
        measures.register(_measure(own))
    provider = providers.register(LanguageProvider())
    ir_measures.DefaultPipeline.providers.append(provider)
