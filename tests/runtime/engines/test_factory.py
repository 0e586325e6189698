from dataclasses import replace

import pytest

from runtime.engines.factory import open_engine, open_network, read_manifest
from runtime.engines.sidecar import write_sidecar
from runtime.errors import EngineError, ManifestError
from tests.conftest import TINY


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("empty.onnx", b"", "empty"),
        ("text.onnx", b"this is not a model", "not a sound ONNX"),
        ("w.safetensors", b"x", "python -m export --checkpoint"),
        ("w.ckpt", b"x", "python -m export"),
        ("w.plan", b"x", "plan"),
        ("w.tflite", b"x", "must be an .onnx"),
    ],
)
def test_other_files_are_refused_in_a_line(tmp_path, name, content, word):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(EngineError, match=word) as error:
        open_engine(path)
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(EngineError, match="no such file"):
        open_engine(tmp_path / "nope.onnx")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_model_cut_short_is_refused(tiny_engine, tmp_path, part):
    data = tiny_engine.read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises((EngineError, ManifestError)):
        open_engine(path)


def test_no_manifest(make_onnx):
    with pytest.raises(ManifestError, match="no manifest"):
        open_engine(make_onnx(manifest=None))


def test_broken_manifest(make_onnx):
    with pytest.raises(ManifestError, match="not JSON"):
        open_engine(make_onnx(metadata="{"))


def test_names_that_are_no_text_are_an_error(make_onnx):
    path = make_onnx(manifest=None, metadata=TINY.to_json())
    path.write_bytes(path.read_bytes().replace(b"input", b"inp\xfft"))
    with pytest.raises(EngineError, match="onnx: ") as error:
        open_engine(path)
    assert "\n" not in str(error.value)


def test_threads_out_of_range(tiny_engine):
    with pytest.raises(EngineError, match="--threads"):
        open_engine(tiny_engine, threads=100_000)


def test_sidecar_that_contradicts_the_model(make_onnx):
    path = make_onnx()
    write_sidecar(replace(TINY, temperature=2.0), path)
    with pytest.raises(ManifestError, match="contradicts"):
        open_engine(path)


def test_sidecar_of_another_file(make_onnx):
    path = make_onnx()
    sidecar = path.with_suffix(".json")
    sidecar.write_text(sidecar.read_text().replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(ManifestError, match="another file"):
        open_engine(path)


def test_name_tells_provider_and_threads(tiny_engine):
    assert "(CPUExecutionProvider, 2 threads)" in open_network(tiny_engine, threads=2).name


def test_int8_for_tensorrt_is_refused_where_it_would_be_wrong(make_onnx):
    for target in ("tensorrt", "cpu"):
        manifest = replace(TINY, precision="int8", quantization={"target": target})
        path = make_onnx(f"{target}.onnx", manifest=manifest)
        assert read_manifest(path).quantization["target"] == target
        if target == "cpu":
            open_engine(path).close()
            continue
        with pytest.raises(EngineError, match="ONNX Runtime gives other labels with it"):
            open_engine(path)
