export interface Finding {
  path: string;
  message: string;
  kind: "profile" | "house";
}
export function lintDefinition(_name: string, _definition: unknown): Finding[] {
  return [];
}
