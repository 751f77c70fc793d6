// Listens to /events: refreshes the live part of a page after changes, shows how fresh the data is,
// and says loudly when it is not. Only pages with a [data-live] part refresh themselves.

import { serverTime, startCounting } from "./ages.js";

const STALE_MS = 30_000; // the rules judge every second or so; after this long, something is wrong
const LOST_MS = 15_000; // the server sends something every five seconds
const REST_MS = 1_500; // at most one refresh in this time, however much happens

const bar = () => document.getElementById("alarm-bar");
const asOf = () => document.getElementById("as-of");

let version = Number(document.body.dataset.version); // what the page was drawn from
let heardAt = performance.now();
let state = null;
let refreshedAt = 0;
let waiting = false;

export function listen() {
  const source = new EventSource("/events");
  source.addEventListener("state", (event) => {
    heardAt = performance.now();
    state = JSON.parse(event.data);
    serverTime(state.now);
    if (version !== state.version) refresh();
    version = state.version;
    show();
  });
  setInterval(show, 1000);
  startCounting();
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.matches("[data-live]")) restoreFocus();
  });
  // A server that restarted counts from one again; a page that slept through changes must catch up.
  source.addEventListener("error", () => { version = -1; });
}

function show() {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: document.body.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const stamp = state && state.as_of ? format.format(state.as_of) : "–";
  if (state) asOf().textContent = stamp;
  const silent = performance.now() - heardAt;
  let words = "";
  if (silent > LOST_MS) words = document.body.dataset.lost;
  else if (state && state.as_of && state.now - state.as_of > STALE_MS && !state.driven) words = document.body.dataset.stale;
  const wanted = words ? words.replace("{at}", stamp) : "";
  if (bar().textContent !== wanted) bar().textContent = wanted;
  bar().hidden = !words;
}

function refresh() {
  if (waiting) return;
  waiting = true;
  const rest = Math.max(0, REST_MS - (performance.now() - refreshedAt)) + Math.random() * 300;
  setTimeout(function go() {
    if (busy()) { setTimeout(go, 1000); return; }
    waiting = false;
    refreshedAt = performance.now();
    rememberFocus();
    document.body.dispatchEvent(new CustomEvent("jingqiao:changed"));
  }, rest);
}

// Whoever is choosing or writing in the live part must not lose it.
function busy() {
  const focused = document.activeElement;
  const live = focused && focused.closest("[data-live]");
  return Boolean(live && (focused.matches("input:not([type=hidden]), select, textarea") || live.querySelector("details[open] form, dialog[open]")));
}

let focusedId = null;
function rememberFocus() {
  const focused = document.activeElement;
  focusedId = focused && focused.closest("[data-live]") ? focused.id || focused.closest("[id]").id : null;
}
function restoreFocus() {
  if (!focusedId) return;
  const same = document.getElementById(focusedId);
  if (same) (same.matches("a, button, input, select, textarea, summary") ? same : same.querySelector("a, button") || same).focus({ preventScroll: true });
  focusedId = null;
}
