/** The HTTP API before the portal's functions: the template's own routes choose the function and make its event. */
import type { Json } from "../../infra/checks/resolve.ts";

interface Route {
  method: string;
  path: RegExp;
  target: string;
  /** The API's authorizer stands before it. */
  jwt: boolean;
}

/** Routes of the synthesized portal: `GET /api/annotate/{proxy+}` -> the function behind its integration. */
export function routesOf(portal: Json): Route[] {
  const resources = portal.Resources as Record<string, Json>;
  return Object.values(resources)
    .filter(({ Type }) => Type === "AWS::ApiGatewayV2::Route")
    .map(({ Properties }) => {
      const [method, path] = String(Properties.RouteKey).split(" ") as [string, string];
      const integration = /"Ref":"(\w+)"/.exec(JSON.stringify(Properties.Target))?.[1] ?? "";
      const id = resources[integration].Properties.IntegrationUri["Fn::GetAtt"][0] as string;
      const pattern = path.replaceAll(/\{\w+\+\}/g, ".+").replaceAll(/\{\w+\}/g, "[^/]+");
      return {
        method,
        path: new RegExp(`^${pattern}$`),
        target: String(resources[id].Properties.FunctionName),
        jwt: Properties.AuthorizationType === "JWT",
      };
    });
}

/** A request through the API to its function; a path without a route is 404, as API Gateway answers. */
export async function throughPortal(
  routes: readonly Route[],
  request: Request,
  invoke: (target: string, event: unknown) => Promise<unknown>,
  now: number,
): Promise<Response> {
  const { pathname, search, hostname } = new URL(request.url);
  const route = routes.find(
    (one) => (one.method === "ANY" || one.method === request.method) && one.path.test(pathname),
  );
  if (route === undefined) return Response.json({ message: "Not Found" }, { status: 404 });
  // The authorizer's part: a token names a person who signed in just now; without one nothing goes further.
  const sub = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (route.jwt && sub === undefined) return Response.json({ message: "Unauthorized" }, { status: 401 });
  const seconds = (at: number) => String(Math.floor(at / 1000));
  const claims = { sub, username: sub, token_use: "access", auth_time: seconds(now), exp: seconds(now + 3_600_000) };
  const body = Buffer.from(await request.arrayBuffer());
  const answered = (await invoke(route.target, {
    version: "2.0",
    routeKey: `${route.method} ${pathname}`,
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: Object.fromEntries(request.headers),
    requestContext: {
      domainName: hostname,
      http: { method: request.method, path: pathname, sourceIp: "127.0.0.1" },
      requestId: "1",
      ...(route.jwt ? { authorizer: { jwt: { claims, scopes: null } } } : {}),
    },
    ...(body.length > 0 ? { body: body.toString("base64"), isBase64Encoded: true } : { isBase64Encoded: false }),
  })) as { statusCode: number; headers: Record<string, string>; body: string; isBase64Encoded?: boolean };
  const bytes = Buffer.from(answered.body ?? "", answered.isBase64Encoded ? "base64" : "utf8");
  return new Response(bytes.length === 0 ? null : bytes, { status: answered.statusCode, headers: answered.headers });
}
