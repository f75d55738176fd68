"""``xlir-bench score``: a run of any system as a result of its own."""

import hashlib
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.cli.names import chosen_task, settings_of_modes
from xlir_bench.cli.options import ByLanguage, Measures, Modes, OutputFolder
from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import Setting
from xlir_bench.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlir_bench.readers.rankings import RunLines
    from xlir_bench.runs import Rankings


def score(  # noqa: PLR0913 - one parameter an option
    runs: Annotated[tuple[Path, ...], Parameter(consume_multiple=True)],
    /,
    *,
    task: Annotated[str, Parameter(name=["-t", "--task"])],
    mode: Modes = (),
    measures: Measures = (),
    name: Annotated[str | None, Parameter(name="--name")] = None,
    depth: Annotated[int | None, Parameter(name="--depth", validator=Number(gte=1))] = None,
    complete: Annotated[
        bool, Parameter(name="--complete", negative="", show_default=False)
    ] = False,
    by_language: ByLanguage = False,
    output_folder: OutputFolder = Path("results"),
) -> None:
    """Score TREC runs of any system, and keep the result as that of a model.

    The ids are those of xlir-bench export. Measures that need deeper rankings than the runs have
    are left out and named. The result is read by show, compare and leaderboards.

    Parameters
    ----------
    runs:
        TREC runs, gzipped or not, or folders of them. A file named by its setting
        (run.de-en.txt, run.de-multi.txt) is of that setting; another one must be of one mode.
    task:
        What they ran on: XQuADRMulti, XQuADR, or the path of a BEIR folder.
    mode:
        Only these modes of the task: mono, cross, multi.
    measures:
        Print these instead of the card's.
    name:
        "org/name" of the system in results (default: run/<tag of the first file>).
    depth:
        Passages that the system was asked for (default: the most it gave for one query).
    complete:
        What the runs do not hold would never be found, at any depth: read them as trec_eval does,
        with a precision of 0 for it, so that AP and RR are known.
    by_language:
        Print one line per setting too.
    output_folder:
        Where results go.

    """
    from xlir_bench.measures.catalogue import parse_all
    from xlir_bench.readers.rankings import run_files
    from xlir_bench.readers.read import read
    from xlir_bench.runs import read_runs

    if name is not None and (name.count("/") != 1 or not all(name.split("/"))):
        msg = f"--name {name!r} must be 'org/name'"
        raise UsageError(msg)
    if depth is not None and complete:
        msg = "--depth and --complete exclude each other: a complete run is as deep as the pool"
        raise UsageError(msg)
    if not runs:
        msg = "give a run: xlir-bench score run.txt -t XQuADRMulti"
        raise UsageError(msg)
    parse_all(measures)
    chosen = chosen_task(task, mode)
    card, settings = chosen[0], settings_of_modes(chosen)
    collection, files = read(card), run_files(runs)
    found, tag = _read(files, collection, settings, depth, is_complete=complete)
    table, hits = read_runs(collection, found)

    from xlir_bench.adapters.mteb.ranked import Ranked, keep, report

    ranked = Ranked(
        name=name or f"run/{re.sub('[^A-Za-z0-9.-]+', '-', tag).strip('-') or 'run'}",
        revision=_sha256(files)[:16],
        settings=tuple(s for s in settings if s in found),
        table=table,
        hits=hits,
        provenance={
            "runs": [path.name for path in files],
            "runs_sha256": _sha256(files),
            "depths": dict(table.run.depths) if table.run else {},
            "complete": complete,
        },
    )
    folder = keep(ranked, card, collection, output_folder)
    report(ranked, card, measures, by_language=by_language)
    sys.stdout.write(f"results: {folder}\n")


def _read(
    files: Sequence[Path],
    collection: Collection,
    settings: Sequence[Setting],
    depth: int | None,
    *,
    is_complete: bool,
) -> tuple[dict[Setting, "Rankings"], str]:
    """Return the rankings of each setting, and the tag of the first file."""
    from xlir_bench.readers.rankings import by_setting, read_lines, setting_named

    found: dict[Setting, Rankings] = {}
    tag = ""
    for path in files:
        named = setting_named(path, settings)
        lines = read_lines(path, collection, named)
        tag = tag or lines.tag
        if lines.unknown:
            count, first = len(lines.unknown), min(lines.unknown)
            _note(f"{path}: {count:,} queries are not the benchmark's and not scored: {first!r}")
        for setting, positions in by_setting(lines, collection, settings, named):
            if setting in found:
                msg = f"{path} ranks {setting} again: give each setting in one file"
                raise DataError(msg)
            found[setting] = _rankings(lines, positions, collection, setting, depth, is_complete)
    return found, tag


def _rankings(
    lines: "RunLines",
    positions: "NDArray[np.int64]",
    collection: Collection,
    setting: Setting,
    depth: int | None,
    is_complete: bool,  # noqa: FBT001
) -> "Rankings":
    import numpy as np

    from xlir_bench.runs import Rankings

    queries = lines.query_rows[positions]
    most = int(np.bincount(queries).max())
    pool = sum(p.language in setting.corpus_languages for p in collection.passages)
    missing = set(_asked(collection, setting)) - set(queries.tolist())
    if missing:
        first = collection.queries[min(missing)].query_id
        _note(
            f"{lines.path}: {len(missing):,} queries of {setting} are not in the run; they count as"
            f" queries for which nothing was found: {first!r}"
        )
    return Rankings(
        queries,
        lines.passage_rows[positions],
        lines.scores[positions],
        pool if is_complete else min(depth or most, pool),
    )


def _asked(collection: Collection, setting: Setting) -> Iterable[int]:
    """Return the rows of the queries that have an answer in a setting's pool."""
    qrels = collection.qrels
    return (
        q
        for q, p in zip(qrels.query_rows.tolist(), qrels.passage_rows.tolist(), strict=True)
        if collection.queries[q].language == setting.query_language
        and collection.passages[p].language in setting.corpus_languages
    )


def _sha256(files: Sequence[Path]) -> str:
    """Return one checksum of run files: of the lines "name sha256"."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()


def _note(line: str) -> None:
    sys.stderr.write(f"xlir-bench: {line}\n")
