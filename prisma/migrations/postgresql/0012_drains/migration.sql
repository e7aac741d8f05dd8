-- CreateTable
CREATE TABLE "Drain" (
    "uuid" TEXT NOT NULL,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Drain_pkey" PRIMARY KEY ("uuid")
);

-- CreateIndex
CREATE INDEX "Drain_appUuid_idx" ON "Drain"("appUuid");

-- AddForeignKey
ALTER TABLE "Drain" ADD CONSTRAINT "Drain_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App"("uuid") ON DELETE CASCADE ON UPDATE CASCADE;
