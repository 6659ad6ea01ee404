"""Int8 by NNCF, in its two modes: as for convolutional networks, and as for transformers."""

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.inference.core import RESIZED

if TYPE_CHECKING:
    from segstudio.deploy.quantization import Plan

NEEDS = "nncf"
INSTALL = "pip install nncf"


def quantize(core: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]], plan: "Plan") -> onnx.ModelProto:
    """The core with Q/DQ nodes; see `QuantizerModule.quantize`.

    Mode "default" takes symmetric ranges and more layers; "transformer" leaves attention's products float,
    smooths outlying channels and takes asymmetric ranges of activations.
    """
    import nncf

    transformer = plan.mode == "transformer"
    nncf.set_log_level(logging.ERROR)
    # Its progress bars would be read as a command's output.
    with contextlib.redirect_stdout(io.StringIO()):
        made: onnx.ModelProto = nncf.quantize(
            core,
            nncf.Dataset(inputs, lambda given: {RESIZED: given}),
            model_type=nncf.ModelType.TRANSFORMER if transformer else None,
            preset=nncf.QuantizationPreset.MIXED if transformer else nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(inputs),
            fast_bias_correction=True,
            ignored_scope=nncf.IgnoredScope(names=list(plan.exempt)),
        )
    return made
