import { annotateRoutes } from "./annotate.ts";
import { approveRoutes } from "./approve.ts";
import { campaignRoutes } from "./campaigns.ts";
import { dataRoutes } from "./data.ts";
import { createFront, type Part } from "./front.ts";
import { mediaRoutes } from "./media.ts";
import type { ApiOptions } from "./portal.ts";
import { predictRoutes } from "./predict.ts";
import { reviewRoutes } from "./review.ts";
import { sessionRoutes } from "./session.ts";
import { vendorRoutes } from "./vendor.ts";

/** Everything that the portal has; on AWS each audience's function has its own share (infra/functions.ts). */
export const PARTS: readonly Part[] = [
  { at: "/api", routes: sessionRoutes },
  { at: "/api/annotate", routes: annotateRoutes },
  { at: "/api/review", routes: reviewRoutes },
  { at: "/api/vendor", routes: vendorRoutes },
  { at: "/api/approve", routes: approveRoutes },
  { at: "/api/campaigns", routes: campaignRoutes },
  { at: "/api/data", routes: dataRoutes },
  { at: "/api/media", routes: mediaRoutes },
  { at: "/predict", routes: predictRoutes },
];

/** The portal: pages, API and predict front as one function from Request to Response; each host is a thin adapter to it. */
export function createApi(options: ApiOptions): { fetch(request: Request): Promise<Response> } {
  return createFront(options, PARTS);
}
