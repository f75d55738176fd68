"""Where files are looked for, which are refused, and what a download leaves behind."""

import functools
import hashlib
import http.server
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pooch
import pytest

from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import DataError, ResultError
from xlir_bench.readers.fetch import candidates, file_of
from xlir_bench.readers.read import read

Files = dict[str, Any]
MakeCard = Callable[..., TaskCard]

REVISION = ("revision = ", 'url = "http://127.0.0.1:9/data/{language}.json"\nrevision = ')
"""An edit of the card: a URL at which nobody ever listens (port 9, discard)."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask this machine for what is on this machine, and say where the user's data is not."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("XLIR_DATA_DIR", raising=False)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a log on standard error."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Serve a folder over HTTP; give the folder and the edit that puts its URL into a card."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f'url = "http://127.0.0.1:{server.server_address[1]}/{{language}}.json"'
        yield folder, ("revision = ", f"{url}\nrevision = ")
        server.shutdown()
        thread.join()


def moved(card: TaskCard, folder: Path) -> Path:
    """Move the files from beside the card to another root; return where the English one is now."""
    target = folder / "tiny"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(card.path.parent / "tiny", target)
    return target / "en.json"


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def failing_download(*_: object, **__: object) -> NoReturn:
    msg = "no route to host"
    raise OSError(msg)


# --- where files are looked for ---


def test_places_are_beside_the_card_then_the_users_folder_then_the_cache(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path / "mine"))
    assert candidates(tiny_card(tiny_files), "en") == [
        tmp_path / "tiny" / "en.json",
        tmp_path / "mine" / "tiny" / "en.json",
        tmp_path / "cache" / "data" / "tiny" / "en.json",
    ]


def test_without_a_folder_of_the_user_two_places_are_left(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path
) -> None:
    assert candidates(tiny_card(tiny_files), "en") == [
        tmp_path / "tiny" / "en.json",
        tmp_path / "cache" / "data" / "tiny" / "en.json",
    ]


@pytest.mark.parametrize(
    ("places", "winner"),
    [
        pytest.param(["beside", "mine", "cache"], "beside", id="all"),
        pytest.param(["mine", "cache"], "mine", id="not-beside-the-card"),
        pytest.param(["cache"], "cache", id="only-in-the-cache"),
    ],
)
def test_the_first_place_with_the_file_is_used(
    tiny_card: MakeCard,
    tiny_files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    places: list[str],
    winner: str,
) -> None:
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path / "mine"))
    card = tiny_card(tiny_files, REVISION)
    roots = {"mine": tmp_path / "mine", "cache": tmp_path / "cache" / "data"}
    for name, root in roots.items():
        if name in places:
            shutil.copytree(tmp_path / "tiny", root / "tiny")
    if "beside" not in places:
        shutil.rmtree(tmp_path / "tiny")
    expected = (roots | {"beside": tmp_path})[winner] / "tiny" / "en.json"
    assert file_of(card, "en") == expected


def test_a_home_folder_in_the_variable_is_expanded(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XLIR_DATA_DIR", "~/data")
    card = tiny_card(tiny_files)
    assert file_of(card, "de").parent == tmp_path / "tiny"
    assert moved(card, tmp_path / "home" / "data") == file_of(card, "en")


def test_languages_may_lie_in_different_places(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLIR_DATA_DIR", str(tmp_path / "mine"))
    card = tiny_card(tiny_files)
    (tmp_path / "mine" / "tiny").mkdir(parents=True)
    (tmp_path / "tiny" / "de.json").rename(tmp_path / "mine" / "tiny" / "de.json")
    assert len(read(card).passages) == 5


# --- files that are not what the card names ---


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda content: content.replace(b"Cats", b"Rats"), id="altered"),
        pytest.param(lambda content: content[:-20], id="truncated"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda content: content + b"\n", id="a-line-too-many"),
    ],
)
def test_a_file_with_another_checksum_is_refused_with_both_checksums_and_advice(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    card = tiny_card(tiny_files)
    path = tmp_path / "tiny" / "en.json"
    path.write_bytes(change(path.read_bytes()))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DataError, match=r"delete it .*and run again") as caught:
        read(card)
    assert str(path) in str(caught.value)
    assert found in str(caught.value)
    assert card.source.sha256["en"] in str(caught.value)


def test_a_truncated_file_in_the_cache_is_refused_too(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path
) -> None:
    card = tiny_card(tiny_files)
    path = moved(card, tmp_path / "cache" / "data")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"cache/data/tiny/en\.json is not the file that Tiny is"):
        file_of(card, "en")


def test_a_refused_file_is_left_where_it_is(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path
) -> None:
    card = tiny_card(tiny_files)
    path = tmp_path / "tiny" / "en.json"
    path.write_bytes(b"mine")
    with pytest.raises(DataError):
        file_of(card, "en")
    assert path.read_bytes() == b"mine"


# --- files that are nowhere ---


def test_without_a_url_the_message_says_where_to_put_the_file(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path
) -> None:
    card = tiny_card(tiny_files)
    shutil.rmtree(tmp_path / "tiny")
    expected = r"Tiny: en\.json is nowhere .*set XLIR_DATA_DIR to a folder .*tiny/en\.json"
    with pytest.raises(DataError, match=expected):
        file_of(card, "en")


@pytest.mark.parametrize(
    "fails", [pytest.param(True, id="no-network"), pytest.param(False, id="nobody-listens")]
)
def test_offline_the_message_names_variable_url_and_checksum(
    tiny_card: MakeCard,
    tiny_files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    if fails:
        monkeypatch.setattr(pooch, "retrieve", failing_download)
    card = tiny_card(tiny_files, REVISION)
    shutil.rmtree(tmp_path / "tiny")
    with pytest.raises(DataError, match="set XLIR_DATA_DIR to a folder") as caught:
        file_of(card, "en")
    message = str(caught.value)
    assert "\n" not in message
    assert "http://127.0.0.1:9/data/en.json" in message
    assert "tiny/en.json" in message
    assert card.source.sha256["en"] in message


def test_the_reason_of_a_failed_download_is_told(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooch, "retrieve", failing_download)
    card = tiny_card(tiny_files, REVISION)
    shutil.rmtree(tmp_path / "tiny")
    with pytest.raises(DataError, match=r"cannot download .*\(no route to host\)"):
        file_of(card, "en")


@pytest.mark.parametrize(
    "fails", [pytest.param(True, id="no-network"), pytest.param(False, id="nobody-listens")]
)
def test_a_failed_download_leaves_nothing_in_the_cache(
    tiny_card: MakeCard,
    tiny_files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    if fails:
        monkeypatch.setattr(pooch, "retrieve", failing_download)
    card = tiny_card(tiny_files, REVISION)
    shutil.rmtree(tmp_path / "tiny")
    with pytest.raises(DataError):
        file_of(card, "en")
    assert files_below(tmp_path / "cache") == []


def test_a_found_file_is_not_downloaded(
    tiny_card: MakeCard, tiny_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooch, "retrieve", failing_download)
    assert len(read(tiny_card(tiny_files, REVISION)).queries) == 5


# --- downloads ---


def test_a_download_lands_in_the_cache_as_it_was_published(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, served: tuple[Path, tuple[str, str]]
) -> None:
    folder, edit = served
    card = tiny_card(tiny_files, edit)
    moved(card, tmp_path / "moved")
    shutil.copytree(tmp_path / "moved" / "tiny", folder, dirs_exist_ok=True)
    path = file_of(card, "en")
    assert path == tmp_path / "cache" / "data" / "tiny" / "en.json"
    assert json.loads(path.read_bytes()) == tiny_files["en"]
    assert files_below(tmp_path / "cache") == ["data/tiny/en.json"]


def test_a_terminal_sees_a_progress_bar_on_standard_error(
    tiny_card: MakeCard,
    tiny_files: Files,
    tmp_path: Path,
    served: tuple[Path, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder, edit = served
    card = tiny_card(tiny_files, edit)
    shutil.copy(moved(card, tmp_path / "moved"), folder)
    monkeypatch.setattr(os, "isatty", lambda _: True)
    file_of(card, "en")
    out, err = capfd.readouterr()
    assert out == ""
    assert "en.json: 100%" in err


def test_a_downloaded_file_is_not_downloaded_again(
    tiny_card: MakeCard,
    tiny_files: Files,
    tmp_path: Path,
    served: tuple[Path, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, edit = served
    card = tiny_card(tiny_files, edit)
    shutil.copy(moved(card, tmp_path / "moved"), folder)
    first = file_of(card, "en")
    monkeypatch.setattr(pooch, "retrieve", failing_download)
    assert file_of(card, "en") == first


def test_a_download_can_be_read_by_others(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, served: tuple[Path, tuple[str, str]]
) -> None:
    folder, edit = served
    card = tiny_card(tiny_files, edit)
    shutil.copy(moved(card, tmp_path / "moved"), folder)
    assert file_of(card, "en").stat().st_mode & 0o444 == 0o444


def test_a_download_with_another_checksum_is_refused_and_leaves_nothing(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, served: tuple[Path, tuple[str, str]]
) -> None:
    folder, edit = served
    card = tiny_card(tiny_files, edit)
    shutil.rmtree(tmp_path / "tiny")
    (folder / "en.json").write_text("{}")
    with pytest.raises(DataError, match=r"Tiny: cannot download .*hash") as caught:
        file_of(card, "en")
    assert card.source.sha256["en"] in str(caught.value)
    assert files_below(tmp_path / "cache") == []


def test_a_file_that_the_server_does_not_have_is_named(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, served: tuple[Path, tuple[str, str]]
) -> None:
    _, edit = served
    card = tiny_card(tiny_files, edit)
    shutil.rmtree(tmp_path / "tiny")
    with pytest.raises(DataError, match=r"Tiny: cannot download http://.*/en\.json \(404"):
        file_of(card, "en")
    assert files_below(tmp_path / "cache") == []


def test_a_cache_that_cannot_be_written_is_named(
    tiny_card: MakeCard, tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XLIR_CACHE_DIR", str(tmp_path / "file"))
    card = tiny_card(tiny_files, REVISION)
    shutil.rmtree(tmp_path / "tiny")
    with pytest.raises(ResultError, match=r"cannot write .*file/data/tiny/en\.json"):
        file_of(card, "en")
