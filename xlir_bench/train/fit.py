"""Recipe, pairs and base model to a trained model; the loop is sentence-transformers'."""

import functools
import importlib.util
import itertools
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import datasets
import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.data_collator import (
    SentenceTransformerDataCollator,
)
from torch.utils.data import SequentialSampler
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback, set_seed

from xlir_bench.cards.recipe import Optimisation, Recipe
from xlir_bench.encoders.base import Role
from xlir_bench.encoders.sentence_transformer import prompt_of
from xlir_bench.errors import TrainError
from xlir_bench.train.batches import HybridBatchSampler
from xlir_bench.train.dataset import PairDataset
from xlir_bench.train.device import uses_bf16
from xlir_bench.train.losses import make_loss
from xlir_bench.train.pairs import Pairs
from xlir_bench.train.progress import MarkWhole, PairProgress, StopAtStep
from xlir_bench.train.start import Start
from xlir_bench.train.teacher import teach

CHECKPOINTS_KEPT = 2
SAVE_EVERY = 200
"""Steps between checkpoints where the recipe does not evaluate."""


def make_trainer(
    start: Start,
    recipe: Recipe,
    pairs: Pairs,
    folder: Path,
    *,
    validation: Pairs | None = None,
    evaluator: Any = None,  # noqa: ANN401 - any of sentence-transformers'
) -> "PairTrainer":
    """Return a trainer that is ready to go.

    Args:
        start: the model to train, whose frozen parts are frozen here, and its teacher.
        recipe: how.
        pairs: drawn from.
        folder: of checkpoints and logs.
        validation: pairs for the validation loss; None for those that ``pairs`` holds out.
        evaluator: called at every evaluation, beside the validation loss.

    Raises:
        TrainError: the recipe does not fit the model.
        DataError: too few pairs for a batch.

    """
    how, model = recipe.optimisation, start.model
    set_seed(how.seed)
    freeze(model, how.frozen)
    _set_dropout(model, how.dropout)
    dataset = PairDataset.read(pairs.path, has_negatives=pairs.has_negatives)
    held = _validation(dataset, pairs, validation)
    can_evaluate = held is not None or evaluator is not None
    if how.patience and held is None:
        msg = "early stopping needs validation pairs: give [[validation]] or holdout in the recipe"
        raise TrainError(msg)
    arguments = _arguments(recipe, pairs, folder, can_evaluate=can_evaluate)
    prompts = _prompts(model, recipe)
    taught = None
    if start.teacher is not None:
        with arguments.main_process_first(desc="the teacher's vectors"):
            taught, dataset.labels = teach(start.teacher, recipe, pairs, dataset, prompts)
    callbacks: list[TrainerCallback] = [_SamplerEpoch(), PairProgress(), StopAtStep(), MarkWhole()]
    if how.patience:
        callbacks.append(EarlyStoppingCallback(how.patience))
    trainer = PairTrainer(
        pairs=pairs,
        model=model,
        args=arguments,
        train_dataset=dataset,
        eval_dataset=held if how.evaluate_every else None,
        loss=make_loss(model, how, taught),
        evaluator=evaluator if how.evaluate_every else None,
        data_collator=_collator(model, how, prompts),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _validation(
    dataset: PairDataset, pairs: Pairs, validation: Pairs | None
) -> datasets.Dataset | None:
    """Return the pairs of the validation loss, None if there are none."""
    if validation is not None:
        found = PairDataset.read(validation.path, has_negatives=validation.has_negatives)
        return found.select_rows(validation.rows.tolist())
    return dataset.select_rows(pairs.validation.tolist()) if len(pairs.validation) else None


def freeze(model: SentenceTransformer, parts: tuple[str, ...]) -> None:
    """Stop parts of a model from moving.

    Args:
        model: any transformer with numbered layers.
        parts: "embeddings", or "layers:6" for the lower six.

    Raises:
        TrainError: a part is not in the model, or nothing is left to train.

    """
    for part in parts:
        name, _, count = part.partition(":")
        if name == "embeddings" and not count:
            frozen = [p for n, p in model.named_parameters() if re.search(r"\bembeddings\b", n)]
        elif name == "layers" and count.isdecimal():
            frozen = [p for n, p in model.named_parameters() if _layer(n) < int(count)]
        else:
            msg = f"frozen part {part!r} is neither 'embeddings' nor 'layers:6'"
            raise TrainError(msg)
        if not frozen:
            msg = f"the model has no parameters in the frozen part {part!r}"
            raise TrainError(msg)
        for parameter in frozen:
            parameter.requires_grad = False
    # BERT's pooler is not part of a sentence vector: it has parameters and never a gradient.
    moving = [n for n, p in model.named_parameters() if p.requires_grad and "pooler" not in n]
    if not moving:
        msg = f"nothing is left to train when {', '.join(parts)} are frozen"
        raise TrainError(msg)


def _set_dropout(model: SentenceTransformer, dropout: float | None) -> None:
    """Give every dropout of a model one probability; None leaves the model's own.

    The attention of newer architectures keeps its probability in a float beside its modules.
    """
    if dropout is None:
        return
    name = "attention_dropout"
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
        if isinstance(getattr(module, name, None), float):
            setattr(module, name, dropout)


def _layer(name: str) -> float:
    """Return the number of the layer that a parameter belongs to, infinity for none."""
    found = re.search(r"\.layers?\.(\d+)\.", name)
    return int(found[1]) if found else float("inf")


def _arguments(
    recipe: Recipe, pairs: Pairs, folder: Path, *, can_evaluate: bool
) -> SentenceTransformerTrainingArguments:
    how = recipe.optimisation
    evaluates = how.evaluate_every > 0 and can_evaluate
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=how.steps or -1,
        num_train_epochs=how.epochs,
        per_device_train_batch_size=how.batch_size,
        per_device_eval_batch_size=how.batch_size,
        learning_rate=how.learning_rate,
        weight_decay=how.weight_decay,
        warmup_steps=min(how.warmup, 1 - 1e-9),  # 1 would be one step, not all
        lr_scheduler_type=how.schedule,
        use_cpu=not torch.cuda.is_available(),
        bf16=uses_bf16(how.precision),
        **_checkpointing(how),
        seed=how.seed,
        data_seed=how.seed,
        dataloader_drop_last=True,
        remove_unused_columns=False,
        save_strategy="steps",
        save_steps=how.evaluate_every or SAVE_EVERY,
        save_total_limit=CHECKPOINTS_KEPT,
        restore_callback_states_from_checkpoint=True,
        eval_strategy="steps" if evaluates else "no",
        eval_steps=how.evaluate_every or None,
        load_best_model_at_end=bool(how.patience),
        metric_for_best_model="eval_loss" if how.patience else None,
        greater_is_better=False if how.patience else None,
        logging_steps=10,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=["tensorboard"] if importlib.util.find_spec("tensorboard") else [],
    )
    arguments.batch_sampler = functools.partial(
        _batch_sampler,
        pairs=pairs,
        recipe=recipe,
        n_processes=arguments.world_size,
    )
    return arguments


def _checkpointing(how: Optimisation) -> dict[str, Any]:
    """Return the argument for gradient checkpointing under its name in this transformers."""
    names = {field.name for field in fields(SentenceTransformerTrainingArguments)}
    new, old = "activation_checkpointing", "gradient_checkpointing"
    return {new if new in names else old: True} if how.gradient_checkpointing else {}


def _batch_sampler(
    dataset: Any,  # noqa: ANN401 - torch's
    *,
    pairs: Pairs,
    recipe: Recipe,
    n_processes: int,
    batch_size: int,
    **kwargs: Any,  # noqa: ANN401
) -> DefaultBatchSampler:
    """Return hybrid batches for training pairs; validation pairs keep their order.

    The seed is the recipe's: sentence-transformers before 6.2 gives 0 whatever its arguments say.
    """
    if isinstance(dataset, PairDataset):
        return HybridBatchSampler(
            dataset,
            batch_size,
            pairs=pairs,
            alpha=recipe.alpha,
            per_document=recipe.optimisation.per_document,
            n_processes=n_processes,
            seed=recipe.optimisation.seed,
        )
    return DefaultBatchSampler(
        SequentialSampler(dataset), batch_size, **kwargs | {"drop_last": False}
    )


class _PairCollator(SentenceTransformerDataCollator):
    """Cuts queries and passages at lengths of their own."""

    def _get_task_for_column(self, column_name: str, *_: Any) -> str:  # noqa: ANN401
        return "query" if column_name == "query" else "document"

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().__call__(features)
        return {key: value for key, value in batch.items() if not key.endswith("_task")}


def _prompts(model: SentenceTransformer, recipe: Recipe) -> tuple[str, str]:
    """Return the recipe's prompts of queries and passages, else the base model's own."""
    return recipe.prompts or (prompt_of(model, Role.query), prompt_of(model, Role.passage))


def _collator(
    model: SentenceTransformer, how: Optimisation, prompts: tuple[str, str]
) -> SentenceTransformerDataCollator:
    query, passage = prompts

    def preprocess(
        inputs: list[str],
        prompt: str | None = None,
        task: str | None = None,  # noqa: ARG001 - the collator's way to the length
        max_length: int | None = None,
    ) -> dict[str, Any]:
        limit = min(max_length or 10**6, model.max_seq_length or 10**6)
        cut = {"text": {"max_length": limit, "truncation": True}}
        found: dict[str, Any] = model.preprocess(inputs, prompt=prompt, processing_kwargs=cut)
        return found

    return _PairCollator(
        preprocess_fn=preprocess,
        prompts={"query": query, "passage": passage, "negative": passage},
        max_length={"query": how.max_query_tokens, "document": how.max_passage_tokens},
    )


class PairTrainer(SentenceTransformerTrainer):
    """sentence-transformers' trainer that stops at a loss that is not a number."""

    def __init__(self, *, pairs: Pairs, train_dataset: PairDataset, **kwargs: Any) -> None:  # noqa: ANN401
        self.pairs, self.pair_dataset = pairs, train_dataset
        super().__init__(train_dataset=train_dataset, **kwargs)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Return the loss.

        Raises:
            TrainError: it is NaN or infinite; names the step and the ids of the batch.

        """
        found = super().compute_loss(*args, **kwargs)
        loss = (found[0] if isinstance(found, tuple) else found).detach()
        if self.model.training and not torch.isfinite(loss).all():
            ids = ", ".join(self.ids_of_step(self.state.global_step))
            msg = (
                f"the loss is {float(loss.mean())} at step {self.state.global_step + 1}; ids of its"
                f" pairs: {ids}; lower the learning rate or look at these pairs"
            )
            raise TrainError(msg)
        return found

    def ids_of_step(self, step: int) -> list[str]:
        """Return the ids of the pairs of a step, of all processes: drawn again from the seed."""
        size, n = self.args.train_batch_size, self.args.world_size
        sampler: Any = self.get_batch_sampler(self.pair_dataset, size, drop_last=True)
        epoch, place = divmod(step, len(sampler) // n)
        sampler.set_epoch(epoch)
        drawn = itertools.islice(sampler.draw(), place * n, (place + 1) * n)
        rows = [int(self.pairs.rows[p]) for batch in drawn for p in batch.queries]
        return self.pair_dataset.ids(rows)


class _SamplerEpoch(TrainerCallback):
    """Tells the sampler which epoch it is.

    A resumed distributed run wraps the sampler twice, deeper than the trainer looks.
    """

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Set the epoch on the innermost sampler."""
        sampler = kwargs["train_dataloader"].batch_sampler
        while sampler is not None and not isinstance(sampler, HybridBatchSampler):
            sampler = getattr(sampler, "batch_sampler", None)
        if sampler is not None:
            sampler.set_epoch(int(state.epoch or 0))
