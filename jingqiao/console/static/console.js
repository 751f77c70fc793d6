// Starts what a page needs: live data, announcements, notices. No framework, no inline script.
import { listen } from "./live.js";
import { announce } from "./announce.js";
import { notice } from "./notice.js";

const body = document.body;

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status !== 401) notice(event.detail.xhr.getResponseHeader("X-Notice") ? decodeURIComponent(event.detail.xhr.getResponseHeader("X-Notice")) : body.dataset.failed);
});
document.addEventListener("htmx:sendError", () => notice(body.dataset.failed));

document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // a phone shows half the menu
listen();
announce();
document.documentElement.dataset.ready = "true";
