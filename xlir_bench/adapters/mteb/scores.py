"""Our scores in mteb's result dictionaries, and back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from mteb.results import TaskResult
from numpy.typing import NDArray

from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import Ranks
from xlir_bench.core.score import Figure, Interval, Score
from xlir_bench.measures.above_share import above_shares
from xlir_bench.measures.catalogue import parse
from xlir_bench.measures.heat_map import answer_language_precision

CUTOFFS = (1, 3, 5, 10, 20, 100, 1000)
"""The cutoffs of mteb's retrieval tasks."""

_STOCK = {
    "ndcg": "nDCG",
    "map": "AP",
    "recall": "R",
    "precision": "P",
    "mrr": "RR",
    "hit_rate": "Success",
}
_STOCK_MEASURES = {
    f"{ours}_at_{k}": parse(f"{name}@{k}") for ours, name in _STOCK.items() for k in CUTOFFS
}
FALLBACK_MAIN = tuple(f"map_at_{k}" for k in sorted(CUTOFFS, reverse=True))
"""The main score of a ranking that is not deep enough for the card's own: the deepest it knows."""
_UNROUNDED = "mrr"
"""The one family that stock mteb does not round to five digits."""


def setting_scores(ranks: Ranks, setting: Setting, scores: Iterable[Score]) -> dict[str, Any]:
    """Return one subset's scores in both spellings.

    ir_measures' spelling is exact, with the bounds of the 95 % interval ("AP_low", "AP_high") and
    the number of queries that are left out of the mean ("MRD_undefined", if any). mteb's own keys
    are what stock mteb computes on the same ranking, cut at 1,000 and rounded as it rounds.
    """
    entry: dict[str, Any] = {}
    for score in scores:
        entry |= _figures(score.measure, score.value, score.interval, score.n_undefined)
    if setting.mode is RetrievalMode.multi:
        entry |= _by_language(ranks, setting)
    for key, measure in _STOCK_MEASURES.items():
        if measure.is_known_for(ranks):
            mean = float(measure.per_query(ranks).mean())
            entry[key] = mean if key.startswith(_UNROUNDED) else round(mean, 5)
    entry["accuracy"] = entry["recall_at_1"]
    entry["n_queries"] = len(ranks.queries)
    entry["n_unanswered"] = ranks.n_unanswered
    entry["n_passages"] = ranks.n_passages
    return entry


def main_key(entries: Collection[Mapping[str, Any]], main_measure: str) -> str:
    """Return the main measure, or what stands in for it where rankings are not deep enough."""
    keys = (main_measure, *FALLBACK_MAIN)
    return next(key for key in keys if all(key in entry for entry in entries))


def _figures(
    name: str, value: float, interval: Interval | None, n_undefined: int
) -> dict[str, float]:
    entry = {name: value}
    if interval is not None:
        entry |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    return entry | ({f"{name}_undefined": n_undefined} if n_undefined else {})


def _by_language(ranks: Ranks, setting: Setting) -> dict[str, float]:
    """Return the setting's rows of the two tables by language: "AboveShare/en", "HeatMap/en"."""
    if ranks.labels is None or not ranks.is_complete:
        return {}
    tables = {"AboveShare": above_shares(ranks), "HeatMap": answer_language_precision(ranks)}
    return {
        f"{name}/{code}": value
        for name, values in tables.items()
        for code, value in mean_by_language(values, setting).items()
    }


def mean_by_language(values: NDArray[np.float64], setting: Setting) -> dict[str, float]:
    """Return the means of (n_queries, n_languages) values by language code, undefined ones out."""
    columns = zip(setting.corpus_languages, values.T, strict=True)
    defined = {language.code: column[~np.isnan(column)] for language, column in columns}
    return {code: float(column.mean()) for code, column in defined.items() if len(column)}


def read_scores(
    result: TaskResult, settings: Iterable[Setting], measures: Iterable[str]
) -> list[Score]:
    """Return the scores in an mteb result, for the given settings and measures."""
    by_subset = {setting.subset: setting for setting in settings}
    wanted = list(measures)
    scores = []
    for entries in result.scores.values():
        for entry in entries:
            setting = by_subset.get(entry["hf_subset"])
            if setting is not None:
                scores += [_read_score(entry, setting, m) for m in wanted if m in entry]
    return scores


def _read_score(entry: Mapping[str, Any], setting: Setting, name: str) -> Score:
    n_undefined = int(entry.get(f"{name}_undefined", 0))
    n_queries = int(entry.get("n_queries", 0)) - n_undefined
    return Score(setting, name, float(entry[name]), n_queries, n_undefined, _bounds(entry, name))


def _bounds(entry: Mapping[str, Any], name: str) -> Interval | None:
    if f"{name}_low" not in entry:
        return None
    return Interval(float(entry[f"{name}_low"]), float(entry[f"{name}_high"]))


def macro_scores(figures: Sequence[Figure], main_measure: str) -> dict[str, Any]:
    """Return the entry of a whole benchmark: macro averages per mode, and the mean of the modes.

    Keys are "mono/AP", "mono/AP_low", ...; ``main_score`` is the mean over modes of the macro main
    measure.
    """
    entry: dict[str, Any] = {}
    for figure in figures:
        name = f"{figure.mode}/{figure.measure}"
        entry |= _figures(name, figure.value, figure.interval, figure.n_undefined)
    mains = [figure.value for figure in figures if figure.measure == main_measure]
    entry["main_score"] = sum(mains) / len(mains) if mains else None
    entry[main_measure] = entry["main_score"]
    return entry


def eval_langs(settings: Iterable[Setting]) -> dict[str, list[str]]:
    """Return mteb's languages of each subset: those of the query and of the passages."""
    return {
        s.subset: list(
            dict.fromkeys([s.query_language.mteb_code, *(x.mteb_code for x in s.corpus_languages)])
        )
        for s in settings
    }


def figures_of(
    entry: Mapping[str, Any], modes: Iterable[RetrievalMode], measures: Iterable[str]
) -> list[Figure]:
    """Return the macro averages of a benchmark's entry, those that it has."""
    names = [(mode, measure, f"{mode}/{measure}") for mode in modes for measure in measures]
    return [
        Figure(mode, m, float(entry[x]), int(entry.get(f"{x}_undefined", 0)), _bounds(entry, x))
        for mode, m, x in names
        if x in entry
    ]
