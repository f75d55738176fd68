"""From published files to pairs: what each format yields, and what becomes of every row."""

import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xlir_bench.cards.recipe import PairSource
from xlir_bench.errors import DataError
from xlir_bench.train.pairs import Pairs, build_pairs
from xlir_bench.train.sources import PairRow, rows

Build = Callable[..., Pairs]
Python = Callable[..., subprocess.CompletedProcess[str]]

JSONL = PairSource("toy", "jsonl", "{language}.jsonl")
SQUAD = PairSource("toy", "squad", "{language}.json")
TRIPLES = PairSource("toy", "triples", "{language}.tsv")


def record(pair_id: object, query: object, passage: object, **more: object) -> dict[str, object]:
    return {"id": pair_id, "query": query, "passage": passage} | more


def write_jsonl(path: Path, records: Iterable[object]) -> None:
    text = "".join(x if isinstance(x, str) else json.dumps(x) + "\n" for x in records)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that writes records of each language and builds pairs of them."""

    def run(
        texts: dict[str, list[Any]], codes: tuple[str, ...] | None = None, **options: Any
    ) -> Pairs:
        for code, records in texts.items():
            write_jsonl(tmp_path / f"{code}.jsonl", records)
        sources = [JSONL_WITH_DOCUMENT] if options.pop("documents", False) else [JSONL]
        path = tmp_path / "pairs.arrow"
        return build_pairs(sources, codes or tuple(texts), path, beside=tmp_path, **options)

    return run


JSONL_WITH_DOCUMENT = PairSource("toy", "jsonl", "{language}.jsonl", document="^([^#]*)")


def table_of(pairs: Pairs) -> pa.Table:
    with pa.memory_map(str(pairs.path)) as file:
        return pa.ipc.open_stream(file).read_all()


def drawn(pairs: Pairs) -> list[tuple[str, str, str, str]]:
    """Return (language, id, query, passage) of every pair that may be drawn."""
    found = table_of(pairs).take(pairs.rows).to_pydict()
    codes = [pairs.codes[x] for x in pairs.languages]
    return list(zip(codes, *(found[x] for x in ("pair_id", "query", "passage")), strict=True))


def parallel(
    n: int, codes: tuple[str, ...] = ("de", "en", "es"), in_a_document: int = 4
) -> dict[str, list[Any]]:
    """Return records that are parallel in all languages."""
    return {
        code: [
            record(f"d{i // in_a_document}#{i}", f"{code} query {i}", f"{code} passage {i}")
            for i in range(n)
        ]
        for code in codes
    }


# --- jsonl ---


@pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gzipped"])
def test_a_line_of_jsonl_is_a_pair(tmp_path: Path, suffix: str) -> None:
    lines = [record("a", "q ä", "p"), "\n", record(7, "q2", "p2", negatives=["n1", "n2"], x=1)]
    write_jsonl(tmp_path / f"de.jsonl{suffix}", lines)
    assert list(rows(JSONL, "de", tmp_path)) == [
        PairRow("a", "q ä", "p"),
        PairRow("7", "q2", "p2", ("n1", "n2")),
    ]


def test_a_plain_file_comes_before_a_gzipped_one(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "de.jsonl.gz", [record(1, "gzipped", "p")])
    write_jsonl(tmp_path / "de.jsonl", [record(1, "plain", "p")])
    assert [row.query for row in rows(JSONL, "de", tmp_path)] == ["plain"]


def test_a_path_can_hold_the_name_of_the_language(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "german" / "train.jsonl", [record(1, "q", "p")])
    source = PairSource("toy", "jsonl", "{name}/train.jsonl")
    assert list(rows(source, "de", tmp_path)) == [PairRow("1", "q", "p")]


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "there" / "de.jsonl", [record(1, "q", "p")])
    source = PairSource("toy", "jsonl", f"{tmp_path}/there/{{language}}.jsonl")
    assert list(rows(source, "de", tmp_path / "elsewhere")) == [PairRow("1", "q", "p")]


def test_the_users_data_folder_is_searched_after_that_of_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path / "data"))
    for code, folder in (("de", "data"), ("en", "data"), ("en", "recipe")):
        write_jsonl(tmp_path / folder / f"{code}.jsonl", [record(1, f"{code} in {folder}", "p")])
    found = [next(rows(JSONL, code, tmp_path / "recipe")).query for code in ("de", "en")]
    assert found == ["de in data", "en in recipe"]


def test_a_language_without_a_file_yields_nothing(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "de.jsonl", [record(1, "q", "p")])
    assert list(rows(JSONL, "en", tmp_path)) == []


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("{", id="cut"),
        pytest.param("[1]", id="list"),
        pytest.param('"text"', id="text"),
        pytest.param('{"id": 1, "query": "q"}', id="no-passage"),
        pytest.param('{"query": "q", "passage": "p"}', id="no-id"),
        pytest.param('{"id": 1, "query": "q", "passage": "p", "negatives": 3}', id="negatives"),
    ],
)
def test_a_malformed_line_is_named_with_its_file_and_number(build: Build, line: str) -> None:
    with pytest.raises(DataError, match=r"de\.jsonl, line 3: not a pair with id, query and"):
        build({"de": [record(1, "q", "p"), "\n", line + "\n"]})


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('{"id": 1, "query": null, "passage": "p"}', id="query-null"),
        pytest.param('{"id": 1, "query": "q", "passage": 3}', id="passage-number"),
        pytest.param('{"id": 1, "query": "\\ud800", "passage": "p"}', id="half-a-character"),
        pytest.param(
            '{"id": 1, "query": "q", "passage": "p", "negatives": "text"}', id="negatives-text"
        ),
    ],
)
def test_a_line_with_fields_of_wrong_types_is_malformed(build: Build, line: str) -> None:
    with pytest.raises(DataError, match=r"de\.jsonl, line 2"):
        build({"de": [record(2, "q", "p"), line + "\n"]})


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-12], id="cut-off"),
        pytest.param(lambda data: b"no gzip at all", id="not-gzip"),
        pytest.param(
            lambda data: data[:10] + b"\xff" * (len(data) - 10),
            id="damaged",
        ),
    ],
)
def test_a_damaged_gzip_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    write_jsonl(tmp_path / "de.jsonl.gz", [record(i, f"q{i}", "p") for i in range(50)])
    path = tmp_path / "de.jsonl.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"de\.jsonl\.gz: cannot be read"):
        list(rows(JSONL, "de", tmp_path))


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "de.jsonl").write_bytes('{"id": 1, "query": "ä", "passage": "p"}'.encode("latin1"))
    with pytest.raises(DataError, match=r"de\.jsonl: cannot be read"):
        list(rows(JSONL, "de", tmp_path))


# --- squad ---


def squad(*paragraphs: tuple[str, list[tuple[object, str]]]) -> str:
    found = [
        {"context": text, "qas": [{"id": name, "question": q, "answers": []} for name, q in qas]}
        for text, qas in paragraphs
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": found}]}, indent=1)


@pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gzipped"])
def test_every_question_of_squad_has_its_paragraph(tmp_path: Path, suffix: str) -> None:
    text = squad(("one", [("a", "qa"), (5, "qb")]), ("none", []), ("two", [("c", "qc")]))
    write_jsonl(tmp_path / f"de.json{suffix}", [text])
    assert list(rows(SQUAD, "de", tmp_path)) == [
        PairRow("a", "qa", "one"),
        PairRow("5", "qb", "one"),
        PairRow("c", "qc", "two"),
    ]


def test_translations_in_squad_share_their_id(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "en.json", [squad(("one", [("a", "qa"), ("b", "qb")]))])
    write_jsonl(tmp_path / "de.json", [squad(("eins", [("b", "fb"), ("a", "fa")]))])
    pairs = build_pairs([SQUAD], ("en", "de"), tmp_path / "pairs.arrow", beside=tmp_path)
    groups = dict(zip([(c, i) for c, i, _, _ in drawn(pairs)], pairs.groups, strict=True))
    assert groups["en", "a"] == groups["de", "a"] != groups["en", "b"] == groups["de", "b"]


def test_questions_of_a_paragraph_have_one_passage_hash(tmp_path: Path) -> None:
    text = squad(("one", [("a", "qa"), ("b", "qb")]), ("two", [("c", "qc")]))
    write_jsonl(tmp_path / "de.json", [text])
    pairs = build_pairs([SQUAD], ("de",), tmp_path / "pairs.arrow", beside=tmp_path)
    first, second, third = pairs.passage_hashes.tolist()
    assert first == second != third


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="list"),
        pytest.param('{"data": [{}]}', id="no-paragraphs"),
        pytest.param('{"data": ["text"]}', id="text"),
        pytest.param(squad(("one", [("a", "q")]))[:-20], id="cut"),
    ],
)
def test_a_file_that_is_not_squad_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "de.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match=r"de\.json: not a SQuAD file"):
        list(rows(SQUAD, "de", tmp_path))


# --- triples ---


@pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gzipped"])
def test_the_number_of_a_line_is_the_id_of_a_triple(tmp_path: Path, suffix: str) -> None:
    write_jsonl(tmp_path / f"de.tsv{suffix}", ["q1\tp1\tn1\n", "\n", "q3\tp3\r\n", "q4\tp4\tn4"])
    assert list(rows(TRIPLES, "de", tmp_path)) == [
        PairRow("1", "q1", "p1", ("n1",)),
        PairRow("3", "q3", "p3"),
        PairRow("4", "q4", "p4", ("n4",)),
    ]


@pytest.mark.parametrize(("line", "n"), [("q", 1), ("q\tp\tn\tm", 4)], ids=["one", "four"])
def test_a_line_with_a_wrong_number_of_columns_is_named(tmp_path: Path, line: str, n: int) -> None:
    (tmp_path / "de.tsv").write_text(f"q\tp\n\n{line}\n", "utf-8")
    with pytest.raises(DataError, match=rf"de\.tsv, line 3: {n} fields"):
        list(rows(TRIPLES, "de", tmp_path))


# --- hub ---

CONFIGURATIONS = """---
configs:
- config_name: de
  data_files: de/train.jsonl
- config_name: english
  data_files:
  - split: train
    path: en/train.jsonl
---
"""


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Return a folder that ``datasets`` loads: as one data set, or one for each language."""
    for code in ("de", "en"):
        (tmp_path / "jsonl" / code).mkdir(parents=True)
        (tmp_path / "parquet" / code).mkdir(parents=True)
        records = [record(i, f"{code} q{i}", f"{code} p{i}", negative=f"n{i}") for i in range(2)]
        write_jsonl(tmp_path / "jsonl" / code / "train.jsonl", records)
        table = pa.table({"qid": [4, 9], "text": ["q4", "q9"], "positive": ["p4", "p9"]})
        pq.write_table(table, tmp_path / "parquet" / code / "train.parquet")
    (tmp_path / "jsonl" / "README.md").write_text(CONFIGURATIONS, "utf-8")
    return tmp_path


COLUMNS = {"id": "qid", "query": "text", "passage": "positive"}


def test_configurations_of_a_hub_data_set_are_languages(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/jsonl", config="{language}")
    assert list(rows(source, "de", hub)) == [
        PairRow("0", "de q0", "de p0", ("n0",)),
        PairRow("1", "de q1", "de p1", ("n1",)),
    ]


def test_configurations_may_have_the_names_of_languages(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/jsonl", config="{name}")
    assert [row.query for row in rows(source, "en", hub)] == ["en q0", "en q1"]


def test_a_language_without_a_configuration_yields_nothing(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/jsonl", config="{language}")
    assert list(rows(source, "es", hub)) == []


def test_folders_may_be_languages_and_columns_have_names_of_their_own(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/parquet/{{language}}", columns=COLUMNS)
    assert list(rows(source, "en", hub)) == [PairRow("4", "q4", "p4"), PairRow("9", "q9", "p9")]


def test_rows_of_a_hub_data_set_without_ids_are_numbered(hub: Path) -> None:
    columns = COLUMNS | {"id": "none"}
    source = PairSource("toy", "hub", f"{hub}/parquet/{{language}}", columns=columns)
    assert [row.pair_id for row in rows(source, "en", hub)] == ["0", "1"]


def test_pairs_are_built_from_a_hub_data_set(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/jsonl", config="{language}")
    pairs = build_pairs([source], ("de", "es"), hub / "pairs.arrow", beside=hub)
    assert [x[:3] for x in drawn(pairs)] == [("de", "0", "de q0"), ("de", "1", "de q1")]
    assert pairs.report.rows == {"toy": {"de": 2}}


def test_a_missing_column_of_a_hub_data_set_is_named(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/parquet/{{language}}", columns={"query": "text"})
    with pytest.raises(DataError, match=r"parquet.*has no column 'passage', only .*'positive'"):
        list(rows(source, "de", hub))


def test_a_hub_data_set_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    source = PairSource("toy", "hub", "nobody/nothing-{language}")
    with pytest.raises(DataError, match=r"cannot load the data set 'nobody/nothing-{lang"):
        list(rows(source, "de", tmp_path))


def test_a_language_without_a_folder_yields_nothing(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/parquet/{{language}}", columns=COLUMNS)
    assert list(rows(source, "es", hub)) == []


def test_a_split_that_a_hub_data_set_does_not_have_is_an_error(hub: Path) -> None:
    source = PairSource("toy", "hub", f"{hub}/jsonl", config="{language}", split="tran")
    with pytest.raises(DataError, match="tran"):
        list(rows(source, "de", hub))


def test_a_hub_data_set_in_none_of_the_languages_is_an_error(hub: Path) -> None:
    write_jsonl(hub / "fr.jsonl", [record(1, "q", "p")])
    source = PairSource("absent", "hub", f"{hub}/jsonl", config="{language}")
    with pytest.raises(DataError, match="'absent'"):
        build_pairs([JSONL, source], ("fr", "tr"), hub / "pairs.arrow", beside=hub)


def test_a_malformed_line_of_a_hub_data_set_is_a_data_error(hub: Path) -> None:
    path = hub / "jsonl" / "de" / "train.jsonl"
    path.write_text(path.read_text() + '{"id"', "utf-8")
    source = PairSource("toy", "hub", f"{hub}/jsonl", config="{language}")
    with pytest.raises(DataError, match="jsonl"):
        list(rows(source, "de", hub))


def test_a_missing_text_of_a_hub_data_set_is_empty(hub: Path) -> None:
    records = [record(1, None, "p"), record(2, "q", "p2")]
    write_jsonl(hub / "jsonl" / "de" / "train.jsonl", records)
    source = PairSource("toy", "hub", f"{hub}/jsonl", config="{language}")
    pairs = build_pairs([source], ("de",), hub / "pairs.arrow", beside=hub)
    assert (pairs.report.empty, len(pairs)) == (1, 1)


def test_a_local_data_set_lies_beside_the_recipe(hub: Path) -> None:
    source = PairSource("toy", "hub", "parquet/{language}", columns=COLUMNS)
    assert len(list(rows(source, "de", hub))) == 2


# --- a source that is missing ---


def test_a_missing_source_is_named_with_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path / "data"))
    match = (
        rf"source 'toy' has no file {{language}}\.jsonl .*looked in {tmp_path}/recipes and in"
        rf" XLIR_DATA_DIR \({tmp_path}/data\)"
    )
    with pytest.raises(DataError, match=match):
        build_pairs([JSONL], ("de", "en"), tmp_path / "x.arrow", beside=tmp_path / "recipes")


def test_a_missing_source_says_that_there_is_no_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XLIR_DATA_DIR", raising=False)
    with pytest.raises(DataError, match=r"XLIR_DATA_DIR \(not set\)"):
        build_pairs([JSONL], ("de",), tmp_path / "x.arrow", beside=tmp_path)


def test_a_missing_source_is_found_before_others_are_read(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "de.json", ["no squad"])
    sources = [SQUAD, PairSource("absent", "jsonl", "absent/{language}.jsonl")]
    with pytest.raises(DataError, match="'absent'"):
        build_pairs(sources, ("de",), tmp_path / "x.arrow", beside=tmp_path)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(["{\n"], id="malformed"),
        pytest.param([record(i, f"q{i}", "p") for i in range(10_001)] + ["{"], id="after-a-chunk"),
        pytest.param([], id="no-pair"),
        pytest.param([record(1, "", "p")], id="empty-pairs-only"),
    ],
)
def test_a_source_that_fails_leaves_no_half_file(
    build: Build, tmp_path: Path, broken: list[Any]
) -> None:
    with pytest.raises(DataError):
        build({"de": broken})
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_source_that_fails_leaves_no_file(build: Build, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2"):
        build({"de": [record(1, "q", "p"), "{"]})
    assert [path.name for path in tmp_path.iterdir()] == ["de.jsonl"]


def test_a_source_that_fails_leaves_the_file_of_before(build: Build, tmp_path: Path) -> None:
    before = build(parallel(4)).path.read_bytes()
    with pytest.raises(DataError, match="line 1"):
        build({"de": ["{"]})
    assert (tmp_path / "pairs.arrow").read_bytes() == before


def test_sources_without_a_pair_are_an_error(build: Build) -> None:
    with pytest.raises(DataError, match="the sources hold no pair in de, en"):
        build({"de": [], "en": [record(1, " ", "p")]})


# --- what becomes of rows ---


def test_pairs_are_those_of_the_sources_in_order(build: Build) -> None:
    texts = {"de": [record("b", "q1", "p1")], "en": [record("a", "q2", "p2"), record(3, "q", "p")]}
    assert drawn(build(texts)) == [
        ("de", "b", "q1", "p1"),
        ("en", "a", "q2", "p2"),
        ("en", "3", "q", "p"),
    ]


def test_texts_are_written_as_they_are(build: Build) -> None:
    texts = ["  spaces\t", "日本語\n\nline", "\u202ba\0b", "x" * 100_000, '"quoted" \\ {json}']
    pairs = build({"de": [record(i, text, f"p{text}") for i, text in enumerate(texts)]})
    assert [(q, p) for _, _, q, p in drawn(pairs)] == [(text, f"p{text}") for text in texts]


def test_more_rows_than_a_chunk_are_all_written(build: Build) -> None:
    pairs = build({"de": [record(i, f"q{i}", f"p{i}") for i in range(25_000)]})
    found = drawn(pairs)
    assert len(found) == 25_000
    assert all(x == ("de", str(i), f"q{i}", f"p{i}") for i, x in enumerate(found))


@pytest.mark.parametrize(
    ("query", "passage"), [("", "p"), ("q", ""), (" \n", "p"), ("q", "\t\u3000")]
)
def test_a_row_without_a_text_is_counted_and_left_out(
    build: Build, query: str, passage: str
) -> None:
    pairs = build({"de": [record(1, query, passage), record(2, "q2", "p2")]})
    assert (pairs.report.empty, len(pairs), table_of(pairs).num_rows) == (1, 1, 1)
    assert pairs.report.rows == {"toy": {"de": 2}}


def test_a_repeated_row_is_counted_and_left_out(build: Build) -> None:
    texts = [record(1, "q", "p"), record(2, "q", "p"), record(3, " q ", "p\n"), record(4, "q", "r")]
    pairs = build({"de": texts})
    assert pairs.report.duplicates == 2
    assert [x[1] for x in drawn(pairs)] == ["1", "4"]


def test_the_same_texts_in_two_languages_are_no_repetition(build: Build) -> None:
    pairs = build({"de": [record(1, "q", "p")], "en": [record(1, "q", "p")]})
    assert (pairs.report.duplicates, len(pairs)) == (0, 2)


def test_a_row_repeated_by_another_source_is_left_out(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_jsonl(tmp_path / name / "de.jsonl", [record(1, "q", "p"), record(2, name, "p")])
    sources = [PairSource(name, "jsonl", f"{name}/{{language}}.jsonl") for name in ("one", "two")]
    pairs = build_pairs(sources, ("de",), tmp_path / "pairs.arrow", beside=tmp_path)
    assert [x[2] for x in drawn(pairs)] == ["q", "one", "two"]
    assert pairs.report.duplicates == 1


def test_ids_of_two_sources_are_different_pairs(tmp_path: Path) -> None:
    for name, code in (("one", "de"), ("two", "en")):
        write_jsonl(tmp_path / name / f"{code}.jsonl", [record(1, name, "p")])
    sources = [PairSource(name, "jsonl", f"{name}/{{language}}.jsonl") for name in ("one", "two")]
    pairs = build_pairs(sources, ("de", "en"), tmp_path / "pairs.arrow", beside=tmp_path)
    assert len(set(pairs.groups.tolist())) == 2
    assert pairs.report.one_language == 2


def test_ids_in_one_language_are_counted_and_may_be_drawn(build: Build) -> None:
    texts = parallel(3, ("de", "en"))
    texts["en"] += [record("alone", "a", "b"), record("alone", "c", "d")]
    pairs = build(texts)
    assert pairs.report.one_language == 1
    assert [x[1] for x in drawn(pairs)].count("alone") == 2


def test_translations_share_a_group_and_groups_are_numbered(build: Build) -> None:
    pairs = build(parallel(10))
    ids = [x[1] for x in drawn(pairs)]
    groups = pairs.groups.tolist()
    assert set(groups) == set(range(10))
    assert len(set(zip(ids, groups, strict=True))) == 10


def test_hashes_are_equal_exactly_for_equal_texts(build: Build) -> None:
    words = ["a", "b", " a", "c", "a\n", "b"]
    pairs = build({"de": [record(i, word, f"p{i % 3}") for i, word in enumerate(words)]})
    found = drawn(pairs)
    for hashes, texts in (
        (pairs.query_hashes, [x[2].strip() for x in found]),
        (pairs.passage_hashes, [x[3].strip() for x in found]),
    ):
        assert len(set(hashes.tolist())) == len(set(texts))
        assert len(set(zip(hashes.tolist(), texts, strict=True))) == len(set(texts))


def test_the_report_counts_rows_by_source_and_language(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "de.jsonl", [record(i, f"q{i}", "p") for i in range(3)])
    write_jsonl(tmp_path / "en.tsv", ["q\tp\n"])
    path = tmp_path / "pairs.arrow"
    triples = PairSource("lines", "triples", "{language}.tsv")
    pairs = build_pairs([JSONL, triples], ("de", "en"), path, beside=tmp_path)
    assert pairs.report.rows == {"toy": {"de": 3}, "lines": {"en": 1}}


# --- negatives ---


@pytest.mark.parametrize(
    ("negatives", "expected"),
    [
        pytest.param([["n"], ["m", "o"]], True, id="all"),
        pytest.param([["n"], []], False, id="some"),
        pytest.param([[], []], False, id="none"),
    ],
)
def test_pairs_have_negatives_only_if_every_row_has_one(
    build: Build, negatives: list[list[str]], *, expected: bool
) -> None:
    texts = [record(i, f"q{i}", f"p{i}", negatives=found) for i, found in enumerate(negatives)]
    pairs = build({"de": texts})
    assert pairs.has_negatives is expected
    assert table_of(pairs)["negative"].to_pylist() == [x[0] if x else None for x in negatives]


def test_an_empty_negative_is_none(build: Build) -> None:
    assert not build({"de": [record(1, "q", "p", negatives=[""])]}).has_negatives


# --- validation ---


def held_out(pairs: Pairs, n: int) -> set[str]:
    """Return the ids of ``parallel`` that cannot be drawn."""
    return {f"d{i // 4}#{i}" for i in range(n)} - {x[1] for x in drawn(pairs)}


def test_nothing_is_held_out_without_a_share(build: Build) -> None:
    pairs = build(parallel(40))
    assert (len(pairs), len(pairs.validation), pairs.report.held_out) == (120, 0, 0)


def test_held_out_ids_are_not_drawn_in_any_language(build: Build) -> None:
    pairs = build(parallel(200), holdout=0.3, documents=True)
    validation = set(table_of(pairs).take(pairs.validation)["pair_id"].to_pylist())
    assert 0 < len(validation) < 200
    assert held_out(pairs, 200) == validation
    assert len(pairs) == 3 * (200 - len(validation))
    assert pairs.report.held_out == len(validation)


def test_documents_are_held_out_whole(build: Build) -> None:
    pairs = build(parallel(200), holdout=0.3, documents=True)
    documents = {name.partition("#")[0] for name in held_out(pairs, 200)}
    assert len(held_out(pairs, 200)) == 4 * len(documents)


def test_ids_are_held_out_one_by_one_without_a_document(build: Build) -> None:
    pairs = build(parallel(200), holdout=0.3)
    documents = {name.partition("#")[0] for name in held_out(pairs, 200)}
    assert len(held_out(pairs, 200)) < 4 * len(documents)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_the_share_of_documents_held_out_is_that_asked_for(build: Build, share: float) -> None:
    n = 4000
    held = build(parallel(n, ("en",)), holdout=share).report.held_out
    assert abs(held - n * share) < 5 * (n * share * (1 - share)) ** 0.5


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("de", "en", "es"), "en"),
        (("en", "de"), "en"),
        (("de", "es"), "de"),
        (("es", "de"), "es"),
    ],
    ids="-".join,
)
def test_validation_pairs_are_english_or_of_the_first_language(
    build: Build, codes: tuple[str, ...], expected: str
) -> None:
    pairs = build(parallel(100, codes), codes, holdout=0.3, documents=True)
    queries = table_of(pairs).take(pairs.validation)["query"].to_pylist()
    assert len(queries) == len(held_out(pairs, 100)) > 0
    assert {query.split()[0] for query in queries} == {expected}


def test_the_same_documents_are_held_out_whatever_else_there_is(build: Build) -> None:
    few = held_out(build(parallel(100), holdout=0.3, documents=True), 100)
    many = held_out(build(parallel(200), holdout=0.3, documents=True), 100)
    assert few == many != set()


def test_a_larger_share_holds_out_the_documents_of_a_smaller_one(build: Build) -> None:
    built = [build(parallel(100), holdout=share, documents=True) for share in (0.2, 0.4)]
    less, more = (held_out(pairs, 100) for pairs in built)
    assert set() < less < more


def test_everything_held_out_is_an_error(build: Build) -> None:
    name = min(held_out(build(parallel(40), holdout=0.5), 40))
    with pytest.raises(DataError, match="every pair is held out for validation"):
        build({"en": [record(name, "q", "p")]}, holdout=0.5)


# --- the checksum ---


def test_the_same_input_has_the_same_checksum_and_file(build: Build) -> None:
    first = build(parallel(30))
    data = first.path.read_bytes()
    second = build(parallel(30))
    assert second.report == first.report
    assert second.path.read_bytes() == data


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"id": "d9"}, id="id"),
        pytest.param({"query": "other"}, id="query"),
        pytest.param({"passage": "de passage 1 "}, id="passage"),
        pytest.param({"negatives": ["n"]}, id="negative"),
    ],
)
def test_any_other_row_has_another_checksum(build: Build, change: dict[str, Any]) -> None:
    before = build(parallel(3)).report.sha256
    texts = parallel(3)
    texts["de"][1] |= change
    assert build(texts).report.sha256 != before


def test_another_order_of_languages_has_another_checksum(build: Build) -> None:
    texts = parallel(3)
    found = {build(texts, codes).report.sha256 for codes in (("de", "en"), ("en", "de"))}
    assert len(found) == 2


def test_gzipped_rows_have_the_checksum_of_plain_ones(build: Build, tmp_path: Path) -> None:
    plain = build(parallel(3, ("de",))).report.sha256
    path = tmp_path / "de.jsonl"
    (tmp_path / "de.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert build({}, ("de",)).report.sha256 == plain


# --- memory ---


MEASURE = """
import resource, sys
from pathlib import Path
from xlir_bench.cards.recipe import PairSource
from xlir_bench.train.pairs import build_pairs

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

folder, before = Path(sys.argv[1]), peak()
source = PairSource("toy", "jsonl", "{language}.jsonl")
pairs = build_pairs([source], ("de",), folder / "pairs.arrow", beside=folder)
print(len(pairs), pairs.path.stat().st_size, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss has other units")
def test_memory_does_not_grow_with_the_length_of_texts(tmp_path: Path, python: Python) -> None:
    n, filler = 200_000, "word " * 400
    line = '{{"id": {0}, "query": "q{0}", "passage": "{0} {1}"}}\n'
    with gzip.open(tmp_path / "de.jsonl.gz", "wt", compresslevel=1, encoding="utf-8") as file:
        for i in range(n):
            file.write(line.format(i, filler))
    done = python("-c", MEASURE, str(tmp_path))
    (tmp_path / "pairs.arrow").unlink()
    n_pairs, size, peak = map(int, done.stdout.split())
    assert (n_pairs, size > n * len(filler)) == (n, True)
    # A chunk of 10,000 texts in Python and in Arrow; numbers, and numpy's copies of them.
    assert peak < 3 * 10_000 * len(filler) + 400 * n < size / 2


def test_the_numbers_of_a_pair_are_int64(build: Build) -> None:
    pairs = build(parallel(5))
    for name in ("rows", "groups", "languages", "query_hashes", "passage_hashes", "validation"):
        assert getattr(pairs, name).dtype == np.int64, name
    assert len({len(getattr(pairs, name)) for name in ("rows", "groups", "languages")}) == 1


def test_hashes_of_texts_spread_over_64_bits(build: Build) -> None:
    pairs = build(parallel(400, ("de",)))
    bits = np.unpackbits(pairs.query_hashes.view(np.uint8).reshape(len(pairs), 8), axis=1)
    assert (np.abs(bits.mean(axis=0) - 0.5) < 5 * 0.5 / len(pairs) ** 0.5).all()


def test_the_checksum_is_a_sha256(build: Build) -> None:
    assert len(build(parallel(2)).report.sha256) == len(hashlib.sha256().hexdigest())
