"""Load a model by name, in this process or in a worker elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mteb
from mteb.models.get_model_meta import _MODEL_RENAMES
from mteb.models.model_implementations import MODEL_REGISTRY

from xlir_bench.adapters.mteb.make import Place
from xlir_bench.adapters.mteb.models import folder_meta
from xlir_bench.adapters.mteb.registry import register
from xlir_bench.adapters.mteb.task import encoder_of
from xlir_bench.cards.task import TaskCard
from xlir_bench.encoders.base import Encoder
from xlir_bench.engines.local import LocalEngine
from xlir_bench.engines.ray import RayEngine
from xlir_bench.errors import EncoderError, UnknownNameError, XlirError


def load_model(model: str, name: str | None, device: str | None) -> Any:
    """Return a loaded mteb model from a registered name, an alias, a folder or the hub.

    Raises:
        UnknownNameError: nobody knows the name.
        EncoderError: the model cannot be loaded.

    """
    known = model in MODEL_REGISTRY or model in _MODEL_RENAMES
    is_folder = model.startswith((".", "/", "~")) or Path(model).is_dir()
    if not known and not is_folder and "/" not in model:
        names = [*MODEL_REGISTRY, *_MODEL_RENAMES, *(n.split("/")[-1] for n in MODEL_REGISTRY)]
        hint = "a folder is given as ./folder, a hub model as org/name"
        raise UnknownNameError(model, names, kind="model", hint=hint)
    try:
        if is_folder and not known:
            folder = Path(model).expanduser()
            return folder_meta(folder, name or f"local/{folder.resolve().name}").load_model(device)
        return mteb.get_model(model, device=device)
    except XlirError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        msg = f"cannot load the model {model!r}: {reason}"
        raise EncoderError(msg) from error


def place_of(setup: "LoadElsewhere", devices: Sequence[str], ray_workers: int | None) -> Place:
    """Return where the shards of streamed corpora are worked on.

    Args:
        setup: loads the model in a worker.
        devices: of this machine.
        ray_workers: of a Ray cluster, 0 for as many as it has; None to stay on this machine.

    """
    if ray_workers is not None:
        return Place(RayEngine(ray_workers), setup)
    if len(devices) > 1:
        return Place(LocalEngine(tuple(devices)), setup)
    return Place()


@dataclass(frozen=True, slots=True)
class LoadElsewhere:
    """Loads the model in a worker process, which gets this object and nothing of ours."""

    model: str
    name: str | None
    card: TaskCard
    batch_size: int

    def __call__(self, device: str | None) -> Encoder:
        """Return the encoder on a device.

        Raises:
            EncoderError: the model cannot be loaded there, or is no encoder.

        """
        register()
        encoder = encoder_of(
            load_model(self.model, self.name, device), self.card, {"batch_size": self.batch_size}
        )
        if encoder is None:
            msg = f"{self.model} ranks for itself: only encoders can be run on streamed corpora"
            raise EncoderError(msg)
        return encoder
