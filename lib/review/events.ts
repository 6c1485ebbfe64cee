import type { Declared } from "./plan";
import { types } from "./resources";
import { withoutKeys } from "./plan";

const triggers: Readonly<Record<string, string>> = {
  terraform_data: "triggers_replace",
  null_resource: "triggers",
};

/** The resources that stand for reboots: each host's event, by where both are declared. */
export function rebootEvents(declared: readonly Declared[]): Map<string, string> {
  return new Map(
    declared.flatMap(({ address, type, references }) => {
      const attribute = Object.hasOwn(triggers, type) ? triggers[type] : undefined;
      const named =
        attribute !== undefined && Object.hasOwn(references, attribute) ? references[attribute] : [];
      return (named ?? []).flatMap((reference) => {
        const [first, second, third] = withoutKeys(reference).split(".");
        if (first !== types.host || third !== "reboot_generation") return [];
        const module = address.slice(0, address.lastIndexOf(`${type}.`));
        return [[`${module}${first}.${second ?? ""}`, address] as const];
      });
    }),
  );
}
