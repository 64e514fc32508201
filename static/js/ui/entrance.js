/** The pages around a session: landing, preview, waiting, coming back, ended. */

import { obstacle } from "../capture.js";
import { linkPath, parseLink } from "../link.js";
import { endingWords, problemWords } from "../words.js";
import { DeviceMenus } from "./devicemenus.js";
import { byId, setText, showTrack } from "./dom.js";
import { drawProblems } from "./problems.js";
import { drawMirror, InputSwitches } from "./switches.js";

/** @typedef {import("../state.js").State} State */
/** @typedef {import("../devices.js").Devices} Devices */

const WIDE_PX = 900; // from here on the device menus are open from the start
const UNREACHED_MS = 3000; // of attempts that failed: what the person can do about it is worth a word

export class Landing {
  constructor() {
    const form = byId("landing-form", HTMLFormElement);
    const input = byId("landing-link", HTMLInputElement);
    const error = byId("landing-error", HTMLElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const link = parseLink(input.value, location.origin);
      input.setAttribute("aria-invalid", String(!link));
      if (link) {
        location.assign(linkPath(link));
        return;
      }
      error.textContent = input.value.trim()
        ? "This is not a link to a session on this server. Copy it once more, as a whole."
        : "Paste the link that you were sent.";
      input.focus();
    });
  }
}

export class Preview {
  #devices;
  #name = byId("preview-name", HTMLInputElement);
  #named = false;
  #details = byId("preview-devices", HTMLDetailsElement);
  #switches;
  #menus;

  /** @param {Devices} devices @param {(name: string) => void} enter @param {() => void} cancel */
  constructor(devices, enter, cancel) {
    this.#devices = devices;
    this.#switches = new InputSwitches(byId("preview-switches", HTMLElement), devices);
    this.#menus = new DeviceMenus(this.#details, devices, true);
    this.#details.open = innerWidth >= WIDE_PX;
    this.#details.addEventListener("toggle", () => this.#menus.draw(this.#details.open && this.#shown));
    const error = byId("preview-name-error", HTMLElement);
    byId("preview-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      this.#name.setAttribute("aria-invalid", String(!name));
      error.textContent = name ? "" : "Type the name by which the others know you.";
      if (name) enter(name);
      else this.#name.focus();
    });
    byId("preview-cancel", HTMLButtonElement).addEventListener("click", () => {
      byId("preview-enter", HTMLButtonElement).focus(); // the button goes, and the focus with it
      cancel();
    });
  }

  get #shown() {
    return !byId("preview", HTMLElement).hidden;
  }

  /** A reload empties the field. Whoever asks again after it need not type their name again. @param {string} name */
  suggest(name) {
    this.#name.value ||= name;
  }

  /** @param {State} state */
  draw({ link, joining, downSince, view, me }) {
    const visible = view === "preview";
    if (me) this.suggest(me.name);
    this.#menus.draw(visible && this.#details.open);
    this.#switches.draw(visible);
    if (!visible) return;
    const host = link?.role === "host";
    if (!this.#named && link) {
      this.#named = true;
      if (link.name) this.#name.value = link.name;
      this.#name.readOnly = link.name !== ""; // signed by whoever made the link
    }
    setText(
      byId("preview-lede", HTMLElement),
      host ? "You are the host. You decide who comes in." : "The host is told that you are here and lets you in.",
    );
    const enter = byId("preview-enter", HTMLButtonElement);
    const connecting = downSince !== null ? "Connecting…" : host ? "Entering…" : "Asking…";
    setText(enter, joining ? connecting : host ? "Enter the room" : "Ask to join");
    enter.setAttribute("aria-disabled", String(joining));
    enter.disabled = obstacle() === "unsupported";
    showTrack(byId("preview-video", HTMLVideoElement), this.#devices.inputs.camera.track);
    drawMirror(byId("preview-video", HTMLVideoElement), byId("preview-words", HTMLElement), this.#devices);
    // By this device's clock, which may be wrong: the server decides.
    const expired = link !== null && link.expires < Date.now();
    const unreached = joining && isUnreached(downSince);
    const others = [expired ? "link-expired" : "", unreached ? "unreached" : ""].filter(Boolean);
    drawProblems(byId("preview-problems", HTMLElement), this.#devices, others);
    byId("preview-cancel", HTMLElement).hidden = !unreached;
  }
}

export class ReturningPage {
  /** @param {() => void} leave */
  constructor(leave) {
    byId("returning-leave", HTMLButtonElement).addEventListener("click", leave);
  }

  /** @param {State} state */
  draw({ view, downSince }) {
    if (view !== "returning") return;
    const { title, text } = problemWords("unreached");
    const unreached = isUnreached(downSince);
    setText(byId("returning-status", HTMLElement), unreached ? `${title}. ${text}` : "");
    byId("returning-leave", HTMLElement).hidden = !unreached;
  }
}

export class WaitingPage {
  #devices;
  #switches;

  /** @param {Devices} devices @param {() => void} leave */
  constructor(devices, leave) {
    this.#devices = devices;
    this.#switches = new InputSwitches(byId("waiting-switches", HTMLElement), devices);
    byId("waiting-leave", HTMLButtonElement).addEventListener("click", leave);
  }

  /** @param {State} state */
  draw({ view, downSince, hostPresent }) {
    this.#switches.draw(view === "waiting");
    if (view !== "waiting") return;
    setText(
      byId("waiting-title", HTMLElement),
      hostPresent ? "The host knows that you are here" : "The host is not here yet",
    );
    setText(
      byId("waiting-lede", HTMLElement),
      hostPresent
        ? "You will be let in soon. Keep this page open; nobody sees or hears you yet."
        : "They will see that you wait as soon as they come. Keep this page open; nobody sees or hears you yet.",
    );
    setText(
      byId("waiting-status", HTMLElement),
      downSince === null ? "" : "The connection is lost for the moment. Your place is kept; we keep trying.",
    );
    showTrack(byId("waiting-video", HTMLVideoElement), this.#devices.inputs.camera.track);
    drawMirror(byId("waiting-video", HTMLVideoElement), byId("waiting-words", HTMLElement), this.#devices);
    drawProblems(byId("waiting-problems", HTMLElement), this.#devices);
  }
}

export class EndedPage {
  /** @param {(code: string) => void} again what the button does, by the code of the end */
  constructor(again) {
    this.code = "";
    byId("ended-action", HTMLButtonElement).addEventListener("click", () => again(this.code));
  }

  /** @param {State} state */
  draw({ view, failure }) {
    if (view !== "ended" || !failure) return;
    this.code = failure.code;
    const words = endingWords(failure.code, failure.message);
    setText(byId("ended-title", HTMLElement), words.title);
    setText(byId("ended-text", HTMLElement), words.text);
    const button = byId("ended-action", HTMLButtonElement);
    button.hidden = !words.action;
    setText(button, words.action ?? "");
  }
}

/** As of each attempt that fails. @param {number | null} downSince */
function isUnreached(downSince) {
  return downSince !== null && performance.now() - downSince > UNREACHED_MS;
}
