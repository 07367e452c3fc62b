// Tells that something new was stored without moving what is being read, and gives every page its keys.
const live = document.getElementById("live");
let first = null;
const events = new EventSource("/live");
events.addEventListener("versions", (event) => {
  const now = JSON.parse(event.data);
  if (now.problem) { live.textContent = now.problem; return; }
  if (first === null) first = now;
  const fresh = now.anomalies - first.anomalies + now.alerts - first.alerts;
  live.textContent = fresh > 0 ? "" : "live";
  if (fresh > 0) {
    const show = document.createElement("button");
    show.textContent = `${fresh} new, show`;
    show.addEventListener("click", () => location.reload());
    live.append(show);
  }
});
events.addEventListener("error", () => { live.textContent = "not live: connection lost"; });
addEventListener("pagehide", () => events.close());

const search = document.getElementById("search");
if (search) search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("tr[data-name]")) row.hidden = !row.dataset.name.includes(wanted);
});

let gone = 0;
addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && search) { event.preventDefault(); search.focus(); return; }
  if (event.key === "g") { gone = Date.now(); return; }
  if (Date.now() - gone < 1000) {
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) link.click();
    return;
  }
  if (event.key === "j" || event.key === "k") {
    const rows = [...document.querySelectorAll(".list a, .rows a")];
    const at = rows.indexOf(document.activeElement);
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))];
    if (next) next.focus();
  }
});
