/** Menus of microphones, cameras and speakers, with a level meter: on the preview page and in a dialog. */

import { chime } from "../chime.js";
import { Meter } from "../meter.js";
import { canChooseSpeaker } from "../playback.js";
import { byId, find } from "./dom.js";

/** @typedef {import("../devices.js").Devices} Devices */
/** @typedef {"microphone" | "camera" | "speaker"} Menu */

const LIST_KINDS = { microphone: "audioinput", camera: "videoinput", speaker: "audiooutput" };
const SPOKEN_STEP = 10; // percent: a screen reader need not hear of less

export class DeviceMenus {
  #devices;
  #root;
  #meter;
  #gauge;
  #bar;

  /** @param {HTMLElement} home @param {Devices} devices @param {boolean} starts whether a camera that is chosen here starts */
  constructor(home, devices, starts) {
    this.#devices = devices;
    const template = byId("device-menus", HTMLTemplateElement);
    home.append(template.content.cloneNode(true));
    this.#root = find(home, ".device-menus", HTMLElement);
    this.#gauge = find(this.#root, ".meter", HTMLElement);
    this.#bar = find(this.#gauge, "span", HTMLElement);
    this.#meter = new Meter((level) => this.#drawLevel(level));
    for (const menu of /** @type {Menu[]} */ (Object.keys(LIST_KINDS))) {
      const select = this.#select(menu);
      select.addEventListener("change", () => {
        if (menu === "speaker") devices.chooseSpeaker(select.value);
        else void devices.choose(menu, select.value, starts);
      });
    }
    find(this.#root, "[data-test]", HTMLButtonElement).addEventListener("click", () => void chime(devices.speaker));
  }

  /** @param {boolean} visible the meter listens only while it is seen */
  draw(visible) {
    const { inputs, chosen, list, speaker } = this.#devices;
    const microphone = inputs.microphone.wanted ? inputs.microphone.track : null;
    this.#meter.listen(visible ? microphone : null);
    if (!visible) return;
    for (const menu of /** @type {Menu[]} */ (Object.keys(LIST_KINDS))) {
      const select = this.#select(menu);
      const found = list.filter(({ kind }) => kind === LIST_KINDS[menu]);
      const current = menu === "speaker" ? speaker : (inputs[menu].track?.getSettings().deviceId ?? chosen[menu]);
      fill(select, found, current, menu === "speaker");
      if (menu === "speaker") find(this.#root, '[data-device="speaker"]', HTMLElement).hidden = !canChooseSpeaker();
    }
  }

  /** @param {Menu} menu */
  #select(menu) {
    return find(this.#root, `[data-device="${menu}"] select`, HTMLSelectElement);
  }

  /** @param {number} level */
  #drawLevel(level) {
    this.#bar.style.setProperty("--level", level.toFixed(3));
    const spoken = String(Math.round((level * 100) / SPOKEN_STEP) * SPOKEN_STEP);
    if (this.#gauge.ariaValueNow !== spoken) this.#gauge.ariaValueNow = spoken;
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} devices
 * @param {string} current
 * @param {boolean} withDefault whether the system's choice is an entry of its own
 */
function fill(select, devices, current, withDefault) {
  const entries = devices.map(({ deviceId, label }) => ({ id: deviceId, label: label || "Unnamed device" }));
  if (withDefault && !entries.some(({ id }) => id === "default")) entries.unshift({ id: "", label: "System default" });
  if (!entries.length) entries.push({ id: "", label: "None found" });
  const same =
    select.options.length === entries.length &&
    entries.every(({ id, label }, index) => select.options[index].value === id && select.options[index].text === label);
  if (!same) select.replaceChildren(...entries.map(({ id, label }) => new Option(label, id)));
  select.disabled = devices.length === 0;
  const chosen = entries.some(({ id }) => id === current) ? current : entries[0].id;
  if (select.value !== chosen) select.value = chosen;
}
