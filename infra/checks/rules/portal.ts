/** The pages, their API, and how people sign in. */
import type { Json } from "../resolve.ts";
import { all, type Rule, text, when } from "./rule.ts";

/** CachingDisabled, AWS's own policy. */
const NO_CACHE = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";

export const portal: Rule = (stacks) => [
  ...when(
    !all(stacks, "AWS::ApiGatewayV2::Route").some(({ properties }) =>
      String(properties.RouteKey).startsWith("POST /predict/"),
    ),
    "nothing splits the requests: there is no /predict, and no candidate is ever promoted",
  ),
  ...all(stacks, "AWS::ApiGatewayV2::Route")
    .filter(({ properties }) => String(properties.RouteKey).includes("/predict"))
    .flatMap(({ id, properties: p }) => [
      ...when(!["JWT", "AWS_IAM"].includes(p.AuthorizationType), `${id}: anybody may ask the model`),
      ...when(
        p.AuthorizationType === "JWT" && text(p.AuthorizationScopes) !== '["countersign/predict"]',
        `${id}: any token may ask the model`,
      ),
    ]),
  ...all(stacks, "AWS::ApiGatewayV2::Route").flatMap(({ stack, id, properties: p }) => {
    const authorizer = stacks[stack].Resources[p.AuthorizerId?.Ref]?.Properties;
    const callers = String(p.RouteKey).includes("/predict");
    const client = /"Ref":"(\w+)"/.exec(text(authorizer?.JwtConfiguration?.Audience))?.[1] ?? "";
    return [
      ...when(
        p.AuthorizationType !== "JWT" && !(callers && p.AuthorizationType === "AWS_IAM"),
        `${id}: ${p.RouteKey} asks nobody who they are`,
      ),
      ...when(
        p.AuthorizationType === "JWT" && !client.startsWith(callers ? "UsersCallers" : "UsersPeople"),
        `${id}: ${p.RouteKey} takes tokens of ${client}`,
      ),
    ];
  }),
  ...all(stacks, "AWS::Cognito::UserPoolClient").flatMap(({ id, properties: p }) => {
    const people = id.startsWith("UsersPeople");
    return [
      ...when(
        people && text(p.AllowedOAuthFlows) !== '["code"]',
        `${id}: a page signs in by ${text(p.AllowedOAuthFlows)}`,
      ),
      ...when(people && p.GenerateSecret !== false, `${id}: a secret in a page is none`),
      ...when(
        people && !(p.CallbackURLs as Json[]).every((url) => /^\{"Fn::Join":\["",\["https:\/\/"/.test(text(url))),
        `${id}: people come back to ${text(p.CallbackURLs)}`,
      ),
    ];
  }),
  ...all(stacks, "AWS::ApiGatewayV2::Stage").flatMap(({ id, properties: p }) => [
    ...when(!(Number(p.DefaultRouteSettings?.ThrottlingRateLimit) <= 1000), `${id}: takes any number of requests`),
    ...when(p.AccessLogSettings === undefined, `${id}: keeps no access log`),
  ]),
  ...all(stacks, "AWS::CloudFront::Distribution").flatMap(({ id, properties: p }) => {
    const { DefaultCacheBehavior: pages, CacheBehaviors: others = [] } = p.DistributionConfig;
    return [
      ...[pages, ...others].flatMap((one: Json) =>
        when(
          !["redirect-to-https", "https-only"].includes(one.ViewerProtocolPolicy),
          `${id}: ${one.PathPattern ?? "pages"} over plain HTTP`,
        ),
      ),
      ...others.flatMap((one: Json) =>
        when(one.CachePolicyId !== NO_CACHE, `${id}: answers of ${one.PathPattern} are cached for others`),
      ),
      ...when(pages.ResponseHeadersPolicyId === undefined, `${id}: pages without security headers`),
    ];
  }),
  ...all(stacks, "AWS::CloudFront::ResponseHeadersPolicy").flatMap(({ id, properties: p }) => {
    const policy = text(
      p.ResponseHeadersPolicyConfig.SecurityHeadersConfig?.ContentSecurityPolicy?.ContentSecurityPolicy ?? "",
    );
    const reached = /connect-src 'self' https:\/\/countersign-[a-z]+-portal-.*?(?:;|$)/.exec(policy)?.[0] ?? "";
    return [
      ...when(
        !policy.includes("default-src 'none'") || policy.includes("unsafe-inline"),
        `${id}: no strict content security policy`,
      ),
      ...when(
        !/\.amazoncognito\.com;/.test(reached) || (reached.match(/https:/g) ?? []).length !== 1,
        `${id}: pages may reach more than the API and the sign-in`,
      ),
    ];
  }),
  ...all(stacks, "AWS::Cognito::UserPool").flatMap(({ id, properties: p }) =>
    when(p.AdminCreateUserConfig?.AllowAdminCreateUserOnly !== true, `${id}: anybody can sign up`),
  ),
];
