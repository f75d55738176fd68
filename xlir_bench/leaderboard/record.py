"""Find what runs have left, and refuse what must not stand in a table."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import ResultError
from xlir_bench.results.rank_file import read_provenance

FORMAT = 1
"""Of provenance records, as ``results.provenance`` writes them."""

ENCODED = 0.9
"""Share of a benchmark's texts that a run must have encoded itself for its seconds to count; the
rest are duplicates, which are encoded once."""


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a model.

    Attributes:
        name: "org/name".
        revision: of the weights, empty if unknown.
        n_parameters: None if unknown.
        dimensions: of its vectors, None if unknown.
        license: as mteb spells it, empty if unknown.
        trained_on: mteb's names of data sets that it or a model it was trained from has seen, None
            if not all of them are known.
        seen: of those that are known.

    """

    name: str
    revision: str
    n_parameters: int | None
    dimensions: int | None
    license: str
    trained_on: frozenset[str] | None
    seen: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One model's result on one benchmark.

    Attributes:
        card: the benchmark.
        folder: where the result lies.
        model: who was measured.
        provenance: how the ranks came about; empty if there are none.
        entry: macro averages of mteb's result ("mono/AP"), empty if it holds none.
        has_ranks: whether the exact ranks are there; if not, the model ranked for itself.

    """

    card: TaskCard
    folder: Path
    model: Model
    provenance: Mapping[str, Any]
    entry: Mapping[str, Any]
    has_ranks: bool

    @property
    def ranks(self) -> Path:
        """Return the path of the rank table."""
        return ranks_path(self.folder, self.card)

    @property
    def seconds(self) -> float | None:
        """Return seconds of encoding and ranking, None if the run did not encode every text."""
        seconds = self.provenance.get("seconds")
        encoded = sum(self.provenance.get("texts_encoded", {}).values())
        counts = self.card.counts
        texts = sum(counts.queries.values()) + sum(counts.passages.values())
        if not seconds or not texts or encoded < ENCODED * texts:
            return None
        return float(seconds["encode"]) + float(seconds["rank"])

    @property
    def seen(self) -> frozenset[str] | None:
        """Return the data sets with texts of the benchmark that the model has seen.

        Empty if it has seen none, None if that is not known.
        """
        known = self.model.seen & {self.card.name, *self.card.about.same_texts}
        return known if known or self.model.trained_on is not None else None


def ranks_path(folder: Path, card: TaskCard) -> Path:
    """Return the name of a benchmark's rank table in a folder of results."""
    return folder / f"{card.name}.ranks.parquet"


def find_records(card: TaskCard, roots: Iterable[Path]) -> tuple[list[Record], list[str]]:
    """Return the records of a benchmark below folders, a later folder's before an earlier one's.

    Returns:
        Records by model and revision, each once, and a line for each one that is refused.

    Raises:
        ResultError: a folder is not there.

    """
    found: dict[tuple[str, str], Record] = {}
    refused = []
    for root in roots:
        if not root.is_dir():
            msg = f"there is no results folder {root}"
            raise ResultError(msg)
        files = [*root.rglob(f"{card.name}.ranks.parquet"), *root.rglob(f"{card.name}.json")]
        for folder in sorted({path.parent for path in files}):
            try:
                record = read_record(folder, card)
            except ResultError as error:
                refused.append(f"{folder}: {error}")
            else:
                found[record.model.name, record.model.revision] = record
    return sorted(found.values(), key=lambda r: (r.model.name, r.model.revision)), refused


def read_record(folder: Path, card: TaskCard) -> Record:
    """Return the record of a benchmark in a folder of results.

    Raises:
        ResultError: it cannot be read, or is of other data or other measures than the card's.

    """
    has_ranks = ranks_path(folder, card).is_file()
    provenance = read_provenance(ranks_path(folder, card)) if has_ranks else {}
    result = _json(folder / f"{card.name}.json")
    entry = _entry(result, card)
    if has_ranks:
        _check_data(provenance, card)
    elif result.get("dataset_revision") != card.source.revision:
        given = result.get("dataset_revision")
        msg = f"refused: of revision {given} of the data, {card.name} is {card.source.revision}"
        raise ResultError(msg)
    # Runs that end at some depth lack what needs more; recomputing them says what that must be.
    is_complete = has_ranks and bool(entry) and not provenance.get("depths")
    _check_measures(entry, card, is_complete=is_complete)
    meta = _json(folder / "model_meta.json")
    return Record(card, folder, _model(folder, meta, provenance), provenance, entry, has_ranks)


def _check_data(provenance: Mapping[str, Any], card: TaskCard) -> None:
    if provenance.get("format") != FORMAT:
        msg = f"refused: its provenance is of format {provenance.get('format')}, not {FORMAT}"
        raise ResultError(msg)
    given = str(provenance.get("data_sha256"))
    if given != card.data_sha256:
        msg = (
            f"refused: of other data: the files' checksum is {given[:12]}, that of {card.name}"
            f" {card.data_sha256[:12]}; run it again"
        )
        raise ResultError(msg)


def _check_measures(entry: Mapping[str, Any], card: TaskCard, *, is_complete: bool) -> None:
    """Refuse a result with measures that the card does not have, or without some that it has."""
    tails = ("_low", "_high", "_undefined")
    names = {key.split("/", 1)[1] for key in entry if "/" in key and not key.endswith(tails)}
    if not is_complete:  # mteb's measures that stand in for the main one
        names = {name for name in names if not name.startswith("map_at_")}
    odd = sorted(names - set(card.measures))
    missing = [m for m in card.measures if m not in names] if is_complete else []
    for what, which in (("has measures that", odd), ("lacks measures that", missing)):
        if which:
            card_has = "the card does not have" if which is odd else "the card has"
            msg = f"refused: it {what} {card_has}: {', '.join(which[:3])}; run it again"
            raise ResultError(msg)


def _entry(result: Mapping[str, Any], card: TaskCard) -> dict[str, Any]:
    """Return the macro averages of mteb's result of a whole benchmark."""
    entries = result.get("scores", {}).get(card.split, [])
    return dict(entries[0]) if entries and isinstance(entries[0], dict) else {}


def _json(path: Path) -> dict[str, Any]:
    """Return a JSON object, empty if there is no such file.

    Raises:
        ResultError: the file holds something else.

    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        msg = f"cannot read {path}: {error}; run it again"
        raise ResultError(msg) from error
    if not isinstance(found, dict):
        msg = f"{path} is not a result of mteb; run it again"
        raise ResultError(msg)
    return found


def _model(folder: Path, meta: Mapping[str, Any], provenance: Mapping[str, Any]) -> Model:
    own, all_known = meta.get("training_datasets"), meta.get("adapted_from") is None
    resolved = provenance.get("training_datasets")
    seen = frozenset([*(own or ()), *(resolved or ())])
    is_known = resolved is not None or (own is not None and all_known)
    name = provenance.get("model") or meta.get("name") or _name_of(folder)
    revision = provenance.get("revision") or meta.get("revision") or ""
    return Model(
        name=str(name),
        revision=str(revision),
        n_parameters=_whole(meta.get("n_parameters")),
        dimensions=_whole(provenance.get("dimensions") or meta.get("embed_dim")),
        license=str(meta.get("license") or ""),
        trained_on=seen if is_known else None,
        seen=seen,
    )


def _name_of(folder: Path) -> str:
    """Return the model's name as mteb spells it in folders: "org__name", or below it a revision."""
    name = folder.name if "__" in folder.name else folder.parent.name
    return name.replace("__", "/")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
