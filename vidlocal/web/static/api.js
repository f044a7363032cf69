// Requests to the API, and what every page needs of the document.
const meta = (name) => document.querySelector(`meta[name=vidlocal-${name}]`).content;
export const readOnly = meta("read-only") === "yes";
export const isLocal = meta("local") === "yes";
export const canNamePeople = isLocal && !readOnly;
export const $ = (selector, root = document) => root.querySelector(selector);

export async function get(path, values = {}, signal) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== ""));
  return read(await reach(`/api/v1${path}?${query}`, { signal }));
}
// Browsers say no more than "Failed to fetch" without a server.
const reach = (url, options) => fetch(url, options).catch((error) => {
  throw error.name === "AbortError" ? error : new Error("The server does not answer. Run: vidlocal serve");
});
export const request = (method, path, body = {}) => reach(`/api/v1${path}`, {
  method,
  headers: { "content-type": "application/json", "x-vidlocal-token": meta("token") },
  body: JSON.stringify(body),
});
export const send = async (method, path, body) => read(await request(method, path, body));

async function read(response) {
  const body = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  if (!response.ok) throw Object.assign(new Error(body.error), { status: response.status });
  return body;
}

export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Going back to a list returns to the link that was followed.
let isReturn = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
addEventListener("click", ({ target }) => sessionStorage.setItem(location.href, target.closest("a")?.href ?? ""));
export const returnToLink = () => { if (isReturn) focusAgain(sessionStorage.getItem(location.href)); isReturn = false; };
export const place = (node) => node.id || node.href;
export const focusAgain = (kept) => kept && [...document.querySelectorAll("#main a, #main button")].find((node) => place(node) === kept)?.focus();
export function show(templateId) {
  $("#main").replaceChildren($(`#${templateId}`).content.cloneNode(true));
  if (readOnly) document.querySelectorAll("[data-change]").forEach((node) => { node.hidden = true; });
}
let hideNotice;
export function notice(text, action) {
  clearTimeout(hideNotice);
  $("#notice").replaceChildren(text, action ? h("button", { onclick: action.run }, action.label) : "");
  if (text) hideNotice = setTimeout(() => notice(""), 12_000);
}
export const attempt = (action) => async (...values) => {
  values[0]?.preventDefault?.();
  try { return await action(...values); } catch (error) { if (error.name !== "AbortError") notice(error.message); }
};
// Asks before a change that cannot be undone.
export const confirmed = (question, label) => new Promise((resolve) => {
  const dialog = $("#confirm");
  $("#confirm-text").textContent = question;
  $("#confirm-yes").textContent = label;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  dialog.showModal();
});
export const cutClip = attempt(async (id, start, end) => {
  const { name } = await send("POST", `/videos/${id}/clips`, { start, end: Math.max(end, start + 1) });
  notice(`Cut ${name}.`, { label: "Download", run: () => { location.href = `/api/v1/clips?name=${encodeURIComponent(name)}`; } });
});

// Actions by key, except in elements that match a selector.
export const keys = (except, actions) => document.addEventListener("keydown", (event) => {
  if (event.target.closest(except) || event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
});
export function clock(seconds) {
  const whole = Math.floor(seconds), pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
export const kindName = (kind) => kind.replace("_", " ");
export const picture = (frame, width, alt = "") =>
  h("img", { src: `/api/v1/frames/${frame}?width=${width}`, alt, loading: "lazy", decoding: "async" });
export const facePicture = (face, alt, side = 160) =>
  h("img", { className: "face", src: `/api/v1/faces/${face}?width=${side}`, alt, width: side, height: side, loading: "lazy", decoding: "async" });
export const filter = (name, value) => `${name}:"${value.replaceAll('"', "")}"`;
export const searchUrl = (...filters) => `/?${new URLSearchParams({ q: filters.join(" ") })}`;
// Positions count code points, as in Python.
export function highlight(text, spans) {
  const letters = Array.from(text), parts = [];
  let position = 0;
  for (const [start, end] of spans) {
    parts.push(letters.slice(position, start).join(""), h("mark", {}, letters.slice(start, end).join("")));
    position = end;
  }
  return [...parts, letters.slice(position).join("")];
}
