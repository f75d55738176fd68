"""What the device that trains can do."""

import torch


def uses_bf16(precision: str) -> bool:
    """Say whether to compute in bfloat16: "auto" where the device has it in hardware.

    A processor without it computes the same several times slower than in float32.
    """
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return _processor_has_bf16()


def _processor_has_bf16() -> bool:
    # torch has no public question for it; other processors and older versions are taken as without.
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)
