// From samples to a sensor type: proposes, checks while one types, shows what each sample would become, tries the type
// on recorded traffic and puts it in force. Every answer is the server's; here it is only shown.
const form = document.getElementById("onboarding");
const samples = document.getElementById("samples"), text = document.getElementById("text");
const said = document.getElementById("said"), faults = document.getElementById("faults");
const WAIT_MS = 400;
let due = null, asked = 0;

function read() {
  return samples.value.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const gap = line.search(/[\s]/);
    const [topic, rest] = gap < 0 ? ["samples", line] : [line.slice(0, gap), line.slice(gap).trim()];
    return /^hex:[0-9a-f]+$/i.test(rest) ? { topic, payload_hex: rest.slice(4) } : { topic, payload: rest };
  });
}

async function post(what, body) {
  const answer = await fetch(`/api/v1/types/${what}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const content = await answer.json().catch(() => ({ detail: `the server answered ${answer.status}` }));
  if (!answer.ok && answer.status !== 422) throw new Error(content.detail || `the server answered ${answer.status}`);
  return { ok: answer.ok, ...content };
}

function element(name, content, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

function fill(place, rows, empty, columns) {
  const body = document.querySelector(`#${place} tbody`);
  body.replaceChildren(...rows);
  if (!rows.length) {
    const cell = element("td", empty, "empty");
    cell.colSpan = columns;
    body.append(element("tr", cell));
  }
}

function showFaults(list) {
  faults.replaceChildren(...list.map((one) => element("li", typeof one === "string" ? one : one.said)));
  faults.hidden = !list.length;
}

function showGuesses(guesses) {
  fill("guesses", guesses.map((guess) => element("tr", [
    element("td", element("code", guess.path)),
    element("td", typeof guess.value === "string" ? guess.value : JSON.stringify(guess.value)),
    element("td", guess.confidence.toFixed(2), guess.confidence < 0.5 ? "figure unknown" : "figure"),
    element("td", guess.why, "said"),
  ])), "Nothing was proposed yet.", 4);
}

function showPreview(read) {
  const rows = [];
  for (const one of read) {
    const about = `${one.number + 1}. ${one.topic}`;
    if (one.refused) rows.push(element("tr", [element("td", about), element("td", "refused", "problem"), element("td", ""), element("td", one.refused, "said")]));
    for (const o of one.observations) rows.push(element("tr", [
      element("td", about), element("td", `${o.thing} · ${o.datastream}`), element("td", o.result === null ? "missing" : `${o.result} ${o.unit}`, "figure"),
      element("td", `${o.time} · ${o.quality}${o.tests.length ? ` (${o.tests.join(", ")})` : ""}`, "said"),
    ]));
    for (const r of one.rejects) rows.push(element("tr", [element("td", about), element("td", "reject", "problem"), element("td", ""), element("td", `${r.reason.replaceAll("_", " ")}: ${r.detail} ${r.path ?? ""}`, "said")]));
    if (!one.refused && !one.observations.length && !one.rejects.length) rows.push(element("tr", [element("td", about), element("td", "tells nothing to store"), element("td", ""), element("td", "an announcement")]));
  }
  fill("preview", rows, "Paste samples to see what each would become.", 4);
}

async function work(what, doing) {
  const number = ++asked;
  said.textContent = `${what} …`;
  try {
    const done = await doing();
    if (number === asked) said.textContent = done;
  } catch (error) {
    if (number === asked) said.textContent = `${what}: ${error.message}`;
  }
}

function propose() {
  return work("proposing", async () => {
    const list = read();
    if (!list.length) return "Paste at least one sample: topic, a space, payload.";
    const answer = await post("infer", { samples: list, name: form.elements.name.value || undefined, format: form.elements.format.value || undefined });
    if (!answer.ok) { showFaults([answer.detail]); return "nothing to propose"; }
    text.value = answer.text;
    showGuesses(answer.guesses);
    await check();
    return `proposed as ${answer.format.name} (${answer.format.why})`;
  });
}

async function check() {
  if (!text.value.trim()) return;
  const answer = await post("preview", { text: text.value, samples: read() });
  showFaults(answer.faults ?? []);
  if (answer.samples) showPreview(answer.samples);
}

function edited() {
  clearTimeout(due);
  due = setTimeout(() => work("checking", async () => { await check(); return faults.hidden ? "well declared" : "faults: see below"; }), WAIT_MS);
}

function attempt() {
  return work("trying on recorded traffic", async () => {
    const answer = await post("try", { text: text.value, hours: Number(form.elements.hours.value) || 24 });
    showFaults(answer.faults ?? []);
    if (answer.report) document.getElementById("report").textContent = answer.report;
    return answer.report ? "tried" : "not tried";
  });
}

function apply() {
  return work("applying", async () => {
    const answer = await post("apply", { text: text.value });
    showFaults(answer.faults ?? []);
    return answer.ok ? `in force: ${answer.name}@${answer.version}` : "refused";
  });
}

document.getElementById("propose").addEventListener("click", propose);
document.getElementById("try").addEventListener("click", attempt);
document.getElementById("apply").addEventListener("click", apply);
text.addEventListener("input", edited);
samples.addEventListener("input", edited);
form.addEventListener("submit", (event) => event.preventDefault());
if (samples.value.trim() && !text.value.trim()) propose();
