import { buildMkinitcpioImage } from "../initramfs/mkinitcpio";
import { listImage } from "./dracut";
import { failed, type Program } from "./program";

/** `mkinitcpio -p preset`, `mkinitcpio -P`. */
export const mkinitcpio: Program = async ({ arguments: args }, machine) => {
  const { files, profile } = machine;
  const known = files.list("/etc/mkinitcpio.d").flatMap((name) => /^(.+)\.preset$/.exec(name)?.[1] ?? []);
  const wanted = args[0] === "-P" ? known : args[0] === "-p" ? args.slice(1) : [];
  if (wanted.length === 0) return failed("==> ERROR: here only presets are built: -p <preset> or -P");
  let output = "";
  let errors = "";
  for (const preset of wanted) {
    const text = files.read(`/etc/mkinitcpio.d/${preset}.preset`);
    if (text === null)
      return {
        output,
        errors: `${errors}==> ERROR: Failed to load preset: '/etc/mkinitcpio.d/${preset}.preset'\n`,
        code: 1,
      };
    const release = profile.kernels.find(
      (each) => files.read(`/lib/modules/${each}/pkgbase`)?.trim() === preset,
    );
    if (release === undefined) return failed(`==> ERROR: '/lib/modules' has no kernel of '${preset}'`);
    for (const [, name = ""] of (/^PRESETS=\((.*)\)$/m.exec(text)?.[1] ?? "").matchAll(/'([^']+)'/g)) {
      const variable = (which: string) =>
        new RegExp(`^(?:${name}|ALL)_${which}=["']([^"']*)["']`, "m").exec(text)?.[1] ?? null;
      const image = variable("image");
      if (image === null) continue;
      output += `==> Building image from preset: /etc/mkinitcpio.d/${preset}.preset: '${name}'\n`;
      const built = await buildMkinitcpioImage(machine, release, image, variable("config"));
      output += built.output;
      errors += built.errors;
      if (built.code !== 0) return { output, errors, code: 1 };
    }
  }
  return { output, errors };
};

export const lsinitcpio = listImage((path) => path);
