"""The graphs of ComfyUI as nodes and links: as they ran, and as they were drawn. Bounded, and nothing recurses."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from leadlight.errors import Undecodable
from leadlight.provenance.generator.normal import as_list, as_table, as_word

NODES = 20_000
"""Nodes of one graph."""
LINKS = 64
"""Links into one node that are followed."""
STEPS = 200_000
"""Links looked at in one walk; a drawn or crafted graph with more is read in part."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".mp4", ".webm", ".mov", ".heic")
"""Endings of files that a graph may load as a picture."""

_WIDGETS: dict[str, tuple[str, ...]] = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": ("add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "SamplerCustom": ("add_noise", "noise_seed", "", "cfg"),
    "RandomNoise": ("noise_seed",),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "SDTurboScheduler": ("steps", "denoise"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "unCLIPCheckpointLoader": ("ckpt_name",),
    "UNETLoader": ("unet_name",),
    "VAELoader": ("vae_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "CLIPTextEncode": ("text",),
    "EmptyLatentImage": ("width", "height"),
    "EmptySD3LatentImage": ("width", "height"),
    "StableCascade_EmptyLatentImage": ("width", "height"),
    "LoadImage": ("image",),
}
"""What the values of a drawn node mean, in order; '' for one that only the drawing needs."""


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a graph."""

    kind: str
    """The class, with neither case nor spaces: 'ksampler'."""
    inputs: Mapping[str, Any]
    """Values, and links as [node, output]."""


Graph = Mapping[str, Node]


def run_graph(table: Mapping[str, Any]) -> dict[str, Node]:
    """The graph that ran, from ``{"3": {"class_type": ..., "inputs": {...}}}``; empty where it is none."""
    _check(len(table))
    found: dict[str, Node] = {}
    for key, value in table.items():
        if isinstance(value, dict) and isinstance(kind := value.get("class_type"), str):
            found[key] = Node(_kind(kind), as_table(value.get("inputs")))
    return found


def drawn_graph(table: Mapping[str, Any]) -> tuple[dict[str, Node], bool]:
    """The graph as drawn, from ``{"nodes": [...], "links": [...]}``, and whether it holds graphs within.

    Muted nodes are left out. Nodes within are taken as if they stood beside the others.
    """
    inner = [as_table(g) for g in as_list(as_table(table.get("definitions")).get("subgraphs"))]
    _check(sum(len(as_list(g.get("nodes"))) for g in (table, *inner)))
    found: dict[str, Node] = {}
    for number, graph in enumerate((table, *inner)):
        prefix = f"{number}:" if number else ""
        origins = _origins(as_list(graph.get("links")))
        for value in as_list(graph.get("nodes")):
            node = as_table(value)
            kind = node.get("type")
            if not isinstance(kind, str) or node.get("mode") == 2:
                continue
            inputs = _widgets(kind, node.get("widgets_values"))
            for port in as_list(node.get("inputs"))[:LINKS]:
                port = as_table(port)
                link = port.get("link")
                origin = origins.get(link) if isinstance(link, int) else None
                if origin is not None and isinstance(name := port.get("name"), str):
                    inputs[name] = [f"{prefix}{origin}", 0]
            found[f"{prefix}{as_word(node.get('id'))}"] = Node(_kind(kind), inputs)
    return found, bool(inner)


def _check(count: int) -> None:
    if count > NODES:
        raise Undecodable(
            f"a ComfyUI graph of {count} nodes is larger than is read ({NODES})",
            advice="Look at the text in the file by hand; it may have been crafted.",
        )


def _kind(name: str) -> str:
    return name[:200].lower().replace(" ", "").replace("_", "")


def _origins(links: list[Any]) -> dict[int, str]:
    found: dict[int, str] = {}
    for link in links[: 8 * NODES]:
        if isinstance(link, list) and len(link) >= 4 and isinstance(link[0], int):
            found[link[0]] = as_word(link[1]) or ""
        elif isinstance(link, dict) and isinstance(link.get("id"), int):
            found[link["id"]] = as_word(link.get("origin_id")) or ""
    return found


def _widgets(kind: str, values: Any) -> dict[str, Any]:
    if isinstance(values, dict):
        return dict(values)
    values = as_list(values)
    if kind in _WIDGETS:
        return {name: value for name, value in zip(_WIDGETS[kind], values, strict=False) if name}
    lower = _kind(kind)
    found: dict[str, Any] = {}
    for value in values[:LINKS]:
        if not isinstance(value, str):
            continue
        if value.lower().endswith((".safetensors", ".ckpt", ".gguf", ".sft", ".pt", ".pth")):
            key = "lora_name" if "lora" in lower else "vae_name" if "vae" in lower else ""
            key = key or ("unet_name" if any(w in lower for w in ("checkpoint", "unet", "diffusion")) else "")
            if key:
                found.setdefault(key, value)
        elif "textencode" in lower:
            found.setdefault("text", value)
        elif value.lower().endswith(PICTURES):
            found.setdefault("image", value)
    return found


def links(node: Node) -> Iterator[tuple[str, str]]:
    """Names of inputs that are linked, and the nodes that feed them."""
    count = 0
    for name, value in node.inputs.items():
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int):
            yield name, str(value[0]) if isinstance(value[0], str) else as_word(value[0]) or ""
            count += 1
            if count >= LINKS:
                return


def upstream(
    graph: Graph, starts: Iterable[str], follow: Callable[[Node, str], bool] | None = None
) -> Iterator[Node]:
    """The nodes and all that feeds them, nearest first, each once; `follow` says which links count."""
    waiting = deque(starts)
    seen = set(waiting)
    steps = 0
    while waiting and steps < STEPS:
        node = graph.get(waiting.popleft())
        if node is None:
            continue
        yield node
        for name, key in links(node):
            steps += 1
            if key not in seen and (follow is None or follow(node, name)):
                seen.add(key)
                waiting.append(key)
