/** OpenNebula's front end: which devices its hosts list, and the VMs and templates that ask for them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import {
  OpenNebula,
  OpenNebulaPciFilter,
  PassthroughVm,
  type OpenNebulaPciFilterProps,
  type PassthroughVmProps,
} from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const conf = "/var/lib/one/remotes/etc/im/kvm-probes.d/pci.conf";
const filterOf = "passthrough_opennebula_pci.pci";

interface Listed {
  readonly SHORT_ADDRESS: string;
  readonly VMID: string;
}

/** The devices of a host as `onehost show` lists them, with the VM that has each. */
async function listed(host: EmbeddedHost, name: string): Promise<string[]> {
  const { HOST } = JSON.parse(await sh(host, `onehost show -j ${name}`)) as {
    HOST: { HOST_SHARE: { PCI_DEVICES: { PCI?: Listed | Listed[] } } };
  };
  return [HOST.HOST_SHARE.PCI_DEVICES.PCI ?? []]
    .flat()
    .map(({ SHORT_ADDRESS, VMID }) => (VMID === "-1" ? SHORT_ADDRESS : `${SHORT_ADDRESS} ${VMID}`));
}

describe("the PCI devices that are listed", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: string;
  let template: string;

  const confText = () => readFileSync(join(host.root, conf), "utf8");
  const templateOf = async (name: string): Promise<unknown> =>
    (JSON.parse(await sh(host, `onehost show -j ${name}`)) as { HOST: { TEMPLATE: unknown } }).HOST.TEMPLATE;
  const define =
    (props: Omit<OpenNebulaPciFilterProps, "frontEnd">) =>
    (stack: TerraformStack): void => {
      const frontEnd = new OpenNebula(stack, "one", { connection: connect(host) });
      new OpenNebulaPciFilter(stack, "pci", { frontEnd, ...props });
    };

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("opennebula-frontend");
    before = confText();
    template = JSON.stringify(await templateOf("node1"));
  });
  afterAll(() => rig.close());

  test("a deploy configures the probe, brings it to the hosts and waits until they list what is declared", async () => {
    await rig.stack(
      define({
        filter: ["10de:*", "8086::0403"],
        hosts: { node1: { filter: ["8086:1521"], shortAddress: ["03:00.1"] } },
      }),
    );
    const { changes } = await rig.plan();
    expect(changes[filterOf]?.after?.["settings"]).toEqual({
      "pci.conf :filter": ":filter: ['10de:*', '8086:*:0403']",
      "node1 PCI_FILTER": "8086:1521",
      "node1 PCI_SHORT_ADDRESS": "03:00.1",
    });

    const { code, stdout } = await rig.applyPlan();

    expect([code, stdout]).toEqual([0, expect.not.stringContaining("Warning")]);
    expect(confText()).toBe(before.replace("'0:0'", "['10de:*', '8086:*:0403']"));
    expect(await listed(host, "node1")).toEqual(["03:00.1"]);
    expect(await listed(host, "node2")).toEqual(["00:1b.0 43", "04:00.0"]);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("another writing of the same is no drift, another filter is", async () => {
    writeFileSync(
      join(host.root, conf),
      confText().replace("['10de:*', '8086:*:0403']", "'8086::403,10DE:'"),
    );
    expect(await rig.tf.plan()).toMatchObject({ changes: false });

    writeFileSync(join(host.root, conf), confText().replace("10DE:", "1002:*"));
    const { changes } = await rig.plan();
    expect(changes[filterOf]?.before?.["settings"]).toMatchObject({
      "pci.conf :filter": ":filter: '8086::403,1002:*'",
    });
    await rig.apply();
    expect(confText()).toContain(":filter: ['10de:*', '8086:*:0403']");
  });

  test("what no host lists is told, and the deploy goes on", async () => {
    await rig.stack(define({ filter: ["10de:*", "1af4:*"], wait: 0 }));
    await rig.plan();
    const { code, stdout } = await rig.applyPlan();
    expect(code).toBe(0);
    expect(flowing(stdout)).toMatch(
      /OpenNebula on one does not list every device .*no host lists a device that matches 1af4:\*/,
    );
    expect(JSON.stringify(await templateOf("node1"))).toBe(template);
  });

  test("a host that OpenNebula does not know is refused, naming those it knows", async () => {
    await rig.stack(define({ filter: ["10de:*"], hosts: { node9: { filter: ["10de:*"] } } }));
    const words = await rig.refusal("plan");
    expect(words).toContain("OpenNebula on one has no host node9. It has: node1 (0), node2 (1).");
  });

  test("a sync that failed is owed, and the next apply does it", async () => {
    await rig.stack(define({ filter: ["10de:*"] }));
    host.setFaults({
      programs: [
        {
          program: "onehost",
          arguments: "^sync",
          effect: { kind: "fail", message: "Failed to update node2" },
        },
      ],
    });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("Failed to update node2");
    host.clearFaults();
    const { changes } = await rig.plan();
    expect(changes[filterOf]?.before?.["pending"]).toEqual([expect.stringContaining("onehost sync --force")]);
    expect((await rig.applyPlan()).code).toBe(0);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    expect(await listed(host, "node2")).toEqual(["00:1b.0 43", "04:00.0"]);
  });

  test("a front end whose oned does not answer is an error in its own words, and nothing is taken for gone", async () => {
    host.setFaults({
      programs: [
        {
          program: "onehost",
          arguments: "^list",
          times: 2,
          effect: { kind: "fail", message: "Connection refused - connect(2)" },
        },
      ],
    });
    expect(await rig.refusal("plan")).toMatch(
      /OpenNebula on one does not answer. It said: onehost list -j: Connection refused/,
    );
    host.clearFaults();
  });

  test("destroy gives back every byte", async () => {
    await rig.destroy();
    expect(confText()).toBe(before);
    expect(JSON.stringify(await templateOf("node1"))).toBe(template);
    expect(await listed(host, "node1")).toEqual([]);
  });

  test("a front end that is right already is adopted without a change", async () => {
    writeFileSync(join(host.root, conf), before.replace("'0:0'", "'10de:'  # by hand"));
    await sh(host, "onehost sync --force && onehost forceupdate");
    await rig.stack(define({ filter: ["10de:*"], adopt: true }));
    const { changes } = await rig.plan();
    expect(changes[filterOf]).toMatchObject({ actions: ["no-op"], importing: expect.anything() as unknown });
    await rig.applyPlan();
    await rig.destroy();
    expect(confText()).toBe(before.replace("'0:0'", "'10de:'  # by hand"));
  });
});

describe("VMs and VM templates", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: { vm: unknown; template: unknown };

  type Kind = "vm" | "template";
  const shown = async (kind: Kind): Promise<Record<string, unknown>> => {
    const command = kind === "vm" ? "onevm show -j 42" : "onetemplate show -j 7";
    const answer = JSON.parse(await sh(host, command)) as Record<
      string,
      { TEMPLATE: Record<string, unknown> }
    >;
    return answer[kind === "vm" ? "VM" : "VMTEMPLATE"]?.TEMPLATE ?? {};
  };
  const sections = async (kind: Kind) =>
    [(await shown(kind))["PCI"] ?? []].flat() as Record<string, string>[];
  const define =
    (
      vm: PassthroughVmProps["pci"],
      template?: PassthroughVmProps["pci"],
      more: Partial<PassthroughVmProps> = {},
    ) =>
    (stack: TerraformStack): void => {
      const one = new OpenNebula(stack, "one", { connection: connect(host) });
      new OpenNebulaPciFilter(stack, "pci", { frontEnd: one, filter: ["*:*"] });
      if (vm) new PassthroughVm(stack, "vm", { on: OpenNebula.vm(one, 42), pci: vm, ...more });
      if (template)
        new PassthroughVm(stack, "template", { on: OpenNebula.template(one, "gpu-server"), pci: template });
    };

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("opennebula-frontend");
    before = { vm: await shown("vm"), template: await shown("template") };
  });
  afterAll(() => rig.close());

  test("devices by kind and by address, NICs among them, in the declared order; all else stays", async () => {
    await rig.stack(
      define(
        {
          gpu: { request: { vendor: "10de", class: "0300" } },
          audio: { device: { address: "0000:01:00.1" } },
          uplink: {
            request: { vendor: "8086", device: "1521" },
            nic: { network: "office", mac: "02:00:00:00:00:0a" },
          },
        },
        {
          second: { request: { class: "0403" } },
          first: { request: { vendor: "10de" }, profile: 'a "b", ]' },
        },
      ),
    );
    await rig.apply();

    expect(await sections("vm")).toEqual([
      expect.objectContaining({ VENDOR: "10de", CLASS: "0300", SHORT_ADDRESS: "01:00.0" }),
      expect.objectContaining({ SHORT_ADDRESS: "01:00.1" }),
      expect.objectContaining({
        TYPE: "NIC",
        NETWORK: "office",
        MAC: "02:00:00:00:00:0a",
        SHORT_ADDRESS: "03:00.0",
      }),
    ]);
    expect(await listed(host, "node1")).toEqual(
      expect.arrayContaining(["01:00.0 42", "01:00.1 42", "03:00.0 42"]),
    );
    const { PCI, ...others } = await shown("template");
    const { PCI: foreign, ...othersBefore } = before.template as Record<string, unknown>;
    expect(others).toEqual(othersBefore);
    expect(PCI).toEqual([
      foreign,
      { CLASS: "0403", CDKTF_PASSTHROUGH: "second" },
      { VENDOR: "10de", PROFILE: 'a "b", ]', CDKTF_PASSTHROUGH: "first" },
    ]);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("another order is made so: a NIC keeps its address, and what others have its place", async () => {
    const gpu = { request: { vendor: "10de", class: "0300" } };
    const audio = { device: { address: "0000:01:00.1" } };
    const uplink = { request: { vendor: "8086", device: "1521" }, nic: { network: "office" } };
    const first = { request: { vendor: "10de" }, profile: 'a "b", ]' };
    const second = { request: { class: "0403" } };
    await rig.stack(define({ uplink, gpu, audio }, { first, second }));

    const { changes, text } = await rig.plan();
    const order = (name: string, at: "before" | "after") =>
      (changes[`passthrough_vm.${name}`]?.[at]?.["settings"] as Record<string, string>)["pci order"];
    expect([order("vm", "before"), order("vm", "after")]).toEqual(["gpu audio uplink", "uplink gpu audio"]);
    expect([order("template", "before"), order("template", "after")]).toEqual([
      "second first",
      "first second",
    ]);
    expect(flowing(text)).toContain(
      "gpu, audio of VM 42 (workstation) of one are attached again, for the declared order",
    );
    expect((await rig.applyPlan()).code).toBe(0);

    expect((await sections("vm")).map((pci) => pci["MAC"] ?? pci["SHORT_ADDRESS"])).toEqual([
      "02:00:00:00:00:0a",
      "01:00.0",
      "01:00.1",
    ]);
    const ours = (await sections("template")).map((pci) => pci["CDKTF_PASSTHROUGH"]);
    expect(ours).toEqual([undefined, "first", "second"]);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a slot that goes is given back, another request takes its place, by hand is drift", async () => {
    const audio = (await sections("vm")).find(({ SHORT_ADDRESS }) => SHORT_ADDRESS === "01:00.1");
    await sh(host, `onevm pci-detach 42 ${audio?.["PCI_ID"] ?? ""}`);
    await rig.stack(
      define(
        {
          gpu: { request: { vendor: "10de", class: "0c03" } },
          audio: { device: { address: "0000:01:00.1" } },
        },
        { second: { request: { class: "0403" } } },
      ),
    );
    const { changes } = await rig.plan();
    expect(changes["passthrough_vm.vm"]?.before?.["settings"]).toEqual({
      gpu: 'PCI=[VENDOR="10de",CLASS="0300"]',
      uplink: expect.stringContaining('TYPE="NIC"') as string,
      "pci order": "uplink gpu",
    });
    expect((await rig.applyPlan()).code).toBe(0);
    const now = await sections("vm");
    expect(now.map((pci) => pci["SHORT_ADDRESS"]).sort()).toEqual(["01:00.1", "01:00.2"]);
    expect(await listed(host, "node1")).toContain("01:00.0");
    expect((await sections("template")).length).toBe(2);
  });

  test("what nobody has free is told before the scheduler would, with who has it", async () => {
    await rig.stack(define({ gpu: { request: { vendor: "1af4" } } }));
    const { text } = await rig.plan();
    expect(flowing(text)).toMatch(
      /No device for gpu of VM 42 \(workstation\) of one .*Node1 has no 1af4:\*\. There is: node1 8086:3e98:0300 at 00:02\.0/,
    );
    expect(await rig.refusal("apply", "-auto-approve")).toContain(
      "No device for gpu of VM 42 (workstation) of one",
    );
  });

  test("a VM that runs is not touched, unless it may restart", async () => {
    await sh(host, "onevm resume 42");
    await rig.stack(define({ gpu: { request: { vendor: "10de", class: "0300" } } }));
    expect(await rig.refusal("apply", "-auto-approve")).toMatch(
      /VM 42 \(workstation\) of one is not powered off .*onevm poweroff 42/,
    );

    await rig.stack(
      define({ gpu: { request: { vendor: "10de", class: "0300" } } }, undefined, { restart: true }),
    );
    await rig.apply();
    expect(await sections("vm")).toEqual([expect.objectContaining({ VENDOR: "10de", CLASS: "0300" })]);
    expect(await sh(host, "onevm show -j 42")).toContain('"LCM_STATE": "3"');
  });

  test("destroy gives VM and template back", async () => {
    await sh(host, "onevm poweroff 42");
    await rig.destroy();
    expect(await shown("vm")).toEqual(before.vm);
    expect(await shown("template")).toEqual(before.template);
  });
});
