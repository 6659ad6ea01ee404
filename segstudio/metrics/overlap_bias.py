"""Chooses how much to add to each class's scores so that classes overlap best with what is true."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Sums = NDArray[np.float64]
# An answer is all or nothing; a share of a pixel can be followed downhill. At this factor of the scores the
# shares are nearly all or nothing, and still have a slope.
SHARPNESS = 5.0
SMALLEST = 1e-12


def overlap_bias(
    scores: Floats, truth: NDArray[np.int64], weight: Floats, hold: NDArray[np.float64]
) -> Floats:
    """What to add to the scores of each class for the highest mean IoU, held near 0.

    Cross-entropy says how likely a class is, and the likeliest one has fewest errors. Mean IoU asks for
    something else: a pixel that may be of a rare class raises it already where it is less likely than not
    (a pixel of probability p raises a class of IoU J if p > J / (1 + J)). The IoU of shares is that of
    Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks, 2016.

    Args:
        scores: float32 [n,K+1], logarithms of what is proportional to a probability; the last column takes
            part and does not move. Of pixels that whatever made the scores did not see.
        truth: int64 [n], 0 to K-1.
        weight: float32 [n], pixels that each one stands for.
        hold: float64 [K], twice the mean IoU, a fraction, that moving a class by a nat has to bring.

    Returns:
        float32 [K] in nats; 0 for classes that do not occur.
    """
    from scipy.optimize import minimize

    classes = scores.shape[1] - 1
    sharp = SHARPNESS * scores.astype(np.float64)
    share = (weight / weight.sum(dtype=np.float64)).astype(np.float64)[:, None]
    own = share * (truth[:, None] == np.arange(classes))
    areas = own.sum(axis=0)
    occurs = areas > 0
    mean = occurs / occurs.sum()

    def cost(bias: Sums) -> tuple[float, Sums]:
        powers = sharp.copy()
        powers[:, :-1] += SHARPNESS * bias
        powers -= powers.max(axis=1, keepdims=True)
        np.exp(powers, out=powers)
        said = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
        both = (own * said).sum(axis=0)
        either = np.maximum((share * said).sum(axis=0) + areas - both, SMALLEST)
        overlap = both / either
        # How the mean IoU rises with what is said of a pixel.
        rise = mean * (own * (1 + overlap) - share * overlap) / either
        slope = SHARPNESS * (said * (rise - (rise * said).sum(axis=1, keepdims=True))).sum(axis=0)
        slope[~occurs] = 0
        loss = 0.5 * float((hold * bias**2).sum()) - float((mean * overlap).sum())
        return loss, hold * bias - slope

    found = minimize(cost, np.zeros(classes), jac=True, method="L-BFGS-B")
    bias: Floats = found.x.astype(np.float32)
    return bias
