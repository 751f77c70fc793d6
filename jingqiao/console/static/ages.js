// Lets ages and limits count on between two refreshes, by the server's clock.

let serverMs = null;
let heardAt = 0;

export function serverTime(ms) {
  serverMs = ms;
  heardAt = performance.now();
  count();
}

export function startCounting() { setInterval(count, 1000); }

function count() {
  if (serverMs === null) return;
  const now = serverMs + (performance.now() - heardAt);
  const units = JSON.parse(document.body.dataset.units);
  for (const age of document.querySelectorAll("time[data-since]")) write(age, inWords(now - Number(age.dataset.since), units));
  for (const limit of document.querySelectorAll("[data-due]")) {
    const left = Number(limit.dataset.due) - now;
    limit.classList.toggle("late", left < 0);
    write(limit, (left < 0 ? limit.dataset.late : limit.dataset.left).replace("{t}", inWords(Math.abs(left), units)));
  }
}

function write(element, words) { if (element.textContent !== words) element.textContent = words; }

// The same steps as on the server (templates_.age_text).
function inWords(ms, units) {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 1) return units.seconds.replace("{n}", Math.floor(Math.max(0, ms) / 1000));
  if (minutes < 120) return units.minutes.replace("{n}", minutes);
  if (minutes < 48 * 60) return units.hours.replace("{n}", Math.floor(minutes / 60));
  return units.days.replace("{n}", Math.floor(minutes / (24 * 60)));
}
