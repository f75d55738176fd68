"""Text files whose errors name the line: gzipped or not, plain or JSON lines."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

from xlir_bench.errors import DataError

T = TypeVar("T")


class Lines:
    """A text file that remembers which line was read last."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0

    def read(self) -> str:
        """Return the rest; its presence makes ir_measures iterate over us."""
        return self._file.read()

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.number += 1
            yield line


@contextmanager
def numbered_lines(path: Path, what: str) -> Iterator[Lines]:
    """Open a text file; whatever is wrong in it names the line.

    Raises:
        DataError: the file cannot be read, or the block found a line that is not ``what``.

    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            lines = Lines(file)
            try:
                yield lines
            except UnicodeDecodeError as error:
                msg = f"{path} is not UTF-8 text"
                raise DataError(msg) from error
            except (ValueError, TypeError) as error:
                msg = f"{path}, line {lines.number}: not {what} ({error})"
                raise DataError(msg) from error
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror or error}"
        raise DataError(msg) from error
    except (EOFError, zlib.error) as error:
        msg = f"cannot read {path}: cut off or damaged ({error})"
        raise DataError(msg) from error


def json_records(path: Path, what: str, parse: Callable[[dict[str, Any]], T]) -> Iterator[T]:
    """Yield what ``parse`` makes of each object of a file of JSON lines; empty lines are skipped.

    Raises:
        DataError: the file cannot be read, a line is not a JSON object, or ``parse`` refused one
            with a ValueError.

    """
    with numbered_lines(path, what) as lines:
        for line in lines:
            if line.strip():
                record = json.loads(line)
                if not isinstance(record, dict):
                    msg = f"{type(record).__name__} instead of an object"
                    raise TypeError(msg)
                yield parse(record)
