"use strict";
// Fetches the figures anew while the page is seen. Everything else works without this script.

const EVERY = 2000; // milliseconds
const poll = document.getElementById("poll");
let timer;
let lastAnswer = Date.now();

/** Replaces the sections that have changed, and keeps what is focused and where wide tables are scrolled to. */
function show(text) {
  const fresh = document.createElement("template");
  fresh.innerHTML = text;
  for (const section of fresh.content.querySelectorAll("section[id]")) {
    const old = document.getElementById(section.id);
    if (!old || isMarking(old) || old.innerHTML === section.innerHTML) continue;
    const scrolled = [...old.querySelectorAll(".wide")].map((wide) => wide.scrollLeft);
    const focused = old.contains(document.activeElement) && document.activeElement.href;
    old.replaceChildren(...section.childNodes);
    old.querySelectorAll(".wide").forEach((wide, place) => {
      wide.scrollLeft = scrolled[place] ?? 0;
    });
    const link = focused && [...old.querySelectorAll("a")].find((link) => link.href === focused);
    if (link) link.focus({ preventScroll: true });
  }
}

/** Whether somebody is marking text of a section, which must not go away under the mouse. */
function isMarking(section) {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed && section.contains(selection.anchorNode);
}

async function refresh() {
  try {
    const response = await fetch("live", { cache: "no-store" });
    if (response.status === 401) return location.reload();
    if (!response.ok) throw new Error(String(response.status));
    const text = await response.text();
    show(text);
    lastAnswer = Date.now();
    poll.textContent = "live";
    poll.className = "good";
  } catch {
    const seconds = Math.round((Date.now() - lastAnswer) / 1000);
    poll.textContent = `no answer from the server for ${seconds} s`;
    poll.className = "bad";
  }
  plan();
}

function plan() {
  clearTimeout(timer);
  if (document.visibilityState === "visible") timer = setTimeout(refresh, EVERY);
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") refresh();
  else clearTimeout(timer);
});

poll.textContent = "live";
poll.className = "good";
plan();
