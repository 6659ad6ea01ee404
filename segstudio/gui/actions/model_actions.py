"""The rows of the action table on models: predictions, what is taken over from them, and judging."""

from segstudio.gui.actions.action_spec import ActionSpec, Needs

A = ActionSpec
M = Needs.MODEL

MODEL: tuple[ActionSpec, ...] = (
    A("model.predict", "Predict this sample", ("Ctrl+P",), "sparkle", M),
    A("model.predict_all", "Predict all samples", ("Ctrl+Shift+P",), "stack", M),
    A("model.cancel", "Cancel the running job", ("Ctrl+.",), "x", Needs.JOB),
    A(
        "model.accept",
        "Accept whole prediction",
        ("Ctrl+Shift+A",),
        "check-circle",
        Needs.PREDICTION,
        "The mask becomes the prediction; locked classes stay",
        separator=True,
    ),
    A(
        "model.accept_class",
        "Accept active class",
        ("Ctrl+Shift+C",),
        "",
        Needs.PREDICTION,
        "Take what is predicted as the active class",
    ),
    A(
        "model.fill",
        "Fill unlabelled pixels",
        ("Ctrl+Shift+U",),
        "",
        Needs.PREDICTION,
        "Use the prediction where the mask is unlabelled",
    ),
    A(
        "model.disagreement",
        "Next disagreement",
        ("N",),
        "",
        Needs.PREDICTION,
        "Where mask and model differ, the weightiest region first",
        calls="model.disagree",
        argument="1",
        separator=True,
    ),
    A(
        "model.disagreement_before",
        "Previous disagreement",
        ("Shift+N",),
        "",
        Needs.PREDICTION,
        calls="model.disagree",
        argument="-1",
    ),
    A(
        "model.take_side",
        "Take the model's side",
        needs=Needs.PREDICTION,
        hint="The disagreement that is shown becomes what the model says (Enter)",
    ),
    A(
        "model.keep_side",
        "Keep the mask's side",
        needs=Needs.PREDICTION,
        hint="The disagreement that is shown does not come back (Shift+Enter)",
    ),
    A("model.drop", "Discard prediction", (), "trash", Needs.PREDICTION),
    A(
        "model.evaluate",
        "Evaluate on this folder's masks",
        ("Ctrl+E",),
        "chart-bar",
        M,
        separator=True,
    ),
    A(
        "model.compare",
        "Compare models…",
        ("Ctrl+Shift+M",),
        "scales",
        M,
        "A new model against the one in use, class by class, on samples that neither learnt from",
    ),
    A(
        "model.judge",
        "Judge all predictions",
        needs=M,
        hint="How good each one probably is, learnt from accepted and submitted masks: an order of the queue",
    ),
    A(
        "model.suspects",
        "Look for errors in masks",
        needs=M,
        hint="Where the model contradicts masks with good reason, the most suspect first",
    ),
    A(
        "model.import_model",
        "Import a model…",
        icon="download-simple",
        hint="Weights of TAO, NVlabs, mmsegmentation or Hugging Face, an ONNX file, or a model folder",
    ),
    A(
        "model.export_model",
        "Export a model…",
        ("Ctrl+Shift+E",),
        "export",
        hint="To ONNX, OpenVINO, TensorRT, DeepStream, TAO's form or Hugging Face, each judged by a gate",
    ),
)
