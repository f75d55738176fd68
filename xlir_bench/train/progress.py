"""Pairs per second and the time that is left; Ctrl-C that loses nothing."""

import signal
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback


class PairProgress(TrainerCallback):
    """One bar for the whole training; evaluations do not count as training time."""

    def __init__(self) -> None:
        self._bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Start at the step that a resumed run starts from."""
        if state.is_world_process_zero:
            per_step = args.train_batch_size * args.world_size * args.gradient_accumulation_steps
            self._bar = tqdm(
                total=state.max_steps * per_step,
                initial=state.global_step * per_step,
                desc="Training",
                unit="pair",
                unit_scale=True,
                file=sys.stderr,
                mininterval=1,
            )
            self._per_step = per_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Count a step's pairs."""
        if self._bar is not None:
            self._bar.update(self._per_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Show the loss beside the bar."""
        shown = {key: logs[key] for key in ("loss", "eval_loss") if key in (logs or {})}
        if self._bar is not None and shown:
            self._bar.set_postfix({key: f"{float(value):.4f}" for key, value in shown.items()})

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Leave the last state on screen."""
        if self._bar is not None:
            self._bar.close()


class StopAtStep(TrainerCallback):
    """Ctrl-C ends training after the step at hand, with a checkpoint; a second one ends it at once.

    Attributes:
        was_asked: whether training was interrupted.

    """

    def __init__(self) -> None:
        self.was_asked = False
        self._before: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Take over the interrupt; outside of the main thread Python has no way to."""
        try:
            self._before = signal.signal(signal.SIGINT, self._ask)
        except ValueError:
            self._before = None

    def _ask(self, *_: object) -> None:
        if self.was_asked:
            raise KeyboardInterrupt
        self.was_asked = True
        sys.stderr.write("\nxlir-bench: saving a checkpoint after this step; again to stop now\n")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Save and stop if that was asked for."""
        if self.was_asked:
            control.should_save = True
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Give the interrupt back."""
        self.give_back()

    def give_back(self) -> None:
        """Give the interrupt back, also after a training that failed."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None


class MarkWhole(TrainerCallback):
    """Marks a checkpoint when its last file has been written: without the mark it is not used."""

    NAME = "whole"

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Leave the mark in the checkpoint of this step."""
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / self.NAME).touch()
