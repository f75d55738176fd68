"""``xlir-bench leaderboard``, ``--check`` and ``submit`` on the results that ship."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.leaderboard.record import read_record
from xlir_bench.paths import data_folder
from xlir_bench.results.hits_file import read_hits_provenance
from xlir_bench.results.rank_file import read_rank_table, write_rank_table

Call = Callable[..., Any]

RESULTS = data_folder("leaderboards") / "results"
FLOOR = "xlir-bench__char-ngrams"
TASK = ("-t", "XLIRMini")
SOME = ("leaderboard", *TASK, "--mode", "multi", "--measure", "AP", "MRD")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a folder with one result, as ``xlir-bench run`` leaves it."""
    folder = tmp_path / "out" / "results" / FLOOR / "1"
    folder.mkdir(parents=True)
    for path in [*(RESULTS / FLOOR).glob("XLIRMini*"), RESULTS / FLOOR / "model_meta.json"]:
        shutil.copy(path, folder / path.name)
    return folder


def altered(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    result = json.loads(path.read_bytes())
    change(result["scores"]["test"][0])
    path.write_text(json.dumps(result))


# --- tables ---


def test_the_table_is_printed_as_markdown(call: Call) -> None:
    outcome = call(*SOME)
    assert outcome.status == 0
    assert outcome.err == ""
    header = next(line for line in outcome.out.splitlines() if line.startswith("| model"))
    assert "| multi AP ↑ | multi MRD ↓ |" in header
    assert "mono" not in header


@pytest.mark.parametrize("name", ["md", "csv", "latex", "json"])
def test_a_file_holds_what_is_printed(call: Call, tmp_path: Path, name: str) -> None:
    target = tmp_path / "new" / f"table.{name}"
    printed = call(*SOME, "--format", name)
    assert call(*SOME, "--format", name, "-o", str(target)) == (0, "", "")
    assert target.read_text(encoding="utf-8") == printed.out


def test_results_of_ones_own_stand_beside_those_that_ship(call: Call, mine: Path) -> None:
    def rows(*options: str) -> list[dict[str, Any]]:
        outcome = call(*SOME, "--format", "json", *options)
        found: list[dict[str, Any]] = json.loads(outcome.out)[0]["rows"]
        return found

    ranks = mine / "XLIRMini.ranks.parquet"
    record = read_record(mine, task_cards()["XLIRMini"])
    provenance = {**record.provenance, "model": "me/mine"}
    write_rank_table(read_rank_table(ranks), ranks, provenance)
    root = str(mine.parents[2])
    assert [row["model"] for row in rows("--results", root, "--no-shipped")] == ["me/mine"]
    shipped = {row["model"] for row in rows()}
    assert {row["model"] for row in rows("--results", root)} == {*shipped, "me/mine"}


def test_a_result_that_is_refused_is_named_and_the_others_are_shown(call: Call, mine: Path) -> None:
    altered(mine / "XLIRMini.json", lambda entry: entry.update({"multi/P@7": 1}))
    outcome = call(*SOME, "--results", str(mine))
    assert outcome.status == 0
    line = f"xlir-bench: {mine}: refused: it has measures that the card does not have: P@7"
    assert outcome.err.startswith(line)
    alone = call(*SOME, "--results", str(mine), "--no-shipped")
    assert alone.status == 1
    assert "there is no result of XLIRMini" in alone.err


@pytest.mark.parametrize(
    ("options", "status", "line"),
    [
        (("-t", "XLIRMin"), 2, "unknown task 'XLIRMin'; did you mean XLIRMini"),
        ((*TASK, "--measure", "Q@3"), 2, "unknown measure 'Q@3'"),
        ((*TASK, "--mode", "pool"), 2, "XLIRMini has no mode pool, only mono, cross, multi"),
        ((*TASK, "--mode", "many"), 2, "unknown mode 'many'"),
        ((*TASK, "--sort", "multi/XX"), 2, "unknown column to sort by 'multi/XX'"),
        ((*TASK, "--texts", "XLIRMini"), 2, "--texts puts texts on a page: it needs --format html"),
        (("--no-shipped",), 2, "--no-shipped leaves nothing to show"),
        (("--results", "nowhere"), 1, "there is no results folder nowhere"),
        ((*TASK, "--format", "pdf"), 2, "pdf"),
    ],
)
def test_what_is_wrong_is_one_line(
    call: Call, options: tuple[str, ...], status: int, line: str
) -> None:
    outcome = call("leaderboard", *options)
    assert (outcome.status, outcome.out) == (status, "")
    assert line in outcome.err
    assert outcome.err.count("\n") == 1


def test_texts_need_first_passages(call: Call, mine: Path, tmp_path: Path) -> None:
    (mine / "XLIRMini.hits.parquet").unlink()
    target = tmp_path / "page.html"
    outcome = call(
        "leaderboard", *TASK, "--results", str(mine), "--no-shipped", "--format", "html",
        "--texts", "XLIRMini", "-o", str(target),
    )  # fmt: skip
    assert outcome.status == 1
    assert "no result of XLIRMini has its first passages beside it" in outcome.err
    assert not target.exists()


# --- checks ---


def check(call: Call, folder: Path) -> Any:
    return call("leaderboard", "--check", *TASK, "--results", str(folder), "--no-shipped")


def test_a_result_that_follows_from_its_ranks_passes(call: Call, mine: Path) -> None:
    outcome = check(call, mine)
    assert (outcome.status, outcome.err) == (0, "")
    assert re.fullmatch(r"1 records: 13,\d{3} figures recomputed from rank tables\n", outcome.out)


def test_a_model_that_ranks_for_itself_is_named_as_not_checked(call: Call, mine: Path) -> None:
    (mine / "XLIRMini.ranks.parquet").unlink()
    outcome = check(call, mine)
    assert outcome.status == 0
    name = "xlir-bench/char-ngrams on XLIRMini"
    assert f"rank for themselves, so nothing to recompute: {name}\n" in outcome.out


def test_without_first_passages_it_says_what_was_not_checked(call: Call, mine: Path) -> None:
    (mine / "XLIRMini.hits.parquet").unlink()
    outcome = check(call, mine)
    assert outcome.status == 0
    assert "need first passages, which are not kept: OwnRight, OwnWrong" in outcome.out


@pytest.fixture(scope="module")
def scored() -> Any:
    """Return what the ranks of the floor give: the same in every test that leaves them alone."""
    from xlir_bench.evaluate import readings, scorecard
    from xlir_bench.measures.catalogue import parse_all
    from xlir_bench.results.hits_file import hits_beside

    card, ranks = task_cards()["XLIRMini"], RESULTS / FLOOR / "XLIRMini.ranks.parquet"
    found = readings(read_rank_table(ranks), card.settings(), hits_beside(ranks))
    return scorecard(found, parse_all(card.measures))


@pytest.fixture
def same_ranks(scored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from xlir_bench.adapters.mteb import check as module

    monkeypatch.setattr(module, "scorecard", lambda *_: scored)


def nudged(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry.update({key: entry[key] + 1e-5})


@pytest.mark.parametrize(
    ("file", "change", "line"),
    [
        ("XLIRMini.json", nudged("multi/AP"), "multi/AP of default is"),
        ("XLIRMini.json", nudged("cross/P@10_low"), "cross/P@10_low of default is"),
        ("XLIRMini.json", nudged("main_score"), "main_score of default is"),
        ("XLIRMiniCross.json", nudged("ndcg_at_10"), "ndcg_at_10 of ar-de is"),
        ("XLIRMiniMulti.json", nudged("HeatMap/en"), "HeatMap/en of ar-multi is"),
        ("XLIRMiniMono.json", lambda entry: entry.pop("AP"), "AP of ar-ar is not in"),
        ("XLIRMiniMono.json", lambda entry: entry.update({"hf_subset": "x-y"}), "a subset 'x-y'"),
        ("XLIRMiniMono.json", lambda entry: entry.pop("hf_subset"), "KeyError 'hf_subset'"),
    ],
)
def test_a_figure_that_does_not_follow_fails_in_one_line(
    call: Call, same_ranks: None, mine: Path, file: str, change: Any, line: str
) -> None:
    altered(mine / file, change)
    outcome = check(call, mine)
    assert outcome.status == 1
    assert line in outcome.err
    assert file in outcome.err
    assert outcome.err.count("\n") == 1


def test_ranks_of_another_run_fail(call: Call, mine: Path) -> None:
    ranks = mine / "XLIRMini.ranks.parquet"
    table = read_rank_table(ranks)
    table.beaten_by[0, 0] += 1
    provenance = read_record(mine, task_cards()["XLIRMini"]).provenance
    write_rank_table(table, ranks, dict(provenance))
    assert check(call, mine).status == 1


def test_provenance_that_is_not_that_of_the_ranks_fails(
    call: Call, same_ranks: None, mine: Path
) -> None:
    path = mine / "XLIRMini.provenance.jsonl"
    path.write_text(path.read_text().replace('"cosine"', '"dot"'))
    outcome = check(call, mine)
    assert outcome.status == 1
    assert "is not the provenance of XLIRMini.ranks.parquet" in outcome.err


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of published results with one benchmark's, which the command reads."""
    folder = tmp_path / "leaderboards"
    for source in RESULTS.glob("*/XLIRMini*"):
        target = folder / "results" / source.parent.name / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        shutil.copy(source.parent / "model_meta.json", target.parent)
    (folder / "reported").mkdir()
    shutil.copy(data_folder("leaderboards") / "XLIRMini.md", folder)
    for name in ("cli.leaderboard", "cli.leaderboard_check", "leaderboard.render"):
        monkeypatch.setattr(f"xlir_bench.{name}.data_folder", lambda _: folder)
    return folder


@pytest.mark.slow
def test_a_published_table_is_what_the_records_give(call: Call, published: Path) -> None:
    outcome = call("leaderboard", "--check", *TASK)
    assert (outcome.status, outcome.err) == (0, "")
    assert "XLIRMini.md is what the records give" in outcome.out
    path = published / "XLIRMini.md"
    path.write_text(path.read_text().replace("0.8", "0.9", 1))
    outcome = call("leaderboard", "--check", *TASK)
    assert outcome.status == 1
    assert f"make it again: xlir-bench leaderboard -t XLIRMini -o {path}" in outcome.err


# --- submit ---


def test_submit_packs_a_result_that_passes(call: Call, mine: Path, tmp_path: Path) -> None:
    outcome = call("submit", str(mine), str(tmp_path / "pr"))
    assert (outcome.status, outcome.err) == (0, "")
    folder = tmp_path / "pr" / FLOOR
    assert f"packed: {folder}" in outcome.out
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in mine.iterdir()}
    card = task_cards()["XLIRMini"]
    assert read_record(folder, card).provenance == read_record(mine, card).provenance
    assert check(call, folder).status == 0


def test_submit_adds_what_mteb_knows_of_training_data(
    call: Call, mine: Path, tmp_path: Path
) -> None:
    card = task_cards()["XLIRMini"]
    provenance = dict(read_record(mine, card).provenance)
    provenance.pop("training_datasets", None)
    ranks = mine / "XLIRMini.ranks.parquet"
    write_rank_table(read_rank_table(ranks), ranks, provenance)
    (mine / "XLIRMini.provenance.jsonl").write_text(json.dumps(provenance))
    (mine / "XLIRMini.hits.parquet").unlink()
    meta = {
        "training_datasets": ["NTREXBitextMining"],
        "adapted_from": "intfloat/multilingual-e5-small",
    }
    (mine / "model_meta.json").write_text(json.dumps(meta))
    assert call("submit", str(mine), str(tmp_path / "pr")).status == 0
    seen = read_record(tmp_path / "pr" / FLOOR, card).model.trained_on
    assert seen is not None
    assert {"NTREXBitextMining", "XQuADRetrieval", "MIRACLRetrieval"} <= seen


def test_a_large_file_of_first_passages_is_left_out(
    call: Call, same_ranks: None, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlir_bench.adapters.mteb import check as module

    monkeypatch.setattr(module, "HITS_LIMIT", 1000)
    assert call("submit", str(mine), str(tmp_path / "pr")).status == 0
    assert not list((tmp_path / "pr").rglob("*.hits.parquet"))
    assert list((tmp_path / "pr").rglob("*.ranks.parquet"))


def test_submit_keeps_nothing_if_a_figure_does_not_follow(
    call: Call, same_ranks: None, mine: Path, tmp_path: Path
) -> None:
    altered(mine / "XLIRMini.json", nudged("multi/AP"))
    outcome = call("submit", str(mine), str(tmp_path / "pr"))
    assert outcome.status == 1
    assert "multi/AP of default is" in outcome.err
    assert not (tmp_path / "pr").exists()


@pytest.mark.parametrize(
    ("prepare", "line"),
    [
        (lambda mine, pr: shutil.rmtree(mine), "there is no results folder"),
        (lambda mine, pr: [p.unlink() for p in mine.glob("XLIRMini*")], "holds no result of a"),
        (lambda mine, pr: pr.mkdir(), "is already there; choose another folder"),
        (
            lambda mine, pr: (mine / "XLIRMini.ranks.parquet").write_bytes(b"x"),
            "cannot read the rank",
        ),
        (lambda mine, pr: (mine / "XLIRMini.ranks.parquet").unlink(), "nothing can be recomputed"),
        (
            lambda mine, pr: shutil.copytree(
                RESULTS / "mteb__baseline-random-encoder", mine / "other"
            ),
            "submit one model at a time; there are 2: mteb/baseline-random-encoder 2,",
        ),
    ],
    ids=["no folder", "nothing", "target there", "broken ranks", "no ranks", "two models"],
)
def test_what_cannot_be_submitted_is_one_line(
    call: Call, same_ranks: None, mine: Path, tmp_path: Path, prepare: Any, line: str
) -> None:
    prepare(mine, tmp_path / "pr")
    outcome = call("submit", str(mine), str(tmp_path / "pr"))
    assert outcome.status == 1
    assert line in outcome.err
    assert outcome.err.count("\n") == 1


def test_first_passages_that_ship_are_of_the_run_of_their_ranks() -> None:
    paths = sorted(RESULTS.glob("*/*.hits.parquet"))
    assert len(paths) >= 3
    for path in paths:
        card = task_cards()[path.name.split(".", maxsplit=1)[0]]
        assert read_hits_provenance(path) == read_record(path.parent, card).provenance


def test_rank_tables_that_ship_are_in_the_smallest_integers_and_under_32_megabytes() -> None:
    paths = list(RESULTS.rglob("*.parquet"))
    assert sum(path.stat().st_size for path in paths) < 32e6
    for path in (path for path in paths if path.name.endswith(".ranks.parquet")):
        schema = pq.read_schema(path)
        kinds = {str(schema.field(name).type) for name in schema.names if "beaten_by" in name}
        assert kinds <= {"uint8", "uint16"}
