import { serve } from "../plugin/serve";
import { passthroughProvider } from "./provider";

void serve(passthroughProvider);
