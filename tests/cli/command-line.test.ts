import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { oneOf, parseCommandLine, wholeNumber } from "../../cli/arguments.ts";
import { nearest, parseAgreement, readCampaignFile } from "../../cli/campaign-file.ts";
import { planJourney } from "../../cli/run.ts";

const folder = () => mkdtempSync(join(tmpdir(), "countersign-cli-"));
const yaml = (text: string) => {
  const path = join(folder(), "campaign.yaml");
  writeFileSync(path, text);
  return path;
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

  it("refuses numbers that are none", () => {
    expect(() => wholeNumber("seed", "1.5", 0, 1)).toThrow(/expected a whole number of at least 0/);
    expect(() => wholeNumber("seed", "-1", 0, 1)).toThrow(/--seed is "-1"/);
    expect(wholeNumber("seed", "12", 0, 1)).toBe(12);
  });
});

describe("campaign.yaml", () => {
  it("is an agreement with defaults filled in", async () => {
    const { agreement, images } = await readCampaignFile(yaml(`${GOOD}images: photos\n`));
    expect(agreement.labelling.minAnswers).toBe(2);
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

  it("refuses two classes with the same name", async () => {
    await expect(readCampaignFile(yaml(GOOD.replace("crack", "OK")))).rejects.toThrow(
      /classes "ok" and "OK" have the same name/,
    );
  });

  it("refuses text that is not YAML", async () => {
    await expect(readCampaignFile(yaml("name: [parts\n"))).rejects.toThrow(/is not YAML/);
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
});
