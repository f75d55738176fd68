"""What the device that trains can do."""

import torch


def uses_bf16(precision: str) -> bool:
    """Say whether to compute in bfloat16: "auto" where the GPU has it."""
    if precision == "auto":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return precision == "bf16"
