// The pages of status, questions, settings and the first day.
import { $, attempt, clock, duration, focusAgain, get, h, notice, place, readOnly, request, returnToLink, send, show } from "./api.js";
import { momentUrl, videoGrid } from "./search.js";
// Between two readings of the next frames and the last runs, while frames are captioned.
const LISTS_MS = 5000;
const bar = (done, total, label) => h("progress", { value: done, max: total || 1, "aria-label": label });
const on = (selector, name, action) => $(selector).addEventListener(name, attempt(action));
// Text with `code` in backticks.
const withCode = (text) => text.split("`").map((part, index) => index % 2 ? h("code", {}, part) : part);
const values = (form) => Object.fromEntries(new FormData(form));

export const videosPage = attempt(async () => {
  $("#main").replaceChildren(h("h1", {}, "Videos"));
  for (let offset = 0, total = 1; offset < total; offset += 200) {
    const page = await get("/videos", { limit: 200, offset, sort: "title" });
    total = page.total;
    $("#main").append(page.total ? videoGrid(page.videos) : h("p", {}, "The library is empty. ", h("a", { href: "/welcome" }, "Start here")));
  }
  returnToLink();
});
export function statusPage() {
  show("status-page");
  const stream = new EventSource("/api/v1/events");
  let described, lists = null;
  stream.onmessage = (event) => {
    const kept = place(document.activeElement), data = JSON.parse(event.data);
    status(data);
    if (data.frames?.described !== described) {
      lists ??= setTimeout(() => { lists = null; plan(); reports(); }, described === undefined ? 0 : LISTS_MS);
      described = data.frames?.described;
    }
    if (document.activeElement === document.body) focusAgain(kept);
  };
  stream.onerror = () => { $("#headline").textContent = "The server does not answer. Waiting for it."; };
  on("#pause", "click", async () => status(await send("POST", "/pause")));
  on("#resume", "click", async () => status(await send("POST", "/resume")));
  on("#retry", "click", async () => notice(`${(await send("POST", "/failures/retry")).retried} queued again.`));
  on("#enrich-form", "submit", async (event) => {
    const { hours, budget, overnight } = values(event.target);
    await send("POST", "/commands/enrich", { ...(hours && { hours }), ...(budget && { budget }), overnight: overnight === "on" });
  });
  on("#ingest-form", "submit", async (event) => { await send("POST", `/commands/${event.submitter?.value || "ingest"}`, values(event.target)); });
  folders();
}
const plan = attempt(async () => {
  const { next } = await get("/plan");
  $("#plan").replaceChildren(...next.map((frame) => h("li", {}, h("a", { href: `/video/${frame.video.id}?t=${frame.time}` }, `${frame.video.title} ${clock(frame.time)}`), h("span", { className: "muted" }, ` ${frame.why}`))));
});
function folders() {
  const field = $("[name=path]");
  const list = attempt(async () => {
    const folder = field.value.replace(/[^/]*$/, "").replace(/(.)\/$/, "$1");
    $("#folders").replaceChildren(...(await get("/folders", { path: folder })).folders.map((path) => h("option", { value: path })));
  });
  if (readOnly) return;
  field.addEventListener("input", (event) => { if (!field.value || field.value.endsWith("/")) list(event); });
  list();
}
const queue = (kinds) => {
  const waiting = Object.entries(kinds).filter(([, { queued }]) => queued).map(([kind, { queued }]) => `${kind} ${queued.toLocaleString()}`);
  return waiting.length ? `Waiting: ${waiting.join(", ")}.` : "";
};
function status(data) {
  if (data.error) { $("#headline").textContent = data.error; return; }
  const row = (title, done, total, rest) => h("li", {}, h("span", {}, title), bar(done, total, title), h("span", { className: "muted" }, rest));
  const { videos, frames, running, failed, commands } = data;
  $("#headline").textContent = data.headline;
  $("#totals").replaceChildren(h("p", { className: "muted" }, [data.paused_since ? "Paused." : { working: "Working.", waiting: "Waiting.", idle: "Nothing is running." }[data.state], data.waiting?.why, data.seconds_per_frame ? `${data.seconds_per_frame.toFixed(1)} s per frame.` : "", data.seconds_left ? `Done in ${duration(data.seconds_left)}.` : ""].filter(Boolean).join(" ")),
    h("ul", {}, row("Videos", videos.enriched, videos.total, `${videos.enriched} of ${videos.total}`), row("Frames", frames.described, frames.total, `${frames.described.toLocaleString()} of ${frames.total.toLocaleString()}`)),
    h("p", { className: "muted" }, queue(data.queue)),
    h("p", { className: "muted" }, data.servers.map((server) => `${server.address}: ${server.roles.join(", ")}${server.seconds_per_frame ? `, ${server.seconds_per_frame.toFixed(1)} s per frame` : ""}`).join(" · ")));
  $("#running").replaceChildren(...running.slice(0, 8).map((work) => h("li", {}, `${work.kind} `, h("a", { href: `/video/${work.video.id}` }, work.video.title), h("span", { className: "muted" }, ` since ${new Date(work.since).toLocaleTimeString()}`))));
  $("#pause").disabled = Boolean(data.paused_since);
  $("#resume").disabled = !data.paused_since;
  $("#window").textContent = `at night only (${data.window})`;
  $("#by-video").replaceChildren(...data.by_video.map((video) => row(h("a", { href: `/video/${video.id}` }, video.title), video.described, video.frames, `${video.described} of ${video.frames}`)));
  $("#failed").replaceChildren(failed.length ? h("ul", {}, ...failed.slice(0, 50).map((failure) => h("li", {}, `${failure.kind} `, h("a", { href: `/video/${failure.video.id}` }, failure.video.title), `: ${failure.reason}`))) : h("p", { className: "muted" }, "None."));
  $("#retry").disabled = !failed.length;
  $("#commands").replaceChildren(...commands.map((command) => h("li", {}, h("code", {}, command.command.join(" ")), h("span", { className: "muted" }, ` ${command.exit_code === null ? "running" : command.exit_code === 0 ? "done" : `ended with code ${command.exit_code}`}, ${command.results} files. ${command.lines.findLast((line) => !line.startsWith("{")) ?? ""}`),
    command.exit_code === null ? h("button", { id: `stop-${command.id}`, onclick: attempt(() => send("POST", `/commands/${command.id}/stop`)) }, "Stop") : null)));
}
const reports = attempt(async () => {
  const { reports: some } = await get("/reports", { limit: 10 });
  const most = Math.max(1, ...some.map((report) => report.done.describe ?? 0));
  $("#reports").replaceChildren(some.length ? h("ul", {}, ...some.map((report) => h("li", {}, h("span", {}, new Date(report.started_at).toLocaleString()), bar(report.done.describe ?? 0, most, "Frames captioned"),
    h("span", { className: "muted" }, `${report.done.describe ?? 0} frames in ${duration(report.worked_s)}, ${report.failed.reduce((sum, group) => sum + group.number, 0)} failures. ${report.ended ?? ""}`)))) : h("p", { className: "muted" }, "None yet."));
});
export function askPage() {
  show("ask-page");
  on("#ask-form", "submit", async () => {
    const answer = $("#answer"), question = $("#question").value;
    answer.replaceChildren(h("p", { className: "muted" }, "Searching and reading…"));
    const response = await request("POST", "/ask", { question });
    if (!response.ok) throw new Error((await response.json()).error);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let moments = [], rest = "";
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const lines = (rest + piece.value).split("\n");
      rest = lines.pop();
      for (const line of lines.map((text) => JSON.parse(text))) {
        if (line.moments) { moments = line.moments; answer.replaceChildren(h("p", { className: "muted" }, line.notice ?? "")); continue; }
        answer.append(h("p", { className: line.error ? "problem" : "" }, line.error ?? line.text, ...(line.citations ?? []).map((number) => h("a", { className: "chip", href: momentUrl(moments[number - 1], question) }, `${moments[number - 1].video.title} ${clock(moments[number - 1].start)}`))));
      }
    }
  });
}
const checks = async () => $("#checks").replaceChildren(h("ul", { className: "checks" }, ...(await get("/doctor")).checks.map((check) => h("li", { className: check.state }, h("strong", {}, `${check.state} · ${check.part}`), ` ${check.fix ? check.result.split(" Run: ")[0] : check.result}`, check.fix ? h("code", {}, check.fix) : null))));
export const settingsPage = attempt(async () => {
  show("settings-page");
  on("#check", "click", checks);
  const draw = ({ settings }) => $("#settings").replaceChildren(...settings.map((item) => h("form", { className: "setting", onsubmit: attempt(async (event) => { draw(await send("PATCH", "/settings", { name: item.name, value: event.target.value.value })); notice(`Saved ${item.name}.`); }) },
    h("label", { htmlFor: item.name }, item.name), h("input", { id: item.name, name: "value", value: item.value ?? "", disabled: readOnly || !item.can_change, "aria-describedby": `${item.name}-help` }),
    item.can_change && !readOnly ? h("button", {}, "Save") : null, h("p", { id: `${item.name}-help`, className: "muted" }, ...withCode(`${item.description} Allowed: ${item.allowed}. From: ${item.origin}.`)))));
  draw(await get("/settings"));
  const { servers } = await get("/servers");
  $("#servers").replaceChildren(...servers.map((server) => h("div", {}, h("h3", {}, `${server.address} ${server.version}`), server.error ? h("p", { className: "problem" }, server.error) : null,
    h("ul", {}, ...server.models.map((model) => h("li", {}, model.name, h("span", { className: "muted" }, ` ${(model.size_bytes / 1e9).toFixed(1)} GB ${model.uses.join(", ")}`)))), server.missing.length ? h("p", { className: "muted" }, `Not installed: ${server.missing.join(", ")}. Run: vidlocal setup`) : null)));
});
export const welcomePage = attempt(async () => {
  show("welcome-page");
  folders();
  on("#start", "click", async () => { await send("POST", "/commands/enrich", {}); location.href = "/status"; });
  on("#folder-form", "submit", async (event) => {
    const { id } = await send("POST", "/commands/ingest", values(event.target));
    for (let command = { exit_code: null }; command.exit_code === null;) {
      command = (await get("/commands")).commands.find((some) => some.id === id);
      $("#index-progress").textContent = command.exit_code === null ? `Indexing: ${command.results} files done.` : `Indexed ${command.results} files. ${command.lines.findLast((line) => !line.startsWith("{")) ?? ""}`;
      await new Promise((resolve) => { setTimeout(resolve, 500); });
    }
  });
  await checks();
});
