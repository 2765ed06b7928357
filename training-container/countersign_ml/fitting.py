"""Training of a network on images held in memory: small-cnn from scratch, and fine-tuning.

Images are decoded once to uint8 and augmented in batches where they lie (GPU memory, where there is a GPU). Order and
augmentation follow from (seed, epoch, step), so a resumed run computes what an uninterrupted one would have.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from .contract import Stopped, out_of_memory
from .cores import one_core_each

SAVE_SECONDS = 60
COMPILE_FROM = 400_000
"""Images that a training goes through, epochs counted, from which a minute or two of torch.compile is won back."""
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Schedule:
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float = 0.05
    warmup: float = 0.1
    """Share of all steps with a rising rate; a cosine down to zero follows."""
    smoothing: float = 0.0
    average: float = 0.98
    """Decay per step of the exponential moving average of the weights, which is what is kept."""
    flips: str = "horizontal"
    """none | horizontal | both: what does not change the class."""
    shift: float = 0.08
    zoom: float = 0.15
    turn: float = 0.1
    """Radians."""
    light: float = 0.2
    mixup: float = 0.0
    """Each batch is mixed with itself in another order, by a share from Beta(mixup, mixup) (Zhang et al. 2018)."""
    layer_decay: float = 0.7
    """Of a fine-tune: the rate's factor per layer towards the input."""
    half: bool = False
    """bfloat16 on a CPU too, where it has instructions for it (see fast_half); on a GPU always."""


class NotFinite(RuntimeError):
    """The loss became NaN or infinite."""


class TooLarge(RuntimeError):
    """A single image does not fit into memory beside the network."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            "out of memory with one image at a time; take an instance with more memory, a smaller imageSize or a "
            f"smaller backbone ({error})"
        )


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_half() -> bool:
    """Whether bfloat16 is faster than float32 here: on GPUs, and on CPUs with AMX or AVX-512 BF16."""
    if torch.cuda.is_available():
        return True
    file = Path("/proc/cpuinfo")
    return file.is_file() and not {"avx512_bf16", "amx_bf16"}.isdisjoint(file.read_text().split("\n\n")[0].split())


def fit(
    model: nn.Module,
    groups: list[dict],
    images: torch.Tensor,
    soft: torch.Tensor,
    schedule: Schedule,
    seed: int,
    checkpoint: Path | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    stop_early: Callable[[int, nn.Module], bool] | None = None,
    rows: torch.Tensor | None = None,
) -> nn.Module:
    """Trains `model` (uint8 NHWC -> (logits, embedding)) and leaves the averaged weights in it.

    `rows`: which of `images` the rows of `soft` are; default: all, in their order. Nothing is copied but batches.
    `groups`: AdamW parameter groups with key `scale`, a factor on the rate. `stop_early(epoch, averaged model)` is
    asked after each epoch. Once `stop()` is true (see stop_flag) the state is saved at the next step and Stopped is
    raised.
    Raises NotFinite.
    """
    where = device()
    # Convolutions are faster so, on both kinds of processor. torch's overloads of Module.to leave memory_format out.
    model = model.to(where, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    soft = soft.to(where)
    if _fits(images, where):
        images = images.to(where)
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(schedule.average), use_buffers=True
    )
    optimiser = torch.optim.AdamW(groups, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True)
    # A single image left over joins the last batch: batch norms can't measure one.
    steps = max(1, math.ceil((len(soft) - 1) / schedule.batch))
    total = steps * schedule.epochs
    done = _restored(checkpoint, model, averaged, optimiser)
    network: nn.Module = torch.compile(model) if compiles(len(soft), schedule, where) else model  # type: ignore[assignment]
    half = where.type == "cuda" or (schedule.half and fast_half())
    portion, cores = schedule.batch + 1, parts_at_once(model, schedule.batch, where)
    portion = math.ceil(portion / cores)
    saved = time.monotonic()
    while done < total:
        epoch, step = divmod(done, steps)
        order = torch.randperm(len(soft), generator=torch.Generator().manual_seed(seed * 1009 + epoch))
        end = len(soft) if step == steps - 1 else (step + 1) * schedule.batch
        at = order[step * schedule.batch : end]
        pixels = images[(at if rows is None else rows[at]).to(images.device)].to(where)
        chance = torch.Generator().manual_seed((seed * 1009 + epoch) * 100_003 + step)
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * group["scale"] * _rate(done, total, schedule.warmup)
        _train_mode(model)
        batch, target = augment(pixels, schedule, chance), soft[at.to(where)]
        if schedule.mixup > 0:
            batch, target = mixed(batch, target, schedule.mixup, chance)
        loss, portion = _backward(network, batch, target, schedule.smoothing, portion, half, cores)
        # Asking a GPU for the number makes it wait: it is asked now and then, and before anything is saved.
        stopping = stop()
        due = stopping or time.monotonic() - saved > SAVE_SECONDS
        if (where.type == "cpu" or due or done % 20 == 0 or done == total - 1) and not torch.isfinite(loss):
            raise NotFinite(
                f"the loss is {loss.item()} at step {done} of {total} (rate {schedule.learning_rate}); "
                "lower learningRate, or check the images and weights"
            )
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimiser.step()
        averaged.update_parameters(model)
        done += 1
        report(done, total)
        if checkpoint and due:
            _save(checkpoint, done, model, averaged, optimiser)
            saved = time.monotonic()
        if stopping:
            raise Stopped
        if step == steps - 1 and stop_early and stop_early(epoch, averaged.module.eval()):
            break
    model.load_state_dict(averaged.module.state_dict())
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    model.cpu().to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    return model.eval()


def parts_at_once(model: nn.Module, batch: int, where: torch.device) -> int:
    """Into how many parts a batch falls: on a CPU one per core of at least four images, each with a thread of its own.

    Threads that share every layer wait for each other at every layer: where other work takes a core, all of them. Batch
    norms that still learn need their batch whole.
    """
    learning = (m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))
    if where.type != "cpu" or not all(getattr(module, "frozen", False) for module in learning):
        return 1
    return max(1, min(torch.get_num_threads(), batch // 4))


def _backward(
    model: nn.Module, batch: torch.Tensor, soft: torch.Tensor, smoothing: float, portion: int, half: bool, cores: int
) -> tuple[torch.Tensor, int]:
    """Sets the gradients of the batch's mean loss; returns that loss, and how many images went through at a time.

    Portions go through `cores` at once, and their gradients are added in their order. Out of memory: the batch goes
    through in halves, quarters, ... of a portion, one after the other; the step is the same one, but for batch norms
    that are not frozen. Raises TooLarge where one image alone is too much.
    """
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def part(images: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, Sequence[torch.Tensor | None]]:
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=half):
            logits, _ = model(images)
        loss = functional.cross_entropy(logits.float(), target, label_smoothing=smoothing)
        share = loss * (len(images) / len(batch))
        return share.detach(), torch.autograd.grad(share, learnt, allow_unused=True)

    while True:
        try:
            whole = torch.zeros((), device=batch.device)
            for parameter in learnt:
                parameter.grad = None
            with one_core_each(cores) as mapped:
                for loss, gradients in mapped(part, batch.split(portion), soft.split(portion)):
                    whole += loss
                    for parameter, gradient in zip(learnt, gradients, strict=True):
                        if gradient is not None:
                            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
            return whole, portion
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if portion == 1:
                raise TooLarge(error) from error
        portion, cores = max(1, min(portion, len(batch)) // 2), 1
        print(f"out of memory: going on with {portion} images at a time", flush=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def compiles(count: int, schedule: Schedule, where: torch.device) -> bool:
    """Whether compiling the network pays: on a GPU, where the training is long."""
    return where.type == "cuda" and count * schedule.epochs >= COMPILE_FROM


def _fits(images: torch.Tensor, where: torch.device) -> bool:
    """Whether all images may lie in the device's memory at once: half of what is free. On a CPU nothing is moved."""
    return where.type != "cuda" or images.nbytes < torch.cuda.mem_get_info()[0] / 2


def augment(images: torch.Tensor, schedule: Schedule, chance: torch.Generator) -> torch.Tensor:
    """uint8 (n, h, w, 3) -> float (n, h, w, 3) in 0..255: one affine resampling and one change of light per image."""
    n = len(images)

    def draw(low: float, high: float) -> torch.Tensor:
        return (torch.rand(n, generator=chance) * (high - low) + low).to(images.device)

    zoom = 1 + draw(-schedule.zoom, schedule.zoom)
    turn = draw(-schedule.turn, schedule.turn)
    x, y = draw(-schedule.shift, schedule.shift) * 2, draw(-schedule.shift, schedule.shift) * 2
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0) if schedule.flips != "none" else torch.ones_like(x)
    upside = torch.where(draw(0, 1) < 0.5, -1.0, 1.0) if schedule.flips == "both" else torch.ones_like(x)
    cos, sin = torch.cos(turn) * zoom, torch.sin(turn) * zoom
    theta = torch.stack(
        [torch.stack([cos * mirror, -sin * upside, x], 1), torch.stack([sin * mirror, cos * upside, y], 1)], 1
    )
    pixels = images.permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(theta, list(pixels.shape), align_corners=False)
    pixels = functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    contrast = (1 + draw(-schedule.light, schedule.light)).view(n, 1, 1, 1)
    brightness = draw(-schedule.light, schedule.light).view(n, 1, 1, 1) * 64
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    return ((pixels - mean) * contrast + mean + brightness).clamp(0, 255).permute(0, 2, 3, 1)


def mixed(
    images: torch.Tensor, soft: torch.Tensor, spread: float, chance: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as share * own + (1 - share) * another's; the share is at least a half, so each keeps what it mostly is."""
    seed = int(torch.randint(2**31, (1,), generator=chance))
    share = float(np.random.default_rng(seed).beta(spread, spread))
    share = max(share, 1 - share)
    other = torch.randperm(len(images), generator=chance).to(images.device)
    return share * images + (1 - share) * images[other], share * soft + (1 - share) * soft[other]


def flips_for(classes: list[str]) -> str:
    """`none` where a class name speaks of left or right, else `horizontal`."""
    words = {word for name in classes for word in name.lower().replace("-", " ").replace("_", " ").split()}
    return "none" if words & {"left", "right", "clockwise", "anticlockwise", "counterclockwise"} else "horizontal"


def side_by_side(tasks: Sequence[Callable[[], Network]]) -> list[Network]:
    """Runs trainings as threads of one core each; the result does not depend on the number of cores."""
    with one_core_each(1 if torch.cuda.is_available() else torch.get_num_threads()) as mapped:
        return list(mapped(lambda task: task(), tasks))


def _rate(step: int, total: int, warmup: float) -> float:
    rise = max(1, int(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def _train_mode(model: nn.Module) -> None:
    """Batch norms that are marked `frozen` stay in eval mode."""
    model.train()
    for module in model.modules():
        if getattr(module, "frozen", False):
            module.eval()


def _save(file: Path, done: int, model: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    partial = file.with_suffix(".part")
    state = {"done": done, "model": model.state_dict(), "averaged": averaged.state_dict()}
    torch.save(state | {"optimiser": optimiser.state_dict()}, partial)
    os.replace(partial, file)


def _restored(file: Path | None, model: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    if file is None or not file.exists():
        return 0
    state = torch.load(file, map_location=device(), weights_only=True)
    model.load_state_dict(state["model"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["done"])


@contextmanager
def stop_flag() -> Iterator[Callable[[], bool]]:
    """While it lasts SIGTERM sets a flag: a step is never cut in two. For the main thread."""
    asked = False

    def on_term(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True

    before = signal.signal(signal.SIGTERM, on_term)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGTERM, before)
