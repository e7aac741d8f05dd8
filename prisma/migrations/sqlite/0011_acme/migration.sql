-- AlterTable
ALTER TABLE "App" ADD COLUMN "autoCerts" BOOLEAN;

-- AlterTable
ALTER TABLE "Tls" ADD COLUMN "hsts" INTEGER;

-- CreateTable
CREATE TABLE "AcmeAccount" (
    "directory" TEXT NOT NULL PRIMARY KEY,
    "key" TEXT NOT NULL,
    "url" TEXT,
    "createdAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "AcmeName" (
    "host" TEXT NOT NULL PRIMARY KEY,
    "domainId" INTEGER,
    "state" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL,
    "nextAt" DATETIME NOT NULL,
    "leaseUntil" DATETIME,
    "leaseBy" TEXT,
    "orderUrl" TEXT,
    "orderKey" TEXT,
    "challenges" TEXT,
    "errorType" TEXT,
    "errorDetail" TEXT,
    "errorAt" DATETIME,
    "renewAt" DATETIME,
    "windowStart" DATETIME,
    "windowEnd" DATETIME,
    "certificate" TEXT,
    "key" TEXT,
    "starts" DATETIME,
    "expires" DATETIME,
    "issuer" TEXT,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "AcmeName_domainId_fkey" FOREIGN KEY ("domainId") REFERENCES "Domain" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "AcmeName_domainId_key" ON "AcmeName"("domainId");

-- CreateIndex
CREATE INDEX "AcmeName_nextAt_idx" ON "AcmeName"("nextAt");
