import type { Files } from "../files";
import type { Profile } from "../profiles/types";
import { modaliasOf, modulesFor, underscored } from "./aliases";
import {
  aliasTargets,
  modprobeConfiguration,
  optionsFor,
  type ModprobeConfiguration,
} from "./modprobeConfiguration";
import type { Modules } from "./modules";

/** What modprobe does with its configuration, on behalf of the program, of coldplug and of modules-load.d. */
export class ModuleLoader {
  constructor(
    private readonly profile: Profile,
    private readonly modules: Modules,
    /** Where the configuration stands: the root file system, or what was packed into the initramfs. */
    private readonly files: Files,
    /** Modules that can be found there. */
    private readonly has: (module: string) => boolean = () => true,
  ) {}

  configuration(): ModprobeConfiguration {
    return modprobeConfiguration(this.files);
  }

  /** Modules that a name or an alias stands for; empty if none is known. */
  resolve(name: string, configuration = this.configuration()): string[] {
    const byConfiguration = aliasTargets(configuration, name);
    if (byConfiguration.length > 0) return byConfiguration;
    const module = underscored(name);
    if (this.isKnown(module)) return [module];
    return modulesFor(name, this.profile.modules).filter((found) => this.has(found));
  }

  /** The modules that must be in before `module`, in order. */
  dependencies(module: string): string[] {
    const below = this.profile.modules[module]?.dependsOn ?? [];
    return [...new Set(below.flatMap((name) => [...this.dependencies(name), name]))];
  }

  isKnown(module: string): boolean {
    return this.profile.modules[module] !== undefined && this.has(module);
  }

  load(
    module: string,
    extra: readonly string[] = [],
    configuration = this.configuration(),
    loading = new Set<string>(),
  ): void {
    if (loading.has(module) || !this.isKnown(module) || this.modules.isLoaded(module)) return;
    loading.add(module);
    const soft = configuration.softdeps.filter((line) => line.module === module);
    const loadAll = (names: readonly string[]) => {
      for (const name of names) {
        for (const found of this.resolve(name, configuration)) this.load(found, [], configuration, loading);
      }
    };
    loadAll(soft.flatMap(({ pre }) => pre));
    if (!configuration.installs.has(module)) {
      for (const name of this.dependencies(module)) this.load(name, [], configuration, loading);
      this.modules.insert(module, [...optionsFor(configuration, module), ...extra]);
    }
    loadAll(soft.flatMap(({ post }) => post));
  }

  /** udev's coldplug: a module for each function's modalias, unless it is blacklisted. */
  coldplug(): void {
    const configuration = this.configuration();
    for (const device of this.profile.devices) {
      for (const module of this.resolve(modaliasOf(device), configuration)) {
        if (!configuration.blacklist.has(module)) this.load(module, [], configuration);
      }
    }
  }
}
