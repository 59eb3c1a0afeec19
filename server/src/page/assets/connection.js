// What the coordinator tells, as long as it is there, and again when it is back.

/** How long it is left alone after it was found away, in milliseconds. */
const PAUSE = 1500;

/** How far this machine's clock is behind the coordinator's, in milliseconds. */
let behind = 0;

/** The time by the coordinator's clock, in milliseconds. */
export const now = () => Date.now() + behind;

/** Calls `show` with every state, and `tell` with whether the coordinator answers. */
export function follow(show, tell) {
  const events = new EventSource("/page/events");
  events.addEventListener("state", (event) => {
    const told = JSON.parse(event.data);
    behind = Date.parse(told.now) - Date.now();
    tell(true);
    show(told.state);
  });
  events.addEventListener("error", () => {
    tell(false);
    // A browser gives up where the answer is an error, as it is while nobody is there: so this does it by hand.
    events.close();
    setTimeout(() => follow(show, tell), PAUSE);
  });
}

/**
 * Loads something whenever it is wanted anew, one request at a time, until what came is recent enough: what is read from the medium may
 * be a little older than what was told.
 */
export function loader(path, isRecent, show) {
  let wanted = null;
  let loading = false;
  let loaded;
  const load = async () => {
    loading = true;
    let data = null;
    try {
      const answer = await fetch(path);
      if (answer.ok) data = await answer.json();
      else if (answer.status < 500) data = { error: (await answer.json()).error };
    } catch {
      // The coordinator is away, and the top of the page says so.
    }
    if (data) {
      loaded = data;
      show(data);
    }
    loading = false;
    if (!data || (!data.error && !isRecent(data, wanted))) setTimeout(again, PAUSE);
  };
  const again = () => {
    if (!loading) load();
  };
  return (state) => {
    wanted = state;
    if (!loading && (loaded === undefined || !isRecent(loaded, state))) load();
  };
}
