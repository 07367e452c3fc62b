"""The pages in a real browser, fed by the real line with a simulated city."""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from aedilis.settings import Settings, load
from deploy.fetch import chromium
from sensors.registry import load as load_types
from simulation.city import City as Simulated
from simulation.city import observations_in
from simulation.publisher import Publisher

AXE = Path(__file__).parents[2] / "api/web/node_modules/axe-core/axe.min.js"
START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 21.5
NOW = START + timedelta(hours=HOURS)
"""The city's own time: that of its newest observations."""
GAP = (START + timedelta(hours=20), NOW)
"""When Station 12 was silent."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run"]
SEEN = """
addEventListener("securitypolicyviolation", (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
"""


class Gate:
    """A port in front of the database that can be shut: how it looks from outside when the database is away."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = True
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._open:
                    client.close()
                    continue
                pair = (client, socket.create_connection(self._target))
                self._pairs.add(pair)
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with contextlib.suppress(OSError, ValueError):
            while True:
                for ready in select.select([client, server], [], [], 0.2)[0]:
                    data = ready.recv(65536)
                    if not data:
                        raise OSError
                    other[ready].sendall(data)
        client.close()
        server.close()
        self._pairs.discard((client, server))

    def shut(self) -> None:
        """Break all connections and refuse new ones."""
        self._open = False
        for pair in list(self._pairs):
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let new connections through."""
        self._open = True

    def close(self) -> None:
        """Shut for good."""
        self.shut()
        self._listener.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def serves(address: str, what: str = "live") -> bool:
    """Whether a process is live, or ready."""
    try:
        with urllib.request.urlopen(f"{address}/health/{what}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class City:
    """The line, an API of its own behind a gate, and what the tests ask of both."""

    def __init__(self, installation: Any) -> None:
        self.installation = installation
        place = installation.database.rpartition("@")[2].partition("/")[0]
        host, _, port = place.rpartition(":")
        self.gate = Gate((host, int(port)))
        self.address = f"http://127.0.0.1:{free_port()}"
        installation.env["AEDILIS_DATA_CLOCK_AGENCIES"] = "demo,北京"
        installation.line()
        until(self._listens, "ingest does not listen")
        installation.env["AEDILIS_DATABASE"] = installation.database.replace(place, f"127.0.0.1:{self.gate.port}")
        installation.env["AEDILIS_TIMEZONE"] = "Europe/Rome"
        self.start_api("api", self.address)
        self.password = installation.env["AEDILIS_ADMIN_PASSWORD"]

    def _listens(self) -> bool:
        """Whether ingest has subscribed: what is published before it is nobody's."""
        files = Path(self.installation.env["AEDILIS_HOME"]).glob("run/ingest*.json")
        return any(serves(f"http://127.0.0.1:{json.loads(file.read_text())['port']}", "ready") for file in files)

    def start_api(self, name: str, address: str) -> None:
        """Start an API there and wait until it serves."""
        self.installation.env["AEDILIS_API"] = address.removeprefix("http://")
        self.installation.start(name, "api")
        until(lambda: serves(address), f"{name} does not serve")

    def settings(self) -> Settings:
        return load(self.installation.env)

    def send(self, thing: str, at: datetime, agency: str = "demo", **changed: object) -> None:
        """Publish one message of a street station, as calm as the simulated ones but for what is changed."""
        usual = Simulated(1, START, calm=True)
        messages = {topic: payload for _, topic, payload in usual.between(at, at + timedelta(seconds=1))}
        topic = f"city/{agency}/{thing}/street"
        payload = json.loads(messages.get(topic) or messages["city/demo/Station 01/street"])
        self.send_raw(topic, json.dumps({**payload, **changed}).encode())

    def send_raw(self, topic: str, payload: bytes) -> None:
        """Publish bytes."""
        with Publisher(self.settings()) as publisher:
            publisher.publish(topic, payload)

    def one(self, query: str) -> Any:
        """The first column of the first row."""
        return self.installation.rows(query)[0][0]

    def thing(self, name: str) -> str:
        """The identity of a Thing."""
        return str(self.one(f"select id from thing where name = '{name}'"))

    def datastream(self, thing: str, name: str) -> str:
        """The identity of a Datastream."""
        join = "datastream d join thing t on t.id = d.thing"
        return str(self.one(f"select d.id from {join} where t.name = '{thing}' and d.name = '{name}'"))

    def get(self, path: str, cookie: str = "", change: Any = None) -> tuple[int, str, Any]:
        """(status, type, JSON) of an address, as a program asks for it, or for a `change` of it."""
        patch = {} if change is None else {"data": json.dumps(change).encode(), "method": "PATCH"}
        request = urllib.request.Request(f"{self.address}{path}", headers={"cookie": cookie}, **patch)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers["content-type"], json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.headers["content-type"], json.load(error)


@pytest.fixture(scope="module")
def city(module_installation: Any) -> Iterator[City]:
    """A simulated day with a stuck sensor, a gap, a silent Thing, two agencies and some rejects."""
    from tests.installation import aedilis

    made = City(module_installation)
    begin = START.replace(tzinfo=None).isoformat()
    feed = ["--start", begin, "--duration", str(HOURS / 24), "--speed", "max"]
    made.send("Station 99", START, zone="north", RH=60.0)  # speaks once, then is silent
    made.send("东四", NOW, agency="北京", zone="dongcheng")
    aedilis("simulate", *feed, env=module_installation.env)
    made.send("Station 12", NOW)  # its gap ends
    made.send_raw("city/demo/Station 01/street", b'{"time": "2026-03')
    made.send_raw("nowhere/at/all", b"<script>alert(1)</script>")
    told = Simulated(1, START).between(START, NOW)
    module_installation.settle(sum(observations_in(payload) for _, _, payload in told) + 3 * 8)  # and those sent above
    until(lambda: made.one("select coalesce(sum(messages), 0) from reject_count") == 2, "rejects are stored")
    yield made
    made.gate.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a screen."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def session(city: City, browser: Browser) -> Any:
    """Cookies of somebody who is logged in."""
    context = browser.new_context()
    log_in(context.new_page(), city)
    state = context.storage_state()
    context.close()
    return state


def log_in(page: Page, city: City, password: str | None = None) -> None:
    if "/login" not in page.url:
        page.goto(f"{city.address}/login")
    page.get_by_label("User").fill("admin")
    page.get_by_label("Password").fill(city.password if password is None else password)
    page.get_by_role("button", name="Log in").click()


class Watched:
    """Opens pages, and fails when one of them complains."""

    def __init__(self, browser: Browser, city: City, session: Any) -> None:
        self._browser, self._city, self._session = browser, city, session
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def __call__(self, path: str = "/", *, logged_in: bool = True, **options: Any) -> Page:
        """A page in a browser of its own."""
        options = {"viewport": {"width": 1400, "height": 900}, **options}
        if logged_in:
            options["storage_state"] = self._session
        context = self._browser.new_context(base_url=self._city.address, **options)
        self._contexts.append(context)
        context.add_init_script(SEEN)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._console(page, said.type, said.text))
        page.goto(path)
        return page

    def _console(self, page: Page, kind: str, text: str) -> None:
        own = "willReadFrequently" in text  # the browser's advice on how these tests look at pixels
        if kind in ("error", "warning") and not own:
            self.complaints.append(f"{page.url}: {text}")

    def expect(self, *fragments: str) -> None:
        """These complaints were meant to come, and no others."""
        left = [line for line in self.complaints if not any(fragment in line for fragment in fragments)]
        assert left == []
        self.complaints.clear()

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def show(browser: Browser, city: City, session: Any) -> Iterator[Watched]:
    """Opens pages; no page may write an error to the console or break the content security policy."""
    watched = Watched(browser, city, session)
    yield watched
    watched.close()
    assert watched.complaints == []


def paths(city: City) -> list[str]:
    """Every page."""
    stuck, gap = city.datastream("Station 07", "TEMP"), city.datastream("Station 12", "PM2.5")
    things = [f"/things/{city.thing(name)}" for name in ("Station 07", "Station 99", "Market 03")]
    charts = [f"/datastreams/{stuck}", f"/datastreams/{gap}?last=24h"]
    return [
        "/",
        "/things",
        "/things/waiting",
        *things,
        *charts,
        "/anomalies",
        f"/anomalies/{city.one('select id from anomaly limit 1')}",
        "/alerts",
        "/counts",
        "/rejects",
        "/types",
        "/types/street-station",
        "/types/infer?type=street-station",
    ]


# ---------------------------------------------------------------- the way in


def test_login_leads_to_the_page_that_was_wanted(show: Watched, city: City) -> None:
    page = show("/anomalies?status=open", logged_in=False)
    expect(page).to_have_url(f"{city.address}/login?next=/anomalies%3Fstatus%3Dopen")
    log_in(page, city, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("User or password is wrong")
    show.expect("401")
    log_in(page, city)
    expect(page).to_have_url(f"{city.address}/anomalies?status=open")
    cookie = page.context.cookies()[0]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto("/")
    expect(page).to_have_url(f"{city.address}/login")


def test_too_many_wrong_passwords_have_to_wait(city: City, browser: Browser) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    city.start_api("door", address)
    page = browser.new_page()
    page.goto(f"{address}/login")
    for _ in range(10):
        log_in(page, city, "wrong")
        expect(page.get_by_role("alert")).to_contain_text("is wrong")
    log_in(page, city)
    expect(page.get_by_role("alert")).to_contain_text("Too many wrong passwords")
    page.close()


# ---------------------------------------------------------------- what the pages show


def test_the_city_page_shows_what_is_where_what_is_wrong_and_what_was_alerted(show: Watched, city: City) -> None:
    page = show("/")
    expect(page.locator(".sum")).to_contain_text("80 Things")
    for name in ("Station 07", "Market 30", "东四"):
        expect(page.locator("section.wide").get_by_role("link", name=name, exact=True)).to_be_visible()
    for zone in ("demo/north", "demo/centre", "北京/dongcheng"):
        expect(page.get_by_role("heading", name=zone)).to_be_visible()
    wrong = page.locator("#anomaly-list li")
    opened = city.one("select count(*) from anomaly where ends_at is null")
    expect(wrong).to_have_count(opened)
    expect(wrong.filter(has_text="TEMP at Station 07: the same result")).to_have_count(1)
    expect(wrong.filter(has_text="Station 99: no result")).to_have_count(1)
    expect(page.locator("#open-anomalies")).to_have_text(str(opened))
    alerts = page.locator("#alert-list li")
    expect(alerts.filter(has_text="Station 12").filter(has_text="resolved")).to_have_count(1)
    expect(page.locator(".map a")).to_have_count(80)
    expect(page.locator('.map a[aria-label="Station 07: minor"] .mark.minor')).to_have_count(1)
    row = page.locator("tr").filter(has_text="Station 99")
    expect(row.locator(".unknown")).to_be_visible()
    expect(page.locator("footer")).to_contain_text("Times are Europe/Rome")


def test_search_narrows_what_is_shown_and_finds_on_the_server(show: Watched) -> None:
    page = show("/")
    page.keyboard.press("/")
    page.keyboard.type("station 1")
    rows = page.locator("tr[data-name]:visible")
    expect(rows).to_have_count(10)
    expect(page.get_by_role("heading", name="北京/dongcheng")).to_be_hidden()
    page.keyboard.press("Enter")
    page.wait_for_url("**/things?q=station+1")
    expect(page.locator("tr[data-name]")).to_have_count(10)
    page.goto("/things?q=no-such-thing")
    expect(page.locator(".empty")).to_contain_text("No Thing or zone has")


def test_a_thing_shows_its_newest_values_in_their_context(show: Watched, city: City) -> None:
    page = show(f"/things/{city.thing('Station 07')}?last=6h")
    expect(page.locator("[data-list=datastreams] tbody tr")).to_have_count(8)
    row = page.locator("tbody tr").filter(has=page.get_by_role("link", name="TEMP", exact=True))
    expect(row).to_contain_text("°C")
    expect(row).to_contain_text("good")
    expect(row).to_contain_text("the same result")
    expect(row.locator(".spark path")).to_have_count(1)
    page.get_by_role("link", name="TEMP", exact=True).click()
    expect(page).to_have_url(f"{city.address}/datastreams/{city.datastream('Station 07', 'TEMP')}?last=6h")
    page.locator(".path").get_by_role("link", name="Station 07").click()
    expect(page).to_have_url(f"{city.address}/things/{city.thing('Station 07')}?last=6h")
    page.locator(".path").get_by_role("link", name="demo/east").click()
    expect(page.get_by_role("link", name="Station 12", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Station 01", exact=True)).to_have_count(0)


def test_a_silent_thing_looks_stale(show: Watched, city: City) -> None:
    page = show(f"/things/{city.thing('Station 99')}")
    expect(page.locator("td.figure.unknown")).to_have_count(8)
    expect(page.locator("tbody tr").first).to_contain_text("stale")
    page.goto(f"/datastreams/{city.datastream('Station 99', 'RH')}")
    expect(page.locator(".value.unknown")).to_contain_text("60 %")
    expect(page.locator(".wrong")).to_contain_text("no result")


def test_a_thing_says_how_complete_it_was_and_what_is_wrong(show: Watched, city: City) -> None:
    page = show(f"/things/{city.thing('Station 12')}")
    facts = page.locator(".facts")
    expect(facts).to_contain_text("of the last 24 h")
    expect(facts.locator(".lacking")).to_have_count(0), "22 of its 24 hours, and it has spoken for no longer"
    expect(page.locator(".places")).to_contain_text("demo/east")
    page.goto(f"/things/{city.thing('Station 07')}")
    expect(page.locator(".wrongs")).to_contain_text("the same result")
    page.goto(f"/things/{city.thing('Station 99')}")
    expect(page.locator(".wrongs")).to_contain_text("It is silent")
    expect(page.locator(".facts .lacking")).to_have_count(2)


def test_what_is_told_of_a_thing_stands_on_its_page_and_comes_with_its_next_message(
    show: Watched, city: City, session: Any
) -> None:
    path = f"/things/{city.thing('Station 30')}"
    page = show(path)
    page.get_by_label("Title").fill("The pier")
    page.get_by_label("Latitude").fill("95")
    page.get_by_role("button", name="Tell").click()
    expect(page.get_by_role("alert").first).to_contain_text("degrees from -90 to 90")
    expect(page.get_by_label("Title")).to_have_value("The pier")
    page.get_by_label("Latitude").fill("")
    page.get_by_role("button", name="Tell").click()
    expect(page.get_by_text("With its next message: title The pier")).to_be_visible()
    page.get_by_role("button", name="Put on hold").click()
    expect(page.locator(".wrongs")).to_contain_text("on hold")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".facts")).to_contain_text("approved")
    cookie = f"aedilis_session={session['cookies'][0]['value']}"
    assert city.get(f"/api/v1{path}", cookie, {"longitude": 12.5})[0] == 422
    status, _, body = city.get(f"/api/v1{path}", cookie, {"zone": "pier"})
    assert (status, body["told"]["zone"], body["told"]["by"]) == (200, "pier", "admin")
    city.send("Station 30", NOW + timedelta(minutes=5))
    until(
        lambda: city.one("select count(*) from thing where title = 'The pier' and zone = 'demo/pier'") == 1, "it moves"
    )
    page.reload()
    expect(page.locator("h1")).to_have_text("The pier")
    expect(page.locator(".places li")).to_have_count(2)
    show.expect("422")


# ---------------------------------------------------------------- the chart

PIXELS = """([from, to]) => {
  const canvas = document.querySelector("#chart canvas"), over = document.querySelector("#chart .u-over");
  const scale = canvas.width / canvas.getBoundingClientRect().width, box = over.getBoundingClientRect();
  const at = canvas.getBoundingClientRect();
  const x = Math.round((box.left - at.left + box.width * from) * scale), y = Math.round((box.top - at.top) * scale);
  const width = Math.round(box.width * (to - from) * scale), height = Math.round(box.height * scale);
  const { data } = canvas.getContext("2d").getImageData(x, y, width, height);
  let dark = 0, light = 0, tinted = 0, band = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b, a] = data.slice(i, i + 4);
    if (a > 200 && Math.max(r, g, b) < 90 && Math.max(r, g, b) - Math.min(r, g, b) < 40) dark++;
    if (a > 200 && Math.min(r, g, b) > 200) light++;
    if (r === 225 && g === 229 && b === 234) band++;
    if (a > 20 && Math.max(r, g, b) - Math.min(r, g, b) > 40) tinted++;
  }
  return { dark, light, tinted, band, all: data.length / 4 };
}"""


def pixels(page: Page, begin: float, end: float) -> dict[str, int]:
    """Pixels of a part of the chart: dark is the line, tinted an anomaly, band what was expected."""
    counted: dict[str, int] = page.evaluate(PIXELS, [begin, end])
    return counted


def chart_of(show: Watched, city: City, thing: str, name: str, query: str, **options: Any) -> Page:
    page = show(f"/datastreams/{city.datastream(thing, name)}{query}", **options)
    expect(page.locator("#chart[data-points]")).to_be_visible()
    return page


def between(first: datetime, last: datetime) -> str:
    return f"?start={first:%Y-%m-%dT%H:%MZ}&end={last:%Y-%m-%dT%H:%MZ}"


def test_the_chart_draws_the_line_and_does_not_cross_the_gap(show: Watched, city: City) -> None:
    first, last = NOW - timedelta(hours=4), NOW + timedelta(hours=0.5)
    page = chart_of(show, city, "Station 12", "PM2.5", between(first, last))
    share = [(moment - first) / (last - first) for moment in GAP]
    assert pixels(page, 0.01, share[0] - 0.02)["dark"] > 200, "the line is drawn"
    gap = pixels(page, share[0] + 0.02, share[1] - 0.02)
    assert gap["dark"] == 0, "nothing is drawn across the gap"
    assert gap["tinted"] > 0.5 * gap["all"], "the gap is shaded"
    assert pixels(page, 0.01, share[0] - 0.05)["tinted"] == 0, "and nothing else is"


def test_the_chart_shades_what_is_stuck_and_has_a_table_twin(show: Watched, city: City) -> None:
    page = chart_of(show, city, "Station 07", "TEMP", between(START + timedelta(hours=10), START + timedelta(hours=20)))
    assert pixels(page, 0.7, 0.95)["tinted"] > 0.5 * pixels(page, 0.7, 0.95)["all"]
    assert pixels(page, 0.05, 0.5)["tinted"] == 0
    expect(page.locator("#chart")).to_have_attribute("data-points", "120")
    page.get_by_text("The same as a table").click()
    rows = page.locator("#values tbody tr")
    expect(rows).to_have_count(120)
    last = START + timedelta(hours=20, minutes=-5)
    expect(rows.first).to_contain_text((last + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S"))
    expect(rows.first).to_contain_text("good")
    expect(page.locator("#chart-note")).to_contain_text("1 anomaly")


def test_the_time_range_is_chosen_in_local_time_and_stands_in_the_address(show: Watched, city: City) -> None:
    page = chart_of(show, city, "Station 07", "TEMP", "")
    page.get_by_label("from").fill("2026-03-02T11:00")
    page.get_by_label("to").fill("2026-03-02T13:00")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**?start=2026-03-02T11%3A00&end=2026-03-02T13%3A00")
    expect(page.locator("#chart")).to_have_attribute("data-points", "24")
    expect(page.get_by_label("from")).to_have_value("2026-03-02T11:00")
    page.get_by_role("link", name="‹ earlier").click()
    expect(page.get_by_label("from")).to_have_value("2026-03-02T09:00")
    expect(page.locator("#chart")).to_have_attribute("data-points", "24")
    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(f"{city.address}/datastreams/{city.datastream('Station 07', 'TEMP')}?last=7d")
    expect(page.locator("#chart")).to_have_attribute("data-points", "258")
    page.goto(f"/datastreams/{city.datastream('Station 07', 'TEMP')}?start=2020-01-01T00:00&end=2020-01-02T00:00")
    expect(page.locator("#chart-note")).to_contain_text("No observation lies in this span")


def test_a_range_that_cannot_be_is_a_page_that_says_so(show: Watched, city: City) -> None:
    page = show(f"/datastreams/{city.datastream('Station 07', 'TEMP')}?start=2026-03-03&end=2026-03-02")
    expect(page.get_by_role("alert")).to_contain_text("Expected start before end")
    page.goto("/things/1")
    expect(page.get_by_role("alert")).to_contain_text("There is no Thing of this identity")
    page.goto("/no/such/page")
    expect(page.get_by_role("heading", name="Not Found")).to_be_visible()
    show.expect("422", "404")


# ---------------------------------------------------------------- lists


def test_anomalies_and_alerts_are_filtered_by_links_that_can_be_kept(show: Watched, city: City) -> None:
    page = show("/anomalies")
    everything = city.one("select count(*) from anomaly")
    expect(page.locator("tbody tr")).to_have_count(everything)
    page.locator(".filter").get_by_role("link", name="stuck", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="ended", exact=True).click()
    expect(page).to_have_url(f"{city.address}/anomalies?kind=stuck&status=ended")
    expect(page.locator(".empty")).to_contain_text("Choose “all” above")
    page.goto("/anomalies?open_only=true&kind=gap")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto("/alerts?status=resolved")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="北京").click()
    expect(page.locator(".empty")).to_contain_text("No alert is of this kind")
    page.goto("/alerts?status=resolved")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="Gap: Station 12")).to_be_visible()
    assert "/anomalies/" in page.url, "of a whole Thing no chart is the right one"


def test_counts_and_rejects(show: Watched) -> None:
    page = show("/counts")
    expect(page.locator("#verdict")).to_have_text("✓ all sums agree · 2 rejects stand and can be sent again")
    expect(page.get_by_role("cell", name="live", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="invalid json")).to_be_visible()
    page.get_by_role("link", name="invalid json").click()
    expect(page.locator("details.reject")).to_have_count(2)
    for closed in page.locator("details.reject:not([open]) summary").all():
        closed.click()
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    expect(page.get_by_text('{"time": "2026-03')).to_be_visible()
    # sent again it is refused again, and stands as before
    group = page.locator("details.reject", has_text="invalid json")
    group.get_by_role("button", name="Send again").click()
    expect(page.locator("#outcome")).to_have_text(
        "Sent again: 0 read, 1 refused again (invalid json 1); 0 observations."
    )
    expect(page.locator("details.reject")).to_have_count(1)
    expect(page.locator(".standing")).to_contain_text(
        "standing 1 · refused when sent again 1, the last one: invalid json"
    )


# ---------------------------------------------------------------- hands, eyes and machines


def test_the_keyboard_reaches_what_is_done_often(show: Watched, city: City) -> None:
    page = show("/")
    focused = "document.activeElement.getAttribute('href')"
    page.keyboard.press("j")
    first = page.evaluate(focused)
    assert first == page.locator("#anomaly-list a").first.get_attribute("href")
    page.keyboard.press("j")
    assert page.evaluate(focused) != first
    page.keyboard.press("k")
    assert page.evaluate(focused) == first
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("j")
    expect(page.locator("#search")).to_have_value("j")
    page.keyboard.press("Escape")
    for key, path in {"n": "/anomalies?status=open", "a": "/alerts?status=open", "k": "/counts", "c": "/"}.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page).to_have_url(f"{city.address}{path}")


def test_no_page_scrolls_sideways_on_a_phone(show: Watched, city: City) -> None:
    page = show("/", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for path in paths(city):
        page.goto(path)
        if "/datastreams/" in path:
            expect(page.locator("#chart[data-points]")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        small = (
            "[...document.querySelectorAll('header a, button')].filter(e => e.checkVisibility() && e.offsetHeight < 44)"
        )
        assert page.evaluate(f"{small}.map(e => e.textContent)") == [], path


def test_a_dark_page_is_dark_and_its_chart_is_light(show: Watched, city: City) -> None:
    span = between(START + timedelta(hours=5), START + timedelta(hours=10))
    page = chart_of(show, city, "Station 07", "PM2.5", span, color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    counted = pixels(page, 0.01, 0.99)
    assert counted["light"] > 200, "the line is light"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"({PIXELS})([0.01, 0.99]).dark > 200")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_barrier(show: Watched, city: City, scheme: str) -> None:
    page = show("/login", logged_in=False, color_scheme=scheme)
    found = {"/login": barriers(page)}
    page = show("/", color_scheme=scheme)
    for path in paths(city):
        page.goto(path)
        found[path] = barriers(page)
    assert {path: faults for path, faults in found.items() if faults} == {}


def barriers(page: Page) -> list[str]:
    """Serious and critical violations that axe finds."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)")
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


def test_every_page_has_a_json_twin_and_errors_are_problems(city: City, session: Any) -> None:
    cookie = f"aedilis_session={session['cookies'][0]['value']}"
    for path in paths(city):
        if path.startswith("/types/infer"):
            continue  # its twins are told samples: POST /api/v1/types/infer, /preview and /try
        twin = "/api/v1/city" if path == "/" else f"/api/v1{path.partition('?')[0]}"
        status, kind, body = city.get(twin, cookie)
        assert (status, kind) == (200, "application/json"), twin
        assert body or twin.endswith("/waiting"), twin
    stuck = city.datastream("Station 07", "TEMP")
    chart = city.get(f"/api/v1/datastreams/{stuck}/observations?points=20", cookie)[2]
    assert chart["bucket_us"] > chart["interval_us"]
    assert len(chart["observations"]) <= 21
    assert chart["observations"][0]["time"].endswith("Z")
    wrong = {
        f"/api/v1/datastreams/{stuck}/observations?start=2026-03-03&end=2026-03-02": 422,
        f"/api/v1/datastreams/{stuck}/observations?last=soon": 422,
        "/api/v1/things/1": 404,
        f"/api/v1/things/{2**70}": 422,
        "/api/v1/nothing": 404,
        "/api/v1/anomalies?limit=0": 422,
        "/api/v1/alerts?status=lost": 422,
    }
    for path, expected in wrong.items():
        status, kind, body = city.get(path, cookie)
        assert (status, kind) == (expected, "application/problem+json"), path
        assert body["status"] == expected
        assert body["detail"], path
    status, kind, body = city.get("/api/v1/city")
    assert (status, kind, body["status"]) == (401, "application/problem+json", 401)


def test_the_chart_tells_what_failed_and_what_is_missing(show: Watched, city: City) -> None:
    for minutes, humidity in ((3, 150.0), (2, None), (1, 60.0)):
        told = {"time": f"{NOW - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}", "RH": humidity}
        city.send_raw("city/demo/Station 31/street", json.dumps(told).encode())
    seen = f"select count(*) from observation where datastream = {city.datastream('Station 31', 'RH')}"
    until(
        lambda: city.one(f"{seen} and phenomenon_time > timestamptz '{NOW - timedelta(minutes=4)}'") == 3,
        "it is stored",
    )
    page = chart_of(show, city, "Station 31", "RH", between(NOW - timedelta(minutes=3), NOW))
    expect(page.locator("#chart-note")).to_contain_text("3 observations, 1 without a result, 1 failed")
    page.locator("#chart .u-over").hover(position={"x": 5, "y": 50})
    expect(page.locator("#chart .u-legend")).to_contain_text("fail: gross range")
    page.get_by_text("The same as a table").click()
    rows = page.locator("#values tbody tr")
    expect(rows.nth(1)).to_contain_text("missing")
    expect(rows.nth(2).locator(".failed")).to_have_text("150")
    expect(rows.nth(2)).to_contain_text("gross range")


# ---------------------------------------------------------------- live


def test_what_is_new_comes_without_a_reload_and_moves_nothing(show: Watched, city: City) -> None:
    page = show("/")
    follows = f"?start={NOW - timedelta(hours=2):%Y-%m-%dT%H:%MZ}"
    station, chart = show(f"/things/{city.thing('Station 21')}"), chart_of(show, city, "Station 21", "PM2.5", follows)
    still = chart_of(show, city, "Station 21", "PM2.5", between(NOW - timedelta(hours=2), NOW))
    for one in (page, station, chart, still):
        expect(one.locator("#live")).to_have_text("live")
        one.evaluate("window.kept = true")
    before = int(chart.locator("#chart").get_attribute("data-points") or 0)
    page.keyboard.press("j")
    page.keyboard.press("j")
    focus = page.evaluate("document.activeElement.getAttribute('href')")
    count = page.locator("#anomaly-list li").count()
    listed = page.locator("#anomaly-list").inner_text()

    city.send("Station 21", NOW, RH=150.0, **{"PM2.5": 800.0})  # what cannot be, and what was not expected
    spike = (
        f"select count(*) from anomaly where datastream = {city.datastream('Station 21', 'PM2.5')} and ends_at is null"
    )
    until(lambda: city.one(spike) > 0, "an anomaly opens")
    opened = city.one("select count(*) from anomaly where ends_at is null")

    expect(cell(station, "PM2.5")).to_have_text("800", timeout=20_000)
    expect(cell(station, "RH")).to_have_text("150")
    expect(cell(station, "RH")).to_have_class("figure failed")
    expect(chart.locator("#chart")).to_have_attribute("data-points", str(before + 1), timeout=20_000)
    expect(chart.locator(".value")).to_have_text("800 µg/m³")
    assert pixels(chart, 0.5, 1)["band"] > 20, "what was expected is drawn"
    assert pixels(chart, 0, 0.5)["band"] == 0
    fresh = page.locator('[data-newer="anomalies"]')
    expect(fresh).to_have_text(f"{opened - count} new, show", timeout=20_000)
    expect(page.locator("#open-anomalies")).to_have_text(str(opened))
    expect(page.locator('[data-count="open_anomalies"]')).to_have_text(str(opened))
    expect(page.locator('.map a[aria-label^="Station 21: "]')).to_have_count(1)
    assert page.locator("#anomaly-list").inner_text() == listed, "the list waits"
    assert page.evaluate("document.activeElement.getAttribute('href')") == focus, "the focus stays"
    fresh.click()
    expect(page.locator("#anomaly-list li")).to_have_count(opened)
    expect(page.locator("#anomaly-list li").filter(has_text="PM2.5 800 µg/m³ at Station 21, expected")).to_have_count(1)
    expect(fresh).to_be_hidden()
    assert still.locator("#chart").get_attribute("data-points") == "24", "a chart with an end stays"
    for one in (page, station, chart, still):
        assert one.evaluate("window.kept"), "no page was loaded again"

    for minutes in range(5, 30, 5):
        city.send("Station 21", NOW + timedelta(minutes=minutes))
    until(lambda: city.one(spike) == 0, "the anomaly ends")
    over = page.locator("#anomaly-list li.past").filter(has_text="PM2.5 800")
    expect(over).to_contain_text("ended", timeout=20_000)
    expect(page.locator("#anomaly-list li")).to_have_count(opened)


def cell(page: Page, name: str) -> Locator:
    """The newest value of a Datastream on the page of its Thing."""
    return page.locator("tbody tr").filter(has=page.get_by_role("link", name=name, exact=True)).locator("td.figure")


def test_a_page_in_the_background_catches_up_when_it_is_looked_at(show: Watched, city: City) -> None:
    page = show(f"/things/{city.thing('Station 22')}")
    expect(page.locator("#live")).to_have_text("live")
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); }"
    page.wait_for_timeout(3_000)
    page.evaluate(hide, True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    city.send("Station 22", NOW, TEMP=7.25)
    until(
        lambda: (
            city.one("select last_result from datastream where id = " + city.datastream("Station 22", "TEMP")) == 7.25
        ),
        "stored",
    )
    page.wait_for_timeout(4_000)
    assert asked == [], "nothing is asked for while nobody looks"
    page.evaluate(hide, False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(cell(page, "TEMP")).to_have_text("7.25", timeout=20_000)


def test_a_server_that_was_away_is_found_again(show: Watched, city: City) -> None:
    page = show("/")
    expect(page.locator("#live")).to_have_text("live")
    child = city.installation.children["api"]
    child.kill()
    child.wait()
    expect(page.locator("#live")).to_contain_text("not live since", timeout=20_000)
    expect(page.locator("#live.lost")).to_be_visible()
    city.start_api("api", city.address)
    expect(page.locator("#live")).to_have_text("live", timeout=30_000)
    show.expect("ERR_")


def test_a_database_that_is_away_is_said_and_comes_back(show: Watched, city: City) -> None:
    page, other = show("/"), show("/counts")
    expect(page.locator("#live")).to_have_text("live")
    city.installation.stop_asking()  # the tests ask through the gate too
    city.gate.shut()
    expect(page.locator("#live")).to_contain_text("the database cannot be reached", timeout=30_000)
    expect(page.locator("#anomaly-list li").first).to_be_visible()
    other.goto("/counts")
    expect(other.get_by_role("heading", name="Service Unavailable")).to_be_visible(timeout=20_000)
    expect(other.get_by_role("alert")).to_contain_text("The database cannot be reached")
    assert city.get("/health/ready")[0] == 503
    assert city.get("/health/live")[0] == 200
    city.gate.open()
    expect(page.locator("#live")).to_have_text("live", timeout=30_000)
    expect(other.locator("#verdict")).to_be_visible(timeout=30_000)
    show.expect("503")


# ---------------------------------------------------------------- a big city

BIG = """
insert into agency (name) values ('big');
insert into thing (id, agency, name, zone, partition, clock, longitude, latitude)
    select i, 'big', 'Thing ' || i, 'big/zone ' || i % 40, i % 8, 'data', 12 + i % 63 / 100.0, 41 + i % 61 / 100.0
    from generate_series(1, 3000) i;
insert into datastream (id, thing, name, observed_property, unit, sensor_type, sensor_version, interval_us, last_time,
                        last_result, last_quality)
    select i, i, 'TEMP', 'TEMP', 'Cel', 'street-station', 1, 300000000, '2026-03-02 12:00+00', 1, 1
    from generate_series(1, 3000) i;
insert into anomaly (id, revision_time, revision_sequence, datastream, agency, kind, detector, severity, starts_at,
                     detected_at, score, explanation, first_received_at)
    select i, 0, 0, i, 'big', 'stuck', 'stuck', 'minor', '2026-03-02', '2026-03-02'::timestamptz + i / 3 * interval '1 min',
           1, 'number ' || i, now()
    from generate_series(1, 250) i;
"""


def test_a_city_of_thousands_stays_usable(installation: Any, browser: Browser) -> None:
    page = page_over(installation, browser, BIG)
    expect(page.locator(".sum")).to_contain_text("3,000 Things")
    expect(page.locator("[data-list=zones] tbody tr")).to_have_count(40)
    assert len(page.content()) < 300_000
    assert page.evaluate("document.querySelectorAll('*').length") < 3_000
    page.get_by_role("link", name="big/zone 7", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(75)
    page.goto("/things?q=Thing+29")
    seen = follow(page, "more Things", ".name a")
    assert len(seen) == len(set(seen)) == 111
    page.goto("/anomalies")
    seen = follow(page, "older anomalies", ".said a")
    assert len(seen) == len(set(seen)) == 250
    assert seen[:3] == ["number 249", "number 250", "number 246"]
    page.close()


# ---------------------------------------------------------------- why

WHY = """
insert into agency (name) values ('city');
insert into thing (id, agency, name, title, zone, partition, clock, longitude, latitude)
    values (1, 'city', 'Dongsi', '东四', 'city/dongcheng', 0, 'data', 116.4, 39.9);
insert into datastream (id, thing, name, observed_property, unit, sensor_type, sensor_version, interval_us, last_time,
                        last_result, last_quality)
    values (2, 1, 'PM2.5', 'PM2.5', 'ug/m3', 'air-station', 1, 3600000000, '2015-03-02 12:00+00', 182, 1);
insert into anomaly (id, revision_time, revision_sequence, scope, subject, datastream, agency, thing, thing_name, name, zone,
                     unit, kind, detector, severity, starts_at, detected_at, score, result, expected_low, expected_high,
                     evidence, facts, explanation, explanation_zh, first_received_at)
values
    (11, 0, 0, 'datastream', 2, 2, 'city', 1, 'Dongsi', 'PM2.5', 'city/dongcheng', 'ug/m3', 'spike', 'spike', 'minor',
     '2015-03-01 06:20+00', '2015-03-01 07:20+00', 0.97, 182, 40, 75,
     '[{"name": "own_history", "share": 0.72}, {"name": "neighbours", "share": 0.28}]', '{}',
     'PM2.5 182 µg/m³ at Dongsi, expected 40 to 75; since 2015-03-01 06:20 UTC',
     '东四 PM2.5 182 µg/m³，预期 40 至 75；自 2015-03-01 06:20 UTC 起', now()),
    (12, 0, 0, 'thing', 1, null, 'city', 1, 'Dongsi', '*', 'city/dongcheng', '1', 'contamination', 'contamination', 'major',
     '2015-03-01 06:20+00', '2015-03-01 07:20+00', 0.9, null, null, null, '[]', '{}', 'Dongsi: water', '', now()),
    (13, 0, 0, 'zone', 9, null, 'city', null, '*', 'PM2.5', 'city/dongcheng', 'ug/m3', 'plume', 'plume', 'critical',
     '2015-03-01 06:20+00', '2015-03-01 07:20+00', 0.9, null, null, 80, '[{"name": "arrival", "share": 1}]',
     '{"from_deg": 315, "speed_km_h": 12.5}', 'A plume of PM2.5 crosses city/dongcheng', '烟羽', now());
insert into alert (id, revision_time, revision_sequence, key, status, severity, scope, subject, datastream, agency, thing,
                   thing_name, name, zone, kind, opened_at, anomalies, summary, summary_zh, historic)
    select id, 0, 0, subject || '|' || kind, 'open', severity, scope, subject, datastream, agency, thing, thing_name, name,
           zone, kind, detected_at, array[id], explanation, explanation_zh, false
    from anomaly;
"""


def test_a_finding_says_why_in_two_languages_whomever_it_is_about(installation: Any, browser: Browser) -> None:
    page = page_over(installation, browser, WHY)
    everything = page.locator("#anomaly-list li")
    expect(everything).to_have_count(3)
    expect(page.locator("h3").filter(has_text="city/dongcheng")).to_contain_text("critical · 1")
    row = page.locator("tr").filter(has_text="Dongsi")
    expect(row).to_contain_text("major · 2")
    everything.filter(has_text="A plume").click()
    expect(page.get_by_role("heading", name="Plume: PM2.5 in city/dongcheng")).to_be_visible()
    facts = page.locator(".facts")
    for said in (
        "what was expectedat most 80 µg/m³",
        "what would be normalat most 80 µg/m³",
        "from deg315",
        "speed km h12.5",
        "score0.90",
    ):
        expect(facts).to_contain_text(said)
    expect(page.locator(".evidence tr")).to_have_text(["arrival100 %"])
    page.locator(".path").get_by_role("link", name="city/dongcheng").click()
    expect(page.locator(".wrongs li")).to_have_text(["critical · A plume of PM2.5 crosses city/dongcheng"])
    page.goto("/things/1")
    expect(page.locator(".wrongs li").filter(has_text="Dongsi")).to_have_count(2)
    expect(page.locator("[data-list=found] tbody tr")).to_have_count(2)
    expect(page.locator("[data-list=found] tbody tr").filter(has_text="the whole Thing")).to_contain_text(
        "contamination"
    )
    page.get_by_role("link", name="spike", exact=True).click()
    expect(page.locator(".evidence th")).to_have_text(["own history", "neighbours"])
    bars = page.locator(".bar rect").all()
    assert [bar.get_attribute("width") for bar in bars] == ["72.0", "28.0"]
    page.get_by_role("link", name="中文").click()
    expect(page.locator('.wrong[lang="zh"]')).to_contain_text(
        "东四 PM2.5 182 µg/m³，预期 40 至 75；自 2015-03-01 06:20 UTC 起"
    )
    page.get_by_role("link", name="the chart of this time").click()
    expect(page).to_have_url(re.compile(r"/datastreams/2\?start="))
    page.goto("/anomalies?scope=zone")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto("/anomalies/14")
    expect(page.get_by_role("alert")).to_contain_text("There is no anomaly of this identity")
    chinese = page_over(installation, browser, locale="zh-CN")
    expect(chinese.locator("#anomaly-list li").filter(has_text="烟羽")).to_have_count(1)
    expect(chinese.locator("#alert-list li").filter(has_text="Dongsi: water")).to_have_count(1)


def page_over(installation: Any, browser: Browser, tables: str = "", **options: Any) -> Page:
    """A page over tables that were filled by hand."""
    import psycopg

    if tables:
        with psycopg.connect(installation.database, autocommit=True) as connection:
            connection.execute(tables)  # type: ignore[call-overload]
        installation.env["AEDILIS_API"] = f"127.0.0.1:{free_port()}"
        installation.start("api", "api")
    address = f"http://{installation.env['AEDILIS_API']}"
    until(lambda: serves(address), "the API does not serve")
    page = browser.new_page(base_url=address, **options)
    page.goto("/")
    page.get_by_label("User").fill("admin")
    page.get_by_label("Password").fill(installation.env["AEDILIS_ADMIN_PASSWORD"])
    page.get_by_role("button", name="Log in").click()
    return page


def follow(page: Page, link: str, rows: str) -> list[str]:
    """The texts of all pieces of a list."""
    seen: list[str] = []
    while True:
        seen += page.locator(rows).all_inner_texts()
        more = page.get_by_role("link", name=link)
        if not more.count():
            return seen
        more.click()


# ---------------------------------------------------------------- sensor types


def test_a_sensor_type_is_changed_where_it_is_shown_and_restored(show: Watched, city: City) -> None:
    shipped = load_types()["air-station"].version
    page = show("/types")
    expect(page.locator("[data-key=market-hall]")).to_contain_text("1,140")
    page.get_by_role("link", name="air-station").click()
    expect(page.locator("tr", has_text="PM10")).to_contain_text("0 to 1000")
    text, verdict = page.get_by_label("Declaration"), page.locator(".verdict")
    apply = page.get_by_role("button", name="Apply")
    expect(verdict).to_contain_text("what the version above says")
    usual = text.input_value()
    text.fill(usual.replace('unit = "mm"', 'unit = "cm"'))
    expect(verdict).to_contain_text(f"Datastream 'RAIN' is in mm since version {shipped}")
    expect(apply).to_be_disabled()
    text.fill(usual.replace("suspect = [0, 120]", "suspect = [0, 110]"))
    expect(verdict).to_contain_text(
        f"As air-station@{shipped + 1} it would change:property RAIN: suspect changed from [0, 120] to [0, 110]"
    )
    apply.click()
    answers = page.locator(".editor .answers")
    expect(answers).to_contain_text(f"air-station@{shipped + 1} is in force, on every process", timeout=30_000)
    expect(answers).to_contain_text("ingest.")
    page.get_by_role("link", name="See it among the versions").click()
    expect(page.locator(".versions tr:has(b)")).to_contain_text("suspect changed from [0, 120] to [0, 110]")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(f"[data-restore='{shipped}']").click()
    expect(page.locator(".outcome")).to_contain_text(
        f"air-station@{shipped} is in force, on every process", timeout=30_000
    )
    expect(page.locator(".versions tr:has(b)")).to_contain_text("first known version")


def test_types_as_json_and_nobody_else_changes_them(city: City, session: Any) -> None:
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in session["cookies"])
    shipped = load_types()["price-board"].version
    listed = {row["name"]: row for row in city.get("/api/v1/types", cookie)[2]}
    assert listed["price-board"]["in_force"] is True
    status, _, told = city.get("/api/v1/types/price-board", cookie)
    assert (status, told["versions"][0]["version"]) == (200, shipped)
    assert told["text"] == city.get(f"/api/v1/types/price-board/versions/{shipped}", cookie)[2]["text"]
    assert city.get(f"/api/v1/types/price-board/diff?old={shipped}", cookie)[2]["changes"] == []
    assert city.get("/api/v1/types/unheard-of", cookie)[0] == 404
    assert "properties" in city.get("/api/v1/types.schema.json", cookie)[2]
    assert city.get("/api/v1/types")[0] == 401
    for origin, path, wanted in (
        ("http://elsewhere.example", "/api/v1/types/price-board/withdraw", 403),
        ("http://elsewhere.example", "/api/v1/types", 403),
        (city.address, "/api/v1/types", 422),
        (city.address, "/api/v1/types/unheard-of/withdraw", 404),
    ):
        body = json.dumps({"text": "name ="}).encode()
        headers = {"cookie": cookie, "origin": origin, "content-type": "application/json"}
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(f"{city.address}{path}", body, headers), timeout=20)
        assert error.value.code == wanted, path


def test_a_group_in_quarantine_becomes_a_type_and_is_read(show: Watched, city: City) -> None:
    for minutes in (20, 15, 10, 5):
        told = {"time": f"{NOW - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}", "temperature": 20 + minutes / 10}
        city.send_raw(f"glasshouse/Bay {minutes % 2 + 1}/climate", json.dumps(told).encode())
    group = "from reject_group where shape like 'glasshouse/%'"
    until(lambda: city.one(f"select coalesce(sum(count), 0) {group}") == 4, "they are in quarantine")
    page = show("/quarantine")
    held = page.locator("details.reject", has_text="glasshouse")
    if held.get_attribute("open") is None:
        held.locator("summary").click()
    held.get_by_role("link", name="Propose a type").click()
    verdict, text = page.locator(".editor .verdict").last, page.get_by_label("Declaration")
    expect(verdict).to_contain_text("Well declared. As climate@1 it would change:climate is new")
    expect(page.locator("#why summary")).to_contain_text("doubtful")
    lines = page.locator("#preview tbody tr")
    expect(lines.filter(has_text="20.5 °C")).to_have_count(1)
    usual = text.input_value()
    text.fill(usual.replace("suspect = [-40, 55]", "suspect = [-40, 21]"))
    expect(lines.filter(has_text="suspect: gross range")).to_have_count(2)
    text.fill(usual.replace("air temperature", "warmth"))
    expect(lines.filter(has_text="warmth")).to_have_count(4)
    page.get_by_label("hours").fill("72")
    page.get_by_role("button", name="Try").click()
    expect(page.locator("#trial")).to_contain_text("4 messages", timeout=20_000)
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".editor .answers")).to_contain_text("climate@1 is in force, on every process", timeout=30_000)
    page.get_by_role("button", name="Send the group again").click()
    expect(page.locator("#outcome")).to_contain_text("Sent again: 4 read", timeout=20_000)
    page.goto("/things?q=Bay")
    page.get_by_role("link", name="Bay 1", exact=True).click()
    expect(cell(page, "warmth")).to_have_text("21")
    expect(page.locator("tbody[data-live=rejects]")).to_contain_text("unknown topic")
