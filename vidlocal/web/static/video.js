// The page of a video: player, timeline, texts that follow, edits with undo, clips.
import { $, attempt, canNamePeople, clock, cutClip, duration, facePicture, filter, get, h, isLocal, keys, kindName, notice, picture, readOnly, searchUrl, send, show } from "./api.js";
import { Player } from "./player.js";

const COLOURS = { shots: "#8b949e", chapters: "#8a63d2", speech: "#1f6feb", subtitle: "#1f6feb", screen_text: "#9a6700", scene: "#1a7f37", action: "#1a7f37", note: "#cf222e", hits: "#d1242f" };
const PERSON_COLOUR = "#bf3989";
const LANE_PX = 18, LABEL_PX = 84, MAX_PERSON_LANES = 8, MAX_LABEL = 11;

export const videoPage = attempt(async (id) => {
  show("video-page");
  const url = new URLSearchParams(location.search), start = Number(url.get("t") ?? 0), q = url.get("q");
  $("#q").value = q ?? "";
  const data = await get(`/videos/${id}`).catch((error) => { $("#main").replaceChildren(h("h1", {}, error.message), h("p", {}, h("a", { href: "/videos" }, "All videos"))); throw error; });
  const { video } = data, film = $(".screen video");
  let range = [null, null], current = -1, items = [], hits = [], people = [];
  document.title = `${video.title} · vidlocal`;
  $("h1").textContent = video.title;
  const problem = (text) => { $(".problem").textContent = `${text} Try: Open in player.`; $(".problem").hidden = false; };
  const seek = (time) => { film.currentTime = time; film.play().catch(() => {}); };
  film.addEventListener("playing", () => { $(".problem").hidden = true; });
  about(video, data.passages);
  const canvas = $(".timeline"), timeWidth = () => canvas.clientWidth - LABEL_PX;
  const personLanes = () => people.filter((person) => person.is_named).slice(0, MAX_PERSON_LANES)
    .map((person) => [person.name, person.spans.map(([start, end]) => ({ start, end })), PERSON_COLOUR]);
  const lanes = () => [...Object.entries({
    shots: data.frames.filter(([, , shot], number) => number && shot !== data.frames[number - 1][2]).map(([, start]) => ({ start, end: start })),
    chapters: video.chapters, ...Object.groupBy(data.passages, (passage) => passage.kind), hits,
  }).map(([name, spans]) => [kindName(name), spans, COLOURS[name]]).filter(([, spans, colour]) => colour && spans.length), ...personLanes()];
  const draw = () => {
    const shown = lanes(), ratio = devicePixelRatio, pen = canvas.getContext("2d"), height = Math.max(2, shown.length) * LANE_PX;
    Object.assign(canvas, { width: canvas.clientWidth * ratio, height: height * ratio });
    canvas.style.height = `${height}px`;
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui";
    const scale = timeWidth() / (video.duration || 1), text = getComputedStyle(canvas).color;
    shown.forEach(([label, spans, colour], row) => {
      pen.fillStyle = text;
      pen.fillText(label.length > MAX_LABEL ? `${label.slice(0, MAX_LABEL - 1)}…` : label, 6, row * LANE_PX + 13);
      pen.fillStyle = colour;
      for (const span of spans) pen.fillRect(LABEL_PX + span.start * scale, row * LANE_PX + 3, Math.max(2, (span.end - span.start) * scale - 1), LANE_PX - 6);
    });
    pen.fillStyle = text;
    pen.fillRect(LABEL_PX + film.currentTime * scale, 0, 2, height);
  };
  canvas.addEventListener("click", (event) => seek(Math.max(0, event.offsetX - LABEL_PX) / timeWidth() * video.duration));
  addEventListener("resize", draw);

  const save = async (method, path, body, done) => {
    const { passage, id: passageId, edit } = await send(method, path, body);
    const old = data.passages.findIndex((known) => known.id === passageId);
    if (old >= 0) data.passages.splice(old, 1);
    if (passage) data.passages.push(passage);
    data.passages.sort((a, b) => a.start - b.start || a.id - b.id);
    list();
    ($(`#passages [data-id="${passageId}"] .edits button`) ?? $("#passages")).focus();
    notice(done, edit ? { label: "Undo", run: attempt(() => save("POST", `/edits/${edit}/undo`, {}, "Undone.")) } : null);
  };
  // Names a speaker everywhere; a name that is known already merges the two.
  const undoSpeaker = attempt(async () => { await send("POST", "/speakers/undo"); await reload("Undone."); });
  const reload = async (done, action) => {
    const place = document.activeElement.closest("#passages li")?.dataset.id;
    Object.assign(data, await get(`/videos/${id}`));
    list();
    $(`#passages [data-id="${place}"] .who`)?.focus();
    notice(done, action);
  };
  const nameSpeaker = (known) => async (name) => {
    const { speakers } = await get("/speakers");
    const other = speakers.find((some) => some.id !== known.id && some.is_named && some.name.localeCompare(name, undefined, { sensitivity: "base" }) === 0);
    const apply = attempt(async () => {
      await (other ? send("POST", `/speakers/${other.id}/merge`, { other: known.id }) : send("PATCH", `/speakers/${known.id}`, { name }));
      await reload(other ? `Merged into ${other.name}.` : `Named ${name}.`, { label: "Undo", run: undoSpeaker });
    });
    if (other) notice(`${other.name} is known already.`, { label: "Merge", run: apply });
    else await apply();
  };
  const speaker = (passage) => {
    if (!passage.speaker) return null;
    const known = data.speakers.find((some) => some.name === passage.speaker);
    if (known?.person && isLocal) return h("a", { href: `/people/${known.person}` }, h("b", {}, `${passage.speaker}:`));
    if (!canNamePeople || !known) return h("b", {}, `${passage.speaker}:`);
    const edit = ({ target }) => {
      const field = h("input", { value: known.name, maxLength: 80, autocomplete: "off", "aria-label": `Name of ${known.name}` });
      const form = h("form", { onsubmit: attempt(async () => { if (field.value.trim() && field.value.trim() !== known.name) await nameSpeaker(known)(field.value.trim()); else list(); }) }, field,
        h("button", { type: "button", onclick: attempt(async () => {
          await send("POST", `/speakers/${known.id}/split`, { video: Number(id) });
          await reload("The voice in this video is another speaker now.", { label: "Undo", run: undoSpeaker });
        }) }, "Somebody else here"));
      field.addEventListener("keydown", (event) => { if (event.key === "Escape") list(); });
      target.replaceWith(form);
      field.select();
    };
    return h("button", { className: "who", "aria-label": `${known.name}: change the name`, onclick: edit }, `${passage.speaker}:`);
  };
  const row = (passage) => {
    const text = h("span", { className: "said" }, passage.text);
    const edit = () => {
      const field = h("textarea", { value: passage.text, rows: 3, "aria-label": "Text" });
      text.replaceChildren(field, h("button", { onclick: attempt(() => save("PATCH", `/passages/${passage.id}`, { text: field.value }, "Saved.")) }, "Save"), h("button", { onclick: list }, "Cancel"));
      field.focus();
    };
    return h("li", { data: { id: passage.id } },
      h("button", { className: "jump", onclick: () => seek(passage.start) }, clock(passage.start)),
      h("span", { className: `kind ${passage.kind}` }, kindName(passage.kind)), speaker(passage), text,
      readOnly ? null : h("span", { className: "edits" }, h("button", { onclick: edit }, "Edit"),
        h("button", { onclick: attempt(() => save("DELETE", `/passages/${passage.id}`, {}, "Deleted.")) }, "Delete")));
  };
  const hidden = new Set();
  const list = () => {
    items = data.passages.filter((passage) => passage.kind !== "summary" && !hidden.has(passage.kind));
    $("#passages").replaceChildren(...items.map(row));
    current = -1;
    draw();
  };
  $("#kinds").append(...[...new Set(data.passages.map((passage) => passage.kind))].filter((kind) => kind !== "summary").map((kind) =>
    h("label", {}, h("input", { type: "checkbox", checked: true, onchange: (event) => { hidden[event.target.checked ? "delete" : "add"](kind); list(); } }), ` ${kindName(kind)}`)));

  film.addEventListener("timeupdate", () => {
    const now = items.findLastIndex((passage) => passage.start <= film.currentTime + 0.05);
    if (now !== current) {
      const rows = $("#passages").children;
      rows[current]?.removeAttribute("aria-current");
      rows[now]?.setAttribute("aria-current", "true");
      if ($("#follow").checked && rows[now]) $("#passages").scrollTop = rows[now].offsetTop - $("#passages").offsetTop - 80;
      current = now;
    }
    draw();
  });
  $("#note-form").addEventListener("submit", attempt(async () => {
    await save("POST", `/videos/${id}/notes`, { time: film.currentTime, text: $("#note").value }, "Note added.");
    $("#note").value = "";
  }));
  $("#note-form").hidden = readOnly;
  $(".clip").hidden = readOnly;
  const mark = (end) => {
    range[end] = film.currentTime;
    $("#clip-range").textContent = range.map((time) => time === null ? "…" : clock(time)).join(" – ");
  };
  const goToHit = (step) => {
    const later = hits.filter((hit) => step > 0 ? hit.start > film.currentTime + 0.5 : hit.start < film.currentTime - 1.5);
    if (later.length) seek((step > 0 ? later[0] : later.at(-1)).start);
  };
  const actions = {
    "previous-hit": () => goToHit(-1), "next-hit": () => goToHit(1), "mark-in": () => mark(0), "mark-out": () => mark(1),
    "copy-time": attempt(async () => { await navigator.clipboard.writeText(`${video.id}@${clock(film.currentTime)}`); notice("Copied."); }),
    "open-player": attempt(async () => notice((await send("POST", `/videos/${id}/player`, { time: film.currentTime || start })).notice)),
    cut: () => cutClip(id, range[0] ?? film.currentTime, range[1] ?? film.currentTime + 10),
  };
  for (const [name, run] of Object.entries(actions)) $(`#${name}`).addEventListener("click", run);
  keys("input, textarea, button, dialog, video", { n: actions["next-hit"], p: actions["previous-hit"], i: actions["mark-in"], o: actions["mark-out"], c: actions.cut,
    " ": () => { if (film.paused) film.play(); else film.pause(); }, ArrowLeft: () => { film.currentTime -= 5; }, ArrowRight: () => { film.currentTime += 5; } });

  list();
  if (isLocal) ({ people } = await get(`/videos/${id}/people`));
  if (people.length) {
    $("#about").prepend(h("ul", { className: "seen", "aria-label": "People in this video" }, ...people.map((person) => h("li", {},
      h("a", { className: "chip", href: person.is_named ? searchUrl(filter("person", person.name), `video:${id}`) : `/people/${person.id}` },
        facePicture(person.face, "", 64), `${person.is_named ? person.name : `Person ${person.id}`} ${duration(person.seconds)}`)))));
  }
  if (q) hits = (await get("/search", { q: `video:${id} ${q}`, limit: 100 })).moments.sort((a, b) => a.start - b.start);
  $("#previous-hit").disabled = $("#next-hit").disabled = !hits.length;
  draw();
  if (video.kind === "photo") {
    for (const node of document.querySelectorAll(".screen video, .timeline, .player .buttons > :not(#open-player), #follow")) node.hidden = true;
    $(".screen img").replaceWith(picture(data.frames[0][0], 2048, video.title));
    return;
  }
  for (const [kind, label] of [["subtitles", "Subtitles"], ["speech", "Speech"], ["translation", "English"], ["chapters", "Chapters"]]) {
    const some = kind === "chapters" ? video.chapters.length : data.passages.some((passage) => passage.kind === kind.replace("subtitles", "subtitle"));
    if (some) film.append(h("track", { kind: kind === "chapters" ? "chapters" : "captions", label, src: `/api/v1/videos/${id}/track.vtt?kind=${kind}` }));
  }
  await new Player(film, problem).open(id, start, Boolean(url.get("t"))).catch((error) => problem(error.message));
});
function about(video, passages) {
  const hasSubtitles = passages.some((passage) => ["speech", "subtitle"].includes(passage.kind));
  const summaries = passages.filter((passage) => passage.kind === "summary" && !video.chapters.some((chapter) => chapter.text === passage.text));
  const tags = [...new Set(video.tags.map((tag) => tag.tag))].slice(0, 20);
  $("#about").append(...summaries.map((summary) => h("p", {}, summary.text)),
    ...video.chapters.slice(0, 40).map((chapter) => h("p", {}, h("a", { href: `/video/${video.id}?t=${chapter.start}` }, clock(chapter.start)), ` ${chapter.title}. `, chapter.text)),
    h("p", {}, ...tags.flatMap((tag) => [h("a", { className: "chip", href: `/?${new URLSearchParams({ q: `tag:"${tag}"` })}` }, tag), " "])),
    h("p", { className: "muted" }, [video.path, video.codecs, video.width_px ? `${video.width_px} × ${video.height_px}` : "", video.recorded_at ? `recorded ${video.recorded_at.slice(0, 10)}` : "", video.frames ? `${video.frames_described} of ${video.frames} frames captioned` : "", video.partial].filter(Boolean).join(" · ")),
    hasSubtitles ? h("p", {}, "Subtitles: ", ...["srt", "vtt", "txt"].flatMap((form) => [h("a", { href: `/api/v1/videos/${video.id}/subtitles?format=${form}` }, form.toUpperCase()), " "])) : "");
}
