/** The buttons that switch microphone, camera and screen, as they look on every page. */

import { Meter } from "../meter.js";
import { changeIcon, icon, make, setText } from "./dom.js";

/** @typedef {import("../devices.js").Devices} Devices */

/**
 * Fills a control: icon, and a label that names it for everybody.
 * @param {HTMLButtonElement} button
 * @param {string} symbol
 * @param {string} label
 */
export function fillControl(button, symbol, label) {
  button.replaceChildren(icon(symbol), make("span", "control-label", label));
}

/**
 * @param {HTMLButtonElement} button
 * @param {{on: boolean, symbol: string, blocked?: boolean, busy?: boolean, hint: string}} look
 */
export function drawSwitch(button, { on, symbol, blocked = false, busy = false, hint }) {
  changeIcon(button, on ? symbol : `${symbol}-off`);
  button.setAttribute("aria-pressed", String(on));
  button.setAttribute("aria-busy", String(busy));
  button.classList.toggle("off", !on);
  button.classList.toggle("blocked", blocked);
  button.title = hint;
}

/**
 * @param {HTMLButtonElement} button
 * @param {Devices} devices
 * @param {import("../capture.js").Kind} kind
 * @param {string} [key] the shortcut
 */
export function drawInputSwitch(button, devices, kind, key) {
  const { problem, busy, isOn: on } = devices.inputs[kind];
  const ends = kind === "camera" && devices.soundOnly ? ", which ends sound only" : "";
  const act = devices.keeps(kind) ? `Keep the ${kind} off` : `Switch the ${kind} ${on ? "off" : "on"}`;
  const hint = `${act}${key ? ` (${key})` : ""}${ends}`;
  drawSwitch(button, { on, symbol: kind, blocked: problem !== null, busy, hint });
}

/** A pair of switches for the pages before the room. */
export class InputSwitches {
  #devices;
  #buttons;
  #meter;

  /** @param {HTMLElement} home @param {Devices} devices */
  constructor(home, devices) {
    this.#devices = devices;
    this.#buttons = /** @type {const} */ (["microphone", "camera"]).map((kind) => {
      const button = make("button", "control round");
      button.type = "button";
      fillControl(button, kind, kind === "microphone" ? "Microphone" : "Camera");
      button.addEventListener("click", () => devices.toggle(kind));
      home.append(button);
      return { kind, button };
    });
    const ring = make("span", "level");
    this.#buttons[0].button.append(ring);
    this.#meter = new Meter((level) => ring.style.setProperty("--level", level.toFixed(3)));
  }

  /** @param {boolean} visible the meter listens only while it is seen */
  draw(visible) {
    const { wanted, track } = this.#devices.inputs.microphone;
    this.#meter.listen(visible && wanted ? track : null);
    if (!visible) return;
    for (const { kind, button } of this.#buttons) drawInputSwitch(button, this.#devices, kind);
  }
}

/**
 * The person's own picture with words in its place where there is none.
 * @param {HTMLVideoElement} video
 * @param {HTMLElement} words
 * @param {Devices} devices
 */
export function drawMirror(video, words, devices) {
  const { camera, microphone } = devices.inputs;
  video.hidden = camera.track === null;
  const asks = [camera.question && "camera", microphone.question && "microphone"].filter(Boolean);
  let text = "";
  if (asks.length) text = `Your browser asks for ${asks[1] ? asks.join(" and ") : `the ${asks[0]}`}. Choose “Allow”.`;
  else if (camera.busy && camera.track === null) text = "Your camera is starting…";
  else if (devices.soundOnly) text = "Sound only: no pictures, neither yours nor the others’. Switch your camera on to end that.";
  else if (camera.track === null && !camera.problem) text = "Your camera is off";
  else if (camera.track === null) text = "No picture";
  setText(words, text);
}
