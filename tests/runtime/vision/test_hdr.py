"""HDR pictures: the standards' curves, and copies of an SDR picture that come back as it was."""

import av
import cv2
import numpy as np
import pytest

from runtime import EmotionRecognizer
from runtime.vision.hdr import HLG, PQ, HdrStream, light_of_hlg, light_of_pq, sdr_of_light
from runtime.vision.picture import Picture

#: BT.709's primaries in BT.2020's (BT.2087-0).
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def hdr_copy(image, transfer, white):
    """The frame of a picture's HDR copy, whose white has so much light."""
    light = (image[:, :, ::-1] / 255.0) ** 2.4 @ TO_2020.T * white
    codes = np.linspace(0, 1, 4096)
    if transfer == PQ:
        code = np.interp(light, light_of_pq(codes), codes)
    else:
        # By the scene's light: the display's is that to the system's gamma of its luminance.
        luminance = np.maximum(light @ [0.2627, 0.6780, 0.0593], 1e-6)[..., None] / 1000
        scene = light / 1000 / luminance ** (0.2 / 1.2)
        grey = light_of_hlg(np.repeat(codes[:, None], 3, 1))[:, 0]
        code = np.interp(scene, (grey / 1000) ** (1 / 1.2), codes)
    deep = np.rint(code * 65535).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(deep), format="rgb48le")
    frame = frame.reformat(format="yuv420p10le", dst_colorspace=9)
    frame.color_trc, frame.colorspace, frame.color_range = transfer, 9, 1
    return frame


def test_the_curves_are_the_standards():
    # BT.2100: 58% of PQ is 203 cd/m2, its whole 10,000; 75% of HLG is 203 on a screen of 1,000.
    assert light_of_pq(np.array([0.0, 0.58, 1.0])) == pytest.approx(
        [0, 203, 10_000], rel=0.02, abs=1e-6
    )
    assert light_of_hlg(np.full(3, 0.75)) == pytest.approx([203] * 3, rel=0.02)
    assert light_of_hlg(np.ones(3)) == pytest.approx([1000] * 3, rel=1e-3)


def test_light_below_white_stays_and_above_it_never_clips():
    light = np.repeat(np.array([[1.0], [50.0], [100.0], [500.0], [5000.0], [10_000.0]]), 3, 1)
    code = sdr_of_light(light, 100.0)[:, 0]
    assert code[1] == pytest.approx(0.5 ** (1 / 2.4), abs=0.002)
    assert (np.diff(code) >= 0).all()
    assert code[-1] <= 1


@pytest.mark.parametrize("white", [100.0, 150.0, 203.0])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_copy_comes_back_as_it_was_and_keeps_its_label(portrait, transfer, white):
    copy = Picture.of_video_frame(hdr_copy(portrait, transfer, white)).bgr()
    assert np.abs(copy.astype(int) - portrait).mean() < 12
    flat = hdr_copy(portrait, transfer, white)
    flat.color_trc = 1  # taken for SDR it is far off
    assert np.abs(Picture.of_video_frame(flat).bgr().astype(int) - portrait).mean() > 15
    with EmotionRecognizer() as recognizer:
        before, after = (recognizer.predict(image).faces[0] for image in (portrait, copy))
    assert after.emotion == before.emotion
    assert after.confidence == pytest.approx(before.confidence, abs=0.1)


def test_greys_stay_grey():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2).repeat(64, 0)
    made = HdrStream().to_sdr(np.ascontiguousarray(ramp), PQ).astype(int)
    assert (made.max(-1) - made.min(-1)).max() <= 1
    assert (np.diff(made[0, :, 0]) >= 0).all()


def test_the_white_moves_slowly():
    stream, dim = HdrStream(), np.full((64, 64, 3), 120, np.uint8)
    bright = dim.copy()
    bright[:32] = 200
    before = stream.to_sdr(dim, PQ)[40, 0, 0]
    after = stream.to_sdr(bright, PQ)[40, 0, 0]
    assert abs(int(after) - int(before)) <= 6
    for _ in range(60):
        last = stream.to_sdr(bright, PQ)[40, 0, 0]
    assert last < after


def test_every_form_of_an_hdr_frame_is_sdr(portrait):
    picture = Picture.of_video_frame(hdr_copy(portrait, PQ, 150.0))
    back = cv2.cvtColor(picture.nv12(), cv2.COLOR_YUV2BGR_NV12)
    assert np.abs(back.astype(int) - portrait).mean() < 14
    assert np.array_equal(picture.grey(), cv2.cvtColor(picture.bgr(), cv2.COLOR_BGR2GRAY))
