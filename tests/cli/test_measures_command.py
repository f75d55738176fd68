"""``xlir-bench measures`` on files: what it prints, where languages come from, what stops it."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

QRELS = """\
de:1 0 de:a 1
de:1 0 en:a 1
de:1 0 en:b 0
en:1 0 de:a 1
en:1 0 en:a 2
de:2 0 de:b 1
en:3 0 en:b 1
"""
RUN = """\
de:1 Q0 de:a 1 4.0 tag
de:1 Q0 de:b 2 3.0 tag
de:1 Q0 en:a 3 2.0 tag
de:1 Q0 en:b 4 1.0 tag
en:1 Q0 en:a 1 4.0 tag
en:1 Q0 de:a 2 3.0 tag
en:1 Q0 de:b 3 2.0 tag
en:1 Q0 en:b 4 1.0 tag
de:2 Q0 de:a 1 4.0 tag
de:2 Q0 en:a 2 3.0 tag
de:2 Q0 de:b 3 2.0 tag
ar:9 Q0 de:b 1 2.0 tag
"""
"""Of en:3 the run has nothing; of ar:9 the qrels have nothing."""

QUERIES = ["de:1", "en:1", "de:2", "en:3"]
PASSAGES = ["de:a", "de:b", "en:a", "en:b"]
PATTERN = ("--language-pattern", "^(?P<lang>[a-z]+):")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with qrels.txt and run.txt in it."""
    (tmp_path / "qrels.txt").write_text(QRELS)
    (tmp_path / "run.txt").write_text(RUN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def score(call: Call, folder: Path) -> Call:
    """Return a function that scores the run with the arguments given."""

    def run(*arguments: str) -> Any:
        return call("measures", "qrels.txt", "run.txt", *arguments)

    return run


def printed(out: str) -> dict[str, str]:
    """Return what is printed of every measure."""
    return dict(line.split("\t") for line in out.splitlines())


def values_by_query(out: str) -> dict[str, str]:
    """Return what is printed of one measure for every query, and for all."""
    rows = [line.split("\t") for line in out.splitlines()]
    return {query: value for query, _, value in rows}


# --- what is printed ---


def test_each_measure_is_a_line_with_four_places(score: Call) -> None:
    """A query that the run lacks is 0 in trec_eval's measures and undefined in ours."""
    found = score("AP", "P@1", "MRD", "Complete@2")
    assert found.status == 0
    assert found.out == "AP\t0.5417\nP@1\t0.5000\nMRD\t1.5000\nComplete@2\t0.2500\n"


def test_undefined_queries_are_counted_on_standard_error(score: Call) -> None:
    found = score("AP", "MRD", "MaxRank")
    assert found.err == (
        "xlir-bench: MRD is undefined for 2 of 4 queries; they are not in its mean\n"
        "xlir-bench: MaxRank is undefined for 1 of 4 queries; they are not in its mean\n"
    )


def test_an_undefined_query_is_nan_in_its_line_and_not_in_the_mean(score: Call) -> None:
    found = score("MRD", "-q")
    expected = {"de:1": "2.0000", "en:1": "1.0000", "de:2": "nan", "en:3": "nan", "all": "1.5000"}
    assert values_by_query(found.out) == expected


def test_an_undefined_query_is_null_in_json(score: Call) -> None:
    lines = [json.loads(line) for line in score("MRD", "-q", "-o", "jsonl").out.splitlines()]
    assert [line["value"] for line in lines] == [2.0, 1.0, None, None, 1.5]
    assert [line["query_id"] for line in lines] == [*QUERIES, "all"]


def test_a_mean_of_no_query_is_nan(call: Call, folder: Path) -> None:
    (folder / "qrels.txt").write_text("de:2 0 de:b 1\n")
    found = call("measures", "qrels.txt", "run.txt", "MRD")
    assert (found.status, found.out) == (0, "MRD\tnan\n")
    assert "undefined for 1 of 1 queries" in found.err


def test_measures_are_positional_or_named_and_printed_once(score: Call) -> None:
    found = score("P@1", "RR P@1", "-m", "AP", "P@1", "MRD RR")
    assert list(printed(found.out)) == ["P@1", "RR", "AP", "MRD"]


@pytest.mark.parametrize(("places", "expected"), [("0", "1"), ("1", "0.5"), ("6", "0.541667")])
def test_places_are_digits_after_the_point(score: Call, places: str, expected: str) -> None:
    assert score("AP", "-p", places).out == f"AP\t{expected}\n"


def test_minus_one_is_all_places(score: Call) -> None:
    value = printed(score("AP", "-p", "-1").out)["AP"]
    assert float(value) == pytest.approx(13 / 24, abs=1e-15)
    assert len(value) > 15


# --- the ir_measures command ---

OF_TREC_EVAL = ("AP", "P@10", "nDCG@10", "RR P@5")


def ir_measures_command(folder: Path, *arguments: str) -> str:
    command = str(Path(sys.executable).with_name("ir_measures"))
    found = subprocess.run(
        [command, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return found.stdout


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="means"),
        pytest.param(("-p", "6"), id="places"),
        pytest.param(("-q",), id="by-query"),
        pytest.param(("-q", "-n"), id="without-means"),
        pytest.param(("-o", "jsonl"), id="json"),
        pytest.param(("-q", "-o", "jsonl"), id="json-by-query"),
    ],
)
def test_what_is_printed_is_what_ir_measures_prints(
    call: Call, folder: Path, options: tuple[str, ...]
) -> None:
    arguments = ("qrels.txt", "run.txt", *OF_TREC_EVAL, *options)
    found = call("measures", *arguments)
    assert (found.status, found.err) == (0, "")
    assert found.out == ir_measures_command(folder, *arguments)


def test_gzipped_files_score_as_ir_measures_scores_them(call: Call, folder: Path) -> None:
    for name in ("qrels", "run"):
        text = (folder / f"{name}.txt").read_bytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(text))
    arguments = ("qrels.txt", "run.gz", *OF_TREC_EVAL)
    expected = ir_measures_command(folder, *arguments)
    assert call("measures", *arguments).out == expected
    assert call("measures", "qrels.gz", "run.gz", *OF_TREC_EVAL).out == expected


def test_the_long_options_of_ir_measures_are_known(score: Call) -> None:
    found = score("AP", "--by_query", "--no_summary", "--output_format", "tsv", "--places", "2")
    assert found.out == score("AP", "-q", "-n", "-p", "2").out
    assert len(found.out.splitlines()) == len(QUERIES)


def test_one_provider_computes_what_it_can(score: Call) -> None:
    found = score("MRD", "MaxRank", "--provider", "xlir_bench")
    assert found.out == score("MRD", "MaxRank").out


# --- languages ---

TLR = {"de:1": "0.0000", "en:1": "1.0000", "de:2": "nan", "en:3": "nan", "all": "0.5000"}
"""TLR@2 where everything has the language in its id."""
MRC = {"de:1": "-0.5000", "en:1": "-0.5000", "de:2": "nan", "en:3": "nan", "all": "-0.5000"}
"""MRC@3 where 1 is the topic of de:1 and en:1: abc and cab, whose ranks differ by 1, 1 and 2."""


def tsv(names: Sequence[str]) -> str:
    return "".join(f"{name}\t{name[:2]}\n" for name in names)


def jsonl(names: Sequence[str], key: str = "_id", field: str = "language") -> str:
    records = [{key: name, "text": "?", field: name[:2]} for name in names]
    return "".join(json.dumps(record) + "\n" for record in records)


def test_languages_come_from_a_file_of_two_columns(score: Call, folder: Path) -> None:
    (folder / "languages.tsv").write_text(tsv([*QUERIES, *PASSAGES]))
    found = score("TLR@2", "-q", "--languages", "languages.tsv")
    assert values_by_query(found.out) == TLR


def test_languages_come_from_several_files(score: Call, folder: Path) -> None:
    (folder / "queries.tsv").write_text(tsv(QUERIES))
    (folder / "corpus.jsonl").write_text(jsonl(PASSAGES))
    found = score("TLR@2", "-q", "--languages", "queries.tsv", "corpus.jsonl")
    assert values_by_query(found.out) == TLR


def test_a_third_column_is_the_topic(score: Call, folder: Path) -> None:
    lines = ["de:1\tde\t1", "en:1\ten\t1", "de:2\tde\t2", "en:3\ten\t3"]
    (folder / "queries.tsv").write_text("\n".join(lines) + "\n")
    (folder / "passages.tsv").write_text(tsv(PASSAGES))
    found = score("MRC@3", "-q", "--languages", "queries.tsv", "passages.tsv")
    assert values_by_query(found.out) == MRC


def test_queries_of_a_file_without_topics_are_not_parallel(score: Call, folder: Path) -> None:
    (folder / "languages.tsv").write_text(tsv([*QUERIES, *PASSAGES]))
    assert score("MRC@3", "--languages", "languages.tsv").out == "MRC@3\tnan\n"


@pytest.mark.parametrize("key", ["_id", "id", "docid", "doc_id"])
@pytest.mark.parametrize("field", ["language", "lang"])
def test_languages_come_from_the_json_lines_of_a_corpus(
    score: Call, folder: Path, key: str, field: str
) -> None:
    (folder / "corpus.jsonl").write_text(jsonl(PASSAGES, key, field))
    (folder / "queries.jsonl").write_text(jsonl(QUERIES, "query_id"))
    found = score("TLR@2", "-q", "--languages", "corpus.jsonl", "queries.jsonl")
    assert values_by_query(found.out) == TLR


def test_a_gzipped_corpus_is_read(score: Call, folder: Path) -> None:
    text = jsonl([*PASSAGES, *QUERIES]).encode()
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(text))
    found = score("TLR@2", "-q", "--languages", "corpus.jsonl.gz")
    assert values_by_query(found.out) == TLR


def test_languages_come_from_a_pattern_and_topics_are_what_it_leaves(score: Call) -> None:
    assert values_by_query(score("TLR@2", "-q", *PATTERN).out) == TLR
    assert values_by_query(score("MRC@3", "-q", *PATTERN).out) == MRC


def test_a_pattern_names_the_topic(score: Call) -> None:
    """All of the id is matched: what is left is the same for every query."""
    whole = "^(?P<lang>[a-z]+):(?P<topic>.*)$"
    assert values_by_query(score("MRC@3", "-q", "--language-pattern", whole).out) == MRC


def test_the_language_of_queries_is_named_once(score: Call, folder: Path) -> None:
    """All in English: then German answers are in another language, also those of German queries."""
    (folder / "corpus.jsonl").write_text(jsonl(PASSAGES))
    found = score("TLR@2", "-q", "--languages", "corpus.jsonl", "--query-language", "en")
    assert values_by_query(found.out) == {
        "de:1": "1.0000", "en:1": "1.0000", "de:2": "0.0000", "en:3": "nan", "all": "0.6667",
    }  # fmt: skip


def test_files_go_before_the_pattern(score: Call, folder: Path) -> None:
    """In the file de:1 is English; the pattern labels the rest."""
    (folder / "some.tsv").write_text("de:1\ten\n")
    assert values_by_query(score("TLR@2", "-q", *PATTERN).out) == TLR
    found = values_by_query(score("TLR@2", "-q", "--languages", "some.tsv", *PATTERN).out)
    assert found == TLR | {"de:1": "1.0000", "all": "1.0000"}


def test_the_language_of_all_queries_goes_before_what_their_ids_say(
    score: Call, folder: Path
) -> None:
    """Every passage is in another language than Arabic: TLR is recall."""
    (folder / "some.tsv").write_text("de:1\tde\n")
    options = (*PATTERN, "--languages", "some.tsv", "--query-language", "ar")
    found = values_by_query(score("TLR@2", "-q", *options).out)
    assert found == values_by_query(score("R@2", "-q").out)


# --- what stops it ---


def written(name: str, text: str | bytes) -> Callable[[Path], None]:
    """Return a function that writes a file into the working folder."""

    def write(folder: Path) -> None:
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


ARGUMENTS = ("qrels.txt", "run.txt", "AP")
WITH_FILE = ("qrels.txt", "run.txt", "TLR@5", "--languages", "languages")


@pytest.mark.parametrize(
    ("write", "arguments", "complaint"),
    [
        pytest.param(None, ("nowhere.txt", "run.txt", "AP"),
                     "cannot read nowhere.txt: No such file or directory", id="no-qrels"),
        pytest.param(None, ("nowhere", "run.txt", "AP"), "there is no file nowhere",
                     id="no-qrels-and-no-data-set"),
        pytest.param(None, ("qrels.txt", "nowhere.txt", "AP"),
                     "cannot read nowhere.txt: No such file or directory", id="no-run"),
        pytest.param(None, ("qrels.txt", ".", "AP"), "cannot read .: Is a directory", id="folder"),
        pytest.param(None, ("qrels.txt", "run.txt", "TLR@5", "--languages", "nowhere.tsv"),
                     "cannot read nowhere.tsv: No such file or directory", id="no-languages-file"),
        pytest.param(written("run.txt", ""), ARGUMENTS, "run.txt is empty", id="empty-run"),
        pytest.param(written("qrels.txt", "\n\n"), ARGUMENTS, "qrels.txt is empty",
                     id="empty-qrels"),
        pytest.param(written("languages", "\n"), WITH_FILE, "languages is empty",
                     id="empty-languages"),
        pytest.param(written("run.txt", RUN + "de:1 de:a 1 4.0\n"), ARGUMENTS,
                     "run.txt, line 13: not 'query Q0 passage rank score tag'", id="run-fields"),
        pytest.param(written("run.txt", "de:1 Q0 de:a 1 high tag\n"), ARGUMENTS,
                     "run.txt, line 1: not 'query Q0 passage rank score tag'", id="run-score"),
        pytest.param(written("qrels.txt", "de:1 0 de:a 1\n\nde:1 de:b 1\n"), ARGUMENTS,
                     "qrels.txt, line 3: not 'query iteration passage grade'", id="qrels-fields"),
        pytest.param(written("qrels.txt", "de:1 0 de:a 1.5\n"), ARGUMENTS,
                     "qrels.txt, line 1: not 'query iteration passage grade'", id="qrels-grade"),
        pytest.param(written("run.txt", b"\xff\xfe\n"), ARGUMENTS,
                     "run.txt is not UTF-8 text", id="run-not-text"),
        pytest.param(written("run.gz", b"de:1 Q0"), ("qrels.txt", "run.gz", "AP"),
                     "cannot read run.gz: Not a gzipped file", id="not-gzipped"),
        pytest.param(written("run.gz", gzip.compress(RUN.encode())[:40]),
                     ("qrels.txt", "run.gz", "AP"), "cannot read run.gz: cut off or damaged",
                     id="truncated-gzip"),
        pytest.param(written("run.txt", RUN + "de:1 Q0 de:a 9 0.1 tag\n"), ARGUMENTS,
                     "run.txt ranks passage 'de:a' twice for query 'de:1'", id="run-repeats"),
        pytest.param(written("qrels.txt", QRELS + "de:1 0 en:b 1\n"), ARGUMENTS,
                     "qrels.txt judges passage 'en:b' twice for query 'de:1'", id="qrels-repeats"),
        pytest.param(written("run.txt", RUN + "en:3 Q0 en:b 1 nan tag\n"),
                     ("qrels.txt", "run.txt", "AP"),
                     "run.txt has a NaN score for passage 'en:b' of query 'en:3'", id="nan-score"),
        pytest.param(written("qrels.txt", "de:1 0 de:a 0\n"), ("qrels.txt", "run.txt", "MRD"),
                     "no query of the qrels has a relevant passage", id="nothing-relevant"),
        pytest.param(written("languages", "de:a\tde\nde:b\tde\nde:a\ten\n"), WITH_FILE,
                     "languages says that 'de:a' is in 'en', but it was in 'de' before",
                     id="two-languages"),
        pytest.param(written("languages", "de:a\tde\t1\tmore\n"), WITH_FILE,
                     "languages, line 1: not 'id<TAB>language'", id="four-columns"),
        pytest.param(written("languages", "de:a\tde\nde:b\t\n"), WITH_FILE,
                     "languages, line 2: not 'id<TAB>language'", id="no-language"),
        pytest.param(written("languages", jsonl(PASSAGES) + '{"_id": \n'), WITH_FILE,
                     "languages, line 5: not 'id<TAB>language' or JSON", id="broken-json"),
        pytest.param(written("languages", '{"_id": "de:a", "text": "?"}\n'), WITH_FILE,
                     "languages, line 1: not 'id<TAB>language' or JSON with an id and a language"
                     " (no field language or lang)", id="json-without-language"),
        pytest.param(written("languages", '{"language": "de"}\n'), WITH_FILE,
                     "(no field _id or id or", id="json-without-id"),
        pytest.param(None, ("qrels.txt", "run.txt", "TLR@5"),
                     "TLR@5 needs languages, and that of no passage is known",
                     id="no-languages"),
        pytest.param(None, ("qrels.txt", "run.txt", "TLR@5", "--query-language", "en"),
                     "TLR@5 needs languages, and that of no passage is known",
                     id="languages-of-queries-only"),
        pytest.param(written("languages", jsonl(PASSAGES)), WITH_FILE,
                     "TLR@5 needs languages, and that of no query is known",
                     id="languages-of-passages-only"),
    ],
)  # fmt: skip
def test_unusable_data_is_one_line_and_status_1(
    call: Call,
    folder: Path,
    write: Callable[[Path], None] | None,
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    if write is not None:
        write(folder)
    found = call("measures", *arguments)
    assert (found.status, found.out, found.err.count("\n")) == (1, "", 1)
    assert found.err.startswith("xlir-bench: error: ")
    assert complaint in found.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(("TLRR@5",), "unknown measure 'TLRR'; did you mean TLR", id="unknown-measure"),
        pytest.param(("AP", "Complet"), "unknown measure 'Complet'; did you mean Complete",
                     id="one-of-several"),
        pytest.param(("-m", "MaxRnk"), "unknown measure 'MaxRnk'; did you mean MaxRank",
                     id="by-option"),
        pytest.param(("P",), "'P' is not a measure: a parameter is missing", id="no-cutoff"),
        pytest.param(("TLR",), "'TLR' is not a measure: a parameter is missing",
                     id="no-cutoff-of-ours"),
        pytest.param(("P@x",), "'P@x' is not a measure", id="cutoff-not-a-number"),
        pytest.param(("P@0",), "'P@0' is not a measure: the cutoff must be 1 or more",
                     id="cutoff-0"),
        pytest.param(("Complete@0",), "'Complete@0' is not a measure: the cutoff must be 1",
                     id="cutoff-0-of-ours"),
        pytest.param(("nDGC@10",), "unknown measure 'nDGC'; did you mean NDCG", id="closest"),
        pytest.param(("TLR@2.5",), "'TLR@2.5' is not a measure", id="half-a-cutoff"),
        pytest.param(("TLR@-1",), "'TLR@-1' is not a measure", id="negative-cutoff"),
        pytest.param(("MRD@5",), "'MRD@5' is not a measure", id="cutoff-too-many"),
        pytest.param(("P(rel=2",), "'P(rel=2' is not a measure", id="open-bracket"),
        pytest.param((), "give QRELS, RUN and measures", id="no-measure"),
        pytest.param(("",), "give QRELS, RUN and measures", id="measure-of-nothing"),
        pytest.param(("AP", "--no-summary"), "--no-summary goes with --by-query", id="no-means"),
        pytest.param(("AP", "--provider", "trec"), "unknown provider 'trec'", id="provider"),
        pytest.param(("AP", "--provider", "pytreceval"), "did you mean pytrec_eval",
                     id="provider-closest"),
        pytest.param(("MRD", "--provider", "pytrec_eval"), "pytrec_eval cannot compute MRD",
                     id="another-provider"),
        pytest.param(("AP", "MRD", "--provider", "xlir_bench"), "xlir_bench cannot compute AP",
                     id="provider-of-some"),
        pytest.param(("TLR@5", "--language-pattern", "^[a-z]+"),
                     "--language-pattern '^[a-z]+' has no group (?P<lang>...)", id="no-group"),
        pytest.param(("TLR@5", "--language-pattern", "^(?P<lang>[a-z]+"),
                     "'^(?P<lang>[a-z]+' is not a regular expression", id="not-a-pattern"),
        pytest.param(("TLR@5", "--language-pattern", "^(?P<lang>zz):"),
                     "'^(?P<lang>zz):' matches no id of the qrels or the run", id="no-match"),
        pytest.param(("AP", "-p", "-2"), 'Invalid value "-2" for -p', id="places"),
        pytest.param(("AP", "-o", "csv"), 'Invalid value "csv" for -o', id="format"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_one_line_and_status_2(
    score: Call, arguments: tuple[str, ...], complaint: str
) -> None:
    found = score(*arguments)
    assert (found.status, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith("xlir-bench: error: ")
    assert complaint in found.err


@pytest.mark.parametrize(
    "arguments", [("qrels.txt",), ("qrels.txt", "-m", "AP")], ids=["alone", "with-measures"]
)
def test_qrels_without_a_run_are_one_line_that_shows_how(
    call: Call, folder: Path, arguments: tuple[str, ...]
) -> None:
    found = call("measures", *arguments)
    assert (found.status, found.out) == (2, "")
    assert found.err == (
        "xlir-bench: error: give QRELS, RUN and measures:"
        " xlir-bench measures qrels.txt run.txt -m AP P@10\n"
    )
