"""Pictures and their forms, from arrays and from real decoders' frames."""

import gc
import math
import struct
import threading
import weakref

import av
import cv2
import numpy as np
import pytest

from runtime.vision.picture import FrameConverter, Picture


def video_frame(image, form="yuv420p"):
    """A decoder's frame of a picture."""
    return av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=form)


def rough(image):
    """Smooth, so that chroma at half the size loses little."""
    return cv2.GaussianBlur(image, (0, 0), 4)


def bgr_of_nv12(planes):
    return cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_NV12)


def test_an_array_is_used_as_it_is(portrait):
    picture = Picture(portrait)
    assert picture.bgr() is portrait
    assert (picture.width, picture.height) == (512, 512)


@pytest.mark.parametrize(
    "image",
    [
        np.full((6, 8), 9, np.uint8),
        np.full((6, 8, 1), 9, np.uint8),
        np.full((6, 8, 4), (9, 9, 9, 255), np.uint8),
        np.full((6, 8, 3), 9 * 257, np.uint16),
        np.full((6, 8), 9 / 255, np.float32),
    ],
)
def test_any_decoded_array_has_every_form(image):
    picture = Picture(image)
    assert picture.bgr().tolist() == np.full((6, 8, 3), 9).tolist()
    assert picture.grey().tolist() == np.full((6, 8), 9).tolist()
    assert picture.nv12().shape == (9, 8)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4,), (2, 2, 2, 2)])
def test_what_has_no_shape_of_a_picture_is_refused_at_once(shape):
    with pytest.raises(ValueError, match="must be"):
        Picture(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(("shape", "dtype"), [((4, 4, 2), np.uint8), ((4, 4), np.int64)])
def test_what_cant_be_converted_says_so_each_time_it_is_asked(shape, dtype):
    picture = Picture(np.zeros(shape, dtype))
    for form in (picture.bgr, picture.grey, picture.nv12):
        with pytest.raises(ValueError, match="must"):
            form()


def test_each_form_is_made_once(portrait, monkeypatch):
    made = []
    convert = FrameConverter.convert
    monkeypatch.setattr(
        FrameConverter, "convert", lambda *args: made.append(args[2]) or convert(*args)
    )
    picture = Picture.of_video_frame(video_frame(portrait))
    assert made == [], "nothing before it is asked for"
    for form in (picture.grey, picture.bgr, picture.nv12):
        assert form() is form()
    assert made == ["bgr24", "nv12"]


def test_a_decoders_frame_is_what_it_shows(portrait):
    picture = Picture.of_video_frame(video_frame(rough(portrait)))
    assert np.abs(picture.bgr().astype(int) - rough(portrait)).mean() < 3
    np.testing.assert_array_equal(picture.grey(), cv2.cvtColor(picture.bgr(), cv2.COLOR_BGR2GRAY))
    assert picture.nv12().shape == (768, 512)
    assert np.abs(bgr_of_nv12(picture.nv12()).astype(int) - rough(portrait)).mean() < 4


@pytest.mark.parametrize("size", [(511, 512), (512, 333), (101, 75)])
def test_odd_sides_lose_a_row_or_column_in_nv12_only(portrait, size):
    image = np.ascontiguousarray(rough(portrait)[: size[1], : size[0]])
    height, width = (side // 2 * 2 for side in image.shape[:2])
    for picture in (Picture(image), Picture.of_video_frame(video_frame(image, "yuv444p"))):
        assert picture.bgr().shape == image.shape
        assert picture.nv12().shape == (height * 3 // 2, width)
        got = bgr_of_nv12(picture.nv12()).astype(int)
        assert np.abs(got - image[:height, :width]).mean() < 4


def test_a_single_row_has_no_nv12():
    with pytest.raises(ValueError, match="no NV12"):
        Picture(np.zeros((1, 9, 3), np.uint8)).nv12()


class Turned:
    """A frame that says how it was turned, as those of a phone do."""

    def __init__(self, frame, rotation):
        sine, cosine = (round(f(math.radians(rotation))) << 16 for f in (math.sin, math.cos))
        matrix = struct.pack("=9i", cosine, -sine, 0, sine, cosine, 0, 0, 0, 1 << 30)
        self.frame, self.rotation, self.side_data = frame, rotation, {"DISPLAYMATRIX": matrix}

    def __getattr__(self, name):
        return getattr(self.frame, name)


@pytest.mark.parametrize(
    ("rotation", "code"),
    [
        (90, cv2.ROTATE_90_COUNTERCLOCKWISE),
        (-90, cv2.ROTATE_90_CLOCKWISE),
        (180, cv2.ROTATE_180),
        (0, None),
    ],
)
def test_a_turned_frame_stands_upright_in_every_form(portrait, rotation, code, monkeypatch):
    image = np.ascontiguousarray(rough(portrait)[:300])
    convert = FrameConverter.convert
    monkeypatch.setattr(
        FrameConverter, "convert", lambda self, frame, *how: convert(self, frame.frame, *how)
    )
    picture = Picture.of_video_frame(Turned(video_frame(image), rotation))
    upright = image if code is None else cv2.rotate(image, code)
    assert (picture.height, picture.width) == upright.shape[:2]
    assert np.abs(picture.bgr().astype(int) - upright).mean() < 3
    assert np.abs(bgr_of_nv12(picture.nv12()).astype(int) - upright).mean() < 4


@pytest.mark.parametrize(
    ("matrix", "code"),
    [((-1, 0, 0, 1), 1), ((1, 0, 0, -1), 0), ((0, 1, 1, 0), None), ((0, -1, -1, 0), "both")],
)
def test_a_mirrored_frame_stands_as_it_was_seen(portrait, matrix, code, monkeypatch):
    a, b, c, d = (number << 16 for number in matrix)
    image = np.ascontiguousarray(rough(portrait)[:300])
    convert = FrameConverter.convert
    monkeypatch.setattr(
        FrameConverter, "convert", lambda self, frame, *how: convert(self, frame.frame, *how)
    )
    frame = Turned(video_frame(image), 0)
    frame.side_data = {"DISPLAYMATRIX": struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)}
    want = cv2.transpose(image) if code in (None, "both") else cv2.flip(image, code)
    want = cv2.rotate(want, cv2.ROTATE_180) if code == "both" else want
    assert np.abs(Picture.of_video_frame(frame).bgr().astype(int) - want).mean() < 3


def test_frames_are_freed_without_the_collector_of_cycles(portrait):
    def alive():
        return sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        converter, before = FrameConverter(), alive()
        for _ in range(5):
            Picture.of_video_frame(video_frame(portrait), converter).bgr()
        # Of the first alone the side data was asked for.
        assert alive() - before <= 1
    finally:
        gc.enable()


@pytest.mark.parametrize(("aspect", "width"), [(2.0, 1024), (16 / 15, 546), (0.5, 256)])
def test_pixels_that_are_no_squares_are_made_so_in_every_form(portrait, aspect, width):
    image = rough(portrait)
    picture = Picture.of_video_frame(video_frame(image), aspect=aspect)
    want = cv2.resize(image, (width, 512), interpolation=cv2.INTER_LINEAR)
    assert (picture.width, picture.height) == (width, 512)
    assert np.abs(picture.bgr().astype(int) - want).mean() < 4
    assert np.abs(bgr_of_nv12(picture.nv12()).astype(int) - want).mean() < 4
    assert picture.turned(90).bgr().shape == (width, 512, 3)


@pytest.mark.parametrize("aspect", [0.0, 1e-9, 0.01, 1e9, math.inf, math.nan])
def test_a_ratio_that_no_pixel_has_is_passed_over(portrait, aspect):
    picture = Picture.of_video_frame(video_frame(portrait), aspect=aspect)
    assert picture.bgr().shape == (512, 512, 3)


def test_threads_that_ask_at_once_get_the_same_array(portrait):
    pictures = [Picture.of_video_frame(video_frame(portrait[:64, :64])) for _ in range(20)]
    got = []

    def ask():
        got.append([(p.bgr(), p.grey(), p.nv12()) for p in pictures])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for forms in zip(*got, strict=True):
        assert all(len({id(form[i]) for form in forms}) == 1 for i in range(3))


def test_frames_of_one_converter_may_change_their_size_and_format(portrait):
    converter = FrameConverter()
    for side, form in ((64, "yuv420p"), (128, "yuv422p"), (64, "gray"), (64, "yuv420p")):
        image = np.ascontiguousarray(portrait[:side, :side])
        picture = Picture.of_video_frame(video_frame(image, form), converter)
        assert picture.bgr().shape == (side, side, 3)


def test_what_ffmpeg_cant_convert_is_a_value_error():
    class Refusing:
        def reformat(self, frame, *_, **__):
            raise av.error.InvalidDataError(1, "no")

    converter = FrameConverter()
    converter._reformatter = Refusing()
    picture = Picture.of_video_frame(video_frame(np.zeros((4, 4, 3), np.uint8)), converter)
    with pytest.raises(ValueError, match="yuv420p frame can't be converted to bgr24"):
        picture.bgr()


def test_a_picture_is_freed_without_the_collector_of_cycles(portrait):
    class Noted(Picture):
        __slots__ = ("__weakref__",)

    gc.disable()
    try:
        for picture in (Noted(portrait), Noted.of_video_frame(video_frame(portrait))):
            picture.bgr(), picture.grey(), picture.nv12()
        gone = weakref.ref(picture)
        del picture
        assert gone() is None
    finally:
        gc.enable()


def expected(image, rotate, flip):
    image = np.rot90(image, -(rotate // 90))
    if flip:
        image = image[:, ::-1] if flip == "horizontal" else image[::-1]
    return image


TURNS = [(r, f) for r in (0, 90, 180, 270) for f in (None, "horizontal", "vertical")]


@pytest.mark.parametrize(("rotate", "flip"), TURNS)
@pytest.mark.parametrize("container", [0, 90, 180, 270])
def test_a_picture_is_turned_and_mirrored_in_every_form(
    portrait, rotate, flip, container, monkeypatch
):
    image = np.ascontiguousarray(rough(portrait)[:200, :320])
    convert = FrameConverter.convert
    monkeypatch.setattr(
        FrameConverter, "convert", lambda self, frame, *how: convert(self, frame.frame, *how)
    )
    given = Picture.of_video_frame(Turned(video_frame(image), container))
    want = expected(given.bgr(), rotate, flip)
    picture = given.turned(rotate, flip)
    assert (picture.height, picture.width) == want.shape[:2]
    assert np.array_equal(picture.bgr(), want)
    assert np.abs(bgr_of_nv12(picture.nv12()).astype(int) - want).mean() < 4
    assert picture.grey().shape == want.shape[:2]


@pytest.mark.parametrize(("rotate", "flip"), TURNS)
def test_an_array_is_turned_and_turned_again(portrait, rotate, flip):
    image = portrait[:200, :320]
    once = Picture(image).turned(rotate, flip)
    assert np.array_equal(once.bgr(), expected(image, rotate, flip))
    for more, mirror in TURNS:
        twice = once.turned(more, mirror)
        want = expected(expected(image, rotate, flip), more, mirror)
        assert np.array_equal(twice.bgr(), want), (more, mirror)
        assert (twice.height, twice.width) == want.shape[:2]


def test_nothing_asked_costs_nothing(portrait):
    assert Picture(portrait).turned().bgr() is portrait


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p"])
@pytest.mark.parametrize(
    ("matrix", "stated", "height"),
    [(1, 1, 480), (5, 5, 480), (9, 9, 480), (5, 2, 480), (1, 2, 720), (1, 1, 720), (5, 5, 720)],
)
def test_colours_are_those_that_were_meant(matrix, stated, height, form):
    image = np.full((height, 64, 3), (40, 60, 200), np.uint8)
    full = form.startswith("yuvj")
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(
        format=form, dst_colorspace=matrix, dst_color_range=2 if full else 1
    )
    frame.colorspace, frame.color_range = stated, 2 if full else 1
    got = Picture.of_video_frame(frame).bgr()
    assert np.abs(got[10, 10].astype(int) - image[0, 0]).max() <= 8  # another matrix is 13 off


@pytest.mark.parametrize("matrix", [2, 3, 8, 10, 14, 15])
@pytest.mark.parametrize("height", [480, 720])
def test_a_matrix_that_is_not_known_is_guessed_like_none(matrix, height):
    image = np.full((height, 64, 3), (40, 60, 200), np.uint8)
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(
        format="yuv420p", dst_colorspace=1 if height == 720 else 5, dst_color_range=1
    )
    frame.colorspace, frame.color_range = matrix, 1
    picture = Picture.of_video_frame(frame)
    assert np.abs(picture.bgr()[10, 10].astype(int) - image[0, 0]).max() <= 8
    assert picture.nv12().shape == (height * 3 // 2, 64)
