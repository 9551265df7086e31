// What the Express door adds: one process serves the bare and the guarded app, another asks them in turn.
//
//     node benches/doors/express.mjs [REQUESTS] [FLOATS]     (after `npm ci` in node/, with a release module in its place)
//
// The answer is JSON with 3 findings and a vector of 768 floats (7.5 KB) or so many. Prints the median of each and of the
// difference of neighbours, in microseconds.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(new URL("../../node/package.json", import.meta.url));
const express = require("express");
const { guard } = require("./js/express.js");

const width = Number(process.argv[3] ?? 768);
const floats = Array.from({ length: width }, (_, n) => (((n * 37) % 200) - 100) / 317).map((x) => x.toFixed(6));
const answer =
  '{"result":{"id":7,"payload":{"text":"write to rosa.lind@example.com or call +1 212 555 0142",' +
  `"card":"5555 5555 5555 4444"},"vector":[${floats.join(",")}]},"status":"ok","time":0.0012}`;

function serve(middleware) {
  const app = express();
  if (middleware) app.use(middleware);
  app.get("/collections/docs/points/7", (_, res) => {
    res.setHeader("content-type", "application/json");
    res.setHeader("content-length", Buffer.byteLength(answer));
    res.end(answer);
  });
  return app.listen(0, "127.0.0.1");
}

async function connect(port) {
  const socket = net.connect(port, "127.0.0.1").setNoDelay(true);
  await once(socket, "connect");
  let data = "";
  let wake;
  socket.on("data", (piece) => {
    data += piece.latin1Slice();
    const end = data.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(data.slice(0, end))?.[1]);
    if (data.length >= end + 4 + length) wake(data.slice(end + 4));
  });
  return () =>
    new Promise((resolve) => {
      const started = process.hrtime.bigint();
      data = "";
      wake = (body) => resolve([Number(process.hrtime.bigint() - started) / 1000, body]);
      socket.write("GET /collections/docs/points/7 HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\r\n");
    });
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const policy = fileURLToPath(new URL("wardline.yaml", import.meta.url));
if (process.argv[2] === "serve") {
  const servers = [serve(), serve(guard(policy))];
  for (const server of servers) if (!server.listening) await once(server, "listening");
  console.log(servers.map((server) => server.address().port).join(" "));
  await new Promise(() => {});
}

const requests = Number(process.argv[2] ?? 4000);
const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "serve", width], { stdio: ["ignore", "pipe", "inherit"] });
const ports = String((await once(child.stdout, "data"))[0]).trim().split(" ").map(Number);
const asks = [await connect(ports[0]), await connect(ports[1])];
let bodies;
for (let n = 0; n < 300; n += 1) bodies = [(await asks[0]())[1], (await asks[1]())[1]];
assert.equal(bodies[0], answer);
assert.ok(bodies[1].includes("[EMAIL]") && !bodies[1].includes("rosa.lind"));
const times = [];
for (let n = 0; n < requests; n += 1) times.push([(await asks[0]())[0], (await asks[1]())[0]]);
const [bare, guarded] = [0, 1].map((column) => median(times.map((row) => row[column])));
const added = median(times.map(([a, b]) => b - a));
console.log(
  `express, ${answer.length} bytes: bare ${bare.toFixed(1)} us, guarded ${guarded.toFixed(1)} us, added ${added.toFixed(1)} us (p50 of ${requests})`,
);
child.kill();
process.exit(0);
