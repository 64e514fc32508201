/** Puts the page together: state in the middle, the session and the devices behind it, the views before it. */

import { chime } from "./chime.js";
import { Devices } from "./devices.js";
import { parseLink } from "./link.js";
import { keepChoice, recallChoice, recallPlace } from "./memory.js";
import { Playback } from "./playback.js";
import { Session } from "./session.js";
import { allowed, Store } from "./state.js";
import { Bar } from "./ui/bar.js";
import { Dialogs } from "./ui/dialogs.js";
import { byId, setText } from "./ui/dom.js";
import { EndedPage, Landing, Preview, ReturningPage, WaitingPage } from "./ui/entrance.js";
import { listenForKeys } from "./ui/keyboard.js";
import { OwnQuality } from "./ui/ownquality.js";
import { Notices } from "./ui/notices.js";
import { Panels } from "./ui/panels.js";
import { Stage } from "./ui/stage.js";
import { Missed } from "./ui/missed.js";
import { ConnectionStatus } from "./ui/status.js";
import { showView } from "./ui/views.js";
import { keepAwake } from "./wakelock.js";
import { isProblem, noticeWords } from "./words.js";

const SILENT = ["refused", "missing", "busy", "failed", "interrupted"].map((why) => `microphone-${why}`);
const HEARD = new Set(["microphone-on-again", "microphone-is-there"]);
const URGENT = new Set(["admitted", "muted", "not-done", "not-heard", "speaker-switched", "camera-on-again", ...HEARD, ...SILENT]);

const store = new Store();
const devices = new Devices();
const session = new Session(store, devices, new URL("/ws", location.href.replace(/^http/, "ws")));
const playback = new Playback(byId("sound", HTMLElement));
const notices = new Notices(session);
const stage = new Stage(devices, (mid) => session.connection.track(mid), (tiles) => session.wish(tiles));
const panels = new Panels(session, () => store.touch(), { copyLink, remove: (id, name) => dialogs.openRemove(id, name) });
const dialogs = new Dialogs(devices, {
  leave: () => session.leave(),
  endForAll: () => session.endForAll(),
  remove: (id) => session.remove(id),
  share,
  toggleSelf,
  saveData: (on) => session.saveData(on),
});
const bar = new Bar(devices, panels, { share, more: () => dialogs.openMore(), leave });
const preview = new Preview(devices, (name) => store.state.joining || session.join(name), () => session.cancel());
const returning = new ReturningPage(() => session.leave());
const waiting = new WaitingPage(devices, () => session.leave());
const ended = new EndedPage(again);
const missed = new Missed((text) => notices.announce(text, false));
const status = new ConnectionStatus((text, urgent) => notices.announce(text, urgent));
const ownQuality = new OwnQuality((text) => notices.announce(text));
new Landing();

stage.selfView = recallChoice("selfView", true);
byId("alone-copy", HTMLButtonElement).addEventListener("click", copyLink);
byId("hear", HTMLButtonElement).addEventListener("click", () => void playback.unblock());
byId("sound-only", HTMLButtonElement).addEventListener("click", showPictures);
playback.on("blocked", (soundBlocked) => {
  store.update({ soundBlocked });
  if (soundBlocked) notices.announce(noticeWords("sound-blocked"), true);
});
devices.on("change", () => void playback.choose(devices.speaker));
devices.on("notice", (notice) => {
  if (store.state.view !== "room" && isProblem(notice.code)) return;
  if (HEARD.has(notice.code)) void chime(devices.speaker); // whoever is back from a phone call may not look
  tell(notice.code, notice);
});
session.on("notice", (notice) => {
  if (notice.code === "admitted") void chime(devices.speaker); // the phone may lie on the table
  tell(notice.code, notice);
});
session.on("knock", (name) => {
  void chime(devices.speaker);
  notices.announce(`${name} is waiting to be let in.`, true);
});
session.on("said", ({ name, text }) => {
  if (panels.open === "chat") notices.announce(`${name}: ${text}`);
  else notices.tell(`${name}: ${text}`, { kind: "chat" });
});
listenForKeys(
  {
    m: () => toggleByKey("microphone"),
    v: () => toggleByKey("camera"),
    c: () => allowed(store.state, "chat") && panels.toggle("chat"),
    p: () => panels.toggle("people"),
    "?": () => dialogs.openHelp(),
  },
  () => store.state.view === "room" && dialogs.shortcuts && !dialogs.anyOpen,
);

store.subscribe((state) => {
  showView(state.view, state.waiting.length);
  keepAwake(state.view === "room" || state.view === "waiting");
  preview.draw(state);
  returning.draw(state);
  waiting.draw(state);
  ended.draw(state);
  panels.draw(state);
  stage.draw(state);
  bar.draw(state);
  dialogs.draw(state, stage.selfView);
  status.draw(state);
  ownQuality.draw(state);
  notices.draw(state, panels.open);
  byId("lock-mark", HTMLElement).hidden = !state.locked;
  const viewers = state.participants.filter(({ kind }) => kind === "viewer").map(({ name }) => name);
  byId("viewers", HTMLElement).hidden = viewers.length === 0;
  setText(byId("viewers-names", HTMLElement), `${viewers.join(", ")} ${viewers.length > 1 ? "watch" : "watches"}`);
  byId("sound-only", HTMLElement).hidden = !devices.soundOnly;
  byId("hear", HTMLElement).hidden = !state.soundBlocked;
  missed.draw(state);
  /** @type {Map<number, MediaStreamTrack>} */
  const voices = new Map();
  for (const { slot, audio_mid, participant } of state.seats) {
    const track = participant === null ? null : session.connection.track(audio_mid);
    if (track) voices.set(slot, track);
  }
  playback.play(voices);
});

start();

function start() {
  const link = parseLink(location.href, location.origin);
  if (!link) {
    store.update({ view: "landing" });
    return;
  }
  const place = recallPlace(link);
  store.update({ link });
  if (place) preview.suggest(place.name);
  if (place?.resume) {
    session.comeBack(place);
  } else if (!link.token) {
    store.update({ view: "ended", failure: { code: "no-token", message: "" } });
    return;
  } else {
    store.update({ view: "preview" });
  }
  void devices.start({ microphone: place?.microphone ?? true, camera: place?.camera ?? !devices.soundOnly });
}

/** The button of the last page. @param {string} code */
function again(code) {
  if (code === "version" || code === "bad-message") return location.reload();
  if (["moved", "slept"].includes(code) && session.returnHere()) return void devices.start(wanted());
  store.update({ view: "preview", failure: null });
  const { microphone, camera } = wanted();
  void devices.start({ microphone, camera: camera && !devices.soundOnly });
}

function wanted() {
  const { microphone, camera } = devices.inputs;
  return { microphone: microphone.wanted, camera: camera.wanted };
}

function leave() {
  if (store.state.me?.role === "host") dialogs.openLeave();
  else session.leave();
}

/** Away from its button, a switch has to say what it did. @param {"microphone" | "camera"} kind */
async function toggleByKey(kind) {
  await devices.toggle(kind);
  if (devices.inputs[kind].busy) return; // whoever pressed first says what came of it
  const name = kind === "microphone" ? "Microphone" : "Camera";
  notices.announce(`${name} ${devices.inputs[kind].isOn ? "on" : "off"}.`);
}

async function share() {
  if (devices.screen) return devices.stopScreen();
  try {
    await devices.shareScreen();
  } catch {
    tell("screen-failed");
  }
}

function toggleSelf() {
  stage.selfView = !stage.selfView;
  keepChoice("selfView", stage.selfView);
  store.touch();
}

function showPictures() {
  byId("bar-camera", HTMLElement).focus(); // the button goes, and the focus with it
  void devices.useSoundOnly(false);
}

async function copyLink() {
  const path = store.state.me?.guestLink;
  if (!path) return;
  const link = new URL(path, location.origin).href;
  try {
    await navigator.clipboard.writeText(link);
    tell("link-copied");
  } catch {
    if (panels.open !== "people") panels.toggle("people");
    await null; // what the panel shows is drawn in a microtask
    byId("people-link-field", HTMLElement).hidden = false;
    const field = byId("people-link", HTMLInputElement);
    field.value = link;
    field.focus(); // what is selected without it is not what Ctrl+C copies
    field.select();
    tell("link-not-copied");
  }
}

/** @param {string} code @param {{name?: string, message?: string}} [fill] */
function tell(code, fill) {
  notices.tell(noticeWords(code, fill), { urgent: URGENT.has(code) });
}

// A tab that goes away tells nobody: the server keeps its place for a reload. What it holds is let go.
addEventListener("pagehide", (event) => event.persisted || session.connection.close());
// The fragment may change under a page that stays, by a pasted second link: who came by the first one has gone.
addEventListener("hashchange", () => {
  session.leave();
  location.reload();
});
