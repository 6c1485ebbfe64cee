/** Devices of libvirt domains: configured with virsh alone, so that nothing else of a domain's definition changes. */
import type { TerraformStack } from "cdktf";
import { IommuHost, Libvirt, PassthroughVm, VfioBinding, type PassthroughVmProps } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

type Slots = Readonly<Record<string, Omit<NonNullable<PassthroughVmProps["pci"]>[string], "device">>>;
/** What a domain gets: devices of the binding by the slot's name, `card` or `nvme`. */
type Given = Readonly<Record<string, Slots>>;

describe("domains and devices", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: Record<string, string>;

  const define =
    (given: Given, more: Partial<PassthroughVmProps> = {}) =>
    (stack: TerraformStack): void => {
      const kvm1 = new IommuHost(stack, "kvm1", { connection: connect(host) });
      const cards = new VfioBinding(stack, "cards", {
        host: kvm1,
        devices: { card: { address: "0000:01:00" }, nvme: { address: "0000:02:00" } },
      });
      for (const [name, slots] of Object.entries(given)) {
        const pci = Object.entries(slots).map(([slot, options]) => [
          slot,
          { ...options, device: cards.device(slot) },
        ]);
        new PassthroughVm(stack, `vm-${name.replace(/\W+/g, "-")}`, {
          on: Libvirt.domain(kvm1, name),
          pci: Object.fromEntries(pci) as PassthroughVmProps["pci"],
          ...more,
        });
      }
    };
  const xml = (name: string, ...flags: string[]) => sh(host, `virsh dumpxml '${name}' ${flags.join(" ")}`);
  const aliases = async (name: string, ...flags: string[]) =>
    [...(await xml(name, ...flags)).matchAll(/<alias name='(ua-[^']*)'/g)].map(([, name]) => name);
  const state = async (address: string) => (await rig.tf.resources())[`passthrough_vm.${address}`]?.values;

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("debian-libvirt");
    before = filesOf(host);
  });
  afterAll(() => rig.close());

  test("a card becomes a device for each function, marked as ours; the rest of the definition stays", async () => {
    await rig.stack(
      define({ workstation: { card: { rombar: false, guestAddress: "05:00" } }, storage: { nvme: {} } }),
    );
    await rig.apply();

    expect(await aliases("workstation")).toEqual([0, 1, 2, 3].map((at) => `ua-cdktf-card_${at}`));
    expect(await aliases("storage")).toEqual(["ua-cdktf-nvme_0"]);
    expect(await state("vm-workstation")).toMatchObject({
      id: "kvm1/workstation",
      settings: { card: "pci 0000:01:00 managed=yes rom.bar=off address=0000:05:00" },
      restart_pending: false,
      node: "kvm1",
    });
    const file = fileOf(host, "etc/libvirt/qemu/workstation.xml") ?? "";
    expect(file.replace(/\n {4}<hostdev[^]*<\/hostdev>/, "")).toBe(
      before["etc/libvirt/qemu/workstation.xml"],
    );
    expect(file).toMatch(/function='0x3'\/>\s*<\/source>\s*<alias name='ua-cdktf-card_3'/);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a function that somebody took away is drift, and comes back", async () => {
    await sh(
      host,
      `virsh dumpxml workstation | sed -n '/<hostdev/,$p' | sed '/<.hostdev>/q' > /root/device.xml; virsh detach-device workstation /root/device.xml --config`,
    );
    expect(await aliases("workstation")).toHaveLength(3);
    const { changes } = await rig.plan();
    expect(changes["passthrough_vm.vm-workstation"]).toMatchObject({
      actions: ["update"],
      before: {
        settings: { card: expect.stringMatching(/^pci 0000:01:00\.1 managed=yes rom\.bar=off; pci/) },
      },
    });
    await rig.applyPlan();
    expect((await aliases("workstation")).sort()).toEqual([0, 1, 2, 3].map((at) => `ua-cdktf-card_${at}`));
    await sh(host, "rm /root/device.xml");
  });

  test("two stopped domains swap their devices in one apply; a cut in the middle leaves none with both", async () => {
    await rig.stack(define({ workstation: { nvme: {} }, storage: { card: {} } }));
    const { text } = await rig.plan();
    expect(flowing(text)).toMatch(/0000:02:00\.0 moves from domain storage to domain workstation on kvm1/);
    host.setFaults({
      programs: [
        {
          program: "virsh",
          arguments: "attach-device",
          after: 3,
          effect: { kind: "fail", message: "no room" },
        },
      ],
    });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("no room");
    host.clearFaults();

    await rig.apply();

    expect(await aliases("workstation")).toEqual(["ua-cdktf-nvme_0"]);
    expect(await aliases("storage")).toHaveLength(4);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a device that a running domain has is taken neither by another one nor by a destroy", async () => {
    await sh(host, "virsh start storage");
    await rig.stack(define({ workstation: { card: {} }, storage: {} }));
    expect(flowing((await rig.plan()).text)).toContain("is in use by domain storage");
    const standing = filesOf(host);
    expect(await rig.refusal("plan", "-destroy")).toMatch(
      /0000:01:00\.0 of kvm1 is in use .*VM storage runs with it \(card\)/,
    );
    expect(filesOf(host)).toEqual(standing);
    await sh(host, "virsh destroy storage");
  });

  test("a running domain gets a device at once where that is declared, whatever its name", async () => {
    const name = "mail & web";
    await rig.stack(define({ [name]: { nvme: { live: true } } }));
    await rig.apply();
    expect([await aliases(name), await aliases(name, "--inactive")]).toEqual([
      ["ua-cdktf-nvme_0"],
      ["ua-cdktf-nvme_0"],
    ]);
    expect(await state("vm-mail-web")).toMatchObject({ restart_pending: false });

    await rig.stack(define({ [name]: {} }));
    await rig.apply();
    expect([await aliases(name), await aliases(name, "--inactive")]).toEqual([[], []]);
  });

  test("else it waits for the next start, or is restarted where that is declared", async () => {
    const name = "mail & web";
    await rig.stack(define({ [name]: { nvme: {} } }));
    expect(flowing((await rig.plan()).text)).toContain(
      "domain mail & web on kvm1 takes the change at its next start",
    );
    await rig.applyPlan();
    expect([await aliases(name), await aliases(name, "--inactive")]).toEqual([[], ["ua-cdktf-nvme_0"]]);
    expect(await state("vm-mail-web")).toMatchObject({ restart_pending: true });
    expect(await rig.tf.plan()).toMatchObject({ changes: false });

    await rig.stack(define({ [name]: { nvme: {} } }, { restart: true }));
    await rig.apply();
    expect(await aliases(name)).toEqual(["ua-cdktf-nvme_0"]);
    expect(await state("vm-mail-web")).toMatchObject({ restart_pending: false });
  });

  test("libvirt that does not answer is an error, and no domain is forgotten", async () => {
    host.setFaults({
      programs: [{ program: "virsh", effect: { kind: "fail", message: "no connection" }, times: 50 }],
    });
    expect(await rig.refusal("plan")).toMatch(/libvirt of kvm1 does not answer: no connection/);
    host.clearFaults();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("destroy gives every domain back as it was", async () => {
    await sh(host, "virsh destroy 'mail & web'");
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
  });

  test("a device that was there by hand is taken over, and left as it was by a destroy", async () => {
    await sh(
      host,
      `cat > /root/nvme.xml <<'END'
<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0' bus='2' slot='0' function='0'/></source><alias name='ua-mine'/></hostdev>
END
virsh attach-device storage /root/nvme.xml --config; rm /root/nvme.xml`,
    );
    const standing = filesOf(host)["etc/libvirt/qemu/storage.xml"];
    await rig.stack(define({ storage: { nvme: { managed: false } } }));
    await rig.apply();
    expect(filesOf(host)["etc/libvirt/qemu/storage.xml"]).toBe(standing);
    await rig.stack(define({ storage: { nvme: { managed: true } } }));
    await rig.apply();
    expect(await aliases("storage")).toEqual(["ua-cdktf-nvme_0"]);
    await rig.destroy();
    expect(filesOf(host)["etc/libvirt/qemu/storage.xml"]).toBe(standing);
  });
});
