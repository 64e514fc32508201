/** One picture on the stage: a person's camera, a shared screen, or one's own camera. */

import { conditionWords } from "../words.js";
import { changeIcon, hue, icon, initials, make, setText, showTrack } from "./dom.js";

/** @typedef {import("./layout.js").Rect} Rect */

/**
 * @typedef {object} TileLook
 * @property {"camera" | "screen" | "self"} kind
 * @property {string} id of the participant
 * @property {string} name
 * @property {MediaStreamTrack | null} track
 * @property {boolean} picture whether a picture is to be shown
 * @property {boolean} off whether the camera is switched off
 * @property {boolean} muted
 * @property {boolean} speaking
 * @property {boolean} away the person has lost the connection
 * @property {import("../protocol.js").Condition | undefined} condition how they are reached
 * @property {import("../words.js").Note} note what is special just now, or ""
 * @property {boolean | null} pinned whether it is to be large; null: there is nothing to choose from
 */

const TINY_PX = 130; // the shorter side
const SNUG_PX = 220;
const NARROW_PX = 260; // there, notes are short
const LEAST_VISIBLE = 0.37; // of a picture: rather than crop more away, show it whole with margins

export class Tile {
  element;
  #video = make("video");
  #label = make("span", "tile-label");
  #note = make("p", "tile-note");
  #pin = make("button", "icon-button tile-pin", icon("enlarge"));
  /** @type {import("../words.js").Note} */
  #words = { text: "", short: "" };
  #muted = icon("microphone-off");
  #signal = make("span", "signal", icon("signal-good"));
  #shown = false;
  #name = "";
  /** @type {Rect} */
  rect = { x: 0, y: 0, width: 0, height: 0 };

  /** @param {TileLook} look @param {() => void} pin what its button does */
  constructor({ kind, id, name }, pin) {
    this.element = make("div", `tile ${kind} ${hue(id)}`);
    this.element.setAttribute("role", "group");
    this.element.tabIndex = -1; // for the focus, where a button goes that had it
    this.#video.muted = true; // sound has its own elements
    this.#video.playsInline = true;
    this.#video.autoplay = true;
    this.#video.disablePictureInPicture = true;
    this.#video.classList.toggle("mirrored", kind === "self");
    this.#video.addEventListener("resize", () => this.#fit());
    const avatar = make("span", "avatar", make("span", "", kind === "screen" ? icon("screen") : initials(name)));
    avatar.setAttribute("aria-hidden", "true");
    this.#video.setAttribute("aria-hidden", "true"); // the group's name says whose picture it is
    this.#pin.type = "button";
    this.#pin.addEventListener("click", pin);
    const who = make("div", "tile-name", this.#muted, this.#label, this.#signal);
    this.element.append(avatar, this.#video, make("div", "tile-words", this.#note, who));
  }

  /** @param {TileLook} look */
  draw({ kind, name, track, picture, off, muted, speaking, away, condition, note, pinned }) {
    const label = kind === "self" ? "You" : kind === "screen" ? `${name}’s screen` : name;
    if (name !== this.#name && kind !== "screen") {
      this.#name = name;
      setText(this.element.querySelector(".avatar span") ?? this.#label, initials(name));
    }
    setText(this.#label, label);
    this.#label.title = label;
    this.#words = note;
    this.#tell();
    this.#muted.classList.toggle("gone", !muted);
    this.element.classList.toggle("speaking", speaking);
    this.element.classList.toggle("dimmed", away);
    const quality = condition && !away ? conditionWords(condition) : "";
    changeIcon(this.#signal, `signal-${condition?.quality ?? "good"}`);
    this.#signal.hidden = quality === "";
    this.#signal.title = quality;
    this.#signal.dataset.quality = condition?.quality;
    const person = kind !== "screen";
    // What changes all the time is left out of the name: it is in the list of people, too.
    const facts = [label, person && muted ? "microphone off" : "", off ? "camera off" : "", away ? "reconnecting" : note.text];
    this.element.setAttribute("aria-label", facts.filter(Boolean).join(", "));
    this.#drawPin(label, pinned);
    this.#show(picture ? track : null);
  }

  /** @param {string} label @param {boolean | null} pinned */
  #drawPin(label, pinned) {
    if (pinned === null) return this.#pin.remove();
    changeIcon(this.#pin, pinned ? "reduce" : "enlarge");
    this.#pin.setAttribute("aria-label", `Show ${label} large`);
    this.#pin.setAttribute("aria-pressed", String(pinned));
    this.#pin.title = `${pinned ? "Stop showing" : "Show"} ${label} large`;
    if (!this.#pin.isConnected) this.#note.before(this.#pin);
  }

  /** @param {Rect} rect */
  place(rect) {
    this.rect = rect;
    const { style } = this.element;
    style.transform = `translate(${Math.round(rect.x)}px, ${Math.round(rect.y)}px)`;
    style.width = `${Math.round(rect.width)}px`;
    style.height = `${Math.round(rect.height)}px`;
    const side = Math.min(rect.width, rect.height);
    this.element.classList.toggle("tiny", side < TINY_PX);
    this.element.classList.toggle("snug", side >= TINY_PX && side < SNUG_PX);
    this.#tell();
    this.#fit();
  }

  /** @returns {{width: number, height: number}} what the whole picture covers, in CSS pixels */
  get pictureSize() {
    const { videoWidth, videoHeight } = this.#video;
    const { width, height } = this.rect;
    if (!videoWidth || !videoHeight || this.#video.classList.contains("whole")) return { width, height };
    const scale = Math.max(width / videoWidth, height / videoHeight);
    return { width: videoWidth * scale, height: videoHeight * scale };
  }

  /** As many words as there is room for. */
  #tell() {
    setText(this.#note, this.rect.width < NARROW_PX ? this.#words.short : this.#words.text);
  }

  /** @param {MediaStreamTrack | null} track */
  #show(track) {
    showTrack(this.#video, track);
    if (!track) {
      this.#shown = false;
      this.#video.classList.remove("live");
    } else if (!this.#shown) {
      this.#shown = true;
      this.#revealWithNextFrame();
    }
  }

  /** The last picture of before must not pass for the present one. */
  #revealWithNextFrame() {
    const reveal = () => {
      this.#video.classList.toggle("live", this.#shown);
      this.#fit();
    };
    if ("requestVideoFrameCallback" in this.#video) this.#video.requestVideoFrameCallback(reveal);
    else /** @type {HTMLVideoElement} */ (this.#video).addEventListener("timeupdate", reveal, { once: true });
  }

  #fit() {
    const { videoWidth, videoHeight } = this.#video;
    const { width, height } = this.rect;
    if (!videoWidth || !videoHeight || !width || !height) return;
    const ratio = width / height / (videoWidth / videoHeight);
    this.#video.classList.toggle("whole", Math.min(ratio, 1 / ratio) < LEAST_VISIBLE);
  }
}
