/** Where the plans of `passthrough review` come from: files, stdin, or the folder that cdktf writes. */
import { spawn } from "node:child_process";
import { existsSync, openSync, closeSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { parsePlan, type Plan } from "../review/plan";
import type { App } from "../review/review";
import { isObject, member } from "../review/views";
import { CliError } from "./errors";

export interface Sources {
  readonly plans: readonly Plan[];
  readonly app: App;
}

/** @throws PlanError or CliError naming the source */
export async function readSources(names: readonly string[]): Promise<Sources> {
  const several = names.length > 1;
  const found: Sources[] = [];
  for (const name of names) {
    if (name !== "-" && isFolder(name)) found.push(await appOf(name));
    else found.push(alone(await planOf(name, several ? stackName(name) : null)));
  }
  return {
    plans: found.flatMap(({ plans }) => plans),
    app: {
      order: Object.assign({}, ...found.map(({ app }) => app.order)) as App["order"],
      unplanned: found.flatMap(({ app }) => app.unplanned),
    },
  };
}

function alone(plan: Plan): Sources {
  return { plans: [plan], app: { order: {}, unplanned: [] } };
}

function stackName(name: string): string {
  return name === "-" ? "stdin" : name.replace(/\.json$/, "");
}

async function planOf(name: string, stack: string | null): Promise<Plan> {
  if (name === "-") return parsePlan("stdin", await stdin(), stack);
  const content = isPlanFile(name) ? await show(resolve(name, ".."), basename(name)) : read(name);
  return parsePlan(name, content, stack);
}

async function stdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks).toString("utf8");
}

function read(name: string): string {
  try {
    return readFileSync(name, "utf8");
  } catch (error) {
    throw new CliError(`Unable to read ${name}: ${wordsOf(error)}`);
  }
}

function isFolder(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The stacks of a `cdktf.out`, each with the plan in its own folder. */
async function appOf(folder: string): Promise<Sources> {
  const manifest = manifestOf(folder);
  const plans: Plan[] = [];
  const unplanned: string[] = [];
  const order: Record<string, readonly string[]> = {};
  for (const [name, stack] of Object.entries(manifest)) {
    order[name] = dependenciesOf(stack);
    const directory = directoryOf(folder, name, stack);
    const file = planFileIn(directory);
    if (file === null) unplanned.push(name);
    else plans.push(await planOf(join(directory, file), name));
  }
  if (plans.length === 0)
    throw new CliError(
      `Unable to find a plan in ${folder}: none of its stacks (${Object.keys(manifest).join(", ")}) has one. Run cdktf diff first, or terraform plan -out=plan in each stack's folder.`,
    );
  return { plans, app: { order, unplanned } };
}

function manifestOf(folder: string): Readonly<Record<string, unknown>> {
  const file = join(folder, "manifest.json");
  if (!existsSync(file))
    throw new CliError(
      `Unable to review ${folder}: it has no manifest.json. Expected the folder that cdktf synth writes, such as cdktf.out.`,
    );
  let manifest: unknown;
  try {
    manifest = JSON.parse(read(file));
  } catch (error) {
    throw new CliError(`Unable to read ${file}: ${wordsOf(error)}`);
  }
  const stacks = member(manifest, "stacks");
  if (!isObject(stacks))
    throw new CliError(`Unable to read ${file}: it names no stacks. Run cdktf synth again.`);
  return stacks;
}

function dependenciesOf(stack: unknown): readonly string[] {
  const list = member(stack, "dependencies");
  return Array.isArray(list) ? list.filter((name): name is string => typeof name === "string") : [];
}

/** A stack's folder lies in the app's: Terraform is started there. */
function directoryOf(folder: string, name: string, stack: unknown): string {
  const directory = join(folder, String(member(stack, "workingDirectory")));
  if (relative(resolve(folder), resolve(directory)).startsWith("..") || !isFolder(directory))
    throw new CliError(
      `Unable to review stack ${name} of ${folder}: it has no folder there. Run cdktf synth again.`,
    );
  return directory;
}

/** What an apply would take, a plan file, goes before a JSON of it, which may be of an earlier one. */
function planFileIn(directory: string): string | null {
  const named = readdirSync(directory).filter((name) => /plan/i.test(name));
  const files = named.filter((name) => isPlanFile(join(directory, name)));
  if (files.length > 1)
    throw new CliError(
      `Unable to choose a plan in ${directory}: it has ${files.sort().join(", ")}. Name one of them, or remove the others.`,
    );
  return files[0] ?? (named.includes("plan.json") ? "plan.json" : null);
}

/** Plan files are zip archives. */
function isPlanFile(name: string): boolean {
  if (statSync(name, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const file = openSync(name, "r");
  try {
    const start = Buffer.alloc(4);
    readSync(file, start, 0, 4, 0);
    return start.toString("latin1") === "PK\u0003\u0004";
  } finally {
    closeSync(file);
  }
}

/** Terraform's own words of a plan file; the folder must be initialized, as it was for the plan. */
async function show(directory: string, file: string): Promise<string> {
  const program = process.env["TERRAFORM_BINARY_NAME"] || "terraform";
  const child = spawn(program, ["show", "-json", `./${file}`], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const unable = `Unable to show the plan ${join(directory, file)}`;
  const code = await new Promise<number | null>((done, failed) => {
    child.on("error", (error) => {
      failed(
        new CliError(
          `${unable}: ${program} does not start: ${error.message}. TERRAFORM_BINARY_NAME names another one.`,
        ),
      );
    });
    child.on("close", done);
  });
  if (code !== 0) {
    const words = Buffer.concat(errors).toString("utf8").trim();
    throw new CliError(
      `${unable}: ${program} show exited with ${String(code)}.\n${words}\nRun terraform init in that folder first.`,
    );
  }
  return Buffer.concat(output).toString("utf8");
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
