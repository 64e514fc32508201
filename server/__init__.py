"""The people side: HTTP, WebSocket, rooms and tokens."""
