"""Modules by themselves, imported into an empty page as any other client of the server would."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from server.messages import MAX_SLOTS

ARRANGED_WELL = """async () => {
    const {arrange} = await import("/static/js/ui/layout.js");
    const faults = [];
    for (const [width, height] of [[300, 500], [390, 700], [700, 300], [1346, 680], [2500, 1300], [320, 200]])
        for (const large of ["screen", "camera", null])
            for (let others = 0; others <= 12; others++)
                for (const self of [true, false]) {
                    const places = arrange({width, height}, {large, others, self});
                    const what = JSON.stringify({width, height, large, others, self});
                    if (places.others.length !== others) faults.push(`others: ${what}`);
                    if (!!places.self !== self) faults.push(`self: ${what}`);
                    if (!!places.large !== !!large) faults.push(`large: ${what}`);
                    const rects = [places.large, ...places.others, places.self].filter(Boolean);
                    for (const rect of rects) {
                        if (rect.x < -0.01 || rect.y < -0.01) faults.push(`outside: ${what}`);
                        if (rect.x + rect.width > width + 0.01) faults.push(`too wide: ${what}`);
                        if (rect.y + rect.height > height + 0.01) faults.push(`too high: ${what}`);
                        if (rect.width < 16 || rect.height < 16) faults.push(`too small: ${what}`);
                    }
                    const floating = !large && others === 1;
                    const apart = floating ? rects.slice(0, 1) : rects;
                    apart.forEach((a, i) => apart.slice(i + 1).forEach(b => {
                        const besides = a.x + a.width <= b.x + 0.01 || b.x + b.width <= a.x + 0.01;
                        const above = a.y + a.height <= b.y + 0.01 || b.y + b.height <= a.y + 0.01;
                        if (!besides && !above) faults.push(`overlap: ${what}`);
                    }));
                }
    return faults;
}"""

# A client of a few lines: no view, no state, no devices.
BARE_CLIENT = """async ([token, room, slots, sources]) => {
    const {Signalling} = await import("/static/js/signalling.js");
    const {Connection} = await import("/static/js/connection.js");
    const {PROTOCOL_VERSION: version} = await import("/static/js/protocol.js");
    const hello = () => ({type: "hello", version, token, room, name: "Bare"});
    const signalling = new Signalling(new URL("/ws", location.href.replace(/^http/, "ws")), hello);
    const connection = new Connection(offer => signalling.send(offer));
    await new Promise((done, failed) => {
        connection.on("state", state => state === "connected" && done());
        signalling.on("message", message => {
            const joined = message.type === "welcome" && message.state === "joined";
            if (joined) connection.start(slots ?? message.slots, sources);
            if (message.type === "answer") connection.accept(message);
            if (message.type === "bye") failed(new Error(message.code));
        });
        signalling.open();
    });
    return connection.state;
}"""

PARSE_LINK = """async text => {
    const {parseLink} = await import("/static/js/link.js");
    return parseLink(text, location.origin);
}"""

# Grades at times in milliseconds -> what is made of them.
STEADIED = """async () => {
    const {Steady} = await import("/static/js/steady.js");
    const steady = new Steady(3000, 0);
    const look = grades => grades.map(([grade, at]) => steady.look(grade, at));
    return [
        look([[0, 0], [2, 1000], [0, 2000], [2, 3000], [2, 5900], [2, 6000]]),  // only what stays
        look([[0, 7000], [1, 8000], [2, 8500], [0, 9000]]),  // back for a moment: still poor
        look([[1, 10000], [0, 11000], [1, 12000]]),  // not poor for three seconds: no longer poor
        look([[0, 13000], [0, 15999], [0, 16000]]),
    ];
}"""
GRADED = """async () => {
    const {Grading} = await import("/static/js/ui/ownquality.js");
    const grading = new Grading();
    const look = grades => grades.map(([grade, at]) => grading.look(grade, at));
    return [
        look([[0, 0], [1, 1000], [1, 19000], [1, 21000]]),
        look([[0, 22000], [1, 23000], [0, 24000], [0, 27000], [1, 28000], [1, 40000]]),
        look([[2, 41000], [2, 44000], [1, 45000], [1, 48000], [0, 49000], [0, 52000]]),  // fair, going up
    ];
}"""

WHY_NOT = """async ([name, kinds]) => {
    const {capture} = await import("/static/js/capture.js");
    navigator.mediaDevices.getUserMedia = async ({audio, video}) => {
        const asked = [audio && "microphone", video && "camera"].filter(Boolean);
        if (asked.some(kind => kinds.includes(kind))) throw new DOMException("", name);
        const context = new OfflineAudioContext(1, 1, 8000);
        return asked[0] === "camera"
            ? document.createElement("canvas").captureStream()
            : new MediaStream([new MediaStreamTrackGenerator({kind: "audio"})]);
    };
    const {microphone, camera} = await capture({microphone: "", camera: ""});
    return [microphone.problem, camera.problem];
}"""

# The chosen camera is gone. Gives what was asked for, and granted.
CHOSEN = """async () => {
    const {capture} = await import("/static/js/capture.js");
    const granted = [];
    navigator.mediaDevices.getUserMedia = async ({audio, video}) => {
        if (video.deviceId) throw new DOMException("", "OverconstrainedError");
        granted.push([audio && audio.deviceId, video && video.deviceId]);
        return new MediaStream([new MediaStreamTrackGenerator({kind: audio ? "audio" : "video"})]);
    };
    await capture({microphone: "headset", camera: "gone"});
    return granted;
}"""

# A screen is kept on from an answer that comes when nobody wants it any more.
CALLED_OFF = """async () => {
    const locks = [];
    const answers = [];
    const request = () => new Promise((answer) => answers.push(() => {
        const lock = {held: true, release: async () => { lock.held = false; }};
        locks.push(lock);
        answer(lock);
    }));
    Object.defineProperty(navigator, "wakeLock", {value: {request}});
    const {keepAwake} = await import("/static/js/wakelock.js");
    const held = async () => {
        for (const answer of answers.splice(0)) answer();
        await new Promise((done) => setTimeout(done));
        return locks.filter(({held}) => held).length;
    };
    keepAwake(true);
    keepAwake(false);
    const after = [await held()];
    keepAwake(true);
    keepAwake(false);
    keepAwake(true);
    after.push(await held());
    keepAwake(false);
    after.push(await held());
    return after;
}"""

# Two voices of which the browser plays neither, then one, then that one only because the other is gone.
BLOCKED = """async () => {
    const {Playback} = await import("/static/js/playback.js");
    const playable = new Set();
    HTMLMediaElement.prototype.play = async function () {
        const [track] = this.srcObject.getTracks();
        if (!playable.has(track)) throw new DOMException("", "NotAllowedError");
    };
    const playback = new Playback(document.body);
    let blocked = false;
    playback.on("blocked", (now) => (blocked = now));
    const [one, other] = [1, 2].map(() => new MediaStreamTrackGenerator({kind: "audio"}));
    playback.play(new Map([[0, one], [1, other]]));
    await playback.unblock();
    const seen = [blocked];
    playable.add(one);
    await playback.unblock();
    seen.push(blocked);
    playback.play(new Map([[0, one]]));
    seen.push(blocked);
    playback.play(new Map([[0, one], [1, other]]));
    await playback.unblock();
    seen.push(blocked);
    playable.add(other);
    await playback.unblock();
    return [...seen, blocked];
}"""

# What sound comes out of and what is told, after each change of what is plugged in.
SPEAKERS = """async ([chosen, ...changes]) => {
    localStorage.setItem("roomtone:speaker", JSON.stringify(chosen));
    const {Devices} = await import("/static/js/devices.js");
    const {noticeWords} = await import("/static/js/words.js");
    const devices = new Devices();
    let told = null;
    devices.on("notice", notice => (told = noticeWords(notice.code, notice)));
    const seen = [];
    for (const labels of changes) {
        const outlet = (label, deviceId = label) => ({kind: "audiooutput", deviceId, label, groupId: label});
        const list = labels.map(label => outlet(label));
        if (labels.length) list.unshift({...outlet(labels[0], "default"), label: `Default - ${labels[0]}`});
        const shown = list.length ? list : [{kind: "audiooutput", deviceId: "", label: "", groupId: ""}];
        navigator.mediaDevices.enumerateDevices = async () => shown;
        const changed = new Promise(resolve => devices.on("change", resolve));
        navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
        await changed;
        await null;
        seen.push([devices.speaker, told]);
        told = null;
    }
    return seen;
}"""
GONE = "Your headphones or speaker were disconnected. Sound comes from Laptop now."
BACK = "Sound comes from Headset again."

# The microphone has come, the camera's question is open.
ENDED_MEANWHILE = """async () => {
    const {capture} = await import("/static/js/capture.js");
    const use = new AbortController();
    const microphone = new MediaStreamTrackGenerator({kind: "audio"});
    await new Promise((open) => {
        navigator.mediaDevices.getUserMedia = async ({audio, video}) => {
            if (audio && video) throw new DOMException("", "NotReadableError");
            if (audio) return new MediaStream([microphone]);
            open();
            return new Promise(() => {});
        };
        void capture({microphone: "", camera: ""}, use.signal);
    });
    const before = microphone.readyState;
    use.abort();
    return [before, microphone.readyState];
}"""

# Statistics as Firefox tells them: of a pair, not how many packets were sent.
DEAD_WAY = """async sending => {
    const {Liveness} = await import("/static/js/liveness.js");
    let at = 0, packetsSent = 0;
    performance.now = () => at;
    const pair = {id: "pair", type: "candidate-pair", selected: true, bytesReceived: 1000};
    const peer = {getStats: async () => new Map([
        ["pair", pair],
        ["voice", {type: "outbound-rtp", packetsSent}],
    ])};
    const liveness = new Liveness(peer, () => false, () => {});
    for (; at < 10_000 && liveness.alive; at += 250) {
        if (sending) packetsSent++;
        await liveness.look();
    }
    liveness.stop();
    return at < 2_500 ? "soon" : at < 10_000 ? "late" : "never";
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def blank(person, server):
    return (await (await person()).open(server.url)).page


async def test_tiles_fill_the_stage_without_leaving_it_or_covering_each_other(blank):
    assert await blank.evaluate(ARRANGED_WELL) == []


async def test_another_client_can_be_built_on_signalling_and_connection_alone(person, server, room):
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    bare = await (await person()).open(server.url)
    token = server.link(room).partition("#")[2]
    state = asyncio.ensure_future(bare.page.evaluate(BARE_CLIENT, [token, room, None, []]))
    await host.let_in("Bare")
    assert await state == "connected"


async def test_the_largest_offer_that_a_page_makes_is_answered(person, server, room):
    bare = await (await person()).open(server.url)
    token = server.link(room, "host").partition("#")[2]
    sources = ["microphone", "camera", "screen"]
    assert await bare.page.evaluate(BARE_CLIENT, [token, room, MAX_SLOTS, sources]) == "connected"


async def test_grades_that_jump_to_and_fro_are_no_news_until_they_stay(blank):
    assert await blank.evaluate(STEADIED) == [[0, 0, 0, 0, 0, 2], [2, 2, 2, 2], [2, 2, 1], [1, 1, 0]]


async def test_a_fair_connection_is_worth_a_word_only_after_long_or_after_a_poor_one(blank):
    assert await blank.evaluate(GRADED) == [[0, 0, 0, 1], [1, 1, 1, 0, 0, 0], [0, 2, 2, 1, 1, 0]]


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("/r/quiet-room-4f2a#x.eyJyb2xlIjoiaG9zdCIsIm5hbWUiOiJBbsOvcyJ9.y", "quiet-room-4f2a"),
        ("  /r/quiet-room-4f2a/#x  ", "quiet-room-4f2a"),
        ("/r/quiet-room-4f2a", "quiet-room-4f2a"),
        ("https://elsewhere.example/r/room#x", None),
        ("/r/no%20room#x", None),
        ("/r/", None),
        ("not a link", None),
        ("", None),
        ("http://", None),
    ],
)
async def test_links_are_told_from_other_text(blank, text, room):
    link = await blank.evaluate(PARSE_LINK, text)
    assert (link and link["room"]) == room


async def test_a_token_is_read_for_a_greeting_and_garbage_gives_none(blank):
    link = await blank.evaluate(PARSE_LINK, "/r/a#x.eyJyb2xlIjoiaG9zdCIsIm5hbWUiOiJBbsOvcyJ9.y")
    assert (link["role"], link["name"]) == ("host", "Anïs")
    for token in ("", "x", "a.b.c", "x.bnVsbA.y", "x.WzFd.y", "x." + "A" * 5000 + ".y"):
        link = await blank.evaluate(PARSE_LINK, f"/r/a#{token}")
        assert (link["role"], link["name"]) == ("guest", "")


@pytest.mark.parametrize(
    ("error", "kinds", "problems"),
    [
        ("NotFoundError", ["camera"], [None, "camera-missing"]),
        ("NotFoundError", ["microphone"], ["microphone-missing", None]),
        ("NotReadableError", ["camera"], [None, "camera-busy"]),
        ("AbortError", ["camera"], [None, "camera-busy"]),
        ("NotReadableError", ["camera", "microphone"], ["microphone-busy", "camera-busy"]),
        ("NotAllowedError", ["camera", "microphone"], ["microphone-refused", "camera-refused"]),
        ("TypeError", ["camera", "microphone"], ["microphone-failed", "camera-failed"]),
    ],
)
async def test_every_reason_for_a_missing_device_has_its_code(blank, error, kinds, problems):
    assert await blank.evaluate(WHY_NOT, [error, kinds]) == problems


@pytest.mark.parametrize(
    ("chosen", "plugged_in", "seen"),
    [
        # Chosen by the person: back when it is.
        (
            "Headset",
            [["Laptop", "Headset"], ["Laptop"], ["Laptop", "Headset"]],
            [["Headset", None], ["", GONE], ["Headset", BACK]],
        ),
        # Chosen by the system, which goes back to it by itself.
        (
            "",
            [["Headset", "Laptop"], ["Laptop"], ["Headset", "Laptop"]],
            [["", None], ["", GONE], ["", None]],
        ),
        ("default", [["Headset", "Laptop"], ["Laptop"]], [["default", None], ["default", GONE]]),
        # Another one goes.
        ("Headset", [["Laptop", "Headset", "Screen"], ["Laptop", "Headset"]], [["Headset", None]] * 2),
        # Before permission is given, the list has no names.
        ("Headset", [[], ["Laptop", "Headset"]], [["", None], ["Headset", None]]),
    ],
)
async def test_whoever_loses_their_headphones_is_told_and_has_them_again(blank, chosen, plugged_in, seen):
    assert await blank.evaluate(SPEAKERS, [chosen, *plugged_in]) == seen


async def test_a_chosen_camera_that_is_gone_takes_no_microphone_with_it(blank):
    assert await blank.evaluate(CHOSEN) == [[{"exact": "headset"}, False], [False, None]]


async def test_what_was_captured_is_let_go_with_what_it_was_for_while_more_is_asked_for(blank):
    assert await blank.evaluate(ENDED_MEANWHILE) == ["live", "ended"]


async def test_a_screen_is_not_kept_on_by_an_answer_that_comes_too_late(blank):
    assert await blank.evaluate(CALLED_OFF) == [0, 1, 0]


async def test_sound_is_blocked_for_as_long_as_one_voice_is(blank):
    assert await blank.evaluate(BLOCKED) == [True, True, False, True, False]


async def test_every_code_of_the_server_and_of_the_devices_has_plain_words(blank):
    from server.words import WORDS

    ends = ["ended", "left", "declined", "removed", "locked", "moved", "session-over"]
    ends += [code for code in WORDS if code.startswith("token-") or code.endswith("-full")]
    titles = await blank.evaluate(
        """async codes => {
            const {endingWords} = await import("/static/js/words.js");
            return codes.map(code => endingWords(code, "").title);
        }""",
        [*ends, "ended-by-you", "version", "no-such-code"],
    )
    assert len(set(titles)) == len(titles)  # each its own, the unknown one included


async def test_a_dead_way_is_found_soon_where_something_is_sent_over_it(blank):
    assert await blank.evaluate(DEAD_WAY, True) == "soon"
    assert await blank.evaluate(DEAD_WAY, False) == "late"
