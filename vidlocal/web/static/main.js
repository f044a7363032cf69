// Chooses the page by the address.
import { $, keys } from "./api.js";
import { peoplePage, personPage } from "./people.js";
import { searchPage } from "./search.js";
import { videoPage } from "./video.js";
import { askPage, settingsPage, statusPage, videosPage, welcomePage } from "./work.js";
const [, name, id] = location.pathname.split("/");
searchPage(!name);
({ video: () => videoPage(id), videos: videosPage, people: () => id ? personPage(id) : peoplePage(), status: statusPage, ask: askPage, settings: settingsPage, welcome: welcomePage })[name]?.();
document.querySelectorAll("nav a").forEach((link) => { if (link.pathname === location.pathname) link.setAttribute("aria-current", "page"); });
keys("input, textarea", { "/": () => $("#q").focus(), "?": () => $("#keys").showModal() });
