// Curves of a dossier: least and greatest value of each bucket, drawn by uPlot. More than what is seen is kept, so
// that scrolling draws at once and asks the server only when it comes near an edge.

import { timeAxis } from "./time_axis.js";

const box = document.getElementById("curves");
if (box) start();

function start() {
  const words = JSON.parse(box.dataset.words), baselines = JSON.parse(box.dataset.baselines);
  const permits = JSON.parse(box.dataset.permits).map((permit) => ({ since: Date.parse(permit.from) / 1e3, until: Date.parse(permit.to) / 1e3, name: words[permit.kind] }));
  const zone = box.dataset.zone, now = Number(box.dataset.now), label = document.getElementById("span");
  const day = 86400, shortest = 60, longest = 20 * 365 * day;
  let seen = { since: now - 30 * day, until: now + day / 4 };
  let held = null, charts = [], asking = null, timer = 0;

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const moment = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, dateStyle: "medium", timeStyle: "short" });
  const hues = ["--accent", "--orange", "--good", "--red", "--dim"];

  function view(since, until) {
    const span = Math.min(longest, Math.max(shortest, until - since)), middle = (since + until) / 2;
    seen = { since: middle - span / 2, until: middle + span / 2 };
    label.textContent = `${moment.format(seen.since * 1e3)} – ${moment.format(seen.until * 1e3)}`;
    for (const chart of charts) chart.plot.setScale("x", { min: seen.since, max: seen.until });
    clearTimeout(timer);
    timer = setTimeout(load, held ? 120 : 0);
  }

  function enough() {
    if (!held) return false;
    const span = seen.until - seen.since, width = box.clientWidth || 600;
    return held.since <= seen.since && held.until >= Math.min(seen.until, now + day) && span / held.bucket_s >= Math.min(width / 4, 150) && held.bucket_s <= Math.max(1, span / (width / 6));
  }

  async function load() {
    if (enough()) return;
    const span = seen.until - seen.since;
    const since = Math.max(0, Math.floor(seen.since - span)), until = Math.ceil(Math.max(seen.until + span, seen.since + 1));
    const points = Math.min(4000, Math.max(100, Math.round((box.clientWidth || 600) / 2) * 3));
    if (asking) asking.abort();
    asking = new AbortController();
    box.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${box.dataset.url}?${new URLSearchParams({ since, until, points })}`, { signal: asking.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      held = await answer.json();
      draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!charts.length) box.textContent = words.failed;
    }
    box.removeAttribute("aria-busy");
  }

  // Curves of one quantity share a chart; each sensor has two series, least and greatest, with a band between.
  function draw() {
    const kinds = new Map();
    for (const curve of held.series) kinds.set(curve.quantity, [...(kinds.get(curve.quantity) || []), curve]);
    if (!kinds.size && !charts.length) { box.textContent = words.none; box.dataset.drawn = "0"; return; }
    const same = charts.length === kinds.size && charts.every((chart) => kinds.has(chart.quantity) && kinds.get(chart.quantity).length === chart.sensors);
    if (!same) { for (const chart of charts) chart.plot.destroy(); box.replaceChildren(); charts = []; }
    for (const [quantity, curves] of kinds) {
      const data = table(curves);
      const chart = charts.find((c) => c.quantity === quantity);
      if (chart) { chart.plot.setData(data, false); continue; }
      const figure = box.appendChild(document.createElement("figure")), caption = figure.appendChild(document.createElement("figcaption"));
      caption.textContent = `${curves[0].name}${curves[0].unit ? ` [${curves[0].unit}]` : ""}`;
      charts.push({ quantity, sensors: curves.length, caption, plot: plot(figure, quantity, curves, data) });
    }
    for (const chart of charts) {
      const values = kinds.get(chart.quantity);
      if (!values) continue;
      let low = Infinity, high = -Infinity;
      for (const curve of values) curve.t.forEach((t, i) => { if (t >= seen.since && t <= seen.until) { low = Math.min(low, curve.min[i]); high = Math.max(high, curve.max[i]); } });
      chart.caption.textContent = `${values[0].name}${values[0].unit ? ` [${values[0].unit}]` : ""}` + (low <= high ? ` · ${words.range.replace("{low}", Number(low.toPrecision(4))).replace("{high}", Number(high.toPrecision(4)))}` : "");
    }
    for (const chart of charts) chart.plot.setScale("x", { min: seen.since, max: seen.until });
    box.dataset.drawn = String(charts.length);
  }

  function table(curves) {
    const times = [...new Set(curves.flatMap((curve) => curve.t))].sort((a, b) => a - b), row = new Map(times.map((t, i) => [t, i]));
    const columns = [times];
    for (const curve of curves) {
      const low = new Array(times.length).fill(undefined), high = new Array(times.length).fill(undefined);
      curve.t.forEach((t, i) => { low[row.get(t)] = curve.min[i]; high[row.get(t)] = curve.max[i]; });
      columns.push(high, low);
    }
    return columns;
  }

  function plot(figure, quantity, curves, data) {
    const series = [{}], bands = [];
    curves.forEach((curve, i) => {
      const stroke = () => css(hues[i % hues.length]);
      const points = { show: (u) => u.data[0].length < 200, size: 4 };
      series.push({ label: `${curve.sensor_id} max`, stroke, width: 1.5, points, spanGaps: curves.length > 1 }, { label: `${curve.sensor_id} min`, stroke, width: 1.5, points, spanGaps: curves.length > 1 });
      bands.push({ series: [2 * i + 1, 2 * i + 2], fill: () => `${css(hues[i % hues.length])}33` });
    });
    const axis = { stroke: () => css("--dim"), grid: { stroke: () => css("--line"), width: 1 }, ticks: { stroke: () => css("--line") }, font: "13px system-ui, sans-serif" };
    const made = new uPlot({
      width: figure.clientWidth || 600, height: 190, series, bands, axes: [{ ...axis, values: timeAxis }, { ...axis, size: 64 }],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), zone),
      legend: { show: false }, cursor: { drag: { x: false, y: false }, sync: { key: "dossier" } },
      scales: { x: { time: true }, y: { range: (u, low, high) => low == null ? [0, 1] : padded(low, high, quantity, curves) } },
      hooks: { drawClear: [(u) => under(u)], draw: [(u) => over(u, quantity, curves)] },
    }, data, figure);
    made.over.setAttribute("aria-hidden", "true");
    handle(made.over);
    new ResizeObserver(() => made.setSize({ width: figure.clientWidth, height: 190 })).observe(figure);
    return made;
  }

  function padded(low, high, quantity, curves) {
    for (const curve of curves) { const base = (baselines[curve.sensor_id] || {})[quantity]; if (base !== undefined) { low = Math.min(low, base); high = Math.max(high, base); } }
    const room = (high - low) * .08 || Math.abs(high) * .05 || 1;
    return [low - room, high + room];
  }

  function under(u) {
    const paint = u.ctx, { top, height, left, width } = u.bbox;
    const bar = (since, until, colour, strip) => {
      const a = Math.max(left, u.valToPos(since, "x", true)), b = Math.min(left + width, Math.max(u.valToPos(until, "x", true), u.valToPos(since, "x", true) + 2));
      if (b < left || a > left + width || b <= a) return;
      paint.fillStyle = colour; paint.globalAlpha = .2; paint.fillRect(a, top, b - a, height);
      paint.globalAlpha = 1; if (strip) paint.fillRect(a, top, b - a, 5 * devicePixelRatio);
    };
    paint.save();
    for (const permit of permits) bar(permit.since, permit.until, css("--dim"), false);
    for (const alarm of held.alarms) bar(alarm.since / 1e6, (alarm.until ?? now * 1e6) / 1e6, css(`--${alarm.severity}`), true);
    paint.restore();
  }

  function over(u, quantity, curves) {
    const paint = u.ctx, { left, width } = u.bbox;
    const line = (value, colour, text) => {
      const y = u.valToPos(value, "y", true);
      if (!(y >= u.bbox.top && y <= u.bbox.top + u.bbox.height)) return;
      paint.strokeStyle = paint.fillStyle = colour; paint.setLineDash([8, 6]); paint.lineWidth = 1.5;
      paint.beginPath(); paint.moveTo(left, y); paint.lineTo(left + width, y); paint.stroke(); paint.setLineDash([]);
      paint.font = `${12 * devicePixelRatio}px sans-serif`; paint.textAlign = "right"; paint.fillText(text, left + width - 4, y - 4);
    };
    paint.save();
    for (const curve of curves) {
      const base = (baselines[curve.sensor_id] || {})[quantity];
      if (base !== undefined) line(base, css("--dim"), `${words.baseline} ${base.toPrecision(4)}`);
    }
    // A dot where an alarm's evidence was measured.
    const unit = curves[0].unit;
    for (const alarm of held.alarms) {
      if (alarm.value === null || alarm.unit !== unit || !alarm.sensor_ids.some((id) => curves.some((curve) => curve.sensor_id === id))) continue;
      const x = u.valToPos(alarm.since / 1e6, "x", true), y = u.valToPos(alarm.value, "y", true);
      if (!(x >= left && x <= left + width)) continue;
      paint.fillStyle = css(`--${alarm.severity}`); paint.strokeStyle = css("--ink"); paint.lineWidth = 1.5 * devicePixelRatio;
      paint.beginPath(); paint.arc(x, Math.min(Math.max(y, u.bbox.top + 5), u.bbox.top + u.bbox.height - 5), 5 * devicePixelRatio, 0, 2 * Math.PI); paint.fill(); paint.stroke();
    }
    paint.restore();
  }

  // Drag to scroll, wheel to zoom, two fingers as the browser does.
  function handle(over) {
    let from = null;
    over.addEventListener("pointerdown", (event) => { if (event.button === 0) { from = { x: event.clientX, ...seen }; over.setPointerCapture(event.pointerId); } });
    over.addEventListener("pointermove", (event) => {
      if (!from) return;
      const by = (event.clientX - from.x) / over.clientWidth * (from.until - from.since);
      view(from.since - by, from.until - by);
    });
    for (const end of ["pointerup", "pointercancel"]) over.addEventListener(end, () => { from = null; });
    over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return; // a bare wheel scrolls the page
      event.preventDefault();
      const share = event.offsetX / over.clientWidth, span = seen.until - seen.since, factor = event.deltaY > 0 ? 1.25 : .8;
      const at = seen.since + share * span;
      view(at - share * span * factor, at + (1 - share) * span * factor);
    }, { passive: false });
  }

  function pressed(button) { for (const other of document.querySelectorAll("[data-days]")) other.setAttribute("aria-pressed", String(other === button)); }
  for (const button of document.querySelectorAll("[data-days]")) button.addEventListener("click", () => { pressed(button); view(now - Number(button.dataset.days) * day, now + Number(button.dataset.days) * day / 100); });
  for (const button of document.querySelectorAll("[data-step]")) button.addEventListener("click", () => { const by = (seen.until - seen.since) / 2 * Number(button.dataset.step); view(seen.since + by, seen.until + by); });
  for (const button of document.querySelectorAll("button[data-since]")) button.addEventListener("click", () => {
    pressed(null);
    const since = Number(button.dataset.since), until = Number(button.dataset.until), room = Math.max(3600, (until - since) * .5);
    view(since - room, until + room);
    document.getElementById("h-curves").scrollIntoView({ block: "start" });
  });
  view(seen.since, seen.until);
  window.jingqiaoCurves = { view, seen: () => seen };
}
