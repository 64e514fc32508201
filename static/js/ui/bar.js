/** The controls at the bottom of the room. */

import { allowed } from "../state.js";
import { byId, changeIcon, make } from "./dom.js";
import { drawInputSwitch, drawSwitch, fillControl } from "./switches.js";

/** @typedef {import("../state.js").State} State */
/** @typedef {import("../devices.js").Devices} Devices */
/** @typedef {import("./panels.js").Panels} Panels */

/**
 * @typedef {object} BarActions
 * @property {() => void} share starts or stops sharing the screen
 * @property {() => void} more
 * @property {() => void} leave
 */

export class Bar {
  #devices;
  #panels;
  #microphone = byId("bar-microphone", HTMLButtonElement);
  #camera = byId("bar-camera", HTMLButtonElement);
  #screen = byId("bar-screen", HTMLButtonElement);
  #chat = byId("bar-chat", HTMLButtonElement);
  #people = byId("bar-people", HTMLButtonElement);

  /** @param {Devices} devices @param {Panels} panels @param {BarActions} actions */
  constructor(devices, panels, { share, more, leave }) {
    this.#devices = devices;
    this.#panels = panels;
    const moreButton = byId("bar-more", HTMLButtonElement);
    const leaveButton = byId("bar-leave", HTMLButtonElement);
    fillControl(this.#microphone, "microphone", "Microphone");
    fillControl(this.#camera, "camera", "Camera");
    fillControl(this.#screen, "screen", "Share");
    fillControl(this.#chat, "chat", "Chat");
    fillControl(this.#people, "people", "People");
    fillControl(moreButton, "more", "More");
    fillControl(leaveButton, "leave", "Leave");
    this.#microphone.addEventListener("click", () => devices.toggle("microphone"));
    this.#camera.addEventListener("click", () => devices.toggle("camera"));
    this.#screen.addEventListener("click", share);
    this.#chat.addEventListener("click", () => panels.toggle("chat"));
    this.#people.addEventListener("click", () => panels.toggle("people"));
    moreButton.addEventListener("click", more);
    leaveButton.addEventListener("click", leave);
  }

  /** @param {State} state */
  draw(state) {
    const { view, waiting } = state;
    if (view !== "room") return;
    this.#screen.hidden = !this.#devices.canShareScreen || !allowed(state, "screen");
    this.#chat.hidden = !allowed(state, "chat");
    const sharing = this.#devices.screen !== null;
    drawInputSwitch(this.#microphone, this.#devices, "microphone", "M");
    drawInputSwitch(this.#camera, this.#devices, "camera", "V");
    drawSwitch(this.#screen, { on: true, symbol: "screen", hint: sharing ? "Stop sharing" : "Share the screen" });
    changeIcon(this.#screen, "screen");
    this.#screen.setAttribute("aria-pressed", String(sharing));
    this.#screen.classList.toggle("active", sharing);
    drawOpener(this.#chat, this.#panels.open === "chat", this.#panels.unread, "unread", "Chat (C)");
    drawOpener(this.#people, this.#panels.open === "people", waiting.length, "waiting", "People (P)");
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} open
 * @param {number} count
 * @param {string} unit says what is counted
 * @param {string} hint
 */
function drawOpener(button, open, count, unit, hint) {
  button.setAttribute("aria-expanded", String(open));
  button.classList.toggle("active", open);
  button.title = hint;
  let badge = button.querySelector(".badge");
  if (!count) {
    badge?.remove();
    return;
  }
  if (!badge) {
    badge = make("span", "badge");
    button.append(badge);
  }
  const text = count > 99 ? "99+" : String(count);
  if (badge.firstChild?.textContent !== text) badge.replaceChildren(text, make("span", "sr-only", ` ${unit}`));
}

