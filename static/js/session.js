/**
 * A person's session in a room: turns what the server says into state, and what the person does into messages.
 * Knows nothing of how it looks.
 */

import { Connection } from "./connection.js";
import { Door } from "./door.js";
import { Emitter } from "./emitter.js";
import { sayFarewell } from "./farewell.js";
import { Hearing, MOST_MS } from "./hearing.js";
import { forgetPlace, keepChoice, keepPlace, recallChoice } from "./memory.js";
import { PROTOCOL_VERSION, randomName } from "./protocol.js";
import { Signalling } from "./signalling.js";
import { emptyRoom, others } from "./state.js";

/** @typedef {import("./protocol.js").ToPage} ToPage */
/** @typedef {import("./protocol.js").Source} Source */
/** @typedef {import("./devices.js").Devices} Devices */
/** @typedef {import("./state.js").Store} Store */
/** @typedef {{code: string, name?: string, message?: string}} Notice */

const HEARD_MS = 1000; // how often the others learn whether they were heard
const ASLEEP_MS = 120_000; // so long between looks at the clock: a hidden page may look once a minute only
const REMEMBER_MS = 10_000; // how often the place is kept anew: it has an age

/**
 * Events: `notice` (something to tell the person, by its code), `knock` (somebody new waits), `said` (a chat line
 * of somebody else).
 * @extends {Emitter<{notice: Notice, knock: string, said: import("./state.js").ChatLine}>}
 */
export class Session extends Emitter {
  #store;
  #devices;
  #signalling;
  #connection;
  #name = "";
  #resume = "";
  #tab = randomName(); // the same for each attempt: whoever did not hear the answer to the last one is no second person
  #lease = 0; // seconds for which the server holds our place
  #ending = false; // for everybody, by us
  /** @type {import("./protocol.js").TileWish[]} */
  #wishes = [];
  #media = "";
  #door = new Door();
  #hearing = new Hearing();
  #preferences = "";
  #saveData = recallChoice("saveData", false);
  /** @type {import("./memory.js").Place | null} */
  #returnTo = null; // our place, which we left without wanting to
  #awakeAt = Date.now();

  /** @param {Store} store @param {Devices} devices @param {URL} url of the WebSocket */
  constructor(store, devices, url) {
    super();
    this.#store = store;
    this.#devices = devices;
    this.#signalling = new Signalling(url, () => this.#hello());
    this.#connection = new Connection(
      (offer) => this.#signalling.send(offer),
      () =>
        others(store.state).some(({ microphone, camera, screen }) => {
          return microphone || (!devices.soundOnly && (camera || screen));
        }),
    );
    this.#signalling.on("message", (message) => this.#receive(message));
    this.#signalling.on("settled", () => this.#sayAgain());
    this.#signalling.on("down", (since) => {
      if (!this.#hasSlept()) store.update({ downSince: store.state.downSince ?? since, answeredSince: null });
    });
    this.#connection.on("state", (media) => this.#mediaChanged(media));
    this.#connection.on("tracks", () => store.touch());
    devices.on("track", (source) => void this.#connection.publish(source, devices.track(source)));
    devices.on("change", () => {
      this.#sayMedia();
      this.#sayPreferences();
    });
    setInterval(() => void this.#sayHeard(), HEARD_MS);
    setInterval(() => this.#hasSlept() || this.#remember(), REMEMBER_MS);
  }

  get connection() {
    return this.#connection;
  }

  /** Enters or knocks under a name. @param {string} name */
  join(name) {
    this.#name = name;
    this.#resume = "";
    this.#open();
  }

  /** @param {import("./memory.js").Place} place goes back to where a reload interrupted */
  comeBack(place) {
    this.#name = place.name;
    this.#resume = place.resume;
    this.#tab = place.tab;
    this.#lease = place.lease;
    this.#store.update({ view: "returning" });
    this.#open();
  }

  /** After "moved" or "slept": goes on here. @returns {boolean} false where that is impossible */
  returnHere() {
    if (!this.#returnTo) return false;
    this.comeBack(this.#returnTo);
    return true;
  }

  /** Before the server has answered: back to where it was asked to let us in. */
  cancel() {
    this.#close();
  }

  leave() {
    this.#signalling.send({ type: "leave" });
    // A socket may look open for seconds after the network died: what is said on another one arrives in any case.
    if (this.#resume) sayFarewell(this.#signalling.url, this.#place());
    this.#finish("left", "");
    this.#tab = randomName(); // a farewell that arrives late is not for whoever joins again
  }

  endForAll() {
    this.#ending = true;
    this.#do({ type: "end" });
  }

  /** @param {string} participant */
  admit(participant) {
    this.#decide("admit", participant);
  }

  /** @param {string} participant */
  decline(participant) {
    this.#decide("decline", participant);
  }

  /** @param {string} participant */
  mute(participant) {
    this.#do({ type: "mute", participant });
  }

  /** @param {string} participant */
  remove(participant) {
    this.#do({ type: "remove", participant });
  }

  /** @param {boolean} locked */
  lock(locked) {
    if (this.#do({ type: "lock", locked })) this.#store.update({ locking: locked });
  }

  /** @param {string} text waits for the connection where there is none */
  say(text) {
    this.#store.update({ outbox: [...this.#store.state.outbox, text] });
    // Before that, all that is in the outbox is about to be said.
    if (this.#signalling.settled) this.#signalling.send({ type: "chat", text });
  }

  /** @param {import("./protocol.js").TileWish[]} tiles */
  wish(tiles) {
    if (JSON.stringify(tiles) === JSON.stringify(this.#wishes)) return;
    this.#wishes = tiles;
    this.#signalling.send({ type: "wish", tiles });
  }

  /** Small pictures of the others. Kept on this device. @param {boolean} on */
  saveData(on) {
    this.#saveData = on;
    keepChoice("saveData", on);
    this.#sayPreferences();
  }

  #open() {
    this.#awakeAt = Date.now(); // whoever has pressed the button is there
    this.#store.update({ joining: true, failure: null });
    this.#signalling.open();
  }

  /** @returns {import("./protocol.js").Hello | null} null where the person has to be asked first */
  #hello() {
    if (this.#hasSlept()) return null;
    const { room, token } = this.#store.state.link ?? {};
    // The token, too: where the session was over, the link opens the next one.
    return {
      type: "hello",
      version: PROTOCOL_VERSION,
      room,
      token,
      resume: this.#resume,
      name: this.#name || undefined,
      tab: this.#tab,
    };
  }

  /**
   * A laptop that is opened again hours later must not put anybody into the session, camera on, before they have asked
   * for it. A page that only lost its network was awake all the time, and comes back by itself; and a clock that was
   * set right jumps, too, but then the server still answers.
   * @returns {boolean}
   */
  #hasSlept() {
    const { me, joining } = this.#store.state;
    const now = Date.now();
    const jumped = (me !== null || joining) && now - this.#awakeAt > Math.max(1000 * this.#lease, ASLEEP_MS);
    this.#awakeAt = now;
    if (!jumped) return false;
    if (!this.#signalling.up) {
      this.#finish("slept", "");
      return true;
    }
    void this.#signalling.answers().then((answered) => answered || this.#finish("slept", ""));
    return false;
  }

  /** @param {ToPage} message */
  #receive(message) {
    switch (message.type) {
      case "welcome":
        return this.#welcome(message);
      case "room":
        return this.#roomChanged(message);
      case "seats":
        this.#store.update({ seats: message.seats });
        if (message.missing > 0) this.#connection.addSlots(message.missing);
        return;
      case "answer":
        this.#answered();
        return void this.#connection.accept(message).then(() => this.#store.touch());
      case "sending":
        return void this.#connection.obey(message);
      case "conditions":
        return this.#store.update({
          conditions: new Map(message.people.map((condition) => [condition.participant, condition])),
          missed: { seconds: message.missed, by: message.missed_by },
        });
      case "speaking":
        return this.#store.update({ speaking: message.participants });
      case "chat":
        return this.#heard(message);
      case "muted":
        void this.#devices.turn("microphone", false);
        return this.emit("notice", { code: "muted" });
      case "error":
        return this.#refused(message);
      case "bye":
        if (message.retry) return;
        return this.#finish(message.code === "ended" && this.#ending ? "ended-by-you" : message.code, message.message);
    }
  }

  /** @param {import("./protocol.js").Welcome} message */
  #welcome(message) {
    const { state } = this.#store;
    const joined = message.state === "joined";
    this.#resume = message.resume;
    this.#lease = message.lease;
    this.#ending = false; // else it would have ended
    this.#name = message.name;
    // Another session, as after a restart of the server, counts chat lines and people anew.
    if (state.me && state.me.id !== message.participant) {
      this.#door = new Door();
      this.#store.update({ ...emptyRoom(), chat: [] });
    }
    this.#unanswered();
    this.#store.update({
      view: joined ? "room" : "waiting",
      joining: false,
      downSince: null, // not before: what merely opens, and closes again, is no connection
      me: {
        id: message.participant,
        name: message.name,
        role: message.role,
        may: message.may,
        guestLink: message.guest_link,
      },
    });
    this.#remember();
    if (!joined) return this.#connection.close();
    if (state.view === "waiting") {
      this.emit("notice", { code: "admitted" });
      if (this.#signalling.settled) this.#sayAgain();
    }
    if (this.#connection.state === "new") this.#connection.start(message.slots, sourcesFor(message.may));
    else if (message.resumed) this.#connection.resume();
    else this.#connection.rebuild();
    this.#media = this.#preferences = "";
    this.#sayMedia();
    this.#sayPreferences();
    if (this.#wishes.length) this.#signalling.send({ type: "wish", tiles: this.#wishes });
  }

  /** What is in the outbox has not come back with the lines that we missed: it never reached the server. */
  #sayAgain() {
    if (this.#store.state.view !== "room") return; // kept until we are let in
    for (const text of this.#store.state.outbox) this.#signalling.send({ type: "chat", text });
  }

  /** @param {import("./protocol.js").ServerError} error */
  #refused({ code, message, about }) {
    if (code === "connection-lost") return this.#connection.rebuild();
    if (code === "too-fast" && about === "offer") return this.#connection.defer();
    // They are asked for again and again: the reason stands where the waiting is told.
    if (about === "offer" && this.#store.state.mediaDownSince !== null) {
      return this.#store.update({ refusal: { code, message }, answeredSince: null });
    }
    if (["admit", "decline", "lock", null].includes(about)) this.#unanswered();
    if (about === "chat") this.#store.update({ outbox: this.#store.state.outbox.slice(1) });
    this.emit("notice", { code, message });
  }

  /** @param {import("./protocol.js").RoomState} message */
  #roomChanged(message) {
    const { state } = this.#store;
    const before = new Map(state.participants.map((person) => [person.id, person.name]));
    const after = new Set(message.participants.map(({ id }) => id));
    const now = performance.now();
    const knocks = this.#door.update(message.waiting, now);
    this.#store.update({
      locked: message.locked,
      locking: message.locked === state.locking ? null : state.locking,
      hostPresent: message.host_present,
      participants: message.participants.map(({ lost, ...person }) => {
        return { ...person, lostSince: lost === null ? null : now - lost * 1000 };
      }),
      waiting: this.#door.waiting,
    });
    if (before.size && state.view === "room") {
      for (const { id, name } of message.participants) if (!before.has(id)) this.emit("notice", { code: "joined", name });
      for (const [id, name] of before) if (!after.has(id)) this.emit("notice", { code: "gone", name });
    }
    for (const { name } of knocks) this.emit("knock", name);
  }

  /** @param {import("./protocol.js").Chat} message */
  #heard({ id, participant, name, text, at }) {
    const { chat, me, outbox, participants } = this.#store.state;
    if (chat.some((line) => line.id === id)) return; // repeated after a resume
    const own = participant === me?.id;
    const host = participants.some((person) => person.id === participant && person.role === "host");
    const line = { id, name, own, host, text, at };
    const sent = own ? outbox.indexOf(text) : -1;
    this.#store.update({
      chat: [...chat, line].sort((a, b) => a.id - b.id),
      outbox: outbox.filter((_, index) => index !== sent),
    });
    if (!own) this.emit("said", line);
  }

  /**
   * What is done now or not at all: minutes later it might no longer be meant.
   * @param {import("./protocol.js").FromPage} message
   * @returns {boolean} whether it could be said; that it was not heard may show seconds later only
   */
  #do(message) {
    const said = this.#store.state.downSince === null && this.#signalling.send(message);
    if (said) void this.#signalling.answers().then((answered) => answered || this.#notDone("not-heard"));
    else this.#notDone("not-done");
    return said;
  }

  /** @param {"not-done" | "not-heard"} code */
  #notDone(code) {
    this.#ending = false;
    this.#unanswered();
    this.emit("notice", { code });
  }

  /** What was asked for may not come: the page falls back to what is. */
  #unanswered() {
    this.#door.askAgain();
    this.#store.update({ waiting: this.#door.waiting, locking: null });
  }

  /** @param {"admit" | "decline"} type @param {string} participant */
  #decide(type, participant) {
    if (!this.#do({ type, participant })) return;
    this.#door.answer(participant);
    this.#store.update({ waiting: this.#door.waiting });
  }

  #sayMedia() {
    this.#store.touch();
    this.#remember(); // wherever one is, and whoever can be told: a reload brings back what was chosen last
    if (this.#store.state.view !== "room") return;
    const media = {
      microphone: this.#devices.delivers("microphone"),
      camera: this.#devices.delivers("camera"),
      screen: this.#devices.screen !== null,
    };
    const key = JSON.stringify(media);
    if (key === this.#media || !this.#signalling.send({ type: "media", ...media })) return;
    this.#media = key;
  }

  #sayPreferences() {
    if (this.#store.state.view !== "room") return;
    const preferences = { sound_only: this.#devices.soundOnly, save_data: this.#saveData };
    const key = JSON.stringify(preferences);
    if (key === this.#preferences || !this.#signalling.send({ type: "prefer", ...preferences })) return;
    this.#preferences = key;
  }

  async #sayHeard() {
    const { peer, state } = this.#connection;
    if (!peer || state === "new" || !this.#signalling.up) return;
    const heard = await this.#hearing.look(peer);
    const sounds = this.#store.state.seats.flatMap(({ slot, audio_mid, participant }) => {
      const sound = participant !== null && audio_mid !== null ? heard.sounds.get(audio_mid) : undefined;
      if (!sound?.total) return [];
      const { concealed, silent, total, buffered } = sound;
      return [{ slot, concealed_ms: concealed, silent_ms: silent, total_ms: total, buffered_ms: buffered }];
    });
    if (sounds.length) this.#signalling.send({ type: "heard", sounds, frozen_ms: this.#frozen(heard.frozen) });
  }

  /** Of pictures that ought to move: stills stand still on purpose. @param {Map<string, number>} frozen by mid */
  #frozen(frozen) {
    const { conditions, seats } = this.#store.state;
    const moving = seats.filter(({ participant, source }) => {
      const condition = participant === null ? undefined : conditions.get(participant);
      return (source === "screen" ? condition?.screen : condition?.picture) === "motion";
    });
    const total = moving.reduce((sum, { video_mid }) => sum + (frozen.get(video_mid ?? "") ?? 0), 0);
    return Math.min(total, MOST_MS);
  }

  #answered() {
    const { mediaDownSince, answeredSince } = this.#store.state;
    const since = mediaDownSince === null ? null : (answeredSince ?? performance.now());
    this.#store.update({ answeredSince: since, refusal: null });
  }

  /** @param {import("./connection.js").MediaState} media */
  #mediaChanged(media) {
    if (media === "reconnecting") this.#signalling.doubt(); // what killed the one may have killed the other
    if (media === "connecting" || media === "reconnecting") {
      this.#store.update({ media, mediaDownSince: this.#store.state.mediaDownSince ?? performance.now() });
    } else {
      this.#store.update({ media, mediaDownSince: null, answeredSince: null, refusal: null });
    }
  }

  #remember() {
    const { link } = this.#store.state;
    if (link && this.#resume) keepPlace(link, this.#place());
  }

  /** @returns {import("./memory.js").Place} */
  #place() {
    const { microphone, camera } = this.#devices.inputs;
    return {
      resume: this.#resume,
      tab: this.#tab,
      lease: this.#lease,
      name: this.#name,
      microphone: microphone.on,
      camera: camera.on,
    };
  }

  /** @param {string} code @param {string} message */
  #finish(code, message) {
    this.#returnTo = ["moved", "slept"].includes(code) ? this.#place() : null;
    this.#close();
    this.#devices.stop();
    this.#store.update({ view: "ended", failure: { code, message } });
  }

  #close() {
    const { link } = this.#store.state;
    // Another tab has the place now; forgetting here forgets only this tab's copy.
    if (link) forgetPlace(link.room);
    this.#resume = "";
    this.#ending = false;
    this.#door = new Door();
    this.#wishes = [];
    this.#signalling.close();
    this.#connection.close();
    this.#store.update({ ...emptyRoom(), me: null, joining: false, downSince: null, chat: [], outbox: [] });
  }
}

/** @param {string[]} may @returns {Source[]} */
function sourcesFor(may) {
  /** @type {Source[]} */
  const sources = may.includes("publish") ? ["microphone", "camera"] : [];
  return may.includes("screen") ? [...sources, "screen"] : sources;
}
