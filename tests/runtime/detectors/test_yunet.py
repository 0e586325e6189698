"""YuNet, and files that are none."""

import pytest

from runtime.detectors.factory import open_detector
from runtime.errors import EngineError


@pytest.mark.parametrize("name", ["yunet", "scrfd"])
def test_other_detectors_refuse_a_file_that_is_none(name, tmp_path):
    if name == "scrfd":
        pytest.importorskip("insightface.model_zoo", reason="needs insightface with its own needs")
    path = tmp_path / "text.onnx"
    path.write_text("no model")
    with pytest.raises(EngineError, match="not a"):
        open_detector(name, str(path))


def test_yunet_refuses_another_network(tiny_engine):
    with pytest.raises(EngineError, match="not a YuNet"):
        open_detector("yunet", str(tiny_engine))


def test_a_broken_file_never_reaches_opencvs_reader(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    # Weights that are nowhere: in YuNet's own file OpenCV 5.0 divides by zero at them.
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "w"], ["mid"], kernel_shape=[3, 3], group=16),
            helper.make_node("Relu", ["mid"], ["cls_8"]),
        ],
        "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 16, 32, 32])],
        [helper.make_tensor_value_info("cls_8", TensorProto.FLOAT, None)],
    )
    path = tmp_path / "broken.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), path)
    with pytest.raises(EngineError, match="not a sound ONNX model"):
        open_detector("yunet", str(path))
