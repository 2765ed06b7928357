// Brings a bare machine to where `npm start` and `npm test` can run. Runs on any Node >= 20, with built-ins only.
// usage: node setup.mjs start | test | tools
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const mode = process.argv[2] ?? "start";
// `npm start -- ... --json` must print one JSON object as its last line and nothing of ours on standard output.
const say = (text) => process.stderr.write(`${text}\n`);

function fail(text) {
  say(`\nset-up stopped: ${text}`);
  process.exit(1);
}

function step(title, command, args, options = {}) {
  say(`· ${title}`);
  const started = Date.now();
  const result = spawnSync(command, args, { cwd: HERE, stdio: ["ignore", 2, 2], ...options });
  if (result.error) fail(`${title}: ${result.error.message}`);
  if (result.status !== 0)
    fail(`${title}: \`${command} ${args.join(" ")}\` ended with ${result.status ?? result.signal}`);
  say(`  done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function digest(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}

/** Runs `work` unless the stamp file holds `value` already. */
function once(stampFile, value, work) {
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === value) return;
  work();
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, value);
}

function setUpNode() {
  const lock = readFileSync(join(HERE, "package-lock.json"));
  const npm = process.env.npm_execpath;
  once(join(HERE, "node_modules", ".countersign-stamp"), digest(lock, process.platform, process.arch), () => {
    const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
    if (npm) step("installing the Node packages (about half a minute, once)", process.execPath, [npm, ...args]);
    else
      step("installing the Node packages (about half a minute, once)", "npm", args, {
        shell: process.platform === "win32",
      });
  });
  const node = join(HERE, "node_modules", ".bin", "node");
  const version = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (!/^v24\./.test(version.stdout ?? "")) {
    fail(
      `node_modules/.bin/node is ${version.stdout?.trim() || "missing"}, not v24. npm may have blocked the install script of ` +
        "the package `node`: delete node_modules and run again with npm >= 10 and without --ignore-scripts.",
    );
  }
}

function findPython() {
  const wanted = process.env.COUNTERSIGN_PYTHON
    ? [process.env.COUNTERSIGN_PYTHON]
    : ["python3.11", "python3.12", "python3", "python"];
  const seen = [];
  for (const name of wanted) {
    const found = spawnSync(name, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"], { encoding: "utf8" });
    if (found.status !== 0) continue;
    const version = found.stdout.trim();
    if (version === "3.11" || version === "3.12") return { name, version };
    seen.push(`${name} is ${version}`);
  }
  return fail(
    `Python 3.11 or 3.12 is needed for training and serving, and was not found (looked for ${wanted.join(", ")}${seen.length ? `; ${seen.join(", ")}` : ""}). ` +
      "Install Python 3.11 with its venv module, or name one in COUNTERSIGN_PYTHON, and run the same command again.",
  );
}

function setUpPython(lists) {
  const { name, version } = findPython();
  const venv = join(HERE, ".venv");
  const python = join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  once(join(venv, ".stamp-venv"), digest(version, HERE), () => {
    step(`making .venv with Python ${version}`, name, ["-m", "venv", "--clear", venv]);
  });
  const requirements = join(HERE, "training-container", "requirements");
  const constraints = join(requirements, "constraints.txt");
  for (const [list, note] of lists) {
    const file = join(requirements, list);
    once(join(venv, `.stamp-${list}`), digest(version, readFileSync(file), readFileSync(constraints)), () => {
      step(`installing ${list} ${note}`, python, [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "-r",
        file,
        "-c",
        constraints,
      ]);
    });
  }
}

function setUpBrowser() {
  const paths = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    process.env.COUNTERSIGN_CHROMIUM,
  ];
  if (paths.some((path) => path && existsSync(path))) return;
  const isRoot = typeof process.getuid === "function" && process.getuid() === 0;
  if (!isRoot || !existsSync("/usr/bin/apt-get")) {
    say(
      "! no Chromium was found: the page tests will say so. Install the package `chromium`, or name a browser in COUNTERSIGN_CHROMIUM.",
    );
    return;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  step("reading the lists of Debian's packages", "apt-get", ["update", "-qq"], { env });
  step(
    "installing Chromium for the page tests (about a minute, once)",
    "apt-get",
    ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
    { env },
  );
}

setUpNode();
if (mode !== "tools") {
  const torch =
    "(once; outside an index with a CPU build this is the CUDA build and several GB: set PIP_INDEX_URL or PIP_EXTRA_INDEX_URL as you like)";
  const lists = [
    ["torch.txt", torch],
    ["runtime.txt", "(1-2 minutes, once)"],
  ];
  if (mode === "test") lists.push(["dev.txt", "(test tools, once)"]);
  setUpPython(lists);
}
if (mode === "test") setUpBrowser();
