"""Which browser it is, by what browsers really say."""

from __future__ import annotations

import time

import pytest

from connector.idp.policy.browser import Browser, parse_user_agent

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko)"
)
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("text", "family", "major"),
    [
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36", "chrome", 126),
        (f"{ANDROID} Chrome/126.0.0.0 Mobile Safari/537.36", "chrome", 126),
        (f"{IPHONE} CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1", "chrome", 126),
        (f"{WINDOWS} HeadlessChrome/126.0.0.0 Safari/537.36", "chrome", 126),
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 Edg/125.0.2535.85", "edge", 125),
        (f"{ANDROID} Chrome/126.0.0.0 Mobile Safari/537.36 EdgA/125.0.0.0", "edge", 125),
        (f"{IPHONE} Version/17.0 EdgiOS/125.0.0.0 Mobile/15E148 Safari/604.1", "edge", 125),
        (f"{WINDOWS} Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763", "edge", 18),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "firefox", 128),
        (f"{IPHONE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15", "firefox", 127),
        (f"{MAC} Version/17.5 Safari/605.1.15", "safari", 17),
        (f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "safari", 17),
        # Others, although they name Chrome, Firefox or Safari.
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 OPR/112.0.0.0", "", 0),
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 Vivaldi/6.8.3381.44", "", 0),
        (f"{WINDOWS} Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36", "", 0),
        (f"{ANDROID} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36", "", 0),
        (f"{MAC} Version/17.5 Safari/605.1.15 Ddg/17.5", "", 0),
        ("Mozilla/5.0 (X11; rv:68.0) Gecko/20100101 Firefox/68.0 PaleMoon/33.1.1", "", 0),
        ("Mozilla/5.0 (Linux; U; Android 4.0) AppleWebKit/534.30 Version/4.0 Safari/534.30", "", 0),
        ("Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko", "", 0),
        ("curl/8.9.1", "", 0),
        ("", "", 0),
        ("Chrome", "", 0),
        ("Chrome/x", "", 0),
        ("NotChrome/12", "", 0),
    ],
)
def test_a_browser_is_known_by_the_name_that_is_its_own(text: str, family: str, major: int):
    assert parse_user_agent(text) == Browser(family, major)


def test_what_stands_far_behind_is_not_read():
    assert parse_user_agent("x" * 512 + " Chrome/126.0") == Browser()


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "a/" * 500_000, "a/1" * 300_000, "\u0661" * 9999]
)
def test_nobody_keeps_us_busy_by_a_long_text(text: str):
    begun = time.process_time()
    for _ in range(100):
        parse_user_agent(text)

    assert time.process_time() - begun < 0.1


def test_a_browser_is_called_as_people_call_it():
    assert str(Browser("edge", 125)) == "Edge 125"
    assert str(Browser()) == "an unknown browser"
