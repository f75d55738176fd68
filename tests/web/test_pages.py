"""The pages in a real Chromium without a display: no errors, no requests, and they answer."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.cli.main import status
from xlir_bench.leaderboard.page import script_data
from xlir_bench.paths import data_folder

RESULTS = data_folder("leaderboards") / "results"
MODELS = ("xlir-bench__xlir-hybrid", "xlir-bench__char-ngrams", "mteb__baseline-random-encoder")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
Page = Any

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def board_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("board")
    for model in MODELS:
        target = root / "results" / model
        target.mkdir(parents=True)
        for path in [*(RESULTS / model).glob("XLIRMini*"), RESULTS / model / "model_meta.json"]:
            shutil.copy(path, target / path.name)
    return made(root, "leaderboard", "-t", "XLIRMini", "--results", str(root / "results"),
                "--no-shipped", "--format", "html", "--texts", "XLIRMini", "-o")  # fmt: skip


@pytest.fixture(scope="module")
def compare_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compare")
    first, second = (str(RESULTS / model) for model in MODELS[:2])
    return made(root, "compare", first, second, "-t", "XLIRMini", "--measures", "AP", "MRD",
                "--texts", "--page")  # fmt: skip


def made(root: Path, *arguments: str) -> Path:
    assert status([*arguments, str(root / "page.html")]) == 0
    return root / "page.html"


def opened(browser: Any, path: Path, **options: Any) -> tuple[Page, list[str]]:
    """Open a page from disk, without a network; return it and whatever went wrong."""
    context = browser.new_context(offline=True, **options)
    page, wrong = context.new_page(), []
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if request.url != url else None)
    url = path.as_uri()
    page.goto(url)
    return page, wrong


@pytest.fixture
def page(browser: Any, board_file: Path) -> Iterator[Page]:
    found, wrong = opened(browser, board_file)
    yield found
    assert wrong == []
    found.context.close()


def names(page: Page) -> list[str]:
    rows = page.locator(".models tbody tr:visible th").all()
    return [row.get_attribute("data-value") for row in rows]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", ["board", "compare"])
def test_a_page_opens_offline_without_errors_and_fits(
    browser: Any, board_file: Path, compare_file: Path, kind: str, scheme: str, width: int
) -> None:
    path = board_file if kind == "board" else compare_file
    viewport = {"width": width, "height": 800}
    page, wrong = opened(browser, path, color_scheme=scheme, viewport=viewport)
    assert page.locator("[data-plot] svg").count() >= 2
    assert page.locator("table.heat td").count() == 144
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []
    page.context.close()


def test_the_table_sorts_by_any_column_with_the_keyboard(page: Page) -> None:
    best_first = names(page)
    header = page.locator(".models th", has_text="multi AP")
    header.locator("button").focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert names(page) == best_first
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert names(page) == best_first[::-1]
    lower = page.locator(".models th", has_text="multi MRD")
    lower.locator("button").press("Enter")
    assert lower.get_attribute("aria-sort") == "ascending"
    assert header.get_attribute("aria-sort") is None


def test_the_table_is_filtered_by_name_mode_and_detail(page: Page) -> None:
    page.locator("[data-filter]").fill("HYBRID")
    assert names(page) == ["xlir-bench/xlir-hybrid"]
    assert page.locator("[data-count]").inner_text() == "1 of 3 models"
    page.locator("[data-filter]").fill("")
    assert len(names(page)) == 3
    page.locator("select[data-mode]").select_option("mono")
    assert page.locator(".models th[data-mode='multi']:visible").count() == 0
    assert page.locator(".models th[data-mode='mono']:visible").count() == 3
    page.locator("[data-intervals]").uncheck()
    assert page.locator(".models .interval:visible").count() == 0


def test_the_heat_map_switches_model_and_shows_differences(page: Page) -> None:
    first_cell = page.locator("table.heat tbody td").first
    before = first_cell.inner_text()
    page.locator('[data-heat="model"]').select_option(label="char-ngrams")
    other = first_cell.inner_text()
    assert other != before
    page.locator('[data-heat="model"]').select_option(label="xlir-hybrid")
    page.locator('[data-heat="minus"]').select_option(label="char-ngrams")
    difference = float(first_cell.inner_text().replace("\u2212", "-"))
    assert difference == pytest.approx(float(before) - float(other), abs=2e-3)
    page.locator('[data-heat="kind"]').select_option("pooled")
    assert float(first_cell.inner_text().replace("\u2212", "-")) != difference


def test_the_plots_name_what_they_show_and_give_the_numbers(page: Page) -> None:
    page.locator("[data-bias]").select_option("AboveLift")
    plot = page.locator('[data-plot="bias"]')
    assert plot.locator("svg[role=img]").get_attribute("aria-label") == "AboveLift of 3 models"
    plot.locator("summary").click()
    rows = plot.locator("tbody tr")
    assert rows.count() == 3
    assert rows.first.locator("th").inner_text() == "xlir-hybrid"


def test_the_explorer_finds_questions_and_marks_right_answers(page: Page) -> None:
    page.locator('[data-explore="language"]').select_option(label="Arabic")
    question = page.locator(".question")
    assert (question.get_attribute("lang"), question.get_attribute("dir")) == ("ar", "rtl")
    found = page.locator(".found li")
    assert found.count() == 10
    assert found.locator("[dir=rtl][lang=ar]").count() >= 1
    page.locator('[data-explore="language"]').select_option(label="English")
    page.locator('[data-explore="search"]').fill("vesuvius")
    options = page.locator('[data-explore="query"] option').all_inner_texts()
    assert options
    assert all("vesuvius" in text.lower() for text in options)
    rights = page.locator(".found li.right").count()
    page.locator('[data-explore="model"]').select_option(label="char-ngrams")
    assert page.locator(".found li.right").count() < rights
    page.locator('[data-explore="search"]').fill("no such question")
    assert "No question holds that text." in page.locator('[data-explore="result"]').inner_text()


def test_every_control_has_a_name(page: Page) -> None:
    unnamed = page.evaluate(
        "[...document.querySelectorAll('select, input')].filter(x => !x.labels.length).length"
    )
    assert unnamed == 0
    assert page.locator("table caption").count() >= 2
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_comparison_lists_the_changed_questions_in_their_direction(
    browser: Any, compare_file: Path
) -> None:
    page, wrong = opened(browser, compare_file)
    cells = page.locator("table.heat tbody td").all_inner_texts()
    assert any(text.endswith("*") for text in cells)
    questions = page.locator("th.wide span[lang]").all()
    assert len(questions) == 10
    for question in questions:
        rtl = question.get_attribute("lang") == "ar"
        assert question.get_attribute("dir") == ("rtl" if rtl else "ltr")
    assert wrong == []
    page.context.close()


def test_texts_cannot_end_the_script_that_holds_them() -> None:
    text = "</script><script>alert(1)</script> <!-- \u2028"
    found = script_data({"text": text})
    assert "<" not in found
    assert json.loads(found)["text"] == text


def test_the_page_that_ships_shows_texts_of_the_benchmark_that_ships_alone() -> None:
    page = (data_folder("leaderboards") / "index.html").read_text(encoding="utf-8")
    start = page.index('id="data">') + len('id="data">')
    boards = json.loads(page[start : page.index("</script>", start)])
    own = {c.name for c in task_cards().values() if not c.source.url and not c.source.hub}
    assert {board["name"] for board in boards if board["texts"]} == own
    assert "http://" not in page[: page.index("<script>")]
    assert len(page.encode()) < 1.5e6
