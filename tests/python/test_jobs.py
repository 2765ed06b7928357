"""embed, train, evaluate on drawn images; as processes where it matters that they are."""

from __future__ import annotations

import json
import shutil
import signal
import time

import numpy as np
import pytest
from conftest import (
    CLASSES,
    Room,
    Scene,
    dataset,
    draw,
    link,
    packed,
    sha256,
    shard,
    succeed,
    succeed_here,
    truth,
)
from countersign_ml import documents, embed
from countersign_ml.runtime import Model, infer


def test_embeddings_are_sorted_unit_rows_under_the_schema(scene: Scene):
    index = documents.read(scene.embeddings / "embeddings.json", "embedding-index")
    assert index["ids"] == sorted(scene.bytes)
    rows = np.fromfile(scene.embeddings / "embeddings.f32", dtype="<f4").reshape(index["count"], index["dim"])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_embedding_twice_gives_the_same_bytes(scene: Scene, room: Room):
    link(scene.shards, room.channel("shards"))
    succeed(room.hyperparameters(command="embed", backbone="descriptor", seed=1), "train")
    for name in ("embeddings.f32", "embeddings.json"):
        assert (room.root / "model" / name).read_bytes() == (scene.embeddings / name).read_bytes()


def test_cached_rows_are_taken_and_only_new_images_are_embedded(scene: Scene, room: Room):
    link(scene.shards, room.channel("shards"))
    shard(room.channel("shards") / "1.tar", [draw("blue", 99)])
    packed(scene.embeddings, room.channel("cache") / "model.tar.gz")
    done = succeed_here(room.hyperparameters(command="embed", backbone="descriptor"), "train")
    assert '"total": 1}' in done.stdout
    _, rows = embed.read(room.root / "model")
    assert len(rows) == len(scene.bytes) + 1


def test_a_cache_of_another_preparation_is_not_taken(scene: Scene, room: Room):
    link(scene.shards, room.channel("shards"))
    packed(scene.embeddings, room.channel("cache") / "model.tar.gz")
    done = succeed_here(room.hyperparameters(command="embed", backbone="descriptor", imageSize=64), "train")
    assert f'"total": {len(scene.bytes)}}}' in done.stdout


def test_missing_weights_say_how_to_give_them(scene: Scene, room: Room):
    link(scene.shards, room.channel("shards"))
    assert room.hyperparameters(command="embed", backbone="resnet18").here("train").returncode == 2
    assert "--weights" in room.failure and "COUNTERSIGN_WEIGHTS" in room.failure


def test_a_corrupt_image_in_a_shard_is_named(room: Room):
    shard(room.channel("shards") / "0.tar", [b"not an image"])
    assert room.hyperparameters(command="embed", backbone="descriptor").here("train").returncode == 2
    assert sha256(b"not an image") in room.failure


def test_the_trained_model_satisfies_its_schema_and_is_right_out_of_fold(scene: Scene):
    model = documents.read(scene.model / "model.json", "training-result")
    assert model["classes"] == CLASSES
    assert model["crossValidation"]["accuracy"] == 1
    assert model["crossValidation"]["low"] < 1
    predictions = json.loads((scene.model / "cv-predictions.json").read_text())
    assert [item["sha256"] for item in predictions["items"]] == sorted(scene.training)


def test_the_graph_takes_any_size_and_batch(scene: Scene):
    session = Model(scene.model).session
    for shape in [(1, 17, 90, 3), (3, 200, 33, 3)]:
        logits, embedding = infer(session, np.zeros(shape, dtype=np.uint8))
        assert logits.shape == (shape[0], 3) and embedding.shape[0] == shape[0]


def test_the_graph_gives_the_embeddings_that_it_was_trained_on(scene: Scene):
    model = Model(scene.model)
    _, rows = embed.read(scene.embeddings)
    for name, data in list(scene.bytes.items())[:5]:
        assert np.abs(model.predict(data).embedding - rows[name]).max() < 1e-4


def training_room(room: Room, scene: Scene, document: dict, **hyper: object) -> Room:
    link(scene.shards, room.channel("shards"))
    link(scene.embeddings, room.channel("embeddings"))
    (room.channel("dataset") / "dataset.json").write_text(json.dumps(document))
    return room.hyperparameters(command="train", recipe="probe", **hyper)


def refused(room: Room, command: str = "train") -> str:
    done = room.here(command)
    assert done.returncode == 2, done.stderr[-2000:]
    return room.failure


def test_training_twice_gives_the_same_model(scene: Scene, room: Room):
    succeed(training_room(room, scene, dataset(scene.training), seed=1), "train")
    for name in ("model.onnx", "model.json", "cv-predictions.json"):
        assert (room.root / "model" / name).read_bytes() == (scene.model / name).read_bytes(), name


def test_the_graph_does_not_say_where_or_by_which_lines_it_was_written(scene: Scene):
    data = (scene.model / "model.onnx").read_bytes()
    assert b"countersign_ml" not in data and b".py" not in data


def test_a_label_outside_the_classes_is_named(scene: Scene, room: Room):
    document = dataset(scene.training)
    document["items"][3]["label"] = "mauve"
    assert 'labelled "mauve"; allowed: blue, red, striped' in refused(training_room(room, scene, document))


def test_one_class_only_is_refused(scene: Scene, room: Room):
    document = dataset(dict.fromkeys(scene.training, "red"))
    assert "at least two classes" in refused(training_room(room, scene, document))


def test_all_images_of_one_duplicate_group_are_refused(scene: Scene, room: Room):
    document = dataset(scene.training)
    for item in document["items"]:
        item["group"] = "c" * 64
    assert "one duplicate group" in refused(training_room(room, scene, document))


def test_an_image_without_an_embedding_is_named(scene: Scene, room: Room):
    document = dataset({**scene.training, "d" * 64: "red"})
    assert f"first {'d' * 64}" in refused(training_room(room, scene, document))


def test_soft_labels_of_the_wrong_length_are_refused(scene: Scene, room: Room):
    document = dataset(scene.training)
    document["items"][0]["soft"] = [1.0]
    assert "1 soft labels" in refused(training_room(room, scene, document))


def test_a_dataset_against_its_schema_is_refused(scene: Scene, room: Room):
    document = dataset(scene.training) | {"version": "short"}
    assert "does not fit schema dataset at version" in refused(training_room(room, scene, document))


def test_another_dataset_version_than_asked_for_is_refused(scene: Scene, room: Room):
    assert "the job asks for" in refused(training_room(room, scene, dataset(scene.training), datasetVersion="f" * 64))


def test_an_unknown_recipe_is_refused(scene: Scene, room: Room):
    room = training_room(room, scene, dataset(scene.training)).hyperparameters(command="train", recipe="magic")
    assert "allowed: probe" in refused(room)


def test_a_class_with_one_image_trains(scene: Scene, room: Room):
    names = sorted(scene.training)
    labels = {name: scene.training[name] for name in names}
    lone = next(name for name in names if labels[name] == "striped")
    few = {name: label for name, label in labels.items() if label != "striped" or name == lone}
    succeed_here(training_room(room, scene, dataset(few)), "train")
    assert documents.read(room.root / "model/model.json", "training-result")["classes"] == CLASSES


def test_a_class_without_images_is_never_predicted(scene: Scene, room: Room):
    classes = [*CLASSES, "unseen"]
    succeed_here(training_room(room, scene, dataset(scene.training, classes)), "train")
    model = Model(room.root / "model")
    for data in list(scene.bytes.values())[:6]:
        assert model.predict(data).probabilities[3] < 1e-6


def evaluation_room(room: Room, scene: Scene, champion: bool = False) -> Room:
    inputs = room.root / "processing/input"
    packed(scene.model, inputs / "model/model.tar.gz")
    if champion:
        packed(scene.model, inputs / "champion/model.tar.gz")
    (inputs / "truth").mkdir(parents=True)
    (inputs / "truth/test.json").write_text(json.dumps(truth(scene.test)))
    (inputs / "shards").mkdir()
    link(scene.shards, inputs / "shards")
    return room


def test_the_evaluation_is_complete(scene: Scene, room: Room):
    succeed_here(evaluation_room(room, scene, champion=True), "evaluate")
    out = room.root / "processing/output"
    evaluation = documents.read(out / "evaluation.json", "evaluation")
    assert evaluation["n"] == len(scene.test)
    assert np.trace(np.array(evaluation["confusion"])) == round(evaluation["accuracy"]["value"] * evaluation["n"])
    assert evaluation["champion"]["discordant"] == 0
    said = json.loads((out / "reference.json").read_text())
    assert len(said) == evaluation["n"] - evaluation["undecodable"]
    assert all(set(one) == {"label", "abstained", "noveltyDistance"} for one in said)
    assert evaluation["champion"]["difference"]["low"] < 0 < evaluation["champion"]["difference"]["high"]
    predictions = json.loads((out / "predictions.json").read_text())
    assert {row["sha256"] for row in predictions} == set(scene.test)
    for chart in ("confusion", "reliability", "risk-coverage", "embedding-map"):
        assert (out / f"{chart}.svg").read_text().startswith("<svg"), chart


def test_the_evidence_folder_is_whole_by_itself_and_names_every_file(scene: Scene, room: Room):
    evaluation_room(room, scene)
    document = truth(scene.test)
    document["items"][0]["label"] = next(c for c in CLASSES if c != document["items"][0]["label"])
    inputs = room.root / "processing/input"
    (inputs / "truth/test.json").write_text(json.dumps(document))
    (inputs / "attributes").mkdir()
    known = {name: {"camera": "Pinhole 1", "vendor": ["alder", "birch"], "size": 1024} for name in scene.test}
    (inputs / "attributes/attributes.json").write_text(json.dumps(known))
    vendors = [{"vendor": "alder", "kind": "people", "images": 30, "answers": 41}]
    sources = {"images": 36, "experts": 2, "vendors": vendors}
    (inputs / "attributes/labels.json").write_text(json.dumps(sources))
    succeed_here(room, "evaluate", "--corruptions", "4", "--not-optimised", "6 images can't prove it")
    out = room.root / "processing/output"
    evaluation = documents.read(out / "evaluation.json", "evaluation")
    rows = evaluation["corruptions"]
    assert len(rows) == 25 and {row["n"] for row in rows} == {4}
    assert evaluation["notOptimised"] == "6 images can't prove it"
    card = (out / "model-card.md").read_text()
    assert "alder (people) 41 answers on 30 images" in card and "Experts decided 2" in card
    assert "| compression | " in card and "None competed: 6 images can't prove it" in card
    manifest = documents.read(out / "manifest.json", "evidence-folder")
    there = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()} - {"manifest.json"}
    assert {entry["path"] for entry in manifest["files"]} == there
    assert all(documents.file_sha256(out / entry["path"]) == entry["sha256"] for entry in manifest["files"])
    page = (out / "index.html").read_text()
    # Charts, the mistaken image itself and the card; nothing is fetched.
    assert page.count("<svg") >= 4 and "data:image/png;base64," in page and "Model card" in page
    # Classes and corruptions as tables that scroll by themselves, the card as text.
    assert page.count('class="scroll"') >= 3 and "<td>compression</td>" in page and "<h3>Limits</h3>" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "<script" not in page


def test_wrong_truth_shows_as_mistakes_with_their_images(scene: Scene, room: Room):
    evaluation_room(room, scene)
    document = truth(scene.test)
    document["items"][0]["label"] = next(c for c in CLASSES if c != document["items"][0]["label"])
    (room.root / "processing/input/truth/test.json").write_text(json.dumps(document))
    succeed_here(room, "evaluate")
    out = room.root / "processing/output"
    mistakes = json.loads((out / "mistakes.json").read_text())
    assert [m["sha256"] for m in mistakes] == [document["items"][0]["sha256"]]
    assert (out / "mistakes" / f"{mistakes[0]['sha256']}.png").read_bytes() == scene.bytes[mistakes[0]["sha256"]]


def test_a_test_image_in_no_shard_is_named(scene: Scene, room: Room):
    evaluation_room(room, scene)
    file = room.root / "processing/input/truth/test.json"
    file.write_text(json.dumps(truth({**scene.test, "e" * 64: "red"})))
    assert "e" * 64 in refused(room, "evaluate")


@pytest.mark.parametrize("own", [True, False])
def test_the_table_of_variants_goes_with_the_graph_that_it_chose_and_with_no_other(scene: Scene, room: Room, own):
    evaluation_room(room, scene)
    folder = room.root / "processing/input/model"
    for archive in folder.glob("*.tar.gz"):
        archive.unlink()
    link(scene.model, folder)
    chosen = documents.file_sha256(scene.model / "model.onnx") if own else "e" * 64
    table = {
        "margin": 0.01,
        "chosen": "fp32",
        "meetsWishes": True,
        "wishes": {"accuracyFloor": 0, "latencyMs": None, "megabytes": None},
        "variants": [
            {"name": "fp32", "outcome": "reference", "sha256": chosen, "pareto": True, "n": 6, "reason": "-"},
            {"name": "static-int8", "outcome": "refused", "pareto": False, "reason": "could not be made"},
        ],
        "leftOut": [],
    }
    (folder / "optimisation.json").write_text(json.dumps(table))
    if not own:
        assert "optimisation.json chose fp32" in refused(room, "evaluate")
        return
    succeed_here(room, "evaluate")
    out = room.root / "processing/output"
    assert documents.read(out / "evaluation.json", "evaluation")["optimisation"] == table
    assert documents.read(out / "optimisation.json", "optimisation") == table
    assert "| static-int8 | | | | | | | refused: could not be made |" in (out / "model-card.md").read_text()


def test_an_empty_test_is_refused(scene: Scene, room: Room):
    evaluation_room(room, scene)
    (room.root / "processing/input/truth/test.json").write_text(json.dumps(truth({})))
    assert "holds no image" in refused(room, "evaluate")


def test_a_model_changed_after_training_is_refused(scene: Scene, room: Room, tmp_path):
    evaluation_room(room, scene)
    changed = tmp_path / "changed"
    shutil.copytree(scene.model, changed)
    with (changed / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    packed(changed, room.root / "processing/input/model/model.tar.gz")
    assert "changed after training" in refused(room, "evaluate")


def small_cnn_room(room: Room, scene: Scene, epochs: int) -> Room:
    link(scene.shards, room.channel("shards"))
    (room.channel("dataset") / "dataset.json").write_text(json.dumps(dataset(scene.training)))
    return room.hyperparameters(command="train", recipe="small-cnn", seed=7, epochs=epochs, imageSize=32)


@pytest.fixture(scope="module")
def uninterrupted(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The graph of a training that nothing stopped."""
    whole = small_cnn_room(Room(tmp_path_factory.mktemp("whole") / "ml"), scene, epochs=30)
    succeed(whole, "train")
    return (whole.root / "model/model.onnx").read_bytes()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_training_that_was_killed_goes_on_to_the_same_weights(scene: Scene, uninterrupted: bytes, tmp_path, how):
    cut = small_cnn_room(Room(tmp_path / "cut"), scene, epochs=30)
    child = cut.start("train")
    assert child.stdout is not None and child.stderr is not None
    for line in child.stdout:
        told = json.loads(line)["progress"] if line.startswith("{") else {}
        if told.get("step") == "train" and told["done"] > 1200:
            break
    asked = time.monotonic()
    child.send_signal(how)
    child.communicate()
    assert time.monotonic() - asked < 10
    assert child.returncode == (143 if how == signal.SIGTERM else -9)
    kept = list((cut.root / "checkpoints").glob("*.pt"))
    assert kept
    succeed(cut, "train")
    assert (cut.root / "model/model.onnx").read_bytes() == uninterrupted
