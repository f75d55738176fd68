"""The grid over alpha: a model for each, the figures of all, and the same command again."""

import json
import shutil
from pathlib import Path

import pytest

from tests.train.conftest import Toy
from xlir_bench.cli.main import status

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of torch, transformers and accelerate, about themselves
]


@pytest.fixture(scope="module")
def swept(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the recipe and the folder of a sweep over two alphas."""
    folder = tmp_path_factory.mktemp("swept")
    recipe = toy.write_recipe(folder / "tiny.toml", steps=2, batch_size=4)
    assert status(["sweep", "-r", str(recipe), "--alpha", "0", "1", "-o", str(folder / "out")]) == 0
    return recipe, folder / "out"


def test_a_sweep_leaves_a_model_for_each_alpha_and_the_figures_of_all(
    swept: tuple[Path, Path],
) -> None:
    _, out = swept
    for name, alpha in (("alpha-0", 0), ("alpha-1", 1)):
        assert json.loads((out / name / "training.json").read_text())["alpha"] == alpha
    figures = json.loads((out / "sweep.json").read_text())
    assert set(figures) == {"0.0", "1.0"}
    assert all(0 <= row["XLIRMini_multi_AP"] <= 1 for row in figures.values())


def test_the_plot_is_a_page_of_its_own(swept: tuple[Path, Path]) -> None:
    page = (swept[1] / "XLIRMini.html").read_text(encoding="utf-8")
    assert "multi AP" in page
    assert "MRD (lower is better)" in page
    assert '<script src="http' not in page


def test_the_same_sweep_trains_nothing_again_and_prints_its_figures(
    swept: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = swept
    before = (out / "alpha-0" / "model.safetensors").stat().st_mtime_ns
    assert status(["sweep", "-r", str(recipe), "--alpha", "0", "1", "-o", str(out)]) == 0
    assert (out / "alpha-0" / "model.safetensors").stat().st_mtime_ns == before
    printed = capsys.readouterr().out
    figures = json.loads((out / "sweep.json").read_text())
    assert "pairs to draw from" not in printed
    for row in figures.values():
        assert f"{row['XLIRMini_cross_AP']:.4f}" in printed


def test_a_model_of_another_recipe_is_not_taken_for_one_of_the_sweep(
    swept: tuple[Path, Path], toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = toy.write_recipe(tmp_path / "other.toml", name="other", steps=2, batch_size=4)
    assert status(["sweep", "-r", str(other), "--alpha", "0", "-o", str(swept[1])]) == 1
    assert "was trained by another recipe or from another base" in capsys.readouterr().err


def test_a_recipe_that_was_edited_under_its_name_is_another_one(
    swept: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = tmp_path / "edited.toml"
    edited.write_text(swept[0].read_text() + "\n# one more line\n")
    assert status(["sweep", "-r", str(edited), "--alpha", "0", "-o", str(swept[1])]) == 1
    assert "was trained by another recipe or from another base" in capsys.readouterr().err


def test_a_base_of_the_same_name_with_other_files_is_another_one(
    swept: tuple[Path, Path], toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = shutil.copytree(toy.base, tmp_path / toy.base.name)
    call = ["sweep", "-r", str(swept[0]), "--base", str(base), "--alpha", "0", "-o", str(swept[1])]
    assert status(call) == 0
    (base / "more.json").write_text("{}")
    assert status(call) == 1
    assert "was trained by another recipe or from another base" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(("--alpha", "0.5", "0.5"), "different numbers", id="repeated"),
        pytest.param(("--alpha", "0", "2"), "--alpha", id="out-of-range"),
        pytest.param(("-t", "XLIRMin"), "did you mean XLIRMini?", id="task"),
    ],
)
def test_a_wrong_sweep_is_one_line_and_status_2(
    options: tuple[str, ...], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["sweep", "-r", "hybrid", "-o", str(tmp_path / "out"), *options]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert complaint in printed.err
    assert not (tmp_path / "out").exists()
