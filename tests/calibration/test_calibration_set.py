"""The options that calibration shares read every data set, and any pictures."""

from __future__ import annotations

import dataclasses

from calibration.calibration_set import METHODS, SOURCES, CalibrationOptions
from calibration.ranges import _CALIBRATORS
from calibration.sensitivity import SensitivityOptions
from export.__main__ import ExportOptions
from train.datasets.catalogue import DATASETS


def test_every_method_has_a_calibrator() -> None:
    assert set(METHODS) == set(_CALIBRATORS)
    assert {*DATASETS, "pictures"} == set(SOURCES)


def test_all_commands_that_calibrate_share_them() -> None:
    shared = {f.name for f in dataclasses.fields(CalibrationOptions)}
    for options in (SensitivityOptions, ExportOptions):
        assert shared <= {f.name for f in dataclasses.fields(options)}
