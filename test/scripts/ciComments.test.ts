/** The comment scripts of examples/ci, run against an API of the test's own: one comment, whoever else writes there. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needPrograms } from "../support/debianPackages";

const marker = "<!-- cdktf-passthrough review: plan -->";
const review = `${marker}\n\n## Passthrough: "1 host" reboots\n\`$(id)\` é \\n\n`;
const token = "secret-token";
const bot = "github-actions[bot]";

interface Comment {
  readonly id: number;
  readonly author: string;
  body: string;
}

/** What one of the two services answers. */
interface Service {
  readonly script: string;
  readonly env: (api: string) => NodeJS.ProcessEnv;
  readonly token: (request: IncomingMessage) => string | undefined;
  /** Of all comments, and below it of one. */
  readonly list: string;
  readonly one: string;
  readonly update: string;
  readonly me: string;
  readonly others: Readonly<Record<string, object>>;
  readonly shown: (comment: Comment) => object;
}

const services: Readonly<Record<string, Service>> = {
  GitHub: {
    script: "github-comment.sh",
    env: (api) => ({
      GITHUB_API_URL: api,
      GITHUB_REPOSITORY: "group/project",
      PULL_REQUEST: "7",
      GH_TOKEN: token,
    }),
    token: ({ headers }) => headers.authorization?.replace("Bearer ", ""),
    list: "/repos/group/project/issues/7/comments",
    one: "/repos/group/project/issues/comments/",
    update: "PATCH",
    me: bot,
    others: {},
    shown: ({ id, author, body }) => ({ id, body, user: { login: author } }),
  },
  GitLab: {
    script: "gitlab-comment.sh",
    env: (api) => ({
      CI_API_V4_URL: api,
      CI_PROJECT_ID: "5",
      CI_MERGE_REQUEST_IID: "7",
      REVIEW_TOKEN: token,
    }),
    token: ({ headers }) => String(headers["private-token"]),
    list: "/projects/5/merge_requests/7/notes",
    one: "/projects/5/merge_requests/7/notes/",
    update: "PUT",
    me: "1",
    others: { "/user": { id: 1 } },
    shown: ({ id, author, body }) => ({ id, body, author: { id: Number(author) } }),
  },
};

beforeAll(() => needPrograms({ curl: ["curl", "ca-certificates"], jq: ["jq"] }), 300_000);

describe.each(Object.entries(services))("%s", (_, service) => {
  let folder: string;
  let server: Server;
  let comments: Comment[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "passthrough-comment-"));
    writeFileSync(join(folder, "review.md"), review);
    comments = [];
    server = createServer((request, response) => {
      void answer(request).then(([status, json]) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  const api = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  async function answer(request: IncomingMessage): Promise<[status: number, json: unknown]> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    if (service.token(request) !== token) return [401, {}];
    const { pathname, searchParams } = new URL(request.url ?? "", api());
    const other = service.others[pathname];
    if (other !== undefined) return [200, other];
    if (pathname === service.list && request.method === "GET") {
      const [size, page] = [Number(searchParams.get("per_page")), Number(searchParams.get("page") ?? "1")];
      return [200, comments.slice((page - 1) * size, page * size).map(service.shown)];
    }
    const { body } = JSON.parse(text) as { body: string };
    if (pathname === service.list && request.method === "POST") {
      comments.push({ id: comments.length + 1, author: service.me, body });
      return [201, {}];
    }
    const found = comments.find(({ id }) => pathname === `${service.one}${id}`);
    if (found === undefined || request.method !== service.update) return [404, {}];
    found.body = body;
    return [200, {}];
  }

  const run = () =>
    new Promise<{ code: number | null; output: string }>((resolve) => {
      const script = join(__dirname, "..", "..", "examples", "ci", service.script);
      const env = { PATH: process.env["PATH"], ...service.env(api()) };
      const child = spawn("sh", [script], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk) => (output += String(chunk)));
      child.on("close", (code) => resolve({ code, output }));
    });

  test("the first run writes a comment, the next one writes it over, and nobody else's is touched", async () => {
    const forged = { id: 1, author: "999", body: `${marker}\nApproved!` };
    comments.push({ ...forged });
    expect(await run()).toEqual({ code: 0, output: "" });
    expect(comments).toEqual([forged, { id: 2, author: service.me, body: review }]);

    writeFileSync(join(folder, "review.md"), `${marker}\n\nNothing to do.\n`);
    expect(await run()).toEqual({ code: 0, output: "" });
    expect(comments).toEqual([forged, { id: 2, author: service.me, body: `${marker}\n\nNothing to do.\n` }]);
  });

  test("a refusal of the service is an error, and what it is about is said", async () => {
    const { code, output } = await new Promise<{ code: number | null; output: string }>((resolve) => {
      server.removeAllListeners("request");
      server.on("request", (_request, response) => response.writeHead(403).end("{}"));
      void run().then(resolve);
    });
    expect(code).not.toBe(0);
    expect(output).toContain("403");
  });

  if (service.update === "PATCH")
    test("a comment on a later page is found", async () => {
      for (let id = 1; id <= 150; id += 1) comments.push({ id, author: "someone", body: "+1" });
      comments.push({ id: 151, author: service.me, body: `${marker}\nold` });
      expect(await run()).toEqual({ code: 0, output: "" });
      expect(comments).toHaveLength(151);
      expect(comments[150]?.body).toBe(review);
    });
});
