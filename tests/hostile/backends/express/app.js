// An app of Express: `node app.js SOCKET LOG`. Each handler says that it was the one.
const fs = require("fs");
const express = require("express");

const [socket, log] = process.argv.slice(2);
const app = express();
app.disable("x-powered-by");

function told(handler) {
  return (request, response) => {
    let length = 0;
    request.on("data", (chunk) => { length += chunk.length; });
    request.on("end", () => {
      const { method, originalUrl: target, rawHeaders, params } = request;
      const headers = [];
      for (let at = 0; at < rawHeaders.length; at += 2) headers.push([rawHeaders[at], rawHeaders[at + 1]]);
      const line = { handler, method, target, headers, length, person: params.name || "" };
      fs.appendFileSync(log, JSON.stringify(line) + "\n");
      response.set("X-Handler", handler).type("text").send(`answered by ${handler}: ${target}\n`);
    });
  };
}

app.use("/public", told("public"));
app.use("/staff", told("staff"));
app.use("/admin", told("admin"));
app.use("/api/admin", told("keys"));
app.use("/api", told("api"));
app.use("/files", told("files"));
app.use("/u/:name", told("own"));
app.all("/page/:page", told("page"));
app.get("/form", told("form"));
app.post("/form", told("post"));
app.use(told("rest"));
app.use((error, request, response, next) => response.status(error.status || 400).send("not answered\n"));

app.listen(socket);
