/**
 * The main job, on whatever host it is: bring the IOMMU up and hold devices from boot on, prove it, and take all of it
 * back. A scenario says what its host is and adds tests of its own before, between and after these.
 */
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding, type IommuHostProps, type VfioBindingProps } from "../../lib";
import { createHost } from "../../lib/host/host";
import { createSession } from "../../lib/host/session";
import type { HostFacts } from "../../lib/model/facts";
import { Rig } from "../support/rig";
import { configuration, devices, driverOf, initramfs } from "./host";
import type { Machine } from "./machine";
import { expectRecorded, type RecordingName } from "./recording";

export type Bindings = Readonly<Record<string, Omit<VfioBindingProps, "host">>>;

export interface HostExpectations {
  /** What the provider finds there, by attribute of the host resource. */
  readonly platform: Readonly<Record<"boot_loader" | "initramfs" | "cpu_vendor", string>>;
  /** What the kernel lacks before the first deploy, as the plan's reason says it. */
  readonly lacks: string;
  /** What the plan shows of the files, by path. */
  readonly files: Readonly<Record<string, unknown>>;
  /** The kernel's command line after the deploy. */
  readonly commandLine: RegExp;
  /** Name of the IOMMU's units in /sys/class/iommu. */
  readonly unit: RegExp;
}

const countBoots = "journalctl --list-boots --quiet | wc -l";

export class MainJob {
  readonly rig = new Rig();
  private before: {
    configuration: Record<string, string>;
    initramfs: string[];
    drivers: (string | null)[];
    commandLine: string;
  } = { configuration: {}, initramfs: [], drivers: [], commandLine: "" };

  constructor(
    readonly host: Machine,
    private readonly expected: HostExpectations,
    private readonly settings: Omit<IommuHostProps, "connection"> = { kernelParameters: ["iommu=pt"] },
  ) {}

  /** One of two identical controllers by its address, and a network card by its ids. */
  get bindings(): Bindings {
    return {
      storage: { devices: { scratch: { address: this.host.places.twin } } },
      network: { devices: { uplink: { id: "8086:10d3" } } },
    };
  }

  readonly declared = (bindings: Bindings) => (stack: TerraformStack) => {
    const server = new IommuHost(stack, "server", { connection: this.host.connection, ...this.settings });
    for (const [name, binding] of Object.entries(bindings))
      new VfioBinding(stack, name, { host: server, ...binding });
  };

  /** Boots the machine, and remembers it as it was. */
  async start(): Promise<void> {
    await this.host.start();
    await this.remember();
  }

  async remember(): Promise<void> {
    this.before = {
      configuration: await configuration(this.host),
      initramfs: await initramfs(this.host),
      drivers: await this.drivers(),
      commandLine: await this.host.sh("cat /proc/cmdline"),
    };
  }

  async end(): Promise<void> {
    await this.host.kill();
    await this.rig.close();
  }

  /** What the provider reads of the machine. */
  probe(): Promise<HostFacts> {
    return probed(this.host);
  }

  async untouched(): Promise<void> {
    expect(await configuration(this.host)).toEqual(this.before.configuration);
  }

  /** Plan, deploy with one reboot, what the kernel says of it, and an empty plan. `further` is bound as well. */
  deploys(further: Bindings = {}, furtherAddresses: readonly string[] = []): void {
    const { host, rig, expected } = this;
    const { twin, otherTwin, nic } = host.places;
    const bound = [twin, nic, ...furtherAddresses];

    test("the plan says which lines, and that the kernel must boot with them", async () => {
      await rig.stack(this.declared({ ...this.bindings, ...further }));
      const { changes } = await rig.plan();
      expect(changes["passthrough_iommu_host.server"]?.after).toMatchObject({
        ...expected.platform,
        reboot_required: true,
        reboot_reason: expected.lacks,
        files: expected.files,
      });
      await this.untouched();
    });

    test("the deploy reboots once, and the kernel itself shows that it took effect", async () => {
      expect(await host.sh("ls /sys/kernel/iommu_groups")).toBe("");
      const boots = Number(await host.sh(countBoots));
      const output = await rig.apply();
      expect(output).toContain("reboot issued");
      expect(output).toContain("proven");
      expect(Number(await host.sh(countBoots))).toBe(boots + 1);
      expect(await host.sh("cat /proc/cmdline")).toMatch(expected.commandLine);
      expect(await host.sh("ls /sys/class/iommu")).toMatch(expected.unit);
      expect(Number(await host.sh("ls /sys/kernel/iommu_groups | wc -l"))).toBeGreaterThan(5);
      expect(await host.sh("cat /sys/kernel/iommu_groups/*/type | sort -u")).toBe("identity");
      for (const address of bound) expect(await driverOf(host, address)).toBe("vfio-pci");
      expect(await driverOf(host, otherTwin)).toBe("nvme");
    });

    test("no other driver ever held them: they were bound in the initramfs", async () => {
      const log = await host.sh("dmesg");
      for (const address of bound) expect(log).toContain(`cdktf-passthrough: ${address} is held by vfio-pci`);
      expect(log).toMatch(new RegExp(`nvme nvme\\d+: pci function ${otherTwin}`));
      expect(log).not.toMatch(new RegExp(`nvme nvme\\d+: pci function ${twin}`));
      const rest = bound.filter((address) => address !== twin).join("|");
      expect(log).not.toMatch(new RegExp(`(e1000e|bochs-drm|snd_hda_intel|xhci_hcd) (${rest})`));
      expect(log.indexOf(`${twin} is held`)).toBeLessThan(log.indexOf(`pci function ${otherTwin}`));
      expect(log.indexOf(`${twin} is held`)).toBeLessThan(log.indexOf("EXT4-fs (vda1): mounted"));
    });

    test("then there is nothing left to do", async () => {
      expect(await rig.plan()).toMatchObject({ changes: {} });
    });
  }

  isAsRecorded(name: RecordingName): void {
    test("to the probe it looks as it was recorded for the tests without it", async () => {
      await expectRecorded(name, this.host, await this.probe());
    });
  }

  /** Destroy, and where `boots` one more boot. */
  destroys({ boots = true } = {}): void {
    const { host, rig } = this;

    test("destroy gives back every file byte for byte, and the drivers", async () => {
      const boot = await host.bootId();
      await rig.destroy();
      expect(await host.bootId()).toBe(boot);
      await this.untouched();
      expect(await this.drivers()).toEqual(this.before.drivers);
      expect(await initramfs(host)).toEqual(this.before.initramfs);
    });

    if (!boots) return;
    test("one more boot gives the host as it was", async () => {
      await host.reboot();
      expect(await host.sh("cat /proc/cmdline")).toBe(this.before.commandLine);
      expect(await host.sh("ls /sys/kernel/iommu_groups")).toBe("");
      expect(await this.drivers()).toEqual(this.before.drivers);
      await this.untouched();
    });
  }

  private async drivers(): Promise<(string | null)[]> {
    return (await devices(this.host)).map(({ driver }) => driver);
  }
}

/** What the provider reads of a machine. */
export function probed(host: Machine): Promise<HostFacts> {
  const asked = createHost("server", createSession("server", host.connection));
  return asked.probe().finally(() => asked.close());
}
