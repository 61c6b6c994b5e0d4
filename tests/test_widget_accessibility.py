"""The widget without a mouse, without a screen, in other languages, colours and sizes: in a real browser, with axe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import browsing
import pytest
from browsing import LIGHT_AND_DARK, PHONE
from embedded import BOX, ask, barriers, in_view, watched
from playwright.sync_api import BrowserContext, Page, expect
from scripted_api import QUOTES, TEXT, Refusal, ScriptedApi, answer, events, portal, serve
from test_widget_script import pack

browser, context = browsing.browser, browsing.context
ASKED, NONE, DOUBT, BROKEN, LATER = "What are the red lines?", "Who won the cup?", "What?", "Broken?", "Later?"
NEAR = [{"brief_id": "north", "source": "north.md", "title": "North's positions"}]
SMALL = {"viewport": {"width": 320, "height": 640}}
FILLER = "The delegations met again in the afternoon and went through the agenda point by point.\n" * 30


def script() -> dict[str, Any]:
    whole = answer(
        "North keeps its airspace.",
        "Nobody crosses at night.",
        "It asks for trade.",
        status="partial",
        missing="East is missing.",
        notice="The model stopped.",
    )
    for cited in whole["citations"]:
        cited["start"], cited["end"] = cited["start"] + len(FILLER), cited["end"] + len(FILLER)
    whole["statements"][0]["group"] = whole["statements"][1]["group"] = "North says"
    whole["statements"][1]["unsupported"] = "the quote is about winter"
    return {
        ASKED: [events(whole)] * 2,
        NONE: [events(answer(nearest=NEAR, missing="No brief answers it."))],
        DOUBT: [
            events(
                answer(
                    text="Which?",
                    readings=["In Torvale?", "In Eastgate, where the crossing is shut and the trucks wait for weeks?"],
                )
            )
        ],
        BROKEN: [Refusal(500, "internal")],
        LATER: [[events(whole)[0], 0.2, *events(whole)[1:3], 0.4, *events(whole)[3:]]],
    }


@pytest.fixture(scope="module")
def _served() -> Iterator[tuple[ScriptedApi, str]]:
    api = ScriptedApi(
        briefs={
            "north": {
                "brief_id": "north",
                "title": "North's positions",
                "published": "2025-12-06",
                "text": FILLER + TEXT.strip() + "\n" + FILLER,
            }
        }
    )
    with serve(api.app()) as briefs, portal(briefs) as address:
        yield api, address


@pytest.fixture
def portal_address(_served: tuple[ScriptedApi, str]) -> str:
    _served[0].script = script()
    return _served[1]


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with watched(context, refusals=True) as found:
        yield found


@pytest.mark.parametrize("context", [*LIGHT_AND_DARK, SMALL], indirect=True, ids=["light", "dark", "phone", "small"])
@pytest.mark.parametrize("path", ["/", "/launcher"])
def test_no_serious_barrier(page: Page, portal_address: str, path: str) -> None:
    page.goto(portal_address + path)
    if path == "/launcher":
        assert barriers(page) == []
        page.get_by_role("button", name="Ask the briefs").click()
    expect(page.get_by_role("button", name=ASKED)).to_be_visible()
    assert barriers(page) == []
    for question in (NONE, DOUBT, BROKEN, ASKED):
        exchange = ask(page, question)
    assert barriers(page) == []
    exchange.get_by_role("button", name="Wrong").click()
    assert barriers(page) == []
    exchange.get_by_role("button", name="Citation 1").click()
    in_view(page, QUOTES[0])
    assert barriers(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("context", LIGHT_AND_DARK[:2], indirect=True, ids=["light system", "dark system"])
def test_the_theme_can_be_set_against_the_system(page: Page, portal_address: str, theme: str) -> None:
    page.goto(portal_address)
    page.locator("brief-assistant").evaluate("(one, theme) => { one.theme = theme }", theme)
    ask(page, ASKED)
    colour = page.locator(".frame").evaluate("(one) => getComputedStyle(one).backgroundColor")
    assert (int(colour.removeprefix("rgb(").split(",")[0]) > 200) == (theme == "light")
    assert barriers(page) == []


def test_keyboard_alone(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    tab_to(page, ASKED)
    page.keyboard.press("Enter")
    expect(page.locator(".statement")).to_have_count(3)
    expect(page.get_by_role("textbox", name=BOX)).to_be_focused()
    tab_to(page, "Citation 3: North's positions, 6 December 2025", back=True)
    ring = page.get_by_role("button", name="Citation 3").evaluate("(one) => getComputedStyle(one).outlineStyle")
    assert ring == "solid"
    page.keyboard.press("Enter")
    in_view(page, QUOTES[2])
    expect(page.locator("dialog.panel h2")).to_be_focused()
    tab_to(page, "Previous citation", back=True)
    page.keyboard.press("Enter")
    in_view(page, QUOTES[1])
    for _ in range(8):  # the panel keeps the keyboard
        page.keyboard.press("Tab")
        assert page.evaluate("""() => {
            const at = document.querySelector("brief-assistant").shadowRoot.activeElement
            return !at || at.closest("dialog") !== null
        }""")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Citation 3")).to_be_focused()
    tab_to(page, "Wrong")
    page.keyboard.press("Enter")
    page.keyboard.type("East is missing")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Thank you, noted.")).to_be_visible()
    expect(page.get_by_role("button", name="Wrong")).to_be_focused()
    tab_to(page, "New conversation", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name=BOX)).to_be_focused()
    expect(page.locator(".statement")).to_have_count(0)


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    for _ in range(40):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        at = page.evaluate("""() => {
            const at = document.querySelector("brief-assistant").shadowRoot.activeElement
            return at ? at.getAttribute("aria-label") ?? at.textContent : ""
        }""")
        if at == name:
            return
    raise AssertionError(f"{name} is not reached")


def test_what_a_screen_reader_finds(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    ask(page, ASKED)
    expect(page.locator("brief-assistant")).to_match_aria_snapshot("""
      - region "Ask the briefs":
        - heading "Ask the briefs" [level=2]
        - button "New conversation"
        - log "Conversation":
          - article:
            - paragraph: "You asked: What are the red lines?"
            - heading "North says" [level=3]
            - paragraph:
              - 'button "Citation 1: North''s positions, 6 December 2025"'
            - paragraph:
              - text: "Struck out:"
              - deletion:
                - 'button "Citation 2: North''s positions, 6 December 2025"'
            - paragraph: "Struck out, as its quotes do not bear it out: the quote is about winter"
            - paragraph:
              - 'button "Citation 3: North''s positions, 6 December 2025"'
            - paragraph: The model stopped.
            - paragraph:
              - strong: "Part of the question is not answered:"
              - text: East is missing.
            - list "Sources of this answer":
              - listitem:
                - 'button "Source 1, 2, 3: North''s positions, 6 December 2025"'
            - group "Was this answer right?":
              - button "Right"
              - button "Wrong"
        - textbox "Ask the briefs a question"
        - button "Ask" [disabled]
    """)
    log = page.get_by_role("log")
    expect(log).to_have_attribute("aria-live", "polite")
    expect(log.locator(".foot")).to_have_attribute("aria-live", "off")


def test_a_screen_reader_hears_statement_by_statement_and_each_once(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    page.evaluate("""() => {
        window.heard = []
        const root = document.querySelector("brief-assistant").shadowRoot
        const loud = (node) => {
            if (change_is_silent(node)) return ""
            const copy = node.cloneNode(true)
            if (copy.querySelectorAll) for (const silent of copy.querySelectorAll("[aria-live=off]")) silent.remove()
            return copy.textContent
        }
        const change_is_silent = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest("[aria-live=off]")
        new MutationObserver((changes) => {
            heard.push(...changes.flatMap((change) => [...change.addedNodes].map(loud)).filter(Boolean))
        }).observe(root.querySelector("[role=log]"), { childList: true, subtree: true })
        new MutationObserver(() => heard.push(`status: ${root.querySelector(".root > [role=status]").textContent}`))
            .observe(root.querySelector(".root > [role=status]"), { childList: true })
    }""")
    ask(page, LATER)
    assert page.evaluate("() => heard.map((text) => text.slice(0, 40))") == [
        "You asked: Later?",
        "status: Searching the briefs …",
        "North saysNorth keeps its airspace.1",
        "Struck out: Nobody crosses at night.2Str",
        "It asks for trade.3",
        "The model stopped.",
        "Part of the question is not answered: Ea",
        "status: Answered in 3 statements.",
    ]


def test_right_to_left(page: Page, portal_address: str) -> None:
    page.goto(f"{portal_address}/urdu")
    box = page.get_by_role("textbox", name="بریفس سے کوئی سوال پوچھیں")
    box.fill(ASKED)
    box.press("Enter")
    exchange = page.locator("article.exchange")
    expect(exchange.locator(".statement")).to_have_count(3)
    root = page.locator("brief-assistant .root")
    assert root.evaluate("(one) => [one.lang, one.dir]") == ["ur", "rtl"]
    send, field = page.get_by_role("button", name="پوچھیں", exact=True).bounding_box(), box.bounding_box()
    assert send and field and send["x"] < field["x"]
    assert (
        exchange.locator(".statement p").first.evaluate("(one) => getComputedStyle(one).direction") == "ltr"
    )  # its own
    assert barriers(page) == []
    exchange.get_by_role("button", name="حوالہ 2: North's positions").click()
    in_view(page, QUOTES[1])
    shown = page.locator("dialog.panel").bounding_box()
    assert shown and shown["x"] == 0
    expect(page.locator("dialog.panel .facts")).to_contain_text("6 دسمبر، 2025")
    assert barriers(page) == []


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"lang": "de"}, ["de", "ltr", "Fragen an die Briefings"]),
        ({"lang": "de-AT"}, ["de", "ltr", "Fragen an die Briefings"]),
        ({"lang": "ur"}, ["ur", "rtl", "بریفس سے پوچھیں"]),
        ({"lang": "ur", "dir": "ltr"}, ["ur", "ltr", "بریفس سے پوچھیں"]),
        ({"lang": "fr"}, ["en", "ltr", "Ask the briefs"]),
        ({"lang": "he"}, ["en", "rtl", "Ask the briefs"]),
    ],
)
def test_language_and_direction_of_the_element(
    page: Page, portal_address: str, attributes: dict[str, str], expected: list[str]
) -> None:
    page.goto(portal_address)
    ask(page, ASKED)
    page.locator("brief-assistant").evaluate(
        "(one, all) => { for (const [name, value] of Object.entries(all)) one.setAttribute(name, value) }", attributes
    )
    found = page.locator("brief-assistant .root").evaluate(
        "(one) => [one.lang, one.dir, one.querySelector('h2').textContent]"
    )
    assert found == expected
    expect(page.locator(".statement")).to_have_count(3)  # what was said stays


def test_a_language_of_the_portal_counts_and_dates_as_it_does(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    own = {**pack("english"), "answered_few": "{n} tvrzení.", "page": "strana {n}"}
    page.locator("brief-assistant").evaluate("(one, texts) => { one.lang = 'cs'; one.texts = texts }", own)
    answered = ask(page, ASKED)
    assert page.locator("brief-assistant .root").get_attribute("lang") == "cs"
    expect(page.locator("brief-assistant .root > [role=status]")).to_have_text("3 tvrzení.")
    expect(answered.get_by_role("button", name="Citation 1: North's positions, 6. prosince 2025")).to_be_visible()


@pytest.mark.parametrize(
    "context",
    [{"reduced_motion": "reduce"}, {"reduced_motion": "no-preference"}],
    indirect=True,
    ids=["reduced", "not reduced"],
)
def test_motion_is_left_out_where_it_is_not_wanted(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    ask(page, ASKED)
    names = page.locator(".statement").first.evaluate("(one) => getComputedStyle(one).animationName")
    reduced = page.evaluate("() => matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert (names == "none") == reduced


@pytest.mark.parametrize("context", [{"forced_colors": "active"}], indirect=True, ids=["forced colours"])
def test_forced_colours_keep_edges(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    exchange = ask(page, ASKED)
    for button in (exchange.get_by_role("button", name="Citation 1"), exchange.get_by_role("button", name="Wrong")):
        assert button.evaluate(
            "(one) => [getComputedStyle(one).borderStyle, getComputedStyle(one).borderColor !== getComputedStyle(one).backgroundColor]"
        ) == ["solid", True]
    exchange.get_by_role("button", name="Citation 1").click()
    assert page.locator("mark").evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"


@pytest.mark.parametrize(
    "context",
    [SMALL, {"viewport": {"width": 640, "height": 480}, "device_scale_factor": 2}],
    indirect=True,
    ids=["320 px", "200 %"],
)
@pytest.mark.parametrize("path", ["/", "/launcher", "/urdu"])
def test_nothing_is_cut_off_in_narrow_windows(page: Page, portal_address: str, path: str) -> None:
    page.goto(portal_address + path)
    if path == "/launcher":
        page.get_by_role("button", name="Ask the briefs").click()
    page.locator("brief-assistant").evaluate("(one, question) => one.ask(question)", DOUBT)
    expect(page.locator(".readings")).to_be_visible()
    page.locator("brief-assistant").evaluate("(one, question) => one.ask(question)", ASKED)
    expect(page.locator(".statement")).to_have_count(3)
    page.locator("button.citation").first.click()
    in_view(page, QUOTES[0])
    wide = page.evaluate("""() => {
        const root = document.querySelector("brief-assistant").shadowRoot
        const shown = [...root.querySelectorAll("*")].filter((one) => one.checkVisibility() && !one.closest(".hidden, svg"))
        const over = shown.filter((one) => one.getBoundingClientRect().right > innerWidth + 1 || one.getBoundingClientRect().left < -1)
        return [document.documentElement.scrollWidth > innerWidth, ...over.map((one) => one.outerHTML.slice(0, 80))]
    }""")
    assert wide == [False]


@pytest.mark.parametrize("context", [PHONE], indirect=True, ids=["phone"])
def test_a_finger_finds_its_buttons(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    ask(page, ASKED)
    sizes = page.evaluate("""() => [...document.querySelector("brief-assistant").shadowRoot.querySelectorAll("button")]
        .filter((one) => one.checkVisibility()).map((one) => {
            const box = one.getBoundingClientRect()
            const more = one.className === "citation" ? 0.35 * 12 * 2 : 0
            return [one.getAttribute("aria-label") ?? one.textContent, Math.min(box.width + more, box.height + more)]
        })""")
    assert [one for one in sizes if one[1] < 30] == []


def test_custom_properties_and_parts(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    page.evaluate("""() => {
        const sheet = new CSSStyleSheet()
        sheet.replaceSync(`brief-assistant { --brief-accent: rgb(122, 31, 61); --brief-height: 300px; --brief-font-size: 20px;
                --brief-mark: rgb(0, 255, 0); }
            brief-assistant::part(citation) { border-radius: 0; } brief-assistant::part(header) { display: none; }`)
        document.adoptedStyleSheets = [sheet]
    }""")
    exchange = ask(page, ASKED)
    citation = exchange.get_by_role("button", name="Citation 1")
    assert citation.evaluate(
        "(one) => { const style = getComputedStyle(one); return [style.color, style.borderRadius] }"
    ) == ["rgb(122, 31, 61)", "0px"]
    box = page.locator(".frame").bounding_box()
    assert box and box["height"] == 300 + 20  # at least 16 em
    expect(page.get_by_role("heading", name="Ask the briefs")).to_have_count(0)
    citation.click()
    assert page.locator("mark").evaluate("(one) => getComputedStyle(one).backgroundColor") == "rgb(0, 255, 0)"


def test_styles_of_the_page_stay_outside(page: Page, portal_address: str) -> None:
    page.goto(portal_address)
    intro = page.get_by_text("Every statement of an answer")
    look = "(one) => { const style = getComputedStyle(one); return [style.font, style.color, style.letterSpacing, style.textTransform] }"
    before = intro.evaluate(look)
    page.evaluate("""() => {
        const sheet = new CSSStyleSheet()
        sheet.replaceSync(`* { font: 40px/3 monospace; color: red; letter-spacing: 1em; text-transform: uppercase; text-align: right }
            p, textarea { display: none }`)
        document.adoptedStyleSheets = [sheet]
    }""")
    expect(page.get_by_role("heading", name="Morning overview")).to_have_css("text-transform", "uppercase")
    expect(intro).to_be_visible()
    assert intro.evaluate(look) == before
