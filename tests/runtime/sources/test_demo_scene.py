"""The demo's pictures."""

import sys

import numpy as np

from runtime.sources import demo_scene
from runtime.sources.demo_scene import (
    FPS,
    HEIGHT,
    WIDTH,
    demo_faces,
    demo_scenes,
    group_picture,
)


def test_ten_seconds_in_two_scenes():
    scenes = demo_scenes()
    assert len(scenes) == 2
    assert sum(scene.frames for scene in scenes) == round(10 * FPS)


def test_views_differ_from_frame_to_frame_and_never_from_run_to_run():
    scene = demo_scenes()[0]
    first = scene.render(0)
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert (scene.render(1) != first).any()
    np.testing.assert_array_equal(scene.render(0), first)


def test_without_insightface_the_portrait_comes_nearer(monkeypatch):
    monkeypatch.setattr(demo_scene, "group_picture", lambda: None)
    first, second = demo_scenes()
    assert second.image is first.image
    assert second.scale > first.scale


def test_insightface_is_found_without_importing_it():
    before = set(sys.modules)
    group_picture()
    assert not any(name.startswith("insightface") for name in set(sys.modules) - before)


def test_faces_are_crops_of_the_portrait():
    (face,) = demo_faces()
    assert face.ndim == 3
    assert 80 < min(face.shape[:2]) < 200


def test_scenes_can_be_compared_and_hashed():
    one, other = demo_scenes()
    assert one != other
    assert len({one, other, one}) == 2
