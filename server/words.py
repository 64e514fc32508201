"""What a person reads when something is refused. One place, so that the tone stays the same.

The readers are a worried client on a phone and a therapist in the middle of a session: every text says what
happened in one short sentence and, where there is something to do, what to do next. The codes are stable and
made for programs; docs/protocol.md lists them."""

from __future__ import annotations

WORDS: dict[str, str] = {
    # how a visit ends
    "ended": "The session has ended. Thank you for coming.",
    "left": "You have left the session.",
    "declined": "The host can't let you in right now. You can knock again later.",
    "removed": "The host has taken you out of the session. If it was a mistake, you can knock again.",
    "locked": "The session has started and the door is closed. Ask the host to open it, then try again.",
    "moved": "You joined from another window or device, so this one was disconnected.",
    "restart": "The server is restarting. You will be back in a moment.",
    "session-over": "That session is over. Open your link again to join a new one.",
    # links
    "token-invalid": "This link doesn't work. It may not have been copied completely: ask for it again.",
    "token-expired": "This link is too old. Ask for a new one.",
    "token-wrong-room": "This link belongs to another room. Ask for the right one.",
    "token-forbidden": "This link doesn't allow that. Ask for one that does.",
    # no place
    "server-full": "The server is full at the moment. Please try again in a few minutes.",
    "room-full": "The room is full. As soon as somebody leaves, you can come in.",
    "waiting-full": "Too many people are waiting already. Please try again in a few minutes.",
    # something the page did
    "version": "This page is out of date. Please reload it.",
    "hello-timeout": "The connection took too long to start. Please try again.",
    "bad-message": "This page and the server don't understand each other. Please reload the page.",
    "too-fast": "That was a lot at once. Please wait a moment and try again.",
    "too-slow": "Your connection couldn't keep up. You are being reconnected.",
    "not-admitted": "Please wait until the host lets you in.",
    "not-allowed": "You can't do that in this session.",
    "unknown-participant": "That person isn't here any more.",
    "not-yourself": "You can't do that to yourself. Use Leave instead.",
    "connection-lost": "The sound and picture connection was lost. It is being set up again.",
    "internal": "Something went wrong on our side. Please try again.",
    # standard clients (WHIP and WHEP)
    "unauthorized": "Send the token as 'Authorization: Bearer TOKEN'.",
    "not-found": "There is nothing here. The stream may have ended.",
    "no-publisher": "Nobody is sending into this room yet. Try again when somebody does.",
    "method-not-allowed": "This address doesn't answer that kind of request.",
    "unsupported-media-type": "The body has the wrong content type.",
    "not-acceptable": "The offer asks for more than this address gives: at most one sound and one picture.",
    "unsupported-codec": "Send Opus sound and VP8 or H.264 pictures: part of the offer has none of them.",
    "too-large": "The request is too large.",
    "request-timeout": "The request took too long to arrive.",
    "bad-sdp": "The offer in the body can't be read.",
    "bad-fragment": "The ICE fragment in the body can't be read.",
    "precondition-failed": "The ICE session has changed since. Use the latest ETag.",
    "precondition-required": "Send If-Match with the ETag of the ICE session, or '*' for an ICE restart.",
}


class Refusal(Exception):
    """A request that the rules turn down. `code` is a key of WORDS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = WORDS[code]
