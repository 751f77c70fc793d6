// One canvas above the tiles: graticule, imported lines, clusters and covers. It is drawn when a move ends and
// shifted with the map meanwhile, so that panning costs nothing; it reaches beyond the edges of the screen.

const PAD = 0.4; // of the screen, on each side
const STATES = ["unwatched", "quiet", "sensor", "silent", "blue", "yellow", "orange", "red"];
const LINES = { outline: ["--dim", 2, [6, 4]], road: ["--line", 3, []], rain: ["--blue", 1.5, []], sewage: ["--orange", 1.5, []], water: ["--good", 1.5, []], gas: ["--yellow", 2, []], power: ["--red", 1.5, []], telecom: ["--accent", 1.5, [3, 3]], heat: ["--bad", 1.5, []], other: ["--dim", 1.5, []] };
const FIRST_ALERT = 2;

const shapes = STATES.map((state) => {
  const path = document.querySelector(`#map-${state} path`);
  return { path: new Path2D(path.getAttribute("d")), rule: path.getAttribute("fill-rule") || "nonzero" };
});

export const CityLayer = L.Layer.extend({
  initialize(options) {
    L.setOptions(this, options);
    this._data = { clusters: [], points: [] };
    this._lines = new Map();
    this._marked = null;
  },

  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "city-canvas", this.getPane());
    this._canvas.setAttribute("aria-hidden", "true");
    map.on("moveend resize", this._moved, this);
    map.on("click", this._clicked, this);
    map.on("mousemove", this._hovered, this);
    this._theme = matchMedia("(prefers-color-scheme: dark)");
    this._theme.addEventListener("change", () => this._draw());
    this.refresh();
  },

  onRemove(map) {
    map.off("moveend resize", this._moved, this);
    map.off("click", this._clicked, this);
    map.off("mousemove", this._hovered, this);
    this._canvas.remove();
  },

  // Asks anew for everything that is in view.
  refresh() { this._asked = null; this._moved(); },

  mark(latlng) { this._marked = L.latLng(latlng); this._draw(); },

  _moved() {
    this._draw();
    const zoom = this._map.getZoom(), seen = this._map.getBounds();
    if (this._asked && this._asked.zoom === zoom && this._asked.bounds.contains(seen)) return;
    const bounds = seen.pad(PAD);
    this._asked = { zoom, bounds };
    if (this._abort) this._abort.abort();
    this._abort = new AbortController();
    this._fetch(zoom, bounds, this._abort.signal);
  },

  async _fetch(zoom, bounds, signal) {
    const clip = (value, most) => Math.max(-most, Math.min(most, value)).toFixed(6);
    const view = { west: clip(bounds.getWest(), 180), east: clip(bounds.getEast(), 180), south: clip(bounds.getSouth(), 90), north: clip(bounds.getNorth(), 90), zoom };
    const get = async (url, more) => {
      const answer = await fetch(`${url}?${new URLSearchParams({ ...view, ...more })}`, { signal });
      if (answer.status === 401 || answer.redirected) location.reload();
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return answer.json();
    };
    try {
      const question = this.options.question();
      const chosen = this.options.layers();
      const [data, ...lines] = await Promise.all([
        get("/map/view", { district: question.district, alerting: question.alerting }),
        ...chosen.map((layer) => get(`/map/layers/${layer.name}`, {}).catch((error) => { if (error.name === "AbortError") throw error; return null; })),
      ]);
      data.points.sort((a, b) => a[2] - b[2]);
      data.clusters.sort((a, b) => a[3] - b[3]);
      this._data = data;
      this._lines = new Map(chosen.map((layer, i) => [layer.name, { kind: layer.kind, data: lines[i] }]));
      this._draw();
      this._map.getContainer().dataset.ready = String(zoom);
    } catch (error) {
      if (error.name !== "AbortError") this._asked = null; // the next move asks again
    }
  },

  _draw() {
    const map = this._map, size = map.getSize(), ratio = Math.min(devicePixelRatio || 1, 2);
    const pad = size.multiplyBy(PAD / 2).round(), whole = size.add(pad.multiplyBy(2));
    const corner = map.containerPointToLayerPoint([-pad.x, -pad.y]);
    const canvas = this._canvas;
    if (canvas.width !== whole.x * ratio || canvas.height !== whole.y * ratio) {
      canvas.width = whole.x * ratio; canvas.height = whole.y * ratio;
      canvas.style.width = `${whole.x}px`; canvas.style.height = `${whole.y}px`;
    }
    L.DomUtil.setPosition(canvas, corner);
    const paint = canvas.getContext("2d");
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, whole.x, whole.y);
    paint.translate(-corner.x, -corner.y);
    const style = getComputedStyle(document.documentElement);
    this._colour = (name) => style.getPropertyValue(name).trim();
    this._region = L.bounds(corner, corner.add(whole));
    if (this.options.graticule) this._graticule(paint);
    for (const layer of this._lines.values()) if (layer.data) this._network(paint, layer);
    this._hits = [];
    for (const cluster of this._data.clusters) this._cluster(paint, cluster);
    for (const point of this._data.points) this._point(paint, point);
    if (this._marked) this._ring(paint, map.latLngToLayerPoint(this._marked));
  },

  _graticule(paint) {
    const map = this._map, west = map.layerPointToLatLng(this._region.min), east = map.layerPointToLatLng(this._region.max);
    const wanted = (east.lng - west.lng) / 8;
    const step = [10, 5, 2, 1, .5, .2, .1, .05, .02, .01, .005, .002, .001, .0005, .0002, .0001, .00005].find((s) => s <= wanted) || .00005;
    paint.strokeStyle = this._colour("--line"); paint.fillStyle = this._colour("--dim");
    paint.lineWidth = 1; paint.setLineDash([]); paint.font = "11px sans-serif";
    const digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const seen = map.containerPointToLayerPoint([4, 0]), low = map.containerPointToLayerPoint([0, map.getSize().y - 6]);
    paint.beginPath();
    for (let lng = Math.ceil(west.lng / step) * step; lng < east.lng; lng += step) {
      const x = Math.round(map.latLngToLayerPoint([0, lng]).x) + .5;
      paint.moveTo(x, this._region.min.y); paint.lineTo(x, this._region.max.y);
      paint.fillText(`${lng.toFixed(digits)}°`, x + 3, seen.y + 12);
    }
    for (let lat = Math.ceil(east.lat / step) * step; lat < west.lat; lat += step) {
      const y = Math.round(map.latLngToLayerPoint([lat, 0]).y) + .5;
      paint.moveTo(this._region.min.x, y); paint.lineTo(this._region.max.x, y);
      if (y < low.y - 30) paint.fillText(`${lat.toFixed(digits)}°`, seen.x + 50, y - 3);
    }
    paint.stroke();
  },

  _network(paint, { kind, data }) {
    const [colour, width, dash] = LINES[kind] || LINES.other;
    const scale = 2 ** (this._map.getZoom() - data.zoom), origin = this._map.getPixelOrigin();
    paint.strokeStyle = this._colour(colour); paint.lineWidth = width; paint.setLineDash(dash); paint.lineJoin = "round";
    paint.beginPath();
    for (const line of data.lines) {
      let x = line[0], y = line[1];
      paint.moveTo(x * scale - origin.x, y * scale - origin.y);
      for (let i = 2; i < line.length; i += 2) {
        x += line[i]; y += line[i + 1];
        paint.lineTo(x * scale - origin.x, y * scale - origin.y);
      }
    }
    paint.stroke();
    paint.setLineDash([]);
  },

  _cluster(paint, [lng, lat, count, state, alerts]) {
    const at = this._map.latLngToLayerPoint([lat, lng]);
    const radius = 12 + 2.6 * Math.log10(count + 1) * 1.8;
    paint.beginPath(); paint.arc(at.x, at.y, radius, 0, 2 * Math.PI);
    paint.fillStyle = this._colour("--panel"); paint.fill();
    paint.lineWidth = state >= FIRST_ALERT ? 4 : 1.5; paint.strokeStyle = this._colour(this._hue(state)); paint.stroke();
    paint.fillStyle = this._colour("--ink"); paint.textAlign = "center"; paint.textBaseline = "middle";
    paint.font = "600 13px system-ui, 'Noto Sans CJK SC', sans-serif";
    paint.fillText(this._short(count), at.x, at.y);
    if (alerts) {
      this._shape(paint, state, at.x + radius * .75, at.y - radius * .75, 11);
      paint.fillStyle = state === 5 ? "#1d1800" : state <= 3 ? this._colour("--ink") : "#fff"; paint.font = "700 11px system-ui, sans-serif";
      paint.fillText(this._short(alerts), at.x + radius * .75, at.y - radius * .75 + (state === 6 ? 3 : 0));
    }
    paint.textAlign = "start"; paint.textBaseline = "alphabetic";
    this._hits.push({ at, radius, count, alerts, latlng: L.latLng(lat, lng) });
  },

  _point(paint, [lng, lat, state, id, name]) {
    const at = this._map.latLngToLayerPoint([lat, lng]);
    if (!this._region.contains(at)) return;
    const radius = state >= FIRST_ALERT ? 10 : 7;
    this._shape(paint, state, at.x, at.y, radius);
    this._hits.push({ at, radius: radius + 3, id, name, state, latlng: L.latLng(lat, lng) });
  },

  _shape(paint, state, x, y, radius) {
    paint.save();
    paint.translate(x - radius, y - radius); paint.scale(radius / 12, radius / 12);
    if (state === 2 || state === 3) { paint.fillStyle = this._colour("--panel"); paint.fillRect(4, 4, 16, 16); }
    paint.fillStyle = this._colour(this._hue(state));
    paint.fill(shapes[state].path, shapes[state].rule);
    if (state > 3) { paint.lineWidth = 1.5; paint.strokeStyle = this._colour("--ink"); paint.stroke(shapes[state].path); }
    paint.restore();
  },

  _ring(paint, at) {
    paint.beginPath(); paint.arc(at.x, at.y, 18, 0, 2 * Math.PI);
    paint.lineWidth = 4; paint.strokeStyle = this._colour("--accent"); paint.stroke();
  },

  _hue(state) { return { 0: "--dim", 1: "--good", 2: "--ink", 3: "--ink" }[state] || `--${STATES[state]}`; },

  _short(count) {
    if (this.options.words.myriad && count >= 10000) return `${(count / 10000).toFixed(count < 1e5 ? 1 : 0)}万`;
    if (count >= 1e6) return `${(count / 1e6).toFixed(1)}M`;
    if (count >= 10000) return `${Math.round(count / 1000)}k`;
    return String(count);
  },

  _under(event) {
    const at = event.layerPoint;
    return (this._hits || []).filter((hit) => hit.at.distanceTo(at) <= hit.radius).reverse();
  },

  _clicked(event) {
    const hits = this._under(event);
    if (!hits.length) return;
    const covers = hits.filter((hit) => hit.id);
    if (!covers.length) { this._map.setView(hits[0].latlng, Math.min(this._map.getZoom() + 2, this._map.getMaxZoom())); return; }
    if (covers.length === 1) { this.options.open(covers[0].id); return; }
    const rows = document.createElement("ul");
    for (const cover of covers.slice(0, 12)) {
      const row = rows.appendChild(document.createElement("li")), link = row.appendChild(document.createElement("a"));
      link.href = `/assets/${encodeURIComponent(cover.id)}`;
      link.textContent = `${cover.name || cover.id} · ${this.options.words.states[cover.state]}`;
    }
    L.popup().setLatLng(event.latlng).setContent(rows).openOn(this._map);
  },

  _hovered(event) {
    const hit = this._under(event)[0], box = this._map.getContainer();
    box.style.cursor = hit ? "pointer" : "";
    const words = this.options.words;
    box.title = !hit ? "" : hit.id ? `${hit.name || hit.id} · ${words.states[hit.state]}` : words.count.replace("{count}", hit.count) + (hit.alerts ? ` · ${words.alerts.replace("{count}", hit.alerts)}` : "");
  },
});
