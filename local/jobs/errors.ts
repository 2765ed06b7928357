/** An error as the SageMaker integration of Step Functions names it: `SageMaker.<Code>`. */
export class SageMakerError extends Error {
  constructor(code: "ResourceInUseException" | "ResourceNotFoundException" | "ValidationException", message: string) {
    super(message);
    this.name = `SageMaker.${code}`;
  }
}

/** No Python with the container's libraries. */
export class PythonMissingError extends Error {
  override name = "PythonMissingError";
}
