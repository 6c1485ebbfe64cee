/** `npm run bench`: what this costs, beside what people use instead. Prints the tables of docs/performance.md. */
import "./text";
import { spawn } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { startEmbeddedHost, type EmbeddedHost } from "../lib/embedded";
import { profiles } from "../lib/embedded/profiles/index";
import type { PciFunction, Profile } from "../lib/embedded/profiles/types";
import { createHost } from "../lib/host/host";
import { createSession } from "../lib/host/session";
import { createCertificate } from "../lib/plugin/certificate";
import { connect, Rig } from "../test/support/rig";
import { Terraform } from "../test/support/terraform";
import { libvirtHost } from "./domains";
import { lagging } from "./lag";
import { measure, table, type Measurement } from "./measure";
import { facts, oneCarefulChange, oneChange, run } from "./recipe";
import { workshop } from "./stacks";

/** From the start of the process to the line that tells Terraform where to connect. */
async function providerStart(): Promise<Measurement> {
  const { certificate } = await createCertificate();
  const env = {
    PATH: process.env["PATH"],
    TF_PLUGIN_MAGIC_COOKIE: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
    PLUGIN_PROTOCOL_VERSIONS: "6",
    PLUGIN_CLIENT_CERT: certificate,
  };
  let ended: Promise<unknown> = Promise.resolve();
  const start = async (): Promise<void> => {
    const provider = spawn(process.execPath, [join(__dirname, "../dist/provider.cjs")], { env });
    ended = new Promise((resolve) => provider.once("close", resolve));
    await new Promise((resolve, reject) => {
      provider.stdout.once("data", resolve);
      provider.once("close", () => reject(new Error("the provider ended before it was ready")));
    });
    provider.kill("SIGKILL");
  };
  return measure("provider: start to ready", 10, start, undefined, () => ended);
}

/** Terraform alone, with as many resources, none of which asks anybody. */
async function terraformAlone(): Promise<Measurement> {
  const terraform = new Terraform();
  const resources = Array.from({ length: 7 }, (_, at) => `resource "terraform_data" "r${at}" {}`);
  terraform.write(resources.join("\n"));
  await terraform.init();
  await terraform.apply();
  const measured = await measure("`terraform plan` of 7 resources that ask nobody", 7, () =>
    terraform.plan(),
  );
  terraform.remove();
  return measured;
}

/** Milliseconds. */
const roundTrip = 20;

async function stack(): Promise<Measurement[]> {
  const rig = new Rig();
  try {
    const host = await rig.host("proxmox-amd");
    await rig.stack(workshop(host, "none"));
    await rig.apply();
    const near = await beside(rig, host, "");
    const far = await lagging(host, roundTrip);
    await rig.stack(workshop(far, "none"));
    await rig.apply();
    return [...near, ...(await beside(rig, far, ` (${roundTrip} ms away)`))];
  } finally {
    await rig.close();
  }
}

/** The same three jobs done by Terraform and this provider, and by a recipe. */
async function beside(rig: Rig, host: EmbeddedHost, where: string): Promise<Measurement[]> {
  let vga = "none";
  const declareOther = async (): Promise<void> => {
    vga = vga === "none" ? "std" : "none";
    await rig.stack(workshop(host, vga));
  };
  const recipe = (what: string, commands: readonly string[]): Promise<Measurement> =>
    measure(`recipe: ${what}${where}`, 7, () => run(host, commands), host);
  return [
    await measure(`\`terraform plan\`, nothing to do${where}`, 7, () => rig.tf.plan(), host),
    await recipe("every fact of that plan", facts),
    await measure(
      `\`terraform apply\`, one setting of one VM${where}`,
      7,
      () => rig.apply(),
      host,
      declareOther,
    ),
    await recipe("the same setting, blindly", oneChange),
    await recipe("the same setting, looked at before and after", oneCarefulChange),
  ];
}

/** The AMD profile with network functions added until there are `count` devices, in groups of their own. */
function crowded(count: number): Profile {
  const base = profiles["proxmox-amd"];
  if (base === undefined) throw new Error("There is no profile proxmox-amd.");
  const added = Array.from({ length: count - base.devices.length }, (_, at): PciFunction => {
    const [slot, unit] = [Math.floor(at / 8), at % 8];
    return {
      address: `0000:20:${slot.toString(16).padStart(2, "0")}.${unit}`,
      id: "8086:1521",
      class: "020000",
      group: 100 + at,
    };
  });
  return { ...base, name: `crowded-${count}`, devices: [...base.devices, ...added] };
}

async function probes(): Promise<Measurement[]> {
  const rig = new Rig();
  const profile = crowded(100);
  const host = await startEmbeddedHost({ profile, dir: join(rig.folder, "crowded") });
  try {
    const connected = createHost("crowded", createSession("crowded", connect(host)));
    const dialled = async (): Promise<void> => {
      const fresh = createHost("crowded", createSession("crowded", connect(host)));
      const { devices } = await fresh.probe();
      if (devices.length !== 100) throw new Error(`${devices.length} devices were seen, not 100`);
      await fresh.close();
    };
    const again = async (): Promise<void> => {
      connected.refresh();
      await connected.probe();
    };
    const measured = [
      await measure("probe of 100 PCI devices, connection included", 7, dialled, host),
      await measure("probe of 100 PCI devices, over an open connection", 7, again),
    ];
    await connected.close();
    return measured;
  } finally {
    await host.stop();
    await rig.close();
  }
}

async function main(): Promise<void> {
  const load = loadavg()[0]?.toFixed(1);
  process.stdout.write(
    `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}, load ${load}\n\n`,
  );
  const parts: Readonly<Record<string, () => Promise<readonly Measurement[]>>> = {
    provider: async () => [await providerStart()],
    terraform: async () => [await terraformAlone()],
    stack,
    probes,
    domains: () => libvirtHost(100),
  };
  // All, or those that are named on the command line.
  const wanted = process.argv.slice(2);
  const measurements: Measurement[] = [];
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) measurements.push(...(await part()));
  }
  process.stdout.write(`${table(measurements)}\n`);
}

void main();
