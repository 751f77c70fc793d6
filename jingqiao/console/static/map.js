// The map's page: Leaflet for moving about, one canvas for everything that is drawn, the server for counting.
import { CityLayer } from "./map_layer.js";

const box = document.getElementById("map");
const words = JSON.parse(box.dataset.words);
const tiles = box.dataset.tiles ? JSON.parse(box.dataset.tiles) : null;
const district = document.getElementById("map-district");
const alerting = document.getElementById("map-alerting");
const follow = document.getElementById("map-follow");
const list = document.getElementById("map-list");

const map = L.map(box, {
  zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, // office PCs have no GPU
  minZoom: 3, maxZoom: 21, worldCopyJump: false, attributionControl: Boolean(tiles && tiles.attribution),
});
if (map.attributionControl) map.attributionControl.setPrefix(false);
L.control.scale({ imperial: false }).addTo(map);
if (tiles) L.tileLayer(tiles.url, { maxZoom: 21, maxNativeZoom: tiles.max_zoom, attribution: tiles.attribution }).addTo(map);

const city = new CityLayer({
  words,
  graticule: !tiles,
  layers: () => [...document.querySelectorAll("[data-layer]")].filter((tick) => tick.checked).map((tick) => ({ name: tick.dataset.layer, kind: tick.dataset.kind })),
  question: () => ({ district: district.value, alerting: alerting.checked }),
  open: (id) => location.assign(`/assets/${encodeURIComponent(id)}`),
});

const place = /^#(\d+)\/(-?[\d.]+)\/(-?[\d.]+)$/.exec(location.hash);
const bounds = box.dataset.bounds ? JSON.parse(box.dataset.bounds) : null;
if (place) map.setView([Number(place[2]), Number(place[3])], Number(place[1]));
else if (bounds && (bounds[0] !== bounds[2] || bounds[1] !== bounds[3])) map.fitBounds([[bounds[1], bounds[0]], [bounds[3], bounds[2]]], { maxZoom: 18 });
else if (bounds) map.setView([bounds[1], bounds[0]], 17);
else map.setView([30.39, 114.89], 11);
city.addTo(map);
box.setAttribute("role", "application");
box.setAttribute("aria-label", document.querySelector(".city-map").getAttribute("aria-label"));

function asked() {
  const query = new URLSearchParams({ district: district.value });
  if (follow.checked) {
    const b = map.getBounds();
    query.set("bbox", [Math.max(-180, b.getWest()), Math.max(-90, b.getSouth()), Math.min(180, b.getEast()), Math.min(90, b.getNorth())].map((n) => n.toFixed(6)).join(","));
  }
  return `/map/list?${query}`;
}
function renew() { htmx.ajax("GET", asked(), { target: list, swap: "innerHTML" }); }

let listed = 0;
map.on("moveend", () => {
  const c = map.getCenter();
  history.replaceState(null, "", `#${map.getZoom()}/${c.lat.toFixed(5)}/${c.lng.toFixed(5)}`);
  if (follow.checked) { clearTimeout(listed); listed = setTimeout(renew, 300); }
});
district.addEventListener("change", () => { city.refresh(); renew(); });
alerting.addEventListener("change", () => city.refresh());
follow.addEventListener("change", renew);
for (const tick of document.querySelectorAll("[data-layer]")) tick.addEventListener("change", () => city.refresh());
document.body.addEventListener("jingqiao:changed", () => { city.refresh(); renew(); });
list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show-at]");
  if (!button) return;
  const [lng, lat] = button.dataset.showAt.split(",").map(Number);
  city.mark([lat, lng]);
  map.setView([lat, lng], Math.max(map.getZoom(), 17));
  box.scrollIntoView({ block: "nearest" });
});
window.jingqiaoMap = map; // for tests and the curious
