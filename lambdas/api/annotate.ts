import { Hono } from "hono";
import { Slug } from "../../schemas/names.ts";
import {
  AnswersRequest,
  LeaseRequest,
  QualificationRequest,
  type QualificationView,
  QuestionRequest,
  ReviseRequest,
} from "../../schemas/portal.ts";
import { leaseItems, openLots, reviseAnswer, submitAnswers } from "../store/lots.ts";
import type { Session } from "../store/members.ts";
import { answerQualification, type QualificationState, qualificationOf } from "../store/qualifications.ts";
import { askQuestion, questions } from "../store/questions.ts";
import { only } from "./access.ts";
import { guideOf } from "./guide.ts";
import type { ImageLinks } from "./image-links.ts";
import { type ApiOptions, inForm, type PortalEnv, readBody } from "./portal.ts";

/** What annotators do: see their vendor's lots, take images, answer, ask. Who they are comes from the session alone. */
export function annotateRoutes(options: ApiOptions, images: ImageLinks): Hono<PortalEnv> {
  const { ports } = options;
  const routes = new Hono<PortalEnv>();
  routes.use(only(options, "annotator"));

  routes.get("/guide", async (c) => {
    const { campaign, vendor } = worker(c.get("session"));
    return c.json(await guideOf(ports, campaign, await questions(ports, campaign, vendor)));
  });

  routes.get("/lots", async (c) => {
    const { campaign, vendor } = worker(c.get("session"));
    // Without prices: what the customer pays the vendor is between the two.
    return c.json(await openLots(ports, { campaign, vendor }));
  });

  routes.post("/lots/:lot/lease", async (c) => {
    const { count } = await readBody(c, LeaseRequest);
    const lot = inForm(Slug, c.req.param("lot"), "the lot");
    const session = c.get("session");
    const who = worker(session);
    const { items, ...lease } = await leaseItems(ports, { ...who, lot, count });
    const seen = items.map(({ image }) => image);
    const views = await images.views(session, who.campaign, seen);
    return c.json({ ...lease, items: items.map(({ item }, at) => ({ item, ...views[at] })) });
  });

  const view = async (session: Session, { state, test, answered, right, open }: QualificationState) => {
    const work = open.map(async ({ item, image }) => ({
      item,
      url: await images.link(session, session.member.campaign, image),
    }));
    return {
      state,
      questions: test?.questions ?? 0,
      toPass: test?.toPass ?? 0,
      answered,
      ...(right === undefined ? {} : { right }),
      work: await Promise.all(work),
    } satisfies QualificationView;
  };

  routes.get("/qualification", async (c) => {
    const session = c.get("session");
    return c.json(await view(session, await qualificationOf(ports, worker(session))));
  });

  routes.post("/qualification", async (c) => {
    const { answers } = await readBody(c, QualificationRequest);
    const session = c.get("session");
    return c.json(await view(session, await answerQualification(ports, worker(session), answers)));
  });

  routes.post("/lots/:lot/answers", async (c) => {
    const { round, answers } = await readBody(c, AnswersRequest);
    const lot = inForm(Slug, c.req.param("lot"), "the lot");
    return c.json(await submitAnswers(ports, { ...worker(c.get("session")), lot, round, answers }));
  });

  routes.post("/lots/:lot/revise", async (c) => {
    const { round, item, value, seconds } = await readBody(c, ReviseRequest);
    const lot = inForm(Slug, c.req.param("lot"), "the lot");
    return c.json(await reviseAnswer(ports, { ...worker(c.get("session")), lot, round, item, value, seconds }));
  });

  routes.post("/questions", async (c) => {
    const asked = await readBody(c, QuestionRequest);
    return c.json(await askQuestion(ports, { ...worker(c.get("session")), ...asked }));
  });

  return routes;
}

function worker({ member }: Session): { campaign: string; vendor: string; annotator: string } {
  return { campaign: member.campaign, vendor: member.vendor ?? "", annotator: member.subject };
}
