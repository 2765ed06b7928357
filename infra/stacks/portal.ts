import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer, HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  OriginRequestPolicy,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { HttpOrigin, S3BucketOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import { Mfa, OAuthScope, ResourceServerScope, UserPool, type UserPoolClient } from "aws-cdk-lib/aws-cognito";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { BucketDeployment, CacheControl, Source } from "aws-cdk-lib/aws-s3-deployment";
import type { Construct } from "constructs";
import { POLICY } from "../../lambdas/api/front.ts";
import type { BundledFunction } from "../bundle.ts";
import type { EnvironmentConfig } from "../config.ts";
import { CountersignFunction } from "../constructs/lambda.ts";
import { type Foundation, resourceName } from "../foundation.ts";
import { type Audience, PORTAL_AUDIENCES } from "../functions.ts";

/** HTTP API gives up after 30 s. */
const API_SECONDS = 29;

/** One line per request; never a query, a cookie or a body. */
const ACCESS_LINE = {
  requestId: "$context.requestId",
  ip: "$context.identity.sourceIp",
  time: "$context.requestTime",
  route: "$context.routeKey",
  status: "$context.status",
  milliseconds: "$context.responseLatency",
};

/** Pages that the one bundle draws are one file; what has an extension is a file of its own. */
const PAGE_REWRITE = `function handler(event) {
  var request = event.request;
  if (!/\\.[a-z0-9]+$/.test(request.uri)) request.uri = "/index.html";
  return request;
}`;

/** What people see: static pages and, under the same name, one function per audience; machines call /predict with a token. */
export class PortalStack extends Stack {
  readonly api: HttpApi;
  readonly functions: Record<string, CountersignFunction> = {};
  readonly distribution: Distribution;
  readonly users: UserPool;

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & {
      config: EnvironmentConfig;
      foundation: Foundation & { accessLogs: Bucket };
      bundle: BundledFunction[];
      pages: string;
    },
  ) {
    super(scope, id, props);
    const { config, foundation, bundle } = props;
    this.api = new HttpApi(this, "Api", {
      apiName: resourceName(config, "portal"),
      createDefaultStage: false,
      disableExecuteApiEndpoint: false,
    });
    this.users = this.#users(config);
    const signIn = `https://${this.#domainPrefix(config)}.auth.${this.region}.amazoncognito.com`;
    const files = this.#bucket(foundation.accessLogs);
    this.distribution = this.#distribution(files, signIn);
    const callers = config.machineCallers ? this.#machineClients() : undefined;
    const domain = this.users.addDomain("Domain", { cognitoDomain: { domainPrefix: this.#domainPrefix(config) } });
    const client = this.#peoplesClient();
    const people = new HttpJwtAuthorizer("People", this.#issuer(), { jwtAudience: [client.userPoolClientId] });
    this.#deployPages(props.pages, files, { authority: domain.baseUrl(), clientId: client.userPoolClientId });

    for (const audience of Object.keys(PORTAL_AUDIENCES) as Audience[]) {
      const bundled = bundle.find(({ name }) => name === `portal-${audience}`);
      if (bundled === undefined) throw new Error(`no code was bundled for portal-${audience}`);
      const made = new CountersignFunction(this, audience, {
        bundled,
        foundation,
        timeoutSeconds: API_SECONDS,
        environment: { ORIGIN: `https://${this.distribution.distributionDomainName}` },
      });
      this.functions[audience] = made;
      const integration = new HttpLambdaIntegration(`${audience}Integration`, made.function);
      for (const route of PORTAL_AUDIENCES[audience].routes) {
        if (audience === "callers") {
          // Without clients of their own, programs sign their requests as whom IAM lets invoke this route.
          this.api.addRoutes({
            path: `${route}/{endpoint}`,
            methods: [HttpMethod.POST],
            integration,
            ...(callers === undefined
              ? { authorizer: new HttpIamAuthorizer() }
              : { authorizer: callers, authorizationScopes: ["countersign/predict"] }),
          });
        } else {
          for (const path of [route, `${route}/{rest+}`])
            this.api.addRoutes({
              path,
              methods: [HttpMethod.GET, HttpMethod.POST],
              integration,
              authorizer: people,
            });
        }
      }
    }
    const origin = `https://${this.distribution.distributionDomainName}`;
    new CfnOutput(this, "PagesAddress", { value: origin, description: "Where people work" });
    new CfnOutput(this, "PredictAddress", {
      value: config.machineCallers ? `${origin}/predict` : `${this.api.apiEndpoint}/predict`,
      description: config.machineCallers
        ? "POST an image to <this>/<campaign> with a token of the client Callers"
        : "POST an image to <this>/<campaign>, signed (SigV4, execute-api) by whom IAM lets invoke it",
    });
    new CfnOutput(this, "UserPoolId", { value: this.users.userPoolId, description: "Who may sign in" });
    const accessLog = new LogGroup(this, "AccessLog", {
      logGroupName: `/aws/vendedlogs/${resourceName(config, "portal")}`,
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new HttpStage(this, "Stage", {
      httpApi: this.api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: 200, burstLimit: 400 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LINE)),
      },
    });
  }

  #bucket(accessLogs: Bucket): Bucket {
    return new Bucket(this, "Pages", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      removalPolicy: RemovalPolicy.DESTROY,
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix: "pages/",
    });
  }

  #distribution(files: Bucket, signIn: string): Distribution {
    const headers = new ResponseHeadersPolicy(this, "Headers", {
      securityHeadersBehavior: {
        // The pages exchange the code of a sign-in for a token, at that one place beside the API.
        contentSecurityPolicy: {
          contentSecurityPolicy: POLICY.replace("connect-src 'self'", `connect-src 'self' ${signIn}`),
          override: true,
        },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: true, override: true },
      },
    });
    const rewrite = new EdgeFunction(this, "Rewrite", {
      code: FunctionCode.fromInline(PAGE_REWRITE),
      runtime: FunctionRuntime.JS_2_0,
    });
    const api = {
      origin: new HttpOrigin(`${this.api.apiId}.execute-api.${this.region}.${this.urlSuffix}`),
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
    };
    const distribution = new Distribution(this, "Distribution", {
      comment: "Countersign: pages and API under one name",
      defaultRootObject: "index.html",
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(files as IBucket),
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        responseHeadersPolicy: headers,
        functionAssociations: [{ function: rewrite, eventType: FunctionEventType.VIEWER_REQUEST }],
      },
      additionalBehaviors: { "/api/*": api, "/predict/*": api },
    });
    return distribution;
  }

  /** The pages, and beside them where people sign in. */
  #deployPages(pages: string, files: Bucket, signIn: { authority: string; clientId: string }): void {
    new BucketDeployment(this, "PagesDeployment", {
      sources: [Source.asset(pages), Source.jsonData("sign-in.json", signIn)],
      destinationBucket: files as IBucket,
      distribution: this.distribution,
      distributionPaths: ["/index.html", "/sign-in.json"],
      cacheControl: [CacheControl.fromString("no-cache")],
      prune: false,
      logGroup: new LogGroup(this, "PagesDeploymentLogs", { retention: 30, removalPolicy: RemovalPolicy.DESTROY }),
    });
  }

  #users(config: EnvironmentConfig): UserPool {
    return new UserPool(this, "Users", {
      userPoolName: resourceName(config, "users"),
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 12,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
      },
      deletionProtection: config.onDestroy === "keep",
      removalPolicy: config.onDestroy === "keep" ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  /** Programs that call /predict have credentials of their own and one scope. */
  #machineClients(): HttpJwtAuthorizer {
    const scope = new ResourceServerScope({ scopeName: "predict", scopeDescription: "Ask a released model" });
    const server = this.users.addResourceServer("Resources", { identifier: "countersign", scopes: [scope] });
    const client = this.users.addClient("Callers", {
      generateSecret: true,
      oAuth: { flows: { clientCredentials: true }, scopes: [OAuthScope.resourceServer(server, scope)] },
      accessTokenValidity: Duration.hours(1),
      preventUserExistenceErrors: true,
    });
    return new HttpJwtAuthorizer("Callers", this.#issuer(), { jwtAudience: [client.userPoolClientId] });
  }

  /** People sign in with a password and a one-time code, and come back with a code for a token (PKCE; no secret in a page). */
  #peoplesClient(): UserPoolClient {
    const origin = `https://${this.distribution.distributionDomainName}`;
    return this.users.addClient("People", {
      generateSecret: false,
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID],
        callbackUrls: [`${origin}/signed-in`],
        logoutUrls: [origin],
      },
      accessTokenValidity: Duration.hours(1),
      idTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.days(30),
      enableTokenRevocation: true,
      preventUserExistenceErrors: true,
    });
  }

  #issuer(): string {
    return `https://cognito-idp.${this.region}.${this.urlSuffix}/${this.users.userPoolId}`;
  }

  /** Unique in the region: the account's number is part of it. */
  #domainPrefix(config: EnvironmentConfig): string {
    return `${resourceName(config, "portal")}-${this.account}`;
  }
}
