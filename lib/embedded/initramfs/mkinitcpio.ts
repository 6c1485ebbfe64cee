import { mkdtempSync, rmSync } from "node:fs";
import { Files } from "../files";
import { underscored } from "../kernel/aliases";
import { modprobeFiles } from "../kernel/modprobeConfiguration";
import type { Finished, Machine } from "../machine";
import { contentsOf, modulesInImage, storeImage, type EarlyStep } from "./image";

const install = "/etc/initcpio/install";

/** What a build hook may call of mkinitcpio's functions. */
const functions = `
add_module() { printf '%s\\n' "$1" >>"$BUILDROOT/modules-to-add"; }
add_file() { target=$BUILDROOT\${2:-$1}; mkdir -p "\${target%/*}" && cp -pL "$1" "$target" && chmod "\${3:-$(stat -c %a "$1")}" "$target"; }
add_binary() { target=$BUILDROOT\${2:-/usr/bin/$1}; mkdir -p "\${target%/*}" && : >"$target"; }
add_symlink() { mkdir -p "$BUILDROOT\${1%/*}" && ln -s "$2" "$BUILDROOT$1"; }
add_runscript() {
  add_file "$PASSTHROUGH_ROOT/etc/initcpio/hooks/$hook" "/hooks/$hook" 644
  if grep -q '^run_earlyhook()' "$BUILDROOT/hooks/$hook"; then printf '%s\\n' "$hook" >>"$BUILDROOT/early-hooks"; fi
}
`;

/** What the hooks of mkinitcpio's own package do here; those that matter to no device do nothing. */
const ownHooks: Readonly<Record<string, (image: Files, machine: Machine) => void>> = {
  base(image) {
    for (const name of ["sh", "modprobe"]) image.write(`/usr/bin/${name}`, "");
  },
  udev: (image) => append(image, "/early-hooks", "udev"),
  systemd: (image) => append(image, "/early-hooks", "systemd"),
  modconf(image, { files }) {
    for (const [path, content] of Object.entries(modprobeFiles(files))) image.write(path, content);
  },
  kms(image, { profile }) {
    for (const name of ["ast", "i915", "nouveau"])
      if (profile.modules[name]) append(image, "/modules-to-add", name);
  },
  ...Object.fromEntries(
    [
      "autodetect",
      "microcode",
      "keyboard",
      "keymap",
      "consolefont",
      "sd-vconsole",
      "block",
      "filesystems",
      "fsck",
      "lvm2",
      "mdadm_udev",
    ].map((name) => [name, () => undefined]),
  ),
};

function append(image: Files, path: string, line: string): void {
  image.write(path, `${image.read(path) ?? ""}${line}\n`);
}

/** Builds one image with the hooks of a configuration; drop-ins count only beside the usual one. */
export async function buildMkinitcpioImage(
  machine: Machine,
  release: string,
  path: string,
  configuration: string | null,
): Promise<Finished> {
  const { files } = machine;
  const hooks = await hooksOf(machine, configuration);
  if (hooks.code !== 0) return hooks;
  files.folderAt("/var/tmp");
  const folder = mkdtempSync(files.at("/var/tmp/mkinitcpio."));
  try {
    const image = new Files(folder);
    let output = `==> Starting build: '${release}'\n`;
    for (const hook of hooks.output.split("\n").filter(Boolean)) {
      output += `  -> Running build hook: [${hook}]\n`;
      const own = ownHooks[hook];
      if (files.exists(`${install}/${hook}`)) {
        const done = await machine.run(
          "sh",
          ["-c", `${functions}\n. "$PASSTHROUGH_ROOT${install}/${hook}" && build`],
          {
            BUILDROOT: folder,
            KERNELVERSION: release,
            hook,
          },
        );
        if (done.code !== 0)
          return { ...done, output, errors: `${done.errors}==> ERROR: Hook '${hook}' failed\n` };
      } else if (own) own(image, machine);
      else return { output, errors: `==> ERROR: Hook '${hook}' cannot be found\n`, code: 1 };
    }
    const named = (image.read("/modules-to-add") ?? "").split("\n").map(underscored);
    const early = earlySteps(image);
    for (const scratch of ["/modules-to-add", "/early-hooks"]) image.remove(scratch);
    storeImage(machine, path, {
      release,
      modules: modulesInImage(machine, named),
      load: [],
      early,
      files: contentsOf(folder),
    });
    output += `==> Creating zstd-compressed initcpio image: '${path}'\n==> Initcpio image generation successful\n`;
    return { output, errors: "", code: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function hooksOf(machine: Machine, configuration: string | null): Promise<Finished> {
  const dropIns = configuration === null ? '"$PASSTHROUGH_ROOT"/etc/mkinitcpio.conf.d/*.conf' : "";
  const script = `. "$PASSTHROUGH_ROOT${configuration ?? "/etc/mkinitcpio.conf"}" || exit 1
for each in ${dropIns}; do if [ -e "$each" ]; then . "$each"; fi; done
printf '%s\n' "\${HOOKS[@]}"`;
  return machine.run("bash", ["-c", script]);
}

/** busybox's init runs hooks in their order; systemd runs the units that say when. */
function earlySteps(image: Files): EarlyStep[] {
  const hooks = (image.read("/early-hooks") ?? "").split("\n").filter(Boolean);
  if (!hooks.includes("systemd"))
    return hooks.map((hook) => ({
      name: `hooks/${hook}`,
      command: hook === "udev" ? null : `. ./hooks/${hook} && run_earlyhook`,
    }));
  const units = "/usr/lib/systemd/system";
  const beforeUdev = image
    .list(`${units}/sysinit.target.wants`)
    .filter((name) => /^Before=.*systemd-udev-trigger\.service/m.test(image.read(`${units}/${name}`) ?? ""));
  return [
    ...beforeUdev.map((name) => ({
      name,
      command: (/^ExecStart=-?(.*)$/m.exec(image.read(`${units}/${name}`) ?? "")?.[1] ?? "true")
        .replace("/usr/bin/sh ", "sh ")
        .replace(/ \//g, ' "$PASSTHROUGH_ROOT"/'),
    })),
    { name: "systemd-udev-trigger.service", command: null },
  ];
}
