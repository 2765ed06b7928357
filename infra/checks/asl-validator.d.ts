declare module "asl-validator" {
  /** Checks a definition against the language's JSON Schema and its references. */
  export default function validate(
    definition: never,
    options: { checkArn?: boolean },
  ): { isValid: boolean; errorsText(): string };
}
