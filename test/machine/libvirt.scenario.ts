/** A guest that works with a card: bound, given to a domain of the real libvirt, used by a nested guest, given back. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { TerraformStack } from "cdktf";
import { IommuHost, Libvirt, PassthroughVm, VfioBinding } from "../../lib";
import { Rig } from "../support/rig";
import { machine } from "./bench";
import { defineGuest, makeGuest } from "./guest";
import { driverOf } from "./host";

const nvme = "0000:01:00.0";
const twin = "0000:02:00.0";
const name = `guest 1; it's "ours" & <more>`;
const uuid = "0c5c1a5e-6d1b-4d7e-9a53-2f8f5d1c7e01";
const console_ = "/var/log/libvirt/qemu/console.log";

const rootPort = / *<controller type='pci' index='\d+' model='pcie-root-port'>[^]*?<\/controller>\n/g;

/** Says what it sees, reads and writes one sector, and ends. */
const init = `until [ -b /dev/nvme0n1 ]; do $b sleep 1; done
echo "guest: device $($b cat /sys/class/nvme/nvme0/device/vendor):$($b cat /sys/class/nvme/nvme0/device/device)"
echo "guest: serial $($b cat /sys/class/nvme/nvme0/serial)"
echo "guest: reads $($b head -c 19 /dev/nvme0n1)"
echo written-by-the-guest | $b dd of=/dev/nvme0n1 bs=512 seek=8 conv=sync,fsync 2>/dev/null
echo "guest: end"`;

describe("a Debian host with libvirt", () => {
  const host = machine({ name: "libvirt", extra: ["-m", "2048"] });
  const rig = new Rig();
  let before = "";

  const declared = (stack: TerraformStack) => {
    const server = new IommuHost(stack, "server", { connection: host.connection });
    const storage = new VfioBinding(stack, "storage", {
      host: server,
      devices: { scratch: { address: nvme } },
    });
    new PassthroughVm(stack, "guest", {
      on: Libvirt.domain(server, name),
      pci: { scratch: { device: storage.device("scratch") } },
    });
  };
  const onDisk = (length: number, position: number): string => {
    const disk = openSync(host.disk("twin-a"), "r");
    const bytes = Buffer.alloc(length);
    readSync(disk, bytes, 0, length, position);
    closeSync(disk);
    return bytes.toString("latin1");
  };

  beforeAll(async () => {
    const disk = openSync(host.disk("twin-a"), "r+");
    writeSync(disk, "written-from-outside", 0);
    closeSync(disk);
    await host.start();
    await host.sh("systemctl -q enable --now libvirtd");
    await makeGuest(host, ["nvme"], init);
    await defineGuest(host, { name, uuid, console: console_ });
    before = await host.sh(`virsh dumpxml --inactive ${uuid}`);
  });
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("the deploy binds the card and gives it to the domain, whatever its name holds", async () => {
    await rig.stack(declared);
    await rig.apply();
    expect(await driverOf(host, nvme)).toBe("vfio-pci");
    expect(await driverOf(host, twin)).toBe("nvme");
    expect(await host.sh(`virsh dumpxml --inactive ${uuid}`)).toContain("<alias name='ua-cdktf-scratch_0'/>");
    expect((await rig.tf.resources())["passthrough_vm.guest"]?.values).toMatchObject({
      id: `server/${name}`,
      settings: { scratch: `pci ${nvme} managed=yes` },
      restart_pending: false,
    });
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("the guest sees it, reads what was written outside, and writes what is seen outside", async () => {
    await host.sh(`virsh -q start ${uuid}`);
    const end = Date.now() + 900_000;
    // The guest takes all that the machine has; whoever logs in meanwhile may have to wait too long.
    const state = () => host.sh(`virsh -q domstate ${uuid}`).catch(() => "");
    while ((await state()) !== "shut off") {
      if (Date.now() > end) throw new Error("The guest does not end.");
      await wait(2000);
    }
    const said = await host.sh(`cat ${console_}`);
    expect(said).toContain("guest: device 0x1b36:0x0010");
    expect(said).toMatch(/guest: serial twin-a\s/);
    expect(said).toContain("guest: reads written-from-outsid");
    expect(said).toContain("guest: end");
    expect(onDisk(20, 4096)).toBe("written-by-the-guest");
  });

  test("after the guest has ended the card is still held for it", async () => {
    expect(await driverOf(host, nvme)).toBe("vfio-pci");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("destroy gives the card back to the host, and the domain as it was", async () => {
    await rig.destroy();
    expect(await driverOf(host, nvme)).toBe("nvme");
    const disk = await host.sh(`basename $(ls -d /sys/bus/pci/devices/${nvme}/nvme/nvme*/nvme*n1)`);
    expect(await host.sh(`dd if=/dev/${disk} bs=4096 skip=1 count=1 status=none | head -c 20`)).toBe(
      "written-by-the-guest",
    );
    // libvirt added root ports for the card, and keeps them.
    const after = await host.sh(`virsh dumpxml --inactive ${uuid}`);
    expect(after.replace(rootPort, "")).toBe(before.replace(rootPort, ""));
  });
});
