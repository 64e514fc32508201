/**
 * The person's microphone, camera, screen and speaker: what is switched on, which device it is, and what is wrong.
 *
 * A muted microphone stays captured, so that it is back without delay; a camera that is switched off is let go,
 * so that its light goes out. With sound only no picture is taken at all; a camera that was on before comes
 * back after it.
 *
 * What a phone call or another program took away comes back by itself where it can, and that is told: somebody is
 * heard or seen again without having done anything. Until then its switch keeps it off. A camera that was not there
 * stays off when it comes.
 */

import { canShareScreen, capture, captureScreen, permission } from "./capture.js";
import { Emitter } from "./emitter.js";
import { Input } from "./input.js";
import { keepChoice, recallChoice } from "./memory.js";
import { outletOf, speakerNotice } from "./outlets.js";

/** @typedef {import("./capture.js").Kind} Kind */
/** @typedef {import("./protocol.js").Source} Source */

const INTERRUPTION_MS = 1000; // shorter ones, such as at a change of devices, are not worth a word

/**
 * Events: `change` (anything), `track` (a source's track is another one now), `notice` (a code for words.js, with
 * what to fill in).
 * @extends {Emitter<{change: void, track: Source, notice: {code: string, name: string}}>}
 */
export class Devices extends Emitter {
  /** @type {Record<Kind, Input>} */
  inputs = { microphone: new Input("microphone"), camera: new Input("camera") };
  /** @type {MediaStreamTrack | null} */
  screen = null;
  /** @type {MediaDeviceInfo[]} */
  list = [];
  /** No pictures, neither ours nor the others'. Kept on this device. */
  soundOnly = recallChoice("soundOnly", false);
  /** Ids of the chosen devices, also of one that is not there now; "" is the system's choice. */
  chosen = {
    microphone: recallChoice("microphone", ""),
    camera: recallChoice("camera", ""),
    speaker: recallChoice("speaker", ""),
  };

  /**
   * Of the present use, from `start` to `stop`: what the browser still asks for at its end is let go when it comes.
   * @type {AbortController | null}
   */
  #use = null;

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#devicesChanged());
    document.addEventListener("visibilitychange", () => document.hidden || this.#reclaim());
  }

  /** Id of the speaker in use: the chosen one while it is there, else "". */
  get speaker() {
    return outletOf(this.list, this.chosen.speaker) ? this.chosen.speaker : "";
  }

  /** @param {Source} source */
  track(source) {
    return source === "screen" ? this.screen : this.inputs[source].track;
  }

  /**
   * Takes both, where wanted and possible. A microphone that starts muted is taken, too.
   * @param {{microphone: boolean, camera: boolean}} on
   */
  async start({ microphone, camera }) {
    this.#use ??= new AbortController();
    this.inputs.microphone.wanted = microphone;
    this.inputs.camera.wanted = camera;
    await this.#take(camera ? ["microphone", "camera"] : ["microphone"]);
  }

  /** Would a press on its switch keep it off? @param {Kind} kind */
  keeps(kind) {
    return this.inputs[kind].returns && !(kind === "camera" && this.soundOnly);
  }

  /** As a switch does: one that shows off, and would be on again by itself, keeps it off. @param {Kind} kind */
  async toggle(kind) {
    const kept = this.keeps(kind);
    await this.turn(kind, !kept && !this.inputs[kind].isOn);
    if (kept) this.emit("notice", { code: `${kind}-kept-off`, name: "" });
  }

  /**
   * Also while the browser is being asked: what comes then is taken, or let go. What does not work is taken anew.
   * @param {Kind} kind
   * @param {boolean} on
   */
  async turn(kind, on) {
    const input = this.inputs[kind];
    input.wanted = on;
    if (on && kind === "camera") this.#endSoundOnly();
    if (!on && kind === "camera") this.#release(kind);
    if (input.track) input.track.enabled = on;
    this.emit("change", undefined);
    if (on && !input.busy && (!input.track || input.problem)) await this.#ask(kind);
  }

  /**
   * One that does not start, as one that another program holds, gives way to the one of before.
   * @param {Kind} kind
   * @param {string} id
   * @param {boolean} starts a camera that is off, too: where nobody else sees it
   */
  async choose(kind, id, starts) {
    const input = this.inputs[kind];
    if (kind === "camera" && (this.soundOnly || (!input.track && !starts))) return this.#keep(kind, id);
    input.wanted ||= kind === "camera";
    if (await this.#replace(kind, id)) this.#keep(kind, id);
  }

  /** @param {Kind} kind @param {string} id @returns {Promise<boolean>} whether it could be taken, and was not called off */
  async #replace(kind, id) {
    const input = this.inputs[kind];
    const { worked } = input;
    if (!(await this.#take([kind], id))) return false;
    if (input.track || !input.problem) return true;
    const name = this.list.find(({ deviceId }) => deviceId === id)?.label ?? "";
    if (worked && !(await this.#take([kind], worked))) return false;
    this.emit("notice", input.track ? { code: `${kind}-not-chosen`, name } : { code: input.problem ?? "", name: "" });
    return false;
  }

  /** @param {string} id */
  chooseSpeaker(id) {
    this.#keep("speaker", id);
  }

  /** @param {Kind | "speaker"} kind @param {string} id */
  #keep(kind, id) {
    this.chosen[kind] = id;
    keepChoice(kind, id);
    this.emit("change", undefined);
  }

  /** @param {boolean} on */
  async useSoundOnly(on) {
    if (on === this.soundOnly) return;
    this.soundOnly = on;
    keepChoice("soundOnly", on);
    if (on) {
      this.stopScreen();
      this.#release("camera");
    } else if (this.inputs.camera.wanted) {
      await this.turn("camera", true);
      if (this.inputs.camera.track) this.emit("notice", { code: "camera-is-back", name: "" });
    } else {
      this.emit("notice", { code: "camera-stays-off", name: "" });
    }
    this.emit("change", undefined);
  }

  get canShareScreen() {
    return canShareScreen();
  }

  async shareScreen() {
    const signal = this.#use?.signal;
    const track = signal && (await captureScreen(signal));
    if (!track || signal.aborted) return;
    this.stopScreen();
    if (this.soundOnly) this.inputs.camera.wanted = false; // the screen was asked for, not the face
    this.#endSoundOnly();
    track.addEventListener("ended", () => track === this.screen && this.stopScreen());
    this.screen = track;
    this.#tell("screen");
  }

  stopScreen() {
    if (!this.screen) return;
    this.screen.stop();
    this.screen = null;
    this.#tell("screen");
  }

  /** Lets everything go, and takes nothing more. What the person wants stays as it was, for the next `start`. */
  stop() {
    this.#use?.abort();
    this.#use = null;
    this.stopScreen();
    for (const kind of /** @type {Kind[]} */ (["microphone", "camera"])) {
      this.inputs[kind].busy = this.inputs[kind].question = false;
      this.#release(kind);
    }
    this.emit("change", undefined);
  }

  /** A picture that is asked for ends it: pressing a button is no dead end. */
  #endSoundOnly() {
    if (!this.soundOnly) return;
    this.soundOnly = false;
    keepChoice("soundOnly", false);
    this.emit("notice", { code: "sound-only-ended", name: "" });
  }

  /** Takes what was asked for, and tells where that failed. @param {Kind} kind @param {string | null} [told] of it by now */
  async #ask(kind, told = null) {
    if (!(await this.#take([kind]))) return;
    const { wanted, track, problem } = this.inputs[kind];
    if (wanted && !track && problem && problem !== told) this.emit("notice", { code: problem, name: "" });
  }

  /**
   * @param {Kind[]} wanted
   * @param {string} [id] another device than the chosen one
   * @returns {Promise<boolean>} whether it still mattered when the browser had answered
   */
  async #take(wanted, id) {
    const signal = this.#use?.signal;
    if (!signal) return false;
    const kinds = wanted.filter((kind) => kind !== "camera" || !this.soundOnly);
    for (const kind of kinds) this.inputs[kind].busy = true;
    const turns = new Map(kinds.map((kind) => [kind, ++this.inputs[kind].asked]));
    this.emit("change", undefined);
    for (const [kind, turn] of turns) void this.#expectQuestion(kind, turn);
    // Some devices can be open only once: the old track has to go first.
    for (const kind of kinds) this.inputs[kind].track?.stop();
    const results = await capture(Object.fromEntries(kinds.map((kind) => [kind, id ?? this.chosen[kind]])), signal);
    if (signal.aborted) return false;
    let matters = false;
    for (const kind of kinds) {
      const input = this.inputs[kind];
      const { track = null, problem = null } = results[kind] ?? {};
      if (turns.get(kind) !== input.asked) {
        track?.stop();
        continue;
      }
      matters = true;
      input.busy = input.question = false;
      const still = track?.muted && input.isInterrupted;
      if (!still) input.problem = problem;
      input.lost = !track && (input.lost || input.track !== null);
      this.#adopt(kind, track);
    }
    await this.#relist();
    return matters;
  }

  /** @param {Kind} kind @param {number} turn */
  async #expectQuestion(kind, turn) {
    const input = this.inputs[kind];
    const answered = ["granted", "denied"].includes(await permission(kind));
    if (answered || !input.busy || input.asked !== turn) return;
    input.question = true;
    this.emit("change", undefined);
  }

  /** @param {Kind} kind @param {MediaStreamTrack | null} track */
  #adopt(kind, track) {
    const input = this.inputs[kind];
    input.track?.stop();
    if (track && kind === "camera" && (!input.wanted || this.soundOnly)) {
      track.stop(); // switched off while the browser was asking
      track = null;
    }
    input.track = track;
    if (track) {
      input.worked = track.getSettings().deviceId ?? "";
      track.enabled = input.wanted;
      track.contentHint = kind === "microphone" ? "speech" : "motion";
      this.#watch(kind, track);
    }
    this.#tell(kind);
  }

  /** @param {Kind} kind */
  #release(kind) {
    const input = this.inputs[kind];
    input.track?.stop();
    input.track = null;
    if (input.isInterrupted) input.problem = null; // it was the track's
    this.#tell(kind);
  }

  /** @param {Kind} kind @param {MediaStreamTrack} track */
  #watch(kind, track) {
    const current = () => track === this.inputs[kind].track;
    /** @type {number | undefined} */
    let timer;
    const pause = () => {
      clearTimeout(timer);
      timer = setTimeout(() => current() && this.#interrupted(kind), INTERRUPTION_MS);
    };
    track.addEventListener("ended", () => current() && this.#replaceLost(kind));
    track.addEventListener("mute", pause);
    if (track.muted) pause(); // it has told so before we listened
    track.addEventListener("unmute", () => {
      clearTimeout(timer);
      if (!current() || !this.inputs[kind].isInterrupted) return;
      this.inputs[kind].problem = null;
      this.emit("change", undefined);
      this.#tellReturn(kind);
    });
  }

  /** A phone call or the system took the device; it may come back by itself. @param {Kind} kind */
  #interrupted(kind) {
    this.inputs[kind].problem = `${kind}-interrupted`;
    // Behind another page a camera rests: it is back before anybody looks.
    if (this.inputs[kind].wanted && !document.hidden) this.emit("notice", { code: `${kind}-interrupted`, name: "" });
    this.emit("change", undefined);
  }

  /** @param {Kind} kind */
  #tellReturn(kind) {
    if (this.inputs[kind].delivers) this.emit("notice", { code: `${kind}-on-again`, name: "" });
  }

  /** The device was unplugged, or its permission withdrawn. @param {Kind} kind */
  async #replaceLost(kind) {
    const input = this.inputs[kind];
    input.track = null;
    input.lost = true;
    await this.#ask(kind);
    const { track } = this.inputs[kind];
    if (track) this.emit("notice", { code: `${kind}-switched`, name: track.label });
  }

  /** Back on the page: takes again what an interruption kept, and what was lost meanwhile. */
  #reclaim() {
    for (const kind of /** @type {Kind[]} */ (["microphone", "camera"])) {
      const { wanted, track, lost } = this.inputs[kind];
      const again = async () => {
        const { wanted, track: now, problem, busy } = this.inputs[kind];
        if (!wanted || busy || now !== track || (now && !now.muted)) return;
        await this.#ask(kind, problem);
        this.#tellReturn(kind);
      };
      if (wanted && track?.muted) setTimeout(again, INTERRUPTION_MS);
      else if (wanted && lost) void again();
    }
  }

  async #devicesChanged() {
    const before = this.list;
    const all = await this.#relist();
    const { microphone, camera } = this.inputs;
    if (camera.wanted && camera.isMissing && all.some(isCamera)) {
      camera.wanted = camera.lost = false; // who plugs one in is not to be seen unasked
      camera.problem = null;
      this.emit("change", undefined);
      this.emit("notice", { code: "camera-is-there", name: "" });
    }
    if (microphone.wanted && microphone.isMissing) {
      const { lost } = microphone;
      await this.#take(["microphone"]);
      if (lost) this.#tellReturn("microphone");
      else if (microphone.delivers) this.emit("notice", { code: "microphone-is-there", name: "" });
    }
    await this.#returnTo(before);
  }

  /** Whoever plugs their headset in again speaks into it. @param {MediaDeviceInfo[]} before */
  async #returnTo(before) {
    const { busy, track } = this.inputs.microphone;
    const isChosen = (/** @type {MediaDeviceInfo} */ { kind, deviceId }) => {
      return kind === "audioinput" && deviceId === this.chosen.microphone;
    };
    if (busy || !track || before.some(isChosen) || !this.list.some(isChosen)) return;
    if (track.getSettings().deviceId === this.chosen.microphone) return;
    if (await this.#replace("microphone", this.chosen.microphone)) {
      this.emit("notice", { code: "microphone-is-back", name: this.inputs.microphone.track?.label ?? "" });
    }
  }

  /** @returns {Promise<MediaDeviceInfo[]>} also those without a name */
  async #relist() {
    // Without permission there are only nameless entries, of no use in a menu.
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const before = { list: this.list, speaker: this.speaker };
    this.list = all.filter(({ deviceId, label }) => deviceId && label);
    this.emit("change", undefined);
    const notice = speakerNotice(before, this);
    if (notice) this.emit("notice", notice);
    return all;
  }

  /** @param {Source} source */
  #tell(source) {
    this.emit("track", source);
    this.emit("change", undefined);
  }
}

/** @param {MediaDeviceInfo} device */
function isCamera({ kind }) {
  return kind === "videoinput";
}
