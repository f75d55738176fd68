"""``xlir-bench run``: the same lines as ``mteb run``, plus pools, any measure and run files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from xlir_bench.cards.task import TaskCard
from xlir_bench.cli.names import chosen_task
from xlir_bench.cli.options import ByLanguage, Measures, Modes, OutputFolder, RunFile
from xlir_bench.core.language import Language, language
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.encoders.debias import Method
from xlir_bench.errors import UnknownNameError, UsageError
from xlir_bench.measures.catalogue import parse_all


def run(  # noqa: PLR0913 - one parameter an option
    *,
    model: Annotated[str, Parameter(name=["-m", "--model"])],
    tasks: Annotated[
        tuple[str, ...], Parameter(name=["-t", "--tasks"], consume_multiple=True, negative="")
    ],
    mode: Modes = (),
    measures: Measures = (),
    languages: Annotated[
        tuple[str, ...],
        Parameter(name="--languages", consume_multiple=True, negative="", show_default=False),
    ] = (),
    pool: Annotated[str | None, Parameter(name="--pool")] = None,
    by_language: ByLanguage = False,
    run_file: RunFile = False,
    per_query: Annotated[
        bool, Parameter(name="--per-query", negative="", show_default=False)
    ] = False,
    name: Annotated[str | None, Parameter(name="--name")] = None,
    device: Annotated[str | None, Parameter(name="--device")] = None,
    engine: Annotated[Literal["local", "ray"], Parameter(name="--engine")] = "local",
    workers: Annotated[int, Parameter(name="--workers", validator=Number(gte=0))] = 0,
    batch_size: Annotated[int, Parameter(name="--batch-size", validator=Number(gte=1))] = 32,
    debias: Annotated[
        tuple[str, ...],
        Parameter(name="--debias", consume_multiple=True, negative="", show_default=False),
    ] = (),
    debias_from: Annotated[str | None, Parameter(name="--debias-from")] = None,
    debias_rank: Annotated[int, Parameter(name="--debias-rank", validator=Number(gte=1))] = 1,
    output_folder: OutputFolder = Path("results"),
    overwrite: Annotated[
        bool, Parameter(name="--overwrite", negative="", show_default=False)
    ] = False,
) -> None:
    """Encode, rank and score. Each text is encoded once; finished work is kept.

    Writes OUT/results/<org>__<model>/<revision>/: <task>.json (mteb's result),
    <benchmark>.ranks.parquet (the exact ranks), <benchmark>.hits.parquet (the first 100 passages of
    each query in the pool of all languages) and <benchmark>.provenance.jsonl.

    Parameters
    ----------
    model:
        A model mteb knows, an alias (char-ngrams), a hub name, or a sentence-transformers folder
        (./my-model).
    tasks:
        Benchmarks or single modes of them (XQuADR, XQuADRMono); see xlir-bench tasks. Or the path
        of a BEIR folder, or of a folder with one for each language (./data/de, ./data/en): ./data
    mode:
        Only these modes of the benchmarks: mono, cross, multi.
    measures:
        Print these instead of the card's (P@3, nDCG@100, ...): any, exactly, from the rank table.
    languages:
        Only these languages of the benchmarks, as a benchmark of its own: MIRACL.sw+te. In a pool
        of fewer languages scores are higher.
    pool:
        Languages of one pool, "en,de,ar": queries in each of them search all of them. With "own,en"
        each query searches its own language and English, with "own,any" its own and each other in
        turn. Read from the rank table: no encoding, no product.
    by_language:
        Print one line per setting too, and the tables of query language by answer language.
    run_file:
        Write TREC run files beside the results: the first 1,000 of every query of every setting.
    per_query:
        Write the value of every query in every setting beside the results, as parquet.
    name:
        "org/name" of a local folder in results (default: local/<folder>).
    device:
        cpu, cuda, cuda:1, mps (default: the fastest there is). Corpora that are streamed can be
        shared out: "cuda:0,cuda:1" is one process for each.
    engine:
        Where the shards of corpora that are streamed are worked on: local, or ray (RAY_ADDRESS, or
        a cluster of this machine).
    workers:
        Workers of the Ray cluster (default: one for each GPU, or for each CPU without any).
    batch_size:
        Texts a batch.
    debias:
        Take the language out of the vectors: centre (subtract the mean of the language), lir
        (project out its first directions), shift (subtract the mean difference to English). Several
        are tried one after the other; texts are encoded once.
    debias_from:
        Training pairs to learn that from: a recipe, a folder of <language>.jsonl files, or the
        statistics (.npz) of an earlier run.
    debias_rank:
        Directions that lir takes out.
    output_folder:
        Where results go.
    overwrite:
        Score again what has been scored.

    """
    if not tasks:
        msg = "-t names no task; list them with: xlir-bench tasks"
        raise UsageError(msg)
    if name is not None and (name.count("/") != 1 or not all(name.split("/"))):
        msg = f"--name {name!r} must be 'org/name'"
        raise UsageError(msg)
    parse_all(measures)
    methods = tuple(_method(value) for value in debias)
    if bool(methods) != (debias_from is not None):
        msg = "--debias and --debias-from go together: what to do, and what to learn it from"
        raise UsageError(msg)
    devices = tuple(device.split(",")) if device else ()
    if methods and (engine == "ray" or len(devices) > 1):
        msg = "--debias works in one process: leave out --engine ray and further devices"
        raise UsageError(msg)
    chosen_pool = _pool(pool)
    pool_languages = chosen_pool[0] if chosen_pool else ()
    chosen = [chosen_task(task, mode) for task in tasks]
    if languages:
        chosen = [_in_languages(*both, [language(code) for code in languages]) for both in chosen]
    for card, _ in chosen:
        codes = [x.code for x in card.languages]
        for missing in (x.code for x in pool_languages if x not in card.languages):
            raise UnknownNameError(missing, codes, kind=f"language of {card.name}")

    # mteb takes seconds to import: only after every argument has been checked.
    from xlir_bench.adapters.mteb.front import Options, Pool, run_tasks

    options = Options(
        measures=measures,
        pool=Pool(*chosen_pool) if chosen_pool else None,
        by_language=by_language,
        run_file=run_file,
        per_query=per_query,
        batch_size=batch_size,
        output_folder=output_folder,
        overwrite=overwrite,
        debias=methods,
        debias_from=debias_from or "",
        debias_rank=debias_rank,
        devices=devices,
        ray_workers=workers if engine == "ray" else None,
    )
    run_tasks(model, name, chosen, options)


OWN, ANY = "own", "any"


def _pool(codes: str | None) -> tuple[tuple[Language, ...], bool] | None:
    """Return the languages of a pool, and whether it is a pair with the query's own."""
    if codes is None:
        return None
    names = [code.strip() for code in codes.split(",")]
    is_own = OWN in names
    if is_own:
        names = [name for name in names if name != OWN]
        if names == [ANY]:
            return (), True
    languages = tuple(language(name) for name in names)
    if len(set(languages)) != len(languages) or len(languages) < (1 if is_own else 2):
        msg = (
            f"--pool {codes!r} must name two or more different languages, such as en,de;"
            " own,en is the query's language and English, own,any each other in turn"
        )
        raise UsageError(msg)
    return languages, is_own


def _method(name: str) -> Method:
    names = [method.value for method in Method]
    if name not in names:
        raise UnknownNameError(name, names, kind="method of --debias")
    return Method(name)


def _in_languages(
    card: TaskCard, modes: tuple[RetrievalMode, ...], languages: Sequence[Language]
) -> tuple[TaskCard, tuple[RetrievalMode, ...]]:
    """Return a benchmark in some of its languages, and the modes that it still has."""
    for missing in (x.code for x in languages if x not in card.languages):
        codes = [x.code for x in card.languages]
        raise UnknownNameError(missing, codes, kind=f"language of {card.name}")
    some = card.restricted_to(languages)
    left = tuple(m for m in modes if m in some.modes)
    if not left:
        these = ", ".join(x.code for x in languages)
        msg = f"{card.name} has no mode {' or '.join(modes)} in {these} alone"
        raise UsageError(msg)
    return some, left
