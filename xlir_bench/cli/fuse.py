"""``xlir-bench fuse``: several runs as one, by reciprocal rank."""

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.errors import DataError, UsageError


def fuse(
    runs: Annotated[tuple[Path, ...], Parameter(consume_multiple=True)],
    /,
    *,
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    k: Annotated[int, Parameter(name=["-k", "--k"], validator=Number(gte=1))] = 60,
    depth: Annotated[int, Parameter(name="--depth", validator=Number(gte=1))] = 1000,
    tag: Annotated[str, Parameter(name="--tag")] = "rrf",
) -> None:
    """Fuse TREC runs by the sum of 1 / (k + rank): reciprocal-rank fusion, computed by ranx.

    A dense encoder and BM25 are one hybrid baseline: score the fused run with xlir-bench score. The
    first fusion takes ranx a minute to compile.

    Parameters
    ----------
    runs:
        Two or more TREC runs of the same queries, gzipped or not.
    output:
        The run to write.
    k:
        Of the formula; 60 after Cormack, Clarke and Büttcher 2009.
    depth:
        Passages of each query that are written.
    tag:
        Name of the fused system in the run.

    """
    from xlir_bench.readers.trec import read_run
    from xlir_bench.results.run_file import write_run

    if len(runs) < 2:
        msg = "give two runs or more: xlir-bench fuse run.a.txt run.b.txt -o fused.txt"
        raise UsageError(msg)
    if len(tag.split()) != 1:
        msg = f"--tag {tag!r} must be one word"
        raise UsageError(msg)
    _check_installed()
    given = [read_run(path) for path in runs]
    _check_queries(runs, given)
    fused = _fused(given, k)
    write_run(output, _best(fused, depth), tag)
    sys.stdout.write(f"{len(fused):,} queries of {len(runs)} runs: {output}\n")


def _check_installed() -> None:
    try:
        import ranx  # noqa: F401 - heavy: only to say early that it is missing
    except ImportError as error:
        msg = f"fusion needs {error.name}: pip install 'xlir-bench[fuse]'"
        raise UsageError(msg) from error


def _check_queries(paths: Sequence[Path], runs: Sequence[Mapping[str, Any]]) -> None:
    """Raise a DataError for runs without a common query; say which queries only some have."""
    common = set.intersection(*(set(run) for run in runs))
    if not common:
        msg = f"{paths[0]} and {paths[1]} rank no query in common"
        raise DataError(msg)
    for path, run in zip(paths, runs, strict=True):
        if len(run) > len(common):
            count = len(run) - len(common)
            sys.stderr.write(
                f"xlir-bench: {path} alone ranks {count:,} queries that not every run has; they are"
                " ranked as it ranks them\n"
            )


def _fused(
    runs: Sequence[Mapping[str, Mapping[str, float]]], k: int
) -> dict[str, dict[str, float]]:
    """Return ranx's fusion; a query that a run lacks is empty there."""
    from ranx import Run
    from ranx import fuse as fuse_runs

    queries = sorted({query for run in runs for query in run})
    whole = [
        Run.from_dict({query: dict(run.get(query) or {_NOBODY: 0.0}) for query in queries})
        for run in runs
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's, of ranx's own code
        fused = fuse_runs(runs=whole, norm=None, method="rrf", params={"k": k}).to_dict()
    return {
        query: {passage: float(x) for passage, x in found.items() if passage != _NOBODY}
        for query, found in fused.items()
    }


_NOBODY = "\x01"
"""The one passage of a query that a run lacks: ranx takes no empty rankings."""


def _best(
    fused: Mapping[str, Mapping[str, float]], depth: int
) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Yield each query's first passages in trec_eval's order: float32 score, id descending."""
    import numpy as np

    for query, found in fused.items():
        ids = list(found)
        scores = np.array([found[x] for x in ids], dtype=np.float32)
        order = np.lexsort((np.array([x.encode() for x in ids]), scores))[::-1][:depth]
        yield query, [(ids[i], float(scores[i])) for i in order]
