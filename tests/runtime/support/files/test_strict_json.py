import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.support.files.strict_json import MAX_DEPTH, parse_json

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text,
    lambda inner: st.lists(inner) | st.dictionaries(_text, inner),
    max_leaves=20,
)


@given(_values)
def test_sound_json_is_read_as_it_is(value):
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-Infinity", "1e999", "9" * 19, '{"a":1,"a":1}', '"\\ud800"', "[", ""],
)
def test_what_nothing_else_can_hold_is_refused(text):
    with pytest.raises(ValueError, match="."):
        parse_json(text)


def test_depth_is_bounded():
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    for depth in (MAX_DEPTH + 1, 2_000, 200_000):
        with pytest.raises(ValueError, match="deeply"):
            parse_json("[" * depth + "]" * depth)
