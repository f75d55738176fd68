"""Find a benchmark's files or download them, and trust only those with the card's checksum."""

import hashlib
import os
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import DataError
from xlir_bench.paths import DATA_DIR_VARIABLE, written_whole
from xlir_bench.readers.beir_folder import BEIR, beir_file_of, beir_places


def file_of(card: TaskCard, code: str) -> Path:
    """Return one language's file with the right checksum.

    Looked for beside the card, in ``XLIR_DATA_DIR``, in the cache, then downloaded to the cache.

    Raises:
        DataError: the file has another checksum, or can be found nowhere and not be downloaded.

    """
    if card.source.format == BEIR:
        return beir_file_of(card, code)
    for path in candidates(card, code):
        if path.is_file():
            check_sha256(path, card.source.sha256[code], card.name)
            return path
    return _download(card, code)


def candidates(card: TaskCard, code: str) -> list[Path]:
    """Return the places where a language's file may lie, in the order they are tried."""
    if card.source.format == BEIR:
        return beir_places(card, code)
    return [folder / f"{code}.json" for folder in card.data_folders]


def check_sha256(path: Path, expected: str, name: str) -> None:
    """Raise a DataError unless the file has the expected SHA-256."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        msg = (
            f"{path} is not the file that {name} is scored on: its sha256 is {found}, the card says"
            f" {expected}; delete it (truncated or altered) and run again"
        )
        raise DataError(msg)


def _download(card: TaskCard, code: str) -> Path:
    source, target = card.source, candidates(card, code)[-1]
    url = source.url.format(language=code)
    places = f"set {DATA_DIR_VARIABLE} to a folder that holds {source.folder}/{code}.json"
    if not url:
        msg = f"{card.name}: {code}.json is nowhere to be found; {places}"
        raise DataError(msg)
    import pooch  # noqa: PLC0415 - 0.1 s that only a download pays

    pooch.get_logger().setLevel("WARNING")
    with written_whole(target) as temporary:
        try:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{source.sha256[code]}",
                fname=temporary.name,
                path=temporary.parent,
                downloader=pooch.HTTPDownloader(progressbar=_progress(url)),
            )
        except Exception as error:
            msg = (
                f"{card.name}: cannot download {url} ({_reason(error)}); {places}"
                f" (sha256 {source.sha256[code]})"
            )
            raise DataError(msg) from error
    return target


def _progress(url: str) -> "tqdm[NoReturn] | bool":
    """Return a bar on standard error, or False where there is no terminal."""
    if not os.isatty(2):
        return False
    # pooch asks whether the bar is true, which tqdm answers only once it has a total.
    return tqdm(total=1, desc=url.rsplit("/", 1)[-1], unit="B", unit_scale=True)


def _reason(error: Exception) -> str:
    """Return the first line of an error, shortened: connection errors repeat themselves."""
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return first if len(first) <= 160 else f"{first[:157]}..."
