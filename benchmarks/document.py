"""Figures as JSON."""

from __future__ import annotations

import json
import math


def to_json(figures: object) -> str:
    """JSON knows neither NaN nor infinity: null for what was not to be measured, "never" for what never
    came."""
    return json.dumps(_finite(figures), indent=1, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "never" if value == math.inf else None
    return value
