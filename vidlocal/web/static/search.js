// The search page: results while typing, filters, cards, keys. The URL is the search.
import { $, attempt, clock, cutClip, facePicture, filter, get, h, highlight, isLocal, keys, kindName, notice, picture, returnToLink, send, show } from "./api.js";
import { Player } from "./player.js";

const FILTERS = ["video:", "kind:", "tag:", "person:", "speaker:", "lang:", "before:", "after:", "at:", "time:"];
const FAST_MS = 80, FULL_MS = 300, LIMIT = 60, MAX_LIMIT = 960, SETTLED_MS = 3000, STORYBOARD_MS = 600;
let searching = new AbortController(), timers = [], moments = [];
export const momentUrl = (moment, q) =>
  `/video/${moment.video.id}?${new URLSearchParams({ t: moment.start.toFixed(2), ...(q ? { q } : {}) })}`;
export function searchPage(isResults) {
  const input = $("#q"), url = new URLSearchParams(location.search);
  $("#search-form").addEventListener("submit", (event) => {
    if (isResults) { event.preventDefault(); run(true); }
  });
  input.addEventListener("input", complete);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isResults) { input.value = ""; run(false); }
    if (event.key === "ArrowDown" && !$("#suggestions").children.length) $("#results .main-link")?.focus();
  });
  if (!isResults) return;
  show("search-page");
  input.value = url.get("q") ?? "";
  $("#group").checked = url.has("group");
  $(".filters").append(...FILTERS.filter((name) => isLocal || name !== "person:").map((name) => h("button", { type: "button", className: "chip", onclick: () => {
    input.value = `${input.value.trimEnd()} ${name}`.trimStart();
    input.focus();
    input.dispatchEvent(new Event("input"));
  } }, name)));
  input.addEventListener("input", () => run(false));
  $("#group").addEventListener("change", () => { saveUrl(); draw(); });
  keys("input, textarea, dialog, summary, button", {
    ArrowRight: () => moveFocus(1), ArrowLeft: () => moveFocus(-1), ArrowDown: () => moveFocus(2), ArrowUp: () => moveFocus(-2),
    " ": focused(preview), c: focused((moment) => cutClip(moment.video.id, moment.start, moment.end)) });
  if (url.get("like")) attempt(() => request("/similar", { to: url.get("like"), limit: LIMIT }))();
  else if (input.value) run(true);
  else { input.focus(); attempt(startPage)(); }
}
function saveUrl() {
  const q = $("#q").value.trim(), url = new URLSearchParams({ ...(q ? { q } : {}), ...($("#group").checked ? { group: 1 } : {}) });
  history.replaceState(null, "", url.size ? `/?${url}` : "/");
  document.title = q ? `${q} · vidlocal` : "vidlocal";
}
function run(isWhole) {
  timers.forEach(clearTimeout);
  saveUrl();
  const q = $("#q").value.trim();
  if (!q) { searching.abort(); $("#count").textContent = ""; attempt(startPage)(); return; }
  const ask = (values) => attempt(() => request("/search", { q, limit: LIMIT, ...values }));
  timers = [
    isWhole ? 0 : setTimeout(ask({ fast: 1, limit: 24 }), FAST_MS),
    setTimeout(ask({}), isWhole ? 0 : FULL_MS),
    setTimeout(attempt(() => send("POST", "/searches", { q }).catch(() => {})), SETTLED_MS),
  ];
}
async function request(path, values) {
  searching.abort();
  searching = new AbortController();
  const result = await get(path, values, searching.signal);
  moments = result.moments;
  $("#search-notice").textContent = [result.notice, result.confident || !moments.length ? "" : "No good match. Nearest matches:", result.advice].filter(Boolean).join(" ");
  if (result.similar_names?.length) $("#search-notice").append(" Similar names: ", ...result.similar_names.flatMap((video, index) => [index ? ", " : "", h("a", { href: `/video/${video.id}` }, video.title)]), ".");
  const isCut = moments.length >= values.limit;
  $("#count").textContent = moments.length === 1 ? "1 moment" : `${moments.length}${isCut ? " or more" : ""} moments`;
  $("#people").replaceChildren(...(result.people ?? []).map((person) => h("li", {}, h("button", { className: "chip", onclick: () => { $("#q").value = `${$("#q").value.trim()} ${filter("person", person.name)}`; run(true); } },
    facePicture(person.face, "", 64), `${person.name} ${person.moments}`))));
  $("#people").hidden = !result.people?.length;
  $("#more").hidden = !isCut || Boolean(values.fast) || values.limit >= MAX_LIMIT;
  $("#more").onclick = attempt(() => request(path, { ...values, limit: 2 * values.limit }));
  draw();
  returnToLink();
}
async function startPage() {
  moments = [];
  $("#more").hidden = $("#people").hidden = true;
  const none = (error) => { if (error.status === 404) return { total: 0 }; throw error; };
  const { total, videos } = await get("/videos", { limit: 24, sort: "added" }).catch(none);
  if (!total) { location.href = "/welcome"; return; }
  $("#search-notice").textContent = `${total.toLocaleString()} videos. Search by what is said, shown or written in them.`;
  $("#results").replaceChildren(videoGrid(videos));
  returnToLink();
}
export const videoGrid = (videos) => h("ul", { className: "grid" }, ...videos.map((video) => h("li", {},
  h("a", { className: "card", href: `/video/${video.id}` },
    h("span", { className: "thumb" }, video.frame ? picture(video.frame, 320) : h("span", { className: "no-picture" }, video.kind),
      video.duration ? h("span", { className: "time" }, clock(video.duration)) : null),
    h("strong", {}, video.title),
    h("span", { className: "muted" }, video.frames ? `${video.frames_described} of ${video.frames} frames captioned` : video.kind)))));

function draw() {
  const list = (some) => h("ul", { className: "grid" }, ...some.map((moment) => h("li", {}, card(moment))));
  if (!$("#group").checked) { $("#results").replaceChildren(list(moments)); return; }
  const groups = Map.groupBy(moments, (moment) => moment.video.id);
  $("#results").replaceChildren(...[...groups.values()].map((some) => h("section", {}, h("h2", {}, some[0].video.title), list(some))));
}
function card(moment) {
  const q = $("#q").value.trim();
  const speaker = moment.hits.find((hit) => hit.text)?.speaker;
  const thumb = h("span", { className: "thumb" }, moment.frame ? picture(moment.frame, 320) : h("span", { className: "no-picture" }, moment.video.kind),
    h("span", { className: "time" }, clock(moment.start)));
  return h("article", { className: "card", onmouseenter: () => storyboard(thumb, moment) },
    h("a", { className: "main-link", href: momentUrl(moment, q) }, thumb, h("strong", {}, moment.video.title)),
    h("p", { className: "text" }, speaker ? h("b", {}, `${speaker}: `) : null, ...highlight(moment.text, moment.highlights)),
    moment.people?.length ? h("p", {}, `Seen: ${moment.people.join(", ")}`) : null,
    h("p", { className: "muted" }, `${clock(moment.start)}–${clock(moment.end)} · ${moment.kinds.map(kindName).join(", ")} · ${moment.score.toFixed(2)}`),
    h("p", { className: "actions" },
      h("button", { onclick: () => preview(moment) }, "Play"),
      h("a", { href: `/?${new URLSearchParams({ like: `${moment.video.id}@${moment.start.toFixed(1)}` })}` }, "More like this"),
      h("details", {}, h("summary", {}, "Why"), h("ul", {}, ...moment.hits.slice(0, 6).map((hit) => h("li", {}, why(hit)))))));
}
function why(hit) {
  const found = [`${kindName(hit.kind)} ${clock(hit.start)}`];
  for (const [name, channel] of Object.entries(hit.why ?? {})) {
    if (channel?.rank) found.push(`${name}: rank ${channel.rank}${channel.weight === undefined ? "" : `, weight ${channel.weight.toFixed(2)}`}`);
  }
  return found.join("; ");
}
function storyboard(thumb, moment) {
  if (moment.storyboard.length < 2 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const image = $("img", thumb), first = image.src;
  let number = 0;
  const timer = setInterval(() => { image.src = `/api/v1/frames/${moment.storyboard[number++ % moment.storyboard.length]}?width=320`; }, STORYBOARD_MS);
  thumb.closest(".card").addEventListener("mouseleave", () => { clearInterval(timer); image.src = first; }, { once: true });
}
const preview = attempt(async (moment) => {
  const dialog = $("#preview"), player = new Player($("video", dialog), notice);
  $(".caption", dialog).textContent = moment.text;
  $(".open", dialog).href = momentUrl(moment, $("#q").value.trim());
  dialog.addEventListener("close", () => player.close(), { once: true });
  dialog.showModal();
  await player.open(moment.video.id, moment.start);
});
function moveFocus(step) {
  const cards = links(), now = cards.indexOf(document.activeElement), [first] = cards;
  const columns = cards.filter((link) => link.getBoundingClientRect().top === first.getBoundingClientRect().top).length;
  const target = now < 0 ? 0 : now + (Math.abs(step) > 1 ? Math.sign(step) * columns : step);
  cards[Math.min(cards.length - 1, Math.max(0, target))]?.focus();
}
const links = () => [...document.querySelectorAll("#results .main-link")];
const focused = (action) => () => {
  const moment = inOrder()[links().indexOf(document.activeElement)];
  if (moment) action(moment);
};
const inOrder = () => $("#group").checked ? [...Map.groupBy(moments, (moment) => moment.video.id).values()].flat() : moments;
// Completes the last word of the query. The browser shows the list, and replaces the whole text.
const complete = attempt(async ({ target }) => {
  const [word] = target.value.match(/[^\s"]*(?:"[^"]*)?$/);
  const before = target.value.slice(0, target.value.length - word.length);
  const { suggestions } = /^[a-z]+:?/.test(word) ? await get("/suggestions", { q: word, limit: 12 }) : { suggestions: [] };
  $("#suggestions").replaceChildren(...suggestions.map((item) => h("option", { value: before + item.word }, item.description)));
});
