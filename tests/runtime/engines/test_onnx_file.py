"""What a model file can't do: reach outside itself, or hide that it does."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from runtime.detectors.factory import open_detector
from runtime.emotion.temporal import open_head
from runtime.engines.catalogue import CENTERFACE, SHIPPED_HEAD
from runtime.engines.factory import open_engine
from runtime.engines.onnx_file import MAX_DEPTH, MAX_MODEL, check_onnx, read_onnx
from runtime.errors import EngineError
from runtime.manifest import METADATA_KEY
from tests.conftest import TINY
from tests.support.limited import run_limited

MODELS = Path(__file__).parents[3] / "runtime" / "models"


def outside(location: str = "secret.bin") -> TensorProto:
    """Weights that are said to stand in another file."""
    tensor = numpy_helper.from_array(np.zeros(24, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def graph_of(*nodes: onnx.NodeProto, **kwargs: object) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), "g", [], [], **kwargs)


def in_subgraph() -> onnx.GraphProto:
    inner = graph_of(helper.make_node("Constant", [], ["c"], value=outside()))
    return graph_of(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))


def in_graphs_of_graphs() -> onnx.GraphProto:
    node = helper.make_node("X", [], ["c"])
    node.attribute.add(name="many", type=onnx.AttributeProto.GRAPHS).graphs.append(in_subgraph())
    return graph_of(node)


def in_tensors() -> onnx.GraphProto:
    node = helper.make_node("X", [], ["c"])
    node.attribute.add(name="many", type=onnx.AttributeProto.TENSORS).tensors.append(outside())
    return graph_of(node)


def in_sparse(place: str) -> onnx.GraphProto:
    sparse = onnx.SparseTensorProto(dims=[24])
    getattr(sparse, place).CopyFrom(outside())
    graph = graph_of()
    graph.sparse_initializer.append(sparse)
    return graph


def in_sparse_attribute() -> onnx.GraphProto:
    node = helper.make_node("Constant", [], ["c"])
    attribute = node.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR)
    attribute.sparse_tensor.values.CopyFrom(outside())
    return graph_of(node)


def only_located() -> onnx.GraphProto:
    tensor = outside()
    tensor.ClearField("external_data")
    return graph_of(initializer=[tensor])


def only_named() -> onnx.GraphProto:
    tensor = outside()
    tensor.ClearField("data_location")
    return graph_of(initializer=[tensor])


def context() -> onnx.GraphProto:
    node = helper.make_node(
        "EPContext", [], ["y"], domain="com.microsoft", embed_mode=0, ep_cache_context="/etc/passwd"
    )
    return graph_of(node)


GRAPHS: dict[str, Callable[[], onnx.GraphProto]] = {
    "initializer": lambda: graph_of(initializer=[outside()]),
    "memory": lambda: graph_of(initializer=[outside("*/_ORT_MEM_ADDR_/*")]),
    "location alone": only_located,
    "name alone": only_named,
    "attribute": lambda: graph_of(helper.make_node("Constant", [], ["c"], value=outside())),
    "attribute's list": in_tensors,
    "subgraph": in_subgraph,
    "list of subgraphs": in_graphs_of_graphs,
    "sparse values": lambda: in_sparse("values"),
    "sparse indices": lambda: in_sparse("indices"),
    "sparse attribute": in_sparse_attribute,
    "context": context,
}


def model_of(graph: onnx.GraphProto) -> onnx.ModelProto:
    model = helper.make_model(graph, ir_version=10)
    helper.set_model_props(model, {METADATA_KEY: TINY.to_json()})
    return model


@pytest.mark.parametrize("place", GRAPHS)
def test_a_reference_is_refused_wherever_it_stands(tmp_path, place):
    path = tmp_path / "m.onnx"
    (tmp_path / "secret.bin").write_bytes(bytes(96))
    path.write_bytes(model_of(GRAPHS[place]()).SerializeToString())
    with pytest.raises(EngineError, match="outside the file, which is refused") as error:
        open_engine(path)
    assert "\n" not in str(error.value)


def test_a_reference_in_functions_and_training_is_refused():
    function = helper.make_function(
        "f", "F", [], ["c"], [helper.make_node("Constant", [], ["c"], value=outside())], []
    )
    model = model_of(graph_of())
    model.functions.append(function)
    training = model_of(graph_of())
    training.training_info.add().algorithm.CopyFrom(in_subgraph())
    for each in (model, training):
        with pytest.raises(EngineError, match="outside the file"):
            check_onnx(each.SerializeToString(), "m")


def hidden(model: Path, tmp_path: Path) -> Path:
    """A sound model of which one tensor stands in another file."""
    proto = onnx.load(model)
    tensor = proto.graph.initializer[0]
    (tmp_path / "secret.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    path = tmp_path / "hidden.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_every_way_to_open_a_model_refuses_it(tmp_path, tiny_engine):
    engine = hidden(tiny_engine, tmp_path)
    detector = str(hidden(CENTERFACE, tmp_path))
    for open_it in (
        lambda: open_engine(engine),
        lambda: open_detector(model=detector),
        lambda: open_detector("yunet", detector),
        lambda: open_head(hidden(SHIPPED_HEAD, tmp_path)),
    ):
        with pytest.raises(EngineError, match="outside the file"):
            open_it()


def test_scrfd_refuses_it_too(tmp_path):
    pytest.importorskip("insightface.model_zoo", reason="needs insightface with its own needs")
    with pytest.raises(EngineError, match="outside the file"):
        open_detector("scrfd", str(hidden(CENTERFACE, tmp_path)))


@pytest.mark.parametrize("name", [p.name for p in sorted(MODELS.glob("*.onnx"))])
def test_the_shipped_models_pass(name):
    with read_onnx(MODELS / name) as model:
        assert model.content[:] == Path(model.path).read_bytes() == (MODELS / name).read_bytes()


def test_what_was_checked_is_what_is_loaded_and_nothing_stays_open(tiny_engine, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny_engine.read_bytes())
    before = len(os.listdir("/proc/self/fd"))
    with read_onnx(path) as model:
        path.write_bytes(b"another")
        assert model.content[:] == Path(model.path).read_bytes() == tiny_engine.read_bytes()
    del model
    with pytest.raises(EngineError, match="sound"):
        read_onnx(path)
    assert len(os.listdir("/proc/self/fd")) == before


def references(message: object) -> bool:
    """The same question, asked of what the `onnx` package has parsed."""
    if isinstance(message, TensorProto):
        return bool(message.external_data) or message.data_location != TensorProto.DEFAULT
    if isinstance(message, onnx.NodeProto) and message.op_type == "EPContext":
        return True
    return any(
        references(item)
        for field, value in message.ListFields()  # type: ignore[attr-defined]
        if field.message_type is not None
        for item in (value if hasattr(value, "__len__") else [value])
    )


SEEDS = [model_of(make()).SerializeToString() for make in GRAPHS.values()]


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4),
    cut=st.one_of(st.none(), st.integers(0, 1 << 16)),
)
@settings(max_examples=400)
def test_what_is_let_through_refers_to_nothing_as_onnx_reads_it(seed, changes, cut):
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    data = bytes(data[: None if cut is None else cut % len(data)])
    try:
        check_onnx(data, "m")
    except EngineError:
        return
    try:
        model = onnx.load_model_from_string(data)
    except Exception:
        return
    assert not references(model)


@given(st.binary(max_size=200))
def test_any_bytes_are_let_through_or_refused(data):
    try:
        check_onnx(data, "m")
    except EngineError:
        pass


def field(number: int, content: bytes) -> bytes:
    length = len(content)
    varint = b""
    while length > 127:
        varint += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + varint + bytes([length]) + content


def test_depth_and_number_of_parts_are_bounded():
    graph = b""
    for _ in range(MAX_DEPTH):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(EngineError, match="too deeply"):
        check_onnx(field(7, graph), "m")
    with pytest.raises(EngineError, match="too many"):
        check_onnx(b"\x08\x01" * 1_100_000, "m")


def test_onnx_runtimes_other_format_cannot_be_slipped_in(tmp_path):
    # Sound protobuf (producer_name) with that format's mark in bytes 4 to 8.
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x0a\x12\x06ORTM\0\0")
    with pytest.raises(EngineError, match="not a sound ONNX"):
        open_engine(path)


@pytest.mark.parametrize("suffix", ["onnx", "plan"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge"])
def test_special_and_huge_files_neither_hang_nor_fill_the_memory(tmp_path, suffix, kind):
    path = tmp_path / f"m.{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as stream:
            stream.truncate(MAX_MODEL + 1)
    code = (
        "import sys\nfrom runtime import UserError, open_engine\n"
        "try: open_engine(sys.argv[1])\nexcept UserError as error: print(error)"
    )
    done = run_limited(code, path, seconds=60)
    assert done.returncode == 0, done.stderr
    assert ("too large" if kind == "huge" else "not a regular file") in done.stdout
    assert done.stdout.count("\n") == 1
