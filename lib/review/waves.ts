import type { Declared } from "./plan";

/**
 * In which wave each of `marked` has its turn: those of one wave do not wait for each other, those of the next wait
 * for one of this. What waits for itself, which Terraform refuses, has no wave.
 */
export function waves(declared: readonly Declared[], marked: ReadonlySet<string>): Map<string, number> {
  const nodes = [...new Set([...declared.map(({ address }) => address), ...marked])];
  const known = new Set(nodes);
  const before = new Map(nodes.map((node) => [node, new Set<string>()]));
  for (const { address, dependencies } of declared)
    for (const dependency of dependencies)
      for (const node of known.has(dependency) ? [dependency] : below(dependency, nodes))
        if (node !== address) before.get(address)?.add(node);

  // Longest paths, counted in marked nodes; a queue, because a plan may be longer than the stack is deep.
  const after = new Map<string, string[]>();
  for (const [node, dependencies] of before)
    for (const dependency of dependencies) after.set(dependency, [...(after.get(dependency) ?? []), node]);
  const open = new Map(nodes.map((node) => [node, before.get(node)?.size ?? 0]));
  const depth = new Map<string, number>();
  const queue = nodes.filter((node) => open.get(node) === 0);
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    const own = (depth.get(node) ?? 0) + (marked.has(node) ? 1 : 0);
    depth.set(node, own);
    for (const next of after.get(node) ?? []) {
      depth.set(next, Math.max(depth.get(next) ?? 0, own));
      const left = (open.get(next) ?? 1) - 1;
      open.set(next, left);
      if (left === 0) queue.push(next);
    }
  }
  return new Map(
    [...marked].flatMap((node) => (open.get(node) === 0 ? [[node, depth.get(node) ?? 1] as const] : [])),
  );
}

/** A module stands for everything in it. */
function below(dependency: string, nodes: readonly string[]): string[] {
  return /(^|\.)module\.[^.]+$/.test(dependency)
    ? nodes.filter((node) => node.startsWith(`${dependency}.`))
    : [];
}
