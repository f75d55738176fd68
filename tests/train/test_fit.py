"""Training: what is trained on what, how it ends, and that a stopped run loses nothing."""

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard, SkipBatchSampler
from safetensors.torch import load_file, save_file
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.evaluation.evaluator import BaseEvaluator
from sentence_transformers.sentence_transformer.losses import (
    MultipleNegativesRankingLoss,
)
from torch.utils.data import DataLoader
from transformers import TrainerCallback

from xlir_bench.cards.load import task_cards
from xlir_bench.cards.recipe import Recipe, read_recipe
from xlir_bench.cli.main import status
from xlir_bench.encoders.base import Role, Similarity, comparable
from xlir_bench.errors import DataError, StoppedError, TrainError, UnknownNameError
from xlir_bench.evaluate import HITS_DEPTH, find_hits, rank, readings, scorecard
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.readers.read import read
from xlir_bench.train.batches import HybridBatchSampler
from xlir_bench.train.dataset import PairDataset
from xlir_bench.train.device import uses_bf16
from xlir_bench.train.evaluator import MEASURES, XLIREvaluator
from xlir_bench.train.fit import PairTrainer, freeze, make_trainer
from xlir_bench.train.losses import CachedTaughtLoss, TaughtLoss
from xlir_bench.train.pairs import Pairs, build_pairs
from xlir_bench.train.progress import StopAtStep
from xlir_bench.train.run import train
from xlir_bench.train.start import Start

Weights = dict[str, torch.Tensor]
Write = Callable[..., Recipe]
Python = Callable[..., subprocess.CompletedProcess[str]]
Toy = Any


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sum in one order, so that weights can be compared bit for bit.

    On a busy machine numba's threads, too, wait for each other.
    """
    before = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    gc.freeze()  # every training collects garbage, which takes longer than these trainings
    yield
    gc.unfreeze()
    torch.set_num_threads(before[0])
    numba.set_num_threads(before[1])


@pytest.fixture(autouse=True)
def own_interrupt() -> Iterator[None]:
    """Leave Ctrl-C to pytest after a training that failed."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def write(toy: Toy, tmp_path: Path) -> Write:
    """Return a function that writes a recipe for the toy and reads it."""

    def run(**changes: Any) -> Recipe:
        return read_recipe(toy.write_recipe(tmp_path / "recipe.toml", **changes))

    return run


def pairs_of(recipe: Recipe, folder: Path) -> Pairs:
    codes = [language.code for language in recipe.languages]
    path = folder / "pairs.arrow"
    return build_pairs(recipe.sources, codes, path, beside=folder, holdout=recipe.holdout)


def load(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


def ready(recipe: Recipe, folder: Path, **options: Any) -> PairTrainer:
    """Return a trainer of the recipe's base, before its first step."""
    start = Start(load(Path(recipe.base)), None, {})
    return make_trainer(start, recipe, pairs_of(recipe, folder), folder / "training", **options)


def weights(folder: Path) -> Weights:
    return load_file(folder / "model.safetensors")


def are_equal(first: Weights, second: Weights) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "training.json").read_text("utf-8"))
    return found


def checkpoints(folder: Path) -> list[str]:
    found = (folder / "training").glob("checkpoint-*")
    return sorted((path.name for path in found), key=lambda name: int(name.split("-")[1]))


class Interrupt(BaseEvaluator):
    """Presses Ctrl-C in the evaluation after a step; training stops after the next one."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at
        self.steps: list[int] = []

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        self.steps.append(steps)
        if steps == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        return {}


# --- frozen parts ---


def moving(model: SentenceTransformer) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    ("parts", "frozen"),
    [
        pytest.param((), r"nothing", id="nothing"),
        pytest.param(("embeddings",), r"\.embeddings\.", id="embeddings"),
        pytest.param(("layers:1",), r"\.layer\.0\.", id="lower-layer"),
        pytest.param(("layers:2",), r"\.layer\.[01]\.", id="both-layers"),
        pytest.param(("embeddings", "layers:1"), r"\.embeddings\.|\.layer\.0\.", id="two-parts"),
        pytest.param(("layers:99",), r"\.layer\.", id="more-layers-than-there-are"),
    ],
)
def test_frozen_parts_and_no_others_are_frozen(
    toy: Toy, parts: tuple[str, ...], frozen: str
) -> None:
    model = load(toy.base)
    freeze(model, parts)
    names = {name for name, _ in model.named_parameters()}
    assert names - moving(model) == {name for name in names if re.search(frozen, name)}


@pytest.mark.parametrize("part", ["layer:1", "layers", "layers:", "layers:-1", "embeddings:1", ""])
def test_an_unknown_part_is_refused(toy: Toy, part: str) -> None:
    with pytest.raises(TrainError, match=rf"frozen part '{part}' is neither 'embeddings' nor"):
        freeze(load(toy.base), (part,))


@pytest.mark.parametrize("part", ["embeddings", "layers:1", "layers:0"])
def test_a_part_that_the_model_does_not_have_is_refused(part: str) -> None:
    model = torch.nn.ModuleDict({"dense": torch.nn.Linear(2, 2)})
    with pytest.raises(TrainError, match=rf"no parameters in the frozen part '{part}'"):
        freeze(model, (part,))  # type: ignore[arg-type]


def test_a_model_of_which_nothing_is_left_to_train_is_refused() -> None:
    model = torch.nn.ModuleDict({"embeddings": torch.nn.Linear(2, 2)})
    with pytest.raises(TrainError, match="nothing is left to train when embeddings are frozen"):
        freeze(model, ("embeddings",))  # type: ignore[arg-type]


def test_a_training_that_moves_nothing_is_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="nothing is left to train"):
        train(write(frozen=["embeddings", "layers:2"], steps=1), tmp_path / "out")


def test_frozen_parameters_do_not_move_and_others_do(
    write: Write, toy: Toy, tmp_path: Path
) -> None:
    train(write(frozen=["embeddings", "layers:1"], steps=3), tmp_path / "out")
    before, after = weights(toy.base), weights(tmp_path / "out")
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still == {
        name for name in before if name.startswith(("embeddings.", "encoder.layer.0.", "pooler."))
    }


# --- what a batch is made of ---


def token_ids(trainer: PairTrainer, text: str, length: int) -> list[int]:
    found: list[int] = trainer.model.tokenizer(text, truncation=True, max_length=length).input_ids
    return found


@pytest.mark.parametrize(
    ("prompts", "query", "passage"),
    [
        pytest.param("", "query: ", "passage: ", id="of-the-base"),
        pytest.param(
            '[prompts]\nquery = "Q "\npassage = "P P "\n', "Q ", "P P ", id="of-the-recipe"
        ),
        pytest.param('[prompts]\nquery = ""\npassage = ""\n', "", "", id="none"),
    ],
)
def test_texts_have_their_prompts_and_are_cut_at_their_own_lengths(
    write: Write, tmp_path: Path, prompts: str, query: str, passage: str
) -> None:
    recipe = write(max_query_tokens=7, max_passage_tokens=12, more=prompts)
    trainer = ready(recipe, tmp_path)
    text = "one two three four five six seven eight nine"
    batch = trainer.data_collator([{"query": text, "passage": text, "negative": f"no {text}"}])
    for kind, expected in (
        ("query", token_ids(trainer, query + text, 7)),
        ("passage", token_ids(trainer, passage + text, 12)),
        ("negative", token_ids(trainer, f"{passage}no {text}", 12)),
    ):
        assert batch[f"{kind}_input_ids"].tolist() == [expected], kind


def test_no_text_is_longer_than_the_model_can_read(write: Write, tmp_path: Path) -> None:
    trainer = ready(write(max_query_tokens=500, max_passage_tokens=500), tmp_path)
    batch = trainer.data_collator([{"query": "a " * 300, "passage": "b " * 300}])
    assert {batch[f"{kind}_input_ids"].shape for kind in ("query", "passage")} == {(1, 64)}


def test_short_texts_are_padded_to_the_longest_of_their_kind_alone(
    write: Write, tmp_path: Path
) -> None:
    trainer = ready(write(), tmp_path)
    rows = [{"query": "a", "passage": "a b c d"}, {"query": "a b", "passage": "a"}]
    batch = trainer.data_collator(rows)
    lengths = [batch[f"{kind}_attention_mask"].sum(dim=1).tolist() for kind in ("query", "passage")]
    assert [batch[f"{x}_input_ids"].shape[1] for x in ("query", "passage")] == [
        max(found) for found in lengths
    ]


@pytest.fixture
def with_negatives(toy: Toy, tmp_path: Path) -> dict[str, str]:
    """Return the source of a corpus in which every pair has a hard negative."""
    for code in ("de", "en", "es"):
        lines = (toy.folder / f"{code}.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) | {"negatives": [f"{code} no"]} for line in lines]
        (tmp_path / f"{code}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return {"path": f"{tmp_path}/{{language}}.jsonl"}


def test_hard_negatives_are_trained_on_where_every_pair_has_one(
    write: Write, tmp_path: Path, with_negatives: dict[str, str]
) -> None:
    trainer = ready(write(source=with_negatives), tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    columns = ("query", "passage", "negative")
    assert {f"{x}_input_ids" for x in columns} == {k for k in batch if k.endswith("_input_ids")}


def test_pairs_without_hard_negatives_have_two_columns(write: Write, tmp_path: Path) -> None:
    batch = next(iter(ready(write(), tmp_path).get_train_dataloader()))
    assert [k for k in batch if k.endswith("_input_ids")] == [
        "query_input_ids",
        "passage_input_ids",
    ]


def test_validation_pairs_are_the_english_ones_of_held_out_documents(
    write: Write, tmp_path: Path
) -> None:
    trainer = ready(write(evaluate_every=5), tmp_path)
    held = trainer.eval_dataset.to_list()
    assert 0 < len(held) < 18
    assert {row["query"].split()[0] for row in held} == {"en"}
    trained = set(trainer.pair_dataset.ids(trainer.pairs.rows.tolist()))
    numbers = {name.partition("#")[2] for name in trained}
    assert not {row["query"].split()[2] for row in held} & numbers


def test_validation_is_off_where_the_recipe_does_not_evaluate(write: Write, tmp_path: Path) -> None:
    evaluator = Interrupt(-1)
    trainer = ready(write(), tmp_path, evaluator=evaluator)
    assert (trainer.eval_dataset, trainer.args.eval_strategy.value) == (None, "no")


HELD = """
[[validation]]
name = "held"
path = "{}/{{language}}.jsonl"
"""


def test_validation_pairs_come_from_the_recipes_own_source(
    write: Write, toy: Toy, tmp_path: Path
) -> None:
    more = HELD.format(toy.folder)
    train(write(holdout=0, evaluate_every=1, patience=2, steps=2, more=more), tmp_path / "out")
    assert record(tmp_path / "out")["validation_loss"] > 0


def test_a_validation_source_is_not_drawn_from_and_all_of_it_is_english(
    write: Write, tmp_path: Path
) -> None:
    recipe = write(evaluate_every=1, more=HELD.format(tmp_path))
    lines = [
        json.dumps({"id": f"v{i}", "query": f"held {i}", "passage": f"answer {i}"})
        for i in range(4)
    ]
    for code in ("en", "de"):
        (tmp_path / f"{code}.jsonl").write_text("\n".join(lines), "utf-8")
    validation = build_pairs(recipe.validation, ["en"], tmp_path / "held.arrow", beside=tmp_path)
    trainer = ready(recipe, tmp_path, validation=validation)
    assert [row["query"] for row in trainer.eval_dataset] == [f"held {i}" for i in range(4)]
    assert not [x for x in trainer.pair_dataset.ids(trainer.pairs.rows.tolist()) if x[0] == "v"]


# --- loss and precision ---


@pytest.mark.parametrize(
    ("size", "kind"),
    [(0, TaughtLoss), (2, CachedTaughtLoss)],
    ids=["plain", "cached"],
)
def test_the_loss_is_cached_where_the_recipe_has_a_mini_batch_size(
    write: Write, tmp_path: Path, size: int, kind: type[torch.nn.Module]
) -> None:
    loss = ready(write(mini_batch_size=size, scale=33), tmp_path).loss
    assert type(loss) is kind
    assert (loss.scale, getattr(loss, "mini_batch_size", 0)) == (33.0, size)


def test_mini_batches_do_not_change_the_validation_loss(write: Write, tmp_path: Path) -> None:
    found = [
        ready(write(mini_batch_size=size, evaluate_every=1), tmp_path).evaluate()["eval_loss"]
        for size in (0, 2)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_mini_batches_hardly_change_the_weights(write: Write, toy: Toy, tmp_path: Path) -> None:
    base = weights(toy.base)
    for size in (0, 3):
        # Without dropout: it falls elsewhere in mini-batches.
        recipe = write(mini_batch_size=size, steps=2)
        trainer = ready(recipe, tmp_path)
        for module in trainer.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        trainer.train()
        trainer.model.save_pretrained(str(tmp_path / f"out{size}"), create_model_card=False)
    plain, cached = (weights(tmp_path / f"out{size}") for size in (0, 3))
    moved = max(float((plain[k] - base[k]).abs().max()) for k in base)
    apart = max(float((plain[k] - cached[k]).abs().max()) for k in base)
    assert apart < moved / 10


@pytest.mark.parametrize(
    ("precision", "has_gpu", "gpu_has", "processor_has", "expected"),
    [
        ("bf16", False, False, False, True),
        ("float32", True, True, True, False),
        ("auto", True, True, False, True),
        ("auto", True, False, True, False),
        ("auto", False, False, True, True),
        ("auto", False, False, False, False),
    ],
)
def test_bfloat16_is_used_where_it_is_asked_for_or_in_hardware(
    monkeypatch: pytest.MonkeyPatch, precision: str,
    *, has_gpu: bool, gpu_has: bool, processor_has: bool, expected: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: gpu_has)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: processor_has)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert uses_bf16(precision) is expected


@pytest.mark.parametrize("precision", ["bf16", "float32"])
def test_the_trainer_computes_in_the_recipe_s_precision(
    write: Write, tmp_path: Path, precision: str
) -> None:
    assert ready(write(precision=precision), tmp_path).args.bf16 is (precision == "bf16")


def test_the_recipe_says_how_the_optimiser_moves(write: Write, tmp_path: Path) -> None:
    recipe = write(
        steps=40, batch_size=5, learning_rate=2e-4, weight_decay=0.25, warmup=0.25,
        schedule="cosine", seed=9, gradient_checkpointing=True,
    )  # fmt: skip
    args = ready(recipe, tmp_path).args
    assert (args.max_steps, args.per_device_train_batch_size) == (40, 5)
    assert (args.learning_rate, args.weight_decay, args.seed) == (2e-4, 0.25, 9)
    assert (args.lr_scheduler_type.value, args.get_warmup_steps(40)) == ("cosine", 10)
    assert getattr(args, "activation_checkpointing", None) or args.gradient_checkpointing


def test_a_warmup_of_one_is_all_steps(write: Write, tmp_path: Path) -> None:
    assert ready(write(warmup=1), tmp_path).args.get_warmup_steps(20) == 20


def test_epochs_count_where_the_recipe_has_no_steps(write: Write, tmp_path: Path) -> None:
    train(write(steps=0, epochs=0.5, batch_size=4), tmp_path / "out")
    found = record(tmp_path / "out")
    n_pairs = sum(found["pairs"]["rows"]["toy"].values()) - 3 * found["pairs"]["held_out"]
    assert found["steps"] == -(-(n_pairs // 4) // 2)


def test_a_short_training_lowers_the_loss(write: Write, tmp_path: Path) -> None:
    trainer = ready(write(steps=40, evaluate_every=40), tmp_path)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert trainer.evaluate()["eval_loss"] < before / 2


def test_too_few_pairs_for_a_batch_are_an_error(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no language has 50 different pairs"):
        train(write(batch_size=50), tmp_path / "out")


def test_early_stopping_without_validation_pairs_is_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="early stopping needs validation pairs"):
        train(write(holdout=0, evaluate_every=1, patience=1), tmp_path / "out")


# --- a finished run ---


@pytest.fixture(scope="module")
def recipe_file(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recipe of two epochs with four checkpoints."""
    return toy.write_recipe(tmp_path_factory.mktemp("recipe") / "tiny.toml", evaluate_every=4)


@pytest.fixture(scope="module")
def told() -> list[str]:
    """Return what the finished run said."""
    return []


@pytest.fixture(scope="module")
def finished(recipe_file: Path, told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("finished") / "model"
    train(read_recipe(recipe_file), folder, tell=told.append)
    return folder


def test_a_run_tells_what_it_read_and_where_the_model_is(finished: Path, told: list[str]) -> None:
    held = record(finished)["pairs"]["held_out"]
    assert told == [
        "toy: 108 pairs (de 36, en 36, es 36)",
        f"{3 * (36 - held)} pairs to draw from; left out: 0 empty, 0 repeated;"
        f" 0 ids in one language only; {held} ids held out",
        f"model: {finished}",
    ]


def test_a_finished_folder_holds_the_facts_of_the_run(
    finished: Path, toy: Toy, recipe_file: Path
) -> None:
    found = record(finished)
    expected = {
        "recipe": "tiny", "base": toy.base.name, "alpha": 0.5, "languages": ["de", "en", "es"],
        "steps": 20, "pairs_seen": 120, "processes": 1, "device": "cpu", "bf16": False,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert found["optimisation"]["learning_rate"] == 1e-3
    assert found["pairs"]["rows"] == {"toy": {"de": 36, "en": 36, "es": 36}}
    assert found["pairs_sha256"] == found["pairs"]["sha256"]
    assert set(found["versions"]) >= {"torch", "transformers", "sentence-transformers"}
    assert found["seconds"] > 0


def test_the_model_card_has_the_recipe_and_the_facts_and_no_path(
    finished: Path, toy: Toy, recipe_file: Path
) -> None:
    card = (finished / "README.md").read_text("utf-8")
    assert recipe_file.read_text("utf-8").strip() in card
    head = card.partition("```toml")[0]
    assert str(toy.folder) not in head + json.dumps(record(finished))
    assert f"base_model: {record(finished)['base']}\n" in card
    assert "language:\n- de\n- en\n- es\n" in card
    assert "with hybrid batches\n(alpha 0.5)" in card
    assert "| toy | 108 | de, en, es | CC0 |" in card
    assert "20 steps, 120 pairs seen" in card


@pytest.mark.parametrize(("alpha", "kind"), [(1.0, "X-X-mono"), (0.0, "X-Y")])
def test_the_model_card_names_the_sampling(
    write: Write, tmp_path: Path, alpha: float, kind: str
) -> None:
    train(write(alpha=alpha, steps=1), tmp_path / "out")
    assert f"with {kind} batches" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_a_finished_folder_keeps_no_pairs(finished: Path) -> None:
    assert not list((finished / "training").glob("*.arrow"))
    assert not (finished / "training" / "model").exists()


def test_the_same_recipe_gives_the_same_weights(
    finished: Path, recipe_file: Path, tmp_path: Path
) -> None:
    torch.manual_seed(12345)
    train(read_recipe(recipe_file), tmp_path / "again")
    assert are_equal(weights(finished), weights(tmp_path / "again"))


def test_another_seed_gives_other_weights(
    finished: Path, recipe_file: Path, tmp_path: Path
) -> None:
    recipe = read_recipe(recipe_file)
    other = replace(recipe, optimisation=replace(recipe.optimisation, seed=1))
    train(other, tmp_path / "other")
    assert not are_equal(weights(finished), weights(tmp_path / "other"))


def test_new_weights_come_from_the_seed(write: Write, toy: Toy, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(toy.base, base)
    kept = {k: v for k, v in weights(base).items() if not k.startswith("pooler")}
    save_file(kept, base / "model.safetensors", metadata={"format": "pt"})
    for seed in (1, 2):
        torch.manual_seed(seed)
        train(write(base=str(base), steps=1), tmp_path / f"out{seed}")
    assert are_equal(weights(tmp_path / "out1"), weights(tmp_path / "out2"))


PLAIN = """
import sys
sys.modules["xlir_bench"] = None
try:
    import xlir_bench
except ImportError:
    print("no xlir_bench")
import numpy
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
texts = ["de frage 1 about topic1", "something else"]
numpy.save(sys.argv[2], [model.encode_query(texts), model.encode_document(texts)])
"""


@pytest.mark.slow
def test_a_finished_folder_loads_where_there_is_no_xlir_bench(
    finished: Path, tmp_path: Path, python: Python
) -> None:
    done = python("-c", PLAIN, str(finished), str(tmp_path / "vectors.npy"))
    assert (done.returncode, done.stdout) == (0, "no xlir_bench\n"), done.stderr
    model = load(finished)
    texts = ["de frage 1 about topic1", "something else"]
    expected = [model.encode(texts, prompt=prompt) for prompt in ("query: ", "passage: ")]
    assert np.allclose(np.load(tmp_path / "vectors.npy"), expected, atol=1e-6)


def test_a_folder_with_a_finished_model_is_refused(finished: Path, recipe_file: Path) -> None:
    for resume in (False, True):
        with pytest.raises(TrainError, match="already holds a trained model; choose another"):
            train(read_recipe(recipe_file), finished, resume=resume)


def test_a_missing_folder_of_the_base_is_named(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=rf"there is no folder {tmp_path}/none to start from"):
        train(write(base=f"{tmp_path}/none"), tmp_path / "out")


def test_a_base_that_cannot_be_loaded_is_named(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(TrainError, match=rf"cannot load the base model '{folder}': .*--base"):
        train(write(base=str(folder)), tmp_path / "out")


# --- a stopped run ---


@pytest.fixture(scope="module")
def stopped(
    recipe_file: Path,
    stopper: Path,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Path, int, str]]:
    """Return, by signal: the folder of a run that got it, its status and standard error."""
    running = {}
    for name, step in (("SIGKILL", "17"), ("SIGINT", "9")):
        folder = tmp_path_factory.mktemp(name) / "out"
        command = ["train", "-r", str(recipe_file), "-o", str(folder)]
        running[name] = folder, subprocess.Popen(
            [sys.executable, str(stopper), step, name, *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
    found = {}
    for name, (folder, process) in running.items():
        _, printed = process.communicate(timeout=300)
        found[name] = folder, process.returncode, printed
    return found


@pytest.mark.slow
def test_a_killed_run_ends_in_the_weights_of_an_undisturbed_one(
    finished: Path, recipe_file: Path, stopped: dict[str, tuple[Path, int, str]]
) -> None:
    folder, exit_status, _ = stopped["SIGKILL"]
    assert (exit_status, checkpoints(folder)[-1]) == (-signal.SIGKILL, "checkpoint-16")
    assert not (folder / "modules.json").exists()
    train(read_recipe(recipe_file), folder, resume=True)
    assert are_equal(weights(folder), weights(finished))


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(stopped: dict[str, tuple[Path, int, str]]) -> None:
    folder, exit_status, printed = stopped["SIGINT"]
    assert exit_status == 130
    assert (folder / "training" / "checkpoint-10").is_dir()
    assert "xlir-bench: saving a checkpoint after this step; again to stop now\n" in printed
    assert printed.splitlines()[-1] == (
        f"xlir-bench: error: interrupted; a checkpoint of step 10 is in {folder}/training:"
        " go on with --resume"
    )


@pytest.mark.slow
def test_an_interrupted_run_ends_in_the_weights_of_an_undisturbed_one(
    finished: Path, recipe_file: Path, stopped: dict[str, tuple[Path, int, str]]
) -> None:
    folder, _, _ = stopped["SIGINT"]
    assert status(["train", "-r", str(recipe_file), "-o", str(folder), "--resume"]) == 0
    assert are_equal(weights(folder), weights(finished))


SHORT = {"steps": 11, "batch_size": 12, "evaluate_every": 2, "schedule": "constant"}
"""An epoch has seven steps of it."""


@pytest.fixture(scope="module")
def short(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Weights]:
    """Return a recipe with a checkpoint at every other step, and the weights it ends in."""
    folder = tmp_path_factory.mktemp("short")
    recipe = read_recipe(toy.write_recipe(folder / "short.toml", **SHORT))
    train(recipe, folder / "out", evaluator=Interrupt(-1))
    return recipe, weights(folder / "out")


def interrupted(recipe: Recipe, folder: Path, at: int) -> Path:
    """Return a folder in which a run was interrupted, and stopped after the step ``at``."""
    with pytest.raises(StoppedError, match=f"a checkpoint of step {at} is in {folder}/training"):
        train(recipe, folder, evaluator=Interrupt(at - 1))
    return folder


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(3, id="in-the-first-epoch"),
        pytest.param(7, id="at-the-end-of-an-epoch"),
        pytest.param(9, id="in-the-second-epoch"),
        pytest.param(
            11,
            id="at-the-last-step",
        ),
    ],
)
def test_a_run_interrupted_at_any_step_ends_in_the_same_weights(
    short: tuple[Recipe, Weights], tmp_path: Path, step: int
) -> None:
    recipe, expected = short
    folder = interrupted(recipe, tmp_path / "out", step)
    train(recipe, folder, resume=True, evaluator=Interrupt(-1))
    assert (record(folder)["steps"], are_equal(weights(folder), expected)) == (11, True)


def test_a_run_can_be_interrupted_twice(short: tuple[Recipe, Weights], tmp_path: Path) -> None:
    recipe, expected = short
    folder = interrupted(recipe, tmp_path / "out", 3)
    with pytest.raises(StoppedError, match="step 5"):
        train(recipe, folder, resume=True, evaluator=Interrupt(4))
    train(recipe, folder, resume=True)
    assert are_equal(weights(folder), expected)


def test_a_resumed_run_does_not_repeat_steps(short: tuple[Recipe, Weights], tmp_path: Path) -> None:
    folder = interrupted(short[0], tmp_path / "out", 5)
    evaluator = Interrupt(-1)
    train(short[0], folder, resume=True, evaluator=evaluator)
    assert evaluator.steps[:3] == [6, 8, 10]


def spoil_weights(checkpoint: Path) -> None:
    """Make sure that a run that goes on from a checkpoint ends in other weights."""
    found = {name: tensor + 1 for name, tensor in weights(checkpoint).items()}
    save_file(found, checkpoint / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "trainer_state.json"])
def test_a_checkpoint_that_was_cut_off_is_not_used(
    short: tuple[Recipe, Weights], tmp_path: Path, name: str
) -> None:
    recipe, expected = short
    folder = interrupted(recipe, tmp_path / "out", 5)
    assert checkpoints(folder) == ["checkpoint-4", "checkpoint-5"]
    (folder / "training" / "checkpoint-5" / name).unlink()
    spoil_weights(folder / "training" / "checkpoint-5")
    train(recipe, folder, resume=True)
    assert are_equal(weights(folder), expected)


def test_a_run_whose_checkpoints_were_all_cut_off_begins_anew(
    short: tuple[Recipe, Weights], tmp_path: Path
) -> None:
    recipe, expected = short
    folder = interrupted(recipe, tmp_path / "out", 3)
    for path in (folder / "training").glob("checkpoint-*"):
        (path / "optimizer.pt").unlink()
        spoil_weights(path)
    train(recipe, folder, resume=True)
    assert are_equal(weights(folder), expected)


def test_a_checkpoint_whose_last_file_was_cut_off_is_not_used(
    short: tuple[Recipe, Weights], tmp_path: Path
) -> None:
    recipe, expected = short
    folder = interrupted(recipe, tmp_path / "out", 3)
    path = folder / "training" / "checkpoint-3" / "trainer_state.json"
    path.write_text(path.read_text("utf-8")[:100], "utf-8")
    train(recipe, folder, resume=True)
    assert are_equal(weights(folder), expected)


def test_an_unfinished_run_is_refused_without_resume(
    short: tuple[Recipe, Weights], tmp_path: Path
) -> None:
    folder = interrupted(short[0], tmp_path / "out", 3)
    with pytest.raises(TrainError, match="holds an unfinished run; go on with --resume, or choose"):
        train(short[0], folder)
    assert checkpoints(folder) == ["checkpoint-2", "checkpoint-3"]


def test_a_folder_without_a_run_cannot_be_resumed(
    short: tuple[Recipe, Weights], tmp_path: Path
) -> None:
    with pytest.raises(TrainError, match=r"out holds no run to resume"):
        train(short[0], tmp_path / "out", resume=True)


def test_a_record_that_cannot_be_read_is_named(
    short: tuple[Recipe, Weights], tmp_path: Path
) -> None:
    folder = interrupted(short[0], tmp_path / "out", 3)
    (folder / "training" / "training.json").write_text("{", "utf-8")
    with pytest.raises(TrainError, match=r"training\.json cannot be read"):
        train(short[0], folder, resume=True)


def other_alpha(recipe: Recipe) -> Recipe:
    return replace(recipe, alpha=0.25)


def other_name(recipe: Recipe) -> Recipe:
    return replace(recipe, name="other")


def other_languages(recipe: Recipe) -> Recipe:
    return replace(recipe, languages=recipe.languages[:2])


def other_optimisation(recipe: Recipe) -> Recipe:
    return replace(recipe, optimisation=replace(recipe.optimisation, seed=1))


def other_file(recipe: Recipe) -> Recipe:
    recipe.path.write_text(recipe.path.read_text("utf-8") + "# a remark\n", "utf-8")
    return read_recipe(recipe.path)


def other_base(recipe: Recipe) -> Recipe:
    folder = recipe.path.parent / "other"
    shutil.copytree(recipe.base, folder)
    return replace(recipe, base=str(folder))


def other_weights(recipe: Recipe) -> Recipe:
    found = weights(Path(recipe.base))
    found["pooler.dense.bias"] += 1
    save_file(found, Path(recipe.base) / "model.safetensors", metadata={"format": "pt"})
    return recipe


def other_pairs(recipe: Recipe) -> Recipe:
    path = recipe.path.parent / "de.jsonl"
    path.write_text(path.read_text("utf-8").replace("frage 7 ", "frage VII "), "utf-8")
    return recipe


@pytest.fixture
def movable(toy: Toy, tmp_path: Path) -> Recipe:
    """Return a recipe with a base and pairs of its own."""
    shutil.copytree(toy.base, tmp_path / "base")
    for path in toy.folder.glob("*.jsonl"):
        shutil.copy(path, tmp_path)
    source = {"path": "{language}.jsonl"}
    base = str(tmp_path / "base")
    path = tmp_path / "recipe.toml"
    return read_recipe(toy.write_recipe(path, base=base, source=source, **SHORT))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (other_alpha, "alpha"),
        (other_name, "recipe"),
        (other_languages, "languages and pairs_sha256"),
        (other_optimisation, "optimisation"),
        (other_file, "recipe_sha256"),
        (other_base, "base"),
        (other_weights, "base_sha256"),
        (other_pairs, "pairs_sha256"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_run_is_not_resumed_with_anything_else_and_the_change_is_named(
    movable: Recipe, tmp_path: Path, change: Callable[[Recipe], Recipe], named: str
) -> None:
    folder = interrupted(movable, tmp_path / "out", 3)
    with pytest.raises(TrainError, match=f"was begun with another {named}; start in another"):
        train(change(movable), folder, resume=True)
    assert checkpoints(folder) == ["checkpoint-2", "checkpoint-3"]


def test_a_run_is_not_resumed_with_another_tokenizer(movable: Recipe, tmp_path: Path) -> None:
    folder = interrupted(movable, tmp_path / "out", 3)
    path = Path(movable.base) / "tokenizer.json"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(TrainError, match="was begun with another base"):
        train(movable, folder, resume=True)


def test_a_run_is_not_resumed_with_other_validation_pairs(
    write: Write, toy: Toy, tmp_path: Path
) -> None:
    shutil.copy(toy.folder / "en.jsonl", tmp_path)
    recipe = write(more=HELD.format(tmp_path), holdout=0, patience=5, **SHORT)
    folder = interrupted(recipe, tmp_path / "out", 3)
    path = tmp_path / "en.jsonl"
    path.write_text(path.read_text("utf-8").replace("frage", "question"), "utf-8")
    with pytest.raises(TrainError, match="was begun with another"):
        train(recipe, folder, resume=True)


def test_a_second_interrupt_ends_training_at_once() -> None:
    callback = StopAtStep()
    callback.on_train_begin(None, None, None)
    os.kill(os.getpid(), signal.SIGINT)
    assert callback.was_asked
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_training_gives_the_interrupt_back(write: Write, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    train(write(steps=1), tmp_path / "out")
    assert signal.getsignal(signal.SIGINT) is before


# --- a loss that is no number ---


class Spoil(TrainerCallback):
    """Makes a weight NaN after a step."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.after:
            with torch.no_grad():
                next(kwargs["model"].parameters()).fill_(float("nan"))


class Remember:
    """Tokenizes, and remembers the queries of every batch."""

    def __init__(self, preprocess: Callable[..., Any]) -> None:
        self.preprocess = preprocess
        self.batches: list[list[str]] = []

    def __call__(self, texts: list[str], **options: Any) -> Any:
        if options["task"] == "query":
            self.batches.append(texts)
        return self.preprocess(texts, **options)


@pytest.mark.parametrize("alpha", [0.0, 1.0], ids=["cross", "mono"])
@pytest.mark.parametrize("after", [1, 5, 15, 29], ids=lambda step: f"after-{step}")
def test_a_loss_that_is_nan_stops_and_names_the_step_and_the_ids_of_its_batch(
    write: Write, tmp_path: Path, after: int, alpha: float
) -> None:
    trainer = ready(write(steps=40, alpha=alpha), tmp_path)
    trainer.add_callback(Spoil(after))
    seen = Remember(trainer.data_collator.preprocess_fn)
    trainer.data_collator.preprocess_fn = seen
    with pytest.raises(TrainError, match=f"the loss is nan at step {after + 1}; ids") as caught:
        trainer.train()
    named = re.search(r"ids of its pairs: (.*?);", str(caught.value))[1].split(", ")
    numbers = [int(query.split()[2]) for query in seen.batches[after]]
    assert named == [f"d{number // 3}#{number}" for number in numbers]


def test_a_recipe_draws_pairs_of_a_document_together(write: Write, tmp_path: Path) -> None:
    documents = []
    for per_document in (1, 3):
        trainer = ready(write(steps=8, alpha=1, per_document=per_document), tmp_path)
        seen = Remember(trainer.data_collator.preprocess_fn)
        trainer.data_collator.preprocess_fn = seen
        trainer.train()
        of_each = [{int(text.split()[2]) // 3 for text in batch} for batch in seen.batches]
        documents.append(sum(map(len, of_each)) / len(of_each))
    assert documents[1] < documents[0] - 1


def test_a_base_that_gives_nan_stops_at_the_first_step(
    write: Write, toy: Toy, tmp_path: Path
) -> None:
    shutil.copytree(toy.base, tmp_path / "base")
    found = weights(toy.base)
    found["encoder.layer.1.output.dense.bias"][0] = float("nan")
    save_file(found, tmp_path / "base" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainError, match="the loss is nan at step 1; ids of its pairs: d"):
        train(write(base=f"{tmp_path}/base"), tmp_path / "out")


def test_a_learning_rate_that_is_far_too_high_stops(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"the loss is (nan|inf) at step \d+; .*lower the learn"):
        train(write(learning_rate=1e30, warmup=0), tmp_path / "out")
    assert not (tmp_path / "out" / "modules.json").exists()


def test_a_training_that_fails_gives_the_interrupt_back(write: Write, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainError, match="the loss is"):
        train(write(learning_rate=1e30, warmup=0), tmp_path / "out")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def every_warning() -> Iterator[None]:
    """Let torch warn more than once in a process."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("every_warning")
def test_a_loss_that_is_nan_causes_no_warning(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="the loss is"):
        train(write(learning_rate=1e30, warmup=0), tmp_path / "out")


# --- early stopping ---


@pytest.mark.parametrize("patience", [1, 3])
def test_training_stops_when_patience_is_over(write: Write, tmp_path: Path, patience: int) -> None:
    # The first loss is the best, as nothing moves.
    train(write(learning_rate=1e-30, evaluate_every=1, patience=patience), tmp_path / "out")
    assert record(tmp_path / "out")["steps"] == 1 + patience


def validation_losses(folder: Path) -> list[float]:
    path = folder / "training" / checkpoints(folder)[-1] / "trainer_state.json"
    log = json.loads(path.read_text("utf-8"))["log_history"]
    return [entry["eval_loss"] for entry in log if "eval_loss" in entry]


RUINOUS = {"learning_rate": 3e-2, "warmup": 0.0, "evaluate_every": 1}


def test_the_best_model_is_kept_when_training_stops_early(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train(write(patience=3, **RUINOUS), out)
    losses = validation_losses(out)
    best = losses.index(min(losses)) + 1
    assert best < len(losses) == record(out)["steps"] < 20
    found = {name: weights(out / "training" / name) for name in checkpoints(out)}
    assert [name for name, kept in found.items() if are_equal(kept, weights(out))] == [
        f"checkpoint-{best}"
    ]
    assert record(out)["validation_loss"] == min(losses)


def test_the_recorded_validation_loss_is_that_of_the_model(write: Write, tmp_path: Path) -> None:
    train(write(steps=4, **RUINOUS), tmp_path / "out")
    losses = validation_losses(tmp_path / "out")
    assert record(tmp_path / "out")["validation_loss"] == losses[-1]


def test_a_resumed_run_stops_early_where_an_undisturbed_one_does(
    write: Write, tmp_path: Path
) -> None:
    recipe = write(learning_rate=1e-30, evaluate_every=1, patience=3)
    folder = interrupted(recipe, tmp_path / "out", 3)
    train(recipe, folder, resume=True)
    assert record(folder)["steps"] == 4


def without_its_model(finished: Path, folder: Path) -> Path:
    """Return the folder of a run that was killed after its last step, before it left a model."""
    shutil.copytree(finished / "training", folder / "training")
    return folder


def test_a_run_killed_before_it_left_its_model_leaves_it_when_resumed(
    short: tuple[Recipe, Weights], tmp_path: Path
) -> None:
    recipe, expected = short
    train(recipe, tmp_path / "killed")
    folder = without_its_model(tmp_path / "killed", tmp_path / "out")
    train(recipe, folder, resume=True)
    assert (record(folder)["steps"], are_equal(weights(folder), expected)) == (11, True)


def test_a_run_killed_after_it_stopped_early_leaves_the_best_model_when_resumed(
    write: Write, tmp_path: Path
) -> None:
    recipe = write(patience=3, **RUINOUS)
    train(recipe, tmp_path / "killed")
    folder = without_its_model(tmp_path / "killed", tmp_path / "out")
    train(recipe, folder, resume=True)
    assert are_equal(weights(folder), weights(tmp_path / "killed"))
    assert record(folder)["steps"] == record(tmp_path / "killed")["steps"]


# --- two processes ---

DISTRIBUTED = """
import json, os, sys
from xlir_bench.cli.main import status
from xlir_bench.train.dataset import PairDataset

real, path = PairDataset.__getitems__, f"keys.{os.environ['RANK']}.jsonl"


def remember(self, keys):
    with open(path, "a") as file:
        file.write(json.dumps(keys) + "\\n")
    return real(self, keys)


PairDataset.__getitems__ = remember
sys.exit(status(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def two_processes(
    toy: Toy, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Recipe, Path, str]:
    """Return a recipe, the folder in which two processes ran it, and what they printed."""
    folder = tmp_path_factory.mktemp("two")
    fields = {"steps": 6, "batch_size": 4, "teacher": 1.0, "distil": 1.0}
    recipe = read_recipe(toy.write_recipe(folder / "recipe.toml", **fields))
    (folder / "script.py").write_text(DISTRIBUTED, "utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["script.py", "train", "-r", "recipe.toml", "-o", "out"]
    done = subprocess.run(
        [sys.executable, *launcher, *command],
        check=False, capture_output=True, text=True, timeout=300, cwd=folder, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return recipe, folder, done.stdout


def test_the_epoch_reaches_the_sampler_of_a_resumed_distributed_run(
    write: Write, tmp_path: Path
) -> None:
    trainer = ready(write(), tmp_path)
    found = HybridBatchSampler(trainer.pair_dataset, 4, pairs=trainer.pairs, alpha=1, n_processes=2)
    wrapped = SkipBatchSampler(BatchSamplerShard(found, 2, 0), skip_batches=3)
    handler = trainer.callback_handler
    handler.train_dataloader = DataLoader(trainer.pair_dataset, batch_sampler=wrapped)
    trainer.state.epoch = 2.25
    handler.on_epoch_begin(trainer.args, trainer.state, trainer.control)
    assert found.epoch == 2


@pytest.mark.slow
def test_two_processes_train_one_model(two_processes: tuple[Recipe, Path, str]) -> None:
    _, folder, printed = two_processes
    found = record(folder / "out")
    assert (found["processes"], found["steps"], found["pairs_seen"]) == (2, 6, 48)
    assert (printed.count("model: out\n"), printed.count("teacher: ")) == (1, 1)
    assert (folder / "out" / "modules.json").exists()


@pytest.mark.slow
def test_two_processes_draw_disjoint_pairs_of_one_sequence(
    two_processes: tuple[Recipe, Path, str], tmp_path: Path
) -> None:
    recipe, folder, _ = two_processes
    pairs = pairs_of(recipe, tmp_path)
    data = PairDataset.read(pairs.path, has_negatives=False)
    whole = list(HybridBatchSampler(data, 4, pairs=pairs, alpha=0.5, n_processes=2))
    read_keys: list[list[list[int]]] = [
        [json.loads(line) for line in (folder / f"keys.{x}.jsonl").read_text().splitlines()][:6]
        for x in range(2)
    ]
    assert read_keys == [whole[0:12:2], whole[1:12:2]]
    for first, second in zip(*read_keys, strict=True):
        ids = data.ids([key // len(data) for key in first + second])
        assert len(set(ids)) == 8


@pytest.mark.slow
def test_only_the_first_of_two_processes_speaks(two_processes: tuple[Recipe, Path, str]) -> None:
    assert two_processes[2].count("toy: 108 pairs") == 1


# --- our benchmarks as an evaluator ---


class Spread:
    """A model whose vectors depend on text and prompt alone."""

    similarity_fn_name = "cosine"
    prompts = {"query": "q: ", "document": "d: "}  # noqa: RUF012 - as sentence-transformers has it

    def encode(self, texts: Sequence[str], prompt: str = "", **options: Any) -> Any:
        return np.stack([self.vector(prompt + text) for text in texts])

    def vector(self, text: str) -> Any:
        bits = np.frombuffer(text.encode(), np.uint8)
        found = np.bincount(bits, minlength=256).astype(np.float32)
        return found + np.float32(len(text) % 7 == 0)


@pytest.fixture(scope="module")
def mini() -> XLIREvaluator:
    return XLIREvaluator("XLIRMini")


@pytest.fixture(scope="module")
def figures(mini: XLIREvaluator) -> dict[str, float]:
    return mini(Spread())


def test_figures_of_the_evaluator_are_those_of_evaluate(figures: dict[str, float]) -> None:
    card, model = task_cards()["XLIRMini"], Spread()
    collection = read(card)
    vectors = (
        np.stack([model.vector(f"q: {x.text}") for x in collection.queries]),
        np.stack([model.vector(f"d: {x.text}") for x in collection.passages]),
    )
    queries, passages = (
        comparable(found, role, Similarity.cosine)
        for found, role in zip(vectors, (Role.query, Role.passage), strict=True)
    )
    table = rank(collection, queries, passages)
    hits = find_hits(collection, queries, passages, HITS_DEPTH)
    found = readings(table, card.settings(), hits)
    scores, _ = scorecard(found, parse_all(MEASURES), resamples=0)
    assert figures == {f"XLIRMini_{x.mode}_{x.measure}": x.value for x in scores.figures}


def test_the_evaluator_gives_every_mode_of_the_benchmark(figures: dict[str, float]) -> None:
    modes = {name.split("_")[1] for name in figures}
    assert modes == {"mono", "cross", "multi"}
    assert {name for name in figures if name.endswith("_AP")} == {
        f"XLIRMini_{mode}_AP" for mode in modes
    }
    assert all(0 <= figures[f"XLIRMini_{mode}_P@1"] <= 1 for mode in modes)


def test_the_evaluator_tells_which_figure_is_best_by(mini: XLIREvaluator) -> None:
    assert (mini.primary_metric, mini.greater_is_better) == ("XLIRMini_multi_AP", True)


def test_measures_and_the_primary_figure_can_be_chosen() -> None:
    found = XLIREvaluator("XLIRMini", measures=["RR"], primary="cross_RR")
    assert found.primary_metric == "XLIRMini_cross_RR"
    assert set(found(Spread())) == {f"XLIRMini_{mode}_RR" for mode in ("mono", "cross", "multi")}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param({"task": "XLIRMin"}, "unknown task 'XLIRMin'; did you mean XLIRMini",
                     id="task"),
        pytest.param({"primary": "multi_PA"},
                     "unknown figure 'XLIRMini_multi_PA'; did you mean XLIRMini_multi_AP",
                     id="figure"),
        pytest.param({"primary": "multi_RR"}, "unknown figure 'XLIRMini_multi_RR'", id="not-asked"),
        pytest.param({"measures": ["nDGC@7"]}, "unknown measure 'nDGC@7'", id="measure"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused_before_anything_is_encoded(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UnknownNameError, match=re.escape(complaint)):
        XLIREvaluator(**options)


def test_figures_are_appended_to_a_file(mini: XLIREvaluator, tmp_path: Path) -> None:
    for steps in (5, 10):
        found = mini(Spread(), str(tmp_path / "eval"), 0.5, steps)
    path = tmp_path / "eval" / "XLIRMini_results.csv"
    header, *lines = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    assert header == ["epoch", "steps", *found]
    assert [line[:2] for line in lines] == [["0.5", "5"], ["0.5", "10"]]
    assert [float(value) for value in lines[0][2:]] == list(found.values())


@pytest.mark.slow
def test_the_evaluator_chooses_the_best_model_of_a_stock_trainer(
    write: Write, mini: XLIREvaluator, tmp_path: Path
) -> None:
    recipe = write()
    pairs = pairs_of(recipe, tmp_path)
    data = PairDataset.read(pairs.path, has_negatives=False).select_rows(range(36))
    model = load(Path(recipe.base))
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / "stock"), max_steps=2, per_device_train_batch_size=6,
        eval_strategy="steps", eval_steps=1, save_strategy="steps", save_steps=1,
        load_best_model_at_end=True, metric_for_best_model="eval_XLIRMini_multi_AP",
        greater_is_better=True, learning_rate=1e-2, warmup_steps=0, use_cpu=True, report_to=[],
        disable_tqdm=True,
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=data, evaluator=mini,
        loss=MultipleNegativesRankingLoss(model),
    )  # fmt: skip
    trainer.train()
    found = [x["eval_XLIRMini_multi_AP"] for x in trainer.state.log_history if "epoch" in x and
             "eval_XLIRMini_multi_AP" in x]  # fmt: skip
    assert len(found) == 2
    assert trainer.state.best_metric == max(found)


def test_the_evaluator_of_a_run_is_called_at_every_evaluation(write: Write, tmp_path: Path) -> None:
    evaluator = Interrupt(-1)
    train(write(steps=6, evaluate_every=2), tmp_path / "out", evaluator=evaluator)
    assert evaluator.steps == [2, 4, 6]
