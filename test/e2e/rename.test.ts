import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, Rig } from "../support/rig";

jest.setTimeout(240_000);

describe("a binding that moves to another name", () => {
  const rig = new Rig();
  let host: EmbeddedHost;
  const stack =
    (name: string, before?: string) =>
    (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["iommu=pt"],
      });
      const binding = new VfioBinding(stack, name, {
        host: pve1,
        devices: { card: { address: "0000:01:00" } },
      });
      if (before !== undefined) binding.moveFromId(`passthrough_vfio_binding.${before}`);
    };

  beforeAll(async () => {
    host = await rig.host("proxmox-amd");
    await (await rig.stack(stack("gpu"))).apply();
  });
  afterAll(() => rig.close());

  test("keeps the device on vfio-pci, with no reboot", async () => {
    host.resetCounters();
    await rig.stack(stack("render", "gpu"));
    await rig.apply();
    expect(await sh(host, "readlink /sys/bus/pci/devices/0000:01:00.0/driver")).toContain("vfio-pci");
    expect(host.counters().reboots).toBe(0);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});
