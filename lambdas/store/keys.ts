/** Where things lie: object keys and record keys, each written in one place. */
import type { RecordKey } from "../ports.ts";

const root = (campaign: string) => `campaigns/${campaign}`;

/** A key's folder, with its slash, so that no neighbour whose name begins alike matches too. */
export const folderOf = (key: string) => key.slice(0, key.lastIndexOf("/") + 1);

export const objectKeys = {
  agreement: (campaign: string, digest: string) => `${root(campaign)}/agreements/${digest}.json`,
  intake: (campaign: string, intake: string) => `${root(campaign)}/intakes/${intake}`,
  intakeFile: (campaign: string, sha256: string) => `${root(campaign)}/files/${sha256.slice(0, 2)}/${sha256}`,
  manifest: (campaign: string, intake: string) => `${root(campaign)}/intakes/${intake}/manifest.jsonl`,
  seal: (campaign: string, intake: string) => `${root(campaign)}/intakes/${intake}/_SUCCESS`,
  /** What comes without a manifest: one folder a drop, whatever lies in it. */
  inbox: (campaign: string, drop: string) => `${root(campaign)}/inbox/${drop}${drop === "" ? "" : "/"}`,
  /** What a seal of a drop took in, so that only what comes later is taken in next. */
  sealedDrop: (campaign: string, digest: string) => `${root(campaign)}/drops/${digest}.json`,
  /** Labels that came with photos. */
  claims: (campaign: string, digest: string) => `${root(campaign)}/claims/${digest}.json`,
  /** What the data team decided about an image, each decision once. */
  decision: (campaign: string, digest: string) => `${root(campaign)}/decisions/${digest}.json`,
  /** What the data team said of a cycle's report. */
  dataReview: (campaign: string, cycle: number, digest: string) =>
    `${root(campaign)}/data-reviews/${cycle}-${digest}.json`,
  admission: (campaign: string, cycle: number) => `${root(campaign)}/cycles/${cycle}/admission`,
  /** Web variants and thumbnails of one admission batch, one after the other. */
  pack: (campaign: string, digest: string) => `${root(campaign)}/packs/${digest}.bin`,
  shards: (campaign: string) => `${root(campaign)}/shards`,
  catalogue: (campaign: string, digest: string) => `${root(campaign)}/catalogues/${digest}.json`,
  embeddings: (campaign: string) => `${root(campaign)}/embeddings`,
  split: (campaign: string, digest: string) => `${root(campaign)}/splits/${digest}.json`,
  wave: (campaign: string, cycle: number, wave: number) => `${root(campaign)}/cycles/${cycle}/waves/${wave}/plan.json`,
  consensus: (campaign: string, cycle: number, wave: number) =>
    `${root(campaign)}/cycles/${cycle}/waves/${wave}/consensus.json`,
  modelPrior: (campaign: string, cycle: number, wave: number) =>
    `${root(campaign)}/cycles/${cycle}/waves/${wave}/model-prior.json`,
  lotPlan: (campaign: string, lot: string) => `${root(campaign)}/lots/${lot}/plan.json`,
  lotAnswers: (campaign: string, lot: string, round: number) => `${root(campaign)}/lots/${lot}/answers-${round}.jsonl`,
  lotVerdict: (campaign: string, lot: string, round: number) => `${root(campaign)}/lots/${lot}/verdict-${round}.json`,
  expertAnswers: (campaign: string, cycle: number, wave: number) =>
    `${root(campaign)}/cycles/${cycle}/waves/${wave}/experts.jsonl`,
  dataset: (campaign: string, version: string) => `${root(campaign)}/datasets/${version}/dataset.json`,
  /** Apart from everything else, so that a policy can deny it to all but the evaluation. */
  sealedTruth: (campaign: string, digest: string) => `sealed/${campaign}/${digest}/test.json`,
  /** What is known of test images beside their pixels, and who labelled the others, in one folder. */
  attributes: (campaign: string, digest: string) => `${root(campaign)}/attributes/${digest}/attributes.json`,
  models: (campaign: string) => `${root(campaign)}/models`,
  evaluation: (campaign: string, job: string) => `${root(campaign)}/evaluations/${job}`,
  evidence: (campaign: string, digest: string) => `${root(campaign)}/evidence/${digest}.json`,
  approval: (campaign: string, cycle: number, digest: string) => `${root(campaign)}/approvals/${cycle}-${digest}.json`,
  capture: (campaign: string, day: string, id: string) => `${root(campaign)}/captures/${day}/${id}`,
  /** One day's look at a live model. */
  driftReport: (campaign: string, version: string, day: string) => `${root(campaign)}/monitor/${version}/${day}.json`,
  /** Which captured requests a day's audit labels; beside it the plan of its lots, and what came of it. */
  audit: (campaign: string, day: string, part: "plan" | "lots" | "report") =>
    `${root(campaign)}/audits/${day}/${part}.json`,
  /** Pretrained weights that the campaign may use: one folder per architecture. */
  weights: (name: string) => `weights/${name}`,
} as const;

/** Records: pk says whose book it is, sk which line. */
export const recordKeys = {
  /** The agreement in force, the open cycle, queued intakes, pause and cancel. */
  campaign: (campaign: string): RecordKey => ({ pk: `campaign#${campaign}`, sk: "head" }),
  campaigns: (campaign: string): RecordKey => ({ pk: "campaigns", sk: campaign }),
  cycle: (campaign: string, cycle: number): RecordKey => ({
    pk: `campaign#${campaign}`,
    sk: `cycle#${String(cycle).padStart(6, "0")}`,
  }),
  wave: (campaign: string, cycle: number, wave: number): RecordKey => ({
    pk: `campaign#${campaign}`,
    sk: `wave#${cycle}#${wave}`,
  }),
  lot: (campaign: string, lot: string): RecordKey => ({ pk: `lot#${campaign}#${lot}`, sk: "lot" }),
  /** One line per answered item and round. */
  answer: (campaign: string, lot: string, round: number, item: string): RecordKey => ({
    pk: `lot#${campaign}#${lot}`,
    sk: `answer#${round}#${item}`,
  }),
  lease: (campaign: string, lot: string, round: number, item: string): RecordKey => ({
    pk: `lot#${campaign}#${lot}`,
    sk: `lease#${round}#${item}`,
  }),
  /** Lots of a vendor, for its page. */
  vendorLot: (campaign: string, vendor: string, lot: string): RecordKey => ({
    pk: `vendor#${campaign}#${vendor}`,
    sk: `lot#${lot}`,
  }),
  openLot: (campaign: string, cycle: number, wave: number, lot: string): RecordKey => ({
    pk: `wave#${campaign}#${cycle}#${wave}`,
    sk: `lot#${lot}`,
  }),
  /** What the data team decided about a vendor or one of its annotators. */
  standing: (campaign: string, vendor: string, annotator?: string): RecordKey => ({
    pk: `standings#${campaign}`,
    sk: annotator === undefined ? vendor : `${vendor}/${annotator}`,
  }),
  /** An annotator's attempt at the qualification test. */
  qualification: (campaign: string, vendor: string, annotator: string): RecordKey => ({
    pk: `qualifications#${campaign}`,
    sk: `${vendor}/${annotator}`,
  }),
  /** A vendor's objection to a verdict. */
  dispute: (campaign: string, lot: string, round: number): RecordKey => ({
    pk: `disputes#${campaign}`,
    sk: `${lot}#${round}`,
  }),
  /** Every look at the campaign's sealed test, in order: each spends its part of the error that the gates may make. */
  looks: (campaign: string): RecordKey => ({ pk: `campaign#${campaign}`, sk: "looks" }),
  /** Accepted lots of a campaign, whatever their cycle: where their answers lie. */
  acceptedLot: (campaign: string, lot: string): RecordKey => ({ pk: `accepted#${campaign}`, sk: `lot#${lot}` }),
  /** Images that an annotator has answered: nobody says the same thing twice for money. */
  seen: (campaign: string, vendor: string, annotator: string, image: string): RecordKey => ({
    pk: `annotator#${campaign}#${vendor}#${annotator}`,
    sk: `image#${image}`,
  }),
  /** Expert tasks that still lack an answer. */
  openReview: (campaign: string, task: string): RecordKey => ({ pk: `reviews-open#${campaign}`, sk: task }),
  /** A stage that waits for a set of expert tasks, and the lines of those still open. */
  reviewBatch: (campaign: string, batch: string): RecordKey => ({ pk: `batches#${campaign}`, sk: batch }),
  batchTask: (campaign: string, batch: string, task: string): RecordKey => ({
    pk: `batch#${campaign}#${batch}`,
    sk: task,
  }),
  /** Running sums of the ledger by kind, party and lot, written with the entries they sum. */
  ledgerSum: (campaign: string, kind: string, party: string, lot: string): RecordKey => ({
    pk: `ledger-sums#${campaign}`,
    sk: `${kind}#${party}#${lot}`,
  }),
  /** Expert work: gold authoring, inspection samples, the expert queue. */
  review: (campaign: string, task: string): RecordKey => ({ pk: `reviews#${campaign}`, sk: task }),
  ledger: (campaign: string, id: string): RecordKey => ({ pk: `ledger#${campaign}`, sk: id }),
  /** What annotators ask the customer. */
  question: (campaign: string, id: string): RecordKey => ({ pk: `questions#${campaign}`, sk: id }),
  member: (token: string): RecordKey => ({ pk: "members", sk: token }),
  /** Memberships that a signed-in person has taken up. */
  identity: (identity: string, member: string): RecordKey => ({ pk: `identity#${identity}`, sk: member }),
  approval: (campaign: string, cycle: number): RecordKey => ({
    pk: `campaign#${campaign}`,
    sk: `approval#${String(cycle).padStart(6, "0")}`,
  }),
  /** The question whether photos are fit to buy labels for, and its answer. */
  dataReview: (campaign: string, cycle: number): RecordKey => ({
    pk: `campaign#${campaign}`,
    sk: `data-review#${String(cycle).padStart(6, "0")}`,
  }),
  /** What the data team last said of an image: use it, or leave it out. */
  decision: (campaign: string, image: string): RecordKey => ({ pk: `decisions#${campaign}`, sk: image }),
  /** A folder of the inbox: what was last seen in it, since when, and what of it was sealed. */
  drop: (campaign: string, drop: string): RecordKey => ({ pk: `drops#${campaign}`, sk: drop }),
  /** The last link of the campaign's chain of approvals. */
  approvalChain: (campaign: string): RecordKey => ({ pk: `campaign#${campaign}`, sk: "approval-chain" }),
  /** Requests, errors and latencies of one endpoint, spread over shards so that writers do not queue. */
  traffic: (campaign: string, endpoint: string, shard: number): RecordKey => ({
    pk: `traffic#${campaign}#${endpoint}`,
    sk: `shard#${shard}`,
  }),
  /** What is asked because real requests drift: at most one is open. */
  relabelProposal: (campaign: string): RecordKey => ({ pk: `campaign#${campaign}`, sk: "relabel-proposal" }),
  /** Labels bought for real requests, by the day of the look that began it. */
  audit: (campaign: string, day: string): RecordKey => ({ pk: `audits#${campaign}`, sk: day }),
  /** Where the re-encoded copies of a captured image lie that people see. */
  captureCopy: (campaign: string, image: string): RecordKey => ({ pk: `capture-copies#${campaign}`, sk: image }),
  release: (campaign: string): RecordKey => ({ pk: `campaign#${campaign}`, sk: "release" }),
} as const;
