// New incidents make themselves known: a sound, the window's title, a number on the icon.

const AGAIN_MS = 20_000; // how often the sound comes back while a red incident is unanswered
const KEY = "jingqiao-sound";

let audio = null;
let newest = null;
let lastSound = 0;
const title = document.title;

export function announce() {
  const board = document.querySelector("[data-announce]");
  if (!board) return;
  read();
  document.body.addEventListener("htmx:afterSwap", (event) => { if (event.target === board) read(); });
  board.addEventListener("click", (event) => { if (event.target.closest("#sound")) toggle(); });
  // Browsers let pages sound only after somebody touched them: the first touch of anything will do.
  for (const touch of ["pointerdown", "keydown"]) {
    document.addEventListener(touch, (event) => { if (!event.target.closest?.("#sound")) wake(); });
  }
  setInterval(() => { if (facts().red > 0 && performance.now() - lastSound > AGAIN_MS) sound(true); }, 1000);
}

function facts() {
  const now = document.querySelector("[data-announce] [data-newest]");
  return now ? { newest: Number(now.dataset.newest), unanswered: Number(now.dataset.unanswered), red: Number(now.dataset.red) } : { newest: 0, unanswered: 0, red: 0 };
}

function read() {
  const seen = facts();
  document.title = seen.unanswered ? `(${seen.unanswered}) ${title}` : title;
  badge(seen.unanswered, seen.red > 0);
  if (newest !== null && seen.newest > newest && seen.unanswered > 0) sound(seen.red > 0);
  newest = seen.newest;
  showButton();
}

function wanted() { return localStorage.getItem(KEY) !== "off"; }
function running() { return audio !== null && audio.state === "running"; }

async function wake() {
  if (!wanted() || running()) return;
  audio ??= new AudioContext();
  await audio.resume();
  showButton();
}

async function toggle() {
  if (running() && wanted()) localStorage.setItem(KEY, "off");
  else { localStorage.setItem(KEY, "on"); await wake(); sound(false); }
  showButton();
}

function showButton() {
  const button = document.getElementById("sound");
  if (!button) return;
  const on = wanted() && running();
  button.textContent = on ? button.dataset.on : wanted() ? button.dataset.ask : button.dataset.off;
  button.setAttribute("aria-pressed", String(on));
}

// Two rising tones; three times for red. Made here: no file, no decoder.
function sound(red) {
  lastSound = performance.now();
  if (!wanted() || !running()) return;
  for (let turn = 0; turn < (red ? 3 : 1); turn++) {
    for (const [step, frequency] of [[0, 660], [0.18, 880]]) {
      const start = audio.currentTime + turn * 0.5 + step;
      const tone = audio.createOscillator();
      const loudness = audio.createGain();
      tone.frequency.value = frequency;
      loudness.gain.setValueAtTime(0.0001, start);
      loudness.gain.exponentialRampToValueAtTime(0.5, start + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.17);
      tone.connect(loudness).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.18);
    }
  }
}

function badge(count, red) {
  const icon = document.querySelector("link[rel=icon]");
  icon.dataset.plain ??= icon.href;
  if (!count) { icon.href = icon.dataset.plain; icon.type = "image/svg+xml"; return; }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d");
  pen.fillStyle = red ? "#b3121d" : "#a84300";
  pen.beginPath();
  pen.arc(32, 32, 31, 0, 2 * Math.PI);
  pen.fill();
  pen.fillStyle = "#fff";
  pen.font = `bold ${count > 99 ? 26 : 40}px sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(count > 99 ? "99+" : String(count), 32, 35);
  icon.type = "image/png";
  icon.href = canvas.toDataURL("image/png");
}
