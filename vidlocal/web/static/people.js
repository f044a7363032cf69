// The page of people: faces with names, doubtful faces, speakers; and the page of a person.
import { $, attempt, canNamePeople, clock, confirmed, duration, facePicture, filter, get, h, isLocal, notice, searchUrl, send, show } from "./api.js";

let people = [], questions = [], shown = { hidden: false };
const skipped = new Set();
const plural = (count, one, many) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
const labelOf = (person) => person.is_named ? person.name : `Person ${person.id}`;
const same = (name) => (item) => item.is_named && item.name.localeCompare(name, undefined, { sensitivity: "base" }) === 0;
const undoPeople = attempt(async () => {
  const { undone, ...listed } = await send("POST", "/people/undo", shown);
  draw(listed);
  notice(undone ? "Undone." : "Nothing to undo.");
  await review();
});
const undoSpeakers = attempt(async () => {
  const { undone, ...listed } = await send("POST", "/speakers/undo");
  drawSpeakers(listed);
  notice(undone ? "Undone." : "Nothing to undo.");
});
const change = (path, body, done, method = "POST") => attempt(async () => {
  draw(await send(method, path, { ...body, ...shown }));
  notice(done, { label: "Undo", run: undoPeople });
  await review();
});

const answer = (path, body, done) => attempt(async () => {
  questions.shift();
  ask();
  await change(path, body, done)();
});

const forgetPerson = (person) => attempt(async () => {
  if (!await confirmed(`Forget ${labelOf(person)}, with all their faces? Past searches and what models wrote with the name are deleted, too. It cannot be undone.`, "Forget")) return;
  await send("DELETE", `/people/${person.id}`);
  location.href = "/people";
});
const forgetEverybody = attempt(async () => {
  if (!await confirmed("Forget all people and all faces? It cannot be undone. No face is searched any more before you agree again.", "Forget everybody")) return;
  draw(await send("DELETE", "/people", shown));
  notice("All people are forgotten.");
});

export const peoplePage = attempt(async () => {
  show("people-page");
  $("#undo-people").addEventListener("click", undoPeople);
  $("#undo-speakers").addEventListener("click", undoSpeakers);
  $("#forget-people").addEventListener("click", forgetEverybody);
  $("#show-hidden").addEventListener("change", attempt(async ({ target }) => {
    shown = { hidden: target.checked };
    draw(await get("/people", shown));
  }));
  $("#agree").addEventListener("click", attempt(async () => {
    const listed = await send("POST", "/people/consent", shown);
    draw(listed);
    notice(listed.obstacle ?? "Searching for faces.", listed.obstacle ? null : { label: "Status", run: () => { location.href = "/status"; } });
    if (!listed.obstacle) await followSearch();
  }));
  for (const name of ["#undo-people", "#undo-speakers", "#forget-people"]) $(name).hidden = !canNamePeople;
  if (isLocal) draw(await get("/people", shown));
  else say("Faces are shown on the machine of the server only.");
  drawSpeakers(await get("/speakers"));
  await review();
});
// Shows new faces while they are found.
async function followSearch() {
  for (let isRunning = true; isRunning;) {
    await new Promise((resolve) => { setTimeout(resolve, 2000); });
    isRunning = (await get("/commands")).commands[0]?.exit_code === null;  // the newest
    if (!document.activeElement.closest("#wall")) draw(await get("/people", shown));
  }
  await review();
}
function say(text) {
  $("#people-notice").textContent = text;
  $("#people-notice").hidden = !text;
}
function draw(listed) {
  ({ people } = listed);
  const isOff = !listed.has_consent || !listed.is_allowed;
  $("#consent").hidden = !isOff;
  $("#consent-text").textContent = listed.is_allowed ? listed.consent : "";
  $("#consent-next").textContent = listed.is_allowed ? "" : listed.obstacle;
  $("#agree").hidden = !listed.is_allowed || !canNamePeople;
  say(isOff ? "" : listed.obstacle ?? (people.length ? "" : "No faces yet. To find them: vidlocal enrich --only people"));
  $("#wall-section").hidden = !people.length && !listed.hidden;
  $("#people-count").textContent = `${plural(people.length, "person", "people")}${listed.hidden ? `, ${listed.hidden} hidden` : ""}`;
  $("#people-names").replaceChildren(...people.filter((person) => person.is_named).map((person) => h("option", { value: person.name })));
  keepFocus("#wall", () => $("#wall").replaceChildren(...people.map(card)));
}
// Draws a list anew; the focus stays at the same part of the same item.
function keepFocus(list, redraw) {
  const { className } = document.activeElement, id = document.activeElement.closest(`${list} li`)?.dataset.id;
  redraw();
  if (id) ($(`${list} [data-id="${id}"] .${className}`) ?? $(`${list} li a`))?.focus();
}
function card(person) {
  const label = labelOf(person), hide = person.is_hidden ? "Show" : "Hide";
  return h("li", { data: { id: person.id } },
    h("a", { className: "all", href: `/people/${person.id}` }, person.best ? facePicture(person.best.id, `All faces of ${label}`) : label),
    canNamePeople ? nameForm(person, label, "people-names", (name) => rename(person, name)) : h("strong", {}, label),
    h("p", { className: "muted" }, `${plural(person.videos, "video", "videos")} · ${duration(person.seconds)}`),
    h("p", { className: "actions" },
      person.is_named ? h("a", { href: searchUrl(filter("person", person.name)), "aria-label": `Moments of ${label}` }, "Moments") : null,
      canNamePeople ? h("button", { className: "hide", "aria-label": `${hide} ${label}`,
        onclick: change(`/people/${person.id}/hide`, { hide: !person.is_hidden }, person.is_hidden ? "Shown again." : `${label} is hidden.`) }, hide) : null));
}
function nameForm(item, label, list, save) {
  const field = h("input", { className: "name", value: item.is_named ? item.name : "", placeholder: "Who is this?", autocomplete: "off", maxLength: 80, "aria-label": `Name of ${label}` });
  field.setAttribute("list", list);
  return h("form", { onsubmit: attempt(async () => {
    const name = field.value.trim();
    if (name && name !== item.name) await save(name);
  }) }, field);
}
function rename(person, name) {
  const other = people.find((some) => some.id !== person.id && same(name)(some));
  if (!other) return change(`/people/${person.id}`, { name }, `Named ${name}.`, "PATCH")();
  return notice(`${other.name} is known already.`, { label: "Merge", run: change(`/people/${other.id}/merge`, { other: person.id }, `Merged into ${other.name}.`) });
}

// One question at a time: a doubtful face of a person with a name, or two people who look alike.
async function review() {
  if (!canNamePeople) return;
  const { doubts, alike } = await get("/doubts", { limit: 20 });
  questions = [
    ...doubts.map((doubt) => [`face ${doubt.face.id} ${doubt.person.id}`, () => askFace(doubt)]),
    ...alike.map(({ people: [one, other] }) => [`pair ${one.id} ${other.id}`, () => askPair(one, other)]),
  ].filter(([key]) => !skipped.has(key));
  ask();
}
function ask() {
  const [next] = questions, hadFocus = $("#question").contains(document.activeElement);
  $("#review").hidden = !next;
  $("#question").replaceChildren(...(next ? [...next[1](), h("button", { onclick: () => { skipped.add(next[0]); questions.shift(); ask(); } }, "Skip")] : []));
  if (hadFocus) $("#question button")?.focus();
}
const bestFace = (person) => person.best ? [facePicture(person.best.id, `Face of ${labelOf(person)}`)] : [];
function askFace({ face, person, tracks }) {
  const where = `${face.video.title} ${clock(face.time)}`;
  return [facePicture(face.id, `Face in ${where}`), ...bestFace(person),
    h("p", {}, h("strong", {}, `Is this ${person.name}?`), " ", h("a", { href: `/video/${face.video.id}?t=${face.time}` }, where)),
    h("button", { onclick: answer(`/people/${person.id}/confirm`, { tracks }, `This is ${person.name}.`) }, "Yes"),
    h("button", { onclick: answer(`/people/${person.id}/reject`, { tracks }, `This is not ${person.name}.`) }, "No")];
}
function askPair(one, other) {
  return [...bestFace(one), ...bestFace(other),
    h("p", {}, h("strong", {}, `Are ${labelOf(one)} and ${labelOf(other)} the same person?`)),
    h("button", { onclick: answer(`/people/${one.id}/merge`, { other: other.id }, "Merged.") }, "Yes, merge"),
    h("button", { onclick: answer(`/people/${one.id}/apart`, { other: other.id }, "They stay apart.") }, "No")];
}

function drawSpeakers(listed) {
  const all = listed.speakers, byId = new Map(all.map((speaker) => [speaker.id, speaker]));
  const save = (path, body, done, method = "POST") => attempt(async () => {
    drawSpeakers(await send(method, path, body));
    notice(done, { label: "Undo", run: undoSpeakers });
  });
  const forget = (speaker) => attempt(async () => {
    if (!await confirmed(`Forget ${speaker.name}? What is said stays; past searches are deleted. It cannot be undone.`, "Forget")) return;
    drawSpeakers(await send("DELETE", `/speakers/${speaker.id}`));
    notice(`${speaker.name} is forgotten.`);
  });
  const merge = (into, other) => save(`/speakers/${into.id}/merge`, { other: other.id }, `Merged into ${into.name}.`);
  const renameSpeaker = (speaker) => (name) => {
    const other = all.find((some) => some.id !== speaker.id && same(name)(some));
    if (other) return notice(`${other.name} is known already.`, { label: "Merge", run: merge(other, speaker) });
    return save(`/speakers/${speaker.id}`, { name }, `Named ${name}.`, "PATCH")();
  };
  const row = (speaker) => h("li", { data: { id: speaker.id } },
    isLocal && speaker.person_id ? h("a", { className: "name", href: `/people/${speaker.person_id}` }, speaker.name)
      : canNamePeople ? nameForm(speaker, speaker.name, "speaker-names", renameSpeaker(speaker)) : h("strong", {}, speaker.name),
    h("span", { className: "muted" }, `${plural(speaker.videos, "video", "videos")} · ${duration(speaker.seconds)}`),
    h("a", { href: searchUrl(filter("speaker", speaker.is_named ? speaker.name : String(speaker.id))), "aria-label": `Moments of ${speaker.name}` }, "Moments"),
    canNamePeople ? h("button", { className: "forget", "aria-label": `Forget ${speaker.name}`, onclick: forget(speaker) }, "Forget") : h("span"),
    h("span", {}, speaker.example ? `“${speaker.example.slice(0, 120)}”` : ""));
  const pairs = listed.alike.map((pair) => pair.speakers.map((id) => byId.get(id))).filter(([one, other]) => one && other);
  $("#speaker-names").replaceChildren(...all.filter((speaker) => speaker.is_named).map((speaker) => h("option", { value: speaker.name })));
  $("#alike-speakers").replaceChildren(...(canNamePeople ? pairs : []).map(([one, other]) => h("li", {}, `${one.name} and ${other.name} sound alike. `,
    h("button", { "aria-label": `Merge ${other.name} into ${one.name}`, onclick: merge(one, other) }, "Merge"))),
    ...(canNamePeople ? listed.likely : []).map((match) => h("li", {}, `While ${byId.get(match.speaker_id).name} speaks, ${match.person} is seen. `,
      h("button", { "aria-label": `${byId.get(match.speaker_id).name} is ${match.person}`, onclick: save(`/speakers/${match.speaker_id}/link`, { person: match.person_id }, `Linked to ${match.person}.`) }, `This is ${match.person}`))));
  $("#no-speakers").hidden = all.length;
  keepFocus("#speakers", () => $("#speakers").replaceChildren(...all.map(row)));
}

export const personPage = attempt(async (id) => {
  show("person-page");
  let faces = [];
  const load = attempt(async () => {
    const { person, faces: more } = await get(`/people/${id}`, { offset: faces.length, limit: 100 }).catch((error) => {
      $("#main").replaceChildren(h("h1", {}, error.message), h("p", {}, h("a", { href: "/people" }, "All people")));
      throw error;
    });
    faces = [...faces, ...more];
    const label = labelOf(person);
    document.title = `${label} · vidlocal`;
    $("h1").textContent = label;
    $("#person-about").textContent = `${plural(person.videos, "video", "videos")}, ${plural(person.tracks, "appearance", "appearances")}, ${duration(person.seconds)} on screen`;
    if (canNamePeople) $("#person-name").replaceChildren(nameForm(person, label, "people-names", (name) => renameHere(name)));
    $("#person-links").replaceChildren(h("a", { href: "/people" }, "All people"), person.is_named ? h("a", { href: searchUrl(filter("person", person.name)) }, "All moments") : "",
      canNamePeople ? h("button", { onclick: forgetPerson(person) }, `Forget ${label}`) : "");
    $("#person-faces").replaceChildren(...faces.map((face) => {
      const where = `${face.video.title} ${clock(face.time)}`;
      return h("li", {}, h("a", { href: `/video/${face.video.id}?t=${face.time}` }, facePicture(face.id, where)), h("p", { className: "muted" }, where),
        canNamePeople && person.tracks > 1 ? h("button", { "aria-label": `${where}: not ${label}`, onclick: reject(face, label) }, `Not ${label}`) : null);
    }));
    $("#more-faces").hidden = faces.length >= person.tracks;
  });
  const again = () => { faces = []; return load(); };
  const undo = attempt(async () => { await send("POST", "/people/undo"); await again(); notice("Undone."); });
  const renameHere = async (name) => {
    ({ people } = await get("/people"));
    const other = people.find((some) => some.id !== Number(id) && same(name)(some));
    if (other) {
      notice(`${other.name} is known already.`, { label: "Merge", run: attempt(async () => { await send("POST", `/people/${other.id}/merge`, { other: Number(id) }); location.href = `/people/${other.id}`; }) });
      return;
    }
    await send("PATCH", `/people/${id}`, { name });
    await again();
    notice(`Named ${name}.`, { label: "Undo", run: undo });
  };
  const reject = (face, label) => attempt(async () => {
    await send("POST", `/people/${id}/reject`, { tracks: [face.track] });
    await again();
    notice(`This is not ${label}.`, { label: "Undo", run: undo });
    $("#person-faces button")?.focus();
  });
  $("#more-faces").addEventListener("click", load);
  await load();
});
