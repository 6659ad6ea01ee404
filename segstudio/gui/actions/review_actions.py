"""The rows of the action table on review: verdicts, comments, and what waits for whom."""

from segstudio.gui.actions.action_spec import ActionSpec, Needs

A = ActionSpec
P, S = Needs.PROJECT, Needs.SAMPLE

REVIEWING: tuple[ActionSpec, ...] = (
    A(
        "review.accept",
        "Accept and next",
        ("Y",),
        "check-circle",
        Needs.SUBMITTED,
        "The submitted mask is right; the next submitted sample comes",
    ),
    A(
        "review.reject",
        "Reject and next…",
        ("J",),
        "x-circle",
        Needs.SUBMITTED,
        "Asks for a reason; the sample goes back to whoever labelled it",
    ),
    A(
        "review.reopen",
        "Reopen",
        ("Shift+Y",),
        "lock-simple-open",
        Needs.CLOSED,
        "Work on this mask goes on",
    ),
    A(
        "review.undo",
        "Undo the last review step",
        ("Ctrl+Alt+Z",),
        "arrow-u-up-left",
        P,
        "Takes your last verdict, assignment or comment back",
    ),
    A(
        "review.comment",
        "Comment here…",
        ("Ctrl+Alt+M",),
        "chat-circle",
        S,
        "Pins a comment at the cursor",
        separator=True,
    ),
    A(
        "review.comment_after",
        "Next open comment",
        ("Alt+.",),
        "",
        P,
        calls="review.step_comment",
        argument="1",
    ),
    A(
        "review.comment_before",
        "Previous open comment",
        ("Alt+,",),
        "",
        P,
        calls="review.step_comment",
        argument="-1",
    ),
    A(
        "review.mine",
        "Next that waits for me",
        ("Alt+D",),
        "user",
        P,
        "Your rejected samples first, then corrections that you asked for, then the rest",
    ),
    A(
        "review.report",
        "Export report…",
        (),
        "file-text",
        P,
        "One page with progress, people, classes, the worst errors and open comments",
        separator=True,
    ),
)
