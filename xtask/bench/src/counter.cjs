// node-wot's counter example, cut down to what is read: `node -e … PORT`.
// Its schema compiler has something to say about a format that the counter does not use, forty times, while it is loaded.
console.warn = () => {};

const { Servient } = require("@node-wot/core");
const { HttpServer } = require("@node-wot/binding-http");

const servient = new Servient();
servient.addServer(new HttpServer({ port: Number(process.argv[1]) }));
servient.start().then(async (wot) => {
    const thing = await wot.produce({
        title: "counter",
        securityDefinitions: { nosec_sc: { scheme: "nosec" } },
        security: "nosec_sc",
        properties: { count: { type: "integer", readOnly: true } },
    });
    thing.setPropertyReadHandler("count", async () => 42);
    await thing.expose();
    console.log("ready");
});
