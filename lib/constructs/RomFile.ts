import { readFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { AssetType, TerraformAsset } from "cdktf";
import type { IResolvable } from "cdktf";
import type { Construct } from "constructs";
import { isRomFileName, romFileSchema, romIds, romImages, type ConfigOf } from "../schema";
import * as errors from "./errors";
import type { IommuHost } from "./IommuHost";
import { requireStackOf } from "./names";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import type { ProvidedFile } from "./slots";

export interface RomFileProps extends PassthroughResourceProps {
  /** The Proxmox VE host that gets it; of the same stack. */
  readonly host: IommuHost;
  /** The file here, absolute or relative to where the stack is synthesized. It becomes part of the stack. */
  readonly source: string;
  /**
   * Name of the file under /usr/share/kvm; ends in `.rom` or `.bin`.
   * @default the source's own name
   */
  readonly name?: string;
}

/**
 * A ROM file of your own in /usr/share/kvm of a host, kept in step with the file here and removed with its
 * declaration. A file of somebody else is never overwritten.
 */
export class RomFile extends PassthroughResource<typeof romFileSchema.attributes> implements ProvidedFile {
  readonly host: IommuHost;
  /** Name of the file, as a VM's configuration names it. */
  readonly slotValue: string;
  /** The devices that the file is for. */
  readonly romIds: readonly string[];
  readonly #asset: TerraformAsset;
  readonly #users: string[] = [];

  /** @throws an Error naming the value, what was expected and the mend, where the file is no option ROM. */
  constructor(scope: Construct, id: string, props: RomFileProps) {
    super(scope, id, romFileSchema, props);
    const { path } = this.node;
    requireStackOf(props.host, this);
    this.host = props.host;
    this.slotValue = props.name ?? basename(props.source);
    if (!isRomFileName(this.slotValue)) throw errors.malformedRomFileName(`${path}: name`, this.slotValue);
    const source = isAbsolute(props.source) ? props.source : join(process.cwd(), props.source);
    this.romIds = idsOf(`${path}: source`, props.source, source);
    this.#asset = new TerraformAsset(this, "file", { path: source, type: AssetType.FILE });
  }

  /** sha256 of the file on the host. */
  get sha256(): string {
    return this.getStringAttribute("sha256");
  }

  /** This declaration put the file there, so its destroy removes it. */
  get created(): IResolvable {
    return this.getBooleanAttribute("created");
  }

  /** Of which kind it is to a VM, and its name: `rom/gpu.rom`. */
  get provides(): string {
    return `rom/${this.slotValue}`;
  }

  /** @internal */
  _addUser(vmId: string): void {
    if (!this.#users.includes(vmId)) this.#users.push(vmId);
  }

  protected override predecessors(): readonly string[] {
    return [this.host._event];
  }

  protected override declared(): ConfigOf<typeof romFileSchema.attributes> {
    return {
      host: this.host.name,
      name: this.slotValue,
      source: this.#asset.path,
      users: this.#users.length > 0 ? [...this.#users] : undefined,
    };
  }
}

function idsOf(where: string, shown: string, path: string): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw errors.unreadableRom(where, shown, error instanceof Error ? error.message : String(error));
  }
  try {
    return romIds(romImages(bytes));
  } catch (error) {
    throw errors.notARom(where, shown, error instanceof Error ? error.message : String(error));
  }
}
