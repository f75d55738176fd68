"""Results of systems that mteb does not run: their ranks are given, mteb writes the result."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mteb
from mteb.cache import ResultCache
from mteb.models.model_meta import ModelMeta

from xlir_bench.adapters.mteb.front import quiet_mteb
from xlir_bench.adapters.mteb.registry import ensure_registered
from xlir_bench.adapters.mteb.session import SESSION, Evaluation
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.hits import Hits
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import RankTable
from xlir_bench.evaluate import readings, scorecard
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.results.provenance import provenance_of
from xlir_bench.results.table import figure_table, language_table, show


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a system made of a benchmark.

    Attributes:
        name: ``org/name`` of the system.
        revision: what tells this ranking from the system's others.
        settings: that were ranked.
        table: ranks of the answers.
        hits: first passages in the pool of all languages; None if they are not known.
        provenance: how they came about.

    """

    name: str
    revision: str
    settings: tuple[Setting, ...]
    table: RankTable
    hits: Hits | None
    provenance: Mapping[str, Any]


class RankedModel:
    """A system as mteb names it; its ranks were taken over, so that it is never asked."""

    def __init__(self, ranked: Ranked) -> None:
        fields = {"name": ranked.name, "revision": ranked.revision}
        self.mteb_model_meta = ModelMeta.create_empty(fields)


def keep(
    ranked: Ranked,
    card: TaskCard,
    collection: Collection,
    output_folder: Path,
) -> Path:
    """Write mteb's results, rank table, hits and provenance of a system; return their folder.

    Raises:
        XlirError: the results folder is not usable, or mteb has another task of the card's name.

    """
    quiet_mteb()
    SESSION.shows_tables = False
    ensure_registered(card)
    model, cache = RankedModel(ranked), ResultCache(output_folder)
    provenance = provenance_of(card) | {
        "model": ranked.name,
        "revision": ranked.revision,
        "languages": [x.code for x in collection.languages],
        **ranked.provenance,
    }
    SESSION.adopt(
        model.mteb_model_meta,
        Evaluation(card, card.languages, collection, ranked.table, ranked.hits, provenance),
    )
    for mode in card.modes:
        _save(model, card, mode, ranked.settings, cache)
    if set(ranked.settings) == set(card.settings()):
        _evaluate(model, mteb.get_tasks(tasks=[card.name]), cache, "only-missing")
    folder: Path = cache.get_task_result_path(card.name, model.mteb_model_meta).parent
    return folder


def _save(
    model: RankedModel,
    card: TaskCard,
    mode: RetrievalMode,
    settings: Sequence[Setting],
    cache: ResultCache,
) -> None:
    subsets = [s.subset for s in settings if s.mode is mode]
    if subsets:
        task = mteb.get_task(card.task_name(mode), hf_subsets=subsets)
        _evaluate(model, [task], cache, "always")


def _evaluate(model: Any, tasks: Any, cache: ResultCache, overwrite: str) -> None:
    mteb.evaluate(
        model,
        tasks,
        cache=cache,
        overwrite_strategy=overwrite,
        show_progress_bar=False,
    )


def report(
    ranked: Ranked,
    card: TaskCard,
    measures: Sequence[str],
    *,
    by_language: bool,
) -> None:
    """Print the figures; say which measures a system's depth does not allow."""
    names = [m.name for m in parse_all(measures or card.measures)]
    found = readings(ranked.table, ranked.settings, ranked.hits)
    result, too_shallow = scorecard(found, parse_all(names))
    title = f"{ranked.name} on {card.name}"
    show(figure_table(title, result.figures, names))
    if by_language:
        show(language_table(title, result.scores, names))
    for mode in dict.fromkeys(s.mode for s in ranked.settings):
        of_mode, every = [s for s in ranked.settings if s.mode is mode], card.settings(mode)
        if len(of_mode) < len(every):
            sys.stdout.write(f"{mode}: {len(of_mode)} of {len(every)} settings\n")
    left_out = [name for name in names if name in too_shallow]
    if left_out:
        sys.stderr.write(
            f"xlir-bench: {', '.join(left_out)} left out where the rankings are not deep enough\n"
        )
