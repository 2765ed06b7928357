"""The model card: what a model is, was made of, can do and can't, in one page of Markdown."""

from __future__ import annotations


def write_card(facts: dict, evaluation: dict, truth: dict, sources: dict | None = None) -> str:
    """From model.json, evaluation.json, test.json and labels.json; nothing in it is written by hand."""
    cross, accuracy = facts["crossValidation"], evaluation["accuracy"]
    weakest = sorted((row for row in evaluation["perClass"] if row["n"]), key=lambda row: row["recall"]["value"])[:5]
    origins: dict[str, int] = {}
    for item in truth["items"]:
        origins[item["source"]] = origins.get(item["source"], 0) + 1
    residual = truth["residualError"]
    warned = [row["slice"] for row in evaluation.get("slices", []) if row["warns"]]
    lines = [
        f"# Model {facts.get('digest', evaluation['modelSha256'])[:12]}",
        "",
        f"Tells {len(facts['classes'])} classes apart: {_listed(facts['classes'])}.",
        "",
        "| | |",
        "|---|---|",
        f"| digest | `{facts.get('digest', evaluation['modelSha256'])}` |",
        f"| graph (sha256) | `{evaluation['modelSha256']}` |",
        f"| backbone, recipe | {facts['backbone']}, {facts['recipe']} |",
        f"| variant | {facts.get('variant', 'as trained')} |",
        f"| pretrained weights (sha256) | {_code(facts['weightsSha256'])} |",
        f"| dataset version | `{facts['datasetVersion']}` |",
        f"| input | images of any size, scaled to {facts['inputSize']} x {facts['inputSize']} in the graph |",
        "",
        "## How good it is",
        f"Sealed test, {evaluation['n']} images in {evaluation['groups']} duplicate groups: "
        f"accuracy {_interval(accuracy)}, "
        f"balanced accuracy {evaluation['balancedAccuracy']:.3f}, log loss {evaluation['logLoss']:.3f}, "
        f"expected calibration error {100 * evaluation['ece']:.1f} %. Always answering "
        f'"{evaluation["majorityClass"]["label"]}" would reach {evaluation["majorityClass"]["accuracy"]:.3f}.',
        f"Cross-validation on {cross['n']} training images, {cross['folds']} folds by duplicate group: "
        f"{cross['accuracy']:.3f}.",
        *_fine_tuning(evaluation.get("training", {}).get("fineTuning")),
        "",
        "Weakest classes: "
        + "; ".join(f"{row['label']} {_interval(row['recall'])} of {row['n']}" for row in weakest)
        + ".",
        "",
        *_variants(evaluation),
        *_robustness(evaluation),
        "## Labels",
        *_sources(sources),
        "Truth of the test by source: " + ", ".join(f"{name} {count}" for name, count in sorted(origins.items())) + ". "
        f"Experts audited {residual['audited']} of the unanimous ones and found {residual['wrong']} wrong; "
        f"at most {100 * residual['upper']:.1f} % of the truth is wrong (95 %).",
        "",
        "## Limits",
        f"It abstains below a confidence of {facts['abstainThreshold']:.2f}. It knows no other class than those above; "
        "an image unlike its training images is marked novel. Numbers hold for images drawn like the test's.",
        "Slices that are worse than the rest: " + (", ".join(warned) or "none found") + ".",
    ]
    return "\n".join(lines) + "\n"


def _sources(sources: dict | None) -> list[str]:
    """Who labelled the images that it was made of, by vendor."""
    if sources is None:
        return []
    rows = [
        f"{row['vendor']} ({row['kind']}) {row['answers']} answers on {row['images']} images"
        for row in sources["vendors"]
    ]
    return [
        f"Made of {sources['images']} labelled images: {'; '.join(rows) or 'no vendor answered any'}. "
        f"Experts decided {sources['experts']} of them.",
        "",
    ]


def _fine_tuning(found: dict | None) -> list[str]:
    """What training the whole network brought over the probe, or why it was not tried."""
    if found is None:
        return []
    if "leftOut" in found:
        return [f"Not fine-tuned: {found['leftOut']}."]
    gain = {key: 100 * found["difference"][key] for key in ("value", "low", "high")}
    ends = "so it was kept" if found["shipped"] else "no proven gain, so the probe was kept"
    return [
        f"Fine-tuning changed accuracy by {gain['value']:+.1f} points [{gain['low']:+.1f}, {gain['high']:+.1f}] over "
        f"the probe on {found['n']} held-out images: {ends}."
    ]


def _robustness(evaluation: dict) -> list[str]:
    """Accuracy under worse conditions, each family at its five severities."""
    rows = evaluation.get("corruptions") or []
    if not rows:
        return []
    families: dict[str, list[str]] = {}
    for row in rows:
        families.setdefault(row["family"], []).append(f"{row['value']:.2f}")
    return [
        "## Under worse conditions",
        f"Right on {rows[0]['n']} of the sealed images, from slight to severe:",
        "",
        "| | 1 | 2 | 3 | 4 | 5 |",
        "|---|---|---|---|---|---|",
        *(f"| {family} | {' | '.join(values)} |" for family, values in families.items()),
        "",
    ]


def _variants(evaluation: dict) -> list[str]:
    """Which variants competed on the held-out images, and what was refused with its numbers."""
    table = evaluation.get("optimisation")
    if table is None:
        reason = evaluation.get("notOptimised", "none was asked for")
        return ["## Smaller variants", f"None competed: {reason}.", ""]
    lines = [
        "## Smaller variants",
        f"Competed on {table['variants'][0]['n']} held-out images; refused where a loss above "
        f"{100 * table['margin']:.1f} points can't be ruled out (95 %). Chosen: {table['chosen']}"
        + (". " if table["meetsWishes"] else ", which does not meet the wishes. ")
        + " ".join(f"{left}." for left in table["leftOut"]),
        "",
        "| variant | right | loses | ms | MB in memory | MB | cost of a million | outcome |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table["variants"]:
        if "ms" not in row:
            lines.append(f"| {row['name']} | | | | | | | {row['outcome']}: {row['reason']} |")
            continue
        resident = "" if row["memoryMb"] is None else f"{row['memoryMb']:.0f}"
        lines.append(
            f"| {row['name']} | {_interval(row['accuracy'])} | {_interval(row['accuracyDrop'])} | {row['ms']:.1f} | "
            f"{resident} | {row['bytes'] / 1e6:.2f} | {row['costPerMillion']:.2f} | {row['outcome']} |"
        )
    return [*lines, ""]


def _interval(estimate: dict) -> str:
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "none"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
