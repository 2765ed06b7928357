"""`evaluate`: one look at the sealed test -> evaluation.json, predictions.json, mistakes, charts.

Inputs (processing job): `model`, `truth` (test.json), `shards`; optional `attributes` (attributes.json, labels.json:
what is known of images beside their pixels), and `champion`, a second model judged on the same images. Images that a
model can't decode count as wrong: production would see them too. Argument `--corruptions N` judges N of the images
under lighting, angle, blur, noise and compression as well; `--not-optimised TEXT` says why no smaller variants of the
model competed, where its folder holds no table of such a competition.
"""

from __future__ import annotations

from typing import Any

from . import contract, documents, evidence_folder, shards
from .contract import BadInput
from .evaluation_report import report
from .judging import judge, under_corruption
from .model_card import write_card
from .runtime import Model


def main() -> None:
    asked = contract.arguments()
    corrupted = _count(asked.get("corruptions", "0"))
    truth = documents.read(contract.processing_input("truth") / "test.json", "test-truth")
    model = Model(contract.unpacked(contract.processing_input("model"), "model"), threads=1)
    if not truth["items"]:
        raise BadInput("test.json holds no image: the sealed test is empty; raise the test share or admit more images")
    items = sorted(truth["items"], key=lambda item: item["sha256"])
    names = {item["sha256"] for item in items}
    files = shards.Images(contract.processing_input("shards"), names).needed(names)
    champion_folder = contract.optional_processing_input("champion")
    champion = Model(contract.unpacked(champion_folder, "champion"), threads=1) if champion_folder else None
    out = contract.processing_output_dir()
    judged = judge(model, truth["classes"], items, files, "evaluate")
    rival = judge(champion, truth["classes"], items, files, "evaluate champion") if champion else None
    evaluation = report(model, truth["classes"], items, judged, rival, champion, attributes())
    evaluation["training"] = made(model.facts)
    evaluation |= competition(model, asked.get("not-optimised"))
    if corrupted:
        evaluation["corruptions"] = under_corruption(model, items, files, corrupted)
    documents.write(out / "evaluation.json", evaluation, "evaluation")
    if "optimisation" in evaluation:
        documents.write(out / "optimisation.json", evaluation["optimisation"], "optimisation")
    (out / "model-card.md").write_text(write_card(model.facts, evaluation, truth, label_sources()), encoding="utf-8")
    evidence_folder.write_predictions(out, truth["classes"], items, judged, rival)
    evidence_folder.write_reference(out, truth["classes"], judged, model.facts["abstainThreshold"])
    evidence_folder.write_mistakes(out, evaluation["mistakes"], files)
    evidence_folder.write_charts(out, truth["classes"], items, judged, evaluation, model.facts)
    evidence_folder.seal(out, evaluation, model.facts)
    found = evaluation["accuracy"]
    print(f"accuracy {found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}], n = {len(items)}", flush=True)


def made(facts: dict) -> dict:
    """How the model was made, from model.json."""
    found = {"backbone": facts["backbone"], "recipe": facts["recipe"]}
    tuning = facts.get("notes", {}).get("fineTuning")
    if tuning is None:
        return found
    kept = ("difference", "discordant", "n", "shipped", "leftOut")
    return found | {"fineTuning": {key: tuning[key] for key in kept if key in tuning}}


def competition(model: Model, otherwise: str | None) -> dict:
    """The table of the variants that the model won against. Raises BadInput where it is another model's table."""
    file = model.folder / "optimisation.json"
    if not file.exists():
        return {} if otherwise is None else {"notOptimised": otherwise}
    table = documents.read(file, "optimisation")
    chosen = next((row for row in table["variants"] if row["name"] == table["chosen"]), {})
    if chosen.get("sha256") != model.sha256:
        raise BadInput(
            f"optimisation.json chose {table['chosen']} ({str(chosen.get('sha256'))[:12]}), the model's graph is "
            f"{model.sha256[:12]}: take model.tar.gz as the optimise job wrote it"
        )
    return {"optimisation": table}


def attributes() -> dict[str, dict[str, Any]]:
    """What is known of the test images beside their pixels, from attributes.json of input `attributes`, where there is
    one: {sha256: {camera: ..., vendor: [...], size: ...}}, any names. They become slices.
    """
    folder = contract.optional_processing_input("attributes")
    return documents.read(folder / "attributes.json", "image-attributes") if folder else {}


def label_sources() -> dict | None:
    """Who labelled what the model was made of, from labels.json of the same input."""
    folder = contract.optional_processing_input("attributes")
    return documents.read(folder / "labels.json", "label-sources") if folder else None


def _count(text: str) -> int:
    if not text.isdigit():
        raise BadInput(f"--corruptions is {text!r}; expected how many test images to corrupt, 0 for none")
    return int(text)
