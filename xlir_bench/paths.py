"""Where cards, data, caches and the user's own cards are; and how a file is written safely."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from xlir_bench.errors import ResultError

DATA_DIR_VARIABLE = "XLIR_DATA_DIR"
CACHE_DIR_VARIABLE = "XLIR_CACHE_DIR"
CONFIG_DIR_VARIABLE = "XLIR_CONFIG_DIR"

_PACKAGE = Path(__file__).parent


def data_folder(name: str) -> Path:
    """Return the folder ``tasks``, ``models`` or ``leaderboards`` that ships with the package.

    A wheel carries it in ``xlir_bench/_data``; an editable install reads the checkout.
    """
    inside = _PACKAGE / "_data" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def user_data_folder() -> Path | None:
    """Return the folder named by ``XLIR_DATA_DIR``, where data is looked for first."""
    value = os.environ.get(DATA_DIR_VARIABLE)
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """Return the folder for downloads and unfinished work (``XLIR_CACHE_DIR`` overrides it)."""
    value = os.environ.get(CACHE_DIR_VARIABLE)
    return Path(value).expanduser() if value else platformdirs.user_cache_path("xlir-bench")


def config_folder() -> Path:
    """Return the folder of the user's own cards (``XLIR_CONFIG_DIR`` overrides it)."""
    value = os.environ.get(CONFIG_DIR_VARIABLE)
    return Path(value).expanduser() if value else platformdirs.user_config_path("xlir-bench")


def folder_sha256(folder: Path) -> str:
    """Return one checksum of a model folder's files and their names; its README does not count."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "README.md"):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` and rename it to ``path`` when the block succeeds.

    A crash, a full disk or Ctrl-C leaves either the old file or none, never half of one.

    Raises:
        ResultError: the folder cannot be written or the disk is full.

    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder and rename it to ``target`` when the block succeeds.

    Raises:
        ResultError: the target is there already, or cannot be written.

    """
    if target.exists():
        msg = f"{target} is already there; choose another folder"
        raise ResultError(msg)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        yield temporary
        temporary.chmod(0o755)
        temporary.rename(target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _unwritable(path: Path, error: OSError) -> ResultError:
    reason = error.strerror or error
    return ResultError(f"cannot write {path}: {reason} (is the disk full or read-only?)")
