import { expect, test } from "vitest";
import { engineWith, machine, named, settle, worldOf } from "./world.ts";

const lines = (count: number): Uint8Array =>
  new TextEncoder().encode(Array.from({ length: count }, (_, index) => `{"n":${index}}`).join("\n"));

const mapOver = (more: Record<string, unknown>, processor: Record<string, unknown> = {}) =>
  machine({
    Each: {
      Type: "Map",
      ItemReader: {
        Resource: "arn:aws:states:::s3:getObject",
        ReaderConfig: { InputType: "JSONL" },
        Arguments: { Bucket: "b", Key: "items.jsonl" },
      },
      ItemBatcher: { MaxItemsPerBatch: 10, BatchInput: { run: "{% $states.input.run %}" } },
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD", ...processor },
        StartAt: "Work",
        States: {
          Work: {
            Type: "Task",
            Resource: "arn:aws:states:::lambda:invoke",
            Arguments: { FunctionName: "work", Payload: "{% $states.input %}" },
            Output: "{% $states.result.Payload %}",
            End: true,
          },
        },
      },
      ...more,
      End: true,
    },
  });

interface BatchPayload {
  BatchInput: { run: string };
  Items: { n: number }[];
}

for (const type of ["STANDARD", "EXPRESS"]) {
  test(`${type} children each get a batch and the outputs stand in order of the items`, async () => {
    const objects = new Map([["b/items.jsonl", lines(25)]]);
    const { engine, clock } = engineWith(
      { machine: mapOver({ MaxConcurrency: 2 }, { ExecutionType: type }) },
      worldOf(
        {
          work: ({ BatchInput, Items }: BatchPayload) => ({
            run: BatchInput.run,
            sum: Items.reduce((sum, item) => sum + item.n, 0),
          }),
        },
        objects,
      ),
    );
    const { executionArn } = engine.start({ machine: "machine", name: "run", input: { run: "r1" } });
    const described = await settle(engine, clock, executionArn);
    expect(described.output).toEqual([
      { run: "r1", sum: 45 },
      { run: "r1", sum: 145 },
      { run: "r1", sum: 110 },
    ]);
    expect(engine.list({ children: true })).toHaveLength(4);
    expect(engine.list()).toHaveLength(1);
  });
}

test("no failure is tolerated by default, and the run says so", async () => {
  const objects = new Map([["b/items.jsonl", lines(30)]]);
  const { engine, clock } = engineWith(
    { machine: mapOver({}) },
    worldOf(
      {
        work: ({ Items }: BatchPayload) => {
          if (Items[0]?.n === 10) throw named("Bad", "batch two");
          return 1;
        },
      },
      objects,
    ),
  );
  const { executionArn } = engine.start({ machine: "machine", name: "run", input: { run: "r" } });
  const described = await settle(engine, clock, executionArn);
  expect(described).toMatchObject({ status: "FAILED", error: "States.ExceedToleratedFailureThreshold" });
  expect(engine.history(executionArn).map((event) => event.type)).toEqual([
    "ExecutionStarted",
    "MapStateEntered",
    "MapStateStarted",
    "MapRunStarted",
    "MapRunFailed",
    "MapStateFailed",
    "ExecutionFailed",
  ]);
});

test("tolerated failures are counted in items, and the ResultWriter files tell who failed", async () => {
  const objects = new Map([["b/items.jsonl", lines(30)]]);
  const services = worldOf(
    {
      work: ({ Items }: BatchPayload) => {
        if (Items[0]?.n === 10) throw named("Bad", "batch two");
        return Items.length;
      },
    },
    objects,
  );
  const writer = { Resource: "arn:aws:states:::s3:putObject", Arguments: { Bucket: "out", Prefix: "results" } };
  const { engine, clock } = engineWith(
    { machine: mapOver({ ToleratedFailureCount: 10, ResultWriter: writer }) },
    services,
  );
  const { executionArn } = engine.start({ machine: "machine", name: "run", input: { run: "r" } });
  const output = (await settle(engine, clock, executionArn)).output as {
    ResultWriterDetails: { Bucket: string; Key: string };
  };
  const read = (key: string): never => JSON.parse(new TextDecoder().decode(objects.get(`out/${key}`))) as never;
  const manifest = read(output.ResultWriterDetails.Key) as { ResultFiles: Record<string, { Key: string }[]> };
  const succeeded = read(manifest.ResultFiles.SUCCEEDED?.[0]?.Key as string) as { Output: string; Status: string }[];
  const failed = read(manifest.ResultFiles.FAILED?.[0]?.Key as string) as { Error: string; Cause: string }[];
  expect(succeeded.map((child) => child.Output)).toEqual(["10", "10"]);
  expect(failed).toMatchObject([{ Error: "Bad", Cause: "batch two" }]);
  expect(manifest.ResultFiles.PENDING).toEqual([]);
});

test("nine tolerated failures of ten items are too few for a batch of ten", async () => {
  const objects = new Map([["b/items.jsonl", lines(30)]]);
  const services = worldOf(
    {
      work: ({ Items }: BatchPayload) => {
        if (Items[0]?.n === 10) throw named("Bad", "x");
        return 1;
      },
    },
    objects,
  );
  const { engine, clock } = engineWith({ machine: mapOver({ ToleratedFailureCount: 9 }) }, services);
  expect(
    (await settle(engine, clock, engine.start({ machine: "machine", name: "run", input: { run: "r" } }).executionArn))
      .status,
  ).toBe("FAILED");
});

test("readers: JSON with a pointer, CSV, and a listing", async () => {
  const text = new TextEncoder();
  const objects = new Map([
    ["b/in.json", text.encode('{"data":{"rows":[{"a":1},{"a":2}]}}')],
    ["b/in.csv", text.encode('name,says\r\nann,"a ""b"", c"\nbob,\n')],
    ["b/p/1.txt", text.encode("x")],
    ["b/p/2.txt", text.encode("yy")],
  ]);
  const read = async (resource: string, given: unknown, config?: unknown): Promise<unknown> => {
    const definition = machine({
      Each: {
        Type: "Map",
        ItemReader: {
          Resource: `arn:aws:states:::s3:${resource}`,
          Arguments: given,
          ...(config === undefined ? {} : { ReaderConfig: config }),
        },
        ItemProcessor: {
          ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
          StartAt: "P",
          States: { P: { Type: "Pass", End: true } },
        },
        End: true,
      },
    });
    const { engine, clock } = engineWith({ machine: definition }, worldOf({}, objects));
    return (await settle(engine, clock, engine.start({ machine: "machine", name: "r", input: {} }).executionArn))
      .output;
  };
  expect(
    await read("getObject", { Bucket: "b", Key: "in.json" }, { InputType: "JSON", ItemsPointer: "/data/rows" }),
  ).toEqual([{ a: 1 }, { a: 2 }]);
  expect(
    await read("getObject", { Bucket: "b", Key: "in.csv" }, { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW" }),
  ).toEqual([
    { name: "ann", says: 'a "b", c' },
    { name: "bob", says: "" },
  ]);
  expect(await read("listObjectsV2", { Bucket: "b", Prefix: "p/" })).toMatchObject([
    { Key: "p/1.txt", Size: 1 },
    { Key: "p/2.txt", Size: 2 },
  ]);
});
