"""The thesis' first network: LeNet-5's two 5 × 5 blocks, then AlexNet's deeper 3 × 3 stack, its ReLU and max-pooling.

The thesis (3.5) says "a combination of a LeNet-5 architecture and an AlexNet architecture" and gives no layer sizes.
Ours: from LeNet-5 two blocks of a 5 × 5 convolution and a 2 × 2 pooling; from AlexNet ReLU in the place of tanh,
max-pooling in the place of averaging, and three 3 × 3 convolutions in a row before the last pooling. As in every
backbone here the top is left off and a global average takes its place, so that any input size fits. With batch
normalisation after each convolution, as torchvision's vgg16_bn beside vgg16, it learns from scratch in fewer steps.
"""

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 128, 128)
"""Output channels of the five convolutions (AlexNet: five too)."""


class LenetAlexnet(nn.Module):
    """(B, channels, S, S) float32 to a (B, 128, S/8, S/8) feature map. S is 16 or more."""

    def __init__(self, channels: int, normalised: bool = False) -> None:
        super().__init__()
        first, second, third, fourth, fifth = WIDTHS
        self.features = nn.Sequential(
            *_block(channels, first, 5, normalised),
            nn.MaxPool2d(2),
            *_block(first, second, 5, normalised),
            nn.MaxPool2d(2),
            *_block(second, third, 3, normalised),
            *_block(third, fourth, 3, normalised),
            *_block(fourth, fifth, 3, normalised),
            nn.MaxPool2d(2),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Compute the feature map."""
        features: Tensor = self.features(images)
        return features


def _block(inputs: int, outputs: int, kernel: int, normalised: bool) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    # Source: He et al. 2015, arXiv:1502.01852. Without it five ReLU layers shrink the signal tenfold.
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    if normalised:
        return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    return convolution, nn.ReLU(inplace=True)
