"""The kernels that are measured: what they compute, at which sizes, and how often a network runs them.

A workload names an operator of `operators.py` with its sizes. Its name is what `--only` of the harness takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Workload:
    """One operator at one size.

    `constants` are the inputs that are weights: sides may prepare them beforehand. `count` is how often the
    network that it comes from runs it.
    """

    name: str
    family: str
    operator: str
    sizes: dict[str, int] = field(hash=False)
    dtype: str = "float32"
    constants: tuple[str, ...] = ()
    count: int = 1


# m, n, k, whether also with B as a weight.
MATMULS = [
    (512, 512, 512, False),
    (1024, 1024, 1024, False),
    (2048, 2048, 2048, False),
    (1000, 1000, 1000, False),
    (128, 768, 768, True),
    (128, 3072, 768, True),
    (128, 768, 3072, True),
    (1, 4096, 4096, False),
    (16, 4096, 4096, True),
    (3136, 64, 576, True),
    (196, 256, 2304, True),
    (49, 512, 4608, True),
]

# Window, channels in, channels out, height and width of the image, stride, count. ResNet-50 with the stride
# in the 3x3 convolution: 53 convolutions of 23 kinds. Windows are padded to keep the size, strides apart.
RESNET50 = [
    (7, 3, 64, 224, 2, 1),
    # 56 x 56: three blocks; the first widens 64 to 256 beside its own last convolution
    (1, 64, 64, 56, 1, 1),
    (3, 64, 64, 56, 1, 3),
    (1, 64, 256, 56, 1, 4),
    (1, 256, 64, 56, 1, 2),
    # 28 x 28: four blocks
    (1, 256, 128, 56, 1, 1),
    (3, 128, 128, 56, 2, 1),
    (1, 256, 512, 56, 2, 1),
    (1, 128, 512, 28, 1, 4),
    (1, 512, 128, 28, 1, 3),
    (3, 128, 128, 28, 1, 3),
    # 14 x 14: six blocks
    (1, 512, 256, 28, 1, 1),
    (3, 256, 256, 28, 2, 1),
    (1, 512, 1024, 28, 2, 1),
    (1, 256, 1024, 14, 1, 6),
    (1, 1024, 256, 14, 1, 5),
    (3, 256, 256, 14, 1, 5),
    # 7 x 7: three blocks
    (1, 1024, 512, 14, 1, 1),
    (3, 512, 512, 14, 2, 1),
    (1, 1024, 2048, 14, 2, 1),
    (1, 512, 2048, 7, 1, 3),
    (1, 2048, 512, 7, 1, 2),
    (3, 512, 512, 7, 1, 2),
]

# MobileNetV2 of width 1: 52 convolutions, 17 of them depthwise.
MOBILENETV2_FIRST = [(3, 3, 32, 224, 2, 1)]
MOBILENETV2_POINTWISE = [
    (1, 32, 16, 112, 1, 1),
    (1, 16, 96, 112, 1, 1),
    (1, 96, 24, 56, 1, 1),
    (1, 24, 144, 56, 1, 2),
    (1, 144, 24, 56, 1, 1),
    (1, 144, 32, 28, 1, 1),
    (1, 32, 192, 28, 1, 3),
    (1, 192, 32, 28, 1, 2),
    (1, 192, 64, 14, 1, 1),
    (1, 64, 384, 14, 1, 4),
    (1, 384, 64, 14, 1, 3),
    (1, 384, 96, 14, 1, 1),
    (1, 96, 576, 14, 1, 3),
    (1, 576, 96, 14, 1, 2),
    (1, 576, 160, 7, 1, 1),
    (1, 160, 960, 7, 1, 3),
    (1, 960, 160, 7, 1, 2),
    (1, 960, 320, 7, 1, 1),
    (1, 320, 1280, 7, 1, 1),
]
# Channels, height and width of the image, stride, count; all 3x3.
MOBILENETV2_DEPTHWISE = [
    (32, 112, 1, 1),
    (96, 112, 2, 1),
    (144, 56, 1, 1),
    (144, 56, 2, 1),
    (192, 28, 1, 2),
    (192, 28, 2, 1),
    (384, 14, 1, 4),
    (576, 14, 1, 2),
    (576, 14, 2, 1),
    (960, 7, 1, 3),
]

# Rows of 1024 floats: with the result about half of the second-level caches of two processors, half of a
# usual last-level cache, and far more than any.
MEMORY_ROWS = {"L2": 128, "L3": 2048, "memory": 32768}


def _matmuls() -> list[Workload]:
    found = []
    for m, n, k, constant in MATMULS:
        sizes = {"m": m, "n": n, "k": k}
        found.append(Workload(f"matmul_{m}x{n}x{k}", "matmul", "matmul", sizes))
        if constant:
            name = f"matmul_{m}x{n}x{k}_weights"
            found.append(Workload(name, "matmul", "matmul", sizes, constants=("B",)))
    cube = {"m": 1024, "n": 1024, "k": 1024}
    found.append(Workload("matmul_1024x1024x1024_bf16", "matmul_low", "matmul", cube, "bfloat16", ("B",)))
    found.append(Workload("matmul_1024x1024x1024_int8", "matmul_low", "matmul", cube, "int8", ("B",)))
    batched = {"b": 12, "m": 128, "n": 128, "k": 64}
    found.append(Workload("batched_matmul_12x128x128x64", "batched_matmul", "batched_matmul", batched))
    return found


def conv_sizes(window: int, c: int, o: int, image: int, stride: int) -> dict[str, int]:
    """Sizes of a convolution over a square image, padded by half a window on each side."""
    out = (image + 2 * (window // 2) - window) // stride + 1
    return {
        "h": image,
        "w": image,
        "c": c,
        "o": o,
        "kh": window,
        "kw": window,
        "stride": stride,
        "pad": window // 2,
        "ho": out,
        "wo": out,
    }


def _conv(network: str, window: int, c: int, o: int, image: int, stride: int, count: int) -> Workload:
    name = f"{network}_conv{window}x{window}_{c}_{o}_{image}" + (f"_s{stride}" if stride > 1 else "")
    sizes = conv_sizes(window, c, o, image, stride)
    return Workload(name, network, "conv2d", sizes, constants=("W",), count=count)


def _depthwise(c: int, image: int, stride: int, count: int) -> Workload:
    name = f"mobilenetv2_depthwise3x3_{c}_{image}" + (f"_s{stride}" if stride > 1 else "")
    sizes = conv_sizes(3, c, c, image, stride)
    return Workload(name, "mobilenetv2", "depthwise_conv2d", sizes, constants=("W",), count=count)


def _convolutions() -> list[Workload]:
    mobile = MOBILENETV2_FIRST + MOBILENETV2_POINTWISE
    return [
        *(_conv("resnet50", *row) for row in RESNET50),
        *(_conv("mobilenetv2", *row) for row in mobile),
        *(_depthwise(*row) for row in MOBILENETV2_DEPTHWISE),
    ]


def _fused() -> list[Workload]:
    found = []
    for window, c, o, image in [(1, 64, 256, 56), (3, 128, 128, 28)]:
        found.append(
            Workload(
                f"conv{window}x{window}_bias_residual_relu_{c}_{o}_{image}",
                "fused",
                "conv2d_bias_residual_relu",
                conv_sizes(window, c, o, image, 1),
                constants=("W", "bias"),
            )
        )
    found.append(
        Workload(
            "matmul_bias_gelu_128x3072x768",
            "fused",
            "matmul_bias_gelu",
            {"m": 128, "n": 3072, "k": 768},
            constants=("B", "bias"),
        )
    )
    for k in (768, 3072):
        found.append(
            Workload(
                f"matmul_residual_layer_norm_128x768x{k}",
                "fused",
                "matmul_residual_layer_norm",
                {"m": 128, "n": 768, "k": k},
                constants=("B", "bias", "gamma", "beta"),
            )
        )
    for t in (128, 512):
        found.append(Workload(f"attention_12x{t}x64", "fused", "attention", {"b": 12, "t": t, "d": 64}))
    for c, e, image in [(24, 144, 56), (64, 384, 14)]:
        found.append(
            Workload(
                f"pointwise_depthwise_pointwise_{c}_{e}_{image}",
                "fused",
                "inverted_residual",
                conv_sizes(3, c, c, image, 1) | {"e": e},
                constants=("W1", "W2", "W3"),
            )
        )
    return found


def _memory_bound() -> list[Workload]:
    operators = ["softmax", "layer_norm", "gelu", "transpose", "row_sums", "broadcast_add"]
    return [
        Workload(f"{operator}_{where}_{rows}x1024", "memory", operator, {"m": rows, "n": 1024})
        for operator in operators
        for where, rows in MEMORY_ROWS.items()
    ]


def all_workloads() -> list[Workload]:
    """Every workload, each name once."""
    return [*_matmuls(), *_convolutions(), *_fused(), *_memory_bound()]
