/**
 * What a preview says beside what campaigns then cost: a forecast from its short rehearsals, and whole campaigns rehearsed at
 * full size with other seeds, whose models are as right as the same law draws, which the preview has not been told.
 */
import { parseArgs } from "node:util";
import { chance } from "../../domain/chance.ts";
import { defaultPool } from "../../local/people/pool.ts";
import { forecast, type Spread } from "../../local/rehearsal/forecast.ts";
import { assumedAccuracy, madeFeatures } from "../../local/rehearsal/made-features.ts";
import { rehearse } from "../../local/rehearsal/rehearse.ts";
import { pictures } from "../../local/rehearsal/scenery.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { print, rounded } from "./command.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "1500" },
    campaigns: { type: "string", default: "3" },
    rehearsed: { type: "string", default: "600" },
    json: { type: "boolean", default: false },
  },
});
const images = Number(values.images);
const classes = ["daisy", "dandelion", "rose", "sunflower", "tulip"];
const vendors = ["alder", "birch", "cedar", "dogwood"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 }));
const agreement = Campaign.parse({ name: "flowers", classes, vendors });
const said = await forecast(agreement, { images, seeds: 4, rehearsed: Number(values.rehearsed) });

const within = ({ low, high }: Spread, value: number) => value >= low && value <= high;
const campaigns = [];
for (let i = 0; i < Number(values.campaigns); i += 1) {
  const seed = 77_000 + i;
  const shown = chance(seed).shuffle(pictures(images, classes, seed));
  const labels = (1 - agreement.training.testShare) * images;
  const model = assumedAccuracy(labels, classes.length, seed);
  const embeddings = await madeFeatures(shown, classes, model, seed);
  const pool = defaultPool(seed, classes);
  const { cost, days, accuracy, answersPerImage } = await rehearse(agreement, {
    images: { pictures: shown, embeddings },
    seed,
    pool,
  });
  campaigns.push({
    model: rounded(model),
    cost: rounded(cost),
    days: rounded(days),
    labelAccuracy: rounded(accuracy),
    answersPerImage: rounded(answersPerImage),
    covered: {
      cost: within(said.cost, cost),
      days: within(said.days, days),
      labelAccuracy: within(said.labelAccuracy, accuracy),
      answersPerImage: within(said.answersPerImage, answersPerImage),
    },
  });
}
const spread = ({ value, low, high }: Spread) => ({ value: rounded(value), low: rounded(low), high: rounded(high) });
print(
  {
    images,
    preview: {
      cost: spread(said.cost),
      days: spread(said.days),
      labelAccuracy: spread(said.labelAccuracy),
      answersPerImage: spread(said.answersPerImage),
      assumedModel: said.assumedModel ?? null,
    },
    campaigns,
  },
  values.json,
);
