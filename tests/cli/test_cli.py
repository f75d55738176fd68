"""The verbs that do not import mteb, and what a wrong command line gets."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from xlir_bench.paths import data_folder

Call = Callable[..., Any]

VERBS = ["run", "tasks", "data", "measures", "show", "compare", "train", "sweep"]
RUN = ("run", "-m", "char-ngrams", "-t", "XLIRMini")


def fields(line: str) -> list[str]:
    return line.split()


def line_with(out: str, first: str) -> list[str]:
    """Return the fields of the one line that starts with a word."""
    (found,) = [fields(x) for x in out.splitlines() if fields(x)[:1] == [first]]
    return found


# --- tasks ---


@pytest.mark.parametrize(
    "expected",
    [
        ["XQuADR", "11", "13,090", "13,014", "132", "cc-by-sa-4.0"],
        ["MLQAR", "7", "4,199", "20,534", "56", "cc-by-nc-4.0"],
        ["XLIRMini", "12", "1,080", "1,824", "156", "cc0-1.0"],
        ["MIRACL", "18", "13,495", "106,332,152", "53", "apache-2.0"],
        ["MIRACLHardNegatives", "18", "-", "-", "36", "cc-by-sa-4.0"],
    ],
    ids=["XQuADR", "MLQAR", "XLIRMini", "MIRACL", "MIRACLHardNegatives"],
)
def test_tasks_lists_languages_queries_passages_settings_and_licence(
    call: Call, expected: list[str]
) -> None:
    found = call("tasks")
    assert (found.status, found.err) == (0, "")
    assert line_with(found.out, expected[0])[:6] == expected


def test_a_task_is_described_with_licence_citation_and_counts_per_language(call: Call) -> None:
    found = call("tasks", "XQuADR")
    assert found.status == 0
    assert line_with(found.out, "licence") == ["licence", "cc-by-sa-4.0"]
    assert line_with(found.out, "th") == ["th", "Thai", "1,190", "852"]
    assert "mono (11 settings), cross (110 settings), multi (11 settings)" in found.out
    assert "@inproceedings{roy-etal-2020-lareqa" in found.out


def test_tasks_prints_json_that_a_program_can_read(call: Call) -> None:
    records = {record["name"]: record for record in json.loads(call("tasks", "--json").out)}
    assert set(records) == {"MIRACL", "MIRACLHardNegatives", "MLQAR", "XLIRMini", "XQuADR"}
    assert records["MLQAR"]["passages"]["en"] == 6264
    assert records["XQuADR"]["modes"] == ["mono", "cross", "multi"]
    assert all(len(record["data_sha256"]) == 64 for record in records.values())


def test_the_json_of_one_task_is_a_list_of_one(call: Call) -> None:
    (record,) = json.loads(call("tasks", "MLQAR", "--json").out)
    assert record["languages"] == ["ar", "de", "en", "es", "hi", "vi", "zh"]


def test_a_users_card_is_listed_with_the_others(call: Call, tmp_path: Path) -> None:
    text = (data_folder("tasks") / "XLIRMini.toml").read_text()
    mine = tmp_path / "config" / "tasks" / "Mine.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text(text.replace('name = "XLIRMini"', 'name = "Mine"', 1))
    assert line_with(call("tasks").out, "Mine")[1:5] == ["12", "1,080", "1,824", "156"]


def test_a_wrong_card_of_the_user_is_one_line_and_status_1(call: Call, tmp_path: Path) -> None:
    mine = tmp_path / "config" / "tasks" / "Mine.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text("name = ")
    found = call("tasks")
    assert (found.status, found.out, found.err.count("\n")) == (1, "", 1)
    assert found.err.startswith(f"xlir-bench: error: cannot read the card {mine}")


# --- measures ---


@pytest.mark.parametrize(
    ("first", "direction"), [("P@k", "higher"), ("AP,", "higher"), ("MRD", "lower")]
)
def test_measures_says_which_direction_is_better(call: Call, first: str, direction: str) -> None:
    found = call("measures")
    assert found.status == 0
    assert line_with(found.out, first)[-1] == direction


# --- data ---


def test_data_lists_every_file_and_where_it_is(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XLIR_DATA_DIR", raising=False)
    rows = [line.split("\t") for line in call("data").out.splitlines()]
    assert len(rows) == 11 + 7 + 12 + 18 + 18
    assert {row[2] for row in rows if row[0] != "XLIRMini"} == {"not here yet"}
    assert ["XLIRMini", "de", str(data_folder("tasks") / "xlirmini" / "de.json")] in rows


def test_data_reads_a_benchmark_and_counts_it(call: Call) -> None:
    found = call("data", "XLIRMini", "--check")
    assert (found.status, found.err) == (0, "")
    last = found.out.splitlines()[-1]
    assert last.endswith("1,080 queries, 1,824 passages, 12,960 judgements")


def altered_card(folder: Path) -> None:
    """Write a user's copy of XLIRMini of which one file is cut off."""
    shutil.copytree(data_folder("tasks") / "xlirmini", folder / "xlirmini")
    text = (data_folder("tasks") / "XLIRMini.toml").read_text()
    (folder / "Mine.toml").write_text(text.replace('name = "XLIRMini"', 'name = "Mine"', 1))
    path = folder / "xlirmini" / "hi.json"
    path.write_bytes(path.read_bytes()[:1000])


def test_a_truncated_file_is_one_line_and_status_1(call: Call, tmp_path: Path) -> None:
    altered_card(tmp_path / "config" / "tasks")
    found = call("data", "Mine")
    assert (found.status, found.err.count("\n")) == (1, 1)
    assert found.err.startswith("xlir-bench: error: ")
    assert "xlirmini/hi.json is not the file that Mine is scored on" in found.err


def test_listing_files_does_not_mind_a_truncated_one(call: Call, tmp_path: Path) -> None:
    altered_card(tmp_path / "config" / "tasks")
    assert call("data").status == 0


def test_a_file_that_cannot_be_downloaded_is_one_line_and_status_1(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    text = (data_folder("tasks") / "XLIRMini.toml").read_text()
    folder = tmp_path / "config" / "tasks"
    folder.mkdir(parents=True)
    text = text.replace('name = "XLIRMini"', 'name = "Mine"', 1)
    url = 'url = "http://127.0.0.1:9/{language}.json"\nrevision = '
    (folder / "Mine.toml").write_text(text.replace("revision = ", url, 1))
    found = call("data", "Mine")
    errors = [x for x in found.err.splitlines() if x.startswith("xlir-bench: error: ")]
    assert (found.status, len(errors)) == (1, 1)
    assert "cannot download http://127.0.0.1:9/ar.json" in errors[0]
    assert "Traceback" not in found.err


# --- help ---


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)])
def test_help_names_every_verb(call: Call, arguments: tuple[str, ...]) -> None:
    found = call(*arguments)
    assert (found.status, found.err) == (0, "")
    assert all(f" {verb} " in found.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(call: Call, verb: str) -> None:
    found = call(verb, "--help")
    assert found.status == 0
    assert found.out.startswith(f"Usage: xlir-bench {verb}")


def test_the_version_is_that_of_the_package(call: Call) -> None:
    assert call("--version").out.strip() == version("xlir-bench")


# --- wrong command lines ---


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["tsks"], 'Unknown command "tsks". Did you mean "tasks"?', id="verb"),
        pytest.param(["tasks", "--jsn"], "Unknown option: --jsn. Did you mean --json?",
                     id="option"),
        pytest.param([*RUN, "--mesures", "P@3"], "Did you mean --measures?", id="option-of-run"),
        pytest.param(["tasks", "xquadr"], "unknown task 'xquadr'; did you mean XQuADR?",
                     id="tasks-name"),
        pytest.param(["data", "XLIRMin"], "unknown task 'XLIRMin'; did you mean XLIRMini?",
                     id="data-name"),
        pytest.param(["run", "-m", "char-ngrams", "-t", "XQuADRCros"],
                     "unknown task 'XQuADRCros'; did you mean XQuADRCross", id="run-task"),
        pytest.param(["run", "-m", "char-ngrams", "-t", "XLIRMini", "MLQAr"],
                     "unknown task 'MLQAr'; did you mean MLQAR", id="second-task"),
        pytest.param([*RUN, "--pool", "en,dee"], "unknown language 'dee'; did you mean de",
                     id="language"),
        pytest.param([*RUN, "--mode", "crss"], "unknown mode 'crss'; did you mean cross?",
                     id="mode"),
        pytest.param([*RUN, "--measures", "AP", "nDGC@7"],
                     "unknown measure 'nDGC@7'; did you mean nDCG@7", id="measure"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_one_line_that_offers_the_closest(
    call: Call, arguments: list[str], complaint: str
) -> None:
    found = call(*arguments)
    assert (found.status, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith("xlir-bench: error: ")
    assert complaint in found.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["run", "-t", "XLIRMini"], "-m", id="no-model"),
        pytest.param(["run", "-m", "char-ngrams"], "-t", id="no-task"),
        pytest.param(["run", "-m"], "-m requires an argument", id="model-without-value"),
        pytest.param([*RUN, "--pool"], "--pool", id="pool-without-value"),
        pytest.param([*RUN, "--batch-size", "many"], '"many" into int', id="not-a-number"),
        pytest.param(["tasks", "XQuADR", "MLQAR"], "MLQAR", id="one-name-too-many"),
        pytest.param([*RUN, "--pool", "en"], "two or more different languages", id="pool-of-one"),
        pytest.param([*RUN, "--pool", "en,en"], "two or more different languages",
                     id="pool-of-the-same"),
        pytest.param([*RUN, "--pool", "en,fi"], "unknown language of XLIRMini 'fi'",
                     id="pool-outside-the-card"),
        pytest.param([*RUN, "--mode", "pool"], "--pool en,de", id="mode-pool"),
        pytest.param([*RUN, "--name", "mine"], "--name 'mine' must be 'org/name'", id="name"),
        pytest.param([*RUN, "--pool", ""], "unknown language ''", id="pool-of-nothing"),
        pytest.param(["run", "-m", "char-ngrams", "-t"], "-t", id="task-without-value"),
        pytest.param([*RUN, "--batch-size", "0"], "--batch-size", id="batch-of-nothing"),
        pytest.param(["run", "-m", "char-ngrams", "-t", "XLIRMiniMono", "--mode", "cross"],
                     "XLIRMiniMono has no mode cross, only mono", id="mode-of-another-task"),
        pytest.param([*RUN, "--measures", "AP@2.5"], "unknown measure 'AP@2.5'",
                     id="half-a-cutoff"),
        pytest.param([*RUN, "--measures", "P@0"], "unknown measure 'P@0'", id="cutoff-zero"),
    ],
)  # fmt: skip
def test_a_wrong_combination_is_one_line_and_status_2(
    call: Call, arguments: list[str], complaint: str
) -> None:
    found = call(*arguments)
    assert (found.status, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith("xlir-bench: error: ")
    assert complaint in found.err


def test_wrong_arguments_are_found_without_importing_mteb() -> None:
    code = (
        "import sys; from xlir_bench.cli.main import status;"
        "s = status('run -m char-ngrams -t XLIRMini --measures zzz'.split());"
        "print(s, 'mteb' in sys.modules, 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["2", "False", "False"]
