// Curves of a bridge: strain against temperature, residual, CUSUM with its limit; a section at a time.
import { timeAxis } from "./time_axis.js";

const box = document.getElementById("course");
if (box) {
  const words = JSON.parse(box.dataset.words), zone = box.dataset.zone, hues = 8;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const hue = (i) => css(`--h${i % hues + 1}`);
  let section = document.querySelector("[data-section]").dataset.section, days = 30, gauges = [], plots = [];

  async function load() {
    box.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${box.dataset.url}?days=${days}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      gauges = (await answer.json()).gauges;
      draw();
    } catch {
      box.replaceChildren(note(words.failed));
    }
    box.removeAttribute("aria-busy");
  }

  function note(text) { const line = document.createElement("p"); line.textContent = text; return line; }

  function draw() {
    for (const plot of plots) plot.destroy();
    plots = [];
    box.replaceChildren();
    const shown = gauges.filter((gauge) => gauge.section === section);
    legend(shown);
    const since = Number(box.dataset.now) - days * 86400, judged = shown.map((gauge) => (gauge.days || []).map((day, i) => [day, gauge.residual_ue[i], gauge.cusum[i]]));
    const newest = Math.max(...judged.flat().map((row) => row[0]), 0), first = Math.min(since, newest - days * 86400);
    const recent = judged.map((rows) => rows.filter((row) => row[0] >= first));
    chart(words.scatter, "µε", shown.map((gauge) => (gauge.t || []).map((_, i) => [gauge.temperature_c[i], gauge.strain_ue[i]]).filter((pair) => pair[0] !== null)), { time: false, dots: true, limits: [] });
    chart(words.residual, "µε", recent.map((rows) => rows.map((row) => [row[0], row[1]])), { time: true, dots: false, limits: [0] });
    const limit = Math.max(...shown.map((gauge) => gauge.cusum_limit || 0), 0);
    chart(words.cusum, "σ", recent.map((rows) => rows.map((row) => [row[0], row[2]])), { time: true, dots: false, limits: limit ? [limit, -limit] : [] });
    box.dataset.drawn = String(plots.length);
  }

  function legend(shown) {
    document.getElementById("legend").replaceChildren(...shown.map((gauge, i) => {
      const line = document.createElement("li"), patch = document.createElement("span");
      patch.className = `hue hue-${i % hues + 1}`;
      line.append(patch, gauge.sensor_id + (gauge.model === "learning" ? ` (${words.learning})` : ""));
      return line;
    }));
  }

  function chart(title, unit, lines, { time, dots, limits }) {
    const figure = box.appendChild(document.createElement("figure")), caption = figure.appendChild(document.createElement("figcaption"));
    caption.textContent = `${title} [${unit}]`;
    if (!lines.some((line) => line.length)) { figure.append(note(words.none)); return; }
    const xs = [...new Set(lines.flat().map((pair) => pair[0]))].sort((a, b) => a - b), place = new Map(xs.map((x, i) => [x, i]));
    const data = [xs, ...lines.map((line) => { const column = new Array(xs.length).fill(null); for (const [x, y] of line) column[place.get(x)] = y; return column; })];
    const series = [{}, ...lines.map((_, i) => dots
      ? { stroke: () => hue(i), fill: () => hue(i), paths: () => null, points: { show: true, size: 3, width: 0, fill: () => hue(i) } }
      : { stroke: () => hue(i), width: 2, spanGaps: true, points: { show: data[0].length < 40, size: 5 } })];
    const axis = { stroke: () => css("--dim"), grid: { stroke: () => css("--line"), width: 1 }, ticks: { stroke: () => css("--line") }, font: "13px system-ui, sans-serif" };
    const values = lines.flat().map((pair) => pair[1]).concat(limits), low = Math.min(...values), high = Math.max(...values), room = (high - low) * .08 || 1;
    const plot = new uPlot({
      width: figure.clientWidth || 400, height: 240, series, legend: { show: false }, cursor: { drag: { x: false, y: false } },
      axes: [{ ...axis, values: time ? timeAxis : (_, ticks) => ticks.map((tick) => `${tick} °C`) }, { ...axis, size: 56 }],
      scales: { x: { time }, y: { range: () => [low - room, high + room] } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), zone),
      hooks: { draw: [(u) => bounds(u, limits)] },
    }, data, figure);
    plot.over.setAttribute("aria-hidden", "true");
    new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: 240 })).observe(figure);
    plots.push(plot);
  }

  function bounds(u, limits) {
    const paint = u.ctx, { left, width } = u.bbox;
    paint.save();
    for (const limit of limits) {
      const y = u.valToPos(limit, "y", true);
      paint.strokeStyle = css(limit ? "--bad" : "--dim");
      paint.lineWidth = 1.5 * devicePixelRatio;
      paint.setLineDash(limit ? [8, 6] : []);
      paint.beginPath(); paint.moveTo(left, y); paint.lineTo(left + width, y); paint.stroke();
    }
    paint.restore();
  }

  function pressed(buttons, button) { for (const other of buttons) other.setAttribute("aria-pressed", String(other === button)); }
  const sections = document.querySelectorAll("[data-section]"), spans = document.querySelectorAll("[data-days]");
  for (const button of sections) button.addEventListener("click", () => { pressed(sections, button); section = button.dataset.section; draw(); });
  for (const button of spans) button.addEventListener("click", () => { pressed(spans, button); days = Number(button.dataset.days); load(); });
  load();
}
