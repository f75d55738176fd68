"""Make mteb know our tasks, models and benchmark, and keep rank tables beside its results.

Every name of mteb that is touched here and is not public is pinned by
``tests/contract/test_mteb_names.py``.
"""

import functools
import importlib
import importlib.util
import logging
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import mteb
from mteb.benchmarks import get_benchmark as _get_benchmark_function  # noqa: F401 - loads the module
from mteb.cache import ResultCache
from mteb.models.get_model_meta import _MODEL_RENAMES
from mteb.models.model_implementations import MODEL_REGISTRY
from mteb.models.model_meta import ModelMeta
from mteb.results import TaskResult

from xlir_bench.adapters.mteb.models import card_meta
from xlir_bench.adapters.mteb.scores import figures_of, read_scores
from xlir_bench.adapters.mteb.session import SESSION, rank_table_path
from xlir_bench.adapters.mteb.task import XlirModeTask, XlirTask, make_tasks
from xlir_bench.cards.load import model_cards, task_cards
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.score import macro_figures
from xlir_bench.errors import CardError, ResultError
from xlir_bench.results.rank_file import read_provenance
from xlir_bench.results.table import figure_table, show

logger = logging.getLogger(__name__)

BENCHMARK = "XLIR"
SAVE_SECONDS = 5.0
_BENCHMARKS = "mteb.benchmarks.benchmarks"


def register() -> None:
    """Register everything once; a second call changes nothing.

    A wrong card of the user's is one warning, and the others are registered.
    """
    for card in task_cards(_warn).values():
        try:
            register_task(card)
        except CardError as error:
            _warn(error)
    _register_models()
    _register_benchmark()
    _watch_results()


def _warn(error: CardError) -> None:
    warnings.warn(f"xlir-bench leaves out a card: {error}", RuntimeWarning, stacklevel=2)


def register_task(card: TaskCard) -> None:
    """Add the tasks of one card to mteb's registry, unless they are there."""
    module: Any = _get_tasks()
    if card.full_name in module._TASKS_REGISTRY:  # noqa: SLF001 - mteb has no plugin interface
        return
    tasks = make_tasks(card)
    module._TASKS_REGISTRY.update({task.metadata.name: task for task in tasks})  # noqa: SLF001
    module.TASK_LIST = (*module.TASK_LIST, *tasks)


def ensure_registered(card: TaskCard) -> None:
    """Register the card of a user's folder, or of some languages, unless it is known.

    Raises:
        CardError: a task of that name is there already, of other data.

    """
    registry = _get_tasks()._TASKS_REGISTRY  # noqa: SLF001 - mteb has no plugin interface
    for name in (card.full_name, *map(card.task_name, card.modes)):
        known = registry.get(name)
        if known is not None and getattr(known, "card", None) != card:
            msg = f"{card.path}: mteb has a task named {name} already; rename the folder"
            raise CardError(msg)
    register_task(card)


def _get_tasks() -> ModuleType:
    """Return the module; the attribute ``mteb.get_tasks`` is the function of that name."""
    return importlib.import_module("mteb.get_tasks")


def _register_models() -> None:
    for card in model_cards(_warn).values():
        MODEL_REGISTRY.setdefault(card.name, card_meta(card))
        if card.alias:
            _MODEL_RENAMES.setdefault(card.alias, card.name)
            # An alias is not a mistake: mteb's advice to use the new name would be noise.
            message = f"The model '{card.alias}' has been renamed to"
            warnings.filterwarnings("ignore", message=message, category=DeprecationWarning)


def _register_benchmark() -> None:
    """Add the benchmark to mteb's module of benchmarks, now or when that is first imported.

    mteb reads benchmarks from that module's names, and importing it takes a third of a second that
    ``mteb run -t`` does not need.
    """
    if _BENCHMARKS in sys.modules:
        _add_benchmark(sys.modules[_BENCHMARKS])
    elif not any(isinstance(finder, _BenchmarkFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _BenchmarkFinder())


def _add_benchmark(module: ModuleType) -> None:
    # Corpora of the hub take days: they are asked for by name. And what was registered for this
    # process alone, a folder or some languages, is in no benchmark.
    known = _get_tasks()._TASKS_REGISTRY  # noqa: SLF001 - mteb has no plugin interface
    cards = task_cards(lambda _: None).values()  # wrong ones were warned of when registering
    names = [card.name for card in cards if not card.source.hub and card.name in known]
    module.XLIR = mteb.Benchmark(  # type: ignore[attr-defined]
        name=BENCHMARK,
        tasks=mteb.get_tasks(tasks=names),
        description=(
            "Monolingual, cross-lingual and multilingual retrieval with exact full-depth ranks and"
            " language-bias measures."
        ),
    )
    getters = importlib.import_module("mteb.benchmarks.get_benchmark")
    getters._build_registry.cache_clear()  # noqa: SLF001 - mteb has no plugin interface
    getters._build_aliases_registry.cache_clear()  # noqa: SLF001


class _BenchmarkFinder:
    """A meta-path finder that answers for mteb's module of benchmarks, once."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Wrap the real loader so that our benchmark is added after the module ran."""
        if name != _BENCHMARKS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        @functools.wraps(run)
        def run_then_add(module: ModuleType) -> None:
            run(module)
            _add_benchmark(module)

        spec.loader.exec_module = run_then_add  # type: ignore[method-assign]
        return spec


def _watch_results() -> None:
    """Keep rank tables beside mteb's results: learn the folder on load, write on save.

    mteb gives a task no way to know where its result is saved. It also rewrites the whole result
    after each subset, quadratic in their number; of our fast subsets one in ``SAVE_SECONDS`` is
    enough for a run that is cut off.
    """
    if hasattr(ResultCache.save_to_cache, "__wrapped__"):
        return
    save, load = ResultCache.save_to_cache, ResultCache.load_task_result
    last_save: dict[Path, float] = {}

    @functools.wraps(save)
    def save_and_write(
        cache: ResultCache, task_result: TaskResult, model_name: Any, *args: Any, **kwargs: Any
    ) -> None:  # fmt: skip
        task = _our_task(task_result.task_name)
        if task is None or not isinstance(model_name, ModelMeta):
            return save(cache, task_result, model_name, *args, **kwargs)
        path = cache.get_task_result_path(task_result.task_name, model_name)
        is_final = "encode_kwargs" in kwargs
        if is_final or time.monotonic() - last_save.get(path, 0) > SAVE_SECONDS:
            save(cache, task_result, model_name, *args, **kwargs)
            last_save[path] = time.monotonic()
            _saved(task, task_result, model_name, path.parent, is_final=is_final)
        return None

    @functools.wraps(load)
    def load_and_learn(
        cache: ResultCache, task_name: str, model_name: Any, *args: Any, **kwargs: Any
    ) -> TaskResult | None:  # fmt: skip
        task = _our_task(task_name)
        if task is not None and isinstance(model_name, ModelMeta):
            path = cache.get_task_result_path(task_name, model_name)
            SESSION.remember_folder(model_name, path.parent)
            _set_aside_if_broken(path)
            if _is_of_other_data(path.parent, task.card):
                return None
        return load(cache, task_name, model_name, *args, **kwargs)

    setattr(ResultCache, save.__name__, save_and_write)
    setattr(ResultCache, load.__name__, load_and_learn)


def _our_task(name: str) -> type[XlirModeTask] | type[XlirTask] | None:
    task = _get_tasks()._TASKS_REGISTRY.get(name)  # noqa: SLF001 - mteb has no plugin interface
    return task if task and issubclass(task, XlirModeTask | XlirTask) else None


def _set_aside_if_broken(path: Path) -> None:
    """Move a result that a killed run left half written out of the way, so that it is redone."""
    if not path.exists():
        return
    try:
        TaskResult.from_disk(path)
    except Exception as error:  # noqa: BLE001 - JSON, pydantic and key errors alike
        path.replace(path.with_suffix(".broken"))
        logger.warning("%s cannot be read (%s); scoring it again", path, type(error).__name__)


def _is_of_other_data(folder: Path, card: TaskCard) -> bool:
    """Say whether results were computed on other files than the card names, or cannot be told."""
    path = rank_table_path(folder, card, card.languages)
    if not path.exists():
        return False
    try:
        return bool(read_provenance(path).get("data_sha256") != card.data_sha256)
    except ResultError as error:
        logger.warning("%s", error)
        return True


def _saved(
    task: type[XlirModeTask] | type[XlirTask],
    result: TaskResult,
    meta: ModelMeta,
    folder: Path,
    *,
    is_final: bool,
) -> None:
    """Write the rank table; show the figures of a finished task."""
    card = task.card
    evaluation = SESSION.latest(meta, card)
    if evaluation is not None:
        evaluation.write(folder)
    if not is_final or not SESSION.shows_tables or result.task_name in SESSION.parts:
        return
    entries = result.scores[card.split]
    if issubclass(task, XlirTask):
        figures = figures_of(entries[0], card.modes, card.measures)
    else:
        known = SESSION.scorecard(card, task.mode)
        scores = read_scores(result, card.settings(task.mode), card.measures)
        is_whole = known is not None and len(entries) == len({s.setting for s in known.scores})
        found = known.figures if known and is_whole else macro_figures(scores, card.measures)
        figures = list(found)
    show(figure_table(f"{meta.name} on {result.task_name}", figures, card.measures))
