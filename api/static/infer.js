// From samples to a sensor type: proposes a text for the editor, shows what each sample would become under the text that
// stands there, and what recorded traffic would. Checking and applying is the editor's own affair (`types.js`).
import { element, list, post } from "/static/types.js";

const PAUSE_MS = 350;
const MOST_LINES = 300; // of the preview
const DOUBTFUL = 0.5;
const zone = document.documentElement.dataset.zone;
const local = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
const form = document.getElementById("samples-form"), samples = document.getElementById("samples");
const proposed = document.getElementById("proposed"), why = document.getElementById("why");
const editor = document.querySelector("[data-editor]"), text = editor.elements.text;
const preview = document.querySelector("#preview tbody"), previewNote = document.getElementById("preview-note");
const asIs = (number) => (number === null ? "–" : Number(number.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 6 }));
const words = (name) => name.replaceAll("_", " ");

const received = new Map(JSON.parse(samples.dataset.received).map((at, number) => [samples.value.split("\n")[number].trim(), at]));

// A topic may hold spaces: what looks like JSON begins the payload, else the first space does. A line of JSON that names
// its topic is a message as the API takes it.
function messages() {
  return samples.value.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    if (line.startsWith('{"topic"')) { try { return JSON.parse(line); } catch { /* then it is a topic of its own kind */ } }
    const [, topic, rest] = /^(.*?\S)\s+([{[].*)$/.exec(line) ?? /^(\S+)\s*(.*)$/.exec(line);
    const content = /^hex:([0-9a-f]{2}\s?)+$/i.test(rest) ? { payload_hex: rest.slice(4) } : { payload: rest };
    return { topic, received_at: received.get(line) ?? null, ...content };
  });
}

function row(cells, kind = "") {
  const made = element("tr", "", kind);
  made.append(...cells.map(([content, look = "", label = ""]) => {
    const cell = element("td", "", look);
    cell.append(content);
    if (label) cell.dataset.label = label;
    return cell;
  }));
  return made;
}

// ---------------------------------------------------------------- propose

function named(topic) {
  const levels = topic.toLowerCase().split("/").map((level) => level.replace(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+|-+$/g, ""));
  return levels.filter((level) => level.length > 1).at(-1) ?? "new-type";
}

async function propose() {
  const sent = messages(), { name, agency, format } = form.elements;
  if (!sent.length || !form.reportValidity()) return;
  name.value ||= named(sent[0].topic).slice(0, 49);
  proposed.replaceChildren(element("p", "Proposing …"));
  const told = await post("/api/v1/types/infer", { samples: sent, name: name.value, agency: agency.value, format: format.value || null });
  if (!told.text) { proposed.replaceChildren(...list("Nothing could be proposed:", told.faults, "problem")); return; }
  proposed.replaceChildren(element("p", `Read as ${told.format.title}: ${told.format.why}.`));
  text.value = told.text;
  text.dispatchEvent(new Event("input"));
  explain(told.guesses, told.text.split("[[properties]]").slice(1).map((part) => /^name = "(.*)"/m.exec(part)?.[1]));
}

function explain(guesses, properties) {
  const doubtful = guesses.filter((guess) => guess.confidence < DOUBTFUL).length;
  why.querySelector("summary").textContent = `Why it was proposed so: ${guesses.length} guesses, ${doubtful ? `${doubtful} of them doubtful` : "none doubtful"}`;
  why.hidden = false;
  why.open = matchMedia("(min-width: 801px)").matches;
  why.querySelector("tbody").replaceChildren(...guesses.sort((a, b) => a.confidence - b.confidence).map((guess) => {
    const made = row([
      [`${Math.round(guess.confidence * 100)} %`, `figure${guess.confidence < DOUBTFUL ? " lacking" : ""}`, "sure"],
      [element("code", guess.path), "name"], [guess.why, "said"],
    ]);
    const of = properties[/^\$\.properties\[(\d+)\]/.exec(guess.path)?.[1]];
    const value = typeof guess.value === "string" ? guess.value : JSON.stringify(guess.value);
    made.cells[1].append(element("div", of && of !== value ? `${of}: ${value}` : value));
    return made;
  }));
}

form.addEventListener("submit", (event) => { event.preventDefault(); propose(); });

// ---------------------------------------------------------------- what each sample would become

let due = null, asked = 0;

async function show() {
  const number = ++asked, sent = messages();
  if (!text.value.trim() || !sent.length) return;
  const told = await post("/api/v1/types/preview", { text: text.value, samples: sent });
  if (number !== asked) return; // text or samples are others by now
  preview.parentElement.classList.toggle("past", !told.samples && preview.querySelector("[data-sample]") !== null);
  if (!told.samples) {
    const old = preview.querySelector("[data-sample]") ? " This is what the last text without faults made of them." : "";
    previewNote.textContent = `The declaration has faults; they stand above.${old}`;
    return;
  }
  const count = told.samples.reduce((sum, one) => sum + one.observations.length, 0);
  const without = told.samples.filter((one) => !one.observations.length).length;
  previewNote.textContent = `${count.toLocaleString("en")} observations of ${told.samples.length} samples`
    + (without ? `; ${without} ${without === 1 ? "gives" : "give"} none.` : ".");
  const lines = told.samples.flatMap(sampleRows);
  if (lines.length > MOST_LINES) {
    const more = row([[`and ${(lines.length - MOST_LINES).toLocaleString("en")} more lines: paste fewer samples to see them`, "empty"]]);
    more.firstChild.colSpan = 5;
    lines.splice(MOST_LINES, Infinity, more);
  }
  preview.replaceChildren(...lines);
}

function sampleRows(one) {
  const head = element("tr", "", "piece"), title = element("th", "");
  title.colSpan = 5;
  title.append(`${one.number + 1} · `, element("code", one.topic));
  if (!one.observations.length && !one.refused && !one.rejects.length) title.append(" tells nothing to store: an announcement");
  head.dataset.sample = one.number;
  head.append(title);
  const wrong = [...(one.refused ? [one.refused] : []), ...one.rejects].map((problem) => {
    const said = row([[element("b", `${one.refused ? "refused" : "reject"}: ${words(problem.reason)}`, "problem"), "said"]]);
    said.firstChild.append(`, ${problem.detail}${problem.path ? ` at ${problem.path}` : ""}`);
    said.firstChild.colSpan = 5;
    return said;
  });
  return [head, ...wrong, ...one.observations.map((o) => {
    const looks = { suspect: " suspect", fail: " failed" }[o.quality] ?? "";
    const tests = o.tests.length ? `: ${o.tests.map(words).join(", ")}` : "";
    return row([
      [o.thing, "name"], [o.datastream, "", ""],
      [o.result === null ? "missing" : `${asIs(o.result)} ${o.unit_said}`, `figure${o.result === null ? " unknown" : looks}`],
      [local.format(Date.parse(o.time)), "when"],
      [`${words(o.quality)}${tests}${o.raw_flag === null ? "" : `; the device says ${o.raw_flag}`}`],
    ]);
  })];
}

function soon() {
  asked += 1;
  clearTimeout(due);
  due = setTimeout(show, PAUSE_MS);
}
text.addEventListener("input", soon);
samples.addEventListener("input", soon);

// ---------------------------------------------------------------- what recorded traffic would become

const tryForm = document.getElementById("try-form"), tried = document.getElementById("tried"), trial = document.getElementById("trial");

tryForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!text.value.trim()) { tried.textContent = "There is no declaration yet: propose one, or paste one."; return; }
  const button = tryForm.querySelector("button"), hours = Number(tryForm.elements.hours.value);
  button.disabled = true;
  tried.textContent = "Trying …";
  const told = await post("/api/v1/types/try", { text: text.value, hours });
  button.disabled = false;
  tried.textContent = "";
  if (!told.new) trial.replaceChildren(...list("It could not be tried:", told.faults, "problem"));
  else if (!told.new.messages) trial.replaceChildren(element("p", `No message of the last ${hours} h has a topic of this form. Try more hours, or look at the topic.`, "empty"));
  else trial.replaceChildren(...report(told));
});

function table(heads, rows) {
  const made = element("table", "", "cards"), head = made.createTHead().insertRow();
  head.append(...heads.map(([name, kind = ""]) => element("th", name, kind)));
  made.createTBody().append(...rows);
  return made;
}

function report({ new: now, old, difference }) {
  const line = (what, of) => row([
    [what, "name"], [of(now).toLocaleString("en"), "figure", old ? "here" : ""],
    ...(old ? [[of(old).toLocaleString("en"), "figure", "in force"], [signed(of(now) - of(old)), "figure", "change"]] : []),
  ]);
  const each = (part, head) => [...new Set([...Object.keys(now[part]), ...Object.keys(old?.[part] ?? {})])].map((name) => line(head + words(name), (one) => one[part][name] ?? 0));
  const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
  const rows = [
    line("messages", (one) => one.messages), line("Things", (one) => one.things),
    ...each("refused", "refused whole: "), ...each("rejects", "reject: "),
    line("observations", (one) => one.observations), ...each("quality", "of these "), ...each("tests", "test that spoke: "),
    ...each("anomalies", "anomalies: "), line("alerts opened", (one) => sum(one.alerts)),
  ];
  const heads = [["what came of it"], ["as written here", "figure"], ...(old ? [[`in force, version ${old.version}`, "figure"], ["change", "figure"]] : [])];
  const properties = Object.entries(now.properties).map(([name, one]) => row([
    [name, "name"], [one.unit_said], [one.observations.toLocaleString("en"), "figure", "observations"], [asIs(one.minimum), "figure", "lowest"],
    [asIs(one.mean), "figure", "mean"], [asIs(one.maximum), "figure", "highest"],
    [one.observations ? `${Math.round((one.good / one.observations) * 100)} %` : "–", "figure", "good"], [one.missing.toLocaleString("en"), "figure", "missing"],
  ]));
  const tables = element("div", "", "tables");
  tables.append(table(heads, rows), table([["property"], ["unit"], ["observations", "figure"], ["lowest", "figure"], ["mean", "figure"], ["highest", "figure"], ["good", "figure"], ["missing", "figure"]], properties));
  const examples = [...Object.values(now.reject_examples), ...Object.values(now.anomaly_examples)].flat();
  const days = now.days >= 0.1 ? `, ${asIs(sum(now.alerts) / now.days)} alerts a day` : "";
  return [
    element("p", `${now.messages.toLocaleString("en")} messages of ${asIs(now.days * 24)} h${days}.`),
    ...(difference ? told(difference) : [element("p", "No version of it is in force, so there is nothing to compare with.", "note")]),
    tables,
    ...(examples.length ? list("Examples of what was rejected and found:", examples.slice(0, 20)) : []),
  ];
}

function told(difference) {
  const { same, changed, only_new, only_old, changed_examples, new_datastreams, gone_datastreams } = difference;
  const some = (names) => names.slice(0, 10).join(", ") + (names.length > 10 ? ` and ${names.length - 10} more` : "");
  const lines = [
    ...changed_examples,
    ...(new_datastreams.length ? [`new Datastreams: ${some(new_datastreams)}`] : []),
    ...(gone_datastreams.length ? [`Datastreams that would get nothing any more: ${some(gone_datastreams)}`] : []),
  ];
  const title = [[same, "stay the same"], [changed, "get another result"], [only_new, "are new"], [only_old, "are gone"]]
    .map(([number, what]) => `${number.toLocaleString("en")} ${what}`).join(", ");
  return lines.length ? list(`Of the observations ${title}:`, lines) : [element("p", `Of the observations ${title}.`)];
}

const signed = (number) => (number ? `${number > 0 ? "+" : "−"}${Math.abs(number).toLocaleString("en")}` : "–");

// ---------------------------------------------------------------- begin

editor.addEventListener("applied", () => {
  const again = document.getElementById("again");
  if (again) again.hidden = false;
});
if (samples.value.trim() && !text.value.trim()) propose();
