/**
 * A person's session in a room: turns what the server says into state, and what the person does into messages.
 * Knows nothing of how it looks.
 */

import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Declared } from "./declared.js";
import { Door } from "./door.js";
import { Emitter } from "./emitter.js";
import { Listening } from "./listening.js";
import { keepChoice, recallChoice } from "./memory.js";
import { Place } from "./place.js";
import { Signalling } from "./signalling.js";
import { Sleep } from "./sleep.js";
import { comings, emptyRoom, others, withRoom } from "./state.js";

/** @typedef {import("./protocol.js").ToPage} ToPage */
/** @typedef {import("./protocol.js").Source} Source */
/** @typedef {import("./devices.js").Devices} Devices */
/** @typedef {import("./state.js").Store} Store */
/** @typedef {{code: string, name?: string, message?: string}} Notice */

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
  #place;
  #conversation;
  #door = new Door();
  #sleep = new Sleep();
  #ending = false; // for everybody, by us
  #saveData = recallChoice("saveData", false);
  #declared;
  /** @type {import("./memory.js").KeptPlace | null} */
  #returnTo = null; // our place, which we left without wanting to

  /** @param {Store} store @param {Devices} devices @param {URL} url of the WebSocket */
  constructor(store, devices, url) {
    super();
    this.#store = store;
    this.#devices = devices;
    this.#place = new Place(devices);
    this.#signalling = new Signalling(url, () => (this.#hasSlept() ? null : this.#place.hello(store.state.link)));
    this.#conversation = new Conversation(store, this.#signalling);
    this.#connection = new Connection(
      (offer) => this.#signalling.send(offer),
      () =>
        others(store.state).some(({ microphone, camera, screen }) => {
          return microphone || (!devices.soundOnly && (camera || screen));
        }),
    );
    this.#signalling.on("message", (message) => this.#receive(message));
    const declare = () => new Declared((message) => store.state.view === "room" && this.#signalling.send(message));
    this.#declared = { media: declare(), preferences: declare(), wishes: declare() };
    this.#signalling.on("settled", () => this.#conversation.sayAgain());
    this.#signalling.on("down", (since) => {
      if (!this.#hasSlept()) store.update({ downSince: store.state.downSince ?? since, answeredSince: null });
    });
    this.#connection.on("state", (media) => this.#mediaChanged(media));
    this.#connection.on("tracks", () => store.touch());
    devices.on("track", (source) => void this.#connection.publish(source, devices.track(source)));
    devices.on("change", () => {
      store.touch();
      this.#remember(); // wherever one is, and whoever can be told: a reload brings back what was chosen last
      this.#declared.media.say(this.#media);
      this.#declared.preferences.say(this.#preferences);
    });
    new Listening(store, this.#signalling, this.#connection);
    setInterval(() => this.#hasSlept() || this.#remember(), REMEMBER_MS);
  }

  get connection() {
    return this.#connection;
  }

  /** Enters or knocks under a name. @param {string} name */
  join(name) {
    this.#place.seek(name);
    this.#open();
  }

  /** @param {import("./memory.js").KeptPlace} place goes back to where a reload interrupted */
  comeBack(place) {
    this.#place.seekAgain(place);
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
    this.#place.giveUp(this.#signalling.url);
    this.#finish("left", "");
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
    this.#conversation.say(text);
  }

  /** @param {import("./protocol.js").TileWish[]} tiles */
  wish(tiles) {
    this.#declared.wishes.say({ type: "wish", tiles });
  }

  /** Small pictures of the others. Kept on this device. @param {boolean} on */
  saveData(on) {
    this.#saveData = on;
    keepChoice("saveData", on);
    this.#declared.preferences.say(this.#preferences);
  }

  #open() {
    this.#sleep.awake();
    this.#store.update({ joining: true, failure: null });
    this.#signalling.open();
  }

  /**
   * A laptop that is opened again hours later must not put anybody into the session, camera on, before they have asked
   * for it. A page that only lost its network was awake all the time, and comes back by itself; and a clock that was
   * set right jumps, too, but then the server still answers.
   * @returns {boolean}
   */
  #hasSlept() {
    const { me, joining } = this.#store.state;
    if (!this.#sleep.jumped(this.#place.lease) || (me === null && !joining)) return false;
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
        return this.#chatted(message);
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
    this.#place.take(message);
    this.#ending = false; // else it would have ended
    // Another session, as after a restart of the server, counts chat lines and people anew.
    const anew = state.me !== null && state.me.id !== message.participant;
    if (anew) {
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
    if (anew || !joined) this.#endScreen();
    if (!joined) return this.#connection.close();
    if (state.view === "waiting") {
      this.emit("notice", { code: "admitted" });
      if (this.#signalling.settled) this.#conversation.sayAgain();
    }
    if (this.#connection.state === "new") this.#connection.start(message.slots, sourcesFor(message.may));
    else if (message.resumed) this.#connection.resume();
    else this.#connection.rebuild();
    this.#declared.media.again(this.#media);
    this.#declared.preferences.again(this.#preferences);
    this.#declared.wishes.again();
  }

  /** It was shared with whoever was there: those who are now may be others, and come much later. */
  #endScreen() {
    if (!this.#devices.screen) return;
    this.#devices.stopScreen();
    this.emit("notice", { code: "screen-stopped" });
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
    if (about === "chat") this.#conversation.drop();
    this.emit("notice", { code, message });
  }

  /** @param {import("./protocol.js").RoomState} message */
  #roomChanged(message) {
    const { state } = this.#store;
    const now = performance.now();
    const knocks = this.#door.update(message.waiting, now);
    this.#store.update({ ...withRoom(state, message, now), waiting: this.#door.waiting });
    if (state.participants.length && state.view === "room") {
      const { came, gone } = comings(state.participants, message.participants);
      for (const name of came) this.emit("notice", { code: "joined", name });
      for (const name of gone) this.emit("notice", { code: "gone", name });
    }
    for (const { name } of knocks) this.emit("knock", name);
  }

  /** @param {import("./protocol.js").Chat} message */
  #chatted(message) {
    const line = this.#conversation.hear(message);
    if (line && !line.own) this.emit("said", line);
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

  /** @returns {import("./protocol.js").Media} */
  get #media() {
    const { inputs, screen } = this.#devices;
    const { microphone, camera } = inputs;
    return { type: "media", microphone: microphone.delivers, camera: camera.delivers, screen: screen !== null };
  }

  /** @returns {import("./protocol.js").Prefer} */
  get #preferences() {
    return { type: "prefer", sound_only: this.#devices.soundOnly, save_data: this.#saveData };
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
    this.#place.remember(this.#store.state.link);
  }

  /** @param {string} code @param {string} message */
  #finish(code, message) {
    this.#returnTo = ["moved", "slept"].includes(code) ? this.#place.facts : null;
    this.#close();
    this.#devices.stop();
    this.#store.update({ view: "ended", failure: { code, message } });
  }

  #close() {
    this.#place.forget(this.#store.state.link);
    this.#ending = false;
    this.#door = new Door();
    this.#declared.wishes.forget();
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
