"""The task card: one benchmark, its languages, modes, sources, counts and measures."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from xlir_bench.cards.toml import Table, read_toml
from xlir_bench.core.language import Language, language
from xlir_bench.core.mode import RetrievalMode, Setting, retrieval_mode, settings_of
from xlir_bench.errors import CardError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Source:
    """Where a benchmark's files are.

    Attributes:
        format: name of a reader ("lareqa").
        folder: of the files, below the card's folder, ``XLIR_DATA_DIR`` or the cache.
        url: with ``{language}``; empty if the files are only local.
        revision: commit or version of the data as published.
        sha256: by language code; the files that are read must have these.

    """

    format: str
    folder: str
    url: str
    revision: str
    sha256: dict[str, str]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many texts a language must have, checked at every load."""

    queries: dict[str, int]
    passages: dict[str, int]


@dataclass(frozen=True, slots=True)
class About:
    """What a benchmark's users must know, for listings and for mteb's metadata."""

    title: str
    summary: str
    instruction: str
    license: str
    reference: str
    domains: tuple[str, ...]
    annotations: str
    creation: str
    dates: tuple[str, ...]
    bibtex: str
    same_texts: tuple[str, ...] = ()
    """mteb's names of data sets with the same texts: who has seen those has seen the benchmark."""


@dataclass(frozen=True, slots=True)
class TaskCard:
    """One benchmark as its TOML file describes it.

    Attributes:
        name: "XQuADR"; the modes are "XQuADRMono", "XQuADRCross" and "XQuADRMulti".
        path: of the card.
        languages: of queries and corpora.
        modes: those that the data supports.
        main_measure: the figure that is shown first.
        measures: ir_measures spelling, the default set.
        split: of mteb's results.
        source: the files.
        counts: what a load must find.
        about: licence, citation and the like.

    """

    name: str
    path: Path
    languages: tuple[Language, ...]
    modes: tuple[RetrievalMode, ...]
    main_measure: str
    measures: tuple[str, ...]
    split: str
    source: Source
    counts: Counts
    about: About

    def task_name(self, mode: RetrievalMode) -> str:
        """Return the name of the benchmark's task in one mode: "XQuADRMono"."""
        return f"{self.name}{mode.value.capitalize()}"

    def settings(self, mode: RetrievalMode | None = None) -> tuple[Setting, ...]:
        """Return the settings of one mode, or of all modes of the card."""
        modes = self.modes if mode is None else (mode,)
        return tuple(s for m in modes for s in settings_of(m, self.languages))

    @property
    def data_sha256(self) -> str:
        """Return one checksum of all files: SHA-256 of the lines "language sha256"."""
        lines = "".join(f"{code} {value}\n" for code, value in sorted(self.source.sha256.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


def read_task_card(path: Path) -> TaskCard:
    """Return the task card in a TOML file.

    Raises:
        CardError: a field is missing, unknown or wrong.

    """
    table = read_toml(path)
    try:
        languages = tuple(language(code) for code in table.strings("languages"))
        modes = tuple(retrieval_mode(name) for name in table.strings("modes"))
    except UnknownNameError as error:
        msg = f"{path}: {error}"
        raise CardError(msg) from error
    card = TaskCard(
        name=table.take("name", str),
        path=path,
        languages=languages,
        modes=modes,
        main_measure=table.take("main_measure", str),
        measures=table.strings("measures"),
        split=table.take("split", str, "test"),
        source=_source(table.table("source")),
        counts=_counts(table.table("counts", {})),
        about=_about(table.table("about")),
    )
    table.finish()
    _check(card)
    return card


def _source(table: Table) -> Source:
    source = Source(
        format=table.take("format", str),
        folder=table.take("folder", str),
        url=table.take("url", str, ""),
        revision=table.take("revision", str),
        sha256=table.table("sha256").rest(str),
    )
    table.finish()
    return source


def _counts(table: Table) -> Counts:
    counts = Counts(table.table("queries", {}).rest(int), table.table("passages", {}).rest(int))
    table.finish()
    return counts


def _about(table: Table) -> About:
    about = About(
        title=table.take("title", str),
        summary=table.take("summary", str),
        instruction=table.take("instruction", str),
        license=table.take("license", str),
        reference=table.take("reference", str),
        domains=table.strings("domains"),
        annotations=table.take("annotations", str),
        creation=table.take("creation", str),
        dates=table.strings("dates"),
        bibtex=table.take("bibtex", str, ""),
        same_texts=table.strings("same_texts", []),
    )
    table.finish()
    return about


def _check(card: TaskCard) -> None:
    """Raise a CardError for values that are of the right type and yet wrong."""
    codes = {x.code for x in card.languages}
    source, counts = card.source, card.counts
    tables = {
        "source.sha256": set(source.sha256),
        "counts.queries": set(counts.queries),
        "counts.passages": set(counts.passages),
    }
    for field, named in tables.items():
        odd = sorted(named ^ codes) if named or field == "source.sha256" else []
        if odd:
            msg = f"{card.path}: [{field}] must name exactly the languages, but not so {odd[0]!r}"
            raise CardError(msg)
    numbers = [*counts.queries.values(), *counts.passages.values()]
    wrong = {
        "name": not card.name.isidentifier(),
        "languages": not codes or len(codes) < len(card.languages),
        "modes": not card.modes or len(set(card.modes)) < len(card.modes),
        "measures": len(set(card.measures)) < len(card.measures),
        "main_measure": card.main_measure not in card.measures,
        "modes (a pool or pair is chosen when a task is run)": bool(
            {RetrievalMode.pool, RetrievalMode.pair} & set(card.modes)
        ),
        "source.url (it must hold {language})": bool(source.url) and "{language}" not in source.url,
        "source.sha256": not all(map(_SHA256.fullmatch, source.sha256.values())),
        "counts": any(type(n) is not int or n < 0 for n in numbers),
        "about.dates (two, from and to)": len(card.about.dates) != 2,
    }
    for field, is_wrong in wrong.items():
        if is_wrong:
            msg = f"{card.path}: wrong value of {field}: empty, repeated or out of range"
            raise CardError(msg)


_SHA256 = re.compile("[0-9a-f]{64}")
