"""A model as one thing: read once, whatever kind of file it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from runtime.engines.catalogue import CENTERFACE, SHIPPED, checkpoint_of, model_path
from runtime.engines.onnx_file import onnx_metadata
from runtime.engines.package import ModelPackage, NoManifestError, use_package
from runtime.errors import EngineError, ManifestError
from runtime.manifest import Manifest, file_hash, sidecar_path
from tests.conftest import TINY


def test_a_package_knows_its_file_and_its_manifest(tiny_engine: Path) -> None:
    with ModelPackage(str(tiny_engine)) as package:
        assert package.file == tiny_engine
        assert package.manifest.agrees_with(TINY)
        assert package.sha256 == file_hash(tiny_engine)
        assert not package.is_plan


def test_file_and_sidecar_are_read_once(
    gpu: SimpleNamespace,
    make_plan: Callable[..., Path],
    make_onnx: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from runtime.engines.factory import open_engine

    files = [make_onnx(), make_plan()]
    open_engine(files[0]).close()
    opened: list[str] = []
    real = os.open

    def count(path: str | Path, *arguments: int, **keywords: int) -> int:
        opened.append(str(path))
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", count)
    for file in files:
        opened.clear()
        open_engine(file).close()
        assert opened == [str(file), str(sidecar_path(file))]


def test_what_was_checked_is_what_runs(make_onnx: Callable[..., Path]) -> None:
    path = make_onnx()
    with ModelPackage(path) as package:
        path.write_bytes(b"another")
        network = package.network()
    assert network.run(np.zeros((1, 3, 32, 32), np.float32))["logits"].shape == (1, 8)
    network.close()


def test_a_detector_has_no_manifest_and_needs_none() -> None:
    with ModelPackage(CENTERFACE) as package:
        with pytest.raises(NoManifestError, match="has no manifest"):
            _ = package.manifest
        package.network().close()


def test_nothing_stays_open(make_onnx: Callable[..., Path], tmp_path: Path) -> None:
    path, bare = make_onnx(), make_onnx("bare.onnx", manifest=None)
    before = len(os.listdir("/proc/self/fd"))
    use_package(path, lambda package: package.manifest)
    with pytest.raises(ManifestError):
        use_package(bare, lambda package: package.manifest)
    with pytest.raises(EngineError):
        use_package(tmp_path / "none.onnx", lambda package: package.manifest)
    package = ModelPackage(path)
    package.close()
    package.close()
    del package
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("spec", ["grpc://host:8001/emotion", "grpcs://h/x", "http://h/m.onnx"])
def test_a_url_is_refused_in_a_line_and_never_made_a_path(spec: str) -> None:
    with pytest.raises(EngineError, match="is not supported by this build") as error:
        model_path(spec)
    assert "\n" not in str(error.value)
    assert spec.partition("//")[0] + "//" in str(error.value)
    with pytest.raises(EngineError, match="is not supported by this build"):
        ModelPackage(spec)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_metadata_is_what_the_onnx_package_reads(name: str) -> None:
    data = SHIPPED[name].read_bytes()
    wanted = {p.key: p.value for p in onnx.load_model_from_string(data).metadata_props}
    assert onnx_metadata(data, name) == wanted


def test_of_a_key_that_comes_twice_the_last_counts(make_onnx: Callable[..., Path]) -> None:
    import onnxruntime

    path = make_onnx()
    model = onnx.load(path)
    for value in ("first", "last", ""):
        model.metadata_props.add(key="note", value=value)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = session.get_modelmeta().custom_metadata_map
    assert onnx_metadata(path.read_bytes(), "m") == wanted
    assert wanted["note"] == ""


def test_metadata_that_is_no_text_is_an_error(make_onnx: Callable[..., Path]) -> None:
    path = make_onnx()
    path.write_bytes(path.read_bytes().replace(b"emotion_manifest", b"emotion\xffmanifest"))
    with pytest.raises(EngineError, match="UTF-8") as error:
        use_package(path, lambda package: package.manifest)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_models_come_from_the_shipped_checkpoint(name: str) -> None:
    manifest = use_package(name, lambda package: package.manifest)
    assert checkpoint_of(manifest) == file_hash(SHIPPED["main"].with_suffix(".safetensors"))


def test_where_nothing_tells_it_there_is_no_checkpoint() -> None:
    assert checkpoint_of(TINY) is None
    assert checkpoint_of(Manifest(provenance={"checkpoint": "abc"})) == "abc"
