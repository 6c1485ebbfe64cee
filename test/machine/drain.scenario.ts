/** Guests of a real libvirt leave before a reboot and come back after it; one that does not go keeps the host from rebooting. */
import type { TerraformStack } from "cdktf";
import { IommuHost, type BeforeReboot } from "../../lib";
import { flowing, Rig } from "../support/rig";
import { waitFor } from "../support/waitFor";
import { machine } from "./bench";
import { defineEmptyGuest, defineGuest, makeGuest } from "./guest";

/** Goes when the power button is pressed. */
const [polite, itsConsole] = ["0c5c1a5e-6d1b-4d7e-9a53-2f8f5d1c7e11", "/var/log/libvirt/qemu/console.log"];
const init = `until [ -e /dev/input/event0 ]; do $b sleep 1; done
for event in /dev/input/event*; do
  ($b dd if=$event of=/dev/null bs=96 count=1 2>/dev/null; $b touch /asked) &
done
echo "guest: ready"
until [ -e /asked ]; do $b sleep 1; done
echo "guest: was asked to go"`;

/** Has no system that could hear of it. */
const stubborn = "0c5c1a5e-6d1b-4d7e-9a53-2f8f5d1c7e12";

describe("a Debian host whose guests run while it has to reboot", () => {
  const host = machine({ name: "drain", extra: ["-m", "1536"] });
  const rig = new Rig();

  const declared = (beforeReboot: BeforeReboot) => (stack: TerraformStack) =>
    void new IommuHost(stack, "server", { connection: host.connection, beforeReboot });
  const bootId = () => host.sh("cat /proc/sys/kernel/random/boot_id");
  const running = () => host.sh("virsh -q list --name --state-running | sort | paste -sd,");
  const heard = async (words: string) =>
    Number(await host.sh(`grep -c '^guest: ${words}' ${itsConsole} || true`));
  const isReady = async (times: number) =>
    waitFor(async () => (await heard("ready").catch(() => 0)) === times, 900_000);

  beforeAll(async () => {
    await host.start();
    await host.sh("systemctl -q enable --now libvirtd");
    await makeGuest(host, ["button", "evdev"], init);
    await defineGuest(host, { name: "polite", uuid: polite, console: itsConsole });
    await defineEmptyGuest(host, "stubborn", stubborn);
    await host.sh("virsh -q start stubborn && virsh -q start polite");
    await isReady(1);
  });
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("a guest that does not go in time keeps the host from rebooting, and those that went come back", async () => {
    const before = await bootId();
    await rig.stack(declared({ shutdownTimeout: 120 }));
    expect(flowing((await rig.plan()).text)).toMatch(/The reboot of server stops 2 running guests/);
    const said = flowing(await rig.refusal("apply", "-auto-approve"));
    expect(said).toMatch(/was not rebooted.*stubborn/);
    expect(await bootId()).toBe(before);
    expect(await heard("was asked to go")).toBe(1);
    expect(await running()).toBe("polite,stubborn");
    expect(await host.sh("cat /proc/cmdline")).not.toContain("intel_iommu=on");
    await isReady(2);
  });

  test("they leave, the host reboots, and they come back once it is proven", async () => {
    const before = await bootId();
    await rig.stack(declared({ shutdownTimeout: 120, unresponsive: "power-off" }));
    await rig.apply();
    expect(await bootId()).not.toBe(before);
    expect(await heard("was asked to go")).toBe(2);
    expect(await host.sh("cat /proc/cmdline")).toContain("intel_iommu=on");
    expect(await running()).toBe("polite,stubborn");
    expect(await host.sh("ls /var/lib/cdktf-passthrough")).not.toContain("drain");
    expect(await rig.plan()).toMatchObject({ changes: {} });
    await isReady(3);
  });
});
