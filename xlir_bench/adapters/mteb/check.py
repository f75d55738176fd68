"""Recompute every figure of a record from its rank table, and pack a record to publish."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mteb

from xlir_bench.adapters.mteb.scores import macro_scores, main_key, setting_scores
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.score import Figure, Score, Scorecard, macro_figures
from xlir_bench.errors import ResultError
from xlir_bench.evaluate import Readings, readings, scorecard
from xlir_bench.leaderboard.record import Record
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.paths import new_folder
from xlir_bench.results.hits_file import hits_beside, hits_path, write_hits
from xlir_bench.results.rank_file import read_rank_table, write_rank_table

TOLERANCE = 1.5e-6
"""mteb's results keep six decimals."""
HITS_LIMIT = 1_000_000
"""Bytes of first passages that a packed record may hold: a small benchmark's, for its page."""
_MODES = tuple(f"{mode}/" for mode in RetrievalMode)
_NOT_FIGURES = {"hf_subset", "languages", "mteb_version"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found right.

    Attributes:
        n_figures: numbers of mteb's results that the rank table gives again.
        n_left_out: numbers that need first passages, which are not beside the rank table.
        left_out: measures of those.

    """

    n_figures: int
    n_left_out: int
    left_out: tuple[str, ...]


def check_record(record: Record) -> Checked:
    """Recompute every number in a record's results from its exact ranks.

    Raises:
        ResultError: a number, or the set of numbers, is not what the rank table gives.

    """
    if not record.has_ranks:
        msg = f"{record.folder} has no {record.ranks.name}: nothing can be recomputed"
        raise ResultError(msg)
    _check_provenance(record)
    card = record.card
    hits = hits_beside(record.ranks)
    measures = parse_all(card.measures)
    known = [m for m in measures if hits is not None or m.own is None or not m.own.needs_top]
    found = readings(read_rank_table(record.ranks), card.settings(), hits)
    scores, _ = scorecard(found, known)
    missing = tuple(m.name for m in measures if m not in known)
    n_figures = n_left_out = 0
    for path, subset, entry in _entries(record):
        expected = _expected(record, path, subset, found, scores)
        kept = {k: v for k, v in entry.items() if k not in _NOT_FIGURES and not _of(k, missing)}
        n_left_out += sum(_of(key, missing) for key in entry)
        n_figures += _compare(path, subset, kept, expected)
    return Checked(n_figures, n_left_out, missing)


def _check_provenance(record: Record) -> None:
    """Raise a ResultError if the line beside the rank table is not that of its header."""
    path = record.folder / f"{record.card.name}.provenance.jsonl"
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"cannot read {path}: {error}"
        raise ResultError(msg) from error
    if given != record.provenance:
        msg = f"{path} is not the provenance of {record.ranks.name}"
        raise ResultError(msg)


def _entries(record: Record) -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    """Yield the file, the subset and the numbers of every entry of a record's results."""
    card = record.card
    names = [card.name, *(card.task_name(mode) for mode in card.modes)]
    paths = [record.folder / f"{name}.json" for name in names]
    there = [path for path in paths if path.is_file()]
    if not there:
        msg = f"{record.folder} has no result of {card.name} beside its rank table"
        raise ResultError(msg)
    for path in there:
        try:
            entries = json.loads(path.read_bytes())["scores"][card.split]
            yield from ((path, entry["hf_subset"], entry) for entry in entries)
        except (ValueError, KeyError, TypeError) as error:
            msg = f"cannot read {path}: {type(error).__name__} {error}"
            raise ResultError(msg) from error


def _expected(
    record: Record, path: Path, subset: str, found: Readings, scores: Scorecard
) -> dict[str, Any]:
    """Return what the entry of a subset, or of the whole benchmark, must hold."""
    card = record.card
    if path.stem == card.name:
        main, figures = _main_figures(found, scores, card)
        return macro_scores(figures, main)
    mode = next(mode for mode in card.modes if card.task_name(mode) == path.stem)
    setting = next((s for s in found.ranks if s.mode is mode and s.subset == subset), None)
    if setting is None:
        msg = f"{path} has a subset {subset!r} that the rank table does not have"
        raise ResultError(msg)
    own = [s for s in scores.scores if s.setting == setting]
    entry = setting_scores(found.ranks[setting], setting, own)
    return entry | {"main_score": entry[main_key([entry], card.main_measure)]}


def _main_figures(
    found: Readings, scores: Scorecard, card: TaskCard
) -> tuple[str, Sequence[Figure]]:
    """Return the main measure and all macro averages, with its own or that of what stands in."""
    if all(scores.figure(mode, card.main_measure) for mode in card.modes):
        return card.main_measure, scores.figures
    entries = {s: setting_scores(ranks, s, ()) for s, ranks in found.ranks.items()}
    main = main_key(entries.values(), card.main_measure)
    means = [Score(s, main, entry[main], entry["n_queries"]) for s, entry in entries.items()]
    return main, [*scores.figures, *macro_figures(means, [main])]


def _of(key: str, measures: Sequence[str]) -> bool:
    """Say whether a key of a result is a figure of one of the measures."""
    name = key.partition("/")[2] if key.startswith(_MODES) else key
    return any(name in {m, f"{m}_low", f"{m}_high", f"{m}_undefined"} for m in measures)


def _compare(path: Path, subset: str, given: Mapping[str, Any], expected: Mapping[str, Any]) -> int:
    odd = sorted(given.keys() ^ expected.keys())
    if odd:
        where = "is not in" if odd[0] in expected else "cannot be recomputed in"
        msg = f"{odd[0]} of {subset} {where} {path}: score it again"
        raise ResultError(msg)
    for key, value in given.items():
        right = expected[key]
        is_number = isinstance(value, int | float) and isinstance(right, int | float)
        if not is_number or not math.isclose(value, right, rel_tol=1e-9, abs_tol=TOLERANCE):
            msg = f"{path}: {key} of {subset} is {value}, its rank table gives {right}"
            raise ResultError(msg)
    return len(given)


def submit(records: Sequence[Record], target: Path) -> list[Checked]:
    """Check the records of one model and write them to ``target``/<org>__<model>.

    Provenance gains mteb's names of the data sets that the model and those it was trained from have
    seen, where the run has not noted them. First passages go along if they take at most 1 MB.

    Raises:
        ResultError: a figure does not match, records are of several models, or the target is there.

    """
    models = {(r.model.name, r.model.revision) for r in records}
    if len(models) != 1:
        names = ", ".join(sorted(f"{name} {revision}" for name, revision in models))
        msg = f"submit one model at a time; there are {len(models)}: {names}"
        raise ResultError(msg)
    checked = [check_record(record) for record in records]
    with new_folder(target) as temporary:
        folder = temporary / records[0].model.name.replace("/", "__")
        folder.mkdir()
        for record in records:
            _pack(record, folder)
    return checked


def _pack(record: Record, folder: Path) -> None:
    provenance = dict(record.provenance)
    if "training_datasets" not in provenance:
        provenance["training_datasets"] = _training_datasets(record)
    write_rank_table(read_rank_table(record.ranks), folder / record.ranks.name, provenance)
    hits, path = hits_beside(record.ranks), hits_path(folder / record.ranks.name)
    if hits is not None:
        write_hits(hits, path, provenance)
        if path.stat().st_size > HITS_LIMIT:
            path.unlink()
    line = json.dumps(provenance) + "\n"
    (folder / f"{record.card.name}.provenance.jsonl").write_text(line, encoding="utf-8")
    names = [record.card.name, *(record.card.task_name(mode) for mode in record.card.modes)]
    for name in (*(f"{name}.json" for name in names), "model_meta.json"):
        if (record.folder / name).is_file():
            shutil.copyfile(record.folder / name, folder / name)


def _training_datasets(record: Record) -> list[str] | None:
    """Return what mteb knows that a model and those it was trained from have seen."""
    path = record.folder / "model_meta.json"
    meta = json.loads(path.read_bytes()) if path.is_file() else {}
    own, base = meta.get("training_datasets"), meta.get("adapted_from")
    if own is None:
        return None
    seen = set(own)
    if base is not None:
        try:
            seen |= mteb.get_model_meta(base, fetch_from_hf=False).get_training_datasets() or set()
        except (ValueError, KeyError):
            return None
    return sorted(seen)
