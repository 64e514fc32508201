/** Dialogs: the browser traps the focus in them, gives it back, and closes them on Escape. */

import { keepChoice, recallChoice } from "../memory.js";
import { allowed } from "../state.js";
import { DeviceMenus } from "./devicemenus.js";
import { byId, find, setText } from "./dom.js";

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

const IDS = ["more-dialog", "devices-dialog", "help-dialog", "leave-dialog", "remove-dialog"];

export class Dialogs {
  #devices;
  #menus;
  #removing = "";
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
    byId("more-dialog", HTMLDialogElement).showModal();
  }

  openHelp() {
    byId("help-dialog", HTMLDialogElement).showModal();
  }

  openLeave() {
    byId("leave-dialog", HTMLDialogElement).showModal();
  }

  openDevices() {
    byId("devices-dialog", HTMLDialogElement).showModal();
    this.#menus.draw(true);
  }

  /** @param {string} id @param {string} name */
  openRemove(id, name) {
    this.#removing = id;
    setText(byId("remove-title", HTMLElement), `Remove ${name}?`);
    byId("remove-dialog", HTMLDialogElement).showModal();
  }

  /** @param {State} state @param {boolean} selfView */
  draw(state, selfView) {
    if (state.view !== "room") for (const id of IDS) byId(id, HTMLDialogElement).close();
    this.#menus.draw(byId("devices-dialog", HTMLDialogElement).open);
    setText(find(byId("more-self", HTMLElement), "span", HTMLElement), selfView ? "Hide my own picture" : "Show my own picture");
    if (this.#soundOnly.checked !== this.#devices.soundOnly) this.#soundOnly.checked = this.#devices.soundOnly;
    const share = byId("more-screen", HTMLButtonElement);
    share.hidden = !this.#devices.canShareScreen || !allowed(state, "screen");
    setText(find(share, "span", HTMLElement), this.#devices.screen ? "Stop sharing" : "Share the screen");
  }

  /** @param {HTMLDialogElement} dialog */
  #wire(dialog) {
    dialog.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      // Outside of it, on a way out, or on a choice: all close it.
      if (isOutside(dialog, event) || target?.closest("[data-close], .menu-item, .dialog-actions button")) dialog.close();
    });
    dialog.addEventListener("close", () => this.#menus.draw(byId("devices-dialog", HTMLDialogElement).open));
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
