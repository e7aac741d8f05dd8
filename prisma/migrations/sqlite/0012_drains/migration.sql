-- CreateTable
CREATE TABLE "Drain" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    CONSTRAINT "Drain_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "Drain_appUuid_idx" ON "Drain"("appUuid");
