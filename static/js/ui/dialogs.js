/** Dialogs: the browser traps the focus in them, gives it back, and closes them on Escape. */

import { keepChoice, recallChoice } from "../memory.js";
import { allowed } from "../state.js";
import { DeviceMenus } from "./devicemenus.js";
import { byId, find, setText } from "./dom.js";
import { drawProblems } from "./problems.js";

/** @typedef {import("../devices.js").Devices} Devices */
/** @typedef {import("../state.js").State} State */

/**
 * @typedef {object} DialogActions
 * @property {() => void} leave
 * @property {() => void} endForAll
 * @property {(id: string) => void} remove
 * @property {() => void} share
 * @property {() => void} toggleSelf
 * @property {(on: boolean) => void} saveData
 */

// What tells of things that happen: outside of an open dialog it is neither seen nor read aloud.
const TELLERS = ["notices", "polite", "urgent"];
const IDS = ["more-dialog", "devices-dialog", "help-dialog", "leave-dialog", "remove-dialog"];

export class Dialogs {
  #devices;
  #menus;
  #removing = "";
  #tellers = TELLERS.map((id) => new Teller(byId(id, HTMLElement)));
  #soundOnly = byId("more-sound-only", HTMLInputElement);

  /** @param {Devices} devices @param {DialogActions} actions */
  constructor(devices, actions) {
    this.#devices = devices;
    this.#menus = new DeviceMenus(byId("devices-body", HTMLElement), devices, false);
    for (const id of IDS) this.#wire(byId(id, HTMLDialogElement));
    press("more-screen", actions.share);
    press("more-self", actions.toggleSelf);
    press("more-devices", () => this.openDevices());
    press("more-help", () => this.openHelp());
    press("leave-only", actions.leave);
    press("leave-end", actions.endForAll);
    press("remove-yes", () => actions.remove(this.#removing));
    this.#soundOnly.addEventListener("change", () => void devices.useSoundOnly(this.#soundOnly.checked));
    const saveData = byId("more-save-data", HTMLInputElement);
    saveData.checked = recallChoice("saveData", false);
    saveData.addEventListener("change", () => actions.saveData(saveData.checked));
    const shortcuts = byId("help-shortcuts", HTMLInputElement);
    shortcuts.checked = recallChoice("shortcuts", true);
    shortcuts.addEventListener("change", () => keepChoice("shortcuts", shortcuts.checked));
  }

  get shortcuts() {
    return byId("help-shortcuts", HTMLInputElement).checked;
  }

  get anyOpen() {
    return IDS.some((id) => byId(id, HTMLDialogElement).open);
  }

  openMore() {
    this.#show("more-dialog");
  }

  openHelp() {
    this.#show("help-dialog");
  }

  openLeave() {
    this.#show("leave-dialog");
  }

  openDevices() {
    this.#show("devices-dialog");
    this.#drawDevices();
  }

  /** @param {string} id @param {string} name */
  openRemove(id, name) {
    this.#removing = id;
    setText(byId("remove-title", HTMLElement), `Remove ${name}?`);
    this.#show("remove-dialog");
  }

  /** @param {State} state @param {boolean} selfView */
  draw(state, selfView) {
    if (state.view !== "room") for (const id of IDS) byId(id, HTMLDialogElement).close();
    this.#drawDevices();
    setText(find(byId("more-self", HTMLElement), "span", HTMLElement), selfView ? "Hide my own picture" : "Show my own picture");
    if (this.#soundOnly.checked !== this.#devices.soundOnly) this.#soundOnly.checked = this.#devices.soundOnly;
    const share = byId("more-screen", HTMLButtonElement);
    share.hidden = !this.#devices.canShareScreen || !allowed(state, "screen");
    setText(find(share, "span", HTMLElement), this.#devices.screen ? "Stop sharing" : "Share the screen");
  }

  /** @param {string} id */
  #show(id) {
    const dialog = byId(id, HTMLDialogElement);
    dialog.showModal();
    for (const teller of this.#tellers) teller.move(dialog);
  }

  #drawDevices() {
    const visible = byId("devices-dialog", HTMLDialogElement).open;
    this.#menus.draw(visible);
    if (visible) drawProblems(byId("devices-problems", HTMLElement), this.#devices);
  }

  /** @param {HTMLDialogElement} dialog */
  #wire(dialog) {
    dialog.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      // Outside of it, on a way out, or on a choice: all close it.
      if (isOutside(dialog, event) || target?.closest("[data-close], .menu-item, .dialog-actions button")) dialog.close();
    });
    dialog.addEventListener("close", () => {
      this.#drawDevices();
      if (!this.anyOpen) for (const teller of this.#tellers) teller.move(null);
    });
  }
}

/** An element that goes where it is seen and heard, and has a place of its own to go back to. */
class Teller {
  #element;
  #home = document.createComment("");

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    element.before(this.#home);
  }

  /** @param {HTMLElement | null} place null: home */
  move(place) {
    if (place) place.append(this.#element);
    else this.#home.after(this.#element);
  }
}

/** On its backdrop, which is itself as its padding is. @param {HTMLDialogElement} dialog @param {MouseEvent} event */
function isOutside(dialog, { target, clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

/** @param {string} id @param {() => void} action */
function press(id, action) {
  byId(id, HTMLButtonElement).addEventListener("click", action);
}
