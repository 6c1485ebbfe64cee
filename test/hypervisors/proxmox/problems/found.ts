import { proxmoxProblems } from "../../../../lib/hypervisors/proxmox/problems";
import type { VmDeclaration, VmRequest } from "../../../../lib/hypervisors/types";
import type { Moment } from "../../../../lib/hypervisors/proxmox/problems/context";
import type { HostFacts } from "../../../../lib/model/facts";
import { node, request } from "../node";

export interface Found {
  readonly errors: string[];
  readonly warnings: string[];
  /** Summaries and details, a blank line between. */
  readonly words: string;
  readonly keys: (string | undefined)[];
}

/** What speaks against declaring this for VM 100 on a host as it stands. */
export function found(
  facts: HostFacts,
  declaration: Partial<VmDeclaration> | null,
  moment: Moment = "plan",
  more: Partial<VmRequest> = {},
): Found {
  const all = proxmoxProblems(request(facts, declaration, more), moment);
  const summaries = (severity: string) =>
    all.flatMap((one) => (one.severity === severity ? [one.summary] : []));
  return {
    errors: summaries("error"),
    warnings: summaries("warning"),
    words: all.map(({ summary, detail }) => `${summary}\n${detail}`).join("\n\n"),
    keys: all.map(({ key }) => key),
  };
}

/** VM 100, stopped, with these lines in its configuration. */
export function vm100(lines: string, running = false): HostFacts {
  return node({
    "100": {
      config: `${lines}\nname: ws\nnet0: virtio=BC:24:11:5E:0A:01\nostype: l26\nscsi0: local:1\n`,
      running,
    },
  });
}

export const nothing = { errors: [], warnings: [] };
