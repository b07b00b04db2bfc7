// A SCIM service on scimmy and its routers, which we did not write; everything is in memory.
// Started by tests/parts/scimmy.py as: node scimmy_server.mjs FOLDER TOKEN. Prints its port.
import {createRequire} from "node:module";
import {randomUUID} from "node:crypto";
import {pathToFileURL} from "node:url";

const [folder, token] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
// By require, so that the routers and we have the same scimmy.
const load = (name) => require(name).default ?? require(name);
const SCIMMY = load("scimmy");
const Routers = load("scimmy-routers");
const express = require("express");

const shelves = {User: new Map(), Group: new Map()};
let writes = 0;

// No store of its own: this one keeps what scimmy hands over, and minds names that are taken.
const declare = (kind, name) => {
  const shelf = shelves[kind];
  const found = (id) => {
    if (!shelf.has(id)) throw new SCIMMY.Types.Error(404, null, `no ${kind} ${id}`);
    return shelf.get(id);
  };
  SCIMMY.Resources.declare(SCIMMY.Resources[kind], {
    egress: (resource) => (resource.id ? found(resource.id) : [...shelf.values()]),
    ingress: (resource, instance) => {
      const held = resource.id ? found(resource.id) : {id: randomUUID(), meta: {created: new Date()}};
      const document = JSON.parse(JSON.stringify(instance));
      for (const other of shelf.values())
        if (other.id !== held.id && other[name].toLowerCase() === document[name].toLowerCase())
          throw new SCIMMY.Types.Error(409, "uniqueness", `${name} is taken`);
      const meta = {...held.meta, lastModified: new Date()};
      shelf.set(held.id, {...document, id: held.id, meta});
      return shelf.get(held.id);
    },
    degress: (resource) => {
      found(resource.id);
      shelf.delete(resource.id);
    },
  });
};
SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
declare("User", "userName");
declare("Group", "displayName");

const application = express();
application.get("/writes", (_, response) => response.json(writes));
application.use((request, _, next) => {
  writes += request.method !== "GET";
  next();
});
application.use("/scim", new Routers({
  type: "bearer",
  handler: (request) => {
    if (request.header("authorization") !== `Bearer ${token}`) throw new Error("who are you?");
    return "connector";
  },
}));
const server = application.listen(0, "127.0.0.1", () => console.log(server.address().port));
