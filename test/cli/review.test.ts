/** `passthrough review` as CI runs it: what it reads, what it writes, how it ends. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { passthrough, startPassthrough } from "../support/command";
import { finished } from "../support/terraform";

const plans = join(__dirname, "..", "review", "plans");
const dist = join(__dirname, "..", "..", "dist");
const plan = (name: string) => join(plans, `${name}.json`);
const golden = (name: string) =>
  readFileSync(join(__dirname, "..", "review", "golden", `${name}.md`), "utf8");

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), "passthrough review "))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | object): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

/** What cdktf leaves behind, with a plan in some stacks. */
function app(
  name: string,
  stacks: Readonly<Record<string, { plan?: string; dependencies?: string[]; workingDirectory?: string }>>,
): string {
  const out = join(folder, name);
  const manifest = Object.entries(stacks).map(
    ([stack, { dependencies = [], workingDirectory = `stacks/${stack}` }]) => [
      stack,
      { name: stack, workingDirectory, dependencies },
    ],
  );
  for (const [stack, { plan: found }] of Object.entries(stacks)) {
    mkdirSync(join(out, "stacks", stack), { recursive: true });
    if (found !== undefined)
      writeFileSync(join(out, "stacks", stack, "plan.json"), readFileSync(plan(found)));
  }
  writeFileSync(
    join(out, "manifest.json"),
    JSON.stringify({ version: "0.21.0", stacks: Object.fromEntries(manifest) }),
  );
  return out;
}

describe("what it reads", () => {
  test("a file", async () => {
    expect(await passthrough(["review", plan("create")])).toEqual({
      code: 0,
      stdout: golden("create"),
      stderr: "",
    });
  });

  test.each([[["review"]], [["review", "-"]]])("stdin: %j", async (args) => {
    const child = startPassthrough(args, { stdin: readFileSync(plan("swap")) });
    expect(await finished(child)).toEqual({ code: 0, stdout: golden("swap"), stderr: "" });
  });

  test("the folder of an app: stacks in their order, and the one without a plan is named", async () => {
    const out = app("cdktf.out", {
      desktops: { plan: "swap", dependencies: ["racks"] },
      racks: { plan: "reboot" },
      lab: {},
    });
    const { code, stdout } = await passthrough(["review", "--json", out]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      stacks: [
        { name: "desktops", planned: true },
        { name: "racks", planned: true },
        { name: "lab", planned: false },
      ],
    });
  });

  test("a stack's reboots come after those of the stack that it waits for", async () => {
    const out = app("ordered", {
      later: { plan: "create", dependencies: ["first"] },
      first: { plan: "reboot" },
    });
    const { hosts } = JSON.parse((await passthrough(["review", "--json", out])).stdout) as {
      hosts: { stack: string; name: string; reboot: { wave: number } }[];
    };
    expect(hosts.map(({ stack, name, reboot }) => [stack, name, reboot.wave])).toEqual([
      ["later", "pve1", 3],
      ["later", "pve2", 4],
      ["first", "pve1", 1],
      ["first", "pve2", 2],
    ]);
  });
});

describe("what it writes", () => {
  test("JSON as the schema that comes with the package says", async () => {
    const { code, stdout } = await passthrough(["review", "--json", plan("risks")]);
    expect(code).toBe(0);
    const validate = new Ajv({ allErrors: true }).compile(
      JSON.parse(readFileSync(join(dist, "review.schema.json"), "utf8")) as object,
    );
    validate(JSON.parse(stdout));
    expect(validate.errors).toBeNull();
  });

  test("no more than the limit, and the rest to a file", async () => {
    const rest = join(folder, "rest.md");
    const { stdout } = await passthrough(["review", plan("twenty"), "--limit", "5000", "--rest", rest]);
    expect(stdout.length).toBeLessThanOrEqual(5000);
    expect(stdout).toContain("20 hosts reboot, one after the other");
    expect(stdout).toContain("**Left out here, for its length:**");
    expect(readFileSync(rest, "utf8")).toContain("### Host `pve20`");
  });

  test("the file also where nothing is left out, so that an artefact is there to keep", async () => {
    const rest = join(folder, "nothing.md");
    await passthrough(["review", plan("nothing"), "--rest", rest]);
    expect(readFileSync(rest, "utf8")).toBe("Nothing was left out.\n");
  });

  test("a marker of one's own", async () => {
    const { stdout } = await passthrough(["review", plan("nothing"), "--marker", "lab-2"]);
    expect(stdout).toMatch(/^<!-- cdktf-passthrough review: lab-2 -->\n/);
  });
});

describe("the gate", () => {
  const rules = { version: 1, maxReboots: 1, forbid: ["unsafe-interrupts"] };

  test("exits with 3 where approval is needed, and says in the comment why", async () => {
    const gate = file("rules.json", rules);
    const { code, stdout, stderr } = await passthrough(["review", plan("create"), "--gate", gate]);
    expect(code).toBe(3);
    expect(stderr).toBe(
      "passthrough: this plan needs approval: maxReboots: 2 hosts reboot or may reboot, 1 may\n",
    );
    expect(stdout).toContain("- `maxReboots`: 2 hosts reboot or may reboot, 1 may: `pve1`, `pve2`");
  });

  test("lets through what the rules allow", async () => {
    const gate = file("rules.json", rules);
    const { code, stdout, stderr } = await passthrough(["review", plan("swap"), "--gate", gate]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("**Approval**: the rules ask for none.");
  });

  test("stands in the JSON too", async () => {
    const gate = file("rules.json", rules);
    const { code, stdout } = await passthrough(["review", plan("create"), "--json", "--gate", gate]);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      approval: { required: true, violations: [{ rule: "maxReboots", subjects: ["pve1", "pve2"] }] },
    });
  });

  test("rules that are not understood let nothing through", async () => {
    const gate = file("mistyped.json", { version: 1, maxReboot: 0 });
    const { code, stdout, stderr } = await passthrough(["review", plan("nothing"), "--gate", gate]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("must NOT have additional properties (maxReboot)");
  });
});

describe("what it cannot read", () => {
  test.each<[string, () => string[], RegExp, number?]>([
    ["no such file", () => ["/not/there.json"], /Unable to read \/not\/there.json: ENOENT/],
    [
      "no plan",
      () => [file("x.json", "Error: Invalid")],
      /it is no JSON.*`terraform show -json <plan file>`/,
    ],
    [
      "a folder of something else",
      () => [plans],
      /has no manifest\.json\. Expected the folder that cdktf synth writes/,
    ],
    [
      "an app without any plan",
      () => [app("bare", { one: {}, two: {} })],
      /none of its stacks \(one, two\) has one\. Run cdktf diff first/,
    ],
    [
      "a stack outside of its app",
      () => [app("outside", { one: { plan: "create", workingDirectory: "../.." } })],
      /stack one of .*outside: it has no folder there/,
    ],
    ["a limit that holds nothing", () => [plan("create"), "--limit", "10"], /2000 or more/, 2],
    [
      "a marker that ends the comment",
      () => [plan("create"), "--marker", "a-->b"],
      /letters, digits, dots/,
      2,
    ],
    [
      "rules that are not there",
      () => [plan("create"), "--gate", "/not/there"],
      /Unable to read the rules: ENOENT/,
    ],
  ])("%s", async (_what, args, words, expected = 1) => {
    const { code, stdout, stderr } = await passthrough(["review", ...args()]);
    expect(stderr).toMatch(/^passthrough: /);
    expect(stderr.replace(/\s+/g, " ")).toMatch(words);
    expect([code, stdout]).toEqual([expected, ""]);
  });

  test("a plan file that Terraform cannot show, in Terraform's own words", async () => {
    const out = app("broken", { one: {} });
    writeFileSync(join(out, "stacks", "one", "plan"), "PK\u0003\u0004 and nothing more");
    const { code, stderr } = await passthrough(["review", out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^passthrough: Unable to show the plan .*stacks\/one\/plan: terraform show exited with 1\./,
    );
    expect(stderr).toContain("Error:");
  });

  test("two plans in one stack: it does not guess which is applied", async () => {
    const out = app("two", { one: {} });
    for (const name of ["plan", "old.tfplan"])
      writeFileSync(join(out, "stacks", "one", name), "PK\u0003\u0004");
    const { code, stderr } = await passthrough(["review", out]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("it has old.tfplan, plan. Name one of them")]);
  });

  test("no Terraform", async () => {
    const out = app("without", { one: {} });
    writeFileSync(join(out, "stacks", "one", "plan"), "PK\u0003\u0004");
    const { code, stderr } = await passthrough(["review", out], {
      env: { TERRAFORM_BINARY_NAME: "/not/there" },
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining("/not/there does not start")]);
  });
});
