/** A toy provider under the real `terraform`. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { placeProvider } from "../support/mirror";
import { finished, Terraform } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(120_000);

const HEADER = `
terraform {
  required_providers {
    toy = { source = "toys.example/test/toy", version = "1.2.3" }
  }
}
`;

let terraform: Terraform;
const toyFile = (name: string) => join(terraform.directory, "box", name);
const toyThing = (name: string) => JSON.parse(readFileSync(toyFile(name), "utf8")) as Record<string, unknown>;
const write = (configuration: string) => terraform.write(HEADER + configuration);

beforeAll(async () => {
  terraform = new Terraform();
  terraform.env["TOY_DIRECTORY"] = join(terraform.directory, "box");
  placeProvider(terraform.directory, {
    entry: join(__dirname, "toyProvider.ts"),
    source: "toys.example/test/toy",
    version: "1.2.3",
  });
  write("");
  await terraform.init();
});
afterAll(() => terraform.remove());
beforeEach(() => {
  rmSync(join(terraform.directory, "terraform.tfstate"), { force: true });
  rmSync(toyFile(""), { recursive: true, force: true });
  mkdirSync(toyFile(""));
});

test("given a new thing, when applied, then it stands, and a second plan is empty", async () => {
  write(`resource "toy_thing" "a" {
    name  = "a"
    size  = 0.1
    tags  = ["z", "y"]
    slots = { one = { device = "d1" } }
  }`);
  await terraform.apply();

  const { "toy_thing.a": thing } = await terraform.resources();
  expect(thing?.values).toEqual({
    id: "id-a",
    name: "a",
    size: 0.1,
    tags: ["y", "z"],
    secret: null,
    slots: { one: { device: "d1", pcie: true } },
    behaviour: null,
  });
  expect(await terraform.plan()).toMatchObject({ changes: false });
});

test("given a thing, when its size changes, then it is updated in place; its name: replaced", async () => {
  write(`resource "toy_thing" "a" {
    name = "a"
    size = 1
  }`);
  await terraform.apply();

  write(`resource "toy_thing" "a" {
    name = "a"
    size = 2
  }`);
  expect((await terraform.plan()).text).toContain("will be updated in-place");
  await terraform.apply();
  expect(toyThing("id-a")).toMatchObject({ size: 2 });

  write(`resource "toy_thing" "a" {
    name = "b"
    size = 2
  }`);
  expect((await terraform.plan()).text).toMatch(/name += "a" -> "b" # forces replacement/);
});

test("given a thing that was changed outside, when planned, then the plan shows the drift", async () => {
  write(`resource "toy_thing" "a" {
    name = "a"
    size = 1
  }`);
  await terraform.apply();

  writeFileSync(toyFile("id-a"), JSON.stringify({ ...toyThing("id-a"), size: 7 }));

  expect((await terraform.plan()).text).toMatch(/size += 7 -> 1/);
});

test("given a value known only after apply, when it feeds another thing, then plan and apply agree", async () => {
  write(`
    resource "toy_thing" "a" { name = "a" }
    data "toy_shout" "a" { text = toy_thing.a.id }
    resource "toy_thing" "b" {
      name  = data.toy_shout.a.loud
      slots = { one = { device = toy_thing.a.id } }
    }`);
  expect((await terraform.plan()).text).toMatch(/device += \(known after apply\)/);
  await terraform.apply();

  const { "toy_thing.b": thing } = await terraform.resources();
  expect(thing?.values).toMatchObject({ name: "ID-A", slots: { one: { device: "id-a" } } });
  expect(await terraform.plan()).toMatchObject({ changes: false });
});

test("given a slot, when another one is added before it, then only the new one is in the plan", async () => {
  write(`resource "toy_thing" "a" {
    name  = "a"
    slots = { m = { device = "d1", pcie = false } }
  }`);
  await terraform.apply();

  write(`resource "toy_thing" "a" {
    name  = "a"
    slots = { m = { device = "d1", pcie = false }, b = { device = "d2" } }
  }`);
  const { text } = await terraform.plan();

  expect(text).toMatch(/\+ "b" = \{\n\s+\+ device += "d2"\n\s+\+ pcie += \(known after apply\)/);
  expect(text).toContain("(1 unchanged element hidden)");
});

test("given a sensitive value, when planned and applied, then it is never printed", async () => {
  write(`resource "toy_thing" "a" {
    name   = "a"
    secret = "hunter2"
  }`);
  const { text } = await terraform.plan();
  const applied = await terraform.apply();

  expect(text).toContain("(sensitive value)");
  expect(text + applied).not.toContain("hunter2");
  expect(toyThing("id-a")).toMatchObject({ secret: "hunter2" });
});

test("given a thing that already stands, when imported, then the plan is empty", async () => {
  writeFileSync(toyFile("id-a"), JSON.stringify({ id: "id-a", name: "a", size: 3 }));
  write(`resource "toy_thing" "a" {
    name = "a"
    size = 3
  }`);
  await terraform.succeed("import", "-no-color", "toy_thing.a", "id-a");

  expect(await terraform.plan()).toMatchObject({ changes: false });
});

test("given nothing there, when imported, then the error says so", async () => {
  write(`resource "toy_thing" "a" { name = "a" }`);

  const { code, stderr } = await terraform.run(["import", "-no-color", "toy_thing.a", "id-a"]);

  expect(code).toBe(1);
  expect(stderr).toContain('there is no toy_thing "id-a"');
});

test("given a thing, when it is to be replaced or tainted, then it is made anew", async () => {
  write(`resource "toy_thing" "a" { name = "a" }`);
  await terraform.apply();

  expect(await terraform.apply("-replace=toy_thing.a")).toContain("1 added, 0 changed, 1 destroyed");
  await terraform.succeed("taint", "toy_thing.a");
  expect(await terraform.apply()).toContain("1 added, 0 changed, 1 destroyed");
});

test("given a thing, when its destroy is planned, then the provider is asked and warns", async () => {
  write(`resource "toy_thing" "a" { name = "a" }`);
  await terraform.apply();

  const { text } = await terraform.plan("-destroy");

  expect(text).toContain("Warning: a will be missed");
  expect(await terraform.apply("-destroy")).toContain("1 destroyed");
  expect(existsSync(toyFile("id-a"))).toBe(false);
});

test("given private state, when refreshed, changed and destroyed, then it is there at the end", async () => {
  write(`resource "toy_thing" "a" { name = "a" }`);
  await terraform.apply();
  await terraform.apply("-refresh-only");
  write(`resource "toy_thing" "a" {
    name = "a"
    size = 5
  }`);
  await terraform.apply();
  await terraform.apply("-destroy");

  expect(toyThing("id-a.destroyed")).toMatchObject({ made: "for id-a", reads: expect.any(Number) });
});

test("given an apply that fails half way, then what stands is saved and the next plan replaces it", async () => {
  write(`resource "toy_thing" "a" {
    name      = "a"
    size      = 4
    behaviour = "fail half way"
  }`);
  const { code, stderr } = await terraform.run(["apply", "-auto-approve", "-no-color"]);

  expect(code).toBe(1);
  expect(stderr).toContain("Error: Half of it is there");
  expect(stderr).toMatch(/main\.tf line \d+, in resource "toy_thing" "a":\n.*size += 4/);
  expect((await terraform.resources())["toy_thing.a"]).toMatchObject({
    tainted: true,
    values: { size: null },
  });
  expect((await terraform.plan()).text).toContain("is tainted, so must be replaced");
});

test.each(["plan", "apply"])(
  "given a %s that throws, then its message is the error, with no stack",
  async (phase) => {
    write(`resource "toy_thing" "a" {
    name      = "a"
    behaviour = "throw in ${phase}"
  }`);
    const { code, stderr } = await terraform.run(["apply", "-auto-approve", "-no-color"]);

    expect(code).toBe(1);
    expect(stderr).toContain(`Error: the ${phase} came apart`);
    expect(stderr).not.toMatch(/\bat .*\.cjs/);
    expect(await terraform.resources()).toEqual({});
  },
);

test("given a provider that cannot be configured, when planned, then its error is shown", async () => {
  write(`
    provider "toy" { broken = true }
    resource "toy_thing" "a" { name = "a" }`);

  const { code, stderr } = await terraform.run(["plan", "-no-color"]);

  expect(code).toBe(1);
  expect(stderr).toContain("Error: the toy box is locked");
});

test("given a bad value deep in a map, when validated, then the error points at its element", async () => {
  write(`resource "toy_thing" "a" {
    name = "a"
    slots = {
      good = { device = "fine" }
      "the bad one" = {
        device = "bad"
      }
    }
  }`);

  const { stdout } = await terraform.run(["validate", "-json"]);

  expect(JSON.parse(stdout)).toMatchObject({
    diagnostics: [
      {
        severity: "error",
        summary: "Bad device",
        snippet: { code: expect.stringContaining("the bad one") },
      },
    ],
  });
});

test("given errors outside of any call and a line on stdout, when applied, then the provider lives on", async () => {
  write(`resource "toy_thing" "a" {
    name      = "a"
    behaviour = "stray error"
  }`);

  expect(await terraform.apply()).toContain("1 added");
});

test("given a command that ends, then the provider has closed and gone by itself", async () => {
  write(`resource "toy_thing" "a" { name = "a" }`);
  const { code, stderr } = await terraform.run(["apply", "-auto-approve"], { TF_LOG: "debug" });

  expect(code).toBe(0);
  expect(stderr).toContain("plugin process exited");
  expect(stderr).not.toContain("plugin failed to exit gracefully");
  expect(existsSync(toyFile("closed"))).toBe(true);
});

test("given an apply under way, when Ctrl-C reaches the process group, then the provider stops and saves", async () => {
  write(`resource "toy_thing" "a" {
    name      = "a"
    behaviour = "wait to be stopped"
  }`);
  const apply = terraform.start(["apply", "-auto-approve", "-no-color"]);
  const end = finished(apply);
  await waitFor(() => existsSync(toyFile("waiting")));

  process.kill(-apply.pid!, "SIGINT");

  expect(await end).toMatchObject({ code: 1, stderr: expect.stringContaining("Error: Stopped as asked") });
  expect((await terraform.resources())["toy_thing.a"]).toMatchObject({ values: { id: "id-a" } });
});
