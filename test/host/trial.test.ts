/** The steps of a trial boot, run by a shell: what they check before, and what they read back. */
import { parseChange, renderChange } from "../../lib/host/change";
import type { Change, ChangeOutcome, Step } from "../../lib/model/change";
import { FakeRoot } from "../support/fakeRoot";

const entry = "/boot/efi/loader/entries/cdktf-passthrough-trial.conf";
const image = "/boot/efi/cdktf-passthrough/trial.img";
const variable = "/sys/firmware/efi/efivars/LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
const tag = "cdktf_passthrough.trial=0123456789ab";

let root: FakeRoot;
beforeEach(() => {
  root = new FakeRoot();
  root.write(entry, `title trial\noptions quiet ${tag}\n`);
  root.write(image, "image");
  root.write("/sys/kernel/kexec_loaded", "0\n");
});
afterEach(() => root.remove());

async function apply(...steps: Step[]): Promise<ChangeOutcome> {
  const change: Change = { purpose: "try pve1", machineId: "0123456789abcdef0123456789abcdef", steps };
  return parseChange(await root.run(renderChange(change)), change);
}

const next: Step = { step: "trial-next", loader: "systemd-boot", entry, image, tag };
const end: Step = { step: "trial-end", loader: "systemd-boot", entry, image };

/** As bootctl keeps it, with the firmware's own care or without. */
function bootctl(keeps: boolean): void {
  root.folderAt("/sys/firmware/efi/efivars");
  const kept = `if [ -n "$2" ]; then printf '\\007\\000\\000\\000' >"$ROOT${variable}"; printf '%s' "$2" | sed 's/./&\\n/g' | tr '\\n' '\\000' >>"$ROOT${variable}"; else rm -f "$ROOT${variable}"; fi`;
  root.program("bootctl", `printf '%s|' "$@" >>"$ROOT/calls"\n${keeps ? kept : ":"}`);
}
const failure = (outcome: ChangeOutcome) => (outcome.ok ? "" : outcome.message);

test("an ESP without room is told with the numbers, before anything is written", async () => {
  root.write("/boot/initrd.img-6.1.0-18-amd64", "x".repeat(5000));
  root.program("df", `printf 'Filesystem 1024-blocks Used Available\\n/dev/sda1 100 97 3 97%% /boot/efi\\n'`);
  const outcome = await apply({
    step: "trial-image",
    builder: "initramfs-tools",
    kernel: "6.1.0-18-amd64",
    image,
    timeoutSeconds: 60,
  });
  expect(outcome).toMatchObject({ ok: false, failedStep: -1 });
  expect(failure(outcome)).toMatch(
    /^Only 3 KiB are free for the image of the trial boot in \/boot\/efi\S*, 8\d+ KiB are needed/,
  );
  expect(root.exists("/etc/cdktf-passthrough/trial")).toBe(false);
});

describe("with systemd-boot", () => {
  test("the choice for one boot is read back from the firmware", async () => {
    bootctl(true);
    expect(await apply(next)).toMatchObject({ ok: true });
    expect(root.read("/calls")).toBe("set-oneshot|cdktf-passthrough-trial.conf|");
  });

  test("a firmware that keeps nothing stops the reboot", async () => {
    bootctl(false);
    expect(failure(await apply(next))).toBe(
      "bootctl exited with 0, but the firmware's variable LoaderEntryOneShot is not there, not cdktf-passthrough-trial.conf. The host was not rebooted.",
    );
  });

  test.each<[string, () => void, RegExp]>([
    [
      "another trial's entry",
      () => root.write(entry, "options cdktf_passthrough.trial=other\n"),
      /Plan again/,
    ],
    ["an image that is gone", () => root.write(image, ""), /trial's image .* is gone/],
    ["a kernel for kexec", () => root.write("/sys/kernel/kexec_loaded", "1\n"), /loaded for kexec/],
  ])("%s stops it too", async (_what, happens, words) => {
    bootctl(true);
    happens();
    expect(failure(await apply(next))).toMatch(words);
    expect(root.exists("/calls")).toBe(false);
  });

  test("a choice that still stands at the end is taken back, and with it the image", async () => {
    bootctl(true);
    await apply(next);
    expect(await apply(end)).toMatchObject({ ok: true });
    expect(root.exists(variable)).toBe(false);
    expect(root.exists(image)).toBe(false);
    expect(root.read("/calls")).toBe("set-oneshot|cdktf-passthrough-trial.conf|set-oneshot||");
  });

  test("one that cannot be taken back is told", async () => {
    bootctl(true);
    await apply(next);
    bootctl(false);
    expect(failure(await apply(end))).toContain("the next boot would start the trial");
  });

  test("somebody else's choice stays", async () => {
    bootctl(true);
    await root.run(`bootctl set-oneshot windows.conf`);
    expect(await apply(end)).toMatchObject({ ok: true });
    expect(root.exists(variable)).toBe(true);
  });
});
