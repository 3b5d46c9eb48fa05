"""What ComfyUI writes: the graph that ran (`prompt`, by node number) and the graph as drawn (`workflow`).

The graph that ran is read by following its links from the sampler upwards: which model, which LoRAs, which
seed, which words, and whether a picture was loaded into it. The drawn graph is turned into the same shape
where the other is missing. Nodes, steps and depth are bounded; nothing recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from leadlight.config import Limits
from leadlight.provenance.generator.comfyui_graph import (
    LINKS,
    PICTURES,
    Graph,
    Node,
    drawn_graph,
    links,
    run_graph,
    upstream,
)
from leadlight.provenance.generator.normal import (
    NAMES,
    Lora,
    Record,
    as_int,
    as_number,
    as_size,
    as_table,
    as_text,
    as_word,
    load_json,
)

MARKS = ('"class_type"', '"nodes"')
"""A text with neither is no graph."""
TEXTS = 64
"""Texts of one prompt."""

MODEL_KEYS = ("ckpt_name", "unet_name", "model_name", "gguf_name", "base_ckpt_name", "diffusion_name")
_TEXT_KEYS = (
    "text", "text_g", "text_l", "clip_l", "clip_g", "t5xxl", "prompt", "string", "value", "populated_text",
    "wildcard_text", "text_positive", "text_negative", "positive", "negative", "text_a", "text_b",
    "string_a", "string_b",
)  # fmt: skip
_NOT_WORDS = frozenset(
    {
        "model",
        "clip",
        "vae",
        "image",
        "images",
        "pixels",
        "samples",
        "latent_image",
        "latent",
        "mask",
        "control_net",
    }
)
_LOADERS = ("loadimage", "imageload", "loadvideo", "videoload", "imagebase64", "imagefrombase64", "imagefromurl")
_FACE = ("faceswap", "reactor", "roop", "inswapper")


def parse(prompt: str | None, workflow: str | None, limits: Limits) -> Record | None:
    """The record of one file's graphs, or None where neither text is one.

    Raises Undecodable where a text begins as a graph and can't be read or has too many nodes, LimitReached
    for one that is too long.
    """
    raw = "\n".join(t for t in (prompt, workflow) if t)
    return from_tables(_table(prompt, limits), _table(workflow, limits), raw)


def from_tables(prompt: Mapping[str, Any], workflow: Mapping[str, Any], raw: str) -> Record | None:
    """The record of graphs that are read already; `raw` is what they were read from."""
    graph = run_graph(prompt)
    interface = "ComfyUI graph"
    inner = False
    if not _samplers(graph):
        drawn, inner = drawn_graph(workflow)
        if drawn and (not graph or _samplers(drawn)):
            graph, interface = drawn, "ComfyUI drawn workflow"
    return _record(graph, interface, inner, raw) if graph else None


def _table(text: str | None, limits: Limits) -> Mapping[str, Any]:
    if text is None or text.lstrip()[:1] != "{" or not any(mark in text for mark in MARKS):
        return {}
    return as_table(load_json(text, "a ComfyUI graph", limits))


def _samplers(graph: Graph) -> list[str]:
    """Nodes that sample: they take a latent picture, and a model or a guider."""
    return [
        key
        for key, node in graph.items()
        if ("latent_image" in node.inputs or "latent" in node.inputs or "sampler" in node.kind)
        and any(name in node.inputs for name in ("model", "guider", "basic_pipe", "pipe"))
        and not node.kind.startswith("modelsampling")
    ]


def _main(graph: Graph, samplers: list[str]) -> str | None:
    """The sampler that runs first: no other feeds it. Only a few are tried."""
    among = {id(graph[key]) for key in samplers}
    for key in samplers[:8]:
        feeding = upstream(graph, (key,))
        next(feeding, None)
        if not any(id(node) in among for node in feeding):
            return key
    return samplers[0] if samplers else None


def _record(graph: Graph, interface: str, inner: bool, raw: str) -> Record:
    samplers = _samplers(graph)
    main = _main(graph, samplers)
    near = list(upstream(graph, (main,))) if main is not None else list(graph.values())
    has_input, sign = _input(graph, samplers, inner)
    models = _distinct(n for node in (*near, *graph.values()) for n in _named(node, MODEL_KEYS, "model"))
    positive = _words(graph, main, "positive") if main is not None else ()
    negative = _words(graph, main, "negative") if main is not None else ()
    if not positive:
        positive = _all_words(graph, negative)
    return Record(
        generator="ComfyUI",
        interface=interface,
        said="A ComfyUI workflow is written in the file",
        model=models[0] if models else None,
        models=models if len(models) > 1 else (),
        loras=_loras(graph),
        vae=next((n for node in (*near, *graph.values()) for n in _named(node, ("vae_name",), "vae")), None),
        sampler=_fact(near, ("sampler_name",), as_word),
        scheduler=_fact(near, ("scheduler",), as_word),
        steps=_fact(near, ("steps",), as_int),
        cfg=_fact(near, ("cfg", "guidance"), as_number),
        seed=_fact(near, ("seed", "noise_seed"), as_int)
        if main is not None
        else _fact(near, ("noise_seed", "seed"), as_int),
        size=next(
            (s for node in near if "latent" in node.kind or "size" in node.kind if (s := _size(node))),
            None,
        ),
        resized=bool(has_input) or any(w in n.kind for n in graph.values() for w in ("upscale", "crop", "scale")),
        has_input=has_input,
        input_sign=sign,
        prompt="\n".join(positive),
        negative_prompt="\n".join(negative),
        raw=raw,
        facts={"nodes": len(graph)},
    )


def _size(node: Node) -> tuple[int, int] | None:
    return as_size(node.inputs.get("width"), node.inputs.get("height"))


def _fact(nodes: list[Node], keys: tuple[str, ...], read: Callable[[Any], Any]) -> Any:
    """The first value under one of these keys, nearest node first."""
    for node in nodes:
        for key in keys:
            value = node.inputs.get(key)
            if value is not None and not isinstance(value, list) and (got := read(value)) is not None:
                return got
    if keys[0] == "seed":
        for node in nodes:
            if "seed" in node.kind or "primitive" in node.kind:
                for value in node.inputs.values():
                    if (got := read(value)) is not None:
                        return got
    return None


def _named(node: Node, keys: tuple[str, ...], word: str) -> Iterator[str]:
    """Names of files under these keys, in a node that loads such files."""
    for key in keys:
        value = node.inputs.get(key)
        if isinstance(value, str) and value and value.lower() not in ("none", "baked vae", "automatic"):
            specific = key != "model_name" or ("loader" in node.kind and "upscale" not in node.kind)
            if specific and "lora" not in node.kind and (word == "vae" or "controlnet" not in node.kind):
                yield value


def _distinct(names: Iterator[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        found[name] = None
        if len(found) >= NAMES:
            break
    return tuple(found)


def _loras(graph: Graph) -> tuple[Lora, ...]:
    found: dict[str, Lora] = {}
    for node in graph.values():
        if len(found) >= NAMES:
            break
        name = node.inputs.get("lora_name")
        if isinstance(name, str) and name and name.lower() != "none":
            strength = next(
                (node.inputs[k] for k in ("strength_model", "strength", "weight") if k in node.inputs), None
            )
            found.setdefault(name, Lora(name, None, as_number(strength)))
        elif "lora" in node.kind:
            for value in list(node.inputs.values())[:LINKS]:
                entry = as_table(value)
                if entry.get("on", True) and as_text(entry.get("lora")) not in ("", "None"):
                    name = as_text(entry["lora"])
                    found.setdefault(name, Lora(name, None, as_number(entry.get("strength"))))
    return tuple(found.values())


def _words(graph: Graph, sampler: str, side: str) -> tuple[str, ...]:
    """The words that reach one side ('positive' or 'negative') of a sampler, nearest first."""
    other = "negative" if side == "positive" else "positive"
    start = graph[sampler]
    entry: list[str] = []
    for name, key in links(start):
        if name == side or (side == "positive" and name == "conditioning"):
            entry.append(key)
        elif name == "guider" and (guider := graph.get(key)) is not None:
            wanted = (side,) if side == "negative" else (side, "conditioning", "cond1")
            entry += [k for n, k in links(guider) if n in wanted]

    def follow(node: Node, name: str) -> bool:
        return name != other and name not in _NOT_WORDS

    texts: dict[str, None] = {}
    for node in upstream(graph, entry, follow):
        for name in _TEXT_KEYS:
            value = node.inputs.get(name)
            if name != other and isinstance(value, str) and value.strip():
                texts[value] = None
        if len(texts) >= TEXTS:
            break
    return tuple(texts)


def _all_words(graph: Graph, negative: tuple[str, ...]) -> tuple[str, ...]:
    """Every text that an encoder holds, where no link leads to one."""
    texts: dict[str, None] = {}
    for node in graph.values():
        if "textencode" in node.kind or "prompt" in node.kind:
            for name in _TEXT_KEYS:
                value = node.inputs.get(name)
                if isinstance(value, str) and value.strip() and value not in negative:
                    texts[value] = None
            if len(texts) >= TEXTS:
                break
    return tuple(texts)


def _loads_picture(node: Node) -> bool:
    if any(word in node.kind for word in _LOADERS):
        return True
    value = node.inputs.get("image") or node.inputs.get("video")
    return isinstance(value, str) and value.lower().endswith(PICTURES)


def _input(graph: Graph, samplers: list[str], inner: bool) -> tuple[bool, str]:
    """Whether a loaded picture reaches a sampler or what is saved, and what says so."""
    sources = {id(n) for n in graph.values() if _loads_picture(n)}
    if sources and inner:
        return True, "a picture is loaded"
    saved = [k for k, n in graph.items() if "save" in n.kind] or [
        k for k, n in graph.items() if "preview" in n.kind
    ]
    reached = list(upstream(graph, [*samplers, *saved]))
    if any(any(word in n.kind for word in _FACE) for n in reached):
        return True, "a face was swapped"
    if any(id(n) in sources for n in reached):
        inpaint = any("inpaint" in n.kind or "outpaint" in n.kind for n in graph.values())
        return True, "a picture is loaded for inpainting" if inpaint else "a picture is loaded into the graph"
    for key in samplers[:8]:
        node = graph[key]
        denoise = as_number(node.inputs.get("denoise"))
        if denoise is not None and denoise < 1:
            latent = node.inputs.get("latent_image")
            start = (
                str(latent[0]) if isinstance(latent, list) and latent and isinstance(latent[0], str | int) else ""
            )
            if not any("empty" in n.kind for n in upstream(graph, (start,))):
                return True, "it begins from something other than noise"
    return False, ""
