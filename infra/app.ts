import { fileURLToPath } from "node:url";
import { buildWeb } from "../web/build.ts";
import { bundleFunctions } from "./bundle.ts";
import { readConfig } from "./config.ts";
import { countersign } from "./countersign.ts";
import { buildImageSource } from "./image-source.ts";
import { newApp } from "./new-app.ts";

const app = newApp();
const environment = String(app.node.tryGetContext("env") ?? "dev");
const pages = fileURLToPath(new URL("../build/pages/", import.meta.url));
await buildWeb(pages);
const bundle = await bundleFunctions();
countersign(app, { config: readConfig(environment), bundle, imageSource: buildImageSource(bundle), pages });
app.synth();
