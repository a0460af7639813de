// Calls the service at the address that is given, and prints what it answers as JSON.
import { Client, PennyweightError, type EventBody } from "../../clients/typescript/pennyweight.ts";

const client = new Client(process.argv[2], { timeout: 20, patience: 5 });
const events: EventBody[] = Array.from({ length: 900 }, (_, i) => ({
  user_id: "ada",
  item_id: `i${i % 20}`,
}));
const stored = await client.sendEvents({ events });
const again = await client.sendEvents({ user_id: "ada", item_id: "i1", event_id: stored.event_ids[0] ?? "" });
const list = await client.recommend("ada", { k: 3, fields: "title" });
const boosted = await client.recommendWithBoosts("a/b", {
  boost: [{ filter: "price == 7", weight: 20 }],
});
const item = await client.putItem("n/1", { attributes: { title: "new tea", price: 2.5 } });
const exported: string[] = [];
for await (const event of client.exportEvents({ after: 0 })) exported.push(event.event_id);
let refused: object = {};
try {
  await client.getItem("nothing");
} catch (error) {
  if (error instanceof PennyweightError) {
    refused = { status: error.status, type: error.problem?.type };
  }
}
const started = Date.now();
let gone = "";
try {
  await new Client("http://127.0.0.1:9", { patience: 0.5 }).version();
} catch (error) {
  gone = String(error);
}
console.log(
  JSON.stringify({
    accepted: stored.accepted,
    event_ids: stored.event_ids,
    duplicates: again.duplicates,
    items: list.items,
    first: boosted.items[0]?.item_id,
    recommendable: item.recommendable,
    attributes: (await client.getItem("n/1")).attributes,
    exported,
    refused,
    ready: (await client.ready()).status,
    metrics: (await client.metrics()).includes("pennyweight_ready 1.0"),
    gone,
    waited: Date.now() - started,
  }),
);
