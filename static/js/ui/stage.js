/** The tiles of everybody, their places, and what the server is told about their sizes. */

import { others } from "../state.js";
import { clock, noteWords, pausedWords, pictureWords } from "../words.js";
import { byId, keepFocus, reconcile, setText } from "./dom.js";
import { arrange } from "./layout.js";
import { Tile } from "./tile.js";

/** @typedef {import("../state.js").State} State */
/** @typedef {import("../devices.js").Devices} Devices */
/** @typedef {import("../protocol.js").TileWish} TileWish */
/** @typedef {import("./tile.js").TileLook} TileLook */
/** @typedef {TileLook & {slot: number | null}} Place */

const SETTLE_MS = 150; // sizes change in bursts: tell the server the last one
const CLOCK_MS = 500; // how often the time of whoever is away is drawn: a beat of 1 s would leave seconds out
const ROUGH_PX = 16; // finer steps than a video layer's are of no use

/** @type {Set<string | undefined>} */
const UNSEEN = new Set(["sound", "unsupported"]); // of what is switched on

const PLAIN = { off: false, muted: false, speaking: false, away: false, condition: undefined, note: noteWords(""), slot: null, pinned: null };

export class Stage {
  #root = byId("stage", HTMLElement);
  #alone = byId("alone", HTMLElement);
  #devices;
  #track;
  #wish;
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Place[]} */
  #places = [];
  /** @type {number | undefined} */
  #timer;
  /** @type {State | null} */
  #state = null;
  /** @type {string | null} */
  #pinned = null; // the key of the tile that is to be large
  /** Whether one's own picture is wanted. */
  selfView = true;

  /**
   * @param {Devices} devices
   * @param {(mid: string | null) => MediaStreamTrack | null} track what is received on an m-line
   * @param {(tiles: TileWish[]) => void} wish
   */
  constructor(devices, track, wish) {
    this.#devices = devices;
    this.#track = track;
    this.#wish = wish;
    new ResizeObserver(() => this.#arrange()).observe(this.#root);
    document.addEventListener("visibilitychange", () => this.#tellSizes());
    setInterval(() => this.#state?.participants.some(({ lostSince }) => lostSince !== null) && this.draw(this.#state), CLOCK_MS);
  }

  /** @param {State} state */
  draw(state) {
    this.#state = state;
    const shown = state.view === "room";
    this.#places = shown ? this.#cast(state) : []; // no picture and no name is left where nobody looks
    this.#offerPins();
    keepFocus(this.#root, byId("room-title", HTMLElement), () => {
      reconcile(
        this.#root,
        this.#elements,
        this.#places,
        keyOf,
        (place) => {
          const tile = new Tile(place, () => this.#pin(keyOf(place)));
          this.#tiles.set(keyOf(place), tile);
          return tile.element;
        },
        (_, place) => this.#tileOf(place)?.draw(place),
      );
    });
    for (const key of this.#tiles.keys()) if (!this.#elements.has(key)) this.#tiles.delete(key);
    if (!shown) return;
    this.#drawAlone(state);
    this.#arrange();
  }

  /** @param {string} key to be large from now on, or no longer */
  #pin(key) {
    this.#pinned = this.#pinned === key ? null : key;
    if (this.#state) this.draw(this.#state);
  }

  /** Where there is something to choose from. A pin goes with what was pinned. */
  #offerPins() {
    const shown = this.#places.filter(({ kind }) => kind !== "self");
    const choice = shown.length > 1 ? shown : [];
    if (!choice.some((place) => keyOf(place) === this.#pinned)) this.#pinned = null;
    for (const place of choice) place.pinned = keyOf(place) === this.#pinned;
  }

  /** Everybody who has a tile, in their order on the stage. @param {State} state @returns {Place[]} */
  #cast(state) {
    const { seats, speaking, conditions, me } = state;
    const { soundOnly } = this.#devices;
    const people = others(state);
    const severalPeople = people.length > 1;
    /** @param {string} id @param {"camera" | "screen"} source */
    const seatOf = (id, source) => seats.find((seat) => seat.participant === id && seat.source === source);
    /** @type {Place[]} */
    const places = [];
    for (const { id, name, screen } of people) {
      const seat = seatOf(id, "screen");
      if (!screen || !seat) continue;
      const track = this.#track(seat.video_mid);
      const shown = conditions.get(id)?.screen;
      const note = soundOnly ? noteWords("Screen hidden: you chose sound only") : pausedWords(shown);
      const picture = !soundOnly && !UNSEEN.has(shown);
      places.push({ ...PLAIN, kind: "screen", id, name, track, picture, note, slot: seat.slot });
    }
    for (const { id, name, microphone, camera, connection, lostSince } of people) {
      const seat = seatOf(id, "camera");
      const condition = conditions.get(id);
      const away = lostSince !== null;
      const switched = !away && connection !== "connecting"; // of whom nothing arrives, nothing is known to be off
      let note = pictureWords(camera, condition, soundOnly);
      if (connection === "connecting") note = noteWords("Connecting…");
      if (away) note = noteWords(`Reconnecting, ${clock((performance.now() - lostSince) / 1000)}`);
      places.push({
        ...PLAIN,
        kind: "camera",
        id,
        name,
        track: this.#track(seat?.video_mid ?? null),
        picture: camera && !UNSEEN.has(condition?.picture) && !soundOnly,
        off: switched && !camera && !condition?.sound_only,
        away,
        condition,
        muted: switched && !microphone,
        speaking: severalPeople && speaking.includes(id),
        note,
        slot: seat?.slot ?? null,
      });
    }
    if (me && this.selfView) {
      const picture = this.#devices.inputs.camera.delivers;
      places.push({
        ...PLAIN,
        kind: "self",
        id: me.id,
        name: me.name,
        track: this.#devices.track("camera"),
        picture,
        off: !picture && !soundOnly,
        condition: conditions.get(me.id),
        muted: !this.#devices.inputs.microphone.delivers,
        speaking: severalPeople && speaking.includes(me.id),
      });
    }
    return places;
  }

  /** @param {State} state */
  #drawAlone(state) {
    const alone = others(state).length === 0;
    const host = state.me?.role === "host";
    this.#alone.hidden = !alone;
    this.#root.classList.toggle("is-alone", alone);
    if (!alone) return;
    const { title, text } = aloneWords(host, state.waiting);
    setText(byId("alone-title", HTMLElement), title);
    setText(byId("alone-text", HTMLElement), text);
    byId("alone-copy", HTMLElement).hidden = !state.me?.guestLink;
  }

  #arrange() {
    const { clientWidth: width, clientHeight: height } = this.#root;
    if (!width || !height) return;
    const self = this.#places.find(({ kind }) => kind === "self");
    const large = this.#places.find(({ pinned }) => pinned) ?? this.#places.find(({ kind }) => kind === "screen");
    const rest = this.#places.filter((place) => place !== large && place !== self);
    const rects = arrange({ width, height }, { large: large?.kind ?? null, others: rest.length, self: !!self });
    if (large && rects.large) this.#tileOf(large)?.place(rects.large);
    rest.forEach((place, index) => this.#tileOf(place)?.place(rects.others[index]));
    if (self && rects.self) this.#tileOf(self)?.place(rects.self);
    this.#root.classList.toggle("one-to-one", !large && rest.length === 1);
    this.#root.style.setProperty("--corner", `${Math.round(self && rects.self ? rects.self.width : 0)}px`);
    this.#tellSizes();
  }

  /** @param {Place} place */
  #tileOf(place) {
    return this.#tiles.get(keyOf(place));
  }

  #tellSizes() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      /** @type {TileWish[]} */
      const tiles = [];
      for (const place of this.#places) {
        const tile = this.#tileOf(place);
        if (place.slot === null || !tile) continue;
        const { width, height } = document.hidden ? { width: 0, height: 0 } : tile.pictureSize;
        tiles.push({ slot: place.slot, width: rough(width), height: rough(height), pinned: place.pinned === true });
      }
      if (tiles.length) this.#wish(tiles.sort((a, b) => a.slot - b.slot));
    }, SETTLE_MS);
  }
}

/** @param {boolean} host @param {{name: string}[]} waiting */
function aloneWords(host, waiting) {
  if (!host) return { title: "You are the only one here", text: "Stay on this page. The others appear here when they come." };
  if (waiting.length) {
    const who = waiting.length === 1 ? `${waiting[0].name} is` : `${waiting.length} people are`;
    return { title: `${who} waiting`, text: "Let them in when you are ready." };
  }
  return { title: "Nobody else is here yet", text: "You hear a chime when somebody asks to join." };
}

/** @param {Place} place */
function keyOf({ kind, id }) {
  return `${kind}:${id}`;
}

/** @param {number} pixels of CSS @returns {number} device pixels, rounded up to a coarse step */
function rough(pixels) {
  return Math.ceil((pixels * devicePixelRatio) / ROUGH_PX) * ROUGH_PX;
}
