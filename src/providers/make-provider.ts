import type { ProviderDescriptor } from "../config/providers.js";
import type { Provider } from "./provider.js";

/** The provider that a description asks for. Each is loaded when it is first needed. */
export async function makeProvider(descriptor: ProviderDescriptor): Promise<Provider> {
  const { LocalProvider } = await import("./local.js");
  return new LocalProvider(descriptor as Extract<ProviderDescriptor, { kind: "local" }>);
}
