"""The teacher: whose vectors it gives to which pair, its loss, and the mean with the base."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from xlir_bench.cards.recipe import Recipe, read_recipe
from xlir_bench.errors import EncoderError
from xlir_bench.paths import cache_folder
from xlir_bench.train import losses
from xlir_bench.train import teacher as teachers
from xlir_bench.train.dataset import PairDataset
from xlir_bench.train.fit import PairTrainer, make_trainer
from xlir_bench.train.losses import (
    NO_TEACHER,
    CachedTaughtLoss,
    TaughtLoss,
    distillation_loss,
    teacher_loss,
)
from xlir_bench.train.pairs import Pairs, build_pairs
from xlir_bench.train.run import train
from xlir_bench.train.start import Start, average, start_from
from xlir_bench.train.teacher import english_rows, teach

PROMPTS = ("query: ", "passage: ")
Write = Callable[..., Recipe]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def write(toy: Any, tmp_path: Path) -> Write:
    """Return a function that writes a recipe for the toy and reads it."""

    def run(**changes: Any) -> Recipe:
        return read_recipe(toy.write_recipe(tmp_path / "recipe.toml", **changes))

    return run


def pairs_of(recipe: Recipe, folder: Path) -> tuple[Pairs, PairDataset]:
    codes = [language.code for language in recipe.languages]
    pairs = build_pairs(
        recipe.sources, codes, folder / "pairs.arrow", beside=folder, holdout=recipe.holdout
    )
    return pairs, PairDataset.read(pairs.path, has_negatives=False)


def model_of(recipe: Recipe) -> SentenceTransformer:
    return SentenceTransformer(recipe.base, device="cpu")


def ready(recipe: Recipe, folder: Path, *, taught: bool = True) -> PairTrainer:
    pairs, _ = pairs_of(recipe, folder)
    model = model_of(recipe)
    return make_trainer(
        Start(model, model if taught else None, {}), recipe, pairs, folder / "training"
    )


def trained(recipe: Recipe, folder: Path, *, taught: bool) -> tuple[list[Any], Any, Any]:
    """Train, and return all pairs' queries and passages, what the teacher says, and its anchors."""
    trainer = ready(recipe, folder, taught=taught)
    pairs, dataset = trainer.pairs, trainer.pair_dataset
    vectors, of_row = teach(model_of(recipe), recipe, pairs, dataset, PROMPTS)
    trainer.train()
    texts = dataset.select_rows(pairs.rows.tolist())
    encoded = [
        torch.from_numpy(trainer.model.encode(list(texts[column]), prompt=prompt))
        for column, prompt in zip(("query", "passage"), PROMPTS, strict=True)
    ]
    known = torch.from_numpy(np.asarray(vectors[of_row[pairs.rows]]))
    return encoded, known, torch.from_numpy(np.array(vectors))


def test_every_row_is_taught_by_its_english_parallel(write: Write, tmp_path: Path) -> None:
    pairs, dataset = pairs_of(write(), tmp_path)
    rows, of_row = english_rows(pairs)
    taught = dataset.ids(rows.tolist())
    assert len(set(taught)) == len(taught) == len(np.unique(pairs.groups))
    texts = dataset.select_rows(rows.tolist())["query"]
    assert all(text.startswith("en ") for text in texts)
    for row, name in zip(pairs.rows, dataset.ids(pairs.rows.tolist()), strict=True):
        assert taught[of_row[row]] == name


def test_a_pair_without_an_english_parallel_has_no_teacher(write: Write, tmp_path: Path) -> None:
    pairs, _ = pairs_of(write(languages=["de", "es"]), tmp_path)
    rows, of_row = english_rows(pairs)
    assert not len(rows)
    assert set(of_row[pairs.rows]) == {NO_TEACHER}


def test_the_teachers_vectors_are_the_bases_own_with_prompts_and_lengths(
    write: Write, tmp_path: Path
) -> None:
    recipe = write(max_query_tokens=6, max_passage_tokens=8)
    pairs, dataset = pairs_of(recipe, tmp_path)
    model = model_of(recipe)
    taught, _ = teach(model, recipe, pairs, dataset, PROMPTS)
    texts = dataset.select_rows(english_rows(pairs)[0].tolist())
    assert model.max_seq_length == 64  # as before
    for side, (column, limit) in enumerate((("query", 6), ("passage", 8))):
        model.max_seq_length = limit
        expected = model.encode(list(texts[column]), prompt=PROMPTS[side])
        assert np.allclose(taught[:, side], expected, atol=2e-3)
        model.max_seq_length = 64


def test_texts_are_encoded_once_for_all_runs_of_one_base(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write()
    pairs, dataset = pairs_of(recipe, tmp_path)
    model = model_of(recipe)
    first, _ = teach(model, recipe, pairs, dataset, PROMPTS)
    monkeypatch.setattr(teachers, "_encode", None)
    again, _ = teach(model, replace(recipe, alpha=0.1), pairs, dataset, PROMPTS)
    assert np.array_equal(first, again)


@pytest.mark.parametrize("change", ["prompts", "length", "weights"])
def test_what_changes_the_vectors_is_encoded_again(
    write: Write, tmp_path: Path, change: str
) -> None:
    recipe, prompts = write(), PROMPTS
    pairs, dataset = pairs_of(recipe, tmp_path)
    model = model_of(recipe)
    teach(model, recipe, pairs, dataset, prompts)
    before = set((cache_folder() / "teachers").iterdir())
    if change == "prompts":
        prompts = ("Q: ", "")
    elif change == "length":
        recipe = replace(recipe, optimisation=replace(recipe.optimisation, max_query_tokens=5))
    else:
        with torch.no_grad():
            next(model.parameters())[0, 0] += 0.5
    teach(model, recipe, pairs, dataset, prompts)
    assert len(set((cache_folder() / "teachers").iterdir()) - before) == 1


def test_a_base_that_gives_nan_cannot_teach(write: Write, tmp_path: Path) -> None:
    recipe = write()
    pairs, dataset = pairs_of(recipe, tmp_path)
    model = model_of(recipe)
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    with pytest.raises(EncoderError, match="not finite: it cannot be a teacher"):
        teach(model, recipe, pairs, dataset, PROMPTS)


def test_the_teachers_loss_is_one_minus_the_mean_cosine() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, passages, first, second = torch.randn(4, 5, 8, generator=generator)
    taught = torch.stack([first, second], dim=1)
    cosines = [
        float(a @ b / (a.norm() * b.norm()))
        for a, b in [*zip(queries, first, strict=True), *zip(passages, second, strict=True)]
    ]
    assert float(teacher_loss(queries, passages, taught)) == pytest.approx(1 - np.mean(cosines))
    assert float(teacher_loss(first, second, 3 * taught)) == pytest.approx(0, abs=1e-6)
    assert float(teacher_loss(-first, -second, taught)) == pytest.approx(2)


def test_the_distillation_loss_is_the_divergence_of_two_views() -> None:
    generator = torch.Generator().manual_seed(1)
    queries, passages, first, second = torch.randn(4, 5, 8, generator=generator).double()
    taught = torch.stack([first, second], dim=1)
    anchors = torch.randn(7, 2, 8, generator=generator).double()

    def view(text: Any, others: Any) -> Any:
        sims = np.array([float(torch.cosine_similarity(text, x, dim=0)) for x in others])
        return np.exp(3 * sims) / np.exp(3 * sims).sum()

    terms = []
    for mine, his, ours, theirs, fixed in (
        (queries, first, passages, second, anchors[:, 1]),
        (passages, second, queries, first, anchors[:, 0]),
    ):
        for text, said in zip(mine, his, strict=True):
            for found, known in ((ours, theirs), (fixed, fixed)):
                model, teacher = view(text, found), view(said, known)
                terms.append(float((teacher * np.log(teacher / model)).sum()))
    expected = sum(terms) / 5 / 2
    assert float(distillation_loss(queries, passages, taught, anchors, 3)) == pytest.approx(
        expected, rel=1e-5
    )
    same = distillation_loss(2 * first, second, 5 * taught, anchors, 3)
    assert float(same) == pytest.approx(0, abs=1e-6)


def test_anchors_are_spread_evenly_and_bounded(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "MOST_ANCHORS", 3)
    seen = []
    monkeypatch.setattr(losses, "distillation_loss", lambda *a: seen.append(a[3]) or a[0].sum() * 0)
    trainer = ready(write(distil=1, steps=1), tmp_path)
    taught, _ = teach(model_of(write()), write(), trainer.pairs, trainer.pair_dataset, PROMPTS)
    trainer.train()
    middle, last = (len(taught) - 1) // 2, len(taught) - 1
    assert np.array_equal(seen[0].numpy(), taught[[0, middle, last]])


@pytest.mark.parametrize("size", [0, 2])
def test_distillation_keeps_the_bases_view(write: Write, tmp_path: Path, size: int) -> None:
    found = {}
    for weight in (0.0, 20.0):
        recipe = write(distil=weight, dropout=0, mini_batch_size=size)
        encoded, known, anchors = trained(recipe, tmp_path, taught=weight > 0)
        found[weight] = float(distillation_loss(*encoded, known, anchors, 20))
    assert found[20.0] < 0.7 * found[0.0]


@pytest.mark.parametrize("contrast", [0.0, 0.3])
@pytest.mark.parametrize("size", [0, 2])
def test_contrast_weighs_infonce_in_training_alone(
    write: Write, tmp_path: Path, size: int, contrast: float
) -> None:
    """The gradient is the weighted sum of InfoNCE's own and the teacher's own."""

    def gradients(**changes: Any) -> dict[str, Any]:
        recipe = write(dropout=0, mini_batch_size=size, evaluate_every=1, **changes)
        trainer = ready(recipe, tmp_path)
        batch = next(iter(trainer.get_train_dataloader()))
        trainer.model.train()
        trainer.compute_loss(trainer.model, dict(batch)).backward()
        found = {
            n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None
        }
        return found | {"validation": torch.tensor(trainer.evaluate()["eval_loss"])}

    taught = gradients(teacher=2, distil=1, contrast=contrast)
    plain, both = gradients(), gradients(teacher=2, distil=1)
    assert float(taught["validation"]) == pytest.approx(float(plain["validation"]), rel=1e-4)
    for name in plain.keys() - {"validation"}:
        alone = both[name] - plain[name]
        assert torch.allclose(taught[name], contrast * plain[name] + alone, atol=1e-5), name


def test_the_loss_is_computed_in_float32_where_the_model_is_not(
    write: Write, tmp_path: Path
) -> None:
    loss = ready(write(scale=100), tmp_path, taught=False).loss
    generator = torch.Generator().manual_seed(2)
    first, second = torch.nn.functional.normalize(torch.randn(2, 6, 16, generator=generator), dim=2)
    expected = loss.compute_loss_from_embeddings([first, second], None)
    with torch.autocast("cpu", torch.bfloat16):
        found = loss.compute_loss_from_embeddings([first, second], None)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("size", [0, 2])
def test_batches_carry_the_teachers_rows_to_the_loss(
    write: Write, tmp_path: Path, size: int
) -> None:
    # sentence-transformers gives a sampler seed 0 wherever it does not say otherwise
    trainer = ready(write(teacher=3, mini_batch_size=size, seed=7), tmp_path)
    assert type(trainer.loss) is (CachedTaughtLoss if size else TaughtLoss)
    batch = next(iter(trainer.get_train_dataloader()))
    ids = trainer.ids_of_step(0)
    rows, _ = english_rows(trainer.pairs)
    assert trainer.pair_dataset.ids(rows[batch["label"].numpy()].tolist()) == ids


@pytest.mark.parametrize("size", [0, 2])
def test_the_teacher_holds_the_model_where_the_base_was(
    write: Write, tmp_path: Path, size: int
) -> None:
    found = {}
    for weight in (0.0, 50.0):
        recipe = write(teacher=weight, dropout=0, mini_batch_size=size)
        encoded, known, _ = trained(recipe, tmp_path, taught=weight > 0)
        found[weight] = float(teacher_loss(*encoded, known))
    assert found[50.0] < found[0.0] / 2


def test_mini_batches_hardly_change_what_the_teacher_does(write: Write, tmp_path: Path) -> None:
    ends = []
    for size in (0, 3):
        trainer = ready(write(teacher=5, dropout=0, mini_batch_size=size, steps=3), tmp_path)
        trainer.train()
        ends.append({n: p.detach().clone() for n, p in trainer.model.named_parameters()})
    base = dict(model_of(write()).named_parameters())
    moved = max(float((ends[0][n] - p.detach()).abs().max()) for n, p in base.items())
    apart = max(float((ends[0][n] - ends[1][n]).abs().max()) for n in base)
    assert apart < moved / 10


def test_pairs_without_a_teacher_are_trained_on_all_the_same(write: Write, tmp_path: Path) -> None:
    recipe = write(languages=["de", "es"], teacher=5, steps=2)
    trainer = ready(recipe, tmp_path)
    trainer.train()
    assert np.isfinite(trainer.state.log_history[-1]["train_loss"])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_final_weights_are_a_mean_with_the_bases(
    write: Write, tmp_path: Path, share: float
) -> None:
    base = dict(model_of(write()).named_parameters())
    for name, value in (("plain", 0.0), ("mean", share)):
        train(write(base_share=value, steps=3), tmp_path / name)
    plain, mean = (
        dict(SentenceTransformer(str(tmp_path / n), device="cpu").named_parameters())
        for n in ("plain", "mean")
    )
    for name, weight in base.items():
        expected = (1 - share) * plain[name] + share * weight
        assert torch.allclose(mean[name], expected, atol=1e-6), name


def test_a_frozen_weight_is_the_bases_to_the_last_bit(write: Write, tmp_path: Path) -> None:
    recipe = write(base_share=0.3, frozen=["embeddings"], steps=2)
    train(recipe, tmp_path / "out")
    found = dict(SentenceTransformer(str(tmp_path / "out"), device="cpu").named_parameters())
    for name, weight in model_of(recipe).named_parameters():
        assert torch.equal(found[name], weight) or "embeddings" not in name


def test_average_moves_towards_what_it_is_given(write: Write) -> None:
    model = model_of(write())
    others = {name: torch.ones_like(p) for name, p in model.named_parameters()}
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    average(model, others, 0.25)
    for name, found in model.named_parameters():
        assert torch.allclose(found, 0.75 * before[name] + 0.25, atol=1e-6)


def test_the_base_is_its_own_teacher_where_nothing_is_cut(write: Write, tmp_path: Path) -> None:
    told: list[str] = []
    begun = start_from(write(teacher=1), tmp_path, told.append)
    assert begun.teacher is begun.model
    assert not begun.weights
    assert start_from(write(distil=1), tmp_path, lambda _: None).teacher is not None
    assert told[-1].startswith("teacher: the base reads the English texts")  # it takes minutes
    told.clear()
    assert start_from(write(), tmp_path, told.append).teacher is None
    assert not told


def test_dropout_is_the_recipes(write: Write, tmp_path: Path) -> None:
    def found(recipe: Recipe) -> set[float]:
        modules = ready(recipe, tmp_path, taught=False).model.modules()
        return {m.p for m in modules if isinstance(m, torch.nn.Dropout)}

    assert found(write()) == {0.1}  # BERT's
    assert found(write(dropout=0)) == {0.0}
