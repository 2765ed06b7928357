/** An environment variable that the stack sets. Throws where it is missing: a function half deployed must not start. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "")
    throw new Error(`the environment variable ${name} is not set: deploy the stack again`);
  return value;
}
