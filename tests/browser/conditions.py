"""Conditions that no test can make in a browser alone: the page is told of them as if by the server."""

from __future__ import annotations

from typing import Any

from tests.browser.person import Person

# Keeps the newest message of each type, and holds back those of the types that a test says itself.
LISTEN = """
    window.newest = {};
    window.withheld = new Set();
    window.WebSocket = class extends WebSocket {
        constructor(...how) {
            super(...how);
            window.socket = this;
            this.addEventListener("message", event => {
                const message = JSON.parse(event.data);
                if (window.withheld.has(message.type)) event.stopImmediatePropagation();
                else window.newest[message.type] = message;
            });
        }
    };
"""
SAY = """message => {
    window.withheld.add(message.type);
    window.socket.onmessage(new MessageEvent("message", {data: JSON.stringify(message)}));
}"""
ID_OF = """name => window.newest.room.participants.find(person => person.name === name)?.id"""
GOOD = {"quality": "good", "cause": "none", "picture": "motion", "sound_only": False}
SLOW_TO_SEND = {**GOOD, "quality": "poor", "cause": "your-uplink"}


async def told(person: Person, missed: float = 0, **conditions: dict[str, Any]) -> None:
    """As if the server had told `person` these conditions, by name."""
    people = [
        {
            "participant": await person.page.evaluate(ID_OF, name),
            "uplink": None,
            "downlink": None,
            **condition,
        }
        for name, condition in conditions.items()
    ]
    missed_by = [row["participant"] for row in people[:1] if missed]
    message = {"type": "conditions", "people": people, "missed": missed, "missed_by": missed_by}
    await person.page.evaluate(SAY, message)
