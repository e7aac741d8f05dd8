// What does an app's second process type do? It works and takes no requests.
/* oxlint-disable no-console, unicorn/no-process-exit -- apps print and end as they like */
console.log(`worker ${process.pid} works`)
setInterval(() => {}, 60_000)
