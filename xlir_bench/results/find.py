"""Find what an earlier run left, by the name of its model."""

from collections.abc import Iterator
from pathlib import Path

from xlir_bench.cards.load import model_cards
from xlir_bench.errors import ResultError
from xlir_bench.paths import data_folder


def find_result(model: str, file: str, output_folder: Path) -> Path | None:
    """Return one file of a model's results, None if nobody has written it.

    Looked for in ``model`` if that is a folder, below ``output_folder`` as ``xlir-bench run`` and
    ``mteb run`` write it, then among the reference results that ship.

    Args:
        model: name, alias, or a folder with results or of a model.
        file: "XQuADR.ranks.parquet".
        output_folder: "results".

    Raises:
        ResultError: several revisions have written it.

    """
    for places in (_places(model, file, output_folder), _reference(model, file)):
        found = sorted({place for place in places if place.is_file()})
        if len(found) > 1:
            folders = ", ".join(str(place.parent) for place in found)
            msg = f"{model!r} has results of several revisions; name one of the folders {folders}"
            raise ResultError(msg)
        if found:
            return found[0]
    return None


def _names(model: str) -> Iterator[str]:
    """Yield what results folders of a model may be called."""
    names = {model, *(card.name for card in model_cards().values() if card.alias == model)}
    if Path(model).is_dir():
        names = {f"local/{Path(model).resolve().name}"}
    for name in filter(None, names):
        yield name.replace("/", "__")
        if "/" not in name:
            yield f"*__{name}"


def _places(model: str, file: str, output_folder: Path) -> Iterator[Path]:
    if (Path(model) / file).is_file():
        yield Path(model) / file
        return
    for name in _names(model):
        for root in (output_folder, output_folder / "results"):
            yield from root.glob(f"{name}/*/{file}")


def _reference(model: str, file: str) -> Iterator[Path]:
    for name in _names(model):
        yield from (data_folder("leaderboards") / "results").glob(f"{name}/{file}")
