// The page without this file is whole; with it the page is live, and remembers light or dark.
"use strict";

const root = document.documentElement;

const themeButton = document.getElementById("theme");
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches);
const tellTheme = () => themeButton.setAttribute("aria-pressed", String(isDark()));

themeButton.hidden = false;
tellTheme();
systemIsDark.addEventListener("change", tellTheme);
themeButton.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `jasmine_theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  tellTheme();
});

// A form is sent once, however often its button is pressed.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}

const page = document.querySelector("[data-live]");
const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)");
const COUNT_MS = 700;

// What somebody was doing in a section outlives its being written anew: focus, and what was opened.
const replaceSection = (name, html) => {
  const section = document.getElementById(`section-${name}`);
  if (!section) return;
  const focused = section.contains(document.activeElement) ? document.activeElement.id : "";
  const typed = focused === "target" ? document.activeElement.value : null;
  const opened = [...section.querySelectorAll("details[open]")].map((one) => one.id);
  section.innerHTML = html;
  for (const id of opened) section.querySelector(`#${id}`)?.setAttribute("open", "");
  if (focused) {
    const again = document.getElementById(focused);
    if (again && typed !== null) again.value = typed;
    again?.focus({ preventScroll: true });
  }
};

const countTo = (before, after) => {
  const number = document.getElementById("number");
  if (!number || before === after) return;
  number.classList.add(after > before ? "rose" : "fell");
  if (isCalm.matches) return;
  const began = performance.now();
  const step = (now) => {
    const share = Math.min((now - began) / COUNT_MS, 1);
    const eased = 1 - (1 - share) ** 3;
    number.textContent = String(Math.round(before + (after - before) * eased));
    if (share < 1 && number.isConnected) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
};

const tellConnection = (lost) => {
  const pulse = document.getElementById("pulse");
  if (!pulse) return;
  pulse.dataset.word ??= pulse.textContent;
  pulse.textContent = lost ? page.dataset.lost : pulse.dataset.word;
  pulse.classList.toggle("lost", lost);
};

const listen = () => {
  const asked = new URLSearchParams({ mark: page.dataset.live });
  if (page.dataset.target) asked.set("target", page.dataset.target);
  const stream = new EventSource(`/live?${asked}`);
  stream.addEventListener("change", (event) => {
    const told = JSON.parse(event.data);
    const before = Number(document.getElementById("number")?.textContent);
    // Somebody who had no score is looking at another page.
    if (!document.getElementById("section-score")) return location.reload();
    for (const [name, html] of Object.entries(told.sections)) replaceSection(name, html);
    tellConnection(false);
    countTo(before, told.score);
    if (before !== told.score) document.getElementById("spoken").textContent = told.said;
  });
  stream.addEventListener("another", () => location.reload());
  stream.addEventListener("away", () => tellConnection(true));
  stream.addEventListener("ended", () => {
    stream.close();
    location.assign("/");
  });
  stream.addEventListener("open", () => tellConnection(false));
  stream.addEventListener("error", () => tellConnection(true));
  window.addEventListener("pagehide", () => stream.close());
};

if (page) {
  // Who comes back with the browser's own button sees what is true now.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  listen();
}
