import { useState } from "preact/hooks";
import type { ImageHistory } from "../../schemas/portal.ts";
import { call, RequestError } from "../api.ts";
import { dateTime } from "../words.ts";

/** Everything that happened to one image, found by its name or sha256. */
export function ImageSearch({ campaign }: { campaign: string }) {
  const [sought, setSought] = useState("");
  const [found, setFound] = useState<ImageHistory & { url: string | null }>();
  const [error, setError] = useState<string>();
  const search = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    setFound(undefined);
    try {
      setFound(
        await call(`/api/campaigns/${encodeURIComponent(campaign)}/images?image=${encodeURIComponent(sought.trim())}`),
      );
    } catch (refusal) {
      if (!(refusal instanceof RequestError)) throw refusal;
      setError(refusal.message);
    }
  };
  return (
    <section>
      <h2>One image</h2>
      <form class="inline" onSubmit={search}>
        <label>
          File name as it was dropped, or sha256
          <input
            type="search"
            value={sought}
            maxLength={1024}
            onInput={(event) => setSought(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={sought.trim() === ""}>
          Show
        </button>
      </form>
      {error !== undefined && (
        <p class="notice warn" role="alert">
          {error}
        </p>
      )}
      {found !== undefined && (
        <div class="history">
          {found.url !== null && <img src={found.url} alt="As vendors see it" />}
          <ol class="plain">
            {found.events.map((event, index) => (
              <li key={`${index} ${event.what}`}>
                <strong>{event.what}</strong>{" "}
                {event.at !== undefined && <small class="soft">{dateTime(event.at)}</small>}
                <p class="prose">{event.detail}</p>
              </li>
            ))}
          </ol>
        </div>
      )}
    </section>
  );
}
