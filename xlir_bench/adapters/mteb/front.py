"""The front door ``xlir-bench run``: mteb's own evaluation, then tables, pools and run files."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mteb
from mteb.cache import ResultCache
from mteb.models.model_meta import ModelMeta

from xlir_bench.adapters.mteb.debias import apply, debiased
from xlir_bench.adapters.mteb.load import LoadElsewhere, load_model, place_of
from xlir_bench.adapters.mteb.registry import ensure_registered, register
from xlir_bench.adapters.mteb.scores import figures_of, mean_by_language, read_scores
from xlir_bench.adapters.mteb.session import SESSION, rank_table_path
from xlir_bench.adapters.mteb.task import encoder_of
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.core.ranking import RankTable
from xlir_bench.core.score import Scorecard, macro_figures
from xlir_bench.encoders.debias import Method
from xlir_bench.errors import EncoderError
from xlir_bench.evaluate import Readings, per_query, readings, scorecard, search
from xlir_bench.measures.above_share import above_shares
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.measures.heat_map import answer_language_precision
from xlir_bench.paths import written_whole
from xlir_bench.readers.read import read_any
from xlir_bench.results.hits_file import hits_beside, hits_path
from xlir_bench.results.per_query_file import Rows, write_per_query
from xlir_bench.results.rank_file import read_provenance, read_rank_table
from xlir_bench.results.run_file import write_run
from xlir_bench.results.table import (
    figure_table,
    language_table,
    matrix_table,
    pair_table,
    show,
)

RUN_DEPTH = 1000


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of chosen languages, or the query's own language and one other.

    Attributes:
        languages: of the pool; of the other language if it ``is_own``, empty for every other.
        is_own: whether the pool is a pair with the query's own language.

    """

    languages: Sequence[Language]
    is_own: bool


@dataclass(frozen=True, slots=True)
class Options:
    """What ``xlir-bench run`` was asked for, beside model and tasks."""

    measures: Sequence[str]
    pool: Pool | None
    by_language: bool
    run_file: bool
    per_query: bool
    batch_size: int
    output_folder: Path
    overwrite: bool
    debias: Sequence[Method] = ()
    debias_from: str = ""
    debias_rank: int = 1
    devices: Sequence[str] = ()
    ray_workers: int | None = None


def run_tasks(
    model: str,
    name: str | None,
    chosen: Sequence[tuple[TaskCard, Sequence[RetrievalMode]]],
    options: Options,
) -> None:
    """Evaluate a model with mteb, then print and write what mteb does not.

    Raises:
        XlirError: the model, the data or the results folder is not usable.

    """
    device = options.devices[0] if options.devices else None
    loaded, cache = _prepare(model, name, device, options.output_folder)
    if not options.debias:
        _run(loaded, cache, chosen, options, (model, name))
        return
    meta: ModelMeta = loaded.mteb_model_meta
    encoder = encoder_of(loaded, chosen[0][0], {"batch_size": options.batch_size})
    if encoder is None:
        msg = f"{meta.name} ranks for itself: --debias needs an encoder"
        raise EncoderError(msg)
    codes = list(dict.fromkeys(x.code for card, _ in chosen for x in card.languages))
    learnt = debiased(encoder, options.debias, options.debias_from, codes, options.debias_rank)
    for debias in learnt:
        apply(loaded, meta, debias, options.output_folder)
        _run(loaded, cache, chosen, options, (model, name))


def _run(
    loaded: Any,
    cache: ResultCache,
    chosen: Sequence[tuple[TaskCard, Sequence[RetrievalMode]]],
    options: Options,
    names: tuple[str, str | None],
) -> None:
    for card, modes in chosen:
        elsewhere = LoadElsewhere(*names, card, options.batch_size)
        SESSION.place = place_of(elsewhere, options.devices, options.ray_workers)
        ensure_registered(card)
        whole = tuple(modes) == card.modes
        asked = [card.full_name] if whole else [card.task_name(mode) for mode in modes]
        mteb.evaluate(
            loaded,
            mteb.get_tasks(tasks=asked),
            cache=cache,
            encode_kwargs={"batch_size": options.batch_size},
            overwrite_strategy="always" if options.overwrite else "only-missing",
            show_progress_bar=False,
        )
        _report(loaded, cache, card, modes, options)


def keep_hits(
    model: str, card: TaskCard, output_folder: Path, device: str | None, batch_size: int
) -> Path:
    """Rank a benchmark unless an earlier run has, and return where its first passages lie.

    Raises:
        XlirError: the model, the data or the results folder is not usable.

    """
    loaded, cache = _prepare(model, None, device, output_folder)
    ensure_registered(card)
    encoder = encoder_of(loaded, card, {"batch_size": batch_size})
    if encoder is None:
        msg = f"{model} ranks for itself, and keeps no first passages to show"
        raise EncoderError(msg)
    folder = cache.get_task_result_path(card.full_name, loaded.mteb_model_meta).parent
    SESSION.remember_folder(loaded.mteb_model_meta, folder)
    SESSION.evaluation(encoder, card, read_any(card)).write(folder)
    return hits_path(rank_table_path(folder, card, card.languages))


def quiet_mteb() -> None:
    """Register our tasks and models, and silence what is for mteb's own developers."""
    register()
    logging.getLogger("mteb").setLevel(logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # mteb's advice on prompts it does not use is for authors of models, not for who scores one.
    for category in (UserWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category, module="mteb")


def _prepare(
    model: str, name: str | None, device: str | None, output_folder: Path
) -> tuple[Any, ResultCache]:
    """Return the loaded model and the folder of its results."""
    quiet_mteb()
    _check_writable(output_folder)
    SESSION.shows_tables = False
    return load_model(model, name, device), ResultCache(output_folder)


def _report(
    model: Any,
    cache: ResultCache,
    card: TaskCard,
    modes: Sequence[RetrievalMode],
    options: Options,
) -> None:
    """Print the figures of one benchmark; write run files if they were asked for."""
    meta: ModelMeta = model.mteb_model_meta
    folder = cache.get_task_result_path(card.full_name, meta).parent
    path = rank_table_path(folder, card, card.languages)
    measures = list(options.measures) or list(card.measures)
    settings = _settings(card, modes, options)
    table = _table(model, card, path, options)
    found = readings(table, settings, hits_beside(path)) if table is not None else None
    if found is not None:
        result, too_shallow = scorecard(found, parse_all(measures))
        _name_left_out(too_shallow, path, options)
    elif options.pool or options.measures:
        msg = f"{meta.name} ranks for itself: only the measures of its own result are known"
        raise EncoderError(msg)
    else:
        result = _saved(cache, meta, card, modes, measures)
    names = [m.name for m in parse_all(measures)]
    _show(f"{meta.name} on {card.full_name}", result, names, options)
    if options.by_language and found is not None:
        _show_tables_by_language(found)
    if options.run_file:
        _write_runs(model, card, settings, folder, options)
    if options.per_query and found is not None and table is not None:
        rows = _per_query_rows(table, found, measures)
        name = f"{card.full_name}.per_query.parquet"
        write_per_query(folder / name, rows, read_provenance(path) if path.exists() else {})
    sys.stdout.write(f"results: {folder}\n")


def _per_query_rows(table: RankTable, found: Readings, measures: Sequence[str]) -> Iterator[Rows]:
    columns, _ = per_query(found, parse_all(measures))
    for (setting, name), column in columns.items():
        ids = [table.query_ids[row] for row in found.ranks[setting].queries]
        yield str(setting), name, ids, column.values


def _settings(
    card: TaskCard, modes: Sequence[RetrievalMode], options: Options
) -> tuple[Setting, ...]:
    """Return the settings that are asked for: those of modes, of one pool, or of pairs."""
    pool = options.pool
    if pool is None:
        return tuple(s for mode in modes for s in card.settings(mode))
    if not pool.is_own:
        return settings_of(RetrievalMode.pool, pool.languages)
    pairs = settings_of(RetrievalMode.pair, card.languages)
    return tuple(s for s in pairs if not pool.languages or s.corpus_languages[1] in pool.languages)


def _show_tables_by_language(found: Readings) -> None:
    """Print the two tables of the pool of all languages: who stands in the way, who is found."""
    multi = {s: r for s, r in found.ranks.items() if s.mode is RetrievalMode.multi}
    for title, function in (
        ("AboveShare: language of the passages that beat a right answer", above_shares),
        ("AP by answer language, the other answers removed", answer_language_precision),
    ):
        rows = {
            setting.query_language.code: mean_by_language(function(ranks), setting)
            for setting, ranks in multi.items()
        }
        if rows:
            codes = [x.code for s in list(multi)[:1] for x in s.corpus_languages]
            show(matrix_table(title, rows, codes))


def _name_left_out(names: set[str], path: Path, options: Options) -> None:
    """Say which measures a run cannot have: those that need first passages it did not keep."""
    if names and (options.measures or not options.pool):
        sys.stderr.write(
            f"xlir-bench: {', '.join(sorted(names))} left out: not enough of each query's first"
            f" passages is kept in {hits_path(path).name} for these settings\n"
        )


def _show(title: str, result: Scorecard, names: Sequence[str], options: Options) -> None:
    show(figure_table(title, result.figures, names))
    if options.pool is not None and options.pool.is_own:
        others = sorted({s.setting.corpus_languages[1] for s in result.scores})
        rows = {}
        for other in others:
            part = [s for s in result.scores if s.setting.corpus_languages[1] == other]
            rows[f"+{other.code}"] = {f.measure: f.value for f in macro_figures(part, names)}
        show(pair_table(title, rows, names))
    if options.by_language:
        show(language_table(title, result.scores, names))


def _table(model: Any, card: TaskCard, path: Path, options: Options) -> RankTable | None:
    """Return the rank table beside the results, made again if it is gone; None without vectors."""
    if path.exists():
        return read_rank_table(path)
    encoder = encoder_of(model, card, {"batch_size": options.batch_size})
    return SESSION.evaluation(encoder, card, read_any(card)).table if encoder else None


def _saved(
    cache: ResultCache,
    meta: ModelMeta,
    card: TaskCard,
    modes: Sequence[RetrievalMode],
    measures: Sequence[str],
) -> Scorecard:
    """Return what mteb's results hold; macro intervals are in that of the whole benchmark."""
    scores, figures = [], []
    whole = cache.load_task_result(card.full_name, meta) if tuple(modes) == card.modes else None
    entry = whole.scores[card.split][0] if whole else {}
    for mode in modes:
        result = cache.load_task_result(card.task_name(mode), meta)
        found = read_scores(result, card.settings(mode), measures) if result else []
        scores += found
        figures += figures_of(entry, [mode], measures) or macro_figures(found, measures)
    return Scorecard(tuple(scores), tuple(figures))


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
    evaluation = SESSION.evaluation(encoder, card, read_any(card))
    queries, passages = evaluation.vectors()
    tag = encoder.name.replace("/", "__")
    for setting in settings:
        hits = search(evaluation.collection, setting, queries, passages, RUN_DEPTH)
        name = str(setting).replace("/", ".").replace(":", ".")
        write_run(folder / f"{card.full_name}.runs" / f"run.{name}.txt", hits, tag)


def _check_writable(folder: Path) -> None:
    """Fail before an hour of encoding, not after it."""
    with written_whole(folder / ".writable"):
        pass
    (folder / ".writable").unlink(missing_ok=True)
