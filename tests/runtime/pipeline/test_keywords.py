"""Flat keywords stand for the settings of a configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SourceError
from runtime.pipeline.config import PipelineConfig
from runtime.pipeline.keywords import _PLACES, PipelineKeywords, config_of
from runtime.sources.config import SourceConfig
from runtime.support.net.tls import Tls

_VALUES = {
    "detector_model": st.none() | st.text(max_size=3),
    "detect_size": st.integers(32, 4096),
    "detect_interval_s": st.none() | st.floats(0, 5),
    "regions_score": st.floats(0, 1),
    "raw_boxes": st.booleans(),
    "min_face": st.floats(0, 100),
    "embeddings": st.booleans(),
    "provider": st.sampled_from(["cpu", "cuda"]),
    "threads": st.integers(1, 256),
    "rebuild": st.booleans(),
    "max_batch": st.integers(1, 64),
    "max_wait_ms": st.floats(0, 1e3),
    "smoothing_s": st.none() | st.floats(0, 60),
    "temporal_head": st.text(max_size=3),
    "latency_target_ms": st.none() | st.integers(1, 60_000),
    "look_ahead_s": st.floats(0, 10),
    "max_frames": st.none() | st.integers(1, 100),
}


@given(st.fixed_dictionaries({}, optional=_VALUES))
def test_each_keyword_sets_its_setting_and_no_other(keywords):
    config, usual = config_of(["demo"], **keywords), PipelineConfig((SourceConfig("demo"),))
    for keyword in _VALUES:
        part, name = _PLACES[keyword]
        found = getattr(getattr(config, part) if part else config, name)
        if keyword not in keywords:
            assert found == getattr(getattr(usual, part) if part else usual, name)
        elif keyword.endswith("_ms") and keywords[keyword] is not None:
            assert found == keywords[keyword] / 1e3
        else:
            assert found == keywords[keyword]


def test_every_keyword_has_a_place_and_a_line():
    assert set(PipelineKeywords.__annotations__) == set(_PLACES)
    assert all(f"        {keyword}: " in PipelineKeywords.__doc__ for keyword in _PLACES)
    assert set(_VALUES) == set(_PLACES) - {"reconnect_s", "tls", "zones"}


def test_sources_get_what_holds_for_all_and_their_own_trust():
    config = config_of(["a", "b"], reconnect_s=7, tls=[Tls("x.pem")])
    assert config.sources == (
        SourceConfig("a", reconnect_s=7, tls_ca="x.pem"),
        SourceConfig("b", reconnect_s=7),
    )
    assert config_of("a").sources == (SourceConfig("a"),)
    assert config_of("a", zones="z.yaml").sources == (SourceConfig("a", zones="z.yaml"),)
    assert config_of().sources == (SourceConfig("0"),)
    with pytest.raises(SourceError, match="needs a source"):
        config_of([])


def test_an_unknown_keyword_is_a_type_error():
    with pytest.raises(TypeError, match="no keyword 'detect_interval'"):
        config_of("a", detect_interval=50)
