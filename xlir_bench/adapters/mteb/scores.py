"""Our scores in mteb's result dictionaries, and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mteb.results import TaskResult

from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import Ranks
from xlir_bench.core.score import Score, macro
from xlir_bench.evaluate import score
from xlir_bench.measures.catalogue import Measure, parse

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
_UNROUNDED = "mrr"
"""The one family that stock mteb does not round to five digits."""


def setting_scores(
    ranks: Ranks, setting: Setting, measures: Sequence[Measure]
) -> tuple[dict[str, Any], list[str]]:
    """Return one subset's scores in both spellings, and the measures that need more depth.

    ir_measures' spelling is exact; mteb's own keys are what stock mteb computes on the same
    ranking, cut at 1,000 and rounded as it rounds.
    """
    ours, too_shallow = score(ranks, setting, measures)
    stock = {}
    for key, measure in _STOCK_MEASURES.items():
        if measure.is_known_for(ranks):
            mean = float(measure.per_query(ranks).mean())
            stock[key] = mean if key.startswith(_UNROUNDED) else round(mean, 5)
    scores: dict[str, Any] = {s.measure: s.value for s in ours} | stock
    scores["accuracy"] = stock["recall_at_1"]
    scores["n_queries"] = len(ranks.queries)
    scores["n_unanswered"] = ranks.n_unanswered
    scores["n_passages"] = ranks.n_passages
    return scores, too_shallow


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
            if setting is None:
                continue
            n = int(entry.get("n_queries", 0))
            scores += [Score(setting, m, float(entry[m]), n) for m in wanted if m in entry]
    return scores


def macro_scores(scores: Sequence[Score], main_measure: str) -> dict[str, Any]:
    """Return the entry of a whole benchmark: macro averages per mode, and the mean of the modes.

    Keys are "mono/AP", ...; ``main_score`` is the mean over modes of the macro main measure.
    """
    pairs = dict.fromkeys((s.setting.mode, s.measure) for s in scores)
    entry: dict[str, Any] = {f"{mode}/{name}": macro(scores, mode, name) for mode, name in pairs}
    mains = [entry[f"{mode}/{name}"] for mode, name in pairs if name == main_measure]
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


def figures_of(entry: Mapping[str, Any]) -> dict[str, float]:
    """Return the "mode/measure" figures of a benchmark's entry."""
    modes = {mode.value for mode in RetrievalMode}
    return {key: value for key, value in entry.items() if key.split("/")[0] in modes}
