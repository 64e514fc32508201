import json
import math

from benchmarks.document import to_json


def test_what_never_came_and_what_was_not_measured_are_valid_json():
    figures = {"restored": math.inf, "rounds": (1.5, math.nan), "nested": {"list": [-math.inf]}, "met": True}
    assert json.loads(to_json(figures)) == {
        "restored": "never",
        "rounds": [1.5, None],
        "nested": {"list": [None]},
        "met": True,
    }
