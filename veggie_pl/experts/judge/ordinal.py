"""Scores from an ordinal head: whether a grade is above 1, above 2 given that, and so on."""

import torch
from jaxtyping import Float
from torch import Tensor


def expected_grade(logits: Float[Tensor, "*lead k"]) -> Float[Tensor, "*lead"]:
    r"""Average the grades 1 .. k + 1 by their probabilities (CORN, arXiv:2111.08851, Eq. 5 and 6).

    .. math:: P(Y > j) = \prod_{i \le j} \sigma(z_i), \qquad E[Y] = 1 + \sum_j P(Y > j)

    Args:
        logits: z_j of "above grade j, given that it is above grade j - 1".

    Examples:
        >>> expected_grade(torch.tensor([0.0, 0.0, 0.0])).item()  # 1 + 1/2 + 1/4 + 1/8
        1.875
    """
    return 1 + torch.sigmoid(logits).cumprod(-1).sum(-1)
