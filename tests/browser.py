"""A real browser for tests: Debian's headless Chromium, driven by selenium; what it sees, says and asks for."""

import base64
import json
import re
import shutil

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")

DESKTOP, PHONE = (1280, 900), (390, 844)
"""A laptop's window, and a usual phone's."""

QUIET = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)
"""A browser that shows nothing and asks for nothing of its own accord."""


class Browser:
    """One page at a time, with what its console said and what it asked the network for."""

    def __init__(self, folder):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*QUIET, f"user-data-dir={folder}"):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, Service(DRIVER))
        self.page = ""

    def open(self, path, size=DESKTOP, *, dark=False):
        """Open a file in a window of this size, as a reader with this taste would see it."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        taste = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [taste]})
        self.page = path.as_uri()
        self.said(), self.asked()
        self.driver.get(self.page)

    def gathered(self, log, enough, seconds=20):
        """What a log holds once it is enough: what a page does arrives there some time after the page."""
        from selenium.webdriver.support.wait import WebDriverWait

        entries = []

        def look(_):
            entries.extend(log())
            return enough(entries)

        WebDriverWait(self.driver, seconds).until(look)
        return entries

    def said(self):
        """What the console said since it was last asked: errors, refusals of the page's policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def asked(self):
        """What the page has requested since it was last asked, itself first."""
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        # The browser's own pages ask for their icons meanwhile.
        return [p["request"]["url"] for p in sent if p["documentURL"] == self.page]

    def run(self, script, *arguments):
        """What a script returns on the page; the test's own, which the page's policy does not bind."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        """The first element that a selector of CSS finds."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        """All elements that a selector of CSS finds, in order."""
        return self.driver.find_elements("css selector", selector)

    def press(self, keys):
        """Press keys on what has the focus, as a reader's keyboard does."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(keys).perform()

    def too_wide(self):
        """By how many pixels the page is wider than its window."""
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return self.run(wide)

    def printed(self):
        """How many sides the page has on paper."""
        made = self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
        return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(made["data"])))

    def close(self):
        """End the browser and its driver."""
        self.driver.quit()


def started(folder):
    """A browser of its own, or the reason why the test is skipped."""
    pytest.importorskip("selenium", reason="selenium is not installed: nothing to drive a browser")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium or chromedriver here (apt-get install chromium chromium-driver)")
    return Browser(folder)
