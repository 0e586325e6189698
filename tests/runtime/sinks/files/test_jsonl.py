import json
from dataclasses import replace

from runtime.sinks.files.jsonl import JsonSink
from tests.runtime.sinks.conftest import result


def test_json_lines_hold_the_documented_object(tmp_path):
    path = tmp_path / "new" / "out.jsonl"
    sink = JsonSink(str(path))
    sink.write(result(0))
    sink.write(result(1, faces=0))
    first, second = (json.loads(line) for line in path.read_text().splitlines())  # before close
    sink.close()
    sink.close()
    assert first == {
        "schema": 1,
        "stream": 0,
        "source": "",
        "frame": 0,
        "time_s": 0.0,
        "width": 320,
        "height": 240,
        "faces": [
            {
                "track": 3,
                "box": [50.0, 60.0, 150.0, 170.0],
                "score": 0.9,
                "emotion": "happiness",
                "confidence": 0.8,
                "uncertain": False,
                "probabilities": {"happiness": 0.8},
            }
        ],
        "latency_ms": 12.35,
    }
    assert second["faces"] == []


def test_a_frame_of_a_folder_has_its_path_and_its_time():
    got = replace(result(2), name="a.png").to_dict()
    assert (got["name"], got["stream"], got["frame"]) == ("a.png", 0, 2)
