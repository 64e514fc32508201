"""A browser whose devices a test can hold back, fail, pause, plug and unplug."""

from __future__ import annotations

from tests.browser.person import Person

# Keeps every track that the page gets, and lets the test hold the browser's answers back.
DEVICES = """
    window.taken = [];
    window.asked = 0;
    window.answers = Promise.resolve();
    window.hold = () => {
        window.answers = new Promise((resolve) => (window.allow = resolve));
    };
    window.failures = {};  // kind -> name of the error
    window.why = "";  // what their messages say
    window.held = null;  // id of a device that another program has
    window.heldError = "NotReadableError";
    window.muting = false;  // what comes is muted, as during a phone call
    window.mute = (track, muted = true) => {
        Object.defineProperty(track, "muted", {configurable: true, get: () => muted});
        track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
    };
    for (const name of ["getUserMedia", "getDisplayMedia"]) {
        const ask = navigator.mediaDevices[name].bind(navigator.mediaDevices);
        navigator.mediaDevices[name] = async (wanted) => {
            window.asked++;
            await window.answers;
            for (const {deviceId} of [wanted.audio, wanted.video].filter(Boolean))
                if (window.held === (deviceId?.exact ?? "")) throw new DOMException("", window.heldError);
            for (const [kind, error] of Object.entries(window.failures))
                if (wanted[kind === "microphone" ? "audio" : "video"])
                    throw new DOMException(window.why, error);
            const stream = await ask(wanted);
            if (window.muting) for (const track of stream.getTracks()) window.mute(track);
            window.taken.push(...stream.getTracks());
            return stream;
        };
    }
"""
NONE_LIVE = """() => window.taken.every(({readyState}) => readyState === "ended")"""
# Until everything has run that a change of devices sets off.
PLUG = """async () => {
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    for (let round = 0; round < 3; round++) await navigator.mediaDevices.enumerateDevices();
}"""


UNPLUG = """label => {
    const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
    const other = device => device.label !== label;
    navigator.mediaDevices.enumerateDevices = async () => (await list()).filter(other);
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    return () => {
        navigator.mediaDevices.enumerateDevices = list;
        navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    };
}"""
MICROPHONE = "window.taken.findLast(({kind}) => kind === 'audio')"


async def with_devices(someone: Person, script: str = "") -> Person:
    await someone.page.add_init_script(DEVICES + script)
    return someone
