/** What a trial boot must stand, whatever the boot loader: a scenario says where its loader keeps what. */
import { readFileSync } from "node:fs";
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding, type IommuHostProps } from "../../lib";
import { flowing, Rig } from "../support/rig";
import { waitFor } from "../support/waitFor";
import { driverOf } from "./host";
import type { Machine } from "./machine";

/** The controller of the disk that the machine starts from: see machine.ts. */
const rootController = "0000:00:02.0";
const tag = "cdktf_passthrough.trial=";
const failed = "the trial boot failed: it came up with what booted before";

export interface TrialExpectations {
  /** Shell patterns: what the default is made of, without anything of a trial. */
  readonly defaults: string;
  /** Prints what the loader is to start once; nothing for nothing. */
  readonly chosen: string;
  /** Shell patterns: a trial's entry, images and sources. */
  readonly trial: string;
}

export class TrialJob {
  readonly rig = new Rig();

  constructor(
    readonly host: Machine,
    private readonly expected: TrialExpectations,
  ) {}

  start(): Promise<void> {
    return this.host.start();
  }

  async end(): Promise<void> {
    await this.host.kill();
    await this.rig.close();
  }

  /** The first process of the system waits for words on the console, for ever. */
  hangs(): void {
    const { host, rig } = this;

    test("a command line that hangs: a power cycle finds the old default, and the deploy says what came of it", async () => {
      await rig.stack(this.declare({ kernelParameters: ["init=/bin/cat"] }));
      const before = await this.defaults();
      const apply = rig.refusal("apply", "-auto-approve");
      await this.console(/scripts\/init-bottom \.\.\. done/);
      await this.powerCycle();
      expect(flowing(await apply)).toContain(failed);
      await this.isAsBefore(before);
      expect(await host.sh("cat /proc/cmdline")).not.toContain("init=/bin/cat");
    });

    test("then the plan says that it failed, and does not try it again", async () => {
      expect(flowing((await rig.plan()).text)).toContain("blocked: the trial boot failed");
    });
  }

  /** Somebody allowed the controller of the root disk by name: its image gives it to vfio-pci before any driver. */
  takesTheRootDisk(end: "power cycle" | "by itself"): void {
    const [title, trialPanicSeconds] =
      end === "power cycle"
        ? (["a power cycle finds", 0] as const)
        : (["it starts anew by itself, and finds", undefined] as const);

    test(`an initramfs that takes the root disk's controller: ${title} the old default`, async () => {
      await this.rig.stack(
        this.declare({ kernelParameters: ["iommu=pt"], trialPanicSeconds }, [rootController]),
      );
      const before = await this.defaults();
      const apply = this.rig.refusal("apply", "-auto-approve");
      await this.console(/ALERT! .* does not exist/);
      if (end === "power cycle") await this.powerCycle();
      expect(flowing(await apply)).toContain(failed);
      expect(readFileSync(this.host.serialLog, "utf8")).toContain(
        `cdktf-passthrough: ${rootController} is held by vfio-pci`,
      );
      await this.isAsBefore(before);
      expect(await driverOf(this.host, rootController)).toBe("virtio-pci");
    });
  }

  proves(): void {
    const { host, rig } = this;
    const { twin } = host.places;

    test("what is proven becomes the default, which the next boot starts", async () => {
      await rig.stack(this.declare({ kernelParameters: ["iommu=pt"] }));
      expect(await rig.apply()).toContain("the trial boot is proven and becomes the default");
      expect(await host.sh("cat /proc/cmdline")).toContain(tag);
      expect(await driverOf(host, twin)).toBe("vfio-pci");
      await this.leavesNothing();
      expect(await rig.plan()).toMatchObject({ changes: {} });
      await host.reboot();
      expect(await host.sh("cat /proc/cmdline")).toMatch(/iommu=pt(?!.*cdktf_passthrough)/);
      expect(await driverOf(host, twin)).toBe("vfio-pci");
      expect(await rig.plan()).toMatchObject({ changes: {} });
    });
  }

  private declare(props: Omit<IommuHostProps, "connection">, further: readonly string[] = []) {
    return (stack: TerraformStack): void => {
      const { connection, places } = this.host;
      const server = new IommuHost(stack, "server", { connection, trialBoot: true, ...props });
      const devices = Object.fromEntries(
        [places.twin, ...further].map((address, at) => [`device${at}`, { address }]),
      );
      new VfioBinding(stack, "bound", { host: server, devices, allowCritical: [...further] });
    };
  }

  private defaults(): Promise<string> {
    return this.host.sh(`sha256sum $(ls -d ${this.expected.defaults} 2>/dev/null)`);
  }

  /** Waits until the trial's own boot has said so much on the console. */
  private async console(words: RegExp): Promise<void> {
    const start = readFileSync(this.host.serialLog, "utf8").length;
    const said = (): string => {
      const since = readFileSync(this.host.serialLog, "utf8").slice(start);
      return since.includes(tag) ? since.slice(since.indexOf(tag)) : "";
    };
    await waitFor(() => words.test(said()), 900_000);
  }

  private async powerCycle(): Promise<void> {
    await this.host.kill();
    await this.host.start();
  }

  private async isAsBefore(defaults: string): Promise<void> {
    expect(await this.host.sh("cat /proc/cmdline")).not.toContain("cdktf_passthrough");
    expect(await this.host.sh(this.expected.chosen)).toBe("");
    expect(await this.defaults()).toBe(defaults);
  }

  /** Neither of the trial that was proven nor of those that failed. */
  private async leavesNothing(): Promise<void> {
    expect(await this.host.sh(`ls -d ${this.expected.trial} 2>/dev/null || true`)).toBe("");
    expect(await this.host.sh(this.expected.chosen)).toBe("");
  }
}
