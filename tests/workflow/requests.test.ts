import { expect, test } from "vitest";
import { serviceModels } from "../../infra/checks/service-models.ts";
import { requestFindings } from "../../workflow/checks/requests.ts";
import { definitionText, MACHINES } from "../../workflow/definition.ts";

test.each(MACHINES)("every request of %s is one that AWS's own model takes", (machine) => {
  expect(requestFindings(JSON.parse(definitionText(machine)), serviceModels()).failed).toEqual([]);
});

test("nine requests are looked at", () => {
  const checked = MACHINES.map(
    (machine) => requestFindings(JSON.parse(definitionText(machine)), serviceModels()).checked,
  );
  expect(checked.reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(8);
});
