/** The nodes of passed-through devices in libvirt's list: those of the groups as they are, and given back. */
import type { TerraformStack } from "cdktf";
import { IommuHost, LibvirtDeviceAccess, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { deviceNodes } from "../../lib/model/qemuConf";
import { sh } from "../support/byHand";
import { connect, fileOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const access = "passthrough_libvirt_device_access.nodes";
const conf = "etc/libvirt/qemu.conf";

describe("device nodes of libvirt", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: string;

  const define = (...devices: string[]) => {
    return (stack: TerraformStack): void => {
      const kvm1 = new IommuHost(stack, "kvm1", { connection: connect(host) });
      const cards = new VfioBinding(stack, "cards", {
        host: kvm1,
        devices: Object.fromEntries(devices.map((address) => [`at-${address.slice(5, 7)}`, { address }])),
      });
      new LibvirtDeviceAccess(stack, "nodes", { host: kvm1, of: [cards] });
    };
  };
  const text = () => fileOf(host, conf) ?? "";
  const listed = () => deviceNodes(text()) ?? [];
  const groupOf = async (address: string) =>
    (await sh(host, `basename "$(readlink /sys/bus/pci/devices/${address}/iommu_group)"`)).trim();
  /** What libvirtd said at its last start. */
  const told = () =>
    /libvirtd: device nodes: ([^\n]*)\n?[^]*$/.exec(
      host.console().slice(host.console().lastIndexOf("libvirtd:")),
    )?.[1];

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("debian-libvirt");
    before = text();
  });
  afterAll(() => rig.close());

  test("are those of the groups that the reboot brought; libvirt's own stay, and it is told", async () => {
    await rig.stack(define("0000:01:00", "0000:02:00"));
    const { changes } = await rig.plan();
    expect(changes[access]?.after_unknown).toMatchObject({ nodes: true });
    await rig.applyPlan();

    const [card, nvme] = [await groupOf("0000:01:00.0"), await groupOf("0000:02:00.0")];
    const groups = [card, nvme].sort((a, b) => Number(a) - Number(b)).map((group) => `/dev/vfio/${group}`);
    expect(listed().slice(-3)).toEqual(["/dev/vfio/vfio", ...groups]);
    expect(listed()).toEqual(expect.arrayContaining(["/dev/null", "/dev/kvm", "/dev/userfaultfd"]));
    expect(text().startsWith(before)).toBe(true);
    expect(told()).toBe(listed().join(" "));
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("one that somebody took out is drift; what they put in stays; a restart that failed is made up for", async () => {
    const nvme = `/dev/vfio/${await groupOf("0000:02:00.0")}`;
    await sh(host, `sed -i 's#"${nvme}"#"/dev/nvidia0"#' /${conf}`);
    const { changes } = await rig.plan();
    expect(changes[access]).toMatchObject({
      actions: ["update"],
      before: { nodes: expect.not.arrayContaining([nvme]) },
      after: { nodes: expect.arrayContaining([nvme]) },
    });
    host.setFaults({
      programs: [
        { program: "systemctl", arguments: "try-restart", effect: { kind: "fail", message: "no bus" } },
      ],
    });
    expect((await rig.applyPlan()).stderr).toContain("no bus");
    host.clearFaults();
    expect(listed()).toEqual(expect.arrayContaining([nvme, "/dev/nvidia0"]));
    expect(told()).not.toContain("/dev/nvidia0");

    await rig.apply();
    expect(told()).toBe(listed().join(" "));
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("follow a group that has another number, and a binding that has fewer devices", async () => {
    const was = `/dev/vfio/${await groupOf("0000:02:00.0")}`;
    await sh(
      host,
      "cd /sys/kernel/iommu_groups && mkdir -p 99/devices && : > 99/reserved_regions && " +
        "ln -sfn /sys/kernel/iommu_groups/99 /sys/bus/pci/devices/0000:02:00.0/iommu_group",
    );
    const { changes } = await rig.plan();
    expect(changes[access]?.after).toMatchObject({ nodes: expect.arrayContaining(["/dev/vfio/99"]) });
    await rig.applyPlan();
    expect(listed()).toContain("/dev/vfio/99");
    expect(listed()).not.toContain(was);

    await rig.stack(define("0000:01:00"));
    await rig.apply();
    expect(listed()).not.toContain("/dev/vfio/99");
    expect(listed()).toContain("/dev/nvidia0");
  });

  test("are left alone in a file that cannot be edited safely, and given back", async () => {
    const standing = text();
    await sh(host, `echo 'cgroup_device_acl = [ "/dev/null" ]' >> /${conf}`);
    expect(flowing(await rig.refusal("plan"))).toMatch(
      /qemu\.conf sets cgroup_device_acl more than once \(lines \d+ and \d+\)/,
    );
    await sh(host, `sed -i '$d; s#,$#,#' /${conf}`);
    expect(text()).toBe(standing);

    await sh(host, `sed -i '/nvidia0/d' /${conf}`);
    await rig.destroy();
    expect(text()).toBe(before);
    expect(told()).toBe("its own");
  });
});
