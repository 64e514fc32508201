/** What is wrong with a device, and a button that tries again. */

import { problemWords } from "../words.js";
import { icon, make } from "./dom.js";

/** @typedef {import("../devices.js").Devices} Devices */

/** @param {HTMLElement} home @param {Devices} devices @param {string[]} [others] */
export function drawProblems(home, devices, others = []) {
  const codes = [...others, ...problems(devices)];
  const key = codes.join(" ");
  if (home.dataset.codes === key) return;
  home.dataset.codes = key;
  home.replaceChildren(...codes.map((code) => problemBox(code, devices)));
}

/** @param {Devices} devices @returns {string[]} each problem once */
function problems({ inputs: { microphone, camera } }) {
  if (microphone.problem === "microphone-refused" && camera.problem === "camera-refused") return ["both-refused"];
  return [...new Set([microphone.problem, camera.problem].filter((code) => code !== null))];
}

/** @param {string} code @param {Devices} devices */
function problemBox(code, devices) {
  const { title, text } = problemWords(code);
  const box = make("div", "problem", icon("warning"), make("div", "", make("strong", "", title), make("p", "", text)));
  if (!code.startsWith("camera") && !code.startsWith("microphone") && code !== "both-refused") return box;
  const retry = make("button", "button small", "Try again");
  retry.type = "button";
  retry.addEventListener("click", () => {
    if (code.startsWith("camera")) void devices.turn("camera", true);
    else if (code.startsWith("microphone")) void devices.turn("microphone", true);
    else void devices.start({ microphone: true, camera: true });
  });
  box.append(retry);
  return box;
}
