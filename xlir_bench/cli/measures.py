"""``xlir-bench measures``: list the measures, or score any run with them."""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich import box
from rich.table import Table

from xlir_bench.errors import DataError, UnknownNameError, UsageError, XlirError
from xlir_bench.results.table import show

SUMMARY = "all"


def measures(  # noqa: PLR0913 - one parameter an option
    qrels: str | None = None,
    run: Path | None = None,
    /,
    *names: str,
    measures: Annotated[
        tuple[str, ...],
        Parameter(
            name=["-m", "--measures"], consume_multiple=True, negative="", show_default=False
        ),
    ] = (),
    languages: Annotated[
        tuple[Path, ...],
        Parameter(name="--languages", consume_multiple=True, negative="", show_default=False),
    ] = (),
    language_pattern: Annotated[str | None, Parameter(name="--language-pattern")] = None,
    query_language: Annotated[str | None, Parameter(name="--query-language")] = None,
    places: Annotated[int, Parameter(name=["-p", "--places"], validator=Number(gte=-1))] = 4,
    by_query: Annotated[
        bool, Parameter(name=["-q", "--by-query", "--by_query"], negative="", show_default=False)
    ] = False,
    no_summary: Annotated[
        bool,
        Parameter(name=["-n", "--no-summary", "--no_summary"], negative="", show_default=False),
    ] = False,
    output_format: Annotated[
        Literal["tsv", "jsonl"], Parameter(name=["-o", "--output-format", "--output_format"])
    ] = "tsv",
    provider: Annotated[str | None, Parameter(name="--provider")] = None,
) -> None:
    """List the measures, or score a run with any measure of ours and of ir_measures.

    Takes what the ``ir_measures`` command takes and prints as it does, ``measure<TAB>value``. k is
    any cutoff from 1; ``rel`` is the lowest grade that counts as relevant: P(rel=2)@5. A query for
    which a measure is undefined is left out of its mean and counted on standard error.

    Language measures need the languages of passages and queries: from --languages, then from
    --language-pattern; that of queries first from --query-language. MRD, nMRD, MaxRank and
    AboveShare need rankings deep enough to hold every relevant passage; the lifts take as the pool
    what the run ranks for some query, nMRD the length of a query's own ranking.

    Parameters
    ----------
    qrels:
        TREC qrels, gzipped or not, or the name of an ir_datasets data set. Without it the measures
        are listed.
    run:
        TREC run, gzipped or not.
    names:
        Measures: AP P@10 MRD TLR@20.
    measures:
        Measures, too.
    languages:
        Files: "id<TAB>language" of passages and queries (a third field is the topic that parallel
        queries share), or JSON lines of a corpus with a language field.
    language_pattern:
        Regular expression over ids with a group "lang": '^(?P<lang>[a-z]+):'. What is left of a
        query's id is its topic, or the group "topic".
    query_language:
        Language of all queries.
    places:
        Digits after the point; -1 for all.
    by_query:
        Print one line per query and measure, then the means.
    no_summary:
        With --by-query: no means.
    output_format:
        tsv or jsonl.
    provider:
        Compute with one provider of ir_measures only.

    """
    if qrels is None:
        return _list()
    wanted = _parsed([part for name in (*names, *measures) for part in name.split()])
    if run is None or not wanted:
        msg = "give QRELS, RUN and measures: xlir-bench measures qrels.txt run.txt -m AP P@10"
        raise UsageError(msg)
    if no_summary and not by_query:
        msg = "--no-summary goes with --by-query"
        raise UsageError(msg)
    found = _calculated(qrels, run, wanted, (languages, language_pattern, query_language), provider)
    _write(found, wanted, places if output_format == "tsv" else None, (by_query, no_summary))
    return None


def _list() -> None:
    from xlir_bench.measures.catalogue import DESCRIPTIONS

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("measure", "meaning", "better"):
        table.add_column(column)
    for line in DESCRIPTIONS:
        table.add_row(line.spelling, line.meaning, line.direction)
    show(table)


def _parsed(names: Iterable[str]) -> list[Any]:
    """Return the measures of ir_measures with these names, each once."""
    import ir_measures

    import xlir_bench.measures  # noqa: F401 - makes ir_measures know ours

    parsed = []
    for name in dict.fromkeys(names):
        try:
            measure = ir_measures.parse_measure(name)
            measure.validate_params()
        except NameError as error:
            known = ir_measures.measures.registry
            hint = "list ours with: xlir-bench measures"
            plain = re.split(r"[@(]", name)[0]
            raise UnknownNameError(plain, known, kind="measure", hint=hint) from error
        except Exception as error:  # ir_measures checks by assert and by many others
            msg = f"{name!r} is not a measure: a parameter is missing or wrong; a cutoff is 'P@10'"
            raise UsageError(msg) from error
        if measure.params.get("cutoff", 1) < 1:
            msg = f"{name!r} is not a measure: the cutoff must be 1 or more"
            raise UsageError(msg)
        parsed.append(measure)
    return list(dict.fromkeys(parsed))


def _calculated(
    qrels: str,
    run: Path,
    wanted: list[Any],
    languages: tuple[tuple[Path, ...], str | None, str | None],
    provider: str | None,
) -> list[Any]:
    """Return ir_measures' per-query results."""
    import ir_measures

    from xlir_bench.measures.register import LanguageMeasure
    from xlir_bench.readers.trec import IdLanguages, read_run

    judged, scores = _qrels(qrels), read_run(run)
    files, pattern, query_language = languages
    known = IdLanguages()
    for path in files:
        known.read(path)
    if pattern is not None:
        known.match(pattern, _ids(judged, scores))
    data = {"languages": known.languages, "topics": known.topics}
    if query_language is not None:
        data["query_languages"] = dict.fromkeys(judged, query_language)
    given = [m(**data) if isinstance(m, LanguageMeasure) else m for m in wanted]
    calculate = ir_measures.DefaultPipeline if provider is None else _provider(provider)
    unable = [m for m in given if not calculate.supports(m)]
    if unable:
        msg = f"{provider or 'ir_measures'} cannot compute {unable[0]} with what is installed"
        raise UsageError(msg)
    try:
        return list(calculate.iter_calc(given, judged, scores))
    except XlirError:
        raise
    except Exception as error:  # providers are foreign programs and libraries
        reason = (str(error) or type(error).__name__).splitlines()[0]
        msg = f"ir_measures failed on {qrels} and {run}: {reason}"
        raise DataError(msg) from error


def _qrels(name: str) -> dict[str, dict[str, int]]:
    from xlir_bench.readers.trec import read_qrels

    path = Path(name)
    if path.exists() or path.suffix in {".txt", ".qrels", ".tsv", ".gz"}:
        return read_qrels(path)
    try:
        import ir_datasets
    except ImportError as error:
        msg = f"there is no file {name}, and ir_datasets is not installed to look for a data set"
        raise DataError(msg) from error
    from ir_measures.util import QrelsConverter

    try:
        dataset = ir_datasets.load(name)
        if dataset.has_qrels():
            judged: dict[str, dict[str, int]] = QrelsConverter(
                dataset.qrels_iter()
            ).as_dict_of_dict()
            return judged
    except KeyError as error:
        msg = f"there is no file {name}, and ir_datasets has no data set of that name"
        raise DataError(msg) from error
    msg = f"the data set {name} of ir_datasets has no qrels"
    raise DataError(msg)


def _ids(*tables: dict[str, dict[str, Any]]) -> Iterable[str]:
    for table in tables:
        yield from table
        for row in table.values():
            yield from row


def _provider(name: str) -> Any:  # noqa: ANN401 - ir_measures is hardly typed
    import ir_measures

    known = ir_measures.providers.registry
    if name not in known:
        raise UnknownNameError(name, known, kind="provider")
    if not known[name].is_available():
        msg = f"the provider {name} is not installed; {known[name].install_instructions() or ''}"
        raise UsageError(msg.rstrip("; "))
    return known[name]


def _write(found: list[Any], wanted: list[Any], places: int | None, how: tuple[bool, bool]) -> None:
    """Print per-query values and means as the ir_measures command does."""
    by_query, no_summary = how
    means = {measure: measure.aggregator() for measure in wanted}
    for metric in found:
        means[metric.measure].add(metric.value)
        if by_query:
            _line(metric.query_id, metric.measure, metric.value, places)
    for measure, mean in means.items():
        if not no_summary:
            _line(SUMMARY if by_query else None, measure, mean.result(), places)
        if getattr(mean, "n_undefined", 0):
            total = mean.n_undefined + mean.n_defined
            sys.stderr.write(
                f"xlir-bench: {measure} is undefined for {mean.n_undefined} of {total} queries;"
                " they are not in its mean\n"
            )


def _line(query_id: str | None, measure: Any, value: float, places: int | None) -> None:  # noqa: ANN401
    if places is None:
        record = {} if query_id is None else {"query_id": query_id}
        # JSON has no NaN: an undefined value is null.
        number = None if value != value else value  # noqa: PLR0124 - NaN is not itself
        json.dump(record | {"measure": str(measure), "value": number}, sys.stdout)
        sys.stdout.write("\n")
    else:
        fields = [] if query_id is None else [query_id]
        shown = f"{value}" if places == -1 else f"{value:.{places}f}"
        sys.stdout.write("\t".join([*fields, str(measure), shown]) + "\n")
