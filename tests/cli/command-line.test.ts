import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { amountOf, oneOf, parseCommandLine, wholeNumber } from "../../cli/arguments.ts";
import { nearest, parseAgreement, readCampaignFile } from "../../cli/campaign-file.ts";
import { dataCommand } from "../../cli/data.ts";
import { ProgressBar } from "../../cli/progress.ts";
import { begin, follow, planJourney } from "../../cli/run.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { commands } from "../../local/commands.ts";
import { Host } from "../../local/host.ts";
import { drawSample, SAMPLE_CLASSES } from "../../local/sample/draw.ts";
import { countersign } from "../journey/program.ts";

const folder = () => mkdtempSync(join(tmpdir(), "countersign-cli-"));
const yaml = (text: string) => {
  const path = join(folder(), "campaign.yaml");
  writeFileSync(path, text);
  return path;
};
const SMALL = {
  name: "small",
  classes: [...SAMPLE_CLASSES],
  vendors: [{ id: "alder", name: "Alder", pricePerAnswer: 0.03 }],
  training: { backbone: "small-cnn" },
};
const GOOD = "name: parts\nclasses: [ok, crack]\nvendors:\n  - {id: alder, name: Alder, pricePerAnswer: 0.03}\n";

describe("the command line", () => {
  it("splits command, operands and options", () => {
    expect(parseCommandLine(["run", "photos", "--seed", "7", "--json"])).toEqual({
      command: "run",
      operands: ["photos"],
      options: { seed: "7", json: true },
    });
  });

  it("names the nearest option for a typo", () => {
    expect(() => parseCommandLine(["run", "photos", "--wieghts", "w"])).toThrow(/Did you mean --weights\?/);
  });

  it("says which words an option allows", () => {
    expect(() => oneOf("approve", "yes", ["ask", "auto"], "ask")).toThrow('--approve is "yes"; allowed: ask, auto');
    expect(oneOf("approve", undefined, ["ask", "auto"], "ask")).toBe("ask");
  });

  it("refuses amounts that are none", () => {
    expect(() => amountOf("budget", "abc")).toThrow('--budget is "abc"; expected an amount such as 250 or 99.50');
    expect(() => amountOf("budget", "-1")).toThrow(/--budget is "-1"/);
    expect(amountOf("budget", "99.50")).toBe(99.5);
  });

  it("refuses numbers that are none", () => {
    expect(() => wholeNumber("seed", "1.5", 0, 1)).toThrow(/expected a whole number of at least 0/);
    expect(() => wholeNumber("seed", "-1", 0, 1)).toThrow(/--seed is "-1"/);
    expect(wholeNumber("seed", "12", 0, 1)).toBe(12);
  });
});

describe("data", () => {
  const data = (operands: string[], options = {}) => dataCommand(folder(), operands, options, new ProgressBar());

  it("names the nearest action for a typo, and all of them for another word", async () => {
    await expect(data(["chek", "photos"])).rejects.toThrow(/no "data chek"; did you mean "data check"\?/);
    await expect(data(["frobnicate"])).rejects.toThrow(
      'there is no "data frobnicate" (known: check, report, accept, exclude, restore, refuse)',
    );
  });

  it("asks for a reason before photos are refused, and for no images", async () => {
    await expect(data(["refuse"])).rejects.toThrow(/to refuse the photos, say why with --reason/);
    await expect(data(["refuse", "a.jpg"], { reason: "blurred" })).rejects.toThrow(
      /said of the whole report; to leave images out, use data exclude a\.jpg/,
    );
  });

  it("refuses a place that can't be written before it looks at any photo", async () => {
    const photos = folder();
    await expect(data(["check", photos], { out: join(photos, "missing", "x.html") })).rejects.toThrow(
      /can't write the report to .*: there is no folder .*missing; say where with --out/,
    );
    await expect(data(["check", photos], { out: photos })).rejects.toThrow(/it is a folder/);
  });

  it("refuses two folders instead of leaving one out", async () => {
    await expect(data(["check", "a", "b"])).rejects.toThrow('data check takes one at a time; given were "a", "b"');
  });
});

describe("campaign.yaml", () => {
  it("is an agreement with defaults filled in", async () => {
    const { agreement, images } = await readCampaignFile(yaml(`${GOOD}images: photos\n`));
    expect(agreement.labelling.minAnswers).toBe(1);
    expect(agreement.approvals).toMatchObject({ mode: "ask", count: 1 });
    expect(images?.endsWith("photos")).toBe(true);
  });

  it("names a mistyped key and the nearest allowed one", async () => {
    await expect(readCampaignFile(yaml(`${GOOD}bugdet: 100\n`))).rejects.toThrow(
      /"bugdet" is not a key, did you mean "budget"\?/,
    );
  });

  it("names a mistyped key inside a section with its path", async () => {
    await expect(readCampaignFile(yaml(`${GOOD}labelling:\n  minAnswer: 3\n`))).rejects.toThrow(
      /labelling: "minAnswer" is not a key, did you mean "minAnswers"\?/,
    );
  });

  it("names a mistyped key inside a vendor", async () => {
    const text = "name: parts\nclasses: [ok, crack]\nvendors:\n  - {id: alder, name: Alder, pricePerAnswr: 0.03}\n";
    await expect(readCampaignFile(yaml(text))).rejects.toThrow(
      /vendors\.0: "pricePerAnswr" is not a key, did you mean "pricePerAnswer"\?/,
    );
  });

  it("shows a bad value and what is allowed", async () => {
    await expect(readCampaignFile(yaml(GOOD.replace("0.03", "-1")))).rejects.toThrow(
      /vendors\.0\.pricePerAnswer: -1 is wrong: a price can't be negative/,
    );
  });

  it("refuses two automatic approvals: there is only one policy", async () => {
    await expect(readCampaignFile(yaml(`${GOOD}approvals: { mode: auto, count: 2 }\n`))).rejects.toThrow(
      /approvals\.count: 2 is wrong: 2 approvals need people/,
    );
  });

  it("refuses two classes with the same name", async () => {
    await expect(readCampaignFile(yaml(GOOD.replace("crack", "OK")))).rejects.toThrow(
      /classes "ok" and "OK" have the same name/,
    );
  });

  it("refuses text that is not YAML", async () => {
    await expect(readCampaignFile(yaml("name: [parts\n"))).rejects.toThrow(/is not YAML/);
  });

  it("says when the file can't be read", async () => {
    await expect(readCampaignFile(join(folder(), "campaign.yaml"))).rejects.toThrow(
      /campaign\.yaml can't be read: ENOENT.*give the path of a campaign\.yaml/,
    );
  });

  it("takes no suggestion for a word that is like none", () => {
    expect(nearest("elephant", ["budget", "name"])).toBeUndefined();
    expect(() => parseAgreement({ elephant: 1 }, "here")).toThrow(/"elephant" is not a key \(allowed:/);
  });
});

describe("run", () => {
  it("says when there is no such folder", async () => {
    await expect(planJourney(join(folder(), "nowhere"), {})).rejects.toThrow(/there is no folder or campaign\.yaml at/);
  });

  it("asks for classes where the folders do not tell them", async () => {
    await expect(planJourney(folder(), {})).rejects.toThrow(/say which classes there are/);
  });

  it("does not let simulated people guess", async () => {
    await expect(planJourney(folder(), { classes: "a,b", vendors: "simulated" })).rejects.toThrow(/--truth folders/);
  });

  it("keeps real people and simulated ones in folders of their own, for their time differs", async () => {
    for (const [time, people] of [
      ["virtual", "portal"],
      ["real", "simulated"],
    ] as const) {
      const host = await Host.open({ work: folder(), time });
      try {
        const agreement = parseAgreement(SMALL, "here");
        const journey = { agreement, folder: folder(), people, truth: people === "simulated" };
        await expect(begin(host, journey, undefined)).rejects.toThrow(/a folder of its own with --work DIR/);
        expect(await host.campaigns()).toEqual([]);
      } finally {
        await host.close();
      }
    }
  });

  it("says which other campaign holds simulated time up", async () => {
    const host = await Host.open({ work: folder(), time: "virtual" });
    try {
      const photos = folder();
      await drawSample(photos, { count: 8, seed: 1 });
      await createCampaign(host.ports, parseAgreement({ ...SMALL, name: "resting" }, "here"), "data-team");
      await commands.pause?.(host, { campaign: "resting" });
      const journey = {
        agreement: parseAgreement(SMALL, "here"),
        folder: photos,
        people: "simulated",
        truth: true,
      } as const;
      const said: string[] = [];
      const bar = new ProgressBar();
      bar.say = (text) => {
        said.push(text);
        host.stop();
      };
      const cycle = await begin(host, journey, undefined);
      await follow(host, journey, cycle as number, bar);
      expect(said.join(" ")).toMatch(/small goes on when resting does.*campaign resume resting/s);
    } finally {
      await host.close();
    }
  });
});

describe("small commands", () => {
  it.each([
    [["vendor", "invite", "parts", "ann", "--role", "boss"], /--role is "boss"; allowed: annotator, /],
    [["campaign", "amend", "nowhere.yaml"], /nowhere\.yaml can't be read/],
    [["stauts"], /no command "stauts"; did you mean "status"\?/],
    [["status"], /there is nothing in .* yet; start with "run"/],
    [["add", "photos"], /say to which campaign/],
  ])("%j end with 2 and one line that says what to do", async (args, message) => {
    const { code, stderr } = await countersign([...args, "--work", folder()]).ended;
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });
});
