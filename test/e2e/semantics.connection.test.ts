/** How hosts are reached, what a plan does without them, and what of a connection is kept where. */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { DataResource, TerraformVariable, type TerraformStack } from "cdktf";
import { IommuHost, PassthroughProvider, VfioBinding, type Connection } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, filesOf, flowing, Rig } from "../support/rig";
import { Terraform } from "../support/terraform";

jest.setTimeout(240_000);

const pve1 = "passthrough_iommu_host.pve1";
const storage = "passthrough_vfio_binding.storage";

/** Boots with the IOMMU on, so that nothing here needs a reboot. */
async function bootedWithIommu(rig: Rig, name?: string): Promise<EmbeddedHost> {
  const host = await rig.host("proxmox-amd", name);
  await sh(host, `sed -i 's/DEFAULT="quiet"/DEFAULT="quiet iommu=pt"/' /etc/default/grub && update-grub`);
  await host.reboot();
  host.resetCounters();
  return host;
}

function declare(connection: Connection, ...parameters: string[]) {
  return (stack: TerraformStack): void => {
    const host = new IommuHost(stack, "pve1", { connection, kernelParameters: ["iommu=pt", ...parameters] });
    new VfioBinding(stack, "storage", { host, devices: { hba: { address: "0000:06:00" } } });
  };
}

describe("one applied stack", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: Record<string, string>;
  let connection: Connection;
  /** As a pipeline without a way to the hosts. */
  const offline = async <T>(work: () => Promise<T>): Promise<T> => {
    rig.tf.env["PASSTHROUGH_OFFLINE"] = "1";
    return work().finally(() => delete rig.tf.env["PASSTHROUGH_OFFLINE"]);
  };
  const driver = () => sh(host, "readlink /sys/bus/pci/devices/0000:06:00.0/driver");

  beforeAll(async () => {
    rig = new Rig();
    host = await bootedWithIommu(rig);
    before = filesOf(host);
    connection = connect(host);
  });
  beforeEach(() => host.resetCounters());
  afterAll(() => rig.close());

  test("a connection that is only known after apply is not dialled for the plan, and works in the apply", async () => {
    await rig.stack((stack) => {
      const port = new DataResource(stack, "port", { input: { port: host.port } });
      declare({ ...connection, port: port.getNumberAttribute("output.port") })(stack);
    });
    const { changes } = await rig.plan();
    expect(host.counters().connections).toBe(0);
    expect(changes[pve1]?.after_unknown).toMatchObject({
      files: true,
      reboot_required: true,
      machine_id: true,
    });
    expect(changes[storage]?.after_unknown).toMatchObject({ functions: true, addresses: true });

    await rig.apply();

    expect(await driver()).toContain("vfio-pci");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("PASSTHROUGH_OFFLINE=1 dials nothing; what is recorded is exact, and the plan carries the mark", async () => {
    await rig.stack(declare(connection));
    await rig.apply();
    host.resetCounters();
    const same = await offline(() => rig.tf.plan());
    expect(same.changes).toBe(false);
    expect(flowing(same.text)).toContain("pve1 was not dialled");

    await rig.stack(declare(connection, "nosmt"));
    const { changes } = await offline(() => rig.plan());
    expect(changes[pve1]).toMatchObject({
      actions: ["update"],
      before: { assumed: true },
      after: { reboot_required: true, reboot_reason: "the running kernel lacks nosmt" },
    });
    expect(host.counters().connections).toBe(0);
  });

  test("a create in a plan that dials nothing carries the mark, too", async () => {
    await rig.stack((stack) => {
      declare(connection)(stack);
      const more = new IommuHost(stack, "pve2", { connection: { ...connection, host: "10.255.255.1" } });
      new VfioBinding(stack, "more", { host: more, devices: { hba: { address: "0000:06:00" } } });
    });
    const { changes } = await offline(() => rig.plan());
    for (const address of ["passthrough_iommu_host.pve2", "passthrough_vfio_binding.more"])
      expect(changes[address]?.after_unknown).toMatchObject({ assumed: true });
    expect(host.counters().connections).toBe(0);
  });

  test("an unreachable host is an error; assume-state plans from what is recorded; gone it is in neither", async () => {
    const away = createServer();
    const port = await new Promise<number>((resolve) =>
      away.listen(0, "127.0.0.1", () => resolve((away.address() as AddressInfo).port)),
    );
    await new Promise((resolve) => away.close(resolve));

    await rig.stack(declare({ ...connection, port }));
    expect(await rig.refusal("plan")).toMatch(/Unable to connect to pve1 .*ECONNREFUSED/);

    await rig.stack(declare({ ...connection, port, whenUnreachable: "assume-state" }));
    const { text, changes } = await rig.plan();
    expect(flowing(text)).toContain("pve1 was not reached");
    expect(changes).toEqual({});
    expect(Object.keys(await rig.tf.resources())).toEqual(expect.arrayContaining([pve1, storage]));
    expect(await rig.refusal("apply", "-auto-approve", `-replace=${storage}`)).toMatch(
      /Unable to connect to pve1 .*ECONNREFUSED/,
    );
  });

  test("another machine at the same address is an error that names both, also for a destroy", async () => {
    await rig.stack(declare(connection));
    const own = (await sh(host, "cat /etc/machine-id")).trim();
    const other = "0123456789abcdef0123456789abcdef";
    await host.reboot({ machineId: other });
    const standing = filesOf(host);
    for (const command of [["plan"], ["plan", "-destroy"], ["destroy", "-auto-approve", "-refresh=false"]]) {
      const words = await rig.refusal(...command);
      expect(words).toContain(other);
      expect(words).toContain(own);
    }
    expect(filesOf(host)).toEqual(standing);
    await sh(host, `echo ${own} | tee /etc/machine-id`);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("the stack's folder names nothing by where it stands, and plans the same elsewhere", async () => {
    const text = readFileSync(join(rig.tf.directory, "cdk.tf.json"), "utf8");
    // What the author wrote there may be absolute: the key file, the state of the local backend.
    const own = text.replaceAll(host.clientKeyFile, "").replace(/"path": "[^"]*terraform.tfstate"/, "");
    expect(own).not.toContain(rig.folder);
    expect(text).toContain("${path.module}/passthrough/passthrough.cjs");

    const elsewhere = new Terraform();
    cpSync(rig.tf.directory, elsewhere.directory, { recursive: true, verbatimSymlinks: true });
    rmSync(join(elsewhere.directory, ".terraform"), { recursive: true });
    try {
      await elsewhere.init();
      expect(await elsewhere.plan()).toMatchObject({ changes: false });
    } finally {
      elsewhere.remove();
    }
  });

  test("once the constructs are gone, the kept connection destroys what they made", async () => {
    await rig.stack((stack) => void new PassthroughProvider(stack, "cdktf-passthrough"));
    const { changes } = await rig.plan();
    expect(changes[pve1]?.actions).toEqual(["delete"]);
    await rig.apply();
    expect(filesOf(host)).toEqual(before);
    expect(await driver()).toContain("mpt3sas");
  });
});

/** Everything that a saved plan holds: it is a zip archive. */
function contentOf(plan: string): string {
  const archive = readFileSync(plan);
  const contents: string[] = [];
  // By the central directory: the headers before the files need not know their sizes.
  for (let at = archive.indexOf("PK\u0001\u0002"); at >= 0; at = archive.indexOf("PK\u0001\u0002", at + 4)) {
    const method = archive.readUInt16LE(at + 10);
    const size = archive.readUInt32LE(at + 20);
    const header = archive.readUInt32LE(at + 42);
    const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
    const packed = archive.subarray(start, start + size);
    contents.push((method === 0 ? packed : inflateRawSync(packed)).toString("latin1"));
  }
  return contents.join("\n");
}

describe("secrets", () => {
  let rig: Rig;
  let host: EmbeddedHost;

  beforeAll(async () => {
    rig = new Rig();
    host = await bootedWithIommu(rig);
  });
  afterAll(() => rig.close());

  test("a key of an ephemeral variable is in no plan, no state and no private state", async () => {
    const key = readFileSync(host.clientKeyFile, "utf8");
    const line = key.split("\n")[2] ?? "";
    const { identityFile: _file, ...connection } = connect(host);
    const env = { TF_VAR_key: key, PASSTHROUGH_PRIVATE_KEY: key };
    await rig.stack((stack) => {
      const variable = new TerraformVariable(stack, "key", { type: "string", sensitive: true });
      variable.addOverride("ephemeral", true);
      declare({ ...connection, privateKey: variable.stringValue })(stack);
    }, env);

    await rig.plan();
    const plan = contentOf(join(rig.folder, "plan"));
    expect(plan).toContain("passthrough_iommu_host");
    expect(plan).not.toContain(line);

    const output = await rig.apply();
    expect(output).toContain("proven");
    const state = await rig.tf.succeed("state", "pull");
    expect(state).toContain("passthrough_iommu_host");
    expect(state + output).not.toContain(line);
    const hidden = [...state.matchAll(/"private": "([^"]+)"/g)].map(([, text = ""]) =>
      Buffer.from(text, "base64").toString(),
    );
    expect(hidden.length).toBeGreaterThan(0);
    expect(hidden.join()).toContain(`"host":"127.0.0.1"`);
    expect(hidden.join()).not.toContain(line.slice(0, 30));
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await rig.destroy();
  });

  test("sensitive values are applied like others, and hidden where Terraform hides them", async () => {
    await rig.stack((stack) => {
      const address = new TerraformVariable(stack, "address", { type: "string", sensitive: true });
      const option = new TerraformVariable(stack, "option", { type: "string", sensitive: true });
      new IommuHost(stack, "pve1", {
        connection: { ...connect(host), host: address.stringValue },
        kernelParameters: ["iommu=pt"],
        modprobeOptions: { kvm: option.stringValue },
      });
    });
    Object.assign(rig.tf.env, { TF_VAR_address: "127.0.0.1", TF_VAR_option: "ignore_msrs=1" });
    const { text } = await rig.plan();
    expect(text).toContain('"kvm" = (sensitive value)');
    await rig.apply();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await rig.destroy();
  });
});
