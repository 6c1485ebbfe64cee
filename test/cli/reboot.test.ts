import { readFileSync } from "node:fs";
import { CliError } from "../../lib/cli/errors";
import { reboot, type RebootOptions } from "../../lib/cli/reboot";
import { progressOn } from "../../lib/cli/terminal";
import { BrokenAnswer, isNotUpYet } from "../../lib/host/errors";
import type { Host } from "../../lib/host/types";
import type { Change, ChangeOutcome, Step } from "../../lib/model/change";
import type { HostFacts } from "../../lib/model/facts";
import { paths } from "../../lib/model/paths";
import { parseRecord, printRecord, type HostRecord } from "../../lib/model/record";
import { defaultPreparation } from "../../lib/model/rebootPreparation";
import type { RebootSurvey } from "../../lib/model/survey";
import { rebootSurvey } from "../support/survey";
import { hostFacts, pciDevice } from "../support/facts";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const gpu = { address: "0000:01:00.0", id: "10de:2204", name: "GA102", device: "gpu/card", byReboot: true };

const record: HostRecord = {
  version: 1,
  owner: "project/stack/deb1",
  boot: { parameters: ["iommu=pt"], modules: [], modprobe: [], functions: [gpu] },
  digest: "d".repeat(64),
  build: { bootId: "boot-1", digest: "d".repeat(64), booted: "" },
  departed: { bootId: "", parameters: [] },
  attempt: null,
  proven: null,
  allowCritical: ["0000:01:00.0"],
  otherImagesPending: false,
  hostDrivers: {},
  files: {},
};

const bootedWith = (commandLine: string, driver = "vfio-pci"): Partial<HostFacts> => ({
  kernel: { release: "6.1.0-18-amd64", commandLine, next: "6.1.0-18-amd64", installed: ["6.1.0-18-amd64"] },
  devices: [pciDevice({ address: gpu.address, driver, iommuGroup: "1" })],
});
const asDeclared = bootedWith("quiet iommu=pt");
const asBefore = bootedWith("quiet", "nouveau");

/** A host in memory: what it would show over SSH, and what becomes of it when it reboots. */
class FakeHost {
  facts: HostFacts;
  readonly changes: Change[] = [];
  readonly said: string[] = [];
  /** What each look at the rebooting host meets, in turn; the last one stays. */
  boots: ("down" | "same boot" | Partial<HostFacts>)[] = [asDeclared];
  answer: ChangeOutcome = { ok: true, log: "" };
  /** Runs before each look. */
  onProbe: () => void = () => undefined;
  readonly stop = new AbortController();
  private rebooting = false;
  private open = 0;

  constructor(facts: Partial<HostFacts>, was: HostRecord | null = record) {
    this.facts = hostFacts({ ...facts, record: was && printRecord(was) });
  }

  /** Time passes as fast as it is waited for. */
  async reboot(options: Partial<RebootOptions> = {}): Promise<void> {
    let done = false;
    const running = reboot(
      {
        name: "deb1",
        digest: record.digest,
        order: null,
        preparation: defaultPreparation,
        manager: null,
        resume: false,
        force: false,
        timeout: 60,
        settle: 5,
        ...options,
      },
      {
        dial: () => this.dialled(),
        isNotUpYet,
        reach: () => {
          throw new Error("Nothing manages this host.");
        },
        progress: progressOn({ write: (text) => this.said.push(String(text).trimEnd()) }),
        result: ({ words }) => void this.said.push(words),
        signal: this.stop.signal,
      },
    ).finally(() => (done = true));
    running.catch(() => undefined);
    while (!done) await jest.advanceTimersByTimeAsync(100);
    expect(this.open).toBe(0);
    return running;
  }

  get record(): HostRecord {
    const now = parseRecord(this.facts.record);
    if (now === null) throw new Error("no record");
    return now;
  }

  get reboots(): number {
    return this.changes.flatMap(({ steps }) => steps).filter(({ step }) => step === "reboot").length;
  }

  private dialled(): Host {
    this.open += 1;
    return {
      name: "deb1",
      probe: async () => this.probe(),
      survey: async () => this.survey(),
      refresh: () => undefined,
      change: async (change) => this.change(change),
      close: async () => void (this.open -= 1),
    };
  }

  private probe(): HostFacts {
    this.onProbe();
    if (!this.rebooting) return this.facts;
    const now = this.boots.length > 1 ? this.boots.shift() : this.boots[0];
    if (now === "down") throw new BrokenAnswer("The probe was cut off.");
    if (typeof now === "object") this.facts = { ...this.facts, ...now, bootId: "boot-2" };
    return this.facts;
  }

  private survey(): RebootSurvey {
    return rebootSurvey({ bootId: this.facts.bootId });
  }

  private change(change: Change): ChangeOutcome {
    this.changes.push(change);
    if (!this.answer.ok) return this.answer;
    for (const step of change.steps) {
      if (step.step === "write" && step.path === paths.record)
        this.facts = { ...this.facts, record: step.content };
      if (step.step === "reboot") this.rebooting = true;
    }
    return this.answer;
  }
}

async function failure(work: Promise<void>): Promise<CliError> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CliError);
  return error as CliError;
}

const kinds = (change: Change | undefined): Step["step"][] => (change?.steps ?? []).map(({ step }) => step);

describe("where nothing is due", () => {
  test("a host without a record is left alone", async () => {
    const host = new FakeHost(asBefore, null);
    await host.reboot();
    expect(host.changes).toEqual([]);
    expect(host.said).toEqual(["deb1: nothing of ours is recorded on the host, so nothing is due"]);
  });

  test("what runs already is proven and written down, without a reboot", async () => {
    const host = new FakeHost(asDeclared);
    await host.reboot();
    expect(host.reboots).toBe(0);
    expect(host.record.proven).toEqual({ digest: record.digest, bootId: "boot-1" });
    expect(host.said).toEqual([
      "deb1: proven: no reboot needed, iommu=pt running, 1 of 1 functions on vfio-pci",
    ]);
  });

  test("proven once is not written again", async () => {
    const proven = { digest: record.digest, bootId: "boot-1" };
    const host = new FakeHost(asDeclared, { ...record, proven });
    await host.reboot();
    expect(host.changes).toEqual([]);
  });

  test("not even --force reboots for what already runs", async () => {
    const host = new FakeHost(asDeclared);
    await host.reboot({ force: true });
    expect(host.reboots).toBe(0);
  });
});

describe("where a reboot is due", () => {
  test("the attempt is recorded in the same change, after the guard and before the reboot", async () => {
    const host = new FakeHost(asBefore);
    await host.reboot();
    const [change] = host.changes;
    expect(kinds(change)).toEqual(["guard", "write", "reboot"]);
    expect(change?.machineId).toBe(host.facts.machineId);
    expect(change?.steps[0]).toMatchObject({ addresses: [gpu.address], allow: ["0000:01:00.0"] });
    expect(change?.steps[1]).toMatchObject({ content: expect.stringContaining('"bootId": "boot-1"') });
    expect(change?.steps[2]).toEqual({ step: "reboot", expectBootId: "boot-1" });
  });

  test("where reboots are manual nothing is written or rebooted, and the order is told", async () => {
    const host = new FakeHost(asBefore);
    await host.reboot({ order: "npx passthrough reboot root@deb1" });
    expect(host.changes).toEqual([]);
    expect(host.said).toEqual([
      expect.stringMatching(
        /^deb1: a reboot is due: .*It is not proven.*Order it with `npx passthrough reboot root@deb1`, then deploy again\.$/,
      ),
    ]);
  });

  test("it is waited for through every phase, and proven", async () => {
    const host = new FakeHost(asBefore);
    host.boots = ["same boot", "same boot", "down", "down", asDeclared];
    await host.reboot();
    expect(host.said).toEqual([
      "deb1: a reboot is due: the running kernel lacks iommu=pt; 0000:01:00.0 GA102 leaves nouveau",
      "deb1: reboot issued, waiting for it to come back",
      "deb1: is still shutting down (0 s)",
      expect.stringMatching(/^deb1: is down, waiting for SSH \(\d s\)$/),
      expect.stringMatching(/^deb1: is up with a new boot \(\d s\)$/),
      "deb1: proven: iommu=pt running, 1 of 1 functions on vfio-pci",
    ]);
    expect(host.record).toMatchObject({
      attempt: null,
      proven: { digest: record.digest, bootId: "boot-2" },
    });
  });

  test("devices get time to settle", async () => {
    const host = new FakeHost(asBefore);
    const early = { ...asDeclared, devices: [] };
    host.boots = [early, early, early, asDeclared];
    await host.reboot();
    expect(host.record.proven?.bootId).toBe("boot-2");
  });

  test("what is unmet after that fails with every problem and the running command line, and stays unproven", async () => {
    const host = new FakeHost(asBefore);
    host.boots = [bootedWith("quiet", "nouveau")];
    const { message, exitCode } = await failure(host.reboot());
    expect(exitCode).toBe(1);
    expect(message).toBe(
      `deb1 rebooted, but does not run what is declared:
  - the running kernel lacks iommu=pt
  - 0000:01:00.0 GA102 leaves nouveau
  - 0000:01:00.0 GA102 is held by nouveau, not vfio-pci
Running command line: quiet
It will not be rebooted again for this declaration. Mend the cause or change the declaration.`,
    );
    expect(host.reboots).toBe(1);
    expect(host.record).toMatchObject({ attempt: { bootId: "boot-1" }, proven: null });
  });

  test("a host that stays away is an error that names the limit", async () => {
    const host = new FakeHost(asBefore);
    host.boots = ["down"];
    const { message } = await failure(host.reboot({ timeout: 7 }));
    expect(message).toContain("deb1 did not come back within 7 s.");
    expect(message).toContain("it will not be rebooted twice");
    expect(message).toMatch(/\nLast: The probe was cut off\.$/);
  });

  test("an error that waiting does not mend ends the waiting", async () => {
    const host = new FakeHost(asBefore);
    host.onProbe = () => {
      if (host.reboots > 0) throw new Error("Unable to log in");
    };
    await expect(host.reboot()).rejects.toThrow("Unable to log in");
  });

  test("a host that comes back without its record is an error", async () => {
    const host = new FakeHost(asBefore);
    host.boots = [{ ...asDeclared, record: null }];
    expect((await failure(host.reboot())).message).toContain("came back without the record");
  });

  test("a refusal of the host is told in its own words, and nothing is waited for", async () => {
    const host = new FakeHost(asBefore);
    const message = "0000:01:00.0 carries /\n";
    host.answer = { ok: false, failedStep: 0, reason: "critical", message, log: "" };
    expect((await failure(host.reboot())).message).toBe("Unable to reboot deb1: 0000:01:00.0 carries /");
  });
});

describe("the other kernels' images", () => {
  test("follow after the proof", async () => {
    const host = new FakeHost(asBefore, { ...record, otherImagesPending: true });
    await host.reboot();
    expect(host.changes).toHaveLength(2);
    expect(host.changes[1]?.steps).toContainEqual(
      expect.objectContaining({ step: "run", command: expect.arrayContaining(["update-initramfs"]) }),
    );
    expect(host.record.otherImagesPending).toBe(false);
  });

  test("stay as they are where there is none", async () => {
    const host = new FakeHost(asBefore, { ...record, otherImagesPending: true });
    host.boots = [asBefore];
    await failure(host.reboot());
    expect(host.changes).toHaveLength(1);
    expect(host.record.otherImagesPending).toBe(true);
  });
});

describe("what it refuses", () => {
  test("another declaration than the deploy applied", async () => {
    const host = new FakeHost(asBefore);
    const { message } = await failure(host.reboot({ digest: "e".repeat(64) }));
    expect(message).toContain(
      "deb1 holds another declaration than this deploy applied (dddddddddddd, not eeeeeeeeeeee)",
    );
    expect(host.changes).toEqual([]);
  });

  test("what a change that was cut off still owes", async () => {
    const host = new FakeHost({ ...asBefore, pending: ["update-grub"] });
    await expect(host.reboot({ digest: null })).rejects.toThrow(
      /deb1 still owes update-grub of a change that was cut off.*Deploy again/,
    );
    expect(host.reboots).toBe(0);
  });

  test("by hand no declaration is named, so the host's own counts", async () => {
    const host = new FakeHost(asBefore);
    await host.reboot({ digest: null });
    expect(host.reboots).toBe(1);
  });

  const attempted = { ...record, attempt: { digest: record.digest, bootId: "boot-0" } };

  test("a second reboot for what our own reboot did not bring about", async () => {
    const host = new FakeHost(asBefore, attempted);
    const { message } = await failure(host.reboot());
    expect(message).toContain("deb1 is not rebooted: blocked: still so after the reboot for it");
    expect(host.changes).toEqual([]);
  });

  test("unless it is forced", async () => {
    const host = new FakeHost(asBefore, attempted);
    await host.reboot({ force: true });
    expect(host.reboots).toBe(1);
    expect(host.said[0]).toMatch(/^deb1: a reboot is forced: blocked: /);
    expect(host.record).toMatchObject({ attempt: null, proven: { bootId: "boot-2" } });
  });

  test("a boot that our reboot did not lead to is no attempt of ours", async () => {
    const host = new FakeHost(asBefore, { ...record, attempt: { digest: "e".repeat(64), bootId: "boot-0" } });
    await host.reboot();
    expect(host.reboots).toBe(1);
  });
});

describe("a reboot that nobody could count on", () => {
  const hazards = { bootHazards: ["vault is unlocked by somebody", "/etc/fstab wants a disk"] };

  test("is refused with every reason, and the host stays as it is", async () => {
    const host = new FakeHost({ ...asBefore, ...hazards });
    const { message } = await failure(host.reboot());
    expect(message).toMatch(
      /^deb1 is not rebooted, .*:\n {2}- vault is unlocked by somebody\n {2}- \/etc\/fstab wants a disk\n.*--force/,
    );
    expect(host.changes).toEqual([]);
  });

  test("of the machine that this deploy runs on is refused", async () => {
    const own = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const host = new FakeHost({ ...asBefore, bootId: own });
    expect((await failure(host.reboot())).message).toContain("this deploy runs on deb1 itself");
    expect(host.reboots).toBe(0);
  });

  test("goes ahead where somebody forces it", async () => {
    const host = new FakeHost({ ...asBefore, ...hazards });
    await host.reboot({ force: true });
    expect(host.reboots).toBe(1);
  });

  test("does not keep what runs already from being proven", async () => {
    const host = new FakeHost({ ...asDeclared, ...hazards });
    await host.reboot();
    expect(host.record.proven).not.toBeNull();
  });
});

describe("Ctrl-C", () => {
  test("before the reboot: nothing is done", async () => {
    const host = new FakeHost(asBefore);
    host.onProbe = () => host.stop.abort();
    const { message, exitCode } = await failure(host.reboot());
    expect(message).toBe("Stopped before deb1 was rebooted.");
    expect(exitCode).toBe(130);
    expect(host.changes).toEqual([]);
  });

  test("while the host is looked at: as well", async () => {
    const host = new FakeHost(asBefore);
    host.onProbe = () => {
      host.stop.abort();
      throw new Error("cancelled");
    };
    expect((await failure(host.reboot())).exitCode).toBe(130);
  });

  test.each([
    ["between two looks", () => new BrokenAnswer("down")],
    ["in the middle of one", () => new Error("cancelled")],
  ])("while it is waited for, %s: the next deploy proves it", async (_when, error) => {
    const host = new FakeHost(asBefore);
    host.onProbe = () => {
      if (host.reboots === 0) return;
      host.stop.abort();
      throw error();
    };
    const { message, exitCode } = await failure(host.reboot());
    expect(message).toBe("Stopped waiting for deb1, which is rebooting. The next deploy proves it.");
    expect(exitCode).toBe(130);
    expect(host.record).toMatchObject({ attempt: { bootId: "boot-1" } });
  });
});
