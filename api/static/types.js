// The editor of a sensor type: asks what stands against a text while it is typed, and applies it. Restoring and
// withdrawing ask first. What every process said stays on the page. `infer.js` fills it from samples.
const PAUSE_MS = 350;

export async function post(address, body) {
  try {
    const answer = await fetch(address, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    if (answer.redirected) return { faults: ["you are logged out; log in again in another tab"] };
    const told = await answer.json();
    return told.faults || answer.ok ? told : { faults: [told.detail ?? `the server says ${answer.status}`] };
  } catch {
    return { faults: ["the server cannot be reached; nothing was changed"] };
  }
}

export function element(name, text, look = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = look;
  return made;
}

export function list(title, lines, look = "") {
  const items = document.createElement("ul");
  items.append(...lines.map((line) => element("li", line)));
  return [element("p", title, look), items];
}

function show(place, told, done) {
  const answers = Object.entries(told.answers ?? {});
  if (!told.answers) place.replaceChildren(...list("Refused, nothing was changed:", told.faults, "problem"));
  else if (!answers.length) place.replaceChildren(element("p", `${done}. No process runs now: it counts from their next start.`));
  else {
    const well = answers.every(([, answer]) => answer === "runs");
    const title = well ? `${done}, on every process:` : `${done}, but not on every process:`;
    place.replaceChildren(...list(title, answers.map(([process, answer]) => `${process}: ${answer}`), well ? "" : "problem"));
  }
  return Boolean(told.answers);
}

for (const form of document.querySelectorAll("[data-editor]")) {
  const { text, next, note } = form.elements;
  const button = form.querySelector("button"), verdict = form.querySelector(".verdict");
  const original = text.value;
  let due = null, asked = 0;

  async function check() {
    const number = ++asked;
    if (!text.value.trim()) {
      verdict.replaceChildren(element("p", "A declaration fills this: it is checked while you type.", "note"));
      return;
    }
    const told = await post("/api/v1/types/check", { text: text.value, next: next.checked });
    if (number !== asked) return; // the text is another one by now
    const unchanged = form.dataset.editor && text.value === original;
    button.disabled = !told.ok || Boolean(unchanged);
    text.setAttribute("aria-invalid", String(!told.ok));
    if (!told.ok) verdict.replaceChildren(...list(told.faults.length === 1 ? "One fault:" : `${told.faults.length} faults:`, told.faults, "problem"));
    else if (unchanged) verdict.replaceChildren(element("p", "This is what the version above says.", "note"));
    else if (told.changes.length) verdict.replaceChildren(...list(`Well declared. As ${told.name}@${told.version} it would change:`, told.changes));
    else verdict.replaceChildren(element("p", `Well declared; ${told.name}@${told.version} reads messages as before.`));
  }

  function soon() {
    asked += 1;
    button.disabled = true;
    clearTimeout(due);
    due = setTimeout(check, PAUSE_MS);
  }

  text.addEventListener("input", soon);
  next.addEventListener("change", soon);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const place = form.querySelector(".answers");
    place.replaceChildren(element("p", "Applying; waiting for every process …"));
    const told = await post("/api/v1/types", { text: text.value, next: next.checked, note: note.value });
    if (show(place, told, `${told.name}@${told.version} is in force`)) {
      const link = element("a", "See it among the versions");
      link.href = `/types/${told.name}`;
      place.append(link);
      form.dispatchEvent(new Event("applied"));
    } else check();
  });
  check();
}

for (const button of document.querySelectorAll("[data-restore], [data-withdraw]")) {
  button.addEventListener("click", async () => {
    const { type, restore } = button.dataset;
    const question = restore ? `Read messages of ${type} as version ${restore} says?` : `Stop reading messages of ${type}?`;
    if (!confirm(question)) return;
    button.disabled = true;
    const address = `/api/v1/types/${type}/${restore ? "restore" : "withdraw"}`;
    const told = await post(address, restore ? { version: Number(restore) } : {});
    const done = restore ? `${type}@${restore} is in force` : `${type} is withdrawn`;
    if (show(document.querySelector(".outcome"), told, done)) setTimeout(() => location.reload(), 2_500);
    else button.disabled = false;
  });
}
