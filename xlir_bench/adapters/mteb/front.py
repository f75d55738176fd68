"""The front door ``xlir-bench run``: mteb's own evaluation, then tables, pools and run files."""

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mteb
from mteb.cache import ResultCache
from mteb.models.get_model_meta import _MODEL_RENAMES
from mteb.models.model_implementations import MODEL_REGISTRY
from mteb.models.model_meta import ModelMeta

from xlir_bench.adapters.mteb.models import folder_meta
from xlir_bench.adapters.mteb.registry import register
from xlir_bench.adapters.mteb.scores import read_scores
from xlir_bench.adapters.mteb.session import SESSION, rank_table_path
from xlir_bench.adapters.mteb.task import encoder_of
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.core.ranking import RankTable
from xlir_bench.core.score import Score
from xlir_bench.errors import EncoderError, UnknownNameError, XlirError
from xlir_bench.evaluate import score_table, search
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.paths import written_whole
from xlir_bench.readers.read import read
from xlir_bench.results.rank_file import read_rank_table
from xlir_bench.results.run_file import write_run
from xlir_bench.results.table import language_table, mode_table, show

RUN_DEPTH = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """What ``xlir-bench run`` was asked for, beside model and tasks."""

    measures: Sequence[str]
    pool: Sequence[Language]
    by_language: bool
    run_file: bool
    batch_size: int
    output_folder: Path
    overwrite: bool


def run_tasks(
    model: str,
    name: str | None,
    device: str | None,
    chosen: Sequence[tuple[TaskCard, Sequence[RetrievalMode]]],
    options: Options,
) -> None:
    """Evaluate a model with mteb, then print and write what mteb does not.

    Raises:
        XlirError: the model, the data or the results folder is not usable.

    """
    register()
    logging.getLogger("mteb").setLevel(logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # mteb's advice on prompts it does not use is for authors of models, not for who scores one.
    for category in (UserWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category, module="mteb")
    _check_writable(options.output_folder)
    loaded: Any = _load(model, name, device)
    cache = ResultCache(options.output_folder)
    SESSION.shows_tables = False
    for card, modes in chosen:
        whole = tuple(modes) == card.modes
        names = [card.name] if whole else [card.task_name(mode) for mode in modes]
        mteb.evaluate(
            loaded,
            mteb.get_tasks(tasks=names),
            cache=cache,
            encode_kwargs={"batch_size": options.batch_size},
            overwrite_strategy="always" if options.overwrite else "only-missing",
            show_progress_bar=False,
        )
        _report(loaded, cache, card, modes, options)


def _load(model: str, name: str | None, device: str | None) -> Any:
    """Return a loaded mteb model from a registered name, an alias, a folder or the hub."""
    known = model in MODEL_REGISTRY or model in _MODEL_RENAMES
    is_folder = model.startswith((".", "/", "~")) or Path(model).is_dir()
    if not known and not is_folder and "/" not in model:
        names = [*MODEL_REGISTRY, *_MODEL_RENAMES, *(n.split("/")[-1] for n in MODEL_REGISTRY)]
        hint = "a folder is given as ./folder, a hub model as org/name"
        raise UnknownNameError(model, names, kind="model", hint=hint)
    try:
        if is_folder and not known:
            folder = Path(model).expanduser()
            return folder_meta(folder, name or f"local/{folder.resolve().name}").load_model(device)
        return mteb.get_model(model, device=device)
    except XlirError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        msg = f"cannot load the model {model!r}: {reason}"
        raise EncoderError(msg) from error


def _report(
    model: Any,
    cache: ResultCache,
    card: TaskCard,
    modes: Sequence[RetrievalMode],
    options: Options,
) -> None:
    """Print the figures of one benchmark; write run files if they were asked for."""
    meta: ModelMeta = model.mteb_model_meta
    folder = cache.get_task_result_path(card.name, meta).parent
    path = rank_table_path(folder, card, card.languages)
    measures = list(options.measures) or list(card.measures)
    settings = [s for mode in modes for s in card.settings(mode)]
    if options.pool:
        settings = list(settings_of(RetrievalMode.pool, options.pool))
    table = _table(model, card, path, options)
    if table is not None:
        scores = score_table(table, settings, parse_all(measures))
    elif options.pool or options.measures:
        msg = f"{meta.name} ranks for itself: only the measures of its own result are known"
        raise EncoderError(msg)
    else:
        scores = _saved_scores(cache, meta, card, modes, measures)
    title = f"{meta.name} on {card.name}"
    show(mode_table(title, scores, measures))
    if options.by_language:
        show(language_table(title, scores, measures))
    if options.run_file:
        _write_runs(model, card, settings, folder, options)
    sys.stdout.write(f"results: {folder}\n")


def _table(model: Any, card: TaskCard, path: Path, options: Options) -> RankTable | None:
    """Return the rank table beside the results, made again if it is gone; None without vectors."""
    if path.exists():
        return read_rank_table(path)
    encoder = encoder_of(model, card, {"batch_size": options.batch_size})
    return SESSION.evaluation(encoder, card, read(card)).table if encoder else None


def _saved_scores(
    cache: ResultCache,
    meta: ModelMeta,
    card: TaskCard,
    modes: Sequence[RetrievalMode],
    measures: Sequence[str],
) -> list[Score]:
    scores = []
    for mode in modes:
        result = cache.load_task_result(card.task_name(mode), meta)
        if result is not None:
            scores += read_scores(result, card.settings(mode), measures)
    return scores


def _write_runs(
    model: Any,
    card: TaskCard,
    settings: Sequence[Setting],
    folder: Path,
    options: Options,
) -> None:
    """Write one TREC run per setting; vectors come from this process, or are encoded now."""
    encoder = encoder_of(model, card, {"batch_size": options.batch_size})
    if encoder is None:
        msg = "--run-file needs an encoder; for other models use: mteb run --prediction-folder"
        raise EncoderError(msg)
    evaluation = SESSION.evaluation(encoder, card, read(card))
    queries, passages = evaluation.vectors()
    tag = encoder.name.replace("/", "__")
    for setting in settings:
        hits = search(evaluation.collection, setting, queries, passages, RUN_DEPTH)
        name = str(setting).replace("/", ".").replace(":", ".")
        write_run(folder / f"{card.name}.runs" / f"run.{name}.txt", hits, tag)


def _check_writable(folder: Path) -> None:
    """Fail before an hour of encoding, not after it."""
    with written_whole(folder / ".writable"):
        pass
    (folder / ".writable").unlink(missing_ok=True)
