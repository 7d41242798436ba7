"""A headless Chromium for the reports' tests: what it logs, what it asks the network for, how wide a page grows."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

LAPTOP, PHONE = (1366, 768), (390, 844)
NETWORK = ("http:", "https:", "ws:", "wss:", "ftp:")


def find_browser() -> tuple[str, str] | None:
    """Find Chromium and its driver, as Debian and others name them."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver and _starts(driver) else None


def _starts(driver: str) -> bool:
    """Tell whether it is a program: Ubuntu's package is a script that asks for a snap."""
    return subprocess.run([driver, "--version"], capture_output=True, check=False).returncode == 0


@contextmanager
def open_browser(profile: Path) -> Iterator[Any]:
    """Start a browser that logs its console and its network; the test skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install kinfast[dev]")
    found = find_browser()
    if found is None:
        pytest.skip(
            "no Chromium with a driver: apt-get install chromium chromium-driver; Ubuntu: snap install chromium"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    arguments = ["--headless=new", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage", "--no-first-run"]
    arguments += [f"--user-data-dir={profile}", "--disable-background-networking", "--disable-extensions"]
    arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(found[1]))
    try:
        yield driver
    finally:
        driver.quit()


def show(driver: Any, page: Path, size: tuple[int, int], scheme: str, *, script: bool = True) -> None:
    """Open a page at a size, by day ("light") or by night ("dark")."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    driver.get(page.resolve().as_uri())


def console(driver: Any) -> list[str]:
    """Give what the console was told since the last time."""
    return [entry["message"] for entry in driver.get_log("browser")]


def requests(driver: Any) -> list[str]:
    """Give the addresses beyond this machine's files that were asked for since the last time."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [address for address in asked if address.startswith(NETWORK)]


def overflow(driver: Any) -> int:
    """Give by how many pixels a page is wider than its window."""
    return int(driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth"))


def screenshot(driver: Any, path: Path, height: int) -> None:
    """Write a PNG of the page's first pixels."""
    width = driver.execute_script("return window.innerWidth")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get_screenshot_as_file(str(path))
