"""One training run, from a recipe to a model folder; stopped runs go on where they were."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from transformers import EarlyStoppingCallback, TrainerState, set_seed
from transformers.utils import logging as transformers_logging

from xlir_bench.cards.recipe import Recipe
from xlir_bench.errors import StoppedError, TrainError
from xlir_bench.paths import folder_sha256, written_whole
from xlir_bench.train.card import model_card
from xlir_bench.train.fit import PairTrainer, make_trainer
from xlir_bench.train.pairs import Pairs, build_pairs
from xlir_bench.train.progress import MarkWhole, StopAtStep
from xlir_bench.train.start import average, load_model, process_number, start_from
from xlir_bench.versions import installed

RECORD = "training.json"
WORK = "training"
"""Folder of pairs, checkpoints and logs inside the model's."""
_WHOLE = (MarkWhole.NAME, "trainer_state.json", "optimizer.pt", "scheduler.pt")
_PACKAGES = ("xlir-bench", "sentence-transformers", "transformers", "torch", "accelerate")

Tell = Callable[[str], object]


def train(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    evaluator: Any = None,  # noqa: ANN401 - any of sentence-transformers'
    tell: Tell | None = None,
) -> None:
    """Train a model and leave it in a folder as an ordinary sentence-transformers model.

    Args:
        recipe: everything that changes the weights.
        folder: of the model; ``training/`` inside holds pairs, checkpoints and logs.
        resume: whether to go on with a stopped run in the folder.
        evaluator: called beside the validation loss.
        tell: is given lines of what was read and done.

    Raises:
        StoppedError: the user interrupted it; it can be resumed.
        TrainError: the folder, the base or the recipe is not usable, or the loss is not a number.
        DataError: a source of pairs is missing or malformed.

    """
    if tell is None or process_number():  # the first process speaks for all
        tell = _silent
    checkpoint = _checkpoint(folder, resume=resume)
    pairs, validation = _pairs(recipe, folder, tell)
    identity = _identity(recipe, pairs, validation)
    _check_same(folder, identity, resume=resume)
    set_seed(recipe.optimisation.seed)  # a base may lack weights, which are drawn when it is loaded
    begun = start_from(recipe, folder / WORK, tell)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    trainer = make_trainer(
        begun, recipe, pairs, folder / WORK, validation=validation, evaluator=evaluator
    )
    if trainer.is_world_process_zero():
        write_json(folder / WORK / RECORD, identity)
    start = time.perf_counter()
    finished = _finished(checkpoint)
    if finished is not None:
        model, trainer.state = load_model(str(finished[0])), finished[1]
    else:
        model = begun.model
        _fit(trainer, checkpoint, folder)
    if begun.weights:
        average(model, begun.weights, recipe.optimisation.base_share)
    if trainer.is_world_process_zero():
        record = identity | _facts(trainer, pairs, time.perf_counter() - start)
        record["resumed"] = checkpoint is not None
        _save(model, folder, model_card(recipe, record), record)
        tell(f"model: {folder}")


def _fit(trainer: PairTrainer, checkpoint: Path | None, folder: Path) -> None:
    """Train to the end, or to the step at which the user asks to stop."""
    (stopper,) = (c for c in trainer.callback_handler.callbacks if isinstance(c, StopAtStep))
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        stopper.give_back()
    if stopper.was_asked:
        msg = (
            f"interrupted; a checkpoint of step {trainer.state.global_step} is in {folder / WORK}:"
            " go on with --resume"
        )
        raise StoppedError(msg)


def _finished(checkpoint: Path | None) -> tuple[Path, TrainerState] | None:
    """Return the model of a run that was stopped after its last step, None for any other.

    transformers would train one more step, also where early stopping had ended the run.
    """
    if checkpoint is None:
        return None
    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    early = state.stateful_callbacks.get(EarlyStoppingCallback.__name__, {})
    used = early.get("attributes", {}).get("early_stopping_patience_counter", 0)
    patience = early.get("args", {}).get("early_stopping_patience", used + 1)
    if state.global_step < state.max_steps and used < patience:
        return None
    best = state.best_model_checkpoint
    return (Path(best) if best else checkpoint), state


def holds_run(folder: Path) -> bool:
    """Say whether a training has begun in a folder, so that ``resume`` can go on with it."""
    return (folder / WORK / RECORD).exists()


def _checkpoint(folder: Path, *, resume: bool) -> Path | None:
    """Return the last whole checkpoint to go on from, None to start.

    Raises:
        TrainError: the folder holds a finished or an unfinished run that nobody asked to touch.

    """
    if (folder / "modules.json").exists():
        msg = f"{folder} already holds a trained model; choose another folder"
        raise TrainError(msg)
    found = sorted((folder / WORK).glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    whole = [p for p in found if _is_whole(p)]
    if holds_run(folder) and not resume:
        msg = f"{folder} holds an unfinished run; go on with --resume, or choose another folder"
        raise TrainError(msg)
    if resume and not holds_run(folder):
        msg = f"{folder} holds no run to resume"
        raise TrainError(msg)
    for broken in set(found) - set(whole):
        shutil.rmtree(broken)  # cut off while it was written
    return whole[-1] if whole else None


def _is_whole(checkpoint: Path) -> bool:
    """Say whether every file of a checkpoint was written to its end."""
    if not all((checkpoint / name).is_file() for name in _WHOLE):
        return False
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _pairs(recipe: Recipe, folder: Path, tell: Tell) -> tuple[Pairs, Pairs | None]:
    """Read the sources, and those for validation, each process of a distributed run for itself."""
    number = process_number()
    codes = [language.code for language in recipe.languages]
    beside = recipe.path.parent
    path = folder / WORK / f"pairs.{number}.arrow"
    pairs = build_pairs(recipe.sources, codes, path, beside=beside, holdout=recipe.holdout)
    report = pairs.report
    for source, counts in report.rows.items():
        languages = ", ".join(f"{code} {n:,}" for code, n in counts.items())
        tell(f"{source}: {sum(counts.values()):,} pairs ({languages})")
    tell(
        f"{len(pairs):,} pairs to draw from; left out: {report.empty:,} empty,"
        f" {report.duplicates:,} repeated; {report.one_language:,} ids in one language only;"
        f" {report.held_out:,} ids held out"
    )
    if not recipe.validation:
        return pairs, None
    path = folder / WORK / f"validation.{number}.arrow"
    validation = build_pairs(recipe.validation, ["en"], path, beside=beside)
    tell(f"{len(validation):,} pairs for the validation loss")
    return pairs, validation


def _silent(_: str) -> None:
    """Say nothing."""


def identity_of_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return what tells recipes apart in the record of a run: the file, and what replaced it.

    A local base is named by its folder and told apart by its files: records are published, and a
    path says nothing to others.
    """
    base = Path(recipe.base).expanduser()
    return {
        "recipe": recipe.name,
        "recipe_sha256": hashlib.sha256(recipe.path.read_bytes()).hexdigest(),
        "base": base.resolve().name if base.is_dir() else recipe.base,
        "base_sha256": folder_sha256(base) if base.is_dir() else None,
        "alpha": recipe.alpha,
    }


def _identity(recipe: Recipe, pairs: Pairs, validation: Pairs | None) -> dict[str, Any]:
    """Return what must be the same for a run to be resumed."""
    how = asdict(recipe.optimisation)
    return {
        **identity_of_recipe(recipe),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "languages": [language.code for language in recipe.languages],
        "pairs_sha256": pairs.report.sha256,
        "validation_sha256": validation.report.sha256 if validation else None,
        "optimisation": json.loads(json.dumps(how)),
        "pieces": recipe.vocabulary.pieces,
    }


def _check_same(folder: Path, identity: dict[str, Any], *, resume: bool) -> None:
    if not resume:
        return
    path = folder / WORK / RECORD
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error}; start anew in another folder"
        raise TrainError(msg) from error
    changed = [key for key, value in identity.items() if before.get(key) != value]
    if changed:
        msg = f"{folder} was begun with another {' and '.join(changed)}; start in another folder"
        raise TrainError(msg)


def _facts(trainer: PairTrainer, pairs: Pairs, seconds: float) -> dict[str, Any]:
    """Return what a finished run has to tell beside its identity."""
    steps = trainer.state.global_step
    drawn = steps * trainer.args.train_batch_size * trainer.args.world_size
    losses = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    best = trainer.args.load_best_model_at_end
    return {
        "steps": steps,
        "pairs_seen": drawn,
        "seconds": round(seconds, 1),
        "device": str(trainer.args.device),
        "bf16": bool(trainer.args.bf16),
        "validation_loss": trainer.state.best_metric if best else next(reversed(losses), None),
        "pairs": asdict(pairs.report),
        "versions": installed(_PACKAGES),
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
    }


def _save(model: SentenceTransformer, folder: Path, card: str, record: dict[str, Any]) -> None:
    """Write the model so that the file that marks a model folder comes last."""
    temporary = folder / WORK / "model"
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(str(temporary), create_model_card=False)
    (temporary / "README.md").write_text(card, encoding="utf-8")
    write_json(temporary / RECORD, record)
    for path in sorted(temporary.iterdir(), key=lambda p: p.name == "modules.json"):
        target = folder / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    shutil.rmtree(temporary)
    for path in (folder / WORK).glob("*.arrow"):
        path.unlink()


def write_json(path: Path, record: Mapping[Any, Any]) -> None:
    """Write a record, whole or not at all."""
    with written_whole(path) as temporary:
        text = json.dumps(record, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
