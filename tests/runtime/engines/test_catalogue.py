"""What the names of shipped models stand for."""

from pathlib import Path

from runtime.engines.catalogue import SHIPPED, model_path


def test_the_default_suits_where_it_runs():
    assert model_path("default") == model_path("fast") == model_path("fast", "cuda")
    assert model_path("default", "cuda") == model_path("main") == model_path("main", "cuda")
    assert model_path("fast").name == "emotion.int8_cpu.onnx"
    assert model_path("a/b.plan", "cuda") == Path("a/b.plan")
    assert all(path.is_file() for path in SHIPPED.values())
