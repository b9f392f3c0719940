"""The page in Chromium, as people use it; what it looks like is written to build/page."""

import dataclasses
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")
pytest.importorskip("playwright", reason="Playwright is not installed.")

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from keras_s2s import Beam, export
from keras_s2s.experiments.dates import date_splits
from keras_s2s.experiments.demo import RECIPE
from keras_s2s.export.web.export import site_files
from keras_s2s.export.web.server import server
from keras_s2s.recipe.train import train

from .conftest import Export

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "build" / "page"
ENGLISH, KOREAN = "Wed, Mar 3rd '21", "이천이십일년 삼월 삼일"
PATIENCE = 60_000  # Milliseconds: a busy machine takes long to start.


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not here.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # In a container there is no sandbox to be had, and all pages are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The demo's model, trained on fewer dates; in int8, as the demo exports it."""
    folder = tmp_path_factory.mktemp("dates")
    splits = date_splits(seed=1)
    recipe = dataclasses.replace(RECIPE, epochs=3)
    translator = train(splits.train[:12_000], splits.valid[:200], folder / "model", recipe)
    export.litert(translator, folder / "export", quantize="int8")
    return Export(folder / "export", [source for source, _ in splits.test])


@pytest.fixture
def files(dates: Export) -> dict[str, Path]:
    """What the server gives out; a test may change it."""
    return site_files(dates.folder)


@pytest.fixture
def address(files: dict[str, Path]) -> Iterator[str]:
    with server(files, 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/"
        serving.shutdown()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def page(context: BrowserContext, address: str) -> Iterator[Page]:
    """The page, ready; at its end it has said nothing bad and asked nobody else."""
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
    page.on(
        "request",
        lambda one: None if one.url.startswith((address, "data:")) else problems.append(one.url),
    )
    page.goto(address)
    wait_for(page, "ready")
    yield page
    assert not problems


def wait_for(page: Page, state: str) -> None:
    expect(page.locator("html")).to_have_attribute("data-state", state, timeout=PATIENCE)


def ask(page: Page, text: str, beam: int = 1) -> None:
    page.locator("#search").select_option(str(beam))
    page.locator("#source").fill(text)
    page.locator("#translate").click()
    wait_for(page, "ready")


def answer_of_python(dates: Export, text: str, beam: int = 1) -> Any:
    runner = export.LiteRTTranslator(dates.folder)
    ((answer,),) = runner.stream([text], search=Beam(beam), attention=True)
    return answer


@pytest.mark.parametrize("beam", [1, 5])
@pytest.mark.parametrize("text", [ENGLISH, KOREAN])
def test_answer_and_heat_map_are_pythons(page: Page, dates: Export, text: str, beam: int) -> None:
    expected = answer_of_python(dates, text, beam)
    ask(page, text, beam)
    expect(page.locator("#answer")).to_have_text(expected.text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", expected.text)
    rows = page.locator("#heatmap tbody tr")
    expect(rows).to_have_count(len(expected.target_pieces))
    for row, weights in enumerate(expected.weights):
        shares = [int(cell.split()[0]) for cell in rows.nth(row).locator("td").all_inner_texts()]
        assert len(shares) == len(expected.source_pieces)
        assert all(abs(a / 100 - b) < 0.06 for a, b in zip(shares, weights, strict=True))
    expect(page.locator("#speed")).to_have_text(re.compile(r"^11 tokens, [\d.]+ ms each$"))
    name = "korean" if text == KOREAN else "english"
    page.screenshot(path=PICTURES / f"{name}-{beam}.png", full_page=True)


def test_a_piece_of_the_answer_shows_where_the_model_looked(page: Page, dates: Export) -> None:
    ask(page, ENGLISH)
    weights = answer_of_python(dates, ENGLISH).weights
    row = page.locator("#heatmap tbody tr").nth(9)  # The last digit of the day.
    row.locator("th").hover()
    best = page.locator("#heatmap thead th").nth(int(weights[9].argmax())).inner_text()
    expect(page.locator("#looked")).to_contain_text("attends to: ")
    expect(page.locator("#looked")).to_contain_text(best)
    page.screenshot(path=PICTURES / "hovered.png", full_page=True)


def test_keys_are_enough(page: Page, dates: Export) -> None:
    page.locator("#source").focus()
    page.keyboard.type(ENGLISH)
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text(answer_of_python(dates, ENGLISH, 5).text)
    for _ in range(20):  # Past the buttons, to the table.
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('tbody') !== null"):
            break
    first = page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("ArrowDown")
    second = page.evaluate("document.activeElement.ariaLabel")
    assert "attends to: " in first and "attends to: " in second and first != second
    page.screenshot(path=PICTURES / "keys.png", full_page=True)


def test_an_answer_to_another_text_is_paler_and_another_search_answers_anew(page: Page) -> None:
    ask(page, ENGLISH)
    expect(page.locator("#result")).not_to_have_class("stale")
    page.locator("#source").fill(KOREAN)
    expect(page.locator("#result")).to_have_class("stale")
    page.locator("#search").select_option("5")
    expect(page.locator("#result")).not_to_have_class("stale")
    expect(page.locator("#status")).to_contain_text("Translation: ")


def test_an_example_is_one_click(page: Page) -> None:
    example = page.locator("#examples button").first
    example.click()
    expect(page.locator("#answer")).not_to_be_empty()
    assert page.locator("#source").input_value() == example.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_it_all(page: Page, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    ask(page, KOREAN)
    ask(page, ENGLISH)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in page.locator("#form button:visible, #form select, #examples button").all():
        box = control.bounding_box()
        assert box is not None and box["height"] >= 44 and box["x"] + box["width"] <= width
    page.screenshot(path=PICTURES / f"{scheme}-{width}.png", full_page=True)


def test_it_works_without_a_network(page: Page, context: BrowserContext, dates: Export) -> None:
    expect(page.locator("#offline")).to_be_visible(timeout=PATIENCE)
    context.set_offline(True)
    page.goto(page.url + "index.html")
    wait_for(page, "ready")
    page.goto(page.url.removesuffix("index.html"))
    wait_for(page, "ready")
    for text in (ENGLISH, KOREAN):
        ask(page, text)
        expect(page.locator("#answer")).to_have_text(answer_of_python(dates, text).text)
    page.screenshot(path=PICTURES / "offline.png", full_page=True)


def test_half_of_an_upload_does_not_replace_what_works_without_a_network(
    page: Page, context: BrowserContext, files: dict[str, Path], tmp_path: Path
) -> None:
    expect(page.locator("#offline")).to_be_visible(timeout=PATIENCE)
    manifest = files["model/manifest.json"].read_text(encoding="utf-8")
    (tmp_path / "manifest.json").write_text(manifest.replace('"sha256": {', '"sha256": { '))
    whole = dict(files)
    files["model/manifest.json"] = tmp_path / "manifest.json"
    files["model/model.tflite"] = tmp_path / "manifest.json"
    page.reload()
    wait_for(page, "failed")
    files |= whole
    context.set_offline(True)
    page.reload()
    wait_for(page, "ready")


def test_a_beam_that_no_page_could_bear_is_a_damaged_manifest(
    context: BrowserContext, files: dict[str, Path], address: str, tmp_path: Path
) -> None:
    manifest = json.loads(files["model/manifest.json"].read_text(encoding="utf-8"))
    manifest["options"]["beam_size"] = 10**9
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    files["model/manifest.json"] = tmp_path / "manifest.json"
    page = context.new_page()
    page.goto(address)
    wait_for(page, "failed")
    expect(page.locator("#alert")).to_contain_text("manifest.json is damaged")


def test_what_the_model_does_not_read_is_told_while_it_is_typed(page: Page) -> None:
    longest = page.evaluate("fetch('model/manifest.json').then((r) => r.json())")["lengths"][-1]
    page.locator("#source").fill("a" * (longest - 1))
    page.wait_for_timeout(1000)
    expect(page.locator("#length")).to_be_empty()
    page.locator("#source").fill("a" * longest)
    told = f"Too long: the model reads only the first {longest - 1} of {longest} tokens."
    expect(page.locator("#length")).to_have_text(told)
    page.locator("#source").fill("3 ∮ 2021")
    told = "Not in the model's vocabulary: 1 of 8 tokens."
    expect(page.locator("#length")).to_have_text(told)
    page.screenshot(path=PICTURES / "long.png", full_page=True)


@pytest.mark.parametrize("text", ["", " \n\t ", "\U0001f468\u200d\U0001f469\u200d\U0001f467 مرحبا"])
def test_odd_texts_do_no_harm(page: Page, dates: Export, text: str) -> None:
    ask(page, text)
    expect(page.locator("#alert")).to_be_hidden()
    if text.strip():
        expect(page.locator("#answer")).to_have_text(answer_of_python(dates, text).text)
    ask(page, ENGLISH)
    expect(page.locator("#answer")).to_have_text(answer_of_python(dates, ENGLISH).text)


FAULTS = {
    "manifest.json": ("", "manifest.json is missing (status 404)"),
    "model.tflite": ("damaged", "model.tflite is damaged: its SHA-256 differs"),
    "source_tokenizer/tokenizer.json": ("{}", "source_tokenizer/tokenizer.json is damaged"),
    "target_tokenizer/tokenizer.json": ("", "target_tokenizer/tokenizer.json is missing"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_model_is_one_sentence(
    context: BrowserContext, files: dict[str, Path], address: str, tmp_path: Path, name: str
) -> None:
    content, sentence = FAULTS[name]
    if content:
        files[f"model/{name}"] = tmp_path / "damaged"
        (tmp_path / "damaged").write_text(content)
    else:
        del files[f"model/{name}"]
    page = context.new_page()
    page.goto(address)
    wait_for(page, "failed")
    expect(page.locator("#alert")).to_contain_text(sentence)
    expect(page.locator("#translate")).not_to_be_enabled()
    page.screenshot(path=PICTURES / "damaged.png", full_page=True)


def test_a_browser_that_lost_the_runtime_says_so(
    context: BrowserContext, files: dict[str, Path], address: str
) -> None:
    for name in [name for name in files if name.endswith(".wasm")]:
        del files[name]
    page = context.new_page()
    page.goto(address)
    wait_for(page, "failed")
    expect(page.locator("#alert")).to_contain_text("LiteRT.js did not start")


def test_the_modules_run_in_a_page_of_ones_own_as_the_guide_says(
    context: BrowserContext, files: dict[str, Path], address: str, tmp_path: Path, dates: Export
) -> None:
    guide = (ROOT / "docs" / "deployment" / "browser.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```js\n(.*?)```", guide, flags=re.DOTALL)
    (imports,) = re.findall(
        r'<script type="importmap">.*?</script>',
        files["index.html"].read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    (tmp_path / "own.js").write_text(program.replace("A dog runs.", KOREAN), encoding="utf-8")
    own = f"<!doctype html>{imports}<body><script type=module src=own.js></script>"
    (tmp_path / "own.html").write_text(own, encoding="utf-8")
    files |= {name: tmp_path / name for name in ("own.js", "own.html")}
    page = context.new_page()
    answer = answer_of_python(dates, KOREAN, 5).text
    lines: list[str] = []
    page.on("console", lambda one: lines.append(one.text) if one.type == "log" else None)
    with page.expect_console_message(lambda one: one.text == answer, timeout=PATIENCE):
        page.goto(f"{address}own.html")
    assert lines[:3] == [answer[:count] for count in (1, 2, 3)]  # It grows.
