import { useEffect, useState } from "preact/hooks";
import { RequestError } from "../api.ts";
import { Broken, Shell } from "../parts/shell.tsx";
import { finishSignIn } from "../sign-in.ts";

/** Where the identity provider sends people back to. */
export function SignedInPage() {
  const [error, setError] = useState<RequestError>();
  useEffect(() => {
    finishSignIn().catch((refusal: Error) => setError(new RequestError("signed-out", refusal.message)));
  }, []);
  return (
    <Shell title="Signing in" stranger>
      {error === undefined ? (
        <p class="loading" role="status">
          Signing you in …
        </p>
      ) : (
        <Broken error={error} />
      )}
    </Shell>
  );
}
