"""Image -> embedding. Any timm architecture by name, or `descriptor`; pixels are prepared inside the module, so the
exported graph and the training features come from the same operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from . import pretrained
from .contract import BadInput
from .descriptor import INPUT_SIZE as DESCRIPTOR_SIZE
from .descriptor import Descriptor
from .documents import digest

CENTRE = {"centre": 0.9, "square": 1.0}
"""Of the shorter side, in the views that keep an image's proportions."""
VIEWS = ("whole", "centre", "tiles")
TILES = 2
"""Per side, in view `tiles`."""
_REVISION = 1  # raise when the preparation below changes: cached embeddings then no longer match


class Prepare(nn.Module):
    """uint8 (n, height, width, 3) -> normalised float (n, 3, size, size): antialiased bicubic.

    View `whole`: all of the image, squeezed into the square, for what decides is often at the edge. View `centre`: the
    middle nine tenths of the shorter side, undistorted, as most pretrained networks have seen their images. View
    `tiles`: as `whole`, for a Tiled network to cut up.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, size: int, mean: tuple[float, ...], std: tuple[float, ...], view: str = "whole") -> None:
        super().__init__()
        self.size, self.view = size, view
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255, persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image.permute(0, 3, 1, 2).to(self.mean.dtype)
        if self.view in CENTRE:
            down, across = (torch.ones_like(line).cumsum(0) for line in (x[0, 0, :, 0], x[0, 0, 0, :]))
            side = CENTRE[self.view] * torch.minimum(down[-1], across[-1])
            x = _weights(down, side, self.size) @ x @ _weights(across, side, self.size).T
        else:
            x = functional.interpolate(x, size=(self.size, self.size), mode="bicubic", antialias=True)
        return (x.clamp(0, 255) - self.mean) / self.std


def _weights(line: torch.Tensor, side: torch.Tensor, size: int) -> torch.Tensor:
    """(size, length): what each pixel of a line (1, 2, ... length) adds to each of `size` pixels over its middle.

    The antialiased bicubic kernel (a = -0.5) as a product: a crop by a computed size is not for the exporter.
    """
    step = side / size
    start = (line[-1] - side) / 2
    centres = start + (torch.arange(size, dtype=line.dtype, device=line.device) + 0.5) * step
    away = ((line - 0.5)[None] - centres[:, None]).abs() / step.clamp(min=1)
    near = (1.5 * away - 2.5) * away * away + 1
    far = ((-0.5 * away + 2.5) * away - 4) * away + 2
    weights = torch.where(away < 1, near, torch.where(away < 2, far, torch.zeros_like(away)))
    return weights / weights.sum(dim=1, keepdim=True)


class Embedder(nn.Module):
    """uint8 (n, height, width, 3) -> L2-normalised embedding (n, dim)."""

    def __init__(self, prepare: Prepare, features: nn.Module) -> None:
        super().__init__()
        self.prepare, self.features = prepare, features

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.features(self.prepare(image)), dim=1)


class Pooled(nn.Module):
    """A timm model's features: its own pooling, or class token and mean patch token side by side.

    Each part is normalised first, so that neither drowns the other.
    """

    model: Any  # timm's models share forward_features, num_prefix_tokens, pretrained_cfg by convention, not by a type

    def __init__(self, model: nn.Module, pooling: str) -> None:
        super().__init__()
        self.model, self.pooling = model, pooling

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.pooling == "default":
            return self.model(x)
        tokens = self.model.forward_features(x)
        first = self.model.num_prefix_tokens
        parts = (tokens[:, 0], tokens[:, first:].mean(dim=1))
        return torch.cat([functional.normalize(part, dim=1) for part in parts], dim=1)


class Tiled(nn.Module):
    """(n, 3, 2 s, 2 s) -> (n, 2 dim): the whole at size s, and the strongest of four tiles of size s.

    For what is minute. Each part is normalised first. The network runs five times an image.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.chunk(TILES, dim=2)
        views = [functional.avg_pool2d(x, TILES), *(tile for row in rows for tile in row.chunk(TILES, dim=3))]
        found = functional.normalize(self.inner(torch.cat(views)), dim=1)
        # Not chunked: the exporter would take the number of images for a constant.
        by_view = found.reshape(1 + TILES * TILES, x.shape[0], found.shape[1])
        return torch.cat([by_view[0], functional.normalize(by_view[1:].amax(dim=0), dim=1)], dim=1)


@dataclass(frozen=True)
class Backbone:
    name: str
    embedder: Embedder
    input_size: int
    weights_sha256: str | None
    transform_digest: str
    """Changes with anything that changes the embedding of given bytes under given weights."""
    view: str = "whole"


def build(
    name: str,
    weights_folder,
    *,
    image_size: int | None = None,
    pooling: str = "default",
    view: str = "whole",
    accept_licences: str = "",
    random_weights: bool = False,
    seed: int = 0,
) -> Backbone:
    """The backbone `name`, in eval mode; `image_size`: side to which an image is scaled (default: the network's own,
    twice that for view `tiles`). Raises BadInput: unknown name, no weights, weights of another architecture.
    """
    tiles = TILES if view == "tiles" else 1
    if image_size and image_size % tiles:
        raise BadInput(f"imageSize {image_size} can't be cut into {tiles} x {tiles} tiles; give a multiple of {tiles}")
    if name == "descriptor":
        size = image_size or DESCRIPTOR_SIZE * tiles
        mean = std = (0.5, 0.5, 0.5)
        return _assembled(name, Descriptor(), size, mean, std, "default", None, view)
    from . import torchvision_cure  # noqa: F401  (before timm)
    import timm  # isort: skip

    if name not in timm.list_models():
        near = timm.list_models(f"*{name.split('_')[0]}*")[:5]
        raise BadInput(f'backbone "{name}" is unknown to timm; near: {", ".join(near) or "none"}, or "descriptor"')
    weights = None if random_weights else pretrained.find(weights_folder, name, accept_licences)
    torch.manual_seed(seed)
    model: Any = timm.create_model(name, pretrained=False, num_classes=0)
    native = int(model.pretrained_cfg["input_size"][-1])
    if weights is not None:
        _load(model, weights)
    size = image_size or native * tiles
    if size // tiles != native and hasattr(model, "set_input_size"):
        model.set_input_size(img_size=(size // tiles, size // tiles))
    if pooling == "tokens" and not hasattr(model, "num_prefix_tokens"):
        raise BadInput(f'pooling "tokens" needs a model with a class token; {name} has none: use "default"')
    mean = weights.mean if weights else tuple(model.pretrained_cfg["mean"])
    std = weights.std if weights else tuple(model.pretrained_cfg["std"])
    return _assembled(name, Pooled(model, pooling), size, mean, std, pooling, weights.sha256 if weights else None, view)


def _assembled(name, features, size, mean, std, pooling, sha256, view="whole") -> Backbone:
    embedder = Embedder(Prepare(size, mean, std, view), Tiled(features) if view == "tiles" else features).eval()
    made = {"revision": _REVISION, "backbone": name, "size": size, "mean": mean, "std": std, "pooling": pooling}
    # Named only where it is not the first one: rows that were cached before there were views stay good.
    return Backbone(name, embedder, size, sha256, digest(made if view == "whole" else made | {"view": view}), view)


def _load(model: Any, weights: pretrained.Weights) -> None:
    """Strict but for the classifier, which is replaced: a half-loaded backbone would train, badly, in silence."""
    from safetensors.torch import load_file

    try:
        state = load_file(weights.file)
    except Exception as error:
        raise BadInput(f"{weights.file.parent.name}/model.safetensors is unreadable: {error}") from error
    classifier = model.pretrained_cfg.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    state = {k: v for k, v in state.items() if not any(k.startswith(f"{head}.") for head in heads)}
    own = model.state_dict()
    wrong = [k for k in own if k not in state or state[k].shape != own[k].shape] + [k for k in state if k not in own]
    if wrong:
        raise BadInput(
            f"weights {weights.file.parent.name} are not of architecture {weights.architecture}: {len(wrong)} tensors "
            f"differ, the first is {wrong[0]}; correct the manifest's architecture or fetch the right file"
        )
    model.load_state_dict(state)
