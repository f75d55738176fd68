"""``xlir-bench show`` and ``xlir-bench compare`` on the results of two models on XLIRMini."""

import contextlib
import io
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from rich.cells import cell_len

from tests.cli.conftest import own_process
from tests.cli.test_run import BELOW_OUTPUT
from xlir_bench.cards.load import task_cards
from xlir_bench.cli.main import status
from xlir_bench.compare import compare_models
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import Ranks, RankTable, grouped_ranks
from xlir_bench.core.score import Comparison
from xlir_bench.encoders import char_ngrams
from xlir_bench.errors import ResultError
from xlir_bench.evaluate import HITS_DEPTH, Readings, find_hits, rank, readings, scorecard
from xlir_bench.measures.catalogue import parse, parse_all
from xlir_bench.measures.significance import holm
from xlir_bench.readers.read import read
from xlir_bench.results import find
from xlir_bench.results.hits_file import hits_beside, hits_path, write_hits
from xlir_bench.results.rank_file import read_provenance, read_rank_table, write_rank_table

Call = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("fresh_process")

RANKS = "XLIRMini.ranks.parquet"
CODES = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
MEASURES = ("AP", "P@1", "R@100", "MRD", "AboveShare", "LangShare@10", "MRC@10")
BELOW_OTHER = Path("results/tests__projected/1")


class Kept(NamedTuple):
    """The folder of two models' results, and what the first ``show`` and ``compare`` printed."""

    output: Path
    worst: str
    comparison: str

    @property
    def folder(self) -> Path:
        return self.output / BELOW_OUTPUT

    @property
    def other(self) -> Path:
        return self.output / BELOW_OTHER


def printed_by(*arguments: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert status(list(arguments)) == 0
    return out.getvalue()


def write_another_model(first: Path, folder: Path, collection: Collection) -> None:
    """Write what a worse model leaves: the same vectors, projected to 256 dimensions."""
    texts = [x.text for x in (*collection.queries, *collection.passages)]
    vectors = char_ngrams.encode(texts)
    rng = np.random.default_rng(7)
    vectors = vectors @ rng.standard_normal((vectors.shape[1], 256)).astype(np.float32)
    queries, passages = np.split(vectors, [len(collection.queries)])
    provenance = read_provenance(first / RANKS) | {"model": "tests/projected", "identity": "2"}
    write_rank_table(rank(collection, queries, passages), folder / RANKS, provenance)
    hits = find_hits(collection, queries, passages, HITS_DEPTH)
    write_hits(hits, hits_path(folder / RANKS), provenance)


@pytest.fixture(scope="module")
def collection() -> Collection:
    return read(task_cards()["XLIRMini"])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, collection: Collection) -> Kept:
    root = tmp_path_factory.mktemp("kept")
    output = root / "out"
    with pytest.MonkeyPatch.context() as patch, own_process(patch):
        patch.setenv("XLIR_CACHE_DIR", str(root / "cache"))
        patch.setenv("XLIR_CONFIG_DIR", str(root / "config"))
        patch.setattr(find, "data_folder", lambda _: root / "nothing-ships")
        worst = printed_by("show", "char-ngrams", "XLIRMini", "-o", str(output))
        write_another_model(output / BELOW_OUTPUT, output / BELOW_OTHER, collection)
        comparison = printed_by(
            "compare", "char-ngrams", "projected", "-t", "XLIRMini", "-o", str(output),
            "--measures", *MEASURES,
        )  # fmt: skip
    return Kept(output, worst, comparison)


@pytest.fixture(autouse=True)
def no_results_ship(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the results that ship, which are of the same model and benchmark."""
    monkeypatch.setattr(find, "data_folder", lambda _: tmp_path / "nothing-ships")


@pytest.fixture(scope="module")
def table(kept: Kept) -> RankTable:
    return read_rank_table(kept.folder / RANKS)


@pytest.fixture
def show(call: Call, kept: Kept) -> Call:
    """Return a function that shows the lexical floor's results."""
    return lambda *options: call(
        "show", "char-ngrams", "XLIRMini", "-o", str(kept.output), *options
    )


@pytest.fixture
def compare(call: Call, kept: Kept) -> Call:
    """Return a function that compares two models by AP, unless told otherwise."""

    def run(first: str, second: str, *options: str) -> Any:
        options = options or ("--measures", "AP", "-o", str(kept.output))
        return call("compare", first, second, "-t", "XLIRMini", *options)

    return run


def squeezed(text: str) -> str:
    """Leave out white space: a cell that is folded over lines is whole again."""
    return "".join(text.split())


def assert_one_line(found: Any, exit_status: int, *parts: str) -> None:
    assert (found.status, found.out, found.err.count("\n")) == (exit_status, "", 1)
    assert found.err.startswith("xlir-bench: error: ")
    for part in parts:
        assert part in found.err


# --- show: the worst queries ---


def average_precisions(table: RankTable) -> dict[str, float]:
    """Return AP in the pool of all languages, from its definition."""
    ranks = 1 + table.beaten_by.sum(axis=1)
    found = {}
    for row, query_id in enumerate(table.query_ids):
        own = np.sort(ranks[table.query_rows == row])
        found[query_id] = float((np.arange(1, len(own) + 1) / own).mean())
    return found


def listed(out: str) -> list[tuple[str, str]]:
    return re.findall(r"^ *(\w\w:\S+) +(\d\.\d{4}) ", out, flags=re.MULTILINE)


@pytest.mark.slow
def test_the_worst_queries_are_listed_by_average_precision(kept: Kept, table: RankTable) -> None:
    worst = sorted((value, query_id) for query_id, value in average_precisions(table).items())
    assert listed(kept.worst) == [(query_id, f"{value:.4f}") for value, query_id in worst[:20]]
    assert kept.worst.startswith("the queries with the worst AP, 20 of 1,080")


def test_listed_queries_are_whole(kept: Kept, collection: Collection) -> None:
    text_of = {query.query_id: query.text for query in collection.queries}
    out = squeezed(kept.worst)
    assert {query_id[:2] for query_id, _ in listed(kept.worst)} >= {"ar", "th", "zh"}
    for query_id, _ in listed(kept.worst):
        assert squeezed(text_of[query_id]) in out


def test_as_many_queries_are_listed_as_asked_for(show: Call, kept: Kept) -> None:
    assert listed(show("--worst", "3").out) == listed(kept.worst)[:3]
    assert len(listed(show("--worst", "5000").out)) == 1080


@pytest.mark.usefixtures("no_encoding")
def test_the_second_show_encodes_nothing_and_prints_the_same(show: Call, kept: Kept) -> None:
    found = show()
    assert (found.status, found.out, found.err) == (0, kept.worst, "")


def test_a_show_leaves_ranks_and_first_passages_and_no_score(kept: Kept) -> None:
    assert {path.name for path in kept.folder.iterdir()} == {
        RANKS, "XLIRMini.hits.parquet", "XLIRMini.provenance.jsonl",
    }  # fmt: skip


# --- show: one query ---

ASKED = ["ar:materials-paper-1", "de:volcanoes-vesuvius-1", "th:rivers-nile-3", "zh:birds-tern-2"]


class Answer(NamedTuple):
    code: str
    rank: int
    similarity: float
    own: int
    other: int


class Found(NamedTuple):
    rank: int
    code: str
    is_right: bool
    similarity: float


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def answers(out: str) -> list[Answer]:
    """Return the rows of the first table."""
    row = r"^ *([a-z]{2}) +([\d,]+) +(-?\d\.\d{4}) +([\d,]+) +([\d,]+) "
    return [
        Answer(code, number(rank), float(similarity), number(own), number(other))
        for code, rank, similarity, own, other in re.findall(row, out, flags=re.MULTILINE)
    ]


def first_passages(out: str) -> list[Found]:
    """Return the rows of the second table."""
    row = r"^ *(\d+) +([a-z]{2}) +(✓?) +(-?\d\.\d{4}) "
    return [
        Found(int(rank), code, mark == "✓", float(similarity))
        for rank, code, mark, similarity in re.findall(row, out, flags=re.MULTILINE)
    ]


def rows_of(table: RankTable, query_id: str) -> np.ndarray:
    return np.flatnonzero(table.query_rows == table.query_ids.index(query_id))


@pytest.mark.usefixtures("no_encoding")
@pytest.mark.parametrize("query_id", ASKED)
def test_a_query_has_one_answer_in_every_language_at_its_exact_rank(
    show: Call, table: RankTable, query_id: str
) -> None:
    expected = []
    own = [x.code for x in table.languages].index(query_id[:2])
    for row in rows_of(table, query_id):
        before, code = table.beaten_by[row], table.languages[table.passage_languages[row]].code
        mine, similarity = int(before[own]), round(float(table.similarities[row]), 4)
        total = int(before.sum())
        expected.append(Answer(code, 1 + total, similarity, mine, total - mine))
    found = answers(show("--query", query_id).out)
    assert found == sorted(expected, key=lambda answer: answer.rank)
    assert sorted(answer.code for answer in found) == list(CODES)


@pytest.mark.parametrize("query_id", ASKED)
@pytest.mark.parametrize("top", [1, 7, 100])
def test_right_passages_are_marked_at_the_ranks_of_the_rank_table(
    show: Call, table: RankTable, query_id: str, top: int
) -> None:
    found = first_passages(show("--query", query_id, "--top", str(top)).out)
    rows = rows_of(table, query_id)
    ranks = 1 + table.beaten_by[rows].sum(axis=1)
    codes = [table.languages[column].code for column in table.passage_languages[rows]]
    within = {int(r): code for r, code in zip(ranks, codes, strict=True) if r <= top}
    assert [passage.rank for passage in found] == [*range(1, top + 1)]
    assert {passage.rank: passage.code for passage in found if passage.is_right} == within


def test_twenty_passages_are_shown_best_first(show: Call) -> None:
    found = first_passages(show("--query", ASKED[0]).out)
    similarities = [passage.similarity for passage in found]
    assert len(found) == 20
    assert similarities == sorted(similarities, reverse=True)


@pytest.mark.parametrize("query_id", ASKED)
def test_texts_of_every_script_are_whole(
    show: Call, collection: Collection, kept: Kept, query_id: str
) -> None:
    out = show("--query", query_id, "--top", "30").out
    (query,) = [q for q in collection.queries if q.query_id == query_id]
    qrels = collection.qrels
    asked = qrels.query_rows == collection.queries.index(query)
    hits = hits_beside(kept.folder / RANKS)
    row = hits.query_ids.index(query_id)
    shown = {hits.passage_ids[passage] for passage in hits.passages[row, :30]}
    texts = [query.text, *(collection.passages[p].text for p in qrels.passage_rows[asked])]
    texts += [p.text for p in collection.passages if p.passage_id in shown]
    assert len(texts) == 1 + 12 + 30
    assert out.startswith(f"{query_id}: {query.text}")
    for text in texts:
        assert squeezed(text) in squeezed(out)


def test_no_line_is_longer_than_a_page(show: Call) -> None:
    out = show("--query", "de:volcanoes-vesuvius-1", "--top", "100").out
    assert max(cell_len(line) for line in out.splitlines()) <= 120


# --- show: what stops it ---


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param(("--query", "zh:birds-tern-22"),
                     ("unknown query 'zh:birds-tern-22'; did you mean zh:birds-tern-2",),
                     id="closest-query"),
        pytest.param(("--query", "q"),
                     ("unknown query 'q' (without --query the worst ones are listed)",),
                     id="no-query-is-close"),
        pytest.param(("--query", "birds-tern-2"),
                     ("'birds-tern-2' is asked in several languages: ",
                      *(f"{code}:birds-tern-2" for code in CODES)), id="topic"),
        pytest.param(("--query", "zh:birds-tern-2", "--top", "0"), ('"0" for --top',),
                     id="top-of-nothing"),
        pytest.param(("--query", "zh:birds-tern-2", "--top", "101"), ('"101" for --top',),
                     id="more-than-is-kept"),
        pytest.param(("--worst", "0"), ('"0" for --worst',), id="worst-of-nothing"),
    ],
)  # fmt: skip
def test_a_wrong_query_or_number_is_one_line_and_status_2(
    show: Call, options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    assert_one_line(show(*options), 2, *parts)


@pytest.mark.parametrize(
    ("model", "task", "part"),
    [
        pytest.param("char-ngrams", "XLIRMin", "unknown task 'XLIRMin'; did you mean XLIRMini?",
                     id="task"),
        pytest.param("char-ngrams", "XLIRMiniMulti", "unknown task 'XLIRMiniMulti'", id="mode"),
        pytest.param("char-ngram", "XLIRMini", "unknown model 'char-ngram'; did you mean",
                     id="model"),
    ],
)  # fmt: skip
def test_a_wrong_name_to_show_is_one_line_that_offers_the_closest(
    call: Call, tmp_path: Path, model: str, task: str, part: str
) -> None:
    assert_one_line(call("show", model, task, "-o", str(tmp_path / "out")), 2, part)


def test_first_passages_of_another_run_than_the_ranks_are_refused(
    call: Call, kept: Kept, tmp_path: Path
) -> None:
    shutil.copytree(kept.folder, tmp_path / "mixed")
    shutil.copy(kept.other / RANKS, tmp_path / "mixed" / RANKS)
    found = call("show", str(tmp_path / "mixed"), "XLIRMini")
    assert_one_line(found, 1, f"is not of the same run as {RANKS}; delete both and run again")


# --- compare: the table ---


class Row(NamedTuple):
    mode: str
    measure: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float
    corrected: float
    is_marked: bool


def compared(out: str) -> list[Row]:
    """Return the rows of a comparison."""
    found = []
    for line in out.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if cells[0] in {"mono", "cross", "multi"}:
            texts = [*cells[2:4], *re.findall(r"[-+\d.,]+\d", cells[4]), *cells[5:7]]
            numbers = [float(text.replace(",", "")) for text in texts]
            found.append(Row(*cells[:2], *numbers, is_marked=cells[7:] == ["*"]))
    return found


@pytest.fixture(scope="module")
def compared_rows(kept: Kept) -> list[Row]:
    return compared(kept.comparison)


def of_folder(folder: Path) -> Readings:
    settings = task_cards()["XLIRMini"].settings()
    return readings(read_rank_table(folder / RANKS), settings, hits_beside(folder / RANKS))


def test_every_measure_has_a_row_in_each_mode_that_has_it(compared_rows: list[Row]) -> None:
    modes = ("mono", "cross", "multi")
    of_all_modes = [(mode, measure) for measure in MEASURES[:3] for mode in modes]
    assert [(row.mode, row.measure) for row in compared_rows] == [
        *of_all_modes, *(("multi", measure) for measure in MEASURES[3:]),
    ]  # fmt: skip


def test_differences_are_those_of_the_two_macro_averages(
    kept: Kept, compared_rows: list[Row]
) -> None:
    asked = parse_all(MEASURES)
    first, second = (
        scorecard(of_folder(folder), asked, resamples=0)[0] for folder in (kept.folder, kept.other)
    )
    for row in compared_rows:
        mine, theirs = (x.figure(RetrievalMode(row.mode), row.measure) for x in (first, second))
        assert (mine.n_undefined, theirs.n_undefined) == (0, 0), row
        near = {"abs": 0.051} if row.measure == "MRD" else {"abs": 0.000051}
        assert row.first == pytest.approx(mine.value, **near)
        assert row.second == pytest.approx(theirs.value, **near)
        assert row.difference == pytest.approx(mine.value - theirs.value, **near)


def test_differences_lie_within_their_intervals(compared_rows: list[Row]) -> None:
    for row in compared_rows:
        assert row.low <= row.difference <= row.high


def test_a_star_marks_corrected_p_values_under_five_percent(compared_rows: list[Row]) -> None:
    assert [row.is_marked for row in compared_rows] == [x.corrected < 0.05 for x in compared_rows]
    assert {row.is_marked for row in compared_rows} == {True, False}


def test_corrected_p_values_are_no_smaller_than_raw_ones(compared_rows: list[Row]) -> None:
    assert all(row.corrected >= row.p_value for row in compared_rows)
    assert any(row.corrected > row.p_value for row in compared_rows)


def test_the_table_names_both_models(kept: Kept) -> None:
    title, _, header = kept.comparison.splitlines()[:3]
    assert title.strip() == "char-ngrams against projected on XLIRMini"
    assert header.split()[:5] == ["mode", "measure", "char-ngrams", "projected", "difference"]


@pytest.mark.usefixtures("no_encoding")
def test_swapped_models_have_opposite_differences(compare: Call, compared_rows: list[Row]) -> None:
    found = compared(compare("projected", "char-ngrams").out)
    expected = [row for row in compared_rows if row.measure == "AP"]
    assert [row.difference for row in found] == [-row.difference for row in expected]
    assert [(row.first, row.second) for row in found] == [(x.second, x.first) for x in expected]
    assert [row.p_value for row in found] == [row.p_value for row in expected]


@pytest.mark.slow
def test_a_model_does_not_differ_from_itself(compare: Call, kept: Kept) -> None:
    """In all measures of the card, without a star."""
    found = compare("char-ngrams", "char-ngrams", "-o", str(kept.output))
    rows = compared(found.out)
    assert (found.status, found.err) == (0, "")
    assert {row.measure for row in rows} == set(task_cards()["XLIRMini"].measures)
    for row in rows:
        assert row[4:] == (0, 0, 0, 1, 1, False)
    assert found.out.count("+0.0000 [+0.0000, +0.0000]") == sum(
        row.measure not in {"MRD", "MaxRank"} for row in rows
    )


# --- compare: where results are found ---


@pytest.mark.usefixtures("no_encoding")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("char-ngrams", "projected", id="aliases"),
        pytest.param("xlir-bench/char-ngrams", "tests/projected", id="names"),
        pytest.param("{kept.folder}", "{kept.other}", id="folders"),
        pytest.param("{kept.folder}/", "tests/projected", id="a-folder-and-a-name"),
    ],
)
def test_results_are_found_by(
    compare: Call, kept: Kept, compared_rows: list[Row], first: str, second: str
) -> None:
    found = compare(first.format(kept=kept), second.format(kept=kept))
    assert found.status == 0
    expected = [row[:8] for row in compared_rows if row.measure == "AP"]
    assert [row[:8] for row in compared(found.out)] == expected


def test_results_are_found_in_the_folder_results_itself(compare: Call, kept: Kept) -> None:
    options = ("--measures", "AP", "-o", str(kept.output / "results"))
    found = compare("char-ngrams", "projected", *options)
    assert (found.status, len(compared(found.out))) == (0, 3)


def test_missing_results_say_what_makes_them(compare: Call, tmp_path: Path) -> None:
    found = compare("char-ngrams", "projected", "-o", str(tmp_path))
    assert_one_line(
        found,
        1,
        f"there is no {RANKS} of 'char-ngrams' in {tmp_path}; make it with:"
        f" xlir-bench run -m char-ngrams -t XLIRMini -o {tmp_path}\n",
    )


def test_results_of_several_revisions_are_named(compare: Call, kept: Kept, tmp_path: Path) -> None:
    for revision in ("1", "2"):
        folder = tmp_path / "results" / "tests__projected" / revision
        shutil.copytree(kept.other, folder)
    found = compare(str(kept.folder), "projected", "-o", str(tmp_path))
    folders = [tmp_path / "results" / "tests__projected" / revision for revision in ("1", "2")]
    assert_one_line(found, 1, "'projected' has several results", *map(str, folders))


def altered(kept: Kept, folder: Path, **provenance: str) -> Path:
    """Write the second model's ranks with another provenance."""
    record = read_provenance(kept.other / RANKS) | provenance
    write_rank_table(read_rank_table(kept.other / RANKS), folder / RANKS, record)
    return folder


def test_results_on_other_files_are_refused(compare: Call, kept: Kept, tmp_path: Path) -> None:
    folder = altered(kept, tmp_path / "other", data_sha256="0" * 64)
    found = compare("char-ngrams", str(folder))
    part = f"{folder / RANKS} was computed on other files than the card XLIRMini names"
    assert_one_line(found, 1, part)


def test_ranks_of_other_queries_are_refused(compare: Call, kept: Kept, tmp_path: Path) -> None:
    """The first ten queries have no answer."""
    table = read_rank_table(kept.other / RANKS)
    rows = table.query_rows >= 10
    columns = ("query_rows", "passage_rows", "query_languages", "passage_languages", "grades",
               "similarities", "beaten_by")  # fmt: skip
    some = replace(table, **{name: getattr(table, name)[rows] for name in columns})
    write_rank_table(some, tmp_path / RANKS, read_provenance(kept.other / RANKS))
    found = compare("char-ngrams", str(tmp_path))
    assert_one_line(found, 1, "the two results are not of the same queries")


def test_a_damaged_rank_table_is_one_line(compare: Call, kept: Kept, tmp_path: Path) -> None:
    (tmp_path / RANKS).write_bytes((kept.other / RANKS).read_bytes()[:1000])
    found = compare("char-ngrams", str(tmp_path))
    assert_one_line(found, 1, f"cannot read the rank table {tmp_path / RANKS}")


@pytest.mark.parametrize(
    ("task", "options", "part"),
    [
        pytest.param("XLIRMin", (), "unknown task 'XLIRMin'; did you mean XLIRMini?", id="task"),
        pytest.param("XLIRMini", ("--measures", "nDGC@7"),
                     "unknown measure 'nDGC@7'; did you mean nDCG@7", id="measure"),
    ],
)  # fmt: skip
def test_a_wrong_name_to_compare_is_one_line_that_offers_the_closest(
    call: Call, task: str, options: tuple[str, ...], part: str
) -> None:
    found = call("compare", "char-ngrams", "projected", "-t", task, *options)
    assert_one_line(found, 2, part)


def test_a_comparison_needs_a_task(call: Call) -> None:
    assert_one_line(
        call("compare", "char-ngrams", "projected"), 2, "parameter -t requires an argument"
    )


# --- the comparison without files ---

DE, EN = language("de"), language("en")
GERMAN = Setting(RetrievalMode.mono, DE, (DE,))
ENGLISH = Setting(RetrievalMode.mono, EN, (EN,))


def ranks_of(places: Sequence[int], queries: Sequence[int] | None = None) -> Ranks:
    """Return one relevant passage a query, each query a topic of its own."""
    rows = np.arange(len(places)) if queries is None else np.array(queries)
    grades = np.ones(len(places), dtype=np.int64)
    return grouped_ranks(rows, np.array(places), grades, n_passages=99, n_unanswered=0)


def compare_tiny(first: Readings, second: Readings) -> list[Comparison]:
    return compare_models(first, second, [parse("RR"), parse("MaxRank")], resamples=200)


def test_a_macro_average_weighs_settings_and_not_queries() -> None:
    first = Readings({GERMAN: ranks_of([1, 1, 1, 1]), ENGLISH: ranks_of([2])}, 4)
    second = Readings({GERMAN: ranks_of([2, 2, 1, 1]), ENGLISH: ranks_of([1])}, 4)
    rr, max_rank = compare_tiny(first, second)
    assert (rr.measure, rr.first, rr.second) == ("RR", 3 / 4, 7 / 8)
    assert rr.difference.value == pytest.approx(-1 / 8)
    assert (max_rank.first, max_rank.second) == (3 / 2, 5 / 4)
    assert max_rank.difference.n_queries == 5


def test_p_values_are_corrected_over_all_rows() -> None:
    first = Readings({GERMAN: ranks_of([1, 1, 1, 1, 1, 2])}, 6)
    second = Readings({GERMAN: ranks_of([3, 2, 4, 5, 6, 1])}, 6)
    rows = compare_tiny(first, second)
    assert [row.corrected for row in rows] == holm([row.difference.p_value for row in rows])
    assert all(row.corrected > row.difference.p_value for row in rows)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(Readings({GERMAN: ranks_of([1, 2], queries=[0, 2])}, 3), id="another-query"),
        pytest.param(Readings({GERMAN: ranks_of([1, 2, 3])}, 3), id="one-query-more"),
        pytest.param(Readings({GERMAN: ranks_of([1])}, 3), id="one-query-less"),
        pytest.param(Readings({ENGLISH: ranks_of([1, 2])}, 3), id="another-setting"),
        pytest.param(Readings({GERMAN: ranks_of([1, 2]), ENGLISH: ranks_of([1, 2])}, 3),
                     id="one-setting-more"),
        pytest.param(Readings({}, 3), id="no-setting"),
        pytest.param(Readings({GERMAN: ranks_of([1, 2])}, 4), id="another-number-of-topics"),
    ],
)  # fmt: skip
def test_models_scored_on_different_queries_are_not_compared(second: Readings) -> None:
    first = Readings({GERMAN: ranks_of([1, 2])}, 3)
    assert len(compare_tiny(first, first)) == 2
    with pytest.raises(ResultError, match="are not of the same queries"):
        compare_tiny(first, second)


def test_models_without_a_common_measure_have_no_row() -> None:
    german = Readings({GERMAN: ranks_of([1, 2])}, 2)
    assert compare_models(german, german, [parse("TLR@5")], resamples=10) == []
