-- CreateTable
CREATE TABLE "Event" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "uuid" TEXT NOT NULL,
    "at" DATETIME NOT NULL,
    "actorId" INTEGER,
    "actor" TEXT,
    "appUuid" TEXT,
    "app" TEXT,
    "action" TEXT NOT NULL,
    "target" TEXT,
    "details" JSONB NOT NULL,
    "address" TEXT,
    "agent" TEXT,
    "requestId" TEXT,
    "result" TEXT NOT NULL,
    "status" INTEGER
);

-- CreateIndex
CREATE UNIQUE INDEX "Event_uuid_key" ON "Event"("uuid");

-- CreateIndex
CREATE INDEX "Event_appUuid_id_idx" ON "Event"("appUuid", "id");

-- CreateIndex
CREATE INDEX "Event_at_idx" ON "Event"("at");
