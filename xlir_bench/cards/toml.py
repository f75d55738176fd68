"""Read a TOML file into checked values; every mistake names the file and the field."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from xlir_bench.errors import CardError

T = TypeVar("T")


class Table:
    """A TOML table whose fields are taken one by one; what is left over is a typo."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values = dict(values)
        self.where = where

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Return a field of the given type, or the default if there is one.

        Raises:
            CardError: the field is missing without a default, or has another type.

        """
        value = self._values.pop(key, default)
        if value is None:
            msg = f"{self.where}: the field {key!r} is missing"
            raise CardError(msg)
        if not isinstance(value, kind):
            msg = f"{self.where}: {key!r} must be {kind.__name__}, not {type(value).__name__}"
            raise CardError(msg)
        return value

    def table(self, key: str, default: dict[str, Any] | None = None) -> "Table":
        """Return a sub-table."""
        return Table(self.take(key, dict, default), f"{self.where} [{key}]")

    def strings(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        """Return a list of strings."""
        values = self.take(key, list, default)
        wrong = [value for value in values if not isinstance(value, str)]
        if wrong:
            msg = f"{self.where}: {key!r} must hold strings, not {wrong[0]!r}"
            raise CardError(msg)
        return tuple(values)

    def rest(self, kind: type[T]) -> dict[str, T]:
        """Return all fields that are left, each of the given type."""
        return {key: self.take(key, kind) for key in list(self._values)}

    def finish(self) -> None:
        """Raise a CardError if a field was not asked for."""
        if self._values:
            msg = f"{self.where}: unknown field {next(iter(self._values))!r}"
            raise CardError(msg)


def read_toml(path: Path) -> Table:
    """Return the top table of a card.

    Raises:
        CardError: the file is missing or not TOML.

    """
    try:
        return Table(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"cannot read the card {path}: {error}"
        raise CardError(msg) from error
