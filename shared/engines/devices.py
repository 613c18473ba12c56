"""What a model computes on, and how precisely."""

from typing import Literal

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]


def choose_device(device: Device) -> str:
    """The device of this name; under "auto" a GPU where there is one."""
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_precision(precision: Precision, device: str) -> str:
    """What to compute in where nothing is learnt; under "auto" halved on a CUDA device."""
    import torch

    if precision != "auto":
        return precision
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "float32"


def training_precision(device: str) -> str:
    """What to train in on "cuda", "mps" or "cpu": bfloat16 where the hardware multiplies it, else float32.

    On a CPU with such instructions it takes half the time, on one without them several times as long.
    """
    import torch

    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    capabilities = torch.cpu.get_capabilities() if device == "cpu" else {}
    return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"
