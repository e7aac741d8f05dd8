// An app's second process type: it works and takes no requests.
console.log(`worker ${process.pid} works`)
setInterval(() => {}, 60_000)
