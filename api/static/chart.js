// The chart of one Datastream: gaps stay gaps, what failed, is suspect or missing has a mark of its own, expected bands
// are grey, anomalies are shaded. Without an `end` in its source it follows the data.
import uPlot from "/static/vendor/uPlot.esm.js";

const TABLE_ROWS = 500;
const HEIGHT = 320;
const place = document.getElementById("chart");
const note = document.getElementById("chart-note");
const { source, name, unit } = place.dataset;
const shapes = JSON.parse(place.dataset.shapes);
const zone = document.documentElement.dataset.zone;
const css = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
const seconds = (text) => Date.parse(text) / 1000;
const local = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
const label = unit ? `${name} (${unit})` : name;
// By the distance of ticks (s): what each says, and what the first one of a year or day says below it.
const WHEN = [[31_536_000, "{YYYY}"], [2_419_200, "{MMM}", "\n{YYYY}"], [86_400, "{D} {MMM}", "\n{YYYY}"],
  [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}"], [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}"],
].map((row) => [...row, ...Array(8 - row.length).fill(null), 1]);
// A column of results, its name, its colour and its shape in a square of 2; what is missing stands on the axis.
const MARKS = [[2, "failed", "--critical", "M-1-1L1 1M-1 1L1-1"], [3, "suspect", "--minor", "M0-1L1 .8L-1 .8Z"]];
const MISSING = ["--silent", "M0-1A1 1 0 1 1-.01-1Z"];
let chart = null, thinned = false, anomalies = [], end = 0, said = [], missing = [];

const isMissing = (one) => one.result === null && one.failed === null;
const failedWhole = (one) => one.failed !== null && one.count === 1;

// What is known of an observation's quality: the flag, the tests that spoke, the device's own word.
function words(one) {
  const tests = one.tests_said.length ? `: ${one.tests_said.join(", ")}` : "";
  return one.quality_word + tests + (one.raw_flag === null ? "" : `; the device says ${one.raw_flag}`);
}

// Columns for uPlot. A null before and after the data spans the whole time that was asked for; one after a gap breaks the line.
function columns({ observations, start, end, interval_us, bucket_us }) {
  const table = Array.from({ length: thinned ? 7 : 5 }, () => []), times = table[0];
  said = []; missing = [];
  const push = (...values) => { table.forEach((column, index) => column.push(values[index] ?? null)); said.push(null); };
  const step = Math.max(interval_us, bucket_us ?? 0) / 1e6;
  const first = observations.length ? seconds(observations[0].time) : Infinity;
  if (seconds(start) < first) push(seconds(start));
  for (const one of observations) {
    const time = seconds(one.time);
    if (times.length && time - times.at(-1) > 2.5 * step) push(times.at(-1) + step);
    push(time, failedWhole(one) ? null : one.result, one.failed, one.suspect, null, one.low, one.high);
    said[said.length - 1] = words(one);
    if (isMissing(one)) missing.push(time);
  }
  if (times.length && seconds(end) > times.at(-1)) push(seconds(end));
  return table;
}

function shade(u) {
  const { ctx, bbox: { left, top, width, height } } = u;
  const right = left + width;
  const x = (moment) => u.valToPos(moment, "x", true);
  ctx.save();
  ctx.beginPath(); ctx.rect(left, top, width, height); ctx.clip();
  for (const one of anomalies) {
    const from = x(seconds(one.starts_at)), to = Math.max(x(one.ends_at ? seconds(one.ends_at) : end), from + 2);
    if (to < left || from > right) continue;
    ctx.fillStyle = css(`--${one.severity}`);
    ctx.globalAlpha = 0.14; ctx.fillRect(from, top, to - from, height);
    ctx.globalAlpha = 1; ctx.fillRect(from, top + height - 4, to - from, 4);
    const scale = (14 * devicePixelRatio) / 20;
    const at = Math.max(from, left);
    ctx.translate(at, top + height - 4 - 22 * scale); ctx.scale(scale, scale); ctx.fill(new Path2D(shapes[one.severity]));
    ctx.scale(1 / scale, 1 / scale); ctx.translate(-at, -(top + height - 4 - 22 * scale));
    if (one.expected_low === null || one.expected_high === null) continue;
    const upper = u.valToPos(one.expected_high, "y", true), lower = u.valToPos(one.expected_low, "y", true);
    ctx.fillStyle = css("--band"); ctx.fillRect(from, upper, to - from, Math.max(lower - upper, 2));
  }
  ctx.restore();
}

// Shape and place say what colour says.
function mark(u) {
  const { ctx, bbox: { left, top, width, height } } = u;
  const draw = (x, y, colour, shape) => {
    if (x < left || x > left + width) return;
    const size = 4.5 * devicePixelRatio;
    ctx.setTransform(size, 0, 0, size, x, y);
    ctx.lineWidth = 0.45; ctx.strokeStyle = css(colour); ctx.stroke(new Path2D(shape));
  };
  ctx.save();
  for (const [index, , colour, shape] of MARKS)
    u.data[index].forEach((value, at) => {
      if (value !== null) draw(u.valToPos(u.data[0][at], "x", true), u.valToPos(value, "y", true), colour, shape);
    });
  for (const time of missing) draw(u.valToPos(time, "x", true), top + height - 8 * devicePixelRatio, ...MISSING);
  ctx.restore();
}

// The scale of values takes in the expected bands that are drawn, so that a result stands beside what was expected.
function between(u, low, high) {
  for (const one of anomalies) {
    if (one.expected_low === null || one.expected_high === null) continue;
    low = Math.min(low ?? one.expected_low, one.expected_low);
    high = Math.max(high ?? one.expected_high, one.expected_high);
  }
  return uPlot.rangeNum(low ?? 0, high ?? 1, 0.1, true);
}

function make(data) {
  const axis = { stroke: () => css("--soft"), grid: { stroke: () => css("--line"), width: 1 }, ticks: { stroke: () => css("--line") } };
  const bound = { stroke: "transparent", points: { show: false } };
  return new uPlot({
    width: place.clientWidth - 16, height: HEIGHT, tzDate: (time) => uPlot.tzDate(new Date(time * 1e3), zone),
    scales: { y: { range: between } },
    series: [{ label: `time (${zone})`, value: (_, time) => (time === null ? "–" : local.format(time * 1e3)) },
      { label, stroke: () => css("--text"), width: 1.5, spanGaps: false, points: { show: (u) => u.data[0].length < 100, size: 4 } },
      ...MARKS.map(([, label, colour]) => ({ label, stroke: () => css(colour), paths: () => null, points: { show: false } })),
      { label: "quality", ...bound, value: (u, value, series, at) => said[at] ?? "–" },
      ...(thinned ? [{ label: "lowest", ...bound }, { label: "highest", ...bound }] : [])],
    bands: thinned ? [{ series: [6, 5], fill: () => css("--soft") + "59" }] : [],
    axes: [{ ...axis, values: WHEN }, { ...axis, size: 64 }],
    hooks: { drawClear: [shade], draw: [mark] },
  }, data, place);
}

function tell({ observations, bucket_us, anomalies }) {
  place.dataset.points = observations.length;
  const counted = Object.entries({
    "without a result": isMissing, failed: (one) => one.failed !== null, suspect: (one) => one.suspect !== null,
  }).map(([word, is]) => [observations.filter(is).length, word]).filter(([number]) => number)
    .map(([number, word]) => `, ${number.toLocaleString("en")} ${word}`).join("");
  const kind = bucket_us ? `means of ${Math.round(bucket_us / 1e6).toLocaleString("en")} s` : "observations";
  const text = observations.length
    ? `${observations.length.toLocaleString("en")} ${kind}${counted}, ${anomalies.length === 1 ? "1 anomaly" : `${anomalies.length} anomalies`}. Times are ${zone}. Drag to zoom, double-click to return.`
    : "No observation lies in this span. Choose a longer one, or an earlier one.";
  if (note.textContent !== text) note.textContent = text;
  const body = document.querySelector("#values tbody");
  const rows = observations.slice(-TABLE_ROWS).reverse().map((one) => {
    const row = document.createElement("tr");
    row.insertCell().textContent = local.format(Date.parse(one.time));
    const cell = row.insertCell();
    cell.className = `figure ${isMissing(one) ? "unknown" : failedWhole(one) ? "failed" : one.suspect !== null ? "suspect" : ""}`;
    cell.textContent = one.result ?? one.failed ?? "no value";
    row.insertCell().textContent = one.quality_word;
    row.insertCell().textContent = one.tests_said.join(", ");
    row.insertCell().textContent = one.raw_flag ?? "";
    return row;
  });
  if (observations.length > TABLE_ROWS) {
    const row = document.createElement("tr"), cell = row.insertCell();
    cell.colSpan = 5; cell.className = "empty";
    cell.textContent = `and ${(observations.length - TABLE_ROWS).toLocaleString("en")} earlier ones: choose a shorter span`;
    rows.push(row);
  }
  body.replaceChildren(...rows);
}

async function show() {
  let answer, got;
  try {
    answer = await fetch(source);
    got = await answer.json();
  } catch {
    note.textContent = "The server cannot be reached; the chart comes when it is back.";
    return;
  }
  if (!answer.ok) { note.textContent = got.detail; return; }
  anomalies = got.anomalies;
  end = seconds(got.end);
  if (chart && thinned !== (got.bucket_us !== null)) { chart.destroy(); chart = null; }
  thinned = got.bucket_us !== null;
  const data = columns(got);
  if (chart === null) chart = make(data);
  else {
    const { min, max } = chart.scales.x, times = chart.data[0];
    const zoomed = times.length && (min > times[0] || max < times.at(-1));
    chart.setData(data, !zoomed);
    if (zoomed) chart.redraw();
  }
  tell(got);
}

addEventListener("resize", () => chart?.setSize({ width: place.clientWidth - 16, height: HEIGHT }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart?.redraw(false));
if (!new URLSearchParams(source.split("?")[1]).has("end")) document.addEventListener("stored", show);
await show();
