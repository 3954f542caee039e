"""Matrix products: what `autotune tune examples/operators/matmul.py` tunes."""

import tilewright as tw
from tilewright import te


@tw.operator
def matmul(M: int, N: int, K: int, dtype: str = "float32"):
    """C[M, N] = A[M, K] B[K, N]."""
    A = te.placeholder((M, K), dtype, name="A")
    B = te.placeholder((K, N), dtype, name="B")
    k = te.reduce_axis(K, name="k")
    return A, B, te.compute((M, N), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="C")


@tw.operator
def linear_relu(M: int, N: int, K: int):
    """Multiply by weights, which may be prepared beforehand, add a bias and cut off below 0."""
    X = te.placeholder((M, K), name="X")
    W = te.placeholder((K, N), name="W", constant=True)
    bias = te.placeholder((N,), name="bias", constant=True)
    k = te.reduce_axis(K, name="k")
    product = te.compute((M, N), lambda i, j: te.sum(X[i, k] * W[k, j], axis=k), name="product")
    Y = te.compute((M, N), lambda i, j: te.maximum(product[i, j] + bias[j], 0.0), name="Y")
    return X, W, bias, Y


matmul.workloads = [{"M": 512, "N": 512, "K": 512}, {"M": 128, "N": 768, "K": 768}]
linear_relu.workloads = [{"M": 128, "N": 768, "K": 768}]
