// Keeps a page true while it is open. The server says when something was stored; then the same address is asked for
// again, and what is marked in it is taken over in place: `data-live` elements, and the rows of `data-list`. Nothing
// that is being read moves: new rows wait behind a button, rows that are gone stay and say so, the focus stays.
const QUIET_MS = 25_000; // the server says something every ten seconds
const BETWEEN_MS = 2_000; // between two refreshes
const state = document.getElementById("live");
let versions = "", source = null, heard = 0, lostSince = null, retryMs = 1_000;
let due = null, running = false, wanted = false, pressed = false;

// ---------------------------------------------------------------- is it live?

function clock() {
  const zone = document.documentElement.dataset.zone;
  return new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
}

function lost(why) {
  versions = ""; // whatever is heard next is news
  lostSince ??= clock();
  const text = `not live since ${lostSince}: ${why}`;
  if (state.textContent !== text) state.textContent = text;
  state.classList.add("lost");
}

function alive() {
  lostSince = null;
  if (state.textContent !== "live") state.textContent = "live";
  state.classList.remove("lost");
}

function connect() {
  source?.close();
  heard = Date.now();
  source = new EventSource("/live");
  source.addEventListener("versions", (event) => {
    heard = Date.now();
    retryMs = 1_000;
    hear(event.data);
  });
  source.addEventListener("error", () => {
    lost("connection lost, trying again");
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, 15_000);
  });
}

function hear(text) {
  const now = JSON.parse(text);
  if (now.problem) { lost(now.problem); return; }
  alive();
  for (const place of document.querySelectorAll("[data-count]")) place.textContent = now[place.dataset.count] || "";
  if (text === versions) return;
  versions = text;
  ask(); // at the first word too: something may have come since the page was made
}

setInterval(() => {
  if (Date.now() - heard > QUIET_MS) { lost("nothing heard from the server"); connect(); }
}, 5_000);
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => { if (event.persisted) { connect(); ask(); } });
document.addEventListener("visibilitychange", () => { if (!document.hidden && wanted) ask(); });
for (const [name, down] of [["pointerdown", true], ["pointerup", false], ["pointercancel", false]]) {
  addEventListener(name, () => { pressed = down; }, true);
}

// ---------------------------------------------------------------- refresh in place

function ask() {
  wanted = true;
  if (due === null && !running && !document.hidden) due = setTimeout(refresh, BETWEEN_MS);
}

async function refresh() {
  due = null;
  if (pressed || document.hidden) { ask(); return; }
  running = true;
  wanted = false;
  const [answer, text] = await fetched(location.href);
  running = false;
  if (answer?.redirected && new URL(answer.url).pathname === "/login") lost("you are logged out; load the page again");
  else if (answer?.ok) take(new DOMParser().parseFromString(text, "text/html"));
  else versions = "";
  document.dispatchEvent(new CustomEvent("stored"));
  if (wanted) ask();
}

// Nothing while the server is away: the stream tells when it is back, and then all is asked for again.
async function fetched(address) {
  try {
    const answer = await fetch(address);
    return [answer, await answer.text()];
  } catch {
    return [null, ""];
  }
}

function take(fresh) {
  for (const place of document.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${CSS.escape(place.dataset.live)}"]`);
    if (other) replace(place, other);
  }
  for (const list of document.querySelectorAll("[data-list]")) {
    const other = fresh.querySelector(`[data-list="${CSS.escape(list.dataset.list)}"]`);
    if (other) compare(list, other);
  }
}

function replace(place, other) {
  const looks = other.getAttribute("class") ?? "";
  if (place.innerHTML === other.innerHTML && (place.getAttribute("class") ?? "") === looks) return;
  const flash = "flash" in place.dataset && place.textContent !== other.textContent;
  const within = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const scrolled = place.scrollTop;
  place.setAttribute("class", looks);
  place.replaceChildren(...[...other.childNodes].map((node) => document.importNode(node, true)));
  place.scrollTop = scrolled;
  if (within) place.querySelector(`[href="${CSS.escape(within)}"]`)?.focus({ preventScroll: true });
  if (flash) {
    place.classList.add("changed");
    place.addEventListener("animationend", () => place.classList.remove("changed"), { once: true });
  }
}

function keyed(list) {
  return new Map([...list.querySelectorAll("[data-key]")].map((row) => [row.dataset.key, row]));
}

function compare(list, other) {
  const shown = keyed(list), now = keyed(other);
  const adopt = () => {
    replace(list, other);
    for (const attribute of other.attributes) list.setAttribute(attribute.name, attribute.value);
    button.hidden = true;
    filter();
  };
  const button = document.querySelector(`[data-newer="${CSS.escape(list.dataset.list)}"]`);
  for (const [key, row] of shown) {
    const same = now.get(key);
    if (same && !("still" in row.dataset)) replace(row, same);
    if (!same && list.dataset.gone && !("full" in list.dataset) && !row.classList.contains("past")) {
      row.classList.add("past");
      row.querySelector(".kind")?.append(` · ${list.dataset.gone}`);
    }
  }
  const fresh = [...now.keys()].filter((key) => !shown.has(key)).length;
  if (!shown.size && now.size) { adopt(); return; } // nothing was being read
  button.hidden = fresh === 0;
  button.textContent = `${fresh} new, show`;
  button.onclick = adopt;
}

// ---------------------------------------------------------------- time passes

function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  for (const [size, word] of [[31_536_000, "years"], [86_400, "days"], [3_600, "h"], [60, "min"]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${word} ago`;
  }
  return "just now";
}
setInterval(() => {
  for (const place of document.querySelectorAll("time[data-ago]")) {
    const text = ago(Date.parse(place.dateTime));
    if (place.textContent !== text) place.textContent = text;
  }
}, 10_000);

// ---------------------------------------------------------------- search and keys

const search = document.getElementById("search");
function filter() {
  if (!search) return;
  const words = search.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("[data-name]")) row.hidden = !row.dataset.name.includes(words);
  for (const group of document.querySelectorAll(".zone")) group.hidden = !group.querySelector("[data-name]:not([hidden])");
}
search?.addEventListener("input", filter);

let goAt = 0;
addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && search) { event.preventDefault(); search.focus(); search.select(); return; }
  if (event.key === "g") { goAt = Date.now(); return; }
  if (Date.now() - goAt < 1500) {
    goAt = 0;
    document.querySelector(`[data-go="${CSS.escape(event.key)}"]`)?.click();
    return;
  }
  if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll(".list a, .rows td a")].filter((link) => link.checkVisibility());
    const at = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, at + (event.key === "j" ? 1 : -1)))]?.focus();
  }
});

connect();
