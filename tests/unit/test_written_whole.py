"""``written_whole``: the old file or the new one, never half of one."""

import errno
import os
from pathlib import Path

import pytest

from xlir_bench.errors import ResultError
from xlir_bench.paths import written_whole


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_file_has_its_name_and_nothing_else_stays(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names_in(tmp_path) == ["a.txt"]


def test_the_file_appears_only_at_the_end(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
        assert temporary.parent == tmp_path


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with written_whole(tmp_path / "b" / "c" / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "b" / "c" / "a.txt").read_text() == "new"


def test_others_may_read_the_file(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def interrupt(path: Path, error: BaseException) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("half of the n")
        raise error


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()], ids=repr)
def test_an_exception_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(error)):
        interrupt(tmp_path / "a.txt", error)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_an_exception_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a bug"):
        interrupt(tmp_path / "a.txt", ValueError("a bug"))
    assert names_in(tmp_path) == []


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(ResultError, match=r"cannot write .*a\.txt: No space left on device"):
        interrupt(tmp_path / "a.txt", full)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"cannot write .*file/x"):
        interrupt(tmp_path / "file" / "x", AssertionError("not reached"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(ResultError, match="Permission denied"):
        interrupt(tmp_path / "a.txt", AssertionError("not reached"))


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with (
        pytest.raises(ResultError, match="Is a directory"),
        written_whole(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("new")
    assert names_in(tmp_path) == ["a.txt"]
