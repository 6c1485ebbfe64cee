import type { Files } from "../files";
import type { Profile } from "../profiles/types";
import type { Drivers } from "./drivers";
import { KernelError } from "./errors";

/** Kernel modules: what inserting and removing them does to /sys/module, /proc/modules and the drivers. */
export class Modules {
  constructor(
    private readonly files: Files,
    private readonly profile: Profile,
    private readonly drivers: Drivers,
  ) {}

  isLoaded(name: string): boolean {
    return this.files.exists(`/sys/module/${name}/initstate`) || this.isBuiltin(name);
  }

  isBuiltin(name: string): boolean {
    return this.profile.modules[name]?.builtin ?? false;
  }

  /** `options` as on modprobe's command line; a later one wins. The module's dependencies are the caller's. */
  insert(name: string, options: readonly string[]): void {
    const module = this.profile.modules[name];
    if (!module || (!module.builtin && this.isLoaded(name))) return;
    const folder = `/sys/module/${name}`;
    const given = parameters(options);
    this.files.folderAt(folder);
    for (const [parameter, value] of Object.entries({
      ...module.parameters,
      ...pick(given, module.parameters ?? {}),
    })) {
      this.files.write(`${folder}/parameters/${parameter}`, `${value}\n`);
    }
    if (!module.builtin) {
      this.files.write(`${folder}/initstate`, "live\n");
      this.files.write(`${folder}/refcnt`, "0\n");
      for (const below of module.dependsOn ?? [])
        this.files.link(`/sys/module/${below}/holders/${name}`, folder);
    }
    if (module.driver) this.drivers.register(module.driver, name, module.builtin ?? false);
    if (name === "vfio_pci") this.claimIds(given["ids"] ?? "");
    this.listModules();
  }

  remove(name: string): void {
    if (this.isBuiltin(name)) throw new KernelError(`Module ${name} is builtin.`);
    if (this.files.list(`/sys/module/${name}/holders`).length > 0)
      throw new KernelError(`Module ${name} is in use.`);
    const module = this.profile.modules[name];
    if (module?.driver) this.drivers.unregister(module.driver);
    for (const below of module?.dependsOn ?? []) this.files.remove(`/sys/module/${below}/holders/${name}`);
    this.files.remove(`/sys/module/${name}`);
    this.listModules();
  }

  /** `vfio-pci.ids=10de:2204,10de:1aef`: as if each had been written to new_id. */
  private claimIds(ids: string): void {
    for (const id of ids.split(",").filter(Boolean)) {
      try {
        this.drivers.addId("vfio-pci", id.split(":").slice(0, 2).join(" "));
      } catch (error) {
        // vfio-pci logs an id it cannot read, or has twice, and goes on.
        if (!(error instanceof KernelError)) throw error;
      }
    }
  }

  private listModules(): void {
    const lines = this.files
      .list("/sys/module")
      .filter((name) => this.files.exists(`/sys/module/${name}/initstate`))
      .map((name) => {
        const holders = this.files.list(`/sys/module/${name}/holders`);
        return `${name} 16384 ${holders.length} ${holders.map((holder) => `${holder},`).join("") || "-"} Live 0x0000000000000000\n`;
      });
    this.files.write("/proc/modules", lines.join(""));
  }
}

function parameters(options: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    options.map((option) => {
      const at = option.indexOf("=");
      return at < 0 ? [option, "Y"] : [option.slice(0, at).replace(/-/g, "_"), option.slice(at + 1)];
    }),
  );
}

function pick(
  values: Record<string, string>,
  known: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name in known)
      .map(([name, value]) => [name, asKnown(value, known[name] ?? "")]),
  );
}

/** Parameters of type bool are shown as Y and N whatever was written. */
export function asKnown(value: string, known: string): string {
  if (known !== "Y" && known !== "N") return value;
  return /^(1|y|on)/i.test(value) ? "Y" : "N";
}
