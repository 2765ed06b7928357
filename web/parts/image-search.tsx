import { useState } from "preact/hooks";
import type { ImageEvent } from "../../schemas/portal.ts";
import { call, RequestError } from "../api.ts";
import { dateTime } from "../words.ts";

/** Everything that happened to one image, found by its sha256. */
export function ImageSearch({ campaign }: { campaign: string }) {
  const [sought, setSought] = useState("");
  const [found, setFound] = useState<{ image: string; url: string | null; events: ImageEvent[] }>();
  const [error, setError] = useState<string>();
  const search = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    setFound(undefined);
    try {
      setFound(
        await call(
          `/api/campaigns/${encodeURIComponent(campaign)}/images/${encodeURIComponent(sought.trim().toLowerCase())}`,
        ),
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
          sha256 of the file
          <input
            type="search"
            value={sought}
            maxLength={64}
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
