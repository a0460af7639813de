"use strict";
// Loads the numbers again every few seconds. Without it the page is the same, and stands still.
(() => {
  const seconds = 5;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const note = document.getElementById("updated");
  const button = document.createElement("button");
  let running = !still.matches;

  function tell() {
    button.textContent = running ? "Stop refreshing" : "Refresh every " + seconds + " s";
  }

  function taken(part) {
    return part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
  }

  async function refresh() {
    if (!running || document.hidden) return;
    const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh !== null && !taken(part)) part.replaceChildren(...fresh.childNodes);
    }
  }

  async function turn() {
    try {
      await refresh();
    } catch {
      running = false; // logged out, or the service has stopped: the figures are old
      tell();
    }
    setTimeout(turn, 1000 * seconds);
  }

  button.type = "button";
  button.className = "plain";
  button.addEventListener("click", () => { running = !running; tell(); });
  still.addEventListener("change", () => { running = !still.matches; tell(); });
  tell();
  note.append(" ", button);
  setTimeout(turn, 1000 * seconds);
})();
