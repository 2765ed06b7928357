import { Question } from "../../schemas/member.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { digestOf } from "./documents.ts";
import { recordKeys } from "./keys.ts";

type Asked = Omit<Question, "id" | "at" | "reply">;

/** Puts a question to the customer. The same question of the same person on the same item is one question. */
export async function askQuestion(
  ports: Pick<Ports, "records" | "notifier" | "clock">,
  asked: Asked,
): Promise<Question> {
  const id = digestOf([asked.vendor, asked.annotator, asked.lot, asked.item ?? "", asked.text]).slice(0, 32);
  const question = Question.parse({ ...asked, id, at: new Date(ports.clock.now()).toISOString() });
  const key = recordKeys.question(asked.campaign, id);
  try {
    await ports.records.put(key, question, "absent");
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    return Question.parse((await ports.records.get(key))?.body);
  }
  await ports.notifier.notify({ audience: "data-team", subject: `Question on lot ${asked.lot}`, text: asked.text });
  return question;
}

/** Questions of a campaign, of one vendor's people where a vendor is given, newest first. */
export async function questions(ports: Pick<Ports, "records">, campaign: string, vendor?: string): Promise<Question[]> {
  const found: Question[] = [];
  let after: string | undefined;
  do {
    const page = await ports.records.query(recordKeys.question(campaign, "").pk, after === undefined ? {} : { after });
    found.push(...page.items.map((item) => Question.parse(item.body)));
    after = page.next;
  } while (after !== undefined);
  return found.filter((q) => vendor === undefined || q.vendor === vendor).sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** Answers a question; a later answer replaces an earlier one. Throws BadInputError where there is no such question. */
export async function replyTo(
  ports: Pick<Ports, "records" | "clock">,
  campaign: string,
  reply: { question: string; by: string; text: string },
): Promise<Question> {
  const key = recordKeys.question(campaign, reply.question);
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(key);
    if (found === undefined) throw new BadInputError(`campaign "${campaign}" has no question "${reply.question}"`);
    const at = new Date(ports.clock.now()).toISOString();
    const next: Question = { ...Question.parse(found.body), reply: { by: reply.by, text: reply.text, at } };
    try {
      await ports.records.put(key, next, { version: found.version });
      return next;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}
