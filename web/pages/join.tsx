import { useEffect, useState } from "preact/hooks";
import type { SessionView } from "../../schemas/portal.ts";
import { call, RequestError } from "../api.ts";
import { Broken, homeOf, Shell } from "../parts/shell.tsx";
import { comeBackTo } from "../sign-in.ts";

/** Takes the invitation from behind the `#`, so that no server or history keeps it, and goes where the role works. */
export function JoinPage() {
  const [error, setError] = useState<RequestError>();
  useEffect(() => {
    const invitation = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", "/join");
    comeBackTo(`/join#${encodeURIComponent(invitation)}`);
    if (invitation === "") {
      setError(
        new RequestError(
          "wrong-token",
          "this link has no invitation in it; copy the whole link, with everything behind the #",
        ),
      );
      return;
    }
    call<SessionView>("/api/session", { invitation }).then(
      (session) => location.replace(homeOf(session)),
      (refusal: RequestError) => setError(refusal),
    );
  }, []);
  return (
    <Shell title="Join" stranger>
      {error === undefined ? (
        <p class="loading" role="status">
          Opening your invitation …
        </p>
      ) : (
        <Broken error={error} />
      )}
    </Shell>
  );
}
