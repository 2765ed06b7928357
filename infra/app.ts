import { newApp } from "./new-app.ts";
import { bundleFunctions } from "./bundle.ts";
import { readConfig } from "./config.ts";
import { countersign } from "./countersign.ts";
import { buildImageSource } from "./image-source.ts";

const app = newApp();
const environment = String(app.node.tryGetContext("env") ?? "dev");
const bundle = await bundleFunctions();
countersign(app, { config: readConfig(environment), bundle, imageSource: buildImageSource(bundle) });
app.synth();
