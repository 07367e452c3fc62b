// The chart of one Datastream: gaps stay gaps, failed results are marked, anomalies are shaded.
import uPlot from "/static/vendor/uPlot.esm.js";

const place = document.getElementById("chart");
const note = document.getElementById("chart-note");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const quality = { 1: "good", 2: "not evaluated", 3: "suspect", 4: "fail", 9: "missing" };

const answer = await fetch(place.dataset.source);
const data = await answer.json();
if (!answer.ok) { note.textContent = data.detail; } else draw(data);

function draw({ observations, anomalies, interval_us }) {
  const times = [], results = [], failed = [], low = [], high = [];
  const step = Math.max(interval_us / 1e6, observations.length > 1 ? (Date.parse(observations.at(-1).time) - Date.parse(observations[0].time)) / 1e3 / observations.length : 0);
  for (const one of observations) {
    const time = Date.parse(one.time) / 1000;
    if (times.length && time - times.at(-1) > 2.5 * step) { times.push(times.at(-1) + step); results.push(null); failed.push(null); low.push(null); high.push(null); }
    times.push(time);
    results.push(one.quality === 4 ? null : one.result);
    failed.push(one.quality === 4 ? one.result : null);
    low.push(one.low); high.push(one.high);
  }
  const shade = (chart) => {
    const { ctx } = chart;
    ctx.save();
    for (const one of anomalies) {
      const from = chart.valToPos(Date.parse(one.starts_at) / 1000, "x", true);
      const to = chart.valToPos(one.ends_at ? Date.parse(one.ends_at) / 1000 : times.at(-1), "x", true);
      const { left, top, width, height } = chart.bbox;
      const a = Math.max(left, from), b = Math.min(left + width, Math.max(to, from + 2));
      if (b <= a) continue;
      ctx.fillStyle = css(`--${one.severity}`);
      ctx.globalAlpha = 0.14; ctx.fillRect(a, top, b - a, height);
      ctx.globalAlpha = 1; ctx.fillRect(a, top + height - 4, b - a, 4);
    }
    ctx.restore();
  };
  const axis = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line") } };
  const chart = new uPlot({
    width: place.clientWidth - 16, height: 320, tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), "UTC"),
    series: [{ label: "time (UTC)" },
      { label: `${place.dataset.name} (${place.dataset.unit})`, stroke: css("--text"), width: 1.5, spanGaps: false, points: { show: times.length < 300, size: 4 } },
      { label: "failed", stroke: css("--critical"), paths: () => null, points: { show: true, size: 7 } },
      { label: "lowest", show: true, stroke: "transparent", points: { show: false } },
      { label: "highest", show: true, stroke: "transparent", points: { show: false } }],
    bands: [{ series: [4, 3], fill: css("--band") }],
    axes: [axis, { ...axis, size: 60 }],
    hooks: { drawClear: [shade] },
  }, [times, results, failed, low, high], place);
  place.dataset.points = observations.length;
  addEventListener("resize", () => chart.setSize({ width: place.clientWidth - 16, height: 320 }));
  const missing = observations.filter((one) => one.result === null).length;
  note.textContent = observations.length ? `${observations.length} points, ${missing} without a result, ${anomalies.length} anomalies shaded. Times are UTC. Drag to zoom, double-click to return.` : "No observation lies in this span.";
  const body = document.querySelector("#values tbody");
  for (const one of observations.slice(-500)) {
    const row = body.insertRow();
    row.insertCell().textContent = one.time;
    const cell = row.insertCell(); cell.className = "figure"; cell.textContent = one.result === null ? "no value" : one.result;
    row.insertCell().textContent = quality[one.quality] ?? one.quality;
  }
}
