"""Two accelerators, twin:0 and twin:1, made of a CPU's memory. They compute as the CPU does, and refuse tensors that
are on another device.

It is registered with torch for the whole process (PyTorch's Python backends, `torch.utils.backend_registration`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

KIND = "twin"
COUNT = 2
aten = torch.ops.aten
MOVES = {aten._to_copy.default, aten.copy_.default, aten._copy_from.default}
"""May have tensors of several devices."""
INDEXING = {aten.index.Tensor, aten.index_put_.default}
"""May have indices in the machine's memory: they are what stands second."""
MATH = 0
"""The one way to compute attention that all devices have."""


class Twin(torch.Tensor):
    """A tensor on a twin: `held` has its values."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor, index: int) -> Twin:
        # views of tensors from outside of inference mode may not be inference tensors
        with torch.inference_mode(False):
            twin = torch.Tensor._make_wrapper_subclass(
                cls,
                held.shape,
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=torch.device(KIND, index),
            )
        twin.held = held
        return twin

    def tolist(self) -> Any:
        return self.held.tolist()

    def data_ptr(self) -> int:
        """accelerate knows tied weights by it."""
        return self.held.data_ptr()

    def __deepcopy__(self, memo: Any) -> torch.Tensor:
        copied = Twin(self.held.clone(), self.device.index)
        return torch.nn.Parameter(copied, False) if isinstance(self, torch.nn.Parameter) else copied

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled():
            # what is made of other operations arrives whole
            result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if func is aten._fused_sdp_choice.default:
            return MATH
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        _check_together(func, args, given)
        # with a tensor that has no memory nothing is computed, on accelerators either
        at = "meta" if any(each.is_meta for each in given) else "cpu"
        result = func(
            *tree_map(lambda each: _held(each, at), args), **tree_map(lambda each: _held(each, at), kwargs)
        )
        if func is aten.copy_.default:
            return args[0]
        device = kwargs.get("device") or next(each.device for each in given if isinstance(each, Twin))
        return tree_map(lambda each: _given_back(each, given, torch.device(device)), result)


def _check_together(func: Any, args: Any, given: list[torch.Tensor]) -> None:
    """Raises RuntimeError as an accelerator does. Numbers may come from anywhere."""
    free = [each for each in tree_leaves(args[1]) if not isinstance(each, Twin)] if func in INDEXING else []
    devices = {
        each.device
        for each in given
        if (isinstance(each, Twin) or each.dim()) and not any(each is one for one in free)
    }
    devices.discard(torch.device("meta"))
    if len(devices) > 1 and func not in MOVES:
        raise RuntimeError(f"Expected all tensors to be on the same device, found {devices} ({func})")


def _held(value: object, at: str = "cpu") -> object:
    if isinstance(value, Twin):
        return value.held.to(at)
    return torch.device(at) if isinstance(value, torch.device) else value


def _given_back(value: object, given: list[torch.Tensor], device: torch.device) -> object:
    """What was changed in place is the same tensor still."""
    if not isinstance(value, torch.Tensor) or device.type == "cpu" or value.is_meta:
        return value
    for each in given:
        if isinstance(each, Twin) and each.held is value:
            return each
    return Twin(value, device.index or 0)


class Module:
    """torch.twin"""

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return True

    def device_count(self) -> int:
        return COUNT

    def current_device(self) -> int:
        return 0


def _made(operation: Any) -> Any:
    def made(*args: Any, device: Any = None, pin_memory: Any = None, **kwargs: Any) -> Twin:
        return Twin(operation(*args, device=torch.device("cpu"), **kwargs), torch.device(device).index or 0)

    return made


def _copy_from(source: torch.Tensor, into: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    _held(into).copy_(_held(source))  # type: ignore[attr-defined]
    return into


def register() -> torch.library.Library:
    """The twins last as long as what is returned."""
    _setup_privateuseone_for_python_backend(KIND, backend_module=Module())
    library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    for name in ("empty.memory_format", "empty_strided", "eye"):
        operation, _, overload = name.partition(".")
        kernel = _made(getattr(getattr(aten, operation), overload or "default"))
        library.impl(name, kernel, "PrivateUse1")  # type: ignore[no-untyped-call]
    library.impl("_copy_from", _copy_from, "PrivateUse1")  # type: ignore[no-untyped-call]
    return library
