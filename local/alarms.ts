import type { Ports } from "../lambdas/ports.ts";

/** The part of CloudWatch's PutMetricAlarm that the workflows use. */
export interface AlarmRequest {
  AlarmName: string;
  AlarmDescription?: string;
  ActionsEnabled?: boolean;
  MetricName: string;
  Dimensions: { Name: string; Value: string }[];
  Statistic?: "Sum";
  /** `p95`: the percentile. */
  ExtendedStatistic?: string;
  /** Seconds. */
  Period: number;
  EvaluationPeriods: number;
  DatapointsToAlarm?: number;
  Threshold: number;
  ComparisonOperator: "GreaterThanOrEqualToThreshold";
}
export interface AlarmView extends AlarmRequest {
  StateValue: "OK" | "ALARM" | "INSUFFICIENT_DATA";
}
interface Observation {
  at: number;
  status: number;
  milliseconds: number;
}

/** Observations of an endpoint that are kept: more than any alarm looks back. */
const MOST_KEPT = 10_000;

/**
 * CloudWatch's alarms on a laptop: kept with the other records, judged by what this host saw of each endpoint. Requests
 * before its start are unknown to it, and a minute without requests breaches nothing. Metrics: Invocation5XXErrors
 * (count) and ModelLatency (microseconds).
 */
export class Alarms {
  readonly #ports: Pick<Ports, "records" | "clock" | "notifier">;
  readonly #seen = new Map<string, Observation[]>();
  readonly #ringing = new Set<string>();

  constructor(ports: Pick<Ports, "records" | "clock" | "notifier">) {
    this.#ports = ports;
  }

  async put(request: AlarmRequest): Promise<void> {
    if (request.ComparisonOperator !== "GreaterThanOrEqualToThreshold" || METRICS[request.MetricName] === undefined)
      throw new Error(
        `alarm ${request.AlarmName}: the laptop judges ${Object.keys(METRICS).join(" and ")} by GreaterThanOrEqualToThreshold`,
      );
    await this.#ports.records.put(keyOf(request.AlarmName), request, "any");
  }

  async describe(names: readonly string[]): Promise<AlarmView[]> {
    const found = await Promise.all(names.map((name) => this.#ports.records.get<AlarmRequest>(keyOf(name))));
    return found.flatMap((one) => (one === undefined ? [] : [{ ...one.body, StateValue: this.#stateOf(one.body) }]));
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.#ports.records.delete(keyOf(name), "any");
      this.#ringing.delete(name);
    }
  }

  /** What an endpoint answered, and how soon; the data team hears of an alarm that begins to ring. */
  async observe(endpoint: string, status: number, milliseconds: number): Promise<void> {
    const seen = this.#seen.get(endpoint) ?? [];
    seen.push({ at: this.#ports.clock.now(), status, milliseconds });
    if (seen.length > MOST_KEPT) seen.splice(0, seen.length - MOST_KEPT);
    this.#seen.set(endpoint, seen);
    if (status < 500) return;
    for await (const alarm of this.#of(endpoint)) {
      const rings = this.#stateOf(alarm) === "ALARM";
      if (!rings) this.#ringing.delete(alarm.AlarmName);
      if (!rings || this.#ringing.has(alarm.AlarmName)) continue;
      this.#ringing.add(alarm.AlarmName);
      await this.#ports.notifier.notify({
        audience: "data-team",
        subject: `Alarm: ${alarm.AlarmName}`,
        text: alarm.AlarmDescription ?? `${alarm.AlarmName} rings.`,
      });
    }
  }

  async *#of(endpoint: string): AsyncIterable<AlarmRequest> {
    let after: string | undefined;
    do {
      const page = await this.#ports.records.query<AlarmRequest>(PARTITION, after === undefined ? {} : { after });
      for (const { body } of page.items) if (endpointOf(body) === endpoint) yield body;
      after = page.next;
    } while (after !== undefined);
  }

  #stateOf(alarm: AlarmRequest): AlarmView["StateValue"] {
    const { Period: seconds, EvaluationPeriods: periods } = alarm;
    const now = this.#ports.clock.now();
    const seen = this.#seen.get(endpointOf(alarm)) ?? [];
    let breaching = 0;
    let known = 0;
    for (let back = 1; back <= periods; back += 1) {
      const from = now - back * seconds * 1000;
      const values = seen.filter(({ at }) => at > from && at <= from + seconds * 1000);
      if (values.length === 0) continue;
      known += 1;
      if ((METRICS[alarm.MetricName]?.(values) ?? 0) >= alarm.Threshold) breaching += 1;
    }
    if (breaching >= (alarm.DatapointsToAlarm ?? periods)) return "ALARM";
    return known === 0 ? "INSUFFICIENT_DATA" : "OK";
  }
}

const PARTITION = "laptop-alarms";
const keyOf = (name: string) => ({ pk: PARTITION, sk: name });
const endpointOf = (alarm: AlarmRequest) => alarm.Dimensions.find(({ Name }) => Name === "EndpointName")?.Value ?? "";

const METRICS: Record<string, (values: readonly Observation[]) => number> = {
  Invocation5XXErrors: (values) => values.filter(({ status }) => status >= 500).length,
  ModelLatency: (values) => {
    const ordered = values.map(({ milliseconds }) => milliseconds * 1000).sort((a, b) => a - b);
    return ordered[Math.min(ordered.length - 1, Math.floor(0.95 * ordered.length))] ?? 0;
  },
};
