// Use the types that openapi-typescript generated: node use.js URL TOKEN LINK
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const [url, token, link] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

function expect(found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(wanted)}`);
  }
}

// These compile only where ids are integers and exact numbers are text, both always there.
const row = await client.GET("/api/v1/strategy-accounts/{id}/", { params: { path: { id: link } } });
const id: number = row.data!.id;
const weight: string = row.data!.weight;
expect([id, typeof weight], [link, "string"]);

const order: components["schemas"]["SizeOrderRequest"] = {
  symbol: "BTC/USDT:USDT",
  side: "buy",
  qty_per: "50",
  price: "60000",
  order_type: "MARKET",
  reserve: false,
};
const sized = await client.POST("/api/v1/strategy-accounts/{id}/size/", {
  params: { path: { id: link } },
  body: order,
});
const amount: string = sized.data!.amount;
expect([amount, sized.data!.code], ["0.025", "sized"]);

const refused = await client.POST("/api/v1/strategy-accounts/{id}/size/", {
  params: { path: { id: link } },
  body: { ...order, symbol: "NO/SUCH" },
});
const code: string = refused.error!.code;
expect([refused.response.status, code], [422, "unknown_symbol"]);
console.log("The generated client works.");
