/** What is used of the package; its own types describe only its ES module, which this code does not load. */
declare module "@dagrejs/dagre" {
  interface Options {
    readonly rankdir: "LR" | "RL" | "TB" | "BT";
    /** Which edge of the nodes is in line within a rank; with `LR` the top is on the left. */
    readonly rankalign: "top" | "center" | "bottom";
    readonly nodesep: number;
    readonly ranksep: number;
  }

  interface Size {
    readonly width: number;
    readonly height: number;
  }

  class Graph {
    setGraph(options: Options): void;
    setDefaultEdgeLabel(label: () => object): void;
    setNode(key: string, size: Size): void;
    setEdge(from: string, to: string): void;
    /** After the layout with the place of its centre. */
    node(key: string): Size & { readonly x: number; readonly y: number };
  }

  const graphlib: { readonly Graph: typeof Graph };

  /** Gives every node its place. */
  function layout(graph: Graph, options: { readonly disableOptimalOrderHeuristic: boolean }): void;
}
