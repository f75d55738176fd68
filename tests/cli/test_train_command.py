"""``xlir-bench train``: what it prints, and what a wrong command line gets."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import pytest

from tests.train.conftest import Toy, make_toy

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Return the tiny model and the toy corpus."""
    return make_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the network out of these tests, and TensorBoard's folder out of the checkout.

    One thread counts: on a busy machine numba's threads wait for each other.
    """
    import huggingface_hub.constants
    import torch

    threads = numba.get_num_threads(), torch.get_num_threads()
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        patch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path_factory.mktemp("tensorboard")))
        yield
    numba.set_num_threads(threads[0])
    torch.set_num_threads(threads[1])


@pytest.fixture
def recipe(toy: Toy, tmp_path: Path) -> str:
    """Return the path of a recipe of two steps."""
    return str(toy.write_recipe(tmp_path / "tiny.toml", steps=2))


def complaint_of(found: Any) -> str:
    """Return the one line of an error, without what libraries say to standard error."""
    (line,) = [x for x in found.err.splitlines() if x.startswith("xlir-bench: error: ")]
    assert "Traceback" not in found.err
    return str(line)


# --- a run ---


def test_a_run_prints_counts_and_the_folder_of_the_model(
    call: Call, recipe: str, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    found = call("train", "-r", recipe, "-o", str(folder))
    held = json.loads((folder / "training.json").read_text("utf-8"))["pairs"]["held_out"]
    assert found.status == 0
    assert found.out.splitlines() == [
        "toy: 108 pairs (de 36, en 36, es 36)",
        f"{108 - 3 * held} pairs to draw from; left out: 0 empty, 0 repeated;"
        f" 0 ids in one language only; {held} ids held out",
        f"model: {folder}",
    ]


def test_progress_is_counted_in_pairs_on_standard_error(
    call: Call, recipe: str, tmp_path: Path
) -> None:
    found = call("train", "-r", recipe, "-o", str(tmp_path / "out"))
    last = found.err.rstrip().splitlines()[-1].split("\r")[-1]
    assert last.startswith("Training: 100%")
    assert "12.0/12.0" in last
    assert "pair/s" in last


def test_alpha_and_base_of_the_command_line_come_before_those_of_the_recipe(
    call: Call, toy: Toy, tmp_path: Path
) -> None:
    path = toy.write_recipe(tmp_path / "tiny.toml", steps=1, base="nobody/nothing")
    folder = tmp_path / "out"
    options = ("--base", str(toy.base), "--alpha", "1")
    assert call("train", "-r", str(path), "-o", str(folder), *options).status == 0
    found = json.loads((folder / "training.json").read_text("utf-8"))
    assert (found["alpha"], found["base"]) == (1.0, toy.base.name)


@pytest.mark.slow
def test_a_benchmark_is_scored_at_every_validation(call: Call, toy: Toy, tmp_path: Path) -> None:
    path = toy.write_recipe(tmp_path / "tiny.toml", steps=2, evaluate_every=1)
    folder = tmp_path / "out"
    found = call("train", "-r", str(path), "-o", str(folder), "--evaluate", "XLIRMini")
    assert found.status == 0
    (log,) = (folder / "training").rglob("XLIRMini_results.csv")
    assert [line.split(",")[1] for line in log.read_text("utf-8").splitlines()] == [
        "steps", "1", "2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("interrupted", "advice", "again"),
    [
        ("start_from", "the same command goes on", ()),
        ("_fit", "with --resume", ("--resume",)),
    ],
    ids=["before-the-first-step", "in-training"],
)
def test_what_an_interrupted_run_advises_works(
    call: Call, recipe: str, tmp_path: Path, interrupted: str, advice: str, again: tuple[str, ...]
) -> None:
    from xlir_bench.train import run

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    command = ("train", "-r", recipe, "-o", str(tmp_path / "out"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, interrupted, interrupt)
        stopped = call(*command)
    assert stopped.status == 130
    assert advice in complaint_of(stopped)
    assert call(*command, *again).status == 0


def test_help_describes_every_option(call: Call) -> None:
    found = call("train", "--help")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("Usage: xlir-bench train")
    options = ("--recipe", "--output", "--base", "--alpha", "--evaluate", "--resume")
    assert [x for x in options if x not in found.out] == []
    assert "torchrun" in found.out


# --- a wrong command line ---


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(("-r", "hybird"), "unknown recipe 'hybird'; did you mean hybrid", id="recipe"),
        pytest.param(("-r", "hybrid", "--alpha", "1.5"), "--alpha", id="alpha-above-one"),
        pytest.param(("-r", "hybrid", "--alpha=-0.5"), "--alpha", id="alpha-below-zero"),
        pytest.param(("-r", "hybrid", "--alpha", "half"), "--alpha", id="alpha-no-number"),
        pytest.param(("-r", "hybrid", "--evaluate", "XLIRMin"),
                     "unknown task 'XLIRMin'; did you mean XLIRMini", id="benchmark"),
        pytest.param(("-r", "hybrid", "--resum"), "Did you mean --resume?", id="option"),
        pytest.param((), "-r requires an argument", id="no-recipe"),
        pytest.param(("-r",), "-r requires an argument", id="recipe-without-value"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_one_line_and_status_2(
    call: Call, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    found = call("train", "-o", str(tmp_path / "out"), *options)
    assert (found.status, found.out, found.err.count("\n")) == (2, "", 1)
    assert complaint in complaint_of(found)
    assert not (tmp_path / "out").exists()


def test_a_missing_output_folder_is_one_line_and_status_2(call: Call) -> None:
    found = call("train", "-r", "hybrid")
    assert (found.status, found.out, found.err.count("\n")) == (2, "", 1)
    assert "-o requires an argument" in complaint_of(found)


def test_a_base_that_is_no_folder_is_one_line_and_status_1(
    call: Call, recipe: str, tmp_path: Path
) -> None:
    base, folder = str(tmp_path / "none"), tmp_path / "out"
    found = call("train", "-r", recipe, "-o", str(folder), "--base", base)
    assert found.status == 1
    assert complaint_of(found) == (f"xlir-bench: error: there is no folder {base} to start from")
    assert not (folder / "modules.json").exists()


def test_a_base_that_the_hub_does_not_give_is_one_line_and_status_1(
    call: Call, recipe: str, tmp_path: Path
) -> None:
    found = call("train", "-r", recipe, "-o", str(tmp_path / "out"), "--base", "nobody/nothing")
    assert found.status == 1
    assert "cannot load the base model 'nobody/nothing': " in complaint_of(found)
    assert complaint_of(found).endswith("; give a folder with --base")


def test_a_recipe_without_its_pairs_is_one_line_and_status_1(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path / "data"))
    found = call("train", "-r", "hybrid", "-o", str(tmp_path / "out"))
    assert found.status == 1
    assert "the source 'libreoffice-help' has no file" in complaint_of(found)
    assert f"XLIR_DATA_DIR ({tmp_path}/data)" in complaint_of(found)


def test_a_wrong_recipe_is_one_line_and_status_1(call: Call, toy: Toy, tmp_path: Path) -> None:
    path = toy.write_recipe(tmp_path / "tiny.toml", stepps=3)
    found = call("train", "-r", str(path), "-o", str(tmp_path / "out"))
    assert (found.status, found.out, found.err.count("\n")) == (1, "", 1)
    assert complaint_of(found).endswith("tiny.toml [optimisation]: unknown field 'stepps'")


def test_the_same_command_again_is_refused_and_says_why(
    call: Call, recipe: str, tmp_path: Path
) -> None:
    arguments = ("train", "-r", recipe, "-o", str(tmp_path / "out"))
    assert call(*arguments).status == 0
    found = call(*arguments)
    assert (found.status, found.out) == (1, "")
    assert "out already holds a trained model; choose another folder" in complaint_of(found)


def test_a_folder_without_a_run_cannot_be_resumed(call: Call, recipe: str, tmp_path: Path) -> None:
    found = call("train", "-r", recipe, "-o", str(tmp_path / "out"), "--resume")
    assert (found.status, found.out) == (1, "")
    assert "out holds no run to resume" in complaint_of(found)


def test_alpha_that_needs_two_languages_is_refused_for_one(
    call: Call, toy: Toy, tmp_path: Path
) -> None:
    path = toy.write_recipe(tmp_path / "one.toml", languages=["en"], alpha=1.0, steps=1)
    found = call("train", "-r", str(path), "-o", str(tmp_path / "out"), "--alpha", "0.5")
    assert found.status == 1
    assert "only 0 ids have several languages" in complaint_of(found)
